"""Which of several figures for one fact a brief shows, and which contradict each other."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from qpv.quarter import period_position
from qpv.vocabulary import COMPARABLE_QUALIFIERS, PRESENT, Status

STATUS_ORDER: Final = {
    Status.OBSERVED: 0, Status.LOW_QUALITY: 1, Status.TRANSCRIBED: 2, Status.PROXY: 3,
    Status.NOT_APPLICABLE: 4, Status.SECRET: 5, Status.UNAVAILABLE: 6,
}  # fmt: skip


def prefer(rows: pd.DataFrame, editions: pd.DataFrame) -> pd.DataFrame:
    """Mark, among rows on the same fact, the preferred one; keep the others.

    The rule, in this order: a value before an absence, and an official one before one of lower
    quality, a transcribed one, a proxy; the plain value before a bound or an extreme; the source with the lower
    ``priority``; the edition published last; the figure whose line cites a source; the first line.
    Rows whose values differ by more than their rounding are marked ``contradicted``.
    """
    facts = editions.set_index("edition")[["published", "priority"]]
    rows = rows.join(facts, on="edition")
    rows["position"] = rows["period"].map({p: period_position(p) for p in rows["period"].unique()})
    rows["comparable"] = rows["qualifier"].isin([q.value for q in COMPARABLE_QUALIFIERS])
    rows["_status"] = rows["status"].map({s.value: n for s, n in STATUS_ORDER.items()}).astype(int)
    rows["_uncited"] = ~rows["note"].str.contains("source citée", regex=False)
    key = ["level", "territory", "indicator", "period"]
    rows = rows.sort_values(
        [*key, "_status", "comparable", "priority", "published", "_uncited", "edition", "row"],
        ascending=[True] * 4 + [True, False, True, False, True, True, True],
        ignore_index=True,
    )
    rows["preferred"] = ~rows.duplicated(key)
    rows["contradicted"] = _contradicted(rows, key)
    return rows.drop(columns=["_status", "_uncited"])


def _contradicted(rows: pd.DataFrame, key: list[str]) -> np.ndarray:
    """Mark the rows of facts whose values differ by more than the rounding of the coarsest."""
    usable = rows["status"].isin([s.value for s in PRESENT]) & rows["comparable"]
    several = rows[usable & rows.duplicated(key, keep=False)]
    marked = np.zeros(len(rows), dtype=bool)
    if several.empty:
        return marked
    value = several["value"]
    decimals = sum((value.round(d) - value).abs().gt(1e-9).astype(int) for d in range(4))
    grouped = several.assign(decimals=decimals, about=several["qualifier"] == "about").groupby(key)
    spread = grouped["value"].transform("max") - grouped["value"].transform("min")
    tolerance = 0.5 * 10.0 ** -grouped["decimals"].transform("min")
    largest = value.abs().groupby([several[k] for k in key]).transform("max")
    tolerance = np.where(grouped["about"].transform("any"), np.maximum(tolerance, 0.05 * largest), tolerance)
    marked[several.index[spread > tolerance + 1e-9]] = True
    return marked
