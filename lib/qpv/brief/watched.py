"""Areas that a contract watches beside its QPV (S24): each criterion held, not held or unknown, with figure and source; likeness; the band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from qpv import tables
from qpv.brief.ledger import Ledger
from qpv.contract import vigilance
from qpv.contract.contract import Contract
from qpv.contract.entries import citation
from qpv.contract.vigilance import Case
from qpv.html import Block, text
from qpv.numbers import DASH, NBSP, NNBSP, format_number, format_value
from qpv.profile import Profile
from qpv.quarter import format_period
from qpv.rules import Criterion
from qpv.vocabulary import LEVELS_FR
from qpv.warehouse import Warehouse

_HOLDS_FR: Final = {True: "rempli", False: "non rempli", None: "inconnu"}
_SHOWN_FR: Final = "pour information"
_LIKE_FR: Final = {True: "oui", False: "non", None: "inconnue"}
_BAND_FR: Final = {
    vigilance.INSIDE: "touche un QPV", vigilance.IN_BAND: f"à {vigilance.BAND_M}{NBSP}m au plus d’un QPV",
    vigilance.OUTSIDE: f"à plus de {vigilance.BAND_M}{NBSP}m de tout QPV",
}  # fmt: skip


def watched(store: Warehouse, panel: Profile, contract: Contract, of_qpv: Mapping[str, pd.DataFrame], ledger: Ledger) -> Block:
    """Screen the areas that a contract names by its criteria; what is not known is said to be so, and neither holds nor fails.

    Parameters
    ----------
    of_qpv
        By indicator, the comparable figures of the QPV of the agglomération (``territory, period, value, ...``), for the likeness.
    """
    rules = contract.rules
    if rules is None:
        return Block("")
    head = f"<h3>Secteurs de vigilance et territoires vulnérables</h3><p>{text(rules.label)}{NNBSP}: au moins {format_number(rules.at_least)} critères à remplir sur {len(rules.deciding)}. <span class='newer'>{text(rules.source)}</span></p>"
    if not contract.cases:
        items = "".join(f"<li>{text(_asked(store, c))}</li>" for c in rules.criteria)
        return Block(f"{head}<ul>{items}</ul><p class='notice'>Aucun secteur n’est inscrit{NNBSP}: rien n’est à examiner.</p>")
    ledger_rows: list[pd.DataFrame] = []
    parts = [_case(store, panel, contract, case, of_qpv, ledger_rows) for case in contract.cases]
    for rows in ledger_rows:
        ledger.add_all(rows)
    note = ("Ce qui n’est pas connu n’est ni rempli ni non rempli. Ressemblance : le secteur n’est pas mieux placé que le QPV le mieux placé de "
            "l’agglomération, pour le même indicateur à la même date.")  # fmt: skip
    return Block(f"{head}{''.join(parts)}<p class='note'>{text(note)}</p>")


def _case(
    store: Warehouse, panel: Profile, contract: Contract, case: Case, of_qpv: Mapping[str, pd.DataFrame], kept: list[pd.DataFrame]
) -> str:  # fmt: skip
    assert contract.rules is not None
    criteria = {c.id: c for c in contract.rules.criteria}
    evidence = vigilance.examine(store, contract.rules, case, str(panel.quarter))
    held, failed, unknown = vigilance.agreed(evidence, contract.rules.criteria)
    polarities = {c.indicator: store.catalog.indicator(c.indicator).polarity for c in criteria.values()}
    known = [rows.assign(indicator=i)[["indicator", "period", "value"]] for i, rows in of_qpv.items() if len(rows)]
    qpv = pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=["indicator", "period", "value"])
    like = vigilance.similar_to_qpv(evidence, qpv, polarities)
    # What the contract does not print is left to the IRIS, where one stands for the area.
    evidence = evidence[(evidence["level"] != "sector") | evidence["value"].notna() | (evidence["level"] == "sector").all()]
    rows = []
    for place, e in zip(evidence.index, evidence.to_dict("records"), strict=True):
        rows.append([e["name"], e["label"], _wanted(e, criteria[e["criterion"]]), _figure(e), _source(store, e, kept), _HOLDS_FR[e["holds"]] if e["test"] else _SHOWN_FR,
                     _likeness(store, e, like[place], of_qpv.get(e["indicator"]), kept)])  # fmt: skip
    met = "oui" if held >= contract.rules.at_least else "non" if held + unknown < contract.rules.at_least else "ne peut être dit"
    alone = all(e == "sector" for e in evidence["level"])  # then every row is of the area itself
    caption = f"{case.label}{NNBSP}: {held} rempli{'s' if held > 1 else ''}, {failed} non rempli{'s' if failed > 1 else ''}, {unknown} inconnu{'s' if unknown > 1 else ''}"
    heads = ["Mesuré sur", "Critère", "Demandé", "Chiffre", "Source", "Réponse", "Comme les QPV"]
    facts = [f"Critères atteints{NNBSP}: {met}.", f"Bande des {vigilance.BAND_M}{NBSP}m{NNBSP}: {_band(store, panel, case)}."]
    if case.note:
        facts.append(f"{case.note[:1].upper()}{case.note[1:]}.")
    if alone:
        heads, rows = heads[1:], [r[1:] for r in rows]
    return f"{tables.plain_table(heads, rows, caption, 'small cards')}<p>{text(' '.join(facts))} <span class='newer'>{text(citation(case))}</span></p>"


def _asked(store: Warehouse, criterion: Criterion) -> str:
    if criterion.value is None:
        return criterion.label if criterion.test else f"{criterion.label} ({_SHOWN_FR})"
    indicator = store.catalog.indicator(criterion.indicator)
    sign = "au moins" if criterion.test == "at_least" else "au plus"
    return f"{criterion.label}{NNBSP}: {sign} {_plain(criterion.value, indicator.unit)}"


def _wanted(e: dict[str, Any], criterion: Criterion) -> str:
    """Write the threshold that was applied, else the territory that it is to be taken from."""
    if criterion.test is None:
        return DASH
    sign = "au moins" if e["test"] == "at_least" else "au plus"
    if e["threshold"] is not None and not pd.isna(e["threshold"]):
        return f"{sign} {_plain(float(e['threshold']), e['unit'])}"
    return f"{sign} la valeur de même date ({LEVELS_FR[criterion.relative_to]})" if criterion.relative_to else sign


def _figure(e: dict[str, Any]) -> str:
    if e["value"] is None or pd.isna(e["value"]):
        return DASH
    return f"{_plain(float(e['value']), e['unit'])} ({format_period(e['period'])})"


def _plain(value: float, unit: str) -> str:
    return format_value(value, unit, 0 if value.is_integer() else 1)


def _facts(store: Warehouse, e: dict[str, Any]) -> pd.DataFrame:
    theme = store.catalog.indicator(e["indicator"]).theme
    rows = store.observations(theme, [("indicator", "==", e["indicator"]), ("territory", "==", e["measured_on"])])
    return rows[(rows["period"] == e["period"]) & (rows["edition"] == e["edition"])]


def _source(store: Warehouse, e: dict[str, Any], kept: list[pd.DataFrame]) -> str:
    """Name edition and line of the figure; where there is none, say why."""
    if e["value"] is None or pd.isna(e["value"]):
        # No file holds it, so that nothing is to be waited for: it is known where a document prints it, and nowhere else.
        unread = e["level"] != "sector" and not store.catalog.indicator(e["indicator"]).columns
        return f"aucune source ne le donne par {LEVELS_FR[e['level']]}" if unread else str(e["reason"]) or "aucun chiffre"
    facts = _facts(store, e)
    kept.append(facts)
    line = f", l.{NBSP}{facts.iloc[0]['row']}" if len(facts) and e["level"] == "sector" else ""
    return f"{e['edition']}{line}" + (f" ; {e['reason']}" if e["reason"] else "")


def _likeness(store: Warehouse, e: dict[str, Any], like: object, qpv: pd.DataFrame | None, kept: list[pd.DataFrame]) -> str:
    """Say whether the area looks like the QPV, with the least unfavourable figure among them."""
    if not e["test"]:
        return DASH
    if qpv is None or qpv.empty:
        return f"{_LIKE_FR[None]} (QPV sans valeur)"
    # Two dates would set a change of the times against a difference between places.
    qpv = qpv[qpv["period"] == e["period"]]
    if like is None or qpv.empty:
        there = e["value"] is not None and not pd.isna(e["value"])
        return f"{_LIKE_FR[None]} (QPV sans valeur à cette date)" if there and qpv.empty else _LIKE_FR[None]
    indicator = store.catalog.indicator(e["indicator"])
    best = qpv.loc[qpv["value"].idxmax() if indicator.polarity.value == "higher_is_better" else qpv["value"].idxmin()]
    kept.append(qpv[qpv["territory"] == best["territory"]])
    return f"{_LIKE_FR[bool(like)]} (QPV le mieux placé{NNBSP}: {format_value(float(best['value']), indicator.unit, indicator.decimals)}, {format_period(str(best['period']))})"


def _band(store: Warehouse, panel: Profile, case: Case) -> str:
    """Say where the area lies about the QPV, by the outlines of its IRIS; unknown without IRIS or outlines."""
    if not case.codes:
        return "position inconnue, aucun IRIS n’est donné pour ce secteur"
    shapes = store.geometry("iris", case.codes)
    outlines = store.geometry("qpv", panel.peer_codes.get(("epci", "2024"), frozenset()))
    if shapes is None or shapes.empty or outlines is None or outlines.empty:
        return "position inconnue, contours absents"
    return _BAND_FR[vigilance.position(gpd.GeoSeries([shapes.geometry.union_all()], crs=shapes.crs), outlines.geometry)[0]]
