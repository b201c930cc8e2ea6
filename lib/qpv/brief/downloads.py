"""The files that a brief holds within itself: its figures as CSV and XLSX, the QPV of its maps as GeoJSON.

They are plain links to ``data:`` addresses, so that they need neither a server nor a script.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from qpv import extract, maps, tables
from qpv.brief.atlas import spread_of
from qpv.brief.ledger import Ledger
from qpv.comparison import KeyFigure
from qpv.html import STILL, Block, text, visible
from qpv.numbers import NBSP, NNBSP, format_number
from qpv.photograph import Photograph
from qpv.profile import Profile
from qpv.vocabulary import AGGLOMERATION, BRIEF_KINDS_FR, STATUS_FR, UNITS, Status

_TYPES: Final = {
    "csv": "text/csv;charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
    "zip": "application/zip",
}


#: A page that is sent by mail holds no larger file.
MOST_BYTES: Final = 300_000
#: A larger file of an agglomération weighs too much as it is in a page that is sent by mail: it is packed.
PACKED_FROM: Final = 100_000


def links(profile: Profile, headline: KeyFigure, ledger: Ledger, kind: str = "") -> Block:
    """Link to the files, each named after QPV, theme (or ``kind`` of brief) and quarter."""
    outlines = qpv_geojson(profile, headline)
    said = (f"les {len(outlines['features'])} QPV de la carte, contours et chiffre{NNBSP}: "
            f"{headline.indicator.label[:1].lower()}{headline.indicator.label[1:]}")  # fmt: skip
    return _offered(profile, ledger, kind or profile.theme, outlines, said)


def of_panel(panel: Profile, shots: Sequence[Photograph], ledger: Ledger) -> Block:
    """Link to the files of an agglomération, each named after its SIREN code and the quarter."""
    outlines = panel_geojson(panel, shots)
    said = f"les {len(outlines['features'])} QPV de l’agglomération, contours et chiffres clés"
    return _offered(panel, ledger, AGGLOMERATION, outlines, said, packed_from=PACKED_FROM)


def _offered(
    profile: Profile, ledger: Ledger, kind: str, outlines: dict[str, Any], said: str, packed_from: int = sys.maxsize
) -> Block:
    stem = extract.file_stem(str(profile.place["code"]), kind, str(profile.quarter))
    rows = extract.in_words(kind, ledger.figures(), ledger.remarks(), profile.warehouse)
    title = f"{profile.place['name']}, {BRIEF_KINDS_FR[kind]}, {profile.quarter.label}"
    files = {
        "csv": (extract.to_csv(rows).encode("utf-8"), f"les {len(rows)} chiffres de ce brief, pour un tableur ou un programme"),
        "xlsx": (
            extract.to_xlsx(rows, title, profile.quarter, profile.warehouse),
            "les mêmes chiffres, avec une feuille de définitions et une feuille de sources",
        ),
        "geojson": (json.dumps(outlines, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8"), said),
    }
    light = len(files["xlsx"][0]) <= MOST_BYTES
    if not light:
        del files["xlsx"]
    items = "".join(
        f"<li>{_link(f'{stem}.{suffix}', suffix, content, packed_from)} – {text(words)}</li>"
        for suffix, (content, words) in files.items()
    )
    note = "<p class='note'>Ces fichiers sont contenus dans cette page et s’enregistrent sans connexion.</p>"
    if not light:
        note += (f"<p class='note'>Le classeur {text(stem)}.xlsx serait trop lourd pour cette page{NNBSP}: la commande "
                 f"<code>qpv export --territory {text(profile.place['code'])}</code> écrit les chiffres du territoire.</p>")  # fmt: skip
    html = f'<ul class="downloads" data-files="{text(stem)}">{items}</ul>{note}'
    # The executed notebook of a batch is for tracing: it need not hold the files a second time.
    return Block(html, f'<p class="qpv">{text(stem)}{NBSP}: {", ".join(files)}.</p>' if os.environ.get(STILL) else "")


def _link(name: str, suffix: str, content: bytes, packed_from: int) -> str:
    if len(content) > packed_from and suffix != "xlsx":  # which is packed already
        name, suffix, content = f"{name}.zip", "zip", _packed(name, content)
    size = f"{format_number(max(1, round(len(content) / 1000)))}{NBSP}ko"
    address = f"data:{_TYPES[suffix]};base64,{base64.b64encode(content).decode('ascii')}"
    return f'<a download="{text(name)}" href="{address}">{text(name)}</a> ({size})'


def _packed(name: str, content: bytes) -> bytes:
    """Put a file into an archive that has the same bytes each time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def qpv_geojson(profile: Profile, figure: KeyFigure) -> dict[str, Any]:
    """Give the QPV of the headline map with the figure that it shows, and both perimeters of this QPV.

    Returns
    -------
    dict
        A ``FeatureCollection`` (RFC 7946: longitude and latitude in WGS 84).  Each feature has its value under
        the id of the indicator; where that is null, ``statut`` says why.  A QPV without known outline has a
        null geometry.  Outlines are those of the maps, simplified to about 6 m.
    """
    spread = spread_of(profile, figure)
    places = profile.warehouse.places("qpv")
    own = {profile.code, *(p.code for p in profile.predecessors)}
    codes = [code for code in sorted(spread.codes | own) if code in places.index]
    shapes = _outlines(profile, codes)
    features = [
        {
            "type": "Feature", "id": code, "geometry": shapes.get(code),
            "properties": _about(profile, places.loc[code]) | _value(figure, spread.rows, spread.period, code),
        }
        for code in codes
    ]  # fmt: skip
    mapped = spread.rows[spread.rows.index.isin(codes)].drop_duplicates("edition")
    sources = dict.fromkeys(visible(tables.edition_name(profile, row)) for _, row in mapped.iterrows())
    return {
        "type": "FeatureCollection",
        "name": extract.file_stem(profile.code, profile.theme, str(profile.quarter)),
        "indicateur": figure.indicator.label,
        "unite": UNITS[figure.indicator.unit][2],
        "source": " ; ".join([*sources, "contours : ANCT"]),
        "licence": "Licence Ouverte 2.0",
        "features": features,
    }


