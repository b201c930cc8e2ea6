"""Schools around a QPV: the collèges of its agglomération, with what is published of each."""

from __future__ import annotations

from typing import Final

import pandas as pd

from qpv import tables
from qpv.brief.ledger import Ledger
from qpv.html import Block
from qpv.numbers import DASH, format_difference, format_value
from qpv.preference import prefer
from qpv.profile import Profile
from qpv.quarter import format_period

COLUMNS: Final = {
    "ips_college_index": "IPS",
    "dnb_success_general_pct": "Réussite au brevet (série générale)",
    "dnb_success_value_added_points": "Valeur ajoutée, réussite",
    "dnb_written_mark_20": "Note à l’écrit",
    "dnb_written_mark_value_added_points": "Valeur ajoutée, note",
}


def colleges(profile: Profile, communes: set[str]) -> pd.DataFrame:
    """Give the collèges of some communes: the territory columns, indexed by code."""
    places = profile.warehouse.places("school")
    return places[(places["kind"] == "college") & places["communes"].isin(communes)].drop(columns="code")


def school_facts(profile: Profile, codes: list[str]) -> pd.DataFrame:
    """Give the latest preferred figure of each collège and indicator, as of the quarter."""
    rows = profile.warehouse.observations("education", [("level", "==", "school"), ("territory", "in", sorted(codes))])
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
    own = set(profile.place["communes"].split(" "))
    places = colleges(profile, around(profile))
    if places.empty:
        return Block("<p class='notice'>Aucun collège n’est connu autour de ce quartier à la date de ce brief.</p>")
    facts = school_facts(profile, list(places.index))
    ledger.add_all(facts[facts["indicator"].isin(COLUMNS)])
    table = facts.set_index(["territory", "indicator"])
    names = profile.warehouse.communes["name"]
    rows = []
    for code, place in places.assign(near=~places["communes"].isin(own)).sort_values(["near", "communes", "name"]).iterrows():
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
        where = names.get(place["communes"], "") + ("" if place["near"] else " (commune du quartier)")
        rows.append([place["name"], where, place["aliases"] or DASH, *cells])
    caption = "Collèges de l’agglomération : position sociale et valeur ajoutée"
    return Block(tables.plain_table(["Collège", "Commune", "Éducation prioritaire", *COLUMNS.values()], rows, caption, "small"))
