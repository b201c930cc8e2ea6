"""Screening: which areas meet criteria that a contract sets, with the evidence for each.

Contrats de ville look for "territoires vulnérables" and "secteurs de vigilance" beside the QPV.  A rule
file (:mod:`qpv.rules`) lists the criteria; :func:`screen` gives the evidence, one row an area and criterion, and
:func:`summarise` counts.  What is not known is never guessed: it neither holds nor fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

from qpv.errors import AmbiguousTerritoryError, ParameterError, UnknownTerritoryError
from qpv.preference import prefer
from qpv.quarter import UNDATED, Quarter
from qpv.rules import LATEST, Criterion, Rules
from qpv.vocabulary import ABSENT, LEVELS_FR, STATUS_FR, Status
from qpv.warehouse import Warehouse

#: Levels from small to large; an area is only set against a level above its own.
_ORDER: Final = ("iris", "qpv", "commune", "epci", "departement", "region", "france")
_AREAS: Final = _ORDER[:4]

#: Rows of observations (named tuples), oldest first, by indicator, level and territory.
Facts = dict[tuple[str, str, str], list[Any]]

EVIDENCE: Final = (
    "area", "level", "name", "criterion", "label", "indicator", "test", "holds", "value", "threshold", "unit", "period",
    "status", "edition", "measured_on", "contradicted", "comparator", "comparator_value", "comparator_edition", "reason",
)  # fmt: skip


def screen(
    warehouse: Warehouse, rules: Rules, areas: Iterable[str], level: str = "", quarter: str | Quarter | None = None
) -> pd.DataFrame:
    """Test areas against criteria.

    Parameters
    ----------
    areas
        Codes of QPV (2024 or 2015), IRIS, communes or EPCI.
    level
        The level of all of them; needed only where a code stands for two areas.
    quarter
        Only editions published by its end count; by default all.

    Returns
    -------
    pandas.DataFrame
        :data:`EVIDENCE`, one row an area and criterion, in the order given.  ``holds`` is True, False, or
        None when the value or that of the territory of comparison is not known at one common period
        (``reason`` says why, in French).  ``threshold`` is the one applied, in ``unit``.  ``measured_on``
        is the code that was measured: for a QPV of 2024 with unchanged perimeter it may be that of 2015.

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError
        If a code is unknown or stands for two areas, or an area is set against a level that is not above its own.
    """
    places = _places(warehouse, areas, level)
    small = [(p, c) for p in places.to_dict("records") for c in rules.criteria
             if c.relative_to and _ORDER.index(c.relative_to) <= _ORDER.index(p["level"])]  # fmt: skip
    if small:
        place, criterion = small[0]
        raise ParameterError(
            f"criterion {criterion.id!r} sets an area against its {criterion.relative_to}, and {place['code']} is of level "
            f"{place['level']!r}: give smaller areas, or a larger territory"
        )
    same = warehouse.crosswalk.query("relation == 'identical'").groupby("code_2024")["code_2015"].agg(list).to_dict()
    # The figures of an unchanged QPV may stand under its code of 2015.
    own = {code: [code, *same.get(code, [])] for code in places["code"]}
    facts = _facts(warehouse, rules, places, own, quarter)
    rows = [_test(warehouse, facts, place, criterion, own[place["code"]])
            for place in places.to_dict("records") for criterion in rules.criteria]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(EVIDENCE))
    return table.astype({"holds": object, "value": float, "threshold": float, "comparator_value": float})


def summarise(evidence: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Count, for each area, the criteria that hold, fail and are unknown, and say whether the rule is met.

    Returns
    -------
    pandas.DataFrame
        ``area, level, name, held, failed, unknown, weight_held, weight_unknown, at_least, met``; ``met`` is True,
        False, or None when the unknown criteria could decide either way.
    """
    weight = evidence["criterion"].map({c.id: c.weight for c in rules.criteria}).astype(float)
    held, failed = evidence["holds"].eq(True), evidence["holds"].eq(False)
    unknown = ~held & ~failed & evidence["criterion"].isin([c.id for c in rules.deciding])
    counts = {
        "held": held,
        "failed": failed,
        "unknown": unknown,
        "weight_held": weight * held,
        "weight_unknown": weight * unknown,
    }
    keys = ["area", "level", "name"]
    table = evidence[keys].assign(**counts).groupby(keys, sort=False, as_index=False).sum()
    possible = table["weight_held"] + table["weight_unknown"]
    # Sums of decimals carry binary noise: 0.1 + 0.2 reaches 0.3.
    met = [True if sure >= rules.at_least - 1e-9 else False if most < rules.at_least - 1e-9 else None
           for sure, most in zip(table["weight_held"], possible, strict=True)]  # fmt: skip
    return table.assign(at_least=rules.at_least, met=pd.Series(met, index=table.index, dtype=object))


def _places(warehouse: Warehouse, areas: Iterable[str], level: str) -> pd.DataFrame:
    if level and level not in _AREAS:
        raise ParameterError(f"level {level!r} cannot be screened: expected one of {', '.join(_AREAS)}")
    wanted = list(dict.fromkeys(str(a).strip().upper() for a in areas))
    known = warehouse.territories
    known = known[known["level"].isin([level] if level else _AREAS) & known["code"].isin(wanted)]
    found = set(known["code"])
    lost = [a for a in wanted if a not in found]
    if lost:
        raise UnknownTerritoryError(
            f"no {level or 'QPV, IRIS, commune or EPCI'} is known under {', '.join(map(repr, lost[:5]))}"
            f"{f' and {len(lost) - 5} more' if len(lost) > 5 else ''}: give codes such as 621930101, 62193, 200090751, QN06254M"
        )
    twice = known.loc[known["code"].duplicated(), "code"]
    if len(twice):
        raise AmbiguousTerritoryError(f"{twice.iloc[0]} is the code of areas of several levels: give 'level'")
    return known.set_index("code").loc[wanted].reset_index()


