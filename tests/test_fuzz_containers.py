"""Damaged archives, spreadsheets and databases: refused, or read without a wrong figure."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damages import (
    ARCHIVES,
    FILES,
    MADE,
    REFUSED,
    SAMPLE,
    SHEETS,
    SQUARES,
    Read,
    changed_bytes,
)
from qpv.sources import rawfile

pytestmark = pytest.mark.usefixtures("no_hang")


# --- an archive, a spreadsheet, a database ---------------------------------------------------------


@pytest.mark.parametrize("edition", ARCHIVES)
def test_no_damage_to_an_archive_passes_its_checksum(edition: str, official: Path, tmp_path: Path, read_damaged: Read) -> None:
    item, chance = FILES[edition], random.Random(62)
    path = tmp_path / item.file.path.name
    lines = item.file.read_bytes().splitlines(keepends=True)[: SAMPLE + 1]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(item.file.member or "", b"".join(lines))
        archive.writestr("meta.csv", "COD_VAR;LIB_VAR\n")
    content = path.read_bytes()
    delivery = read_damaged(item, path)
    assert delivery is not None
    intact = delivery.observations
    for _ in range(60):
        path.write_bytes(changed_bytes(content, chance))
        after = read_damaged(item, path)
        if after is not None:
            pd.testing.assert_frame_equal(after.observations, intact)
    assert REFUSED[edition] >= 40
    assert MADE[edition] >= 60


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused_unread(
    official: Path, tmp_path: Path, read_damaged: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition = next(iter(ARCHIVES))
    item = FILES[edition]
    path = tmp_path / item.file.path.name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(item.file.member or "", b"0" * 20_000_000)
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(rawfile, "MAX_BYTES", 1_000_000)
    assert read_damaged(item, path) is None
    # An archive that lies about the size is no better: what is unpacked is never longer than what it declares.
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 20_000_000), struct.pack("<I", 1_000)))
    assert read_damaged(item, path) is None
    path.write_bytes(b"PK\x05\x06" + b"\x00" * 18)
    assert read_damaged(item, path) is None


@pytest.mark.parametrize("edition", SHEETS)
def test_a_damaged_spreadsheet_spoils_few_cells_or_is_refused(
    edition: str, official: Path, tmp_path: Path, read_damaged: Read
) -> None:
    item, chance = FILES[edition], random.Random(2010)
    content, path = item.file.path.read_bytes(), tmp_path / item.file.path.name
    delivery = read_damaged(item, item.file.path, any_rows=False)
    assert delivery is not None
    key = ["territory", "level", "indicator", "period"]
    intact = delivery.observations.set_index(key)["value"]
    for _ in range(24):
        path.write_bytes(changed_bytes(content, chance))
        after = read_damaged(item, path, any_rows=False)
        if after is None:
            continue
        now = after.observations.set_index(key)["value"]
        common = intact.index.intersection(now.index)
        wrong = common[~np.isclose(intact[common], now[common], equal_nan=True)]
        # Nothing in this format tells a digit from another: a byte spoils the figures of the cell that it is in.
        assert len(set(wrong.get_level_values("territory"))) <= 4, f"{len(wrong)} figures changed"
    assert MADE[edition] >= 24


@pytest.mark.parametrize("edition", SQUARES)
def test_a_damaged_database_of_squares_invents_no_square(
    edition: str, official: Path, tmp_path: Path, read_damaged: Read
) -> None:
    item, chance = FILES[edition], random.Random(59)
    content, path = item.file.path.read_bytes(), tmp_path / item.file.path.name
    delivery = read_damaged(item, item.file.path, any_rows=False)
    assert delivery is not None
    assert delivery.cells is not None
    known = set(map(str, delivery.cells.squares.drop(columns="geometry").to_numpy()))
    for _ in range(20):
        path.write_bytes(changed_bytes(content, chance))
        after = read_damaged(item, path, any_rows=False)
        if after is None or after.cells is None:
            continue
        assert len(set(map(str, after.cells.squares.drop(columns="geometry").to_numpy())) - known) <= 4
    assert MADE[edition] >= 20


def test_a_database_without_its_layer_is_refused(official: Path, tmp_path: Path, read_damaged: Read) -> None:
    edition = next(iter(SQUARES))
    item = FILES[edition]
    path = tmp_path / item.file.path.name
    shutil.copyfile(item.file.path, path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE gpkg_contents SET table_name = 'other' WHERE table_name = 'enriched_grid'")
    database.close()
    assert read_damaged(item, path, any_rows=False) is None
