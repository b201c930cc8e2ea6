"""Secteurs de vigilance and territoires vulnérables (S24): areas beside the QPV, with the evidence for each criterion.

``vigilance.yml`` holds the criteria (:mod:`qpv.rules`), ``cases.csv`` the areas that the contract names.  An area is read as
a sector of ``places/`` whose figures the contract prints, and through the IRIS that the analyst gives it, which
:mod:`qpv.screening` tests.  What is not known neither holds nor fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from qpv.contract.entries import Cited, Territory
from qpv.contract.files import Reading
from qpv.rules import Criterion, Rules
from qpv.screening import EVIDENCE, screen
from qpv.vocabulary import ABSENT, Polarity
from qpv.warehouse import Warehouse

if TYPE_CHECKING:
    import geopandas as gpd

FILE: Final = "vigilance.yml"
CASES_FILE: Final = "cases.csv"

#: The band around a QPV within which projects may be helped, in metres (rapport de Béthune-Bruay 2019, l. 414 and 424).
BAND_M: Final = 300
#: Lambert-93, in which distances in metropolitan France are metres.
_LAMBERT: Final = 2154

#: Position of an area or place about QPV.
INSIDE: Final = "inside"
IN_BAND: Final = "band"
OUTSIDE: Final = "outside"


class Case(Cited):
    """An area that a contract watches: a sector of ``places/``, and the IRIS that stand for it (codes, separated by spaces)."""

    territory: Territory
    label: str
    iris: str = ""
    note: str = ""

    @property
    def codes(self) -> list[str]:
        """The IRIS that stand for it."""
        return self.iris.split()


def read_cases(reading: Reading) -> list[Case]:
    """Read ``cases.csv``; faults go to ``reading``."""
    cases = reading.table(CASES_FILE, Case)
    for case in cases:
        bad = [c for c in case.codes if not (len(c) == 9 and c[2:].isdigit())]
        if bad:
            reading.fault_at(case, "iris", bad[0], "expected IRIS codes of nine characters, separated by spaces")
    return cases


def examine(warehouse: Warehouse, rules: Rules, case: Case, quarter: str | None = None) -> pd.DataFrame:
    """Give the evidence on an area: what the contract prints of it, then what its IRIS show.

    Returns
    -------
    pandas.DataFrame
        :data:`qpv.screening.EVIDENCE`; rows of the sector have level ``sector``.  A printed figure without a year counts,
        since the contract gives it as its evidence, and ``period`` says ``undated``.
    """
    rows = [_printed(warehouse, case, criterion) for criterion in rules.criteria]
    printed = pd.DataFrame(rows, columns=list(EVIDENCE)).astype({"holds": object, "value": float, "threshold": float})
    known = set(warehouse.places("iris").index) if case.codes else set()
    codes = [c for c in case.codes if c in known]
    if not codes:
        return printed
    screened = screen(warehouse, rules, codes, "iris", quarter)
    return pd.concat([printed.astype(object), screened.astype(object)], ignore_index=True)


def _printed(warehouse: Warehouse, case: Case, criterion: Criterion) -> dict[str, Any]:
    indicator = warehouse.catalog.indicator(criterion.indicator)
    row: dict[str, Any] = dict.fromkeys(EVIDENCE, "") | {
        "area": case.territory, "level": "sector", "name": case.label, "criterion": criterion.id, "label": criterion.label,
        "indicator": criterion.indicator, "test": criterion.test or "", "holds": None, "value": None, "threshold": criterion.value,
        "unit": indicator.unit, "contradicted": False, "comparator_value": None,
    }  # fmt: skip
    facts = warehouse.observations(
        indicator.theme, [("indicator", "==", criterion.indicator), ("territory", "==", case.territory)]
    )
    facts = facts[~facts["status"].isin([s.value for s in ABSENT]) & facts["value"].notna()]
    if facts.empty:
        return row | {"reason": "le contrat n’imprime pas ce chiffre pour ce secteur"}
    fact = facts.sort_values(["period", "edition"], kind="stable").iloc[-1]
    row |= {"value": float(fact["value"]), "period": fact["period"], "status": fact["status"], "edition": fact["edition"],
            "measured_on": case.territory}  # fmt: skip
    if criterion.test is None:
        return row
    if criterion.value is None:
        return row | {"reason": "le territoire de comparaison n’est pas donné à la même date"}
    holds = row["value"] >= criterion.value if criterion.test == "at_least" else row["value"] <= criterion.value
    return row | {"holds": bool(holds)}


def similar_to_qpv(evidence: pd.DataFrame, qpv: pd.DataFrame, polarities: dict[str, Polarity]) -> pd.Series:
    """Say, for each row of evidence, whether the area looks like the QPV at its date: at least as unfavourable as the best.

    Parameters
    ----------
    qpv
        ``indicator``, ``period`` and ``value`` of the QPV of the agglomération, one row a QPV and period.

    Returns
    -------
    pandas.Series
        True, False, or None where the area or the QPV have no value at that date, or no direction is the better one.
    """
    answers: list[bool | None] = []
    for row in evidence.to_dict("records"):
        values = qpv.loc[(qpv["indicator"] == row["indicator"]) & (qpv["period"] == row["period"]), "value"].dropna()
        polarity = polarities.get(str(row["indicator"]), Polarity.NONE)
        if values.empty or row["value"] is None or pd.isna(row["value"]) or polarity is Polarity.NONE:
            answers.append(None)
        elif polarity is Polarity.HIGHER:
            answers.append(bool(row["value"] <= values.max() + 1e-9))
        else:
            answers.append(bool(row["value"] >= values.min() - 1e-9))
    return pd.Series(answers, index=evidence.index, dtype=object)


def position(points: gpd.GeoSeries, outlines: gpd.GeoSeries, metres: float = BAND_M) -> list[str]:
    """Say of each place whether it lies inside a QPV, in the band around one, or outside.

    Parameters
    ----------
    points, outlines
        In EPSG:4326; distances are measured in Lambert-93.
    """
    whole = outlines.to_crs(_LAMBERT).union_all()
    away = points.to_crs(_LAMBERT).distance(whole)
    return [INSIDE if d == 0 else IN_BAND if d <= metres else OUTSIDE for d in away]


def agreed(evidence: pd.DataFrame, criteria: Sequence[Criterion] | Iterable[Criterion]) -> tuple[int, int, int]:
    """Count the criteria that hold, fail and are unknown, over all areas that stand for a case; what is only shown is none."""
    held = failed = unknown = 0
    for criterion in criteria:
        if criterion.test is None:
            continue
        answers = list(evidence.loc[evidence["criterion"] == criterion.id, "holds"])
        if any(a is True for a in answers):
            held += 1
        elif any(a is False for a in answers):
            failed += 1
        else:
            unknown += 1
    return held, failed, unknown
