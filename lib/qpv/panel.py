"""All QPV of one EPCI: a profile whose place is the agglomération, and its QPV as they are known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import pandas as pd

from qpv.errors import AmbiguousTerritoryError, UnknownTerritoryError
from qpv.profile import Place, Profile, checked, comparators_of, profile_around
from qpv.quarter import Quarter
from qpv.reference import fold
from qpv.warehouse import Warehouse


def concerned(warehouse: Warehouse, territory: str, codes: Iterable[str]) -> list[str]:
    """Give the EPCI whose brief goes with the QPV of a territory, in order.

    An EPCI asks for itself alone; any other territory for the first EPCI, that of the contract, of
    each of its QPV (``codes``, of 2024).
    """
    if territory.strip().isdigit() and len(territory.strip()) == 9:
        return [territory.strip()]
    places = warehouse.places("qpv")
    return sorted({found.split(" ")[0] for found in places.loc[places.index.isin(list(codes)), "epci"]} - {""})


def qpv_of(warehouse: Warehouse, epci: str) -> pd.DataFrame:
    """Give the QPV of an EPCI, of both generations, by code: those astride another EPCI too.

    Columns: :data:`qpv.schemas.TERRITORIES`.
    """
    places = warehouse.places("qpv")
    return places[places["epci"].str.split(" ").map(lambda codes: epci in codes).astype(bool)]


def resolve_epci(warehouse: Warehouse, text: str) -> str:
    """Find the SIREN code of an EPCI with QPV from its code or its name.

    Raises
    ------
    UnknownTerritoryError, AmbiguousTerritoryError
        With the nearest names, or the candidates.
    """
    names: dict[str, str] = warehouse.places("epci")["name"].to_dict()
    known: list[str] = sorted({code for codes in warehouse.places("qpv")["epci"] for code in codes.split(" ") if code})
    wanted = text.strip()
    if wanted in known:
        return wanted
    folded = {code: fold(names.get(code, code)) for code in known}
    found = [code for code, name in folded.items() if fold(wanted) and fold(wanted) in name]
    if len(found) == 1:
        return found[0]
    if found:
        candidates = "; ".join(f"{c} ({names.get(c, c)})" for c in found[:5])
        raise AmbiguousTerritoryError(f"{wanted!r} is the name of several EPCI: {candidates}; give the code")
    near = difflib.get_close_matches(wanted, known, n=3) or list(known[:3])
    hint = ", ".join(f"{c} ({names.get(c, c)})" for c in near)
    raise UnknownTerritoryError(
        f"no EPCI with QPV answers to {wanted!r}; give a SIREN code, for instance: {hint or 'none known'}"
    )


def load_panel(warehouse: Warehouse, epci: str, theme: str, quarter: str | Quarter) -> Profile:
    """Read what is known of all QPV of an EPCI for a theme, as of the end of a quarter.

    Returns
    -------
    Profile
        Its ``place`` is the EPCI: ``communes`` are those of its QPV, ``departement`` and ``region``
        those of most of them.  ``observations`` holds every row on its QPV of both generations,
        of any status, its communes and the larger territories.  It has no figure of its own (``own``).

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError
        If a parameter is not allowed, or no EPCI with QPV answers.
    """
    when = checked(theme, quarter)
    code = resolve_epci(warehouse, epci)
    qpv = qpv_of(warehouse, code)
    communes = warehouse.places("commune")
    place = warehouse.places("epci").loc[code].copy()
    own_communes = dict.fromkeys(c for codes in qpv["communes"] for c in codes.split(" ") if c)
    mine = [c for c in own_communes if c in communes.index and communes.at[c, "epci"] == code]
    place["communes"], place["epci"] = " ".join(mine), code
    for column in ("departement", "region"):
        place[column] = qpv[column].mode().iloc[0]
    comparators = comparators_of(warehouse, place) | {
        "commune": [Place(c, "commune", communes.at[c, "name"]) for c in sorted(mine)]
    }
    codes = {code, *qpv.index, *mine, *communes.index[communes["epci"] == code]}
    codes |= {p.code for places in comparators.values() for p in places}
    return profile_around(warehouse, theme, when, place, comparators, codes, predecessors=[])
