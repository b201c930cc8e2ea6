"""What the tests of files with one row a thing share: real outlines, points around Beau Marais, a reader."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from qpv import secrecy, tallies
from qpv.catalog import Catalog
from qpv.reference import Reference
from qpv.schemas import OBSERVATIONS, check
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import Recognised, recognise

BEAU_MARAIS, BEAU_MARAIS_2015, CALAIS, CALAIS_EPCI = "QN06254M", "QP062056", "62193", "200090751"
CONTOURS = (
    "contours/qpv2024/qpv2024_simplified.geojson", "contours/qpv2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp",
    "contours/admin/communes-62.geojson", "contours/admin/departements-hdf.geojson",
)  # fmt: skip
Deliver = Callable[[Path], tuple[Recognised, Delivery]]


def unbounded(catalog: Catalog) -> Catalog:
    """The catalogue with editions of any number of rows: our files have a few."""
    sources = [
        s.model_copy(
            update={
                "editions": [e.model_copy(update={"rows": None}) for e in s.editions],
                "families": [f.model_copy(update={"rows": None}) for f in s.families],
            }
        )
        for s in catalog.sources.values()
    ]
    return Catalog(list(catalog.indicators.values()), sources)


def read(path: Path, catalog: Catalog, reference: Reference) -> tuple[Recognised, Delivery]:
    (found,), _ = recognise([path], catalog)
    return found, READERS[found.source.reader or ""](found.file, found.source, found.edition, Context(catalog, reference))


def outlines(official: Path, catalog: Catalog, reference: Reference) -> gpd.GeoDataFrame:
    """The real outlines: QPV of 2024 and 2015, communes of Pas-de-Calais, départements of Hauts-de-France."""
    shapes = [read(official / name, catalog, reference)[1].geometry for name in CONTOURS]
    return pd.concat(shapes, ignore_index=True).drop_duplicates(["level", "code"], ignore_index=True)


def count(
    delivered: tuple[Recognised, Delivery], catalog: Catalog, reference: Reference, geometry: gpd.GeoDataFrame | None = None
) -> pd.DataFrame:
    """All observations of one delivery, as they are published."""
    ((_, done),) = tallies.counted(catalog, reference, [delivered], geometry)
    (table,) = secrecy.protect([done.observations], catalog, reference, done.schools)
    return table.astype(dict.fromkeys(("territory", "level", "indicator", "period", "status", "note"), str))


def around(geometry: gpd.GeoDataFrame, code: str) -> dict[str, tuple[float, float]]:
    """Points in degrees: inside an outline, 200 metres and 1 km outside of its eastern end."""
    shape = geometry[geometry["code"] == code].to_crs(2154).geometry.iloc[0]
    ring = max(shape.geoms, key=lambda p: p.area).exterior if shape.geom_type == "MultiPolygon" else shape.exterior
    x, y = max(ring.coords)
    metres = gpd.GeoSeries(
        gpd.points_from_xy([shape.representative_point().x, x + 200, x + 1000], [shape.representative_point().y, y, y]), crs=2154
    ).to_crs(4326)
    return dict(zip(("inside", "near", "far"), zip(metres.x, metres.y, strict=True), strict=True))


def value(table: pd.DataFrame, territory: str, indicator: str, period: str | None = None) -> pd.Series:
    """The one row on a territory and indicator."""
    rows = table[(table["territory"] == territory) & (table["indicator"] == indicator)]
    rows = rows if period is None else rows[rows["period"] == period]
    assert len(rows) == 1, f"{territory} {indicator}: {len(rows)} rows"
    return rows.iloc[0]


def lines(header: str, rows: list[dict[str, object]], separator: str = ";") -> str:
    """A CSV with a real header; columns that a row does not name are blank."""
    names = header.split(separator)
    assert all(set(r) <= set(names) for r in rows)
    return "\n".join([header, *(separator.join(str(r.get(n, "")) for n in names) for r in rows)]) + "\n"


BPE = ("AN;NOMRS;CNOMRS;NUMVOIE;INDREP;TYPVOIE;LIBVOIE;CADR;CODPOS;DEPCOM;DEP;REG;LIBCOM;DOM;SDOM;TYPEQU;SIRET;"
       "STATUT_DIFFUSION;CANTINE;LAMBERT_X;LAMBERT_Y;LONGITUDE;LATITUDE")  # fmt: skip
RPLS = "Code Commune;Code Postal;Surface habitable;Année de construction;Financement initial - Libellé;Etiquette DPE Energie;" \
       "Code QPV 2024;Code QPV 2015;Accessibilité PMR - Libellé"  # fmt: skip
DVF = "id_mutation,date_mutation,nature_mutation,valeur_fonciere,code_commune,code_departement,type_local,surface_reelle_bati,longitude,latitude"
DPE = ("numero_dpe,etiquette_dpe,conso_5_usages_par_m2_ep,code_insee_ban,code_departement_ban,"
       "coordonnee_cartographique_x_ban,coordonnee_cartographique_y_ban")  # fmt: skip
DNB = "Session;Numero d'etablissement;Type d'etablissement;Patronyme;Commune;Libellé commune;Inscrits;Presents;Admis;Taux de réussite"
SIRENE = "siret;x;y;qualite_xy;epsg;plg_qp24;plg_iris;plg_zus;plg_qp15;plg_qva;plg_code_commune;distance_precision"
STOPS = "stop_id,stop_name,stop_lat,stop_lon,dataset_id"


def equipment(kind: str, place: tuple[float, float] | None, commune: str = CALAIS) -> dict[str, object]:
    x, y = place or ("", "")
    return {"AN": 2024, "DEPCOM": commune, "DEP": commune[:2], "TYPEQU": kind, "LONGITUDE": x, "LATITUDE": y}


def dwelling(qpv: str = "", commune: str = CALAIS, label: str = "D", **more: object) -> dict[str, object]:
    old = {BEAU_MARAIS: BEAU_MARAIS_2015}.get(qpv, "")
    return {"Code Commune": commune, "Code QPV 2024": qpv, "Code QPV 2015": old, "Etiquette DPE Energie": label} | more


def sale(deed: str, kind: str, price: int, surface: int | str, place, nature: str = "Vente") -> dict[str, object]:
    x, y = place
    return {"id_mutation": deed, "date_mutation": "2024-03-01", "nature_mutation": nature, "valeur_fonciere": price,
            "code_commune": CALAIS, "code_departement": "62", "type_local": kind, "surface_reelle_bati": surface,
            "longitude": x, "latitude": y}  # fmt: skip


def sales(place) -> list[dict[str, object]]:
    found = [sale(f"2024-{n}", "Appartement", 1000 * n, 10, place) for n in range(100, 111)]  # 10,000 to 11,000 €/m²
    found += [sale("2024-105", "Dépendance", 105_000, "", place)]  # the garage of one of them, elsewhere in the file
    found += [sale("2024-1", "Appartement", 900_000, s, place) for s in (40, 50)]  # one price for two flats
    found += [sale("2024-2", k, 800_000, 60, place) for k in ("Appartement", "Local industriel. commercial ou assimilé")]
    found += [sale("2024-3", "Appartement", 700_000, 70, place, "Adjudication"), sale("2024-4", "Maison", 1, 100, place)]
    return [*found, sale("2024-200", "Appartement", 500000, 0, place)]


Make = Callable[..., tuple[Recognised, Delivery]]


def deliverer(tmp_path: Path, free: Catalog, reference: Reference) -> Make:
    """Give what writes a file under its producer's name (in a zip archive if it has a member) and reads it."""

    def make(name: str, content: str | bytes, member: str = ""):
        path, data = tmp_path / name, content.encode() if isinstance(content, str) else content
        if member:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(member, data)
        else:
            path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return read(path, free, reference)

    return make


