"""The rhythm of a contract (S28): bodies that meet, deliveries, deadlines, and the next day for which a brief is due.

``calendar.yml`` gives each event its day of the year, or the days on which it is known to fall.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, model_validator

from qpv.catalog.fields import French
from qpv.contract.entries import Cited, Year
from qpv.contract.files import Reading as Files
from qpv.contract.voice import Day
from qpv.vocabulary import BRIEF_KINDS

FILE: Final = "calendar.yml"

RHYTHMS_FR: Final = {
    "once": "une fois", "yearly": "chaque année", "half_yearly": "deux fois l’an", "quarterly": "chaque trimestre", "monthly": "chaque mois",
    "unstated": "rythme à fixer",
}  # fmt: skip
#: Rhythm -> months between two dates.
_MONTHS: Final = {"yearly": 12, "half_yearly": 6, "quarterly": 3, "monthly": 1}


def _day_of_year(value: Any) -> Any:
    if isinstance(value, str) and value:
        try:
            dt.datetime.strptime(f"2024-{value}", "%Y-%m-%d")
        except ValueError:
            raise ValueError("expected a day of the year such as 03-30 (month, day)") from None
    return value


class Event(Cited):
    """Something that comes back, or falls once: who meets or what is due, and the kind of brief that serves it.

    ``from_day`` (month-day) is the first date of the year of what comes back; without it no date is known and none is
    given.  ``date`` is the one of what falls once.  ``until`` is the last year.
    """

    label: French
    rhythm: Literal["once", "yearly", "half_yearly", "quarterly", "monthly", "unstated"]
    from_day: Annotated[str, BeforeValidator(_day_of_year)] = ""
    date: Day | None = None
    until: Year | None = None
    brief: str = ""
    exact: bool = True  # False: the day is ours, the document gives the rhythm only
    note: str = ""

    @model_validator(mode="after")
    def _dated(self) -> Event:
        if self.rhythm == "once" and self.date is None:
            raise ValueError("an event that falls once needs a 'date'")
        if self.rhythm != "once" and self.date is not None:
            raise ValueError("'date' is for what falls once; give 'from_day' to what comes back")
        if self.brief and self.brief not in BRIEF_KINDS:
            raise ValueError(f"brief {self.brief!r}: expected one of {', '.join(BRIEF_KINDS)}")
        return self


@dataclass(frozen=True)
class Due:
    """The next date of an event."""

    day: dt.date
    event: Event


def read_calendar(files: Files) -> list[Event]:
    """Read ``calendar.yml``; faults go to ``files``."""
    found: list[Event] = files.document(FILE, {"events": Event})["events"]
    return found


def next_date(event: Event, after: dt.date) -> dt.date | None:
    """Give the first date of an event from a day on; ``None`` when none is known or none is left."""
    if event.date is not None:
        return event.date if event.date >= after else None
    if not event.from_day:
        return None
    step = _MONTHS.get(event.rhythm)
    if step is None:
        return None
    month, day = (int(p) for p in event.from_day.split("-"))
    for year in (after.year - 1, after.year, after.year + 1, after.year + 2):
        for place in range(month - 1, month - 1 + 12, step):
            candidate = _date(year + place // 12, place % 12 + 1, day)
            if candidate >= after:
                return candidate if event.until is None or candidate.year <= event.until else None
    return None


def _date(year: int, month: int, day: int) -> dt.date:
    """Give a date; the 31st of a shorter month is its last day."""
    last = (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
    return dt.date(year, month, min(day, last))


def due(events: Iterable[Event], after: dt.date) -> list[Due]:
    """List the next date of each event from a day on, the soonest first."""
    found = [Due(day, e) for e in events for day in [next_date(e, after)] if day is not None]
    return sorted(found, key=lambda d: (d.day, d.event.label))
