"""Outlines: QPV of 2015 and 2024, communes and départements."""

from __future__ import annotations

import re
import warnings
from typing import Final

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from shapely.geometry.base import BaseGeometry

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.schemas import TERRITORIES
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.rawfile import Finding, RawFile
from qpv.territory import normalise_code

WGS84: Final = 4326
_LIST: Final = re.compile(r"[,;/]")


@reader("qpv2015_contours")
def read_qpv2015(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the perimeters of 2015 (ANCT): ``CODE_QP, NOM_QP, COMMUNE_QP``.

    The file names communes and gives no code: they are looked up within the département of the
    QPV code; a name that is not found is reported and left out.
    """
    outlines, findings = read_outlines(raw, edition, ["CODE_QP", "NOM_QP", "COMMUNE_QP"])
    rows, lost = [], []
    for item in outlines.itertuples():
        departement = item.CODE_QP[2:5].removeprefix("0")
        names = [n.strip() for n in _LIST.split(item.COMMUNE_QP or "") if n.strip()]
        found = {n: context.reference.commune_named(n, departement) for n in names}
        lost += [f"{n} ({item.CODE_QP})" for n, code in found.items() if code is None]
        place = context.reference.place([c for c in found.values() if c])
        place["departement"] = departement
        place["region"] = context.reference.region_of_departement.get(departement, "")
        rows.append({"code": item.CODE_QP, "name": item.NOM_QP, **place})
    if lost:
        findings.append(Finding("info", raw.name, f"{len(lost)} commune names without a code: {', '.join(lost[:5])}"))
    return _delivery(rows, outlines, "CODE_QP", source, edition, findings)


@reader("qpv2024_contours")
def read_qpv2024(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the perimeters of 2024 (ANCT): ``code_qp, lib_qp, insee_com`` (lists, ``", "``-joined)."""
    outlines, findings = read_outlines(raw, edition, ["code_qp", "lib_qp", "insee_com"])
    rows = []
    for item in outlines.itertuples():
        parts = [p for p in _LIST.split(str(item.insee_com or "")) if p.strip()]
        communes = [c for p in parts if (c := normalise_code(p, "commune"))]
        rows.append({"code": item.code_qp, "name": item.lib_qp, **context.reference.place(communes)})
    return _delivery(rows, outlines, "code_qp", source, edition, findings)


@reader("admin_contours")
def read_admin(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read outlines of communes or départements: ``code, nom``; geometry only."""
    del context
    outlines, findings = read_outlines(raw, edition, ["code", "nom"])
    return Delivery(geometry=_geometry(outlines, "code", source), findings=findings)


def read_outlines(
    raw: RawFile, edition: Edition, columns: list[str], layer: str | None = None
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read polygons in EPSG:4326, mend the invalid ones and count them; of the first layer, or the one named.

    The frame holds all columns of the file, ``columns`` among them.
    """
    try:
        with warnings.catch_warnings():
            # GDAL warns of ring direction and of the missing .cpg; validity is checked below.
            warnings.simplefilter("ignore")
            outlines = pyogrio.read_dataframe(raw.location, layer=layer)
    except Exception as error:  # pyogrio's errors share no base with its drivers' own
        said = str(error).replace(str(raw.path), raw.name)  # the driver's message names the folder
        raise SourceError(f"{raw.name}: no readable outlines ({said[:300]}); drop it again") from error
    spelled = {c.casefold(): c for c in columns}  # a shapefile may write in capitals what the GeoJSON does not
    outlines = outlines.rename(columns={c: spelled.get(c.casefold(), c) for c in outlines if c != "geometry"})
    lacking = [c for c in columns if c not in outlines]
    if lacking or not isinstance(outlines, gpd.GeoDataFrame):
        raise SourceError(f"{raw.name}: expected columns {', '.join(columns)}; missing {', '.join(lacking) or 'geometry'}")
    if outlines.crs is None:
        raise SourceError(f"{raw.name}: no coordinate system; drop the .prj beside the .shp")
    if outlines.crs.to_epsg() is None:
        # One wrong digit in a .prj would move every outline, and nothing else would show it.
        raise SourceError(f"{raw.name}: a coordinate system without EPSG code; drop the producer's original again")
    if edition.rows and not edition.rows[0] <= len(outlines) <= edition.rows[1]:
        raise SourceError(
            f"{raw.name}: {len(outlines)} outlines; edition {edition.id} has between {edition.rows[0]} and "
            f"{edition.rows[1]}: the file is cut short or another one"
        )
    findings = []
    void = outlines.geometry.isna() | outlines.geometry.is_empty
    if void.any():
        raise SourceError(
            f"{raw.name}: {int(void.sum())} of {len(outlines)} outlines are empty, the first in row "
            f"{int(void.to_numpy().argmax()) + 1}; the file is cut short: drop it again"
        )
    invalid = ~outlines.geometry.is_valid
    if invalid.any():
        mended = outlines.geometry.make_valid().map(_areas_only)
        outlines = outlines.set_geometry(mended)
        findings.append(Finding("info", raw.name, f"{int(invalid.sum())} invalid outlines were mended"))
    outlines = outlines.to_crs(WGS84)
    west, south, east, north = outlines.total_bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise SourceError(f"{raw.name}: an outline lies outside the world; the file is damaged: drop it again")
    return outlines, findings


def _geometry(outlines: gpd.GeoDataFrame, key: str, source: Source) -> gpd.GeoDataFrame:
    level = source.level or "commune"
    codes = outlines[key].map(lambda c: normalise_code(str(c), level, source.generation))
    frame = gpd.GeoDataFrame(
        {"code": codes, "level": level, "generation": source.generation},
        geometry=outlines.geometry.values,
        crs=WGS84,
    )
    return frame[frame["code"].notna()].reset_index(drop=True)


def _delivery(
    rows: list[dict[str, str]], outlines: gpd.GeoDataFrame, key: str, source: Source,
    edition: Edition, findings: list[Finding],
) -> Delivery:  # fmt: skip
    geometry = _geometry(outlines, key, source)
    places = pd.DataFrame(rows)
    bad = places.loc[~places["code"].isin(geometry["code"]), "code"]
    if len(bad):
        findings.append(Finding("warning", edition.id, f"codes that no QPV can have: {', '.join(bad[:5])}"))
    places = places[places["code"].isin(geometry["code"])].reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a point in degrees is precise enough to place a label
        points = geometry.set_index("code").geometry.representative_point().reindex(places["code"])
    places = places.assign(
        level="qpv", generation=source.generation, aliases="", kind="", population=None,
        longitude=points.x.to_numpy(), latitude=points.y.to_numpy(), edition=edition.id,
    )  # fmt: skip
    return Delivery(territories=places[list(TERRITORIES.columns)], geometry=geometry, findings=findings)


def _areas_only(shape: BaseGeometry) -> BaseGeometry:
    """Keep the polygons of a shape that mending split into polygons, lines and points."""
    if shape.geom_type != "GeometryCollection":
        return shape
    return shapely.union_all([p for p in shapely.get_parts(shape) if p.geom_type in ("Polygon", "MultiPolygon")])