def tabulator(deliver: Make, free: Catalog, reference: Reference, geometry: gpd.GeoDataFrame) -> Callable[..., pd.DataFrame]:
    """Give what reads a file and counts within the real outlines."""

    def make(name: str, content: str | bytes, member: str = "", shapes: gpd.GeoDataFrame | None = geometry) -> pd.DataFrame:
        table = count(deliver(name, content, member), free, reference, shapes)
        check(table, OBSERVATIONS)
        return table

    return make


@pytest.fixture(scope="session")
def free(catalog: Catalog) -> Catalog:
    """The catalogue with editions of any number of rows."""
    return unbounded(catalog)


@pytest.fixture(scope="session")
def geometry(official: Path, catalog: Catalog, reference: Reference) -> gpd.GeoDataFrame:
    """The real outlines of QPV, communes and départements."""
    return outlines(official, catalog, reference)


@pytest.fixture(scope="session")
def points(geometry: gpd.GeoDataFrame) -> dict[str, tuple[float, float]]:
    """Points inside, near and far from Beau Marais."""
    return around(geometry, BEAU_MARAIS)


@pytest.fixture
def deliver(tmp_path: Path, free: Catalog, reference: Reference) -> Make:
    """Write a file under its producer's name and read it."""
    return deliverer(tmp_path, free, reference)


@pytest.fixture
def tabulate(deliver: Make, free: Catalog, reference: Reference, geometry: gpd.GeoDataFrame) -> Callable[..., pd.DataFrame]:
    """Write a file under its producer's name, read it and count within the real outlines."""
    return tabulator(deliver, free, reference, geometry)
