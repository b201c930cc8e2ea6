"""From other geographies to the QPV: one rule for each kind of thing that is carried.

Points are in the QPV or within 300 m of it; rates of cells (IRIS, squares) become a mean weighted by
area, counts a sum of parts; squares of a raster a mean or a share of the area.  All functions are
pure: they take and give tables and know neither files nor the catalogue.

``areas`` has the columns ``code`` (QPV or INSEE code) and ``geometry``, in any declared CRS; it may
have ``departement``, else the département is read from the code.  Areas and distances are measured in
the projected CRS of that département (:func:`qpv.crosswalk.projected_crs`), in metres and m².
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from qpv.crosswalk import projected_crs
from qpv.territory import departement_of, generation_of

#: A point this near to the border, in metres, still serves the QPV ("à moins de 300 m").
NEAR_METRES: Final = 300.0

#: Below this share of its area covered by cells with a value, a QPV gets no mean.
MINIMUM_SHARE: Final = 0.5

#: A sum over part of a QPV is the sum of that part: a count wants (nearly) all of the area.
MINIMUM_SHARE_OF_COUNTS: Final = 0.95

Kind = Literal["rate", "count"]


def mend(frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int, int]:
    """Mend invalid geometries and leave out empty ones; ``frame`` itself never changes.

    Returns
    -------
    tuple
        The frame, how many geometries were mended, how many rows had none and were left out.

    Raises
    ------
    ValueError
        If the frame declares no coordinate system, or its index holds a label twice.
    """
    if frame.crs is None:
        raise ValueError("geometries without a coordinate system cannot be overlaid: set their CRS")
    if not frame.index.is_unique:
        raise ValueError("the index of an overlaid frame must be unique: reset it")
    void = frame.geometry.isna() | frame.geometry.is_empty
    kept = frame[~void]
    invalid = ~kept.geometry.is_valid
    if invalid.any():
        kept = kept.set_geometry(kept.geometry.make_valid())
    return kept, int(invalid.sum()), int(void.sum())


def points_within(points: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, near: float = NEAR_METRES) -> pd.DataFrame:
    """Find the points in each area and those within ``near`` metres of its border.

    Parameters
    ----------
    points
        One row a point (school, stop, practitioner…) with a unique index, in any declared CRS.
    areas
        See the module.
    near
        Metres from the border, the bound included; 0 for the inside alone.

    Returns
    -------
    pandas.DataFrame
        One row a pair: ``code``, ``point`` (label of the point), ``distance_m`` (0 inside and on the
        border), ``inside``; sorted by code, distance and point.  ``attrs``: ``mended``, ``void``.

    Raises
    ------
    ValueError
        As :func:`mend`.
    """
    points, mended, void = mend(points)
    areas, *counts = mend(areas)
    tables = []
    for epsg, part in _by_system(areas):
        close = _around(points, part, near).to_crs(epsg)
        rows, columns = part.sindex.query(close.geometry, predicate="dwithin", distance=near)
        metres = shapely.distance(close.geometry.to_numpy()[rows], part.geometry.to_numpy()[columns])
        tables.append(
            pd.DataFrame({"code": part["code"].to_numpy()[columns], "point": close.index.to_numpy()[rows], "distance_m": metres})
        )
    empty = pd.DataFrame({"code": pd.Series(dtype=str), "point": pd.Series(dtype=object), "distance_m": pd.Series(dtype=float)})
    found = pd.concat(tables, ignore_index=True) if tables else empty
    found["inside"] = found["distance_m"] == 0
    found = found.sort_values(["code", "distance_m", "point"], ignore_index=True)
    found.attrs = {"mended": mended + counts[0], "void": void + counts[1]}
    return found


def overlaps(areas: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> pd.DataFrame:
    """Measure by how much each cell lies in each area; the base of all that follows.

    Parameters
    ----------
    areas
        See the module; the codes are unique.
    cells
        Polygons (IRIS, squares) with a unique index, in any declared CRS; they do not overlap each other.

    Returns
    -------
    pandas.DataFrame
        One row a pair with a common surface: ``code``, ``cell`` (label of the cell), ``share_of_area``
        and ``share_of_cell`` (0-1).  ``attrs``: ``mended`` and ``void``, counted over both.

    Raises
    ------
    ValueError
        As :func:`mend`, or if an area stands twice.
    """
    if areas["code"].duplicated().any():
        twice = areas.loc[areas["code"].duplicated(), "code"].iloc[0]
        raise ValueError(f"area {twice!r} stands twice: give one perimeter a code")
    areas, *first = mend(areas)
    cells, *second = mend(cells)
    tables = []
    for epsg, part in _by_system(areas):
        close = _around(cells, part).to_crs(epsg)
        rows, columns = part.sindex.query(close.geometry, predicate="intersects")
        a, c = part.geometry.to_numpy()[columns], close.geometry.to_numpy()[rows]
        shared = shapely.area(shapely.intersection(a, c))
        tables.append(
            pd.DataFrame(
                {
                    "code": part["code"].to_numpy()[columns],
                    "cell": close.index.to_numpy()[rows],
                    "share_of_area": np.minimum(shared / shapely.area(a), 1),
                    "share_of_cell": np.minimum(shared / shapely.area(c), 1),
                }
            )[shared > 0]
        )
    empty = pd.DataFrame({c: pd.Series(dtype=float) for c in ("code", "cell", "share_of_area", "share_of_cell")})
    found = pd.concat(tables, ignore_index=True) if tables else empty
    found.attrs = {"mended": first[0] + second[0], "void": first[1] + second[1]}
    return found


def carry(
    pairs: pd.DataFrame,
    values: pd.Series,
    kind: Kind = "rate",
    weight: pd.Series | None = None,
    minimum: float | None = None,
) -> pd.DataFrame:
    """Carry one column of values from cells to areas, over pairs that :func:`overlaps` measured.

    ``rate``: mean of the cells' values (per cent, euros, °C…, in their own unit) weighted by the area
    that each cell shares with the area; with ``weight`` (inhabitants, dwellings of the cell), by that
    weight times the share of the cell.  ``count``: sum of the values times the share of the cell, as if
    what is counted were spread evenly in it.  Cells without a value (or weight) count as not covered.

    Parameters
    ----------
    pairs
        From :func:`overlaps`.
    values, weight
        By label of the cell; ``NaN`` is "not known".
    minimum
        Smallest share of the area (0-1) that cells with a value must cover; by default
        ``MINIMUM_SHARE`` for rates and ``MINIMUM_SHARE_OF_COUNTS`` for counts.

    Returns
    -------
    pandas.DataFrame
        By ``code``: ``value`` (``NaN`` under the minimum), ``share`` (0-1, of the area, covered by cells
        with a value), ``cells`` (how many of these).

    Raises
    ------
    ValueError
        If a count is given a weight, or weights are negative.
    """
    if kind == "count" and weight is not None:
        raise ValueError("a count is summed, not weighted")
    if weight is not None and (weight < 0).any():
        raise ValueError("a weight is negative")
    if minimum is None:
        minimum = MINIMUM_SHARE_OF_COUNTS if kind == "count" else MINIMUM_SHARE
    value = pairs["cell"].map(values).astype(float)
    share = pairs["share_of_cell"] if kind == "count" or weight is not None else pairs["share_of_area"]
    factor = share if weight is None else share * pairs["cell"].map(weight).astype(float)
    known = value.notna() & factor.notna()
    parts = pd.DataFrame(
        {"code": pairs["code"], "product": value * factor, "factor": factor, "share": pairs["share_of_area"], "cells": 1}
    )[known]
    total = parts.groupby("code").sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        result = total["product"] if kind == "count" else total["product"] / total["factor"]
    covered = total["share"].clip(upper=1).round(4)
    return pd.DataFrame(
        {"value": result.where((covered >= minimum) & np.isfinite(result)), "share": covered, "cells": total["cells"].astype(int)}
    ).reindex(pd.Index(pairs["code"].unique(), name="code").sort_values()).fillna({"share": 0.0, "cells": 0})  # fmt: skip


def ratio(pairs: pd.DataFrame, above: pd.Series, below: pd.Series, minimum: float = MINIMUM_SHARE) -> pd.DataFrame:
    """Carry a quotient as what it is: the sum of the numerators over the sum of the denominators, each in parts.

    Both are counts of the cells (poor households, households), spread evenly in each.  The mean of the cells' own
    quotients would let a square of three households weigh as much as one of three hundred.

    Parameters
    ----------
    pairs
        From :func:`overlaps`.
    above, below
        By label of the cell; a cell where either is ``NaN`` counts as not covered.
    minimum
        Smallest share of the area (0-1) that cells with both must cover.

    Returns
    -------
    pandas.DataFrame
        As :func:`carry`; nothing over zero is no value.
    """
    known = above.notna() & below.notna()
    top = carry(pairs, above.where(known), "count", minimum=minimum)
    base = carry(pairs, below.where(known), "count", minimum=minimum)
    return top.assign(value=top["value"] / base["value"].where(base["value"] > 0))


def lengths(lines: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, near: float = 0.0) -> pd.DataFrame:
    """Measure the lines within each area, or within ``near`` metres of it.

    Parameters
    ----------
    lines
        Lines with a unique index, in any declared CRS.
    areas
        See the module.

    Returns
    -------
    pandas.DataFrame
        By ``code``, every area once: ``km`` (0 without a line) and ``lines`` (how many).

    Raises
    ------
    ValueError
        As :func:`mend`.
    """
    lines, *_ = mend(lines)
    areas, *_ = mend(areas)
    tables = []
    for epsg, part in _by_system(areas):
        reach = part.geometry.buffer(near) if near else part.geometry
        close = _around(lines, part, near).to_crs(epsg)
        rows, columns = reach.sindex.query(close.geometry, predicate="intersects")
        shared = shapely.length(shapely.intersection(close.geometry.to_numpy()[rows], reach.to_numpy()[columns]))
        found = pd.DataFrame({"code": part["code"].to_numpy()[columns], "km": shared / 1000, "lines": 1})[shared > 0]
        tables.append(found.groupby("code").sum().reindex(part["code"], fill_value=0))
    empty = pd.DataFrame({"km": pd.Series(dtype=float), "lines": pd.Series(dtype=int)}, index=pd.Index([], name="code"))
    return (pd.concat(tables) if tables else empty).astype({"km": float, "lines": int}).rename_axis("code").sort_index()


def weighted(
    areas: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, value: Hashable, weight: Hashable | None = None, kind: Kind = "rate"
) -> pd.DataFrame:
    """Carry the column ``value`` of cells (IRIS, squares) to areas: mean of a rate, sum of a count.

    Gives and raises what :func:`overlaps` and :func:`carry` give and raise; an area that no cell
    touches has a share of 0 and no value.
    """
    pairs = overlaps(areas, cells)
    found = carry(pairs, cells[value], kind, None if weight is None else cells[weight])
    found = found.reindex(pd.Index(areas["code"], name="code")).fillna({"share": 0.0, "cells": 0}).astype({"cells": int})
    found.attrs = pairs.attrs
    return found


def grid_mean(areas: gpd.GeoDataFrame, squares: gpd.GeoDataFrame, value: Hashable) -> pd.DataFrame:
    """Give the mean over each area of a surface that squares sample (surface temperature, in °C).

    The same as a rate weighted by area (:func:`weighted`), with the same bound of coverage: a place without squares
    (no inhabitant, clouds) is left out of the mean and of the share.
    """
    return weighted(areas, squares, value)


def grid_share(areas: gpd.GeoDataFrame, squares: gpd.GeoDataFrame, value: Hashable, at_least: float) -> pd.DataFrame:
    """Give the share (0-1) of the covered part of each area where the value is at least a threshold, see :func:`weighted`."""
    reached = (squares[value] >= at_least).astype(float).where(squares[value].notna())
    return weighted(areas, squares.assign(_reached=reached), "_reached")


def _by_system(areas: gpd.GeoDataFrame) -> Iterator[tuple[int, gpd.GeoDataFrame]]:
    """Give the areas by projected CRS, in it."""
    given = "departement" in areas
    departements = areas["departement"].astype(str) if given else areas["code"].astype(str).map(_departement)
    for epsg, part in areas.groupby(departements.map(projected_crs)):
        yield int(str(epsg)), part.to_crs(int(str(epsg)))


def _departement(code: str) -> str:
    return code[2:5].removeprefix("0") if generation_of(code) else departement_of(code)


def _around(frame: gpd.GeoDataFrame, part: gpd.GeoDataFrame, margin: float = 0.0) -> gpd.GeoDataFrame:
    """Keep what may touch the part: other territories do not fit into its projection."""
    west, south, east, north = part.total_bounds
    step = margin + 1.0
    there = pyproj.Transformer.from_crs(part.crs, frame.crs, always_xy=True)
    bounds = there.transform_bounds(west - step, south - step, east + step, north + step)
    return frame.iloc[np.sort(frame.sindex.intersection(bounds))]
