"""Every official file, damaged in many ways: a named error or a typed absence, never a wrong value.

What "wrong" means is decided here without the readers: a figure whose own cells (value, key, period, flags)
stand unaltered in the damaged file must be the figure of the whole file, and must not be missing.
"""

from __future__ import annotations

import csv
import io
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from damages import (
    DAMAGES,
    FILES,
    MADE,
    OTHERS,
    READINGS,
    SECONDS,
    TABLES,
    Read,
    a_web_page,
    almost_nothing,
    cells_shifted,
    changed_bytes,
    columns_reordered,
    layout,
    other_separator,
    row_doubled,
    row_lost,
    rows_reordered,
    sample_of,
)
from qpv.sources import Delivery
from qpv.sources.recognition import Recognised

pytestmark = pytest.mark.usefixtures("no_hang")


Cells = dict[int, dict[str, str]]


def cells_of(content: bytes, item: Recognised) -> Cells:
    """The cells by line and name of column, as anybody reads a CSV; empty when nobody can."""
    separator, encoding = layout(item)
    csv.field_size_limit(10_000_000)
    try:
        lines = csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=separator)
        rows = [(lines.line_num, cells) for cells in lines if cells]
    except (UnicodeDecodeError, csv.Error):
        return {}
    first = item.source.table.header_row - 1 if item.source.table else 0
    names = [n.strip() for n in rows[first][1]] if len(rows) > first else []
    return {line: dict(zip(names, cells, strict=False)) for line, cells in rows[first + 1 :]}


def evidence(item: Recognised, row: dict[str, str], label: str) -> tuple[str | None, ...]:
    """The texts that make a figure: its columns, the key, the period, and the flags."""
    names = {part.strip() for side in label.split(" / ") for part in side.replace(" - ", " + ").split(" + ")}
    table = item.source.table
    names |= {*table.key, table.period_column or ""} if table else {"Code.département", "classe", "annee"}
    names |= {n for n in row if n.upper().startswith("NOTE")} | {n for b in item.source.blocks.values() for n in b.note}
    return tuple(row[n].strip() if n in row else None for n in sorted(names))


Figure = tuple[float | None, str, tuple[str | None, ...]]


def figures_of(item: Recognised, delivery: Delivery, cells: Cells) -> dict[tuple[str, ...], Figure]:
    found = {}
    for o in delivery.observations.itertuples():
        texts = evidence(item, cells[o.row], o.column)
        value = None if np.isnan(o.value) else float(o.value)
        found[o.territory, o.level, o.indicator, o.period] = (value, o.status, texts)
    return found


def assert_no_wrong_figure(item: Recognised, intact: dict, found: dict, damaged: Cells, whole: Cells) -> None:
    """Compare with the whole file: figures of unaltered cells are the same, and none of them is lost."""
    known = {(indicator, texts) for (_, _, indicator, _), (_, _, texts) in intact.items()}
    for key, (value, status, texts) in found.items():
        before = intact.get(key)
        if before is not None and before[2] == texts:
            assert (value, status) == before[:2], f"{item.edition.id}: {key} was {before[:2]} and is {value, status}"
        elif before is None:
            assert (key[2], texts) not in known, f"{item.edition.id}: {key} comes from unaltered cells, and nobody had it"
    unaltered = [dict(r) for r in damaged.values()]
    indicators = {key[2] for key in found}
    for key, (_, _, texts) in intact.items():
        if key not in found and key[2] in indicators:
            label = next(label for indicator, label in LABELS[item.edition.id] if indicator == key[2])
            assert not any(evidence(item, row, label) == texts for row in unaltered), f"{key} stands in the file and was lost"


LABELS: dict[str, set[tuple[str, str]]] = {}


