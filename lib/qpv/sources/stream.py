"""Rows of a large text table one at a time: never the whole file in memory."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from qpv.catalog import Table
from qpv.errors import SourceError
from qpv.sources.rawfile import RawFile
from qpv.sources.text_table import MAX_CELL

#: A larger table, unpacked, is none of the catalogue's: the largest (crime by commune) has well under one gigabyte.
MAX_STREAMED: Final = 4_000_000_000
#: What reading packed bytes may raise.
_UNREADABLE: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError)


@contextmanager
def opened(raw: RawFile) -> Iterator[IO[bytes]]:
    """Open a file, the member of an archive, or what is packed in a ``.gz``, to be read from its start.

    Raises
    ------
    SourceError
        If it cannot be opened or unpacked.
    """
    if raw.fault:
        raise SourceError(raw.fault)
    try:
        if raw.member is not None:
            with zipfile.ZipFile(raw.path) as archive, archive.open(raw.member) as stream:
                yield stream
        elif raw.path.suffix.lower() == ".gz":
            with gzip.open(raw.path) as packed:
                yield packed  # type: ignore[misc]  # a GzipFile reads bytes
        else:
            with raw.path.open("rb") as plain:
                yield plain
    except _UNREADABLE as error:
        raise SourceError(f"{raw.name}: cannot be read ({error}); drop it again") from error


def stream_rows(raw: RawFile, table: Table) -> Iterator[tuple[int, list[str]]]:
    """Give line and cells of the header (without spaces around the names), then of each row that is not blank.

    Raises
    ------
    SourceError
        If the bytes are not in the table's encoding, or a row has not as many cells as the header.
    """
    csv.field_size_limit(MAX_CELL)
    width = 0
    with opened(raw) as stream:
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
                if not lines.line_num % 100_000 and stream.tell() > MAX_STREAMED:
                    raise SourceError(f"{raw.name}: larger than {MAX_STREAMED:,} bytes unpacked")
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{raw.name}, after line {lines.line_num}: byte {error.object[error.start]:#04x} is not {table.encoding}; "
                f"save the file as {table.encoding} or drop the producer's original"
            ) from None
        except csv.Error as error:
            raise SourceError(f"{raw.name}, line {lines.line_num}: {error}; the file is damaged") from None
    if not width:
        raise SourceError(f"{raw.name}: no rows; expected a header on line {table.header_row} and data")
