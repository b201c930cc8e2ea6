"""Squares of 200 m with incomes, households and dwellings (Insee, Filosofi): a table whose ids are places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import shapely
from pyproj import CRS

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.sources.base import Context, Delivery, Features, reader
from qpv.sources.near import boxes_around
from qpv.sources.rawfile import RawFile
from qpv.sources.text_table import refuse_rows

WGS84: Final = 4326
#: ``CRS3035RES200mN3067800E3817400``: system, side, and the south-west corner in metres.
_ID: Final = r"^CRS(?P<crs>\d{4,5})RES(?P<side>\d+)m?N(?P<north>\d+)E(?P<east>\d+)$"
#: Names of the square's id and of the mark of imputation; those of 2017 differ, and columns change case between editions.
_IDS: Final = ("idcar_200m", "idcar_1km", "idcar")
_MARKS: Final = ("i_est_200", "i_est_1km", "i_est_cr")
_BLOCK: Final = 16_000_000


@reader("income_squares")
def read_income_squares(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read inhabited squares: the columns that indicators name, ``ind`` (persons) and the mark of imputation.

    Two million rows are read in blocks; only squares around the outlines are kept and drawn.  Column names are read
    whatever their case.

    Returns
    -------
    Delivery
        ``features`` (squares) only: the figures of a square never enter the warehouse.

    Raises
    ------
    SourceError
        If a column lacks, an id is none, a cell is no number, or there are not as many rows as the edition has.
    """
    wanted = {name for _, c in context.catalog.columns_of(source.id)
              for words in [*c.column, *c.numerator, *c.denominator] for name in words.split(" + ")}  # fmt: skip
    columns = _columns(raw, sorted(wanted | {"ind"}))

    def near(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        found = list(_kept(raw, edition, columns, outlines))
        if not found:
            raise SourceError(f"{raw.name}: no rows; drop it again")
        table = pd.concat(found, ignore_index=True)
        imputed = table["ind"].where(table["mark"] == 1, 0.0)
        return gpd.GeoDataFrame(table.assign(imputed=imputed), geometry="geometry", crs=WGS84)

    return Delivery(features=Features("squares", "carreaux habités de 200 m", near, imputed=("imputed", "ind")))


def _columns(raw: RawFile, wanted: list[str]) -> dict[str, str]:
    """Find the file's own name of each column that is needed: ours → the file's."""
    with raw.open() as stream:
        header = stream.readline(20_000).decode("utf-8-sig", "replace").rstrip("\r\n")
    names = [n.strip().strip('"') for n in header.split(",")]
    by_lower = {n.lower(): n for n in names}
    found = {name: by_lower.get(name) for name in wanted}
    for ours, choices in (("id", _IDS), ("mark", _MARKS)):
        found[ours] = next((by_lower[c] for c in choices if c in by_lower), None)
    lacking = [name for name, there in found.items() if there is None]
    if lacking:
        raise SourceError(f"{raw.name}, line 1: missing columns {', '.join(lacking)}; found {', '.join(names[:8])}…")
    return {ours: str(there) for ours, there in found.items()}


def _kept(raw: RawFile, edition: Edition, columns: dict[str, str], outlines: gpd.GeoDataFrame) -> Iterator[gpd.GeoDataFrame]:
    total = 0
    trees: dict[int, shapely.STRtree] = {}
    with raw.open() as stream:
        for table in _blocks(raw, stream, columns):
            parts = table["id"].str.extract(_ID)
            bad = table.loc[parts["crs"].isna(), "id"]
            if len(bad):
                raise SourceError(
                    f"{raw.name}, row {total + bad.index[0] + 1}: {bad.iloc[0]!r} is no id of a square (CRS3035RES200mN…E…)"
                )
            total += len(table)
            numbers = parts.astype("int64")
            for (crs, side), rows in numbers.groupby(["crs", "side"]):
                system = CRS.from_epsg(int(crs))
                tree = trees.setdefault(int(crs), boxes_around(outlines, system, 0.0))
                east, north = rows["east"].to_numpy(float), rows["north"].to_numpy(float)
                shapes = shapely.box(east, north, east + side, north + side)
                hits = np.unique(tree.query(shapes)[0])
                squares = gpd.GeoSeries(shapes[hits], crs=system).to_crs(WGS84)
                values = table.loc[rows.index[hits]].drop(columns="id").reset_index(drop=True)
                yield gpd.GeoDataFrame(values, geometry=squares.to_numpy(), crs=WGS84)
    refuse_rows(total, edition, raw, growing=False)


def _blocks(raw: RawFile, stream: IO[bytes], columns: dict[str, str]) -> Iterator[pd.DataFrame]:
    """Give the columns by our names, ids as texts and the rest as numbers, a block of the file at a time."""
    types = {there: pa.string() if ours == "id" else pa.float64() for ours, there in columns.items()}
    try:
        reader = pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
            convert_options=pyarrow.csv.ConvertOptions(include_columns=list(types), column_types=types),
        )
        for batch in reader:
            yield batch.to_pandas().set_axis(list(columns), axis=1)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise SourceError(f"{raw.name}: {error}; the file is damaged: drop it again") from error
