"""Quarters and periods: when a brief speaks, and what time a figure speaks of."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from qpv.errors import ParameterError
from qpv.numbers import NBSP

_QUARTER: Final = re.compile(r"^(\d{4})-[TQ]([1-4])$")
_PERIOD: Final = re.compile(r"^(\d{4})(?:-(?:T([1-4])|(\d{2})|(\d{4})))?$")

#: The period of a figure that a document prints without any date.
UNDATED: Final = "undated"


@dataclass(frozen=True, order=True)
class Quarter:
    """A calendar quarter, the "as of" of a brief."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read ``2026-T3`` (or ``2026-Q3``).

        Raises
        ------
        ParameterError
            If the text has another form.
        """
        match = _QUARTER.match(str(text).strip().upper())
        if match is None or int(match[1]) < 1900:
            raise ParameterError(f"quarter {text!r} is not of the form YYYY-Tn: write for instance 2026-T3")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def last_complete(cls, today: dt.date) -> Quarter:
        """Give the last quarter that had ended on that day."""
        number = (today.month - 1) // 3  # quarters complete this year
        return cls(today.year, number) if number else cls(today.year - 1, 4)

    @property
    def end(self) -> dt.date:
        """The last day of the quarter."""
        first_of_next = dt.date(self.year + 1, 1, 1) if self.number == 4 else dt.date(self.year, 3 * self.number + 1, 1)
        return first_of_next - dt.timedelta(days=1)

    @property
    def before(self) -> Quarter:
        """The quarter before."""
        return Quarter(self.year, self.number - 1) if self.number > 1 else Quarter(self.year - 1, 4)

    @property
    def label(self) -> str:
        """``T3 2026``, with a no-break space."""
        return f"T{self.number}{NBSP}{self.year}"

    def __str__(self) -> str:
        return f"{self.year}-T{self.number}"


def is_period(text: str) -> bool:
    """Tell whether the text is a period: ``2019``, ``2021-T4``, ``2021-12``, ``2022-2023``."""
    if text == UNDATED:
        return True
    match = _PERIOD.match(text)
    if match is None:
        return False
    if match[3]:
        return 1 <= int(match[3]) <= 12
    return not match[4] or int(match[4]) > int(match[1])


def period_position(period: str) -> float:
    """Place a period on a time axis, in years; an undated one is ``nan``.

    A year stands at its own number, a quarter or a month at its last month, a school year at the
    year in which it ends: ``2019`` → 2019.0, ``2021-T4`` and ``2021-12`` → 2021.92.
    """
    if period == UNDATED:
        return float("nan")
    match = _PERIOD.match(period)
    if match is None:
        raise ValueError(f"not a period: {period!r}")
    if match[2]:
        return int(match[1]) + (3 * int(match[2]) - 1) / 12
    if match[3]:
        return int(match[1]) + (int(match[3]) - 1) / 12
    return float(match[4] or match[1])


def format_period(period: str) -> str:
    """Write a period for a French reader: ``T4 2021``, ``décembre 2021``, ``2022-2023``."""
    if period == UNDATED:
        return "année non précisée"
    match = _PERIOD.match(period)
    if match is None:
        raise ValueError(f"not a period: {period!r}")
    if match[2]:
        return f"T{match[2]}{NBSP}{match[1]}"
    if match[3]:
        return f"{MONTHS_FR[int(match[3]) - 1]}{NBSP}{match[1]}"
    return period


def short_period(period: str) -> str:
    """Write a period for an axis: ``2019``, ``T4 2021``, ``12/2021``, ``2022-23``."""
    match = _PERIOD.match(period)
    if match is None:
        raise ValueError(f"not a period: {period!r}")
    if match[3]:
        return f"{match[3]}/{match[1]}"
    return f"{match[1]}-{match[4][2:]}" if match[4] else format_period(period)


MONTHS_FR: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def format_date(day: dt.date) -> str:
    """Write a day for a French reader: ``1er mars 2024``."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number}{NBSP}{MONTHS_FR[day.month - 1]}{NBSP}{day.year}"
