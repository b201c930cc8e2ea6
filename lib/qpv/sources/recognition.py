"""Recognising raw files: which edition of which source each one is, by name and by content.

The rule, in this order: a table is the edition whose pattern its name matches; else the edition whose table
it is byte for byte; else an edition of the family whose pattern its name matches.  Whatever remains is
reported by name, with the source that its columns look like.

Of two tables for one edition the newer wins: the higher version in the name (``_v2``), then the later
date (as the archive notes it, else the day on which the file was written), then the folder given first.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from qpv.catalog import LEVEL_NAMES, Catalog, Edition, Family, Source
from qpv.errors import SourceError
from qpv.sources.rawfile import Finding, RawFile, tables_in

_VERSION: Final = re.compile(r"[_-]v(\d{1,3})(?=[_.-]|$)", re.IGNORECASE)
#: Enough of a file to hold its header, however wide.
_HEAD: Final = 65_536
#: Archives that are not opened, and archives within archives.
_PACKED: Final = {".7z", ".rar", ".tar", ".tgz", ".zip"}
#: A table with fewer known columns than this looks like nothing.
_FEWEST: Final = 3


@dataclass(frozen=True)
class Recognised:
    """A raw file and the edition that it is."""

    source: Source
    edition: Edition
    file: RawFile


def recognise(paths: Iterable[Path], catalog: Catalog) -> tuple[list[Recognised], list[Finding]]:
    """Say of each file, in an archive or not, which edition it is.

    Parameters
    ----------
    paths
        Files; the folder that was given first comes first.
    catalog
        The sources of tier ``read`` and ``header`` are looked for.

    Returns
    -------
    tuple
        What was recognised, sorted by edition, and what a person should know: files that are not
        recognised, second files for one edition, editions that the catalogue does not describe.

    A damaged archive with a known name is kept with its fault: reading it says what is wrong, beside the
    faults of the other files.
    """
    chosen: dict[str, list[Recognised]] = {}
    findings: list[Finding] = []
    book = _Patterns(catalog.sources.values())
    for path in paths:
        items = {t: book.known(t) for t in tables_in(path)}
        lost = [t for t, found in items.items() if not found]
        for item in [i for found in items.values() for i in found] or book.void(path):
            chosen.setdefault(item.edition.id, []).append(item)
        findings += _not_recognised(lost, catalog)
    kept = []
    for identifier in sorted(chosen):
        first, *others = sorted(chosen[identifier], key=_newest_first)
        rivals = [o for o in others if o.file.path == first.file.path]
        if rivals:
            findings.append(_rivals(first, rivals))
            continue
        kept.append(first)
        findings += [_second(first, other) for other in others]
        if first.edition.dated_by == "name":
            findings.append(_unseen(first))
    return kept, findings


def editions_of(path: Path, source: Source) -> list[Recognised]:
    """Say which editions of one source a file holds, by name and family; damaged archives come with their fault."""
    book = _Patterns([source])
    return [i for t in tables_in(path) for i in book.known(t, content=False)] or book.void(path)


class _Patterns:
    """The names and digests of all editions, compiled once."""

    def __init__(self, sources: Iterable[Source]) -> None:
        sources = list(sources)
        known = [(s, e) for s in sources for e in s.editions if s.tier != "listed"]
        self._editions = [(s, e, _compiled(e.files), _compiled(e.member)) for s, e in known]
        self._digests = {digest: (s, e) for s, e in known for digest in e.sha256}
        self._families = [
            (s, f, _compiled(f.files), _compiled(f.member), _compiled(f.alone))
            for s in sources if s.tier != "listed" for f in s.families
        ]  # fmt: skip

    def known(self, table: RawFile, content: bool = True) -> list[Recognised]:
        """Give the editions that a table is: a member by the archive or folder around it before its own name alone."""
        return (
            self._named(table, alone=False)
            or (self._same(table) if content else [])
            or self._kin(table, alone=False)
            or self._named(table, alone=True)
            or self._kin(table, alone=True)
        )

    def _named(self, table: RawFile, alone: bool) -> list[Recognised]:
        """Give the editions whose pattern the name matches."""
        return [
            Recognised(s, e, table) for s, e, files, member in self._editions if _match(table, files, member, alone) is not None
        ]

    def _same(self, table: RawFile) -> list[Recognised]:
        """Give the edition whose table it is byte for byte, whatever its name."""
        found = self._digests.get(_digest(table))
        return [Recognised(*found, table)] if found else []

    def _kin(self, table: RawFile, alone: bool) -> list[Recognised]:
        """Give the editions of the families whose pattern the name matches; not ``alone``, of those of archives."""
        found = []
        for source, family, files, member, own in self._families:
            if member is None and not alone:
                continue
            groups = _match(table, files, member, alone)
            if (
                alone
                and not {"year", "yy"} & set(groups or {})
                and own is not None
                and (named := own.fullmatch(table.table_name))
            ):
                groups = _groups(named)
            if groups is not None and (edition := _made(source, family, groups, table)) is not None:
                found.append(Recognised(source, edition, table))
        return found

    def void(self, path: Path) -> list[Recognised]:
        """Give the editions that an archive of this name should hold, with the fault that it does not."""
        return [
            Recognised(
                s, e, RawFile(path, fault=f"{path.name}: expected one member like {e.member!r}, found none; drop it again")
            )
            for s, e, files, member in self._editions
            if member is not None and files is not None and files.fullmatch(path.name)
        ]


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(pattern, re.IGNORECASE)


def _match(table: RawFile, files: re.Pattern[str] | None, member: re.Pattern[str] | None, alone: bool) -> dict[str, str] | None:
    """Match a table's name; of an archive with a pattern of its own, both names, or the member's ``alone``.  Gives the groups."""
    assert files is not None
    if member is None:
        found = files.fullmatch(table.table_name)
        return None if found is None else _groups(found)
    if table.fault:
        return {} if files.fullmatch(table.path.name) else None
    inner = member.fullmatch(table.table_name)
    # Unpacked, a table lies in a folder that has the archive's name, or is known by its own, unless any name would do.
    itself = inner if alone and not table.member and member.fullmatch(f"any{Path(table.table_name).suffix}") is None else None
    around = [*PurePosixPath(table.member or "").parents, *([] if table.member else table.path.parents)]
    folders = (files.fullmatch(f"{folder.name}.zip") for folder in around)
    outer = next(filter(None, [files.fullmatch(table.path.name) if table.member else None, *folders, itself]), None)
    return None if inner is None or outer is None else _groups(outer) | _groups(inner)


def _groups(found: re.Match[str]) -> dict[str, str]:
    return {name: text for name, text in found.groupdict().items() if text}


def _made(source: Source, family: Family, groups: dict[str, str], table: RawFile) -> Edition | None:
    """Describe an edition by what its family and its name say."""
    dated = table.dated()
    year = dated.year if family.dated_by == "file" else int(groups.get("year") or f"20{groups.get('yy', '')}"[:4])
    if not 1990 <= year <= 2100:
        return None
    part = re.sub(r"\W+", "_", groups.get("part", "").lower()).strip("_")
    level = LEVEL_NAMES.get(groups.get("level", "").upper()) or family.level or source.level
    told = "à la date de son fichier, qui porte toujours le même nom" if family.dated_by == "file" else "au nom de son fichier"
    return Edition(
        id="_".join(filter(None, [source.id, str(year), level if level != source.level else "", part])),
        files=re.escape(table.table_name), level=level, periods=family.periods_of(year), rows=family.rows, lacks=family.lacks, dated_by=family.dated_by,
        published=min(dt.date(year + family.lag, 12, 31), table.written()), published_precision="assumed",
        traps=[
            *family.traps,
            f"Édition {year} reconnue {told}, que le catalogue ne décrit pas encore : sa date de publication est supposée.",
        ],
    )  # fmt: skip


def _alike(table: RawFile, catalog: Catalog) -> Source | None:
    """Give the source whose columns the header of a CSV holds: at least half of them, more than any other."""
    scores: dict[str, int] = {}
    heads: dict[tuple[str, int], set[str]] = {}
    for source in catalog.sources.values():
        columns = catalog.columns_of(source.id)
        if source.table is None or source.table.format != "csv" or not columns:
            continue
        layout = (source.table.separator, source.table.header_row)
        if layout not in heads:
            heads[layout] = _header(table, *layout)
        names = heads[layout]
        if not any(key.casefold() in names for key in source.table.key):
            continue
        held = [any(_held(a, names) for a in c.column or c.numerator) for _, c in columns if c.tally is None]
        if sum(held) >= max(_FEWEST, len(held) / 2):
            scores[source.id] = sum(held)
    best = sorted(scores, key=lambda s: -scores[s])
    unsure = len(best) > 1 and scores[best[0]] == scores[best[1]]
    return None if unsure or not best else catalog.sources[best[0]]


def _header(table: RawFile, separator: str, row: int) -> set[str]:
    """Give the column names on a row of a CSV, case folded; none where there is no such text."""
    head = table.head(_HEAD)
    if Path(table.table_name).suffix.lower() not in (".csv", ".tsv"):
        return set()
    try:
        text = head.decode("utf-8-sig", errors="ignore" if len(head) == _HEAD else "strict")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    try:
        rows = [cells for _, cells in zip(range(row), csv.reader(io.StringIO(text), delimiter=separator), strict=False)]
    except csv.Error:
        return set()
    return {cell.strip().casefold() for cell in rows[-1]} if len(rows) == row else set()


def _held(alternative: str, names: set[str]) -> bool:
    first = re.split(r" [+-] ", alternative)[0].casefold()
    if "{yy}" not in first:
        return first in names
    pattern = re.compile(re.escape(first).replace(re.escape("{yy}"), r"\d\d"))
    return any(pattern.fullmatch(name) for name in names)


def _newest_first(item: Recognised) -> tuple[int, int]:
    version = max((int(v) for v in _VERSION.findall(item.file.name)), default=1)
    # Sorting is stable: at equal version and day the file of the first folder stays first.
    return -version, -item.file.dated().toordinal()


def _rivals(first: Recognised, rivals: list[Recognised]) -> Finding:
    """Tell of two tables of one archive that both pass for one edition: to choose would be to guess."""
    names = ", ".join(i.file.table_name for i in [first, *rivals])
    return Finding(
        "warning", first.file.path.name,
        f"{names} all look like edition {first.edition.id}: none is read; take all but one out of the archive", kind="unknown",
    )  # fmt: skip


def _second(kept: Recognised, other: Recognised) -> Finding:
    same = _digest(kept.file) == _digest(other.file)
    # Fetch keeps what it replaces in a folder beside it: that is no fault of anybody's.
    earlier = other.file.path.name == kept.file.path.name and other.file.path.parent.parent == kept.file.path.parent
    what = "the same content" if same else f"the newer one is read: {kept.file.dated()} against {other.file.dated()}"
    return Finding(
        "info" if same or earlier else "warning", other.file.name,
        f"edition {kept.edition.id} was already read from {kept.file.name} ({what}); "
        "this second file is ignored: remove one of them", kind="second",
    )  # fmt: skip


def _digest(file: RawFile) -> str:
    """Give the digest of the content; of one that cannot be read its fault, which equals no digest."""
    try:
        return file.content_sha256()
    except SourceError as error:
        return str(error)


def _unseen(item: Recognised) -> Finding:
    edition = item.edition
    level = "" if edition.level in (None, item.source.level) else f"level: {edition.level}, "
    periods = ", ".join(f"{block}: {period}" for block, period in edition.periods.items()) or "none: its figures stay undated"
    return Finding(
        "warning", item.file.name,
        f"read as an edition that the catalogue does not describe yet (periods {periods}); to describe it, add to source "
        f"{item.source.id!r} of sources.yml: - {{id: {edition.id}, files: '{edition.files}', published: {edition.published}, "
        f"published_precision: assumed, {level}periods: {{{', '.join(f'{b}: {p!r}' for b, p in edition.periods.items())}}}}}",
    )  # fmt: skip


def _not_recognised(lost: list[RawFile], catalog: Catalog) -> list[Finding]:
    findings = []
    for table in lost:
        if not table.fault and Path(table.table_name).suffix.lower() in _PACKED:
            told = f"not opened: unpack it into a folder named {table.path.stem}, where its tables are known as in the archive"
            findings.append(Finding("warning", table.name, told, kind="unknown"))
            continue
        try:
            source = _alike(table, catalog)
        except SourceError as error:
            findings.append(Finding("warning", table.name, str(error).removeprefix(f"{table.name}: "), kind="unknown"))
            continue
        if source is None:
            findings.append(
                Finding("info", table.name, "not recognised: no edition of the catalogue has this name", kind="unknown")
            )
        else:
            expected = (source.editions[-1].member or source.editions[-1].files) if source.editions else source.families[0].files
            findings.append(
                Finding("warning", table.name, f"not recognised: its columns are those of {source.id!r} ({source.dataset}), "
                        f"but neither name nor content says which edition; name it like {expected.replace(chr(92), '')}", kind="unknown")
            )  # fmt: skip
    return findings
