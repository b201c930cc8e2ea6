"""The index of facilities of a contract (S14): public places by QPV, number and category, and where each lies once that is known.

``sites.csv`` names the places.  Coordinates come from the geocoding service of the IGN, asked only by ``qpv data fetch facilities``
(:mod:`qpv.geocoding`), which leaves ``facilities-geocoded-<EPCI>.csv`` among the raw files: the build reads it, and asks nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field

from qpv.catalog.fields import Entry
from qpv.contract.entries import Cited, Number, QpvCode, Territory
from qpv.contract.files import Reading
from qpv.contract.voice import Day
from qpv.errors import SourceError

FILE: Final = "sites.csv"
GEOCODED: Final = "facilities-geocoded-{}.csv"
_GEOCODED: Final = re.compile(r"facilities-geocoded-(\d{9})\.csv")

#: Answers below this score are kept in the file, and not drawn: the service was not sure of the place.
LEAST_SCORE: Final = 0.6

Category = Literal["social", "institution", "sport", "culture", "employment", "childhood", "health"]
Longitude = Annotated[Number, Field(ge=-180, le=180)]
Latitude = Annotated[Number, Field(ge=-90, le=90)]


class Located(Entry):
    """Where the geocoding service puts a site: degrees (WGS 84), its score (0 to 1), what it found, on which day it was asked.

    ``asked`` is the question, by which it is known whether the site has changed since.  Without coordinates nothing was found.
    """

    qpv: str
    number: Annotated[str, BeforeValidator(str)]
    asked: str
    longitude: Longitude | None = None
    latitude: Latitude | None = None
    score: Annotated[Number, Field(ge=0)] | None = None
    found: str = ""
    day: Day

    @property
    def sure(self) -> bool:
        """Whether the service was sure enough for the place to be drawn."""
        return self.longitude is not None and self.latitude is not None and (self.score or 0) >= LEAST_SCORE


class Site(Cited):
    """A public place of the index: its number and name in the document, the commune, the address where one is known."""

    #: The address of a public place is no personal data; every other column on homes, and any text on a person, stays refused.
    public: ClassVar[frozenset[str]] = frozenset({"address"})

    qpv: QpvCode
    number: Annotated[str, BeforeValidator(str)]
    category: Category
    place: str
    commune: Territory
    address: str = ""
    note: str = ""

    @property
    def question(self) -> str:
        """What the geocoding service is asked: the address, else the name of the place."""
        return self.address or self.place


def read_sites(reading: Reading) -> list[Site]:
    """Read ``sites.csv``; faults go to ``reading``."""
    found = reading.table(FILE, Site)
    seen: set[tuple[str, str]] = set()
    for site in found:
        if (site.qpv, site.number) in seen:
            reading.fault_at(site, "number", site.number, f"the number stands twice for {site.qpv}")
        seen.add((site.qpv, site.number))
    return found


def geocoded_files(paths: Iterable[Path]) -> tuple[dict[str, Path], list[Path]]:
    """Split raw files: those that hold coordinates, by EPCI (the first one wins), and the others."""
    mine: dict[str, Path] = {}
    others = []
    for path in paths:
        match = _GEOCODED.fullmatch(path.name)
        if match:
            mine.setdefault(match[1], path)
        else:
            others.append(path)
    return mine, others


def read_located(file: Path) -> tuple[Located, ...]:
    """Read what the geocoding service answered.

    Raises
    ------
    SourceError
        Naming every fault of the file: line, column, value, what was expected.
    """
    reading = Reading(file.parent)
    rows = reading.table(file.name, Located)
    if reading.faults:
        told = "\n".join(str(f).removeprefix(f"{file.parent.name}/") for f in reading.faults)
        raise SourceError(f"{told}\n{file.name}: correct it, or remove it and run 'qpv data fetch facilities'")
    return tuple(rows)


def places_of(sites: Iterable[Site], located: Iterable[Located]) -> dict[tuple[str, str], Located]:
    """Give the answer for each site, by QPV and number; an answer to another question than its present one is of no use."""
    known = {(at.qpv, at.number, at.asked): at for at in located}
    found = {(s.qpv, s.number): known.get((s.qpv, s.number, s.question)) for s in sites}
    return {key: at for key, at in found.items() if at is not None}
