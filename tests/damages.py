"""What the tests of damage share: every official file that is read, small whole samples, and ways to damage them."""

from __future__ import annotations

import csv
import io
import random
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conftest import ROOT, SHARED
from qpv.catalog import Catalog
from qpv.errors import QpvError
from qpv.reference import Reference
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.rawfile import RawFile, list_files
from qpv.sources.recognition import Recognised, recognise
from qpv.vocabulary import ABSENT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
#: Every official file that is here and that a source of tier "read" knows.
FILES = {f.edition.id: f for f in recognise(list_files([SHARED / "official"]), CATALOG)[0] if f.source.tier == "read"}
#: The readers of which this file knows what makes a figure; others are only asked for named errors and typed absences.
KNOWN = {"wide_table", "school_table", "iris_list"}


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


Read = Callable[..., Delivery | None]


def reading(reference: Reference) -> Read:
    """Give what reads a damaged file; ``None`` when it was refused, which must name the file and no folder."""

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


def changed_bytes(content: bytes, chance: random.Random) -> bytes:
    blank = Sample(content, [], ";", "utf-8")
    return chance.choice([cut, flipped, flipped, span_lost, junk_inserted])(blank, chance)


#: Readings that each kind of test makes of each of its files; each test counts its own.
READINGS = [
    (TABLES, len(DAMAGES)), (OUTLINES, 20), (SHAPES, 40), (ARCHIVES, 60), (SHEETS, 24), (SQUARES, 20), (OTHERS, 27),
]  # fmt: skip
