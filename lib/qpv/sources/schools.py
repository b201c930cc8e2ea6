"""Schools: their names and communes from the tables of the DEPP, their points where published."""

from __future__ import annotations

import pandas as pd

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.reference import fold
from qpv.schemas import TERRITORIES
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.contours import read_outlines
from qpv.sources.rawfile import RawFile
from qpv.sources.text_table import read_text_table
from qpv.sources.wide_table import figures_in
from qpv.territory import normalise_code

#: Names of the same column in the files of the DEPP (the misspelling is the producer's).
_NAME = ("nom_de_l_etablissment", "nom_de_l_etablissement", "Nom de l'établissement", "Nom")
_COMMUNE_CODE = ("code_insee_de_la_commune", "Code INSEE de la commune")
_COMMUNE_NAME = ("nom_de_la_commune", "Commune")
_DEPARTEMENT = ("code_du_departement", "Code département")


@reader("school_table")
def read_school_table(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read a table of the DEPP with one row a school and year: its figures, and its place.

    Where only the name of the commune stands (IVAC), its code is looked up in the département.
    """
    assert source.table is not None
    frame = read_text_table(raw, source.table, edition)
    figures = figures_in(frame, raw, source, edition, context)
    key = next(k for k in source.table.key if k in frame)
    frame = frame.drop_duplicates(key, keep="last")
    name, code = _column(frame, _NAME), _column(frame, _COMMUNE_CODE)
    commune, departement = _column(frame, _COMMUNE_NAME), _column(frame, _DEPARTEMENT)
    if name is None or (code is None and (commune is None or departement is None)):
        raise SourceError(f"{raw.name}: expected a name and a commune for each school; found {list(frame)[:8]}")
    rows = []
    for item in frame.to_dict("records"):
        uai = normalise_code(item[key], "school")
        if uai is None:
            continue
        insee = (
            normalise_code(item[code], "commune") if code
            else context.reference.commune_named(
                item[commune], normalise_code(item[departement], "departement") or "")
        )  # fmt: skip
        rows.append({"code": uai, "name": item[name].strip().title(), **context.reference.place([insee] if insee else [])})
    kind = source.id.split("_")[-1].removesuffix("s")
    return Delivery(figures.observations, _places(rows, kind, edition), findings=figures.findings)


@reader("school_points")
def read_school_points(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read coordinates and priority-education status of schools (EPSG:4326)."""
    del source
    points, findings = read_outlines(raw, edition, ["Code etablissement", "Nom", "Commune", "Classement REP"])
    rows = []
    for item in points.to_dict("records"):
        uai = normalise_code(str(item["Code etablissement"]), "school")
        if uai is None:
            continue
        departement = normalise_code(uai[:3], "departement") or ""
        insee = context.reference.commune_named(str(item["Commune"]).strip(), departement)
        rep = str(item["Classement REP"] or "").strip()
        rows.append(
            {
                "code": uai, "name": str(item["Nom"]).strip().title(),
                **context.reference.place([insee] if insee else []),
                "aliases": rep if rep.startswith("REP") else "",
                "longitude": item["geometry"].x, "latitude": item["geometry"].y,
            }
        )  # fmt: skip
    return Delivery(territories=_places(rows, "", edition), findings=findings)


def school_places(schools: pd.DataFrame, context: Context, edition: Edition) -> pd.DataFrame:
    """Give the territories of described schools.

    Parameters
    ----------
    schools
        ``school`` (code), ``commune, longitude, latitude, name, kind, priority``; of a school that stands
        twice the last row counts.
    """
    if schools.empty:
        return _places([], "", edition)
    rows = []
    for item in schools.drop_duplicates("school", keep="last").to_dict("records"):
        priority = item["priority"].strip().upper()
        kind = fold(item["kind"]).split()
        rows.append(
            {
                "code": item["school"], "name": item["name"].strip()[:300] or item["school"],
                **context.reference.place([item["commune"]] if item["commune"] else []),
                "aliases": priority if priority in ("REP", "REP+") else "", "kind": kind[0] if kind else "",
                "longitude": item["longitude"], "latitude": item["latitude"],
            }
        )  # fmt: skip
    return _places(rows, "", edition)


def _column(frame: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((n for n in names if n in frame), None)


def _places(rows: list[dict[str, object]], kind: str, edition: Edition) -> pd.DataFrame:
    blank = {"aliases": "", "longitude": None, "latitude": None, "population": None}
    return pd.DataFrame(
        [{**blank, "kind": kind, **r, "level": "school", "generation": "", "edition": edition.id} for r in rows],
        columns=list(TERRITORIES.columns),
    )
