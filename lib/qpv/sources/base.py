"""What every reader takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from qpv.schemas import OBSERVATIONS, TERRITORIES, empty
from qpv.sources.rawfile import Finding, RawFile

if TYPE_CHECKING:
    import geopandas as gpd

    from qpv.catalog import Catalog, Edition, Source
    from qpv.reference import Reference


@dataclass(frozen=True)
class Cells:
    """Squares with values, and the territories that lie wholly within what they cover.

    ``squares`` has ``geometry`` and one column an indicator id, in that indicator's unit (``NaN``: not
    known); ``places`` has ``code, level, departement, geometry``; each with a declared CRS.
    """

    squares: gpd.GeoDataFrame
    places: gpd.GeoDataFrame


@dataclass(frozen=True)
class Delivery:
    """What one file held: observations, places, outlines, and what was noticed.

    ``observations`` and ``territories`` follow :mod:`qpv.schemas`; ``geometry`` has the columns
    ``code, level, generation, geometry`` in EPSG:4326.  ``cells`` are squares whose values
    :mod:`qpv.proxies` carries to other territories.  ``passage`` says which QPV of 2015 those of 2024 come
    from (``code_2024, code_2015, relation``, see :mod:`qpv.sources.passage`).
    """

    observations: pd.DataFrame = field(default_factory=lambda: empty(OBSERVATIONS))
    territories: pd.DataFrame = field(default_factory=lambda: empty(TERRITORIES))
    geometry: gpd.GeoDataFrame | None = None
    findings: list[Finding] = field(default_factory=list)
    cells: Cells | None = None
    passage: pd.DataFrame | None = None


@dataclass(frozen=True)
class Context:
    """What a reader may look things up in."""

    catalog: Catalog
    reference: Reference


Reader = Callable[[RawFile, "Source", "Edition", Context], Delivery]

READERS: dict[str, Reader] = {}


def reader(name: str) -> Callable[[Reader], Reader]:
    """Register a reader under the name that the catalogue uses."""

    def register(function: Reader) -> Reader:
        if name in READERS:
            raise ValueError(f"two readers are named {name!r}")
        READERS[name] = function
        return function

    return register
