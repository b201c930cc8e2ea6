"""Raw files: finding them in a folder or an archive, reading their bytes within limits."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal, cast

from qpv.errors import SourceError

#: A larger file is not held in memory whole: no source that is read so comes near it.
MAX_BYTES: Final = 1_500_000_000
#: A stream is not held in memory and may be longer; the largest of the catalogue (diagnostics with all their columns)
#: has some 15 GB.
MAX_STREAM: Final = 20_000_000_000
#: A table of figures packs into a twentieth of its size, not into a hundredth: beyond stands a decompression bomb.
MAX_RATIO: Final = 100
#: An archive with more members than this is no delivery of statistics.
MAX_MEMBERS: Final = 2000

#: Parts of a shapefile; only the .shp is a file of its own.
_SIDECARS: Final = {".dbf", ".shx", ".prj", ".cpg", ".qix", ".sbn", ".sbx"}
#: What the zip module raises on damaged, encrypted or exotic archives.
UNREADABLE: Final = (
    OSError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
#: What reading on raises where the content is cut or damaged; errors of those who read are theirs.
_FAULTS: Final = (
    OSError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError,
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
        if self.member:
            return f"/vsizip/{{{self.path}}}/{self.member}"
        return f"/vsigzip/{self.path}" if self.path.suffix.lower() == ".gz" else str(self.path)

    @contextlib.contextmanager
    def open(self, whole: bool = False) -> Iterator[IO[bytes]]:
        """Open the file, gzip file or member of an archive, unpacked as it is read: there is no other way in.

        Parameters
        ----------
        whole
            That all of it will be held in memory at once, so that less is allowed.

        Raises
        ------
        SourceError
            By name: if it cannot be read, is cut short, damaged or encrypted, or is larger than :data:`MAX_BYTES`
            (whole) or :data:`MAX_STREAM`, or than :data:`MAX_RATIO` times what it is packed into.
        """
        if self.fault:
            raise SourceError(self.fault)
        limit, cut = MAX_BYTES if whole else MAX_STREAM, "it is cut short or damaged: drop it again"
        with contextlib.ExitStack() as stack:
            try:
                inner, size, packed = self._unpacked(stack)
            except UNREADABLE as error:
                raise SourceError(f"{self.name}: cannot be read ({error}); {cut}") from error
            if packed is not None:
                limit = min(limit, max(MAX_BYTES, MAX_RATIO * packed))
            if size is not None and size > limit:
                raise SourceError(f"{self.name}: larger than {limit:,} bytes; no official file is so large")
            try:
                yield stack.enter_context(io.BufferedReader(_Metered(inner, self.name, limit), 1 << 20))
            except _FAULTS as error:
                raise SourceError(f"{self.name}: cannot be read ({error}); {cut}") from error

    def _unpacked(self, stack: contextlib.ExitStack) -> tuple[IO[bytes], int | None, int | None]:
        """Open what holds the content; give its declared size, where there is one, and the size that it is packed into."""
        size = self.path.stat().st_size
        if self.member is not None:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            info = archive.getinfo(self.member)
            return stack.enter_context(archive.open(info)), info.file_size, info.compress_size
        if self.path.suffix.lower() == ".gz":
            return cast("IO[bytes]", stack.enter_context(gzip.open(self.path, "rb"))), None, size
        return stack.enter_context(self.path.open("rb")), size, None

    def read_bytes(self) -> bytes:
        """Give the whole content; errors as :meth:`open`."""
        with self.open(whole=True) as stream:
            return stream.read()

    def head(self, size: int) -> bytes:
        """Give the first bytes of the content, whatever its length; errors as :meth:`open`."""
        with self.open() as stream:
            return stream.read(size)

    def content_sha256(self) -> str:
        """Give the digest of the content itself, the same in an archive or out of it; errors as :meth:`open`."""
        total = hashlib.sha256()
        with self.open() as stream:
            while chunk := stream.read(1 << 20):
                total.update(chunk)
        return total.hexdigest()

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


def list_files(folders: Iterable[Path]) -> list[Path]:
    """List the raw files of the folders, at any depth but in no hidden folder, in a stable order."""
    found: list[Path] = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            found += [path] if not hidden and path.is_file() and _is_data(path.name) else []
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
