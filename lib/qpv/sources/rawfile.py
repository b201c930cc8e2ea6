"""Raw files: finding them in a folder or an archive, reading their bytes within limits."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal

from qpv.errors import SourceError

#: A larger file or archive member is refused: no source of the catalogue comes near it.
MAX_BYTES: Final = 1_500_000_000
#: An archive with more members than this is no delivery of statistics.
MAX_MEMBERS: Final = 2000

#: Parts of a shapefile; only the .shp is a file of its own.
_SIDECARS: Final = {".dbf", ".shx", ".prj", ".cpg", ".qix", ".sbn", ".sbx"}
#: What the zip module raises on damaged, encrypted or exotic archives.
UNREADABLE: Final = (
    OSError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
_IGNORED: Final = {".md", ".txt", ".gitkeep", ".json", ".part", ".tmp"}
#: Dictionaries of variables that Insee ships beside its tables: read with the table, never as one.
_DICTIONARY: Final = re.compile(r"meta[_-].*", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """Something that a person should know about a raw file."""

    severity: Literal["info", "warning"]
    file: str
    message: str
    line: int | None = None
    kind: Literal["", "unknown", "second"] = ""  # a file of no edition, a second file of one: neither was read

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class RawFile:
    """A file dropped by an analyst, or a member of a zip archive; never written to."""

    path: Path
    member: str | None = None
    fault: str = ""  # why the archive could not be opened

    @property
    def table_name(self) -> str:
        """The base name of the table itself, by which it is recognised."""
        return PurePosixPath(self.member).name if self.member else self.path.name

    @property
    def name(self) -> str:
        """The base name, for messages and locators: never a path."""
        return f"{self.path.name}:{self.table_name}" if self.member else self.path.name

    @property
    def location(self) -> str:
        """Where GDAL finds it, in its archive or not."""
        return f"/vsizip/{{{self.path}}}/{self.member}" if self.member else str(self.path)

    def read_bytes(self) -> bytes:
        """Give the whole content.

        Raises
        ------
        SourceError
            If the file is too large, or the archive is damaged or encrypted.
        """
        if self.fault:
            raise SourceError(self.fault)
        try:
            if self.member is None:
                if self.path.stat().st_size > MAX_BYTES:
                    raise SourceError(f"{self.name}: larger than {MAX_BYTES:,} bytes")
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                if archive.getinfo(self.member).file_size > MAX_BYTES:
                    raise SourceError(f"{self.name}: larger than {MAX_BYTES:,} bytes unpacked")
                return archive.read(self.member)
        except UNREADABLE as error:
            raise SourceError(f"{self.name}: cannot be read ({error}); drop it again") from error

    def head(self, size: int) -> bytes:
        """Give the first bytes of the content, whatever its length.

        Raises
        ------
        SourceError
            As :meth:`read_bytes`.
        """
        return next(self._chunks(size), b"")

    def content_sha256(self) -> str:
        """Give the digest of the content itself, the same in an archive or out of it.

        Raises
        ------
        SourceError
            As :meth:`read_bytes`.
        """
        total = hashlib.sha256()
        for chunk in self._chunks(1 << 20):
            total.update(chunk)
        return total.hexdigest()

    def _chunks(self, size: int) -> Iterator[bytes]:
        if self.fault:
            raise SourceError(self.fault)
        try:
            with contextlib.ExitStack() as stack:
                if self.member is None:
                    stream: IO[bytes] = stack.enter_context(self.path.open("rb"))
                else:
                    stream = stack.enter_context(stack.enter_context(zipfile.ZipFile(self.path)).open(self.member))
                while chunk := stream.read(size):
                    yield chunk
        except UNREADABLE as error:
            raise SourceError(f"{self.name}: cannot be read ({error}); drop it again") from error

    def sha256(self) -> str:
        """Give the digest of the file as it lies on disk: the whole archive, all parts of a shapefile."""
        total = hashlib.sha256()
        parts = [self.path]
        if self.path.suffix.lower() == ".shp":
            parts += sorted(p for p in self.path.parent.glob(f"{self.path.stem}.*") if p.suffix.lower() in _SIDECARS)
        for part in parts:
            with part.open("rb") as stream:
                total.update(part.name.encode() + hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()

    def written(self) -> dt.date:
        """Give the day on which the file was written here: a producer had published it by then."""
        return dt.date.fromtimestamp(self.path.stat().st_mtime)

    def dated(self) -> dt.date:
        """Give the day that the archive notes for the table, which is before its publication, else :meth:`written`."""
        written = self.written()
        if self.member is None or self.fault:
            return written
        with zipfile.ZipFile(self.path) as archive:
            year, month, day = archive.getinfo(self.member).date_time[:3]
        # 1980-01-01 is what archives say when they say nothing.
        return min(written, dt.date(year, month, day)) if year > 1980 else written

    def dictionary(self) -> bytes | None:
        """Give the dictionary of variables that lies beside the table (``meta_…``), if there is exactly one for it."""
        wanted = re.compile(rf"meta[_-](?:indic[_-])?{re.escape(self.table_name)}", re.IGNORECASE)
        if self.member is None:
            beside = [p for p in self.path.parent.iterdir() if wanted.fullmatch(p.name)]
            return RawFile(beside[0]).read_bytes() if len(beside) == 1 else None
        with zipfile.ZipFile(self.path) as archive:
            names = [n for n in archive.namelist() if _DICTIONARY.fullmatch(PurePosixPath(n).name)]
        named = [n for n in names if wanted.fullmatch(PurePosixPath(n).name)] or names
        return RawFile(self.path, named[0]).read_bytes() if len(named) == 1 else None


def list_files(folders: Iterable[Path]) -> list[Path]:
    """List the raw files of the folders, at any depth, in a stable order."""
    found: list[Path] = []
    for folder in folders:
        found += sorted(path for path in folder.rglob("*") if path.is_file() and _is_data(path.name))
    return found


def tables_in(path: Path) -> list[RawFile]:
    """List the tables that a file holds: itself, or the members of an archive.

    An archive that cannot be opened, has too many members, or one whose name leads out of the archive,
    is given as one file with its fault.
    """
    if path.suffix.lower() != ".zip":
        return [RawFile(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except UNREADABLE as error:
        return [RawFile(path, fault=f"{path.name}: not a readable zip archive ({error}); drop it again")]
    if len(members) > MAX_MEMBERS:
        return [RawFile(path, fault=f"{path.name}: {len(members)} members; at most {MAX_MEMBERS} are read")]
    astray = [m for m in members if m.startswith("/") or ".." in PurePosixPath(m).parts or not m.isprintable()]
    if astray:
        return [RawFile(path, fault=f"{path.name}: the member {astray[0][:80]!r} has no safe name; drop the producer's original")]
    return [RawFile(path, m) for m in sorted(members) if not m.endswith("/") and _is_data(PurePosixPath(m).name)]


def _is_data(name: str) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    # The first lines of a file ("….head.csv") are kept to look at, not to read: its zeros would be invented.
    hidden = name.startswith((".", "__MACOSX")) or ".head." in name.lower()
    return suffix not in _SIDECARS | _IGNORED and not hidden and not _DICTIONARY.fullmatch(name)
