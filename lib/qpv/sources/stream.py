"""Large files, unpacked as they are read: never the whole file in memory."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Final, cast

from qpv.catalog import Table
from qpv.errors import SourceError
from qpv.sources.rawfile import MAX_BYTES, RawFile
from qpv.sources.text_table import MAX_CELL

#: A stream is not held in memory, so that it may be longer than a file that is read whole; the largest of
#: the catalogue (diagnostics with all their columns) has some 15 GB.  Beyond stands a decompression bomb.
MAX_STREAM: Final = 20_000_000_000
_FAULTS: Final = (
    OSError, EOFError, zlib.error, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, UnicodeDecodeError,
)  # fmt: skip


class _Metered(io.RawIOBase):
    """A stream that refuses to go on beyond a number of bytes."""

    def __init__(self, inner: IO[bytes], name: str, limit: int) -> None:
        self.inner, self.name, self.limit, self.count = inner, name, limit, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # any writable buffer, as in io
        content = self.inner.read(len(buffer))
        self.count += len(content)
        if self.count > self.limit:
            raise SourceError(f"{self.name}: more than {self.limit:,} bytes unpacked; no official file is so large")
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_stream(raw: RawFile) -> Iterator[IO[bytes]]:
    """Open a file, a gzip file or a member of a zip archive, unpacked as it is read.

    Raises
    ------
    SourceError
        By name: if it cannot be read, is cut short or damaged, or is larger than ``MAX_BYTES`` on disk
        (compressed) or ``MAX_STREAM`` unpacked.
    """
    if raw.fault:
        raise SourceError(raw.fault)
    packed = raw.member is not None or raw.path.suffix.lower() == ".gz"
    with ExitStack() as stack:
        try:
            if packed and raw.path.stat().st_size > MAX_BYTES:
                raise SourceError(f"{raw.name}: larger than {MAX_BYTES:,} bytes")
            inner: IO[bytes]
            if raw.member is not None:
                inner = stack.enter_context(stack.enter_context(zipfile.ZipFile(raw.path)).open(raw.member))
            elif packed:
                inner = cast("IO[bytes]", stack.enter_context(gzip.open(raw.path, "rb")))
            else:
                inner = stack.enter_context(raw.path.open("rb"))
            metered = _Metered(inner, raw.name, MAX_STREAM)
            yield stack.enter_context(io.BufferedReader(metered, 1 << 20))
        except _FAULTS as error:
            raise SourceError(f"{raw.name}: cannot be read ({error}); it is cut short or damaged: drop it again") from error


def stream_rows(raw: RawFile, table: Table) -> Iterator[tuple[int, list[str]]]:
    """Give line and cells of the header (without spaces around the names), then of each row that is not blank.

    Raises
    ------
    SourceError
        If the bytes are not in the table's encoding, or a row has not as many cells as the header.
    """
    csv.field_size_limit(MAX_CELL)
    width = 0
    with open_stream(raw) as stream:
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
