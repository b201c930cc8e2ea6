"""Schools around a QPV: the collèges of its agglomération, with what is published of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from qpv import tables
from qpv.brief.ledger import Ledger
from qpv.html import Block, text
from qpv.numbers import DASH, NNBSP, format_difference, format_number, format_value
from qpv.preference import prefer
from qpv.profile import Profile
from qpv.quarter import format_period
from qpv.territory import whole_commune

#: A page shows so many collèges, the nearest: the métropole du Grand Paris has hundreds.
NEAREST: Final = 60

COLUMNS: Final = {
    "ips_college_index": "IPS",
    "dnb_success_general_pct": "Réussite au brevet (série générale)",
    "dnb_success_value_added_points": "Valeur ajoutée, réussite",
    "dnb_written_mark_20": "Note à l’écrit",
    "dnb_written_mark_value_added_points": "Valeur ajoutée, note",
}


@dataclass(frozen=True)
class Colleges:
    """The collèges that a page shows.

    ``places`` has the territory columns, by code, and ``near`` (in a commune of the QPV) and ``exact`` (at its own
    coordinates, not at the point of its commune), those of the QPV's communes first, then the nearest.
    """

    places: pd.DataFrame
    others: int  # collèges of the agglomération that are not shown
    tied: bool  # whether the nearest of those stands at the same point as the last that is shown

    @property
    def title(self) -> str:
        """Name them, in French."""
        if not self.others:
            return "Collèges de l’agglomération"
        return f"{NEAREST} des collèges les plus proches" if self.tied else f"Les {NEAREST} collèges les plus proches"

    @property
    def note(self) -> str:
        """Say, in French, what is not shown, and what stands at the point of its commune."""
        vague = int((~self.places["exact"]).sum())
        left = f"{format_number(self.others)} autres collèges de l’agglomération ne sont pas montrés"
        left += f"{NNBSP}: au même point, l’ordre est celui des noms." if self.tied else ", car plus éloignés."
        placed = (
            "1 collège sans coordonnées publiées est placé au point de sa commune." if vague == 1
            else f"{vague} collèges sans coordonnées publiées sont placés au point de leur commune."
        )  # fmt: skip
        return " ".join([*([left] if self.others else []), *([placed] if vague else [])])


def colleges(profile: Profile) -> Colleges:
    """Find the collèges of the agglomération, at most ``NEAREST``, as the crow flies from the QPV."""
    places = profile.warehouse.places("school").drop(columns="code")
    places = places[places["kind"] == "college"]
    # Schools of Paris, Lyon and Marseille are known by their arrondissement, QPV by their commune.
    communes = places["communes"].map(whole_commune)
    places = places.assign(communes=communes)[communes.isin(around(profile))]
    points = profile.warehouse.communes[["longitude", "latitude"]]
    exact = places["longitude"].notna()
    for axis in ("longitude", "latitude"):
        places[axis] = places[axis].fillna(places["communes"].map(points[axis]))
    own = profile.place["communes"].split(" ")
    longitude, latitude = profile.place[["longitude", "latitude"]].astype(float).fillna(points.reindex(own).iloc[0])
    across = (places["longitude"] - longitude) * np.cos(np.radians(latitude))
    places = places.assign(
        exact=exact, near=places["communes"].isin(own), far=across**2 + (places["latitude"] - latitude) ** 2
    ).sort_values(["near", "far", "communes", "name"], ascending=[False, True, True, True], kind="stable")
    shown, others = places.iloc[:NEAREST], len(places) - NEAREST
    tied = others > 0 and bool((places[["near", "far"]].iloc[NEAREST] == shown[["near", "far"]].iloc[-1]).all())
    return Colleges(shown, max(0, others), tied)


def school_facts(profile: Profile, codes: list[str]) -> pd.DataFrame:
    """Give the latest preferred figure of each collège and indicator, as of the quarter.

    Columns: those of :data:`qpv.schemas.OBSERVATIONS`, with ``position`` and ``preferred``.
    """
    rows = profile.warehouse.schools(codes)
    rows = prefer(rows[rows["edition"].isin(profile.editions["edition"])], profile.editions)
    rows = rows[rows["preferred"] & rows["value"].notna() & rows["position"].notna()].sort_values("position")
    return rows.drop_duplicates(["territory", "indicator"], keep="last")


def around(profile: Profile) -> set[str]:
    """Give the communes of the EPCI, or of the QPV when its EPCI is not known."""
    epci = profile.place["epci"].split(" ")[0]
    communes = profile.warehouse.places("commune")
    return set(communes.index[(communes["epci"] == epci) & (epci != "")]) | set(profile.place["communes"].split(" "))


def schools_table(profile: Profile, ledger: Ledger) -> Block:
    """Tabulate the collèges, those of the QPV's communes first."""
    found = colleges(profile)
    if found.places.empty:
        return Block("<p class='notice'>Aucun collège n’est connu autour de ce quartier à la date de ce brief.</p>")
    facts = school_facts(profile, list(found.places.index))
    ledger.add_all(facts[facts["indicator"].isin(COLUMNS)])
    table = facts.set_index(["territory", "indicator"])
    names = profile.warehouse.communes["name"]
    rows = []
    for code, place in found.places.iterrows():
        cells = []
        for indicator in COLUMNS:
            if (code, indicator) not in table.index:
                cells.append(DASH)
                continue
            row, known = table.loc[(code, indicator)], profile.catalog.indicator(indicator)
            value = float(row["value"])
            added = "value_added" in indicator
            words = (
                format_difference(value, known.unit, known.decimals) if added else format_value(value, known.unit, known.decimals)
            )
            cells.append(f"{words} ({format_period(row['period'])})")
        where = names.get(place["communes"], "") + (" (commune du quartier)" if place["near"] else "")
        rows.append([place["name"], where, place["aliases"] or DASH, *cells])
    caption = f"{found.title}{NNBSP}: position sociale et valeur ajoutée"
    table = tables.plain_table(["Collège", "Commune", "Éducation prioritaire", *COLUMNS.values()], rows, caption, "small")
    return Block(table + (f"<p class='note'>{text(found.note)}</p>" if found.others else ""))
