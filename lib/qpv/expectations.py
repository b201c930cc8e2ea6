"""What must hold of an edition once it is read: values within bounds, rows that make up their total.

An impossible value stops its file.  An improbable one is kept, marked ``doubtful`` (shown, never compared)
and told.  Sums that do not add up are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from qpv.errors import SourceError
from qpv.sources.rawfile import Finding
from qpv.vocabulary import UNITS, Qualifier

if TYPE_CHECKING:
    from qpv.catalog import Catalog, Edition, Indicator, Source

Bounds = tuple[float, float]

_ANY: Final = (-np.inf, np.inf)
_POSITIVE: Final = (0.0, np.inf)
#: What a figure of a unit can be at all.  Shares are estimates: those of the census of 2010 on the QPV run
#: up to 108.9 %, and a negative income makes a share of income slightly negative.
POSSIBLE: Final[dict[str, Bounds]] = {
    **dict.fromkeys(UNITS, _POSITIVE),
    **dict.fromkeys(("eur", "eur_per_month", "index", "points", "tonnes", "tco2", "gwh"), _ANY),  # may be gaps or balances
    "pct": (-5.0, 120.0),
    "mark_20": (0.0, 20.0),
    "rank": (1.0, np.inf),
    "years": (0.0, 2200.0),  # ages, durations, or a year of construction
    "celsius": (-90.0, 100.0),
}
#: What is expected of a figure of a unit where its indicator gives no ``bounds``.
PLAUSIBLE: Final[dict[str, Bounds]] = POSSIBLE | {
    "pct": (0.0, 100.0),
    "count": (0.0, 1e8),  # more than the inhabitants of France
    "eur": (-1e7, 1e7),
    "eur_per_month": (-1e5, 1e5),
    "eur_per_m2": (0.0, 50_000.0),
    "points": (-100.0, 100.0),
    "per_1000": (0.0, 1000.0),
    "per_10000": (0.0, 10_000.0),
    "per_100000": (0.0, 100_000.0),
    "inhabitants_per_km2": (0.0, 100_000.0),
    "celsius": (-40.0, 75.0),
    "kwh_per_m2": (0.0, 2000.0),
    "ug_per_m3": (0.0, 500.0),
    "consultations_per_year": (0.0, 50.0),
}
#: So many territories stand at least in a base of a level; the smallest official ones have 1,228 EPCI, 1,293 QPV, 4,368
#: communes with a poverty rate and 12,000 IRIS.  Bases on the QPV have the communes and EPCI that hold one, which are fewer.
FEWEST: Final = {"qpv": 1200, "iris": 8000, "commune": 500, "epci": 300, "departement": 90, "region": 12}
#: So many figures of one column, all at most 1 %, look like proportions.
_ENOUGH: Final = 20
#: Quotients computed here carry binary noise (100.000045 %).
_NOISE: Final = 1e-3


def expect(observations: pd.DataFrame, source: Source, edition: Edition, catalog: Catalog) -> tuple[pd.DataFrame, list[Finding]]:
    """Check what an edition holds against its bounds and sums.

    Parameters
    ----------
    observations
        What was read from one file (:data:`qpv.schemas.OBSERVATIONS`).
    source, edition
        With the ``sums`` that are expected to hold.
    catalog
        Unit, ``bounds``, ``aggregation`` and ``part_of`` of the indicators.

    Returns
    -------
    tuple
        The observations, improbable ones with the qualifier ``doubtful``; and what was noticed.

    Raises
    ------
    SourceError
        If a value is impossible; the message names file, line, column, value, bounds and what to do.
    """
    if observations.empty:
        return observations, []
    _refuse_parts_of_persons(observations, catalog)
    improbable = _out_of_bounds(observations, catalog) | _proportions(observations, catalog)
    findings = _doubts(observations[improbable], catalog)
    if improbable.any():
        qualifier = observations["qualifier"].astype(object).where(~improbable, Qualifier.DOUBTFUL.value)
        observations = observations.assign(qualifier=qualifier.astype(observations["qualifier"].dtype.name))
    findings += _too_few(observations, source, edition)
    sums = edition.sums or source.sums
    if sums and sums.total is not None:
        findings += _totals(observations, sums.total, catalog)
    for by, tolerance in (sums.parts if sums else {}).items():
        findings += _parts(observations, by, tolerance, catalog)
    return observations, findings


def _too_few(observations: pd.DataFrame, source: Source, edition: Edition) -> list[Finding]:
    """Tell of an edition whose number of rows nobody described, and that holds fewer territories than any base of its level."""
    level = edition.level or source.level or ""
    if not edition.unseen or edition.rows is not None or level not in FEWEST:
        return []
    found = observations.loc[observations["level"] == level, "territory"].nunique()
    if found >= FEWEST[level]:
        return []
    return [
        Finding("warning", str(observations["file"].iloc[0]),
                f"{found} territories of level {level!r}, where a base of this level holds {FEWEST[level]:,} or more: the file is cut "
                "short or an extract; what it holds is read, ranks and medians over all QPV rest on these alone")
    ]  # fmt: skip


def plausible(indicator: Indicator) -> Bounds:
    """Give the values that are expected of an indicator: its own bounds, else those of its unit."""
    low, high = _unit(indicator, PLAUSIBLE)
    if indicator.bounds is None:
        return low, high
    own_low, own_high = indicator.bounds
    return (low if own_low is None else own_low), (high if own_high is None else own_high)


def possible(indicator: Indicator) -> Bounds:
    """Give the values that an indicator can have at all; its own bounds may widen those of its unit."""
    low, high = _unit(indicator, POSSIBLE)
    expected = plausible(indicator)
    return min(low, expected[0]), max(high, expected[1])


def _unit(indicator: Indicator, table: dict[str, Bounds]) -> Bounds:
    # A change may be of any size upwards; nothing loses more than all of itself.
    if indicator.of_change:
        return (-100.0, np.inf) if indicator.unit == "pct" else _ANY
    return table[indicator.unit]


def _out_of_bounds(observations: pd.DataFrame, catalog: Catalog) -> pd.Series:
    """Tell the improbable values; the first impossible one is an error."""
    codes, names = pd.factorize(observations["indicator"])
    indicators = [catalog.indicator(str(n)) for n in names]
    value = observations["value"].to_numpy(dtype=float)

    def outside(bounds: list[Bounds]) -> np.ndarray:
        low, high = np.array(bounds).T
        return np.asarray((value < low[codes] - _NOISE) | (value > high[codes] + _NOISE))  # NaN is neither

    wrong = np.flatnonzero(outside([possible(i) for i in indicators]))
    if len(wrong):
        first = observations.iloc[wrong[0]]
        indicator = indicators[codes[wrong[0]]]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise SourceError(
            f"{first['file']}, line {first['row']}, column {first['column']}: {first['value']:g} is no possible value of "
            f"{indicator.id!r} ({_words(plausible(indicator), indicator)}){more}; drop the producer's original again, or correct "
            "the column or the scale in the catalogue, or give the indicator 'bounds' if the producer means it"
        )
    return pd.Series(outside([plausible(i) for i in indicators]), index=observations.index)


def _refuse_parts_of_persons(observations: pd.DataFrame, catalog: Catalog) -> None:
    """Raise ``SourceError`` where a register counts a part of a person: a point between thousands reads so."""
    registers = {
        name for name in observations["indicator"].unique()
        if (i := catalog.indicator(str(name))).unit == "count" and i.minimum_count is not None
    }  # fmt: skip
    counted = observations[observations["indicator"].isin(registers)]
    wrong = counted[counted["value"] % 1 > 0]
    if len(wrong):
        first = wrong.iloc[0]
        raise SourceError(
            f"{first['file']}, line {first['row']}, column {first['column']}: {first['value']:g} is no whole number, and "
            f"{first['indicator']!r} counts; is the point between thousands? Drop the producer's original"
        )


def _proportions(observations: pd.DataFrame, catalog: Catalog) -> pd.Series:
    """Tell the values of per cent columns none of which is above one: proportions written 0-1, it seems."""
    shares = [n for n in observations["indicator"].unique() if catalog.indicator(str(n)).unit == "pct"]
    part = observations[observations["indicator"].isin(shares) & (observations["value"] != 0)]
    grouped = part["value"].abs().groupby(part["indicator"], observed=True).agg(["max", "count"])
    few = grouped.index[(grouped["max"] <= 1) & (grouped["count"] >= _ENOUGH)]
    return observations["indicator"].isin(few)


def _doubts(doubtful: pd.DataFrame, catalog: Catalog) -> list[Finding]:
    """Tell the improbable values, one finding an indicator."""
    findings = []
    for name, rows in doubtful.groupby("indicator", observed=True, sort=True):
        indicator, first = catalog.indicator(str(name)), rows.iloc[0]
        findings.append(
            Finding("warning", str(first["file"]),
                    f"column {first['column']}: {len(rows)} improbable values of {name} (as {first['value']:g} for "
                    f"{first['territory']}; {_words(plausible(indicator), indicator)}), kept as doubtful",
                    line=int(first["row"]))
        )  # fmt: skip
    return findings


def _words(bounds: Bounds, indicator: Indicator) -> str:
    return f"expected {bounds[0]:g} to {bounds[1]:g}, in {indicator.unit}"


def _totals(observations: pd.DataFrame, tolerance: float, catalog: Catalog) -> list[Finding]:
    """Compare the row of all QPV with the sum of the QPV, for counts that may be summed.

    Rows without a figure are in the total: they may account for what lacks, each for no more than the mean.
    """
    counts = [i.id for i in catalog.indicators.values() if i.unit == "count" and i.aggregation == "sum"]
    rows = observations[observations["indicator"].isin(counts)]
    findings = []
    for total in rows[(rows["level"] == "qpv_of_france") & rows["value"].notna()].itertuples():
        values = rows.loc[
            (rows["level"] == "qpv") & (rows["indicator"] == total.indicator) & (rows["period"] == total.period), "value"
        ]
        if values.empty:  # a file of the total alone, as Insee's ``_ENSQP``: nothing to be summed
            continue
        sum_, hidden = float(values.sum()), int(values.isna().sum())
        margin = tolerance + hidden * float(values.mean() if values.notna().any() else 0)
        if not -tolerance <= total.value - sum_ <= margin:
            findings.append(
                Finding("warning", str(total.file), f"column {total.column}: the total is {total.value:,.0f}, the sum of "
                        f"{values.notna().sum()} rows {sum_:,.0f} ({hidden} rows without a figure)", line=int(total.row))
            )  # fmt: skip
    return findings


def _parts(observations: pd.DataFrame, by: str, tolerance: float, catalog: Catalog) -> list[Finding]:
    """Compare wholes with the sums of their parts, row by row, where all parts are known."""
    wholes: dict[str, list[str]] = {}
    for indicator in catalog.indicators.values():
        if indicator.part_of and indicator.part_of.by == by and indicator.unit == "count":
            wholes.setdefault(indicator.part_of.whole, []).append(indicator.id)
    findings = []
    place = ["level", "territory", "period"]
    for whole, parts in wholes.items():
        rows = observations[observations["indicator"].isin([whole, *parts])]
        rows = rows.astype(dict.fromkeys([*place, "indicator"], str))
        wide = rows.pivot(index=place, columns="indicator", values="value").reindex(columns=[whole, *parts])
        # A total of all territories is rounded by itself.
        wide = wide[wide.index.get_level_values("level") != "qpv_of_france"]
        off = (wide[parts].sum(axis=1, skipna=False) - wide[whole]).dropna()
        off = off[off.abs() > tolerance]
        if len(off):
            where = off.index[0]
            row = rows[(rows[place] == list(where)).all(axis=1) & (rows["indicator"] == whole)].iloc[0]
            findings.append(
                Finding("warning", str(row["file"]), f"column {row['column']}: {row['value']:g} for {where[1]}, its parts by {by} "
                        f"make {row['value'] + off.iloc[0]:g}; so in {len(off)} rows", line=int(row["row"]))
            )  # fmt: skip
    return findings
