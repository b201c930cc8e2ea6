"""What every reader takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pandas as pd

from qpv.schemas import OBSERVATIONS, TERRITORIES, empty
from qpv.sources.rawfile import Finding, RawFile

if TYPE_CHECKING:
    import geopandas as gpd

    from qpv.catalog import Catalog, Edition, Source, Tally
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
class Features:
    """Squares, areas or lines of a file too large to hold: what lies around outlines is read when these are known.

    ``near`` takes polygons and gives, of the features that may touch them (lines: that may come within
    :data:`REACH_METRES`), ``geometry`` in a declared CRS and the columns that the catalogue names; it raises
    ``SourceError``.  ``name`` is what the features are called in a note.  ``imputed`` names two columns of squares:
    the persons of squares that the producer imputed, and all persons.
    """

    kind: Literal["squares", "areas", "lines"]
    name: str
    near: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]
    imputed: tuple[str, str] | None = None


#: Lines are measured up to this far from a territory.
REACH_METRES = 300.0


@dataclass(frozen=True)
class Figure:
    """A figure that a file of things allows: the indicator, how it is tallied, of which columns."""

    indicator: str
    tally: Tally
    scale: float
    levels: tuple[str, ...]  # none: all
    label: str


@dataclass(frozen=True)
class Tallied:
    """What a file with one row a thing adds up to, before outlines are known.

    ``sums`` has ``figure`` (position in ``figures``), ``level, generation, territory, period, at, value,
    weight, things``: sums by the codes that the rows carry, at the levels ``qpv, iris, commune, departement,
    school``;
    ``at`` is the value of the thing where a median is wanted, else 0.  ``points`` has ``longitude,
    latitude, period`` and for figure *n* the columns ``v<n>``, ``w<n>`` (``NaN``: not counted).
    ``seen`` has ``period, departement, things, unplaced, lost``: how many things the file holds there, how many
    of these have no coordinates, and how many are of no commune that is known; the département is ``""`` where the rows do not tell it.
    """

    noun: str
    figures: list[Figure]
    sums: pd.DataFrame
    points: pd.DataFrame
    seen: pd.DataFrame
    coded: frozenset[str]  # what the rows name by code: "qpv_2024", "commune"…


@dataclass(frozen=True)
class Delivery:
    """What one file held: observations, places, outlines, and what was noticed.

    ``observations`` and ``territories`` follow :mod:`qpv.schemas`; ``geometry`` has the columns
    ``code, level, generation, geometry`` in EPSG:4326.  ``cells`` are squares whose values
    :mod:`qpv.proxies` carries to other territories; ``features`` are measured by :mod:`qpv.features`;
    ``tallied`` are things that :mod:`qpv.tallies` counts; ``schools`` are the communes of the schools that they name.
    ``passage`` says which QPV of 2015 those of 2024 come from
    (``code_2024, code_2015, relation``, see :mod:`qpv.sources.passage`).
    """

    observations: pd.DataFrame = field(default_factory=lambda: empty(OBSERVATIONS))
    territories: pd.DataFrame = field(default_factory=lambda: empty(TERRITORIES))
    geometry: gpd.GeoDataFrame | None = None
    findings: list[Finding] = field(default_factory=list)
    cells: Cells | None = None
    features: Features | None = None
    tallied: Tallied | None = None
    schools: dict[str, str] = field(default_factory=dict)
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
