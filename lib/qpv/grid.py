"""The squares around each QPV, with their values, as a brief draws them.

What a QPV as a whole has, :mod:`qpv.proxies` carries from the same squares; here each keeps its own value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import shapely

from qpv.quarter import UNDATED
from qpv.schemas import SQUARES, empty

if TYPE_CHECKING:
    import geopandas as gpd

    from qpv.catalog import Catalog
    from qpv.sources.base import Delivery
    from qpv.sources.recognition import Recognised

#: So far around the box that holds a QPV its squares are kept, in metres: three squares of 200 m.
MARGIN_METRES: Final = 600.0
_WGS84: Final = 4326


def near_qpv(
    catalog: Catalog, deliveries: list[tuple[Recognised, Delivery]], geometry: gpd.GeoDataFrame | None
) -> pd.DataFrame:  # fmt: skip
    """List the squares around every QPV of 2024 whose outline is known.

    Parameters
    ----------
    catalog
        What people are counted for is left out: a square has too few of them to be shown.
    deliveries
        All that was read; those with ``cells`` count.
    geometry
        ``code, level, generation, geometry``; ``None`` when no outline was dropped, and then no square.

    Returns
    -------
    pandas.DataFrame
        :data:`qpv.schemas.SQUARES`, sorted by QPV, then as the file has its squares; values in the indicator's unit.
        A square without a value is left out.
    """
    tables = [empty(SQUARES)]
    if geometry is not None:
        qpv = geometry[(geometry["level"] == "qpv") & (geometry["generation"] == "2024")]
        for item, delivery in deliveries:
            if delivery.cells is not None:
                tables += _of_file(item, delivery.cells.squares, qpv, catalog)
    found = pd.concat(tables, ignore_index=True)
    return found.sort_values(["qpv", "indicator", "edition"], kind="stable", ignore_index=True)


def _of_file(item: Recognised, squares: gpd.GeoDataFrame, qpv: gpd.GeoDataFrame, catalog: Catalog) -> list[pd.DataFrame]:
    west, south, east, north = squares.to_crs(qpv.crs).total_bounds
    metres = squares.estimate_utm_crs()
    qpv, squares = qpv.cx[west:east, south:north].to_crs(metres), squares.to_crs(metres)
    boxes = shapely.box(*(qpv.bounds.to_numpy() + np.array([-1, -1, 1, 1]) * MARGIN_METRES).T)
    area, square = squares.sindex.query(boxes, predicate="intersects")
    order = np.lexsort((square, area))
    area, square = area[order], square[order]
    codes = qpv["code"].to_numpy()[area]
    shared = shapely.area(shapely.intersection(qpv.geometry.to_numpy()[area], squares.geometry.to_numpy()[square])) > 0
    outlines = shapely.to_wkb(squares.geometry.to_crs(_WGS84).to_numpy())[square]
    values = squares.drop(columns=squares.geometry.name)
    return [
        pd.DataFrame(
            {
                "qpv": codes, "indicator": name, "period": item.edition.periods.get("main", UNDATED), "edition": item.edition.id,
                "value": values[name].to_numpy(dtype=float)[square], "touches": shared, "outline": outlines,
            }
        ).dropna(subset="value")
        for name in values
        if catalog.indicator(name).unit != "count" and not catalog.indicator(name).minimum_count
    ]  # fmt: skip