@pytest.mark.parametrize("edition", TABLES)
def test_a_damaged_table_gives_no_wrong_figure(edition: str, official: Path, tmp_path: Path, read_damaged: Read) -> None:
    item, chance = TABLES[edition], random.Random(zlib.crc32(edition.encode()))
    sample, path = sample_of(item), tmp_path / item.file.path.name
    path.write_bytes(sample.content)
    delivery = read_damaged(item, path)
    assert delivery is not None, "the sample itself is whole"
    whole = cells_of(sample.content, item)
    intact = figures_of(item, delivery, whole)
    LABELS[edition] = {(o.indicator, o.column) for o in delivery.observations.itertuples()}
    places = set(map(tuple, delivery.territories[["code", "name", "communes"]].to_numpy()))
    for damage in DAMAGES:
        content = damage(sample, chance)
        path.write_bytes(content)
        after = read_damaged(item, path)
        if after is None:
            assert damage is not rows_reordered
            assert damage is not columns_reordered
            continue
        damaged = cells_of(content, item)
        found = figures_of(item, after, damaged)
        assert_no_wrong_figure(item, intact, found, damaged, whole)
        if damage in (cells_shifted, row_doubled, row_lost):  # no cell has another content: no figure may
            assert {k: v[:2] for k, v in found.items()}.items() <= {k: v[:2] for k, v in intact.items()}.items()
        if damage in (columns_reordered, rows_reordered):
            assert {k: v[:2] for k, v in found.items()} == {k: v[:2] for k, v in intact.items()}
            assert set(map(tuple, after.territories[["code", "name", "communes"]].to_numpy())) == places
        if damage in (other_separator, a_web_page, almost_nothing):
            raise AssertionError(f"{damage.__name__} was read as if it were the file")
    assert MADE[edition] >= len(DAMAGES)


# --- the count, and the time -----------------------------------------------------------------------


@pytest.mark.parametrize("edition", OTHERS)
def test_any_other_file_is_read_with_typed_absences_or_refused_by_name(
    edition: str, official: Path, tmp_path: Path, read_damaged: Read
) -> None:
    item, chance = OTHERS[edition], random.Random(zlib.crc32(edition.encode()))
    content, path = item.file.path.read_bytes(), tmp_path / item.file.path.name
    path.write_bytes(content)
    intact = read_damaged(item, path)
    assert intact is not None
    whole, lines = by_line(intact), content.split(b"\n")
    for n in range(26):
        # Cut anywhere and at the end of a line, against the number of rows and without it; then any change.
        at = chance.randrange(1, len(content))
        damaged = content[: content.rfind(b"\n", 0, at) + 1] if n % 4 > 1 else content[:at]
        damaged = damaged if n < 12 else changed_bytes(content, chance)
        path.write_bytes(damaged)
        after = read_damaged(item, path, n % 2 == 0)
        if after is None or path.suffix != ".csv":
            assert after is None or n >= 12, "a container that is cut is refused"
            continue
        assert n >= 12 or n % 2 == 0 or len(damaged) > 0.95 * len(content), "a file cut short has not the rows of its edition"
        left = damaged.split(b"\n")
        same = {k for k, (line, _) in enumerate(zip(left[:-1], lines, strict=False), start=1) if line == lines[k - 1]}
        found = by_line(after)
        assert {k: v for k, v in found.items() if k[0] in same} == {
            k: v for k, v in whole.items() if k[0] in same & {k[0] for k in found}
        }
        if n < 12:
            assert set(after.territories["code"][:-1]) <= set(intact.territories["code"])
    assert MADE[edition] >= 27


def by_line(delivery: Delivery) -> dict[tuple[int, str, str, str, str], tuple[float | None, str]]:
    """Line, territory and indicator of each figure, with what it says."""
    return {
        (o.row, o.territory, o.level, o.indicator, o.period): (None if np.isnan(o.value) else float(o.value), o.status)
        for o in delivery.observations.itertuples()
    }


def test_every_official_file_that_is_read_is_damaged_and_there_are_more_than_500_variants(official: Path) -> None:
    """Each test above and beside makes as many readings as counted here, in whatever process it runs, and asserts it."""
    assert sorted(i for kind, _ in READINGS for i in kind) == sorted(FILES)
    assert len(FILES) >= 50
    assert sum(len(kind) * least for kind, least in READINGS) >= 900


def test_all_readings_together_take_less_than_a_minute_of_one_core(official: Path) -> None:
    assert sum(SECONDS.values()) < 60
