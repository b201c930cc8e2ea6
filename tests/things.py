"""What the tests of files with one row a thing share: real outlines, points around Beau Marais, a reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
from qpv import tallies
from qpv.catalog import Catalog
from qpv.reference import Reference
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import Recognised, recognise

BEAU_MARAIS, BEAU_MARAIS_2015, CALAIS, CALAIS_EPCI = "QN06254M", "QP062056", "62193", "200090751"
CONTOURS = (
    "contours/qpv2024/qpv2024_simplified.geojson", "contours/qpv2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp",
    "contours/admin/communes-62.geojson", "contours/admin/departements-hdf.geojson",
)  # fmt: skip
Deliver = Callable[[Path], tuple[Recognised, Delivery]]


def unbounded(catalog: Catalog) -> Catalog:
    """The catalogue with editions of any number of rows: our files have a few."""
    sources = [
        s.model_copy(
            update={
                "editions": [e.model_copy(update={"rows": None}) for e in s.editions],
                "families": [f.model_copy(update={"rows": None}) for f in s.families],
            }
        )
        for s in catalog.sources.values()
    ]
    return Catalog(list(catalog.indicators.values()), sources)


def read(path: Path, catalog: Catalog, reference: Reference) -> tuple[Recognised, Delivery]:
    (found,), _ = recognise([path], catalog)
    return found, READERS[found.source.reader or ""](found.file, found.source, found.edition, Context(catalog, reference))


def outlines(official: Path, catalog: Catalog, reference: Reference) -> gpd.GeoDataFrame:
    """The real outlines: QPV of 2024 and 2015, communes of Pas-de-Calais, départements of Hauts-de-France."""
    shapes = [read(official / name, catalog, reference)[1].geometry for name in CONTOURS]
    return pd.concat(shapes, ignore_index=True).drop_duplicates(["level", "code"], ignore_index=True)


def count(
    delivered: tuple[Recognised, Delivery], catalog: Catalog, reference: Reference, geometry: gpd.GeoDataFrame | None = None
) -> pd.DataFrame:
    """All observations of one delivery."""
    ((_, done),) = tallies.counted(catalog, reference, [delivered], geometry)
    return done.observations.astype(dict.fromkeys(("territory", "level", "indicator", "period", "status", "note"), str))


def around(geometry: gpd.GeoDataFrame, code: str) -> dict[str, tuple[float, float]]:
    """Points in degrees: inside an outline, 200 metres and 1 km outside of its eastern end."""
    shape = geometry[geometry["code"] == code].to_crs(2154).geometry.iloc[0]
    ring = max(shape.geoms, key=lambda p: p.area).exterior if shape.geom_type == "MultiPolygon" else shape.exterior
    x, y = max(ring.coords)
    metres = gpd.GeoSeries(
        gpd.points_from_xy([shape.representative_point().x, x + 200, x + 1000], [shape.representative_point().y, y, y]), crs=2154
    ).to_crs(4326)
    return dict(zip(("inside", "near", "far"), zip(metres.x, metres.y, strict=True), strict=True))


def value(table: pd.DataFrame, territory: str, indicator: str, period: str | None = None) -> pd.Series:
    """The one row on a territory and indicator."""
    rows = table[(table["territory"] == territory) & (table["indicator"] == indicator)]
    rows = rows if period is None else rows[rows["period"] == period]
    assert len(rows) == 1, f"{territory} {indicator}: {len(rows)} rows"
    return rows.iloc[0]


def lines(header: str, rows: list[dict[str, object]], separator: str = ";") -> str:
    """A CSV with a real header; columns that a row does not name are blank."""
    names = header.split(separator)
    assert all(set(r) <= set(names) for r in rows)
    return "\n".join([header, *(separator.join(str(r.get(n, "")) for n in names) for r in rows)]) + "\n"