def panel_geojson(panel: Profile, shots: Sequence[Photograph]) -> dict[str, Any]:
    """Give the QPV of an agglomération, of both generations, with their key figures.

    Returns
    -------
    dict
        A ``FeatureCollection`` as :func:`qpv_geojson` gives.  Each feature has, for the indicators known on its perimeter, the
        value under the indicator's id, and ``<id>_periode`` and ``<id>_statut``; where the value is null the status says why.
    """
    places = panel.warehouse.places("qpv")
    generations = sorted({s.generation for s in shots} | {"2024" if panel.perimeter_known else "2015"})
    codes = [c for g in generations for c in sorted(panel.peer_codes.get(("epci", g), frozenset())) if c in places.index]
    shapes = _outlines(panel, codes)
    features = []
    for code in codes:
        about = {k: v for k, v in _about(panel, places.loc[code]).items() if k != "ce_quartier"}
        for shot in shots:
            if shot.generation == about["perimetre"]:
                row = shot.rows.loc[code] if code in shot.rows.index else None
                name = shot.indicator.id
                about[name] = None if row is None else float(row["value"])
                about[f"{name}_periode"] = shot.period
                about[f"{name}_statut"] = (
                    shot.absences.get(code, STATUS_FR[Status.UNAVAILABLE]) if row is None else STATUS_FR[Status(row["status"])]
                )
        features.append({"type": "Feature", "id": code, "geometry": shapes.get(code), "properties": about})
    used = pd.concat([s.rows for s in shots]).drop_duplicates("edition") if shots else pd.DataFrame()
    sources = dict.fromkeys(visible(tables.edition_name(panel, row)) for _, row in used.iterrows())
    return {
        "type": "FeatureCollection",
        "name": extract.file_stem(str(panel.place["code"]), AGGLOMERATION, str(panel.quarter)),
        "indicateurs": {s.indicator.id: f"{s.indicator.label} ({UNITS[s.indicator.unit][2]})" for s in shots},
        "source": " ; ".join([*sources, "contours : ANCT"]),
        "licence": "Licence Ouverte 2.0",
        "features": features,
    }


def _outlines(profile: Profile, codes: Iterable[str]) -> dict[str, Any]:
    """Give the outlines of QPV as GeoJSON geometries, outer rings counter-clockwise."""
    shapes = profile.warehouse.geometry("qpv", codes)
    if shapes is None or shapes.empty:
        return {}
    light = zip(shapes["code"], maps.lighten(shapes.geometry, "qpv"), strict=True)
    return {str(code): json.loads(shapely.to_geojson(_sound(shape))) for code, shape in light}


def _sound(shape: BaseGeometry) -> BaseGeometry:
    """Mend what simplifying broke: parts that touch matter to no map, but to programs that read outlines."""
    if shape.geom_type == "Point":  # all that is published of three QPV
        return shape
    whole = shapely.set_precision(shape.buffer(0), 1 / maps.UNITS_PER_DEGREE)
    return shapely.reverse(shapely.normalize(whole))  # the normal form has a clockwise outer ring


def _about(profile: Profile, place: pd.Series) -> dict[str, Any]:
    communes = profile.warehouse.communes["name"]
    return {
        "code": place["code"], "nom": visible(place["name"]), "perimetre": place["generation"],
        "communes": ", ".join(visible(communes.get(c, c)) for c in place["communes"].split(" ") if c),
        "ce_quartier": place["code"] in profile.codes.values(),
    }  # fmt: skip


def _value(figure: KeyFigure, rows: pd.DataFrame, period: str, code: str) -> dict[str, Any]:
    row = rows.loc[code] if code in rows.index else None
    status = Status.UNAVAILABLE if row is None else Status(row["status"])
    return {
        figure.indicator.id: None if row is None else float(row["value"]), "periode": period,
        "statut": STATUS_FR[status], "edition": "" if row is None else str(row["edition"]),
    }  # fmt: skip
