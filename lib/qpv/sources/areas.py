"""Climate zones and cycle ways: areas and lines of vector files, read around the QPV once their outlines are known."""

from __future__ import annotations

from typing import Final

import geopandas as gpd

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.sources.base import REACH_METRES, Context, Delivery, Features, reader
from qpv.sources.near import check_header, read_near
from qpv.sources.rawfile import RawFile

#: Shares of the surface of a zone: buildings, roads and car parks, bare soil, water, vegetation, trees.
_SHARES: Final = ("bur", "ror", "bsr", "war", "ver", "vhr")
#: Classes of the system of Stewart and Oke.
_CLASSES: Final = frozenset([*map(str, range(1, 11)), *"ABCDEFG"])
#: Values of ``ame_d`` and ``ame_g`` (schema « aménagements cyclables ») apart from motor traffic.
_OWN_WAY: Final = ("PISTE CYCLABLE", "DOUBLE SENS CYCLABLE PISTE", "VOIE VERTE")
_NONE: Final = ("", "AUCUN", "None", "nan")


@reader("climate_zones")
def read_climate_zones(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read local climate zones (Cerema): class ``lcz`` (1-10, A-G) and shares of the surface, one urban area a file.

    The shares come out in per cent, however the file writes them: if the largest of a whole urban area is at most 1,
    they are proportions.

    Returns
    -------
    Delivery
        ``features`` (areas) only; columns ``lcz`` and those of the shares that indicators name.

    Raises
    ------
    SourceError
        If the file cannot be read, a column or the coordinate system lacks, or a class or share is none.
    """
    tallies = [c.tally for _, c in context.catalog.columns_of(source.id) if c.tally]
    columns = sorted({"lcz", *(t.of for t in tallies if t.of), *(name for t in tallies for name in t.where)})
    shares = [c for c in columns if c in _SHARES]
    check_header(raw, columns)

    def near(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        found, bounds = read_near(raw, edition, columns, outlines, 0.0)
        found["lcz"] = found["lcz"].astype(str).str.strip().str.upper()
        wrong = found.loc[~found["lcz"].isin(_CLASSES), "lcz"]
        if len(wrong):
            raise SourceError(f"{raw.name}: {wrong.iloc[0]!r} is no class of local climate zone (1 to 10, A to G)")
        for name in shares:
            if name not in bounds or not (bounds.loc["min", name] >= 0 and bounds.loc["max", name] <= 100.5):
                raise SourceError(f"{raw.name}: column {name} is no share of a surface (0 to 1, or 0 to 100)")
            found[name] = found[name] * (100.0 if bounds.loc["max", name] <= 1 else 1.0)
        return found

    return Delivery(features=Features("areas", "zones climatiques locales", near))


@reader("cycle_ways")
def read_cycle_ways(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read cycle ways (Géovélo): lines with what is laid out on their right (``ame_d``) and left (``ame_g``).

    A street with a lane on each side is one line and counted once.  Columns given: ``any`` (``yes`` where there is
    something on either side) and ``own_way`` (``yes`` where cycles have a way apart from motor traffic).

    Returns
    -------
    Delivery
        ``features`` (lines) only.

    Raises
    ------
    SourceError
        If the file cannot be read, or a column or the coordinate system lacks.
    """
    del source, context
    sides = ["ame_d", "ame_g"]
    check_header(raw, sides)

    def near(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        found, _ = read_near(raw, edition, sides, outlines, REACH_METRES)
        words = found[sides].fillna("").astype(str).apply(lambda side: side.str.strip().str.upper())
        laid = ~words.isin([n.upper() for n in _NONE])
        own = words.isin(_OWN_WAY)
        spoken = {True: "yes", False: "no"}
        return found.assign(any=laid.any(axis=1).map(spoken), own_way=own.any(axis=1).map(spoken))

    return Delivery(features=Features("lines", "voies cyclables", near))
