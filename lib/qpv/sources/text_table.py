"""Tables as text: every cell a string, every row with its line, nothing guessed."""

from __future__ import annotations

import csv
import io
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qpv.catalog import Edition, Table
from qpv.errors import SourceError
from qpv.sources.rawfile import RawFile

#: A cell longer than this is no figure and no name.
MAX_CELL: Final = 200_000

#: A Parquet file says how many cells it holds before it is read: with more than this it is no table of the catalogue.
_MAX_CELLS: Final = 50_000_000

#: The column that holds the line of each row in the file (spreadsheets: the row; Parquet: the number of the row).
LINE: Final = "__line__"


def read_text_table(raw: RawFile, table: Table, edition: Edition) -> pd.DataFrame:
    """Read a CSV, spreadsheet or Parquet file as strings, with the column ``__line__``.

    Empty trailing columns and empty rows are left out; header names lose surrounding spaces.

    Raises
    ------
    SourceError
        If the encoding, the number of cells of a row, the header, or the number of rows is not
        what the catalogue expects; the message names file, line and expectation.
    """
    if table.format == "csv":
        rows = _csv_rows(raw, table)
    elif table.format == "excel":
        rows = _sheet_rows(raw, table, edition)
    else:
        rows = _parquet_rows(raw)
    if len(rows) < 2:
        raise SourceError(f"{raw.name}: no rows; expected a header on line {table.header_row} and data")
    header_line, header = rows[0]
    names = [name.strip().lstrip("\ufeff") for name in header]
    width = max((i + 1 for i, name in enumerate(names) if name), default=0)
    names = names[:width]
    doubles = sorted({n for n in names if n and names.count(n) > 1})
    if doubles:
        raise SourceError(f"{raw.name}, line {header_line}: column {doubles[0]!r} stands twice")
    body: list[list[str]] = []
    for line, cells in rows[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            raise SourceError(
                f"{raw.name}, line {line}: {len(cells)} cells where the header has {width}; "
                "the file is cut short or damaged: drop it again"
            )
        body.append([str(line), *cells[:width]])
    frame = pd.DataFrame(body, columns=[LINE, *names], dtype=str)
    frame = frame.loc[:, [LINE, *filter(None, names)]]  # nobody can ask for a column without a name
    if not any(key in frame for key in table.key):
        raise SourceError(
            f"{raw.name}, line {header_line}: no column {' or '.join(map(repr, table.key))}; found {', '.join(names[:8])}…"
        )
    refuse_rows(len(frame), edition, raw, growing=table.period_column is not None)
    return frame


def refuse_rows(found: int, edition: Edition, raw: RawFile, growing: bool) -> None:
    """Raise ``SourceError`` if a file has not as many rows as its edition.

    A file whose rows carry the period is ``growing``: sessions are added to it, and more rows are no fault.
    """
    if edition.rows is None or edition.rows[0] <= found <= (float("inf") if growing else edition.rows[1]):
        return
    bounds = f"{edition.rows[0]} or more" if growing else f"between {edition.rows[0]} and {edition.rows[1]}"
    raise SourceError(f"{raw.name}: {found} rows; edition {edition.id} has {bounds}: the file is cut short or another one")


def _csv_rows(raw: RawFile, table: Table) -> list[tuple[int, list[str]]]:
    content = raw.read_bytes()
    try:
        text = content.decode(table.encoding)
    except UnicodeDecodeError as error:
        # The BOM is not counted in the position that the codec gives.
        at = error.start + (3 if table.encoding == "utf-8-sig" and content.startswith(b"\xef\xbb\xbf") else 0)
        line = content[:at].count(b"\n") + 1
        raise SourceError(
            f"{raw.name}, line {line}: byte {content[at]:#04x} is not {table.encoding}; "
            f"save the file as {table.encoding} or drop the producer's original"
        ) from None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise SourceError(f"{raw.name}, line {line}: a NUL character; the file is damaged")
    csv.field_size_limit(MAX_CELL)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=table.separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((lines.line_num, cells) for cells in lines if cells)
    except csv.Error as error:
        raise SourceError(f"{raw.name}, line {lines.line_num}: {error}; the file is damaged") from None
    return rows[table.header_row - 1 :]


def _sheet_rows(raw: RawFile, table: Table, edition: Edition) -> list[tuple[int, list[str]]]:
    name = table.sheet and table.sheet.replace("{year}", edition.periods.get("main", "")[:4])
    try:
        sheet = pd.read_excel(
            io.BytesIO(raw.read_bytes()), sheet_name=name or 0, header=None, dtype=str,
            engine="calamine", keep_default_na=False,
        )  # fmt: skip
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise SourceError(f"{raw.name}: no readable sheet {name or 1!r} ({error})") from error
    rows = [(n, [str(c) for c in r]) for n, r in enumerate(sheet.itertuples(index=False), start=1)]
    return rows[table.header_row - 1 :]


def _parquet_rows(raw: RawFile) -> list[tuple[int, list[str]]]:
    """Give the columns of a Parquet file as texts; what is null is blank."""
    try:
        file = pq.ParquetFile(pa.BufferReader(raw.read_bytes()))
        if file.metadata.num_rows * file.metadata.num_columns > _MAX_CELLS:
            raise SourceError(f"{raw.name}: {file.metadata.num_rows:,} rows; no official table is so long")
        held = file.read()
        columns = [held.column(n).cast(pa.string()).fill_null("").to_pylist() for n in range(held.num_columns)]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{raw.name}: no readable Parquet file ({str(error)[:200]}); drop it again") from error
    return [(0, held.column_names), *((n, list(cells)) for n, cells in enumerate(zip(*columns, strict=True), start=1))]
