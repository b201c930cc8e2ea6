"""The abatement of property tax (TFPB, S25): dwellings and estimated tax by landlord and QPV, upkeep inside and outside, deadlines.

Social landlords pay 30 % less tax in QPV against actions for quality of life; each year they say what they did.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd
from pydantic import model_validator

from qpv.catalog.fields import French
from qpv.contract.entries import Cited, Count, Money, Number, QpvCode, Year
from qpv.contract.files import Reading

FILE: Final = "abatement.csv"
UPKEEP_FILE: Final = "upkeep.csv"


class Estate(Cited):
    """The dwellings of a landlord in a QPV at the end of a year, those with abatement, and the tax estimated for a year."""

    year: Year
    qpv: QpvCode
    landlord: str
    dwellings: Count
    abated: Count
    tax_eur: Money | None = None
    note: str = ""

    @model_validator(mode="after")
    def _part_of_all(self) -> Estate:
        if self.abated > self.dwellings:
            raise ValueError(f"abated {self.abated}: more than the {self.dwellings} dwellings")
        return self


class Upkeep(Cited):
    """An indicator of ordinary management, in the QPV and in the rest of a landlord's stock."""

    year: Year
    landlord: str
    label: French
    unit: str
    inside: Number
    outside: Number
    better: Literal["higher", "lower"] = "higher"

    @property
    def as_much(self) -> bool:
        """Whether the QPV has at least as much as the rest: the rule of the national frame (l. 7833)."""
        return self.inside >= self.outside if self.better == "higher" else self.inside <= self.outside


def read_abatement(reading: Reading) -> tuple[list[Estate], list[Upkeep]]:
    """Read ``abatement.csv`` and ``upkeep.csv``; faults go to ``reading``."""
    return reading.table(FILE, Estate), reading.table(UPKEEP_FILE, Upkeep)


def by_landlord(estates: Iterable[Estate]) -> pd.DataFrame:
    """Add up by landlord and year: ``year, landlord, dwellings, abated, tax_eur``, the largest first."""
    rows = pd.DataFrame([e.model_dump() for e in estates], columns=list(Estate.model_fields))
    rows = rows.astype({"tax_eur": float})
    found = rows.groupby(["year", "landlord"], as_index=False)[["dwellings", "abated", "tax_eur"]].sum(min_count=1)
    return found.sort_values(["year", "dwellings", "landlord"], ascending=[True, False, True], ignore_index=True)


@dataclass(frozen=True)
class Deadline:
    """A day by which something is due, in French, with the line of the convention."""

    day: dt.date
    what: str
    line: int


def deadlines(year: int) -> tuple[Deadline, ...]:
    """Give the deadlines for the actions of a year N: they fall in N+1 (contrat de Calais, l. 7559-8056).

    Examples
    --------
    >>> [d.day.isoformat() for d in deadlines(2026)]
    ['2027-03-30', '2027-03-30', '2027-04-30', '2027-05-30']
    """
    after = year + 1
    return (
        Deadline(dt.date(after, 3, 30), f"indicateurs de gestion {year}, en QPV et hors QPV", 7837),
        Deadline(dt.date(after, 3, 30), f"bilan quantitatif et qualitatif des actions {year}, par bailleur", 8036),
        Deadline(dt.date(after, 4, 30), f"réunion technique d’évaluation des actions {year}", 8052),
        Deadline(dt.date(after, 5, 30), f"justificatifs {year} remis aux signataires", 8056),
    )


def signature_deadline(signed: dt.date) -> Deadline:
    """Give the day by which the landlord declares its dwellings to the tax office, after a convention was signed (l. 7559)."""
    return Deadline(dt.date(signed.year + 1, 1, 1), "déclaration des logements aux services fiscaux (avant le)", 7559)
