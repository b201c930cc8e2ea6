"""Every official file, damaged in many ways: a named error or a typed absence, never a wrong value.

What "wrong" means is decided here without the readers: a figure whose own cells (value, key, period, flags)
stand unaltered in the damaged file must be the figure of the whole file, and must not be missing.
"""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import signal
import sqlite3
import struct
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SHARED
from qpv.catalog import Catalog
from qpv.errors import QpvError
from qpv.reference import Reference
from qpv.sources import READERS, Delivery, rawfile
from qpv.sources.base import Context
from qpv.sources.rawfile import RawFile, list_files
from qpv.sources.recognition import Recognised, recognise
from qpv.vocabulary import ABSENT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
#: Every official file that is here and that a source of tier "read" knows.
FILES = {f.edition.id: f for f in recognise(list_files([SHARED / "official"]), CATALOG)[0] if f.source.tier == "read"}
#: The readers of which this file knows what makes a figure; others are only asked for named errors and typed absences.
KNOWN = {"wide_table", "school_table", "iris_list", "recorded_crime"}


def of_kind(suffix: str, known: bool = False) -> dict[str, Recognised]:
    found = {i: f for i, f in FILES.items() if f.file.path.suffix == suffix and not f.file.member}
    return {i: f for i, f in found.items() if not known or f.source.reader in KNOWN}


TABLES, OUTLINES, SHAPES = of_kind(".csv", known=True), of_kind(".geojson"), of_kind(".shp")
SHEETS, SQUARES = of_kind(".xls", known=True), of_kind(".gpkg")
ARCHIVES = {i: f for i, f in FILES.items() if f.file.member and f.source.reader in KNOWN}
OTHERS = {i: f for i, f in FILES.items() if not any(i in kind for kind in (TABLES, OUTLINES, SHAPES, SHEETS, SQUARES, ARCHIVES))}

#: Rows of a table that are read: enough for every kind of cell, few enough for hundreds of readings.
SAMPLE = 30
HOSTILE = ["NaN", "inf", "-Infinity", "1e400", "#REF!", "12abc", "1;2", "=1+1", "<b>9</b>", "1 23", "1,2,3", "∞", "\u202e12"]

#: Variants made and refused, and CPU seconds taken, by edition.
MADE: Counter[str] = Counter()
REFUSED: Counter[str] = Counter()
SECONDS: Counter[str] = Counter()

Damage = Callable[["Sample", random.Random], bytes]


@dataclass(frozen=True)
class Sample:
    """A small whole file: its bytes, and the grid of its cells with the header first."""

    content: bytes
    grid: list[list[str]]
    separator: str
    encoding: str

    def written(self, grid: list[list[str]], separator: str = "", encoding: str = "") -> bytes:
        stream = io.StringIO()
        csv.writer(stream, delimiter=separator or self.separator, lineterminator="\r\n").writerows(grid)
        return stream.getvalue().encode(encoding or self.encoding, "replace")


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise AssertionError("a reader hangs on a damaged file")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(90)
    yield
    signal.alarm(0)


@pytest.fixture
def read(reference: Reference) -> Callable[..., Delivery | None]:
    """Read a damaged file; ``None`` when it was refused, which must name the file and no folder."""

    def run(item: Recognised, path: Path, any_rows: bool = True) -> Delivery | None:
        edition = item.edition.model_copy(update={"rows": None}) if any_rows else item.edition
        raw = RawFile(path) if item.edition.member is None else recognise([path], CATALOG)[0][0].file
        MADE[item.edition.id] += 1
        start = time.process_time()
        try:
            delivery = READERS[item.source.reader or ""](raw, item.source, edition, Context(CATALOG, reference))
        except QpvError as error:
            REFUSED[item.edition.id] += 1
            assert path.name in str(error)
            assert str(path.parent) not in str(error), "a message names a file, never a path"
            assert len(str(error)) < 2_000, "a message is short, whatever the file holds"
            return None
        finally:
            SECONDS[item.edition.id] += time.process_time() - start  # type: ignore[assignment]
        assert_typed(delivery)
        return delivery

    return run


