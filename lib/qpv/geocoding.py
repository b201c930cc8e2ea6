"""Asking the IGN's geocoding service where the facilities of a contract lie: by ``qpv data fetch facilities``, never in a build.

What is asked are public places (see :mod:`qpv.contract.sites`).  Answers are kept in ``<raw>/ign_geocodage/``; a place that was
found is not asked again unless its name, address or commune changed.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field, ValidationError

from qpv.atomic import write_atomically
from qpv.contract.sites import GEOCODED, Located, Site, places_of, read_located
from qpv.download import Client, Settings
from qpv.errors import FetchError, SourceError
from qpv.fetch import Outcome

SERVICE: Final = "https://data.geopf.fr/geocodage/search"
FOLDER: Final = "ign_geocodage"
#: By this name the step is asked for, beside the sources of the catalogue.
STEP: Final = "facilities"
#: After so many failures in a row the rest is left for later.
_PATIENCE: Final = 3


class _Geometry(BaseModel):
    coordinates: tuple[float, float]


class _Properties(BaseModel):
    score: float | None = None
    other_score: float | None = Field(default=None, alias="_score")  # of places that are no address
    label: str | None = None
    toponym: str | None = None


class _Feature(BaseModel):
    geometry: _Geometry
    properties: _Properties


class _Answer(BaseModel):
    features: list[_Feature]


def address_of(site: Site) -> str:
    """Write the question on a site: among addresses where one is known, else among places of interest, in its commune alone."""
    index = "address" if site.address else "poi"
    return f"{SERVICE}?{urlencode({'q': site.question, 'index': index, 'citycode': site.commune, 'limit': 1})}"


def locate(
    epci: str, sites: Sequence[Site], raw: Path, settings: Settings | None = None, today: dt.date | None = None
) -> Iterator[Outcome]:
    """Ask for the sites whose place is not known yet, and write what is known; say of each file what became of it.

    Whatever fails, answers that are there remain, and those that came are kept.
    """
    file = raw / FOLDER / GEOCODED.format(epci)
    try:
        before = read_located(file) if file.exists() else ()
    except SourceError as error:
        yield Outcome(STEP, "failed", file.name, message=str(error).replace("\n", "; "))
        return
    known = {key: at for key, at in places_of(sites, before).items() if at.longitude is not None}
    wanted = [s for s in sites if (s.qpv, s.number) not in known]
    faults: list[str] = []
    in_a_row = 0
    with closing(Client(settings or Settings(), lambda label, done, total: None)) as client:
        for site in wanted:
            try:
                known[site.qpv, site.number] = _ask(client, site, today or dt.date.today())
                in_a_row = 0
            except FetchError as error:
                faults.append(str(error))
                in_a_row += 1
                if in_a_row == _PATIENCE:
                    break
    rows = [known[s.qpv, s.number] for s in sites if (s.qpv, s.number) in known]
    content = _table(rows)
    same = file.exists() and file.read_bytes() == content
    if rows and not same:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
    lost = [at for at in rows if not at.sure]
    told = f"{len(rows) - len(lost)} of {len(sites)} places found" + (f", {len(lost)} not or not surely" if lost else "")
    if faults:
        yield Outcome(STEP, "failed", file.name, len(content), f"{told}; {len(faults)} questions failed: {faults[0]}")
    else:
        yield Outcome(STEP, "unchanged" if same else "fetched", file.name, len(content), told)


def _ask(client: Client, site: Site, today: dt.date) -> Located:
    address = address_of(site)
    try:
        features = _Answer.model_validate_json(client.text(address)).features
    except ValidationError as error:
        raise FetchError(f"{address}: the answer is no list of places ({error.errors()[0]['msg'][:120]})") from None
    empty = Located(qpv=site.qpv, number=site.number, asked=site.question, day=today)
    if not features:
        return empty
    best = features[0]
    longitude, latitude = best.geometry.coordinates
    about = best.properties
    score = about.score if about.score is not None else about.other_score
    try:
        return Located.model_validate(empty.model_dump() | {
            "longitude": round(longitude, 6), "latitude": round(latitude, 6), "score": None if score is None else round(score, 4),
            "found": about.label or about.toponym or "",
        })  # fmt: skip
    except ValidationError as error:
        raise FetchError(f"{address}: no place on earth ({error.errors()[0]['msg'][:120]})") from None


def _table(rows: Sequence[Located]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(Located.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(at.model_dump() for at in rows)
    return out.getvalue().encode()
