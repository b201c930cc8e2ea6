"""Residents' voice (S18): workshops, the barometer of priorities by sector, and what was said, summarised; never by whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from qpv.contract.entries import Cited, Count, Territory
from qpv.contract.files import Reading as Files
from qpv.contract.readings import Short, Subject

WORKSHOPS_FILE: Final = "workshops.csv"
BAROMETER_FILE: Final = "barometer.csv"
FILE: Final = "voice.yml"


def _day(value: Any) -> Any:
    if isinstance(value, str):
        for form in ("%Y-%m-%d", "%d/%m/%Y"):
            try:
                return dt.datetime.strptime(value, form).date()
            except ValueError:
                continue
        raise ValueError("expected a day such as 2026-03-30 or 30/03/2026")
    return value


Day = Annotated[dt.date, BeforeValidator(_day)]


class Workshop(Cited):
    """A workshop, or several printed together (``count``): when, where, how many people; ``date`` is empty where only a period is printed."""

    territory: Territory
    place: str
    date: Day | None = None
    period: str = ""
    count: Count = 1
    participants: Count | None = None
    question: str = ""
    note: str = ""


class Rank(Cited):
    """The rank of a priority in a sector, 1 = first; ``sector`` is as the document names it."""

    territory: Territory
    sector: str
    topic: str
    theme: Subject
    rank: Annotated[Count, BeforeValidator(lambda v: v)]
    note: str = ""


class Statement(Cited):
    """What residents said, summarised in our own words."""

    territory: Territory
    theme: Subject
    text: Short


@dataclass(frozen=True)
class Tie:
    """Two priorities at one rank in one sector: kept, and said."""

    sector: str
    rank: int
    topics: tuple[str, ...]
    lines: tuple[int, ...]


def read_voice(files: Files) -> tuple[list[Workshop], list[Rank], list[Statement]]:
    """Read ``workshops.csv``, ``barometer.csv`` and ``voice.yml``; faults go to ``files``."""
    workshops, ranks = files.table(WORKSHOPS_FILE, Workshop), files.table(BAROMETER_FILE, Rank)
    statements: list[Statement] = files.document(FILE, {"statements": Statement})["statements"]
    for workshop in workshops:
        if workshop.date is None and not workshop.period:
            files.fault_at(workshop, "date", None, "a day or a period is needed")
    for rank in ranks:
        if rank.rank < 1:
            files.fault_at(rank, "rank", rank.rank, "expected 1 for the first priority, 2 for the second…")
    return workshops, ranks, statements


def ties(ranks: Iterable[Rank]) -> list[Tie]:
    """Find the ranks that one sector gives to several priorities."""
    groups: dict[tuple[str, int], list[Rank]] = {}
    for rank in ranks:
        groups.setdefault((rank.sector, rank.rank), []).append(rank)
    return [Tie(sector, place, tuple(r.topic for r in rows), tuple(r.line for r in rows))
            for (sector, place), rows in groups.items() if len({r.topic for r in rows}) > 1]  # fmt: skip


def of_place(entries: Sequence[Any], codes: Iterable[str], theme: str = "") -> list[Any]:
    """Keep the entries of some territories, and of a theme when one is given."""
    wanted = set(codes)
    return [e for e in entries if e.territory in wanted and (not theme or e.theme == theme)]
