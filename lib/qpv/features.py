"""Figures of the QPV from squares, areas and lines whose files are read only around them.

Squares: counts are summed and quotients made of two sums, in proportion to the surface.  Areas: a share of the
surface, or a mean weighted by it.  Lines: kilometres within the territory or near it.  Communes that a QPV touches are
measured too, where their outlines are known, for comparison.  Status ``proxy``, with a note on what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import pandas as pd

from qpv.catalog import Catalog, Column, Indicator, Tally
from qpv.errors import CatalogError
from qpv.numbers import NBSP, NNBSP, format_number
from qpv.overlay import MINIMUM_SHARE, carry, lengths, overlaps, ratio
from qpv.quarter import UNDATED
from qpv.schemas import OBSERVATIONS
from qpv.sources.base import Delivery, Features
from qpv.sources.recognition import Recognised
from qpv.territory import departement_of, generation_of
from qpv.vocabulary import Status

if TYPE_CHECKING:
    import geopandas as gpd

#: Where a file of lines speaks of the whole country, this is the country: elsewhere no line is no zero.
_OVERSEAS: Final = ("97", "98")


def measured(catalog: Catalog, item: Recognised, delivery: Delivery, outlines: gpd.GeoDataFrame) -> Iterable[pd.DataFrame]:
    """Measure every indicator that the catalogue draws from a file of features.

    Parameters
    ----------
    outlines
        ``code, level, generation, geometry``: QPV, and communes where dropped.

    Returns
    -------
    iterable of pandas.DataFrame
        Observations (:data:`qpv.schemas.OBSERVATIONS`), one table an indicator, level and generation.

    Raises
    ------
    CatalogError
        If an indicator asks of the features what they cannot give.
    SourceError
        If the file cannot be read.
    """
    features = delivery.features
    qpv = outlines[outlines["level"] == "qpv"]
    if features is None or qpv.empty:
        return
    communes = outlines[outlines["level"] == "commune"]
    communes = communes.iloc[sorted(set(communes.sindex.query(qpv.geometry, predicate="intersects")[1]))]
    groups = [("qpv", str(generation), part) for generation, part in qpv.groupby("generation")]
    groups += [("commune", "", communes)] if len(communes) else []
    found = features.near(outlines.loc[qpv.index.union(communes.index)])
    for level, generation, areas in groups:
        pairs = overlaps(areas, found) if features.kind != "lines" else None
        if pairs is not None and pairs.empty:
            continue
        for indicator, column in catalog.columns_of(item.source.id):
            if level == "commune" and column.tally and column.tally.within:
                continue  # "near" is said of a neighbourhood
            if pairs is None:
                table = _lines(found, areas, features, indicator, column)
            elif features.kind == "squares":
                table = _squares(found, pairs, features, indicator, column)
            else:
                table = _areas(found, pairs, features, indicator, column)
            yield _observations(table, indicator, level, generation, item)


def _squares(
    found: gpd.GeoDataFrame, pairs: pd.DataFrame, features: Features, indicator: Indicator, column: Column
) -> pd.DataFrame:  # fmt: skip
    """Sum a count, or divide two sums; where no square lies, nobody lives: half of the surface is enough for both."""
    if column.column:
        table = carry(pairs, _sum(found, column.column[0]), "count", minimum=MINIMUM_SHARE)
        means, printed = "Somme", column.column[0]
    elif column.numerator:
        above, below = column.numerator[0], column.denominator[0]
        table = ratio(pairs, _sum(found, above), _sum(found, below))
        table["value"] *= 100 if indicator.unit == "pct" else 1
        means, printed = "Rapport de deux sommes", f"{above} / {below}"
    else:
        raise CatalogError(f"indicator {indicator.id!r}: squares are summed or divided, not tallied")
    note = f"{means} au prorata des surfaces des {features.name} (" + table["cells"].astype(str) + "), qui couvrent "
    note += table["share"].map(_percent) + " du territoire"
    if features.imputed:
        imputed = ratio(pairs, found[features.imputed[0]], found[features.imputed[1]], minimum=0)["value"]
        note += imputed.reindex(table.index).map(
            lambda v: f" ; {_percent(v)} des habitants sont dans un carreau imputé par l’Insee"
        )
    return table.assign(value=table["value"] * column.scale, note=note, column=printed)


def _areas(
    found: gpd.GeoDataFrame, pairs: pd.DataFrame, features: Features, indicator: Indicator, column: Column
) -> pd.DataFrame:  # fmt: skip
    tally = column.tally
    if tally is None or tally.kind not in ("share", "mean") or tally.within or tally.among:
        raise CatalogError(f"indicator {indicator.id!r}: areas give the share of a surface, or a mean weighted by it")
    if tally.kind == "share":
        table, means, printed = carry(pairs, 100.0 * _kept(found, tally)), "Part de la surface", ", ".join(tally.where)
    else:
        kept = found[tally.of].astype(float).where(_kept(found, tally))
        table, means, printed = carry(pairs, kept), "Moyenne pondérée par la surface", str(tally.of)
    note = f"{means} d’après les {features.name} (" + table["cells"].astype(str) + "), qui couvrent "
    note += table["share"].map(_percent) + " du territoire"
    return table.assign(value=table["value"] * column.scale, note=note, column=printed)


def _lines(
    found: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, features: Features, indicator: Indicator, column: Column
) -> pd.DataFrame:  # fmt: skip
    tally = column.tally
    if tally is None or tally.kind != "sum" or tally.of != "km":
        raise CatalogError(f"indicator {indicator.id!r}: of lines, the sum of 'km' is measured")
    here = areas[~areas["code"].map(_departement).str.startswith(_OVERSEAS)]
    table = lengths(found[_kept(found, tally)], here, tally.within)
    where = f"dans le territoire et à moins de {tally.within}{NBSP}m" if tally.within else "dans le territoire"
    note = f"Longueur des {features.name} {where} (" + table["lines"].astype(str) + " tronçons)"
    return pd.DataFrame({"value": table["km"] * column.scale, "note": note, "column": "km"})


def _kept(found: gpd.GeoDataFrame, tally: Tally) -> pd.Series:
    """Say which features a tally keeps; a value that ends in ``*`` accepts all that starts like it."""
    kept = pd.Series(True, index=found.index)
    for name, accepted in tally.where.items():
        texts = found[name].astype(str).str.strip()
        starts = tuple(a[:-1] for a in accepted if a.endswith("*"))
        kept &= texts.isin(accepted) | (texts.str.startswith(starts) if starts else False)
    return kept


def _sum(found: gpd.GeoDataFrame, words: str) -> pd.Series:
    """Add the columns that ``a + b`` names."""
    return found[words.split(" + ")].sum(axis=1, skipna=False).astype(float)


def _departement(code: str) -> str:
    return code[2:5].removeprefix("0") if generation_of(code) else departement_of(code)


def _percent(share: float) -> str:
    return f"{format_number(100 * share)}{NNBSP}%"


def _observations(table: pd.DataFrame, indicator: Indicator, level: str, generation: str, item: Recognised) -> pd.DataFrame:
    table = table[table["value"].notna()]
    return pd.DataFrame(
        {
            "territory": table.index, "level": level, "generation": generation, "indicator": indicator.id,
            "period": item.edition.periods.get("main", UNDATED), "value": table["value"].round(max(indicator.decimals, 2)).to_numpy(),
            "status": Status.PROXY.value, "qualifier": "", "edition": item.edition.id, "file": item.file.name, "row": 0,
            "column": table["column"].to_numpy(), "note": table["note"].to_numpy(),
        }
    )[list(OBSERVATIONS.columns)]  # fmt: skip
