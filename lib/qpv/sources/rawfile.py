"""Raw files: finding them in a folder, recognising them, reading their bytes within limits."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from qpv.catalog import Catalog, Edition, Source
from qpv.errors import SourceError

#: A larger file or archive member is refused: no source of the catalogue comes near it.
MAX_BYTES: Final = 1_500_000_000

#: Parts of a shapefile; only the .shp is a file of its own.
_SIDECARS: Final = {".dbf", ".shx", ".prj", ".cpg", ".qix", ".sbn", ".sbx"}
#: What the zip module raises on damaged, encrypted or exotic archives.
_UNREADABLE: Final = (
    OSError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
_IGNORED: Final = {".md", ".txt", ".gitkeep", ".json", ".part", ".tmp"}


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
    fault: str = ""  # why the member of an archive could not be found

    @property
    def name(self) -> str:
        """The base name, for messages and locators: never a path."""
        return f"{self.path.name}:{Path(self.member).name}" if self.member else self.path.name

    def read_bytes(self) -> bytes:
        """Give the whole content.

        Raises
        ------
        SourceError
            If the file cannot be read, is no zip archive, or is larger than ``MAX_BYTES``.
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
        except _UNREADABLE as error:
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


@dataclass(frozen=True)
class Recognised:
    """A raw file and the edition that it is."""

    source: Source
    edition: Edition
    file: RawFile


def list_files(folders: Iterable[Path]) -> list[Path]:
    """List the raw files of the folders, at any depth, in a stable order."""
    found: list[Path] = []
    for folder in folders:
        found += sorted(
            path
            for path in folder.rglob("*")
            if path.is_file() and path.suffix.lower() not in _SIDECARS | _IGNORED and not path.name.startswith(".")
        )
    return found


def recognise(paths: Iterable[Path], catalog: Catalog) -> tuple[list[Recognised], list[Finding]]:
    """Match files with the editions of the catalogue, by name.

    Of two files for one edition the first wins, in the order of the folders and then of the
    names; the other is reported.  A file that no edition knows is reported too.

    A damaged archive is kept with its fault: reading it says what is wrong, beside the faults of
    the other files.
    """
    chosen: dict[str, Recognised] = {}
    findings: list[Finding] = []
    patterns = [
        (source, edition, re.compile(edition.files, re.IGNORECASE))
        for source, edition in catalog.editions.values()
        if source.tier != "listed"
    ]
    for path in paths:
        matches = [(s, e) for s, e, pattern in patterns if pattern.fullmatch(path.name)]
        if not matches:
            findings.append(Finding("info", path.name, "not recognised: no edition of the catalogue has this name",
                                    kind="unknown"))  # fmt: skip
        for source, edition in matches:
            if edition.id in chosen:
                kept = chosen[edition.id].file.path
                findings.append(
                    Finding("warning", path.name, f"edition {edition.id} was already read from {kept.name}; "
                            "this second file is ignored: remove one of them", kind="second")
                )  # fmt: skip
                continue
            chosen[edition.id] = Recognised(source, edition, _member(path, edition) if edition.member else RawFile(path))
    return [chosen[key] for key in sorted(chosen)], findings


def _member(path: Path, edition: Edition) -> RawFile:
    pattern = re.compile(edition.member or "", re.IGNORECASE)
    try:
        with zipfile.ZipFile(path) as archive:
            found = [n for n in archive.namelist() if pattern.fullmatch(Path(n).name)]
    except _UNREADABLE as error:
        return RawFile(path, fault=f"{path.name}: not a readable zip archive ({error}); drop it again")
    if len(found) != 1:
        return RawFile(path, fault=f"{path.name}: expected one member like {edition.member!r}, found {len(found)}")
    return RawFile(path, found[0])
