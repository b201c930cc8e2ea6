"""Large tables, row by row: never the whole file in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from qpv.catalog import Table
from qpv.errors import SourceError
from qpv.sources.rawfile import RawFile
from qpv.sources.text_table import MAX_CELL


def stream_rows(raw: RawFile, table: Table) -> Iterator[tuple[int, list[str]]]:
    """Give line and cells of the header (without spaces around the names), then of each row that is not blank.

    Raises
    ------
    SourceError
        If the bytes are not in the table's encoding, or a row has not as many cells as the header.
    """
    csv.field_size_limit(MAX_CELL)
    width = 0
    with raw.open() as stream:
        lines = csv.reader(io.TextIOWrapper(stream, encoding=table.encoding, newline=""), delimiter=table.separator, strict=True)
        try:
            for cells in lines:
                if lines.line_num < table.header_row or not cells:
                    continue
                if not width:
                    cells = [name.strip() for name in cells]
                    width = len(cells)
                elif len(cells) != width:
                    raise SourceError(
                        f"{raw.name}, line {lines.line_num}: {len(cells)} cells where the header has {width}; "
                        "the file is cut short or damaged: drop it again"
                    )
                yield lines.line_num, cells
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{raw.name}, after line {lines.line_num}: byte {error.object[error.start]:#04x} is not {table.encoding}; "
                f"save the file as {table.encoding} or drop the producer's original"
            ) from None
        except csv.Error as error:
            raise SourceError(f"{raw.name}, line {lines.line_num}: {error}; the file is damaged") from None
    if not width:
        raise SourceError(f"{raw.name}: no rows; expected a header on line {table.header_row} and data")
