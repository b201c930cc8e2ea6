"""From the perimeters of 2015 to those of 2024, by overlap of areas."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import pandas as pd

from qpv.schemas import CROSSWALK

#: A pair that shares less than this of both areas is a touch of borders, not a succession.
SMALLEST_SHARE: Final = 0.01

#: From this share of both areas on, two perimeters are the same.  The published contours of 2024
#: are simplified (gaps of up to 9 m), so that even an unchanged perimeter overlaps by 98-99 %.
#: With 0.97 the 19 QPV of Lens-Liévin give 4 unchanged and 15 redrawn, as its contract counts.
SAME_SHARE: Final = 0.97

#: Projected reference systems in metres, by département or territory; Lambert-93 elsewhere.
_CRS: Final = {
    "971": 5490, "972": 5490, "977": 5490, "978": 5490, "973": 2972, "974": 2975, "976": 4471,
    "975": 4467, "987": 3297, "988": 3163,
}  # fmt: skip
LAMBERT_93: Final = 2154


def projected_crs(departement: str) -> int:
    """Give the EPSG code in which areas and distances of a département are measured."""
    return _CRS.get(departement, LAMBERT_93)


def overlap(outlines: gpd.GeoDataFrame) -> pd.DataFrame:
    """Pair the QPV of 2024 with those of 2015 that they overlap.

    Parameters
    ----------
    outlines
        ``code, level, generation, geometry`` in EPSG:4326, of both generations.

    Returns
    -------
    pandas.DataFrame
        ``code_2024, code_2015, share_2024, share_2015, relation, method``: the shares (0-1) of
        the area of each that the other covers, areas measured in the projection of the territory.
    """
    qpv = outlines[outlines["level"] == "qpv"]
    group = qpv["code"].str[2:5].str.removeprefix("0")
    system = group.map(lambda d: projected_crs(d))
    pieces = []
    for crs, part in qpv.groupby(system):
        part = part.to_crs(int(crs))
        new = part.loc[part["generation"] == "2024", ["code", "geometry"]].reset_index(drop=True)
        old = part.loc[part["generation"] == "2015", ["code", "geometry"]].reset_index(drop=True)
        if new.empty or old.empty:
            continue
        pairs = gpd.sjoin(new, old, predicate="intersects", lsuffix="2024", rsuffix="2015")
        shared = new.geometry.loc[pairs.index].intersection(
            old.geometry.loc[pairs["index_2015"]].set_axis(pairs.index)
        ).area  # fmt: skip
        pieces.append(
            pd.DataFrame(
                {
                    "code_2024": pairs["code_2024"].to_numpy(),
                    "code_2015": pairs["code_2015"].to_numpy(),
                    "share_2024": (shared / new.geometry.area.loc[pairs.index]).to_numpy(),
                    "share_2015": shared.to_numpy() / old.geometry.area.loc[pairs["index_2015"]].to_numpy(),
                }
            )
        )
    if not pieces:
        return pd.DataFrame(columns=list(CROSSWALK.columns))
    table = pd.concat(pieces, ignore_index=True)
    table[["share_2024", "share_2015"]] = table[["share_2024", "share_2015"]].clip(0, 1).round(4)
    table = table[table[["share_2024", "share_2015"]].max(axis=1) >= SMALLEST_SHARE]
    same = table[["share_2024", "share_2015"]].min(axis=1) >= SAME_SHARE
    table["relation"] = same.map({True: "identical", False: "redrawn"})
    table["method"] = "overlap"
    return table.sort_values(["code_2024", "share_2024"], ascending=[True, False]).reset_index(drop=True)


def declared(qpv: pd.DataFrame) -> pd.DataFrame:
    """Give the pairs that the embedded contracts declare (``data/reference/qpv.csv``)."""
    return pd.DataFrame(
        {
            "code_2024": qpv["code_2024"], "code_2015": qpv["code_2015"], "share_2024": None, "share_2015": None,
            "relation": qpv["relation"].replace("", "unknown"), "method": "declared",
        }
    )  # fmt: skip


def combine(computed: pd.DataFrame, stated: pd.DataFrame) -> pd.DataFrame:
    """Put both together; an overlap that was measured replaces what was declared for that QPV."""
    kept = stated[~stated["code_2024"].isin(computed["code_2024"])]
    if computed.empty:
        return kept.reset_index(drop=True)
    return pd.concat([computed, kept.astype({"share_2024": float, "share_2015": float})], ignore_index=True)
