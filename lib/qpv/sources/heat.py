"""Heat: squares of 200 m with the temperature of the surface, for the metropolis of Lille."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.sources.base import Cells, Context, Delivery, reader
from qpv.sources.contours import read_outlines
from qpv.sources.rawfile import RawFile
from qpv.territory import departement_of, normalise_code

#: Surfaces of France seen from a satellite, in °C; beyond, the figure is no temperature (kelvins, raw counts).
_PLAUSIBLE: Final = (-40.0, 90.0)


@reader("heat_squares")
def read_heat_squares(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the inhabited 200 m squares of a metropolis with their mean surface temperature, in °C.

    Layers ``enriched_grid`` (``land_surface_temperature``), ``epci`` (``CODE_SIREN``) and ``cities``
    (``INSEE_COM, SIREN_EPCI``), all in EPSG:2154.  The squares end with the EPCI: it and its own communes
    are covered as far as they are inhabited; communes around it are not and are left out.

    Returns
    -------
    Delivery
        ``cells`` only: what a square has is drawn (:mod:`qpv.grid`) and carried to QPV, communes and EPCI (:mod:`qpv.proxies`).

    Raises
    ------
    SourceError
        If a layer, a column or the coordinate system lacks, or a value is no temperature.
    """
    columns = {i.id: c.column[0] for i, c in context.catalog.columns_of(source.id) if c.column}
    squares, findings = read_outlines(raw, edition, list(columns.values()), "enriched_grid")
    anywhere = edition.model_copy(update={"rows": None})
    epci, more = read_outlines(raw, anywhere, ["CODE_SIREN"], "epci")
    cities, most = read_outlines(raw, anywhere, ["INSEE_COM", "SIREN_EPCI"], "cities")
    table = {name: pd.to_numeric(squares[column], errors="coerce").to_numpy() for name, column in columns.items()}
    for name, values in table.items():
        wrong = values[~np.isnan(values) & ((values < _PLAUSIBLE[0]) | (values > _PLAUSIBLE[1]))]
        if context.catalog.indicator(name).unit == "celsius" and len(wrong):
            raise SourceError(f"{raw.name}: {wrong[0]:g} in column {columns[name]} is no temperature of a surface in °C")
    own = cities[cities["SIREN_EPCI"].isin(epci["CODE_SIREN"])]
    communes = own["INSEE_COM"].astype(str).map(lambda c: normalise_code(c, "commune") or "")
    sirens = epci["CODE_SIREN"].astype(str)
    departement = departement_of(communes.iloc[0]) if len(communes) else ""
    places = gpd.GeoDataFrame(
        {
            "code": [*communes, *sirens],
            "level": ["commune"] * len(communes) + ["epci"] * len(sirens),
            "departement": [*communes.map(departement_of), *[departement] * len(sirens)],
        },
        geometry=[*own.geometry, *epci.geometry],
        crs=squares.crs,
    )
    frame = gpd.GeoDataFrame(table, geometry=squares.geometry.to_numpy(), crs=squares.crs)
    return Delivery(findings=findings + more + most, cells=Cells(frame, places[places["code"] != ""]))
