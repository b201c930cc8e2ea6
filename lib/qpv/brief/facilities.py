"""The facilities that a contract lists (S14): how many by QPV and category, by name, and on a map once their place is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import geopandas as gpd

from qpv import tables
from qpv.brief import atlas
from qpv.contract import renewal, vigilance
from qpv.contract.contract import Contract
from qpv.contract.entries import citation
from qpv.contract.renewal import CATEGORIES_FR
from qpv.contract.sites import LEAST_SCORE, Site, places_of
from qpv.html import Block, join, text
from qpv.numbers import NBSP, NNBSP, format_number
from qpv.profile import Profile
from qpv.quarter import format_date

#: Seven colours that remain apart for the colour-blind, in the order of the categories.
_COLOURS: Final = ("#0072b2", "#6b6b6b", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#e69f00")
_WHERE_FR: Final = {
    vigilance.INSIDE: "dans un QPV", vigilance.IN_BAND: f"à {vigilance.BAND_M}{NBSP}m au plus d’un QPV", vigilance.OUTSIDE: "plus loin",
}  # fmt: skip


def facilities(panel: Profile, contract: Contract, names: Mapping[str, str]) -> Block:
    """Tabulate the facilities of each QPV by category, list them by name, and map those whose place is known.

    Parameters
    ----------
    names
        Names of QPV by code.
    """
    counts = renewal.by_category(contract.facilities)
    if not counts and not contract.sites:
        return Block("<p class='notice'>Le contrat ne recense pas d’équipements.</p>")
    rows = [[label, *(str(counts[q][c]) for q in counts)] for c, label in CATEGORIES_FR.items()]
    rows.append(["Ensemble", *(str(sum(counts[q].values())) for q in counts)])
    heads = ["Catégorie", *(names.get(q, q) for q in counts)]
    table = tables.plain_table(heads, rows, "Équipements recensés par le contrat", "small cards") if counts else ""
    return join(Block(table), _places(panel, contract, names)) if contract.sites else Block(table)


def _places(panel: Profile, contract: Contract, names: Mapping[str, str]) -> Block:
    found = places_of(contract.sites, contract.located)
    drawn = [s for s in contract.sites if (s.qpv, s.number) in found and found[s.qpv, s.number].sure]
    where = _where(panel, contract, drawn)
    rows = [[names.get(s.qpv, s.qpv), s.number, s.place, CATEGORIES_FR[s.category], where.get((s.qpv, s.number), "non connue"), citation(s)]
            for s in contract.sites]  # fmt: skip
    total = len(contract.sites)
    heads = ["QPV", "Numéro", "Équipement", "Catégorie", "Position", "Document et ligne"]
    listed = tables.plain_table(heads, rows, f"Équipements, par leur nom ({total})", "small cards")
    if not drawn:
        said = (f"La carte des équipements n’est pas dessinée{NNBSP}: le document imprime leur nom sans adresse ni coordonnées. Elle le sera "
                "quand le géocodage de l’IGN aura été demandé (qpv data fetch facilities), puis les données refaites.")  # fmt: skip
        return Block(
            f"<p class='notice'>{text(said)}</p><details><summary>Équipements, par leur nom ({total})</summary>{listed}</details>"
        )
    colours = dict(zip(CATEGORIES_FR, _COLOURS, strict=True))
    at = [found[s.qpv, s.number] for s in drawn]
    shapes = gpd.GeoDataFrame(
        {"tip": [f"{s.place}\n{CATEGORIES_FR[s.category]}\n{where[s.qpv, s.number]}" for s in drawn], "fill": [colours[s.category] for s in drawn]},
        geometry=gpd.points_from_xy([p.longitude for p in at], [p.latitude for p in at]), crs=4326,
    )  # fmt: skip
    legend = [(colours[c], label) for c, label in CATEGORIES_FR.items() if any(s.category == c for s in drawn)]
    lost = total - len(drawn)
    rest = (
        f" {lost} n’ont pas été trouvés, ou pas assez sûrement (note sous {format_number(LEAST_SCORE, 1)}){NNBSP}: le tableau les nomme."
        if lost
        else ""
    )
    note = f"{len(drawn)} des {total} équipements sont placés.{rest} Le contrat ne dit pas où ils sont{NNBSP}: leur place vient du géocodage."
    last = format_date(max(p.day for p in at))
    source = f"Source : liste, {contract.sites[0].document}, l.{NBSP}{contract.sites[0].line} et suivantes ; places, géocodage de l’IGN, {last}. "
    return atlas.places_over(
        panel, shapes, "Équipements recensés par le contrat", "carte-equipements", legend, note, listed, source
    )


def _where(panel: Profile, contract: Contract, drawn: list[Site]) -> dict[tuple[str, str], str]:
    """Say of each place whether it lies in a QPV, in the band around one, or farther; unknown without outlines."""
    codes = panel.peer_codes.get(("epci", "2024"), frozenset())
    outlines = panel.warehouse.geometry("qpv", codes)
    found = places_of(contract.sites, contract.located)
    if outlines is None or outlines.empty or not drawn:
        return {(s.qpv, s.number): "placé, contours des QPV absents" for s in drawn}
    at = [found[s.qpv, s.number] for s in drawn]
    points = gpd.GeoSeries(gpd.points_from_xy([p.longitude for p in at], [p.latitude for p in at]), crs=4326)
    answers = vigilance.position(points, outlines.geometry)
    return {(s.qpv, s.number): _WHERE_FR[a] for s, a in zip(drawn, answers, strict=True)}