def _comparators(place: dict[str, Any], level: str) -> list[str]:
    if level == "france":
        return ["FR"] if place["departement"].startswith(("97", "98")) else ["FR", "FRM"]
    column = "communes" if level == "commune" else level
    return [c for c in str(place[column]).split(" ")[:1] if c]


def _facts(
    warehouse: Warehouse, rules: Rules, places: pd.DataFrame, own: dict[str, list[str]], quarter: str | Quarter | None
) -> Facts:
    """Read the preferred rows of all that is asked for, by indicator, level and code."""
    editions = warehouse.editions
    if quarter is not None:
        when = quarter if isinstance(quarter, Quarter) else Quarter.parse(quarter)
        editions = editions[editions["published"] <= pd.Timestamp(when.end)]
    codes = {c for found in own.values() for c in found}
    levels = set(places["level"])
    for above in {c.relative_to for c in rules.criteria if c.relative_to}:
        levels.add(above)
        codes |= {c for place in places.to_dict("records") for c in _comparators(place, above)}
    found: Facts = {}
    for name in dict.fromkeys(c.indicator for c in rules.criteria):
        # An empty list has no type that pyarrow could compare with: ask for a code that nothing has.
        wanted = [("indicator", "==", name), ("territory", "in", sorted(codes) or [""]), ("level", "in", sorted(levels) or [""])]
        rows = warehouse.observations(warehouse.catalog.indicator(name).theme, wanted)
        rows = prefer(rows[rows["edition"].isin(editions["edition"])], editions)
        rows = rows[rows["preferred"] & (rows["period"] != UNDATED)].sort_values("position", kind="stable")
        for row in rows.itertuples(index=False):
            found.setdefault((name, row.level, row.territory), []).append(row)
    return found


def _test(warehouse: Warehouse, facts: Facts, place: dict[str, Any], criterion: Criterion, own: list[str]) -> dict[str, Any]:
    """Test one area against one criterion."""
    row: dict[str, Any] = dict.fromkeys(EVIDENCE, "") | {
        "area": place["code"], "level": place["level"], "name": place["name"], "criterion": criterion.id,
        "label": criterion.label, "indicator": criterion.indicator, "test": criterion.test or "", "holds": None, "value": None,
        "threshold": criterion.value, "unit": warehouse.catalog.indicator(criterion.indicator).unit,
        "period": "" if criterion.period == LATEST else criterion.period, "status": Status.UNAVAILABLE.value,
        "contradicted": False, "comparator_value": None,
    }  # fmt: skip
    mine = _rows(facts, criterion, place["level"], own)
    known = _usable(mine)
    if not known:
        if mine:
            # A bound or a doubtful figure is printed, and yet gives no value to test.
            absent = mine[-1].status in ABSENT
            row |= {"status": mine[-1].status if absent else row["status"], "period": mine[-1].period,
                    "edition": mine[-1].edition, "measured_on": mine[-1].territory}  # fmt: skip
        return row | {"reason": _why(mine, place)}
    figure, other = known[-1], None
    if criterion.relative_to:
        theirs = {
            r.period: r
            for r in _usable(_rows(facts, criterion, criterion.relative_to, _comparators(place, criterion.relative_to)))
        }
        common = [r for r in known if r.period in theirs]
        if common:
            figure = common[-1]
            other = theirs[figure.period]
            limit = other.value * criterion.ratio if criterion.ratio is not None else other.value + (criterion.points or 0.0)
            # Products of decimals carry binary noise; no threshold is finer than this.
            row |= {"threshold": round(limit, 6), "comparator": other.territory, "comparator_value": other.value,
                    "comparator_edition": other.edition}  # fmt: skip
    row |= {
        "value": figure.value, "period": figure.period, "status": figure.status, "edition": figure.edition,
        "measured_on": figure.territory, "contradicted": bool(figure.contradicted),
    }  # fmt: skip
    if criterion.test is None:
        return row
    if criterion.relative_to and other is None:
        where = LEVELS_FR[criterion.relative_to]
        return row | {"reason": f"pas de valeur à la même date pour le territoire de comparaison ({where})"}
    difference = row["value"] - row["threshold"]
    return row | {"holds": bool(difference >= -1e-9 if criterion.test == "at_least" else difference <= 1e-9)}


def _rows(facts: Facts, criterion: Criterion, level: str, codes: list[str]) -> list[Any]:
    """Give the rows of some codes, oldest first; at one period the first code comes last, where it is taken."""
    rows = [row for code in reversed(codes) for row in facts.get((criterion.indicator, level, code), [])]
    rows.sort(key=lambda row: row.position)
    return [row for row in rows if criterion.period in (LATEST, row.period)]


def _usable(rows: list[Any]) -> list[Any]:
    return [row for row in rows if not math.isnan(row.value) and row.comparable]


def _why(rows: list[Any], place: dict[str, Any]) -> str:
    """Say, in French, why an area has no value."""
    if rows:
        status = Status(rows[-1].status)
        return STATUS_FR[status] if status in ABSENT else "seulement une borne, un extrême ou un chiffre douteux"
    if place["level"] == "qpv" and place["generation"] == "2024":
        return "aucun chiffre lu sur le périmètre de 2024, ni sur un périmètre de 2015 inchangé"
    return "aucune source lue ne le mesure pour ce territoire à cette date"