def assert_typed(delivery: Delivery) -> None:
    """Every value is finite, and it lacks exactly where the status says so."""
    table = delivery.observations
    if len(table):
        value = table["value"].to_numpy(float)
        absent = table["status"].isin([s.value for s in ABSENT]).to_numpy()
        assert (np.isnan(value) == absent).all()
        assert not np.isinf(value).any()


# --- tables -----------------------------------------------------------------------------------


def layout(item: Recognised) -> tuple[str, str]:
    table = item.source.table
    return (table.separator, table.encoding) if table else (";", "utf-8-sig")


def sample_of(item: Recognised) -> Sample:
    """Take the header and rows from all over the file."""
    separator, encoding = layout(item)
    text = item.file.path.read_bytes().decode(encoding)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    first = item.source.table.header_row if item.source.table else 1
    head, body = rows[:first], [r for r in rows[first:] if any(r)]
    picked = body[:: max(1, len(body) // SAMPLE)][:SAMPLE]
    blank = Sample(b"", [], separator, encoding)
    grid = [*head, *picked]
    return Sample(blank.written(grid), grid, separator, encoding)


def cut(sample: Sample, chance: random.Random) -> bytes:
    return sample.content[: chance.randrange(len(sample.content))]


def flipped(sample: Sample, chance: random.Random) -> bytes:
    content = bytearray(sample.content)
    for _ in range(chance.randint(1, 4)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def span_lost(sample: Sample, chance: random.Random) -> bytes:
    at = chance.randrange(len(sample.content))
    return sample.content[:at] + sample.content[at + chance.randint(1, 300) :]


def junk_inserted(sample: Sample, chance: random.Random) -> bytes:
    at = chance.randrange(len(sample.content))
    junk = bytes(chance.choices(b"\"';,\r\n\t\x000159QP.-e \xe2\x80\xaf\xff", k=chance.randint(1, 9)))
    return sample.content[:at] + junk + sample.content[at:]


def columns_reordered(sample: Sample, chance: random.Random) -> bytes:
    order = list(range(max(map(len, sample.grid))))
    chance.shuffle(order)
    return sample.written([[row[i] if i < len(row) else "" for i in order] for row in sample.grid])


def rows_reordered(sample: Sample, chance: random.Random) -> bytes:
    body = sample.grid[1:]
    chance.shuffle(body)
    return sample.written([sample.grid[0], *body])


def row_doubled(sample: Sample, chance: random.Random) -> bytes:
    row = chance.choice(sample.grid[1:])
    return sample.written([*sample.grid, row])


def row_lost(sample: Sample, chance: random.Random) -> bytes:
    at = chance.randrange(1, len(sample.grid))
    return sample.written(sample.grid[:at] + sample.grid[at + 1 :])


def cells_shifted(sample: Sample, chance: random.Random) -> bytes:
    grid = [list(r) for r in sample.grid]
    row = chance.choice(grid[1:])
    at = chance.randrange(len(row))
    if chance.random() < 0.5:
        row.insert(at, "1")
    else:
        del row[at]
    return sample.written(grid)


def cells_swapped(sample: Sample, chance: random.Random) -> bytes:
    grid = [list(r) for r in sample.grid]
    row = chance.choice(grid[1:])
    a, b = chance.randrange(len(row)), chance.randrange(len(row))
    row[a], row[b] = row[b], row[a]
    return sample.written(grid)


def cell_hostile(sample: Sample, chance: random.Random) -> bytes:
    grid = [list(r) for r in sample.grid]
    row = chance.choice(grid[1:])
    row[chance.randrange(len(row))] = chance.choice(HOSTILE)
    return sample.written(grid)


def cell_huge(sample: Sample, chance: random.Random) -> bytes:
    grid = [list(r) for r in sample.grid]
    row = chance.choice(grid)
    row[chance.randrange(len(row))] = chance.choice(["9", "x", '"', "é"]) * chance.choice([400, 300_000])
    return sample.written(grid)


def other_separator(sample: Sample, chance: random.Random) -> bytes:
    return sample.written(sample.grid, chance.choice([s for s in ",;\t|" if s != sample.separator]))


def other_encoding(sample: Sample, chance: random.Random) -> bytes:
    grid = [sample.grid[0], *([*row[:-1], row[-1] + "é"] if n == 3 else row for n, row in enumerate(sample.grid[1:]))]
    return sample.written(grid, encoding=chance.choice(["latin-1", "utf-16", "utf-32", "cp037"]))


def a_web_page(sample: Sample, chance: random.Random) -> bytes:
    page = b"<!DOCTYPE html><html><head><title>503</title></head><body><p>Service indisponible</p>\n</body></html>\n"
    return page if chance.random() < 0.5 else page + sample.content


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def almost_nothing(sample: Sample, chance: random.Random) -> bytes:
    header = sample.written(sample.grid[:1])
    return chance.choice([b"", b"\xef\xbb\xbf", b"\n" * 50, header, b"\x00" * 4096, zipped("x.csv", sample.content)])


DAMAGES: tuple[Damage, ...] = (
    cut, flipped, flipped, span_lost, junk_inserted, columns_reordered, rows_reordered, row_doubled, row_lost, cells_shifted,
    cells_swapped, cell_hostile, cell_hostile, cell_huge, other_separator, other_encoding, a_web_page, almost_nothing,
)  # fmt: skip


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
def test_a_damaged_table_gives_no_wrong_figure(
    edition: str, official: Path, tmp_path: Path, read: Callable[..., Delivery | None]
) -> None:
    item, chance = TABLES[edition], random.Random(zlib.crc32(edition.encode()))
    sample, path = sample_of(item), tmp_path / item.file.path.name
    path.write_bytes(sample.content)
    delivery = read(item, path)
    assert delivery is not None, "the sample itself is whole"
    whole = cells_of(sample.content, item)
    intact = figures_of(item, delivery, whole)
    LABELS[edition] = {(o.indicator, o.column) for o in delivery.observations.itertuples()}
    places = set(map(tuple, delivery.territories[["code", "name", "communes"]].to_numpy()))
    for damage in DAMAGES:
        content = damage(sample, chance)
        path.write_bytes(content)
        after = read(item, path)
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


# --- outlines and points as GeoJSON --------------------------------------------------------------


def places_of(delivery: Delivery) -> dict[str, tuple[object, ...]]:
    """What is said of each place: name, communes, point, and the outline in WKB."""
    found: dict[str, tuple[object, ...]] = {}
    for t in delivery.territories.itertuples():
        found[t.code] = (t.name, t.communes, t.aliases, t.longitude, t.latitude)
    if delivery.geometry is not None:
        for code, shape in zip(delivery.geometry["code"], delivery.geometry.geometry, strict=True):
            found[code] = (*found.get(code, ()), shape.wkb)
    return found


def changed_bytes(content: bytes, chance: random.Random) -> bytes:
    blank = Sample(content, [], ";", "utf-8")
    return chance.choice([cut, flipped, flipped, span_lost, junk_inserted])(blank, chance)


def feature_lost(whole: dict, chance: random.Random) -> None:
    del whole["features"][chance.randrange(len(whole["features"]))]


def feature_empty(whole: dict, chance: random.Random) -> None:
    chance.choice(whole["features"])["geometry"] = None


def code_hostile(whole: dict, chance: random.Random) -> None:
    properties = chance.choice(whole["features"])["properties"]
    properties[chance.choice(list(properties))] = chance.choice([*HOSTILE, None, 12, "9" * 100_000])


def no_properties(whole: dict, chance: random.Random) -> None:
    for feature in whole["features"]:
        del feature["properties"][chance.choice(["code_qp", "code", "Code etablissement"]) or ""]


def order_changed(whole: dict, chance: random.Random) -> None:
    chance.shuffle(whole["features"])


def no_features(whole: dict, chance: random.Random) -> None:
    whole["features"] = []


def ring_of_two_points(whole: dict, chance: random.Random) -> None:
    chance.choice(whole["features"])["geometry"] = {"type": "Polygon", "coordinates": [[[1, 50], [2, 50]]]}


def far_away(whole: dict, chance: random.Random) -> None:
    chance.choice(whole["features"])["geometry"] = {"type": "Point", "coordinates": [1e300, -1e300]}


STRUCTURES = (feature_lost, feature_empty, code_hostile, code_hostile, order_changed, no_features, ring_of_two_points, far_away)
BYTES_OF_OUTLINES = 12


def features_by_code(content: bytes) -> Counter[str]:
    """Each feature as a text, so that an unaltered one can be told; empty when it is no JSON."""
    try:
        whole = json.loads(content)
        return Counter(json.dumps(f, sort_keys=True) for f in whole["features"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Counter()


def code_in(feature: str) -> str:
    properties = json.loads(feature)["properties"]
    return str(next(properties[k] for k in ("code_qp", "code", "Code etablissement") if k in properties))


@pytest.mark.parametrize("edition", OUTLINES)
def test_damaged_outlines_move_no_border(
    edition: str, official: Path, tmp_path: Path, read: Callable[..., Delivery | None]
) -> None:
    item, chance = OUTLINES[edition], random.Random(zlib.crc32(edition.encode()))
    whole = json.loads(item.file.path.read_bytes())
    if "features" not in whole:
        whole = {"type": "FeatureCollection", "features": [whole]}
    whole["features"] = whole["features"][:: max(1, len(whole["features"]) // 12)][:12]
    path = tmp_path / item.file.path.name
    path.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")
    content = path.read_bytes()
    delivery = read(item, path)
    assert delivery is not None
    intact, features = places_of(delivery), features_by_code(content)
    for damage in [None] * BYTES_OF_OUTLINES + list(STRUCTURES):
        if damage is None:
            path.write_bytes(changed_bytes(content, chance))
        else:
            other = json.loads(content)
            damage(other, chance)
            path.write_text(json.dumps(other, ensure_ascii=False), "utf-8")
        after = read(item, path)
        if after is None:
            assert damage is not order_changed
            continue
        assert damage not in (no_features, feature_empty, far_away), f"{damage.__name__} was read as if it were the file"
        found, left = places_of(after), features_by_code(path.read_bytes())
        unaltered = {code_in(f) for f in features if f in left}
        for code in unaltered & set(intact):
            assert found.get(code) == intact[code], f"{edition}: {code} was not altered"


# --- shapefiles --------------------------------------------------------------------------------


def small_shapefile(source: Path, folder: Path, count: int) -> Path:
    """Write the first records of a shapefile, its parts together."""
    shp, shx, dbf = (source.with_suffix(s).read_bytes() for s in (".shp", ".shx", ".dbf"))
    last = struct.unpack(">ii", shx[100 + 8 * (count - 1) : 108 + 8 * (count - 1)])
    end = 2 * (last[0] + last[1]) + 8
    head, width = struct.unpack("<HH", dbf[8:12])
    path = folder / source.name
    path.write_bytes(shp[:24] + struct.pack(">i", end // 2) + shp[28:end])
    path.with_suffix(".shx").write_bytes(shx[:24] + struct.pack(">i", 50 + 4 * count) + shx[28 : 100 + 8 * count])
    path.with_suffix(".dbf").write_bytes(dbf[:4] + struct.pack("<I", count) + dbf[8 : head + width * count] + b"\x1a")
    shutil.copyfile(source.with_suffix(".prj"), path.with_suffix(".prj"))
    return path


@pytest.mark.parametrize("edition", SHAPES)
def test_a_damaged_shapefile_moves_no_border_of_an_unaltered_record(
    edition: str, official: Path, tmp_path: Path, read: Callable[..., Delivery | None]
) -> None:
    item, chance, count = SHAPES[edition], random.Random(zlib.crc32(edition.encode())), 12
    path = small_shapefile(item.file.path, tmp_path, count)
    parts = {s: path.with_suffix(s).read_bytes() for s in (".shp", ".shx", ".dbf", ".prj")}
    delivery = read(item, path)
    assert delivery is not None
    intact = places_of(delivery)
    assert len(intact) == count
    head, width = struct.unpack("<HH", parts[".dbf"][8:12])
    for number in range(40):
        part = [".shp", ".shx", ".dbf", ".prj"][number % 4]
        damaged = bytearray(parts[part])
        at = chance.randrange(len(damaged))
        if number % 3 == 2:
            del damaged[at:]
        else:
            damaged[at] ^= 1 << chance.randrange(8)
        for suffix, content in parts.items():
            path.with_suffix(suffix).write_bytes(bytes(damaged) if suffix == part else content)
        after = read(item, path)
        if after is None:
            continue
        found = places_of(after)
        touched = touched_records(parts, part, at, number % 3 == 2, head, width, count) if part != ".prj" else set()
        for place, code in enumerate(intact):
            if place not in touched:
                assert found.get(code) == intact[code], f"{edition}, {part}, byte {at}: {code} was not altered"


def touched_records(parts: dict[str, bytes], part: str, at: int, cut_there: bool, head: int, width: int, count: int) -> set[int]:
    """Which records have an altered byte; damage to a header touches none, and so may move nothing."""
    bounds = []
    for n in range(count):
        if part == ".dbf":
            bounds.append((head + width * n, head + width * (n + 1)))
        elif part == ".shx":
            bounds.append((100 + 8 * n, 108 + 8 * n))
        else:
            start, length = struct.unpack(">ii", parts[".shx"][100 + 8 * n : 108 + 8 * n])
            bounds.append((2 * start, 2 * (start + length) + 8))
    return {n for n, (low, high) in enumerate(bounds) if (at < high if cut_there else low <= at < high)}


# --- an archive, a spreadsheet, a database ---------------------------------------------------------


@pytest.mark.parametrize("edition", ARCHIVES)
def test_no_damage_to_an_archive_passes_its_checksum(
    edition: str, official: Path, tmp_path: Path, read: Callable[..., Delivery | None]
) -> None:
    item, chance = FILES[edition], random.Random(62)
    path = tmp_path / item.file.path.name
    lines = item.file.read_bytes().splitlines(keepends=True)[: SAMPLE + 1]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(item.file.member or "", b"".join(lines))
        archive.writestr("meta.csv", "COD_VAR;LIB_VAR\n")
    content = path.read_bytes()
    delivery = read(item, path)
    assert delivery is not None
    intact = delivery.observations
    for _ in range(60):
        path.write_bytes(changed_bytes(content, chance))
        after = read(item, path)
        if after is not None:
            pd.testing.assert_frame_equal(after.observations, intact)
    assert REFUSED[edition] >= 40


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused_unread(
    official: Path, tmp_path: Path, read: Callable[..., Delivery | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    edition = next(iter(ARCHIVES))
    item = FILES[edition]
    path = tmp_path / item.file.path.name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(item.file.member or "", b"0" * 20_000_000)
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(rawfile, "MAX_BYTES", 1_000_000)
    assert read(item, path) is None
    # An archive that lies about the size is no better: what is unpacked is never longer than what it declares.
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 20_000_000), struct.pack("<I", 1_000)))
    assert read(item, path) is None
    path.write_bytes(b"PK\x05\x06" + b"\x00" * 18)
    assert read(item, path) is None


@pytest.mark.parametrize("edition", SHEETS)
def test_a_damaged_spreadsheet_spoils_few_cells_or_is_refused(
    edition: str, official: Path, tmp_path: Path, read: Callable[..., Delivery | None]
) -> None:
    item, chance = FILES[edition], random.Random(2010)
    content, path = item.file.path.read_bytes(), tmp_path / item.file.path.name
    delivery = read(item, item.file.path, any_rows=False)
    assert delivery is not None
    key = ["territory", "level", "indicator", "period"]
    intact = delivery.observations.set_index(key)["value"]
    for _ in range(24):
        path.write_bytes(changed_bytes(content, chance))
        after = read(item, path, any_rows=False)
        if after is None:
            continue
        now = after.observations.set_index(key)["value"]
        common = intact.index.intersection(now.index)
        wrong = common[~np.isclose(intact[common], now[common], equal_nan=True)]
        # Nothing in this format tells a digit from another: a byte spoils the figures of the cell that it is in.
        assert len(set(wrong.get_level_values("territory"))) <= 4, f"{len(wrong)} figures changed"


@pytest.mark.parametrize("edition", SQUARES)
def test_a_damaged_database_of_squares_invents_no_square(
    edition: str, official: Path, tmp_path: Path, read: Callable[..., Delivery | None]
) -> None:
    item, chance = FILES[edition], random.Random(59)
    content, path = item.file.path.read_bytes(), tmp_path / item.file.path.name
    delivery = read(item, item.file.path, any_rows=False)
    assert delivery is not None
    assert delivery.cells is not None
    known = set(map(str, delivery.cells.squares.drop(columns="geometry").to_numpy()))
    for _ in range(20):
        path.write_bytes(changed_bytes(content, chance))
        after = read(item, path, any_rows=False)
        if after is None or after.cells is None:
            continue
        assert len(set(map(str, after.cells.squares.drop(columns="geometry").to_numpy())) - known) <= 4


def test_a_database_without_its_layer_is_refused(official: Path, tmp_path: Path, read: Callable[..., Delivery | None]) -> None:
    edition = next(iter(SQUARES))
    item = FILES[edition]
    path = tmp_path / item.file.path.name
    shutil.copyfile(item.file.path, path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE gpkg_contents SET table_name = 'other' WHERE table_name = 'enriched_grid'")
    database.close()
    assert read(item, path, any_rows=False) is None


# --- the count, and the time -----------------------------------------------------------------------


#: Readings that each kind of test makes of each of its files, counted below as they are made.
LEAST = {".csv": len(DAMAGES), ".geojson": BYTES_OF_OUTLINES + len(STRUCTURES), ".shp": 40, ".zip": 60, ".xls": 24, ".gpkg": 20}


def test_any_other_file_is_read_with_typed_absences_or_refused_by_name(
    official: Path, tmp_path: Path, read: Callable[..., Delivery | None]
) -> None:
    for edition, item in OTHERS.items():
        chance = random.Random(zlib.crc32(edition.encode()))
        content, path = item.file.path.read_bytes(), tmp_path / item.file.path.name
        for _ in range(15):
            path.write_bytes(changed_bytes(content, chance))
            read(item, path)


def test_every_official_file_that_is_read_is_damaged_and_there_are_more_than_500_variants(official: Path) -> None:
    kinds = (TABLES, OUTLINES, SHAPES, SHEETS, SQUARES, ARCHIVES, OTHERS)
    assert sorted(i for kind in kinds for i in kind) == sorted(FILES)
    assert len(FILES) >= 47
    assert sum(LEAST.get(f.file.path.suffix, 15) for f in FILES.values()) >= 900
    # In the process that ran them all, they were made as counted.
    for edition, made in MADE.items():
        assert made >= LEAST.get(FILES[edition].file.path.suffix, 15), edition


def test_all_readings_together_take_less_than_a_minute_of_one_core(official: Path) -> None:
    assert sum(SECONDS.values()) < 60
