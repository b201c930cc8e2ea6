"""What the tests of successions share: squares for outlines, and what is known of them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
from qpv.crosswalk import alone, overlap
from shapely import Polygon, box


def outlines(crs: int, **shapes: Polygon) -> gpd.GeoDataFrame:
    """Outlines given in metres, as the readers deliver them."""
    codes = list(shapes)
    frame = gpd.GeoDataFrame(
        {"code": codes, "level": "qpv", "generation": ["2024" if c.startswith("QN") else "2015" for c in codes]},
        geometry=list(shapes.values()),
        crs=crs,
    )
    return frame.to_crs(4326)


def square(x: float, y: float, width: float = 1_000, height: float = 1_000) -> Polygon:
    return box(700_000 + x, 7_000_000 + y, 700_000 + x + width, 7_000_000 + y + height)


def known_of(frame: gpd.GeoDataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """What the outlines show, pairs and lone QPV, and all codes."""
    pairs = overlap(frame)
    return pd.concat([pairs, alone(frame, pairs)], ignore_index=True), frame["code"]
