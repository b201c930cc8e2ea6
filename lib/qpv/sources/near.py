"""What lies around given outlines in a vector file of any size: read batch by batch, kept by box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio.errors
import pyogrio.raw
import shapely
from pyproj import CRS

from qpv.catalog import Edition
from qpv.errors import SourceError
from qpv.sources.rawfile import RawFile

#: So many metres to a degree, at most as many as anywhere in France: boxes in degrees come out too large, never too small.
_METRES_A_DEGREE: Final = 60_000.0


def boxes_around(outlines: gpd.GeoDataFrame, crs: CRS, margin: float) -> shapely.STRtree:
    """Index the boxes of the outlines, wider by ``margin`` metres, in the CRS of a file."""
    step = margin / _METRES_A_DEGREE if crs.is_geographic else margin
    bounds = outlines.geometry.to_crs(crs).bounds.to_numpy()
    # Other territories have no place in a projection made for one: the far ones come out infinite.
    west, south, east, north = bounds[np.isfinite(bounds).all(axis=1)].T
    return shapely.STRtree(shapely.box(west - step, south - step, east + step, north + step))


@contextmanager
def told(raw: RawFile) -> Iterator[None]:
    """Turn the faults of the vector library into one error that names the file."""
    try:
        yield
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.GeometryError, OSError) as error:
        raise SourceError(f"{raw.name}: cannot be read as geometries ({error}); drop it again") from error


def source_of(raw: RawFile) -> str:
    """Give what the vector library opens: the file, or the member of an archive."""
    if raw.fault:
        raise SourceError(raw.fault)
    return f"/vsizip/{raw.path}/{raw.member}" if raw.member else str(raw.path)


def check_header(raw: RawFile, columns: list[str], layer: str | None = None) -> None:
    """Refuse a file that cannot be opened, has no coordinate system, or lacks one of the columns."""
    with told(raw):
        info = pyogrio.read_info(source_of(raw), layer=layer)
    found = list(info["fields"])
    lacking = [c for c in columns if c not in found]
    if lacking:
        raise SourceError(f"{raw.name}: missing columns {', '.join(lacking)}; found {', '.join(found[:12])}")
    if not info["crs"]:
        raise SourceError(f"{raw.name}: no coordinate system; drop the .prj beside the .shp")


def read_near(
    raw: RawFile, edition: Edition, columns: list[str], outlines: gpd.GeoDataFrame, margin: float, layer: str | None = None
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Read the features whose box touches that of an outline, or comes within ``margin`` metres of it.

    Returns
    -------
    tuple
        The features (``columns``, ``geometry``, in the file's CRS, numbered anew), and the smallest and largest value
        of each numeric column in the whole file (rows ``min`` and ``max``).

    Raises
    ------
    SourceError
        If the file cannot be read or the count of features is not within the edition's.
    """
    kept, extremes, total = [], [], 0
    with told(raw), pyogrio.raw.open_arrow(source_of(raw), layer=layer, columns=columns, use_pyarrow=True) as (meta, batches):
        crs = CRS.from_user_input(meta["crs"])
        tree = boxes_around(outlines, crs, margin)
        name = meta["geometry_name"] or "wkb_geometry"
        for batch in batches:
            total += batch.num_rows
            shapes = shapely.from_wkb(batch.column(name).to_numpy(zero_copy_only=False))
            table = batch.select(columns).to_pandas()
            extremes.append(table.select_dtypes("number").agg(["min", "max"]))
            hits = pd.unique(tree.query(shapes, predicate="intersects")[0])
            kept.append(gpd.GeoDataFrame(table.iloc[hits], geometry=shapes[hits], crs=crs))
    if edition.rows and not edition.rows[0] <= total <= edition.rows[1]:
        raise SourceError(
            f"{raw.name}: {total} features; edition {edition.id} has between {edition.rows[0]} and {edition.rows[1]}: "
            "the file is cut short or another one"
        )
    if not kept:
        raise SourceError(f"{raw.name}: no feature at all; drop it again")
    found = gpd.GeoDataFrame(pd.concat(kept, ignore_index=True), geometry="geometry", crs=crs)
    return found, pd.concat(extremes).agg(["min", "max"])
