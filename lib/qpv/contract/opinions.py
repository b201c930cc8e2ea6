"""The opinions that décret 2015-1118 (article 4) has annexed to the yearly report: of communes and conseils citoyens (S27).

``opinions.csv`` holds one row an opinion, in our own words.  It is that of a body: never a person's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from qpv.contract.entries import Cited, Territory, Year
from qpv.contract.files import Reading
from qpv.contract.readings import Short
from qpv.contract.voice import Day

FILE: Final = "opinions.csv"

KINDS_FR: Final = {"commune": "Commune", "citizens": "Conseil citoyen", "other": "Autre instance"}
STANCES_FR: Final = {
    "favourable": "favorable", "reserved": "favorable avec réserves", "noted": "prend acte", "unfavourable": "défavorable",
    "contribution": "contribution, sans avis",
}  # fmt: skip


class Opinion(Cited):
    """What a body said of the report on a year; ``body`` is the body as the document names it, or says that it does not."""

    year: Year
    kind: Literal["commune", "citizens", "other"]
    body: str
    stance: Literal["favourable", "reserved", "noted", "unfavourable", "contribution"]
    date: Day
    territory: Territory | None = None
    text: Short
    note: str = ""


def read_opinions(reading: Reading) -> list[Opinion]:
    """Read ``opinions.csv``; faults go to ``reading``."""
    found = reading.table(FILE, Opinion)
    for opinion in found:
        if opinion.date.year < opinion.year:
            reading.fault_at(
                opinion, "date", opinion.date, f"expected a day of {opinion.year} or later: a report is made after its year"
            )
    return found


def of_year(opinions: Iterable[Opinion], year: int) -> list[Opinion]:
    """Give the opinions on the report of a year, by kind and date."""
    return sorted((o for o in opinions if o.year == year), key=lambda o: (list(KINDS_FR).index(o.kind), o.date, o.body))
