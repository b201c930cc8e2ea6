"""The columns of a table against those that the catalogue names: found, new, missing, doubtful.

Producers rename columns between editions.  What is known is read; of the rest a person is told exactly
what stands there, and which line to add to the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from qpv.catalog import Edition, Source
from qpv.sources.dictionary import Dictionary
from qpv.sources.rawfile import Finding, RawFile

#: A column named alike but for signs, case and a year in two digits.
_INSIGNIFICANT: Final = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True)
class Lacking:
    """An indicator none of whose columns stands in the table: the first two digits tell the year that was tried."""

    indicator: str
    alternatives: tuple[str, ...]
    year: str


@dataclass
class Header:
    """The names of a table's columns, and which of them were read."""

    names: list[str]
    read: set[str] = field(default_factory=set)
    lacking: list[Lacking] = field(default_factory=list)

    def __post_init__(self) -> None:
        folded: dict[str, list[str]] = {}
        for name in self.names:
            folded.setdefault(name.casefold(), []).append(name)
        self._folded = {key: found[0] for key, found in folded.items() if len(found) == 1}
        self._exact = set(self.names)

    def find(self, name: str) -> str | None:
        """Give the column of this name, capitals or not where only one is so named."""
        found = name if name in self._exact else self._folded.get(name.casefold())
        if found is not None:
            self.read.add(found)
        return found

    def labelled(self, label: str, dictionary: Dictionary) -> list[str]:
        """Give the columns of which the producer's dictionary says what ``label`` looks for."""
        found = [name for name in self.names if re.search(label, dictionary.label(name), re.IGNORECASE)]
        if len(found) == 1:
            self.read.add(found[0])
        return found


def findings(header: Header, raw: RawFile, source: Source, edition: Edition, dictionary: Dictionary) -> list[Finding]:
    """Tell which columns are new, missing, or doubtful (a new one that looks like a missing one).

    Returns
    -------
    list of Finding
        Warnings with the line to add to the catalogue.  What the edition is known to lack
        (``lacks``) and what is known and not read (``unread``) is no news.
    """
    assert source.table is not None
    line = source.table.header_row
    new = _new(header, source, edition)
    missing = [a for a in header.lacking if a.alternatives and not set(_filled(a)) & set(edition.lacks)]
    told = []
    speaking: dict[tuple[str, ...], list[Lacking]] = {}
    for absent in missing:
        speaking.setdefault(tuple(_filled(absent)), []).append(absent)
    for tried, those in speaking.items():
        named = ", ".join(a.indicator for a in those[:3]) + (f" and {len(those) - 3} more" if len(those) > 3 else "")
        likely = [n for n in new if any(_alike(n, name) for name in tried)]
        if likely:
            name = likely[0]
            new = [n for n in new if n != name]
            told.append(
                Finding("warning", raw.name, f"doubtful: column {name!r}{_said(dictionary, name)} looks like {tried[0]!r} of "
                        f"{those[0].indicator!r} and is not read; if it is, add the name in indicator {those[0].indicator!r}: "
                        f"{{source: {source.id}, column: [{', '.join([*those[0].alternatives, name])}]}}", line)
            )  # fmt: skip
        else:
            told.append(
                Finding("warning", raw.name, f"missing: no column {' or '.join(tried)} ({named}); if this "
                        f"edition has none, add to edition {edition.id!r}: lacks: [{tried[0]}]", line)
            )  # fmt: skip
    told += [
        Finding("warning", raw.name, f"new: column {name!r}{_said(dictionary, name)} is read by no indicator; to read it, add to "
                f"one: columns: [{{source: {source.id}, column: {name}}}]; else to source {source.id!r}: unread: [{re.escape(name)}]",
                line)
        for name in new
    ]  # fmt: skip
    return _gathered(told, raw, line)


def _gathered(told: list[Finding], raw: RawFile, line: int) -> list[Finding]:
    """Keep a report readable: of more than twenty columns of a kind the rest is named in one line."""
    kept: list[Finding] = []
    for kind in ("doubtful", "missing", "new"):
        of_kind = [f for f in told if f.message.startswith(kind)]
        kept += of_kind[:20]
        if rest := of_kind[20:]:
            names = ", ".join(re.split(r"column ", f.message, maxsplit=1)[1].split(" ")[0].strip("'") for f in rest)
            kept.append(Finding("warning", raw.name, f"{kind}: and {len(rest)} more columns: {names}", line))
    return kept


def _new(header: Header, source: Source, edition: Edition) -> list[str]:
    assert source.table is not None
    known = [re.compile(pattern, re.IGNORECASE) for pattern in source.unread]
    flags = {
        note.replace("{yy}", year[2:4]).casefold()
        for block in source.blocks.values()
        for note in block.note
        for year in edition.periods.values() or [""]
    }
    own = {k.casefold() for k in [*source.table.key, source.table.period_column or ""]} | flags
    return [
        n for n in header.names
        if n and n not in header.read and n.casefold() not in own and not any(k.fullmatch(n) for k in known)
    ]  # fmt: skip


def _filled(absent: Lacking) -> list[str]:
    return [a.replace("{yy}", absent.year[2:4]) for a in absent.alternatives]


def _alike(name: str, tried: str) -> bool:
    def bare(text: str) -> str:
        return re.sub(r"(?:_?[ap])?\d\d$", "", _INSIGNIFICANT.sub("_", text.casefold())).replace("_", "")

    return bare(name) == bare(tried) or sorted(_words(name)) == sorted(_words(tried))


def _words(text: str) -> Iterable[str]:
    return re.findall(r"[a-z]+|\d+", text.casefold())


def _said(dictionary: Dictionary, name: str) -> str:
    label = dictionary.label(name)
    return f" («\u202f{label[:120]}\u202f»)" if label else ""
