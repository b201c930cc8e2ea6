"""From the perimeters of 2015 to those of 2024: the official table, else overlap of areas, else what contracts declare."""

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

#: How many predecessors a row of the official passage table has room for.
MOST_NAMED: Final = 3

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
    group = qpv["code"].map(_departement).str.removeprefix("0")
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


def alone(outlines: gpd.GeoDataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Give the QPV that no pair names: ``new`` ones of 2024, ``ended`` ones of 2015.

    Only where a département has outlines of both generations: elsewhere nothing shows that the other
    one is not merely missing.
    """
    qpv = outlines.loc[outlines["level"] == "qpv", ["code", "generation"]]
    new, old = (qpv.loc[qpv["generation"] == g, "code"] for g in ("2024", "2015"))
    both = set(new.map(_departement)) & set(old.map(_departement))
    new = new[new.map(_departement).isin(both) & ~new.isin(pairs["code_2024"])]
    old = old[old.map(_departement).isin(both) & ~old.isin(pairs["code_2015"])]
    return pd.concat([_lone(new, "code_2024", "new", "overlap"), _lone(old, "code_2015", "ended", "overlap")], ignore_index=True)


def declared(qpv: pd.DataFrame) -> pd.DataFrame:
    """Give the pairs that the embedded contracts declare (``data/reference/qpv.csv``)."""
    return pd.DataFrame(
        {
            "code_2024": qpv["code_2024"], "code_2015": qpv["code_2015"], "share_2024": None, "share_2015": None,
            "relation": qpv["relation"].replace("", "unknown"), "method": "declared",
        }
    )  # fmt: skip


def combine(computed: pd.DataFrame, stated: pd.DataFrame) -> pd.DataFrame:
    """Put what is known and what contracts declare together; a declaration holds for QPV with nothing else.

    Columns: :data:`qpv.schemas.CROSSWALK`.
    """
    kept = stated[~stated["code_2024"].isin(computed["code_2024"])]
    if computed.empty:
        return kept.reset_index(drop=True)
    denied = (computed["relation"] == "ended") & computed["code_2015"].isin(kept["code_2015"])
    return pd.concat([computed[~denied], kept.astype({"share_2024": float, "share_2015": float})], ignore_index=True)


def follow(passage: pd.DataFrame, measured: pd.DataFrame, known: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """Let the official passage table decide, and keep the shares that were measured.

    Parameters
    ----------
    passage
        ``code_2024, code_2015, relation`` (:mod:`qpv.sources.passage`); ``code_2015`` is empty for a new QPV.
    measured
        What :func:`overlap` and :func:`alone` found; it stands for the QPV of 2024 that the table does not list.
    known
        Codes of every QPV that is known, of both generations.  One of 2015 that the table names nowhere has
        ended, in the départements whose QPV of 2024 it lists in full.

    Returns
    -------
    tuple
        The crosswalk, and one text for each way in which table and outlines disagree, naming the QPV.
    """
    shares = measured[["code_2024", "code_2015", "share_2024", "share_2015"]]
    official = passage.merge(shares, how="left", on=["code_2024", "code_2015"]).assign(method="official")
    listed = passage["code_2024"]
    counts = passage[passage["code_2015"] != ""].groupby("code_2024").size()
    # The table has room for three predecessors: only a fourth may go unnamed.
    beyond = measured["code_2024"].isin(counts[counts >= MOST_NAMED].index) & ~measured["code_2015"].isin(passage["code_2015"])
    kept = measured[(beyond | ~measured["code_2024"].isin(listed)) & (measured["relation"] != "ended")]
    kept = kept.assign(relation=kept["relation"].mask(kept["code_2024"].isin(listed), "redrawn"))
    table = pd.concat([official[list(CROSSWALK.columns)], kept], ignore_index=True)
    new, old = (known[known.str.startswith(start)] for start in ("QN", "QP"))
    partly = set(new[~new.isin(listed)].map(_departement))
    whole = set(listed.map(_departement)) - partly
    lost = old[~old.isin(table["code_2015"])].drop_duplicates()
    ended = measured[
        (measured["relation"] == "ended")
        & measured["code_2015"].isin(lost)
        & ~measured["code_2015"].map(_departement).isin(whole)
    ]
    table = pd.concat([table, ended, _lone(lost[lost.map(_departement).isin(whole)], "code_2015", "ended", "official")])
    table = table.sort_values(["code_2024", "share_2024", "code_2015"], ascending=[True, False, True], ignore_index=True)
    return table, _disagreements(official, measured)


def _disagreements(official: pd.DataFrame, measured: pd.DataFrame) -> list[str]:
    """Name the QPV of 2024 of which table and outlines say two things."""
    said = official.drop_duplicates("code_2024").set_index("code_2024")["relation"]
    found = measured[measured["code_2024"] != ""].drop_duplicates("code_2024").set_index("code_2024")["relation"]
    both = pd.DataFrame({"said": said, "found": found}).dropna()
    texts = []
    for (table, outlines), part in both[both["said"] != both["found"]].groupby(["said", "found"]):
        texts.append(f"{len(part)} QPV are {table} by the table and {outlines} by their outlines; the table is followed: "
                     f"{', '.join(part.index)}")  # fmt: skip
    apart = official[official["code_2024"].isin(found.index) & (official["code_2015"] != "") & official["share_2024"].isna()]
    if len(apart):
        names = ", ".join(f"{a} and {b}" for a, b in zip(apart["code_2024"], apart["code_2015"], strict=True))
        texts.append(f"{len(apart)} pairs of the table do not overlap by their outlines; the table is followed: {names}")
    return texts


def _departement(code: str) -> str:
    return code[2:5]


def _lone(codes: pd.Series, column: str, relation: str, method: str) -> pd.DataFrame:
    """Give rows of QPV that stand alone: the code of the other generation is empty."""
    blank = {"code_2024": "", "code_2015": "", "share_2024": float("nan"), "share_2015": float("nan")}
    table = pd.DataFrame({column: sorted(codes)}, dtype=object).assign(relation=relation, method=method)
    return table.assign(**{k: v for k, v in blank.items() if k != column})[list(CROSSWALK.columns)]
