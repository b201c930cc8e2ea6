"""FINESS: health and social establishments; a file without header that mixes two kinds of rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
import pyproj

from qpv.catalog import Edition, Source
from qpv.crosswalk import projected_crs
from qpv.errors import SourceError
from qpv.numbers import parse_number
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.block_table import Header
from qpv.sources.rawfile import RawFile
from qpv.sources.records import Ledger
from qpv.sources.text_table import LINE

#: Places in a row that begins with ``structureet`` (32 cells) of what is read of it.
_ESTABLISHMENT: Final = {"nofinesset": 1, "commune": 12, "departement": 13, "categetab": 18}
_WIDTH: Final = 19
#: What FINESS calls the départements overseas, and how their commune codes begin.
_OVERSEAS: Final = {"9A": "971", "9B": "972", "9C": "973", "9D": "974", "9E": "975", "9F": "976"}
_SYSTEMS: Final = {projected_crs(d) for d in ("", *_OVERSEAS.values(), "986", "987", "988")}
_EPSG: Final = re.compile(r"EPSG:\s*(\d+)", re.IGNORECASE)
_COLUMNS: Final = ["nofinesset", "code_commune", "departement", "categetab", "longitude", "latitude"]


@reader("finess")
def read_finess(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the establishments of FINESS with their coordinates (extraction cs1100507, semicolons, UTF-8).

    The first line is ``finess;etalab;…``.  Rows ``structureet`` hold an establishment, rows
    ``geolocalisation`` its coordinates in the legal projection of its département, joined by number.

    Returns
    -------
    Delivery
        As :func:`qpv.sources.records.read_records`, of the columns ``nofinesset, code_commune, departement,
        categetab, longitude, latitude``.

    Raises
    ------
    SourceError
        If the file is another one, cut or damaged, or a coordinate or its system cannot be read.
    """
    establishments: list[list[str]] = []
    points: dict[str, tuple[int, list[str]]] = {}
    for line, cells in _rows(raw):
        if cells[0] == "structureet":
            if len(cells) < _WIDTH:
                raise SourceError(f"{raw.name}, line {line}: {len(cells)} cells where an establishment has at least {_WIDTH}")
            establishments.append([str(line), *(cells[i].strip() for i in _ESTABLISHMENT.values())])
        elif cells[0] == "geolocalisation":
            if len(cells) < 5:
                raise SourceError(f"{raw.name}, line {line}: {len(cells)} cells where coordinates have at least 5")
            points[cells[1].strip()] = (line, cells)
    frame = pd.DataFrame(establishments, columns=[LINE, *_ESTABLISHMENT], dtype=str)
    if frame.empty:
        raise SourceError(f"{raw.name}: no row 'structureet'; expected the extraction cs1100507 of FINESS")
    frame[LINE] = frame[LINE].astype(int)
    overseas = frame["departement"].isin(_OVERSEAS)
    prefix = frame["departement"].where(~overseas, "97").str.zfill(2)
    frame["code_commune"] = prefix + frame["commune"].str.zfill(3)
    frame["departement"] = frame["departement"].replace(_OVERSEAS)
    frame["longitude"], frame["latitude"] = _degrees(frame, points, raw)
    ledger = Ledger(raw, Header(_COLUMNS, ";", "utf-8"), source, edition, context)
    ledger.add(frame[[LINE, *_COLUMNS]])
    return ledger.delivery()


def _rows(raw: RawFile) -> Iterator[tuple[int, list[str]]]:
    with raw.open() as stream:
        lines = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""), delimiter=";")
        first = next(lines, [])
        if first[:1] != ["finess"]:
            raise SourceError(f"{raw.name}, line 1: found {';'.join(first)[:60]!r}; expected 'finess;etalab;…'")
        try:
            yield from ((lines.line_num, cells) for cells in lines if cells)
        except csv.Error as error:
            raise SourceError(f"{raw.name}, line {lines.line_num}: {error}; the file is damaged") from None


def _degrees(frame: pd.DataFrame, points: dict[str, tuple[int, list[str]]], raw: RawFile) -> tuple[pd.Series, pd.Series]:
    """Give the coordinates of each establishment as texts in degrees, ``""`` where it has none."""
    by_system: dict[int, list[tuple[int, float, float]]] = {}
    for position, (number, departement) in enumerate(zip(frame["nofinesset"], frame["departement"], strict=True)):
        if number in points:
            line, cells = points[number]
            if not cells[2].strip() or not cells[3].strip():
                continue
            epsg = _system(";".join(cells[4:]), departement, line, raw)
            by_system.setdefault(epsg, []).append((position, *(_metres(cells[i], i, line, raw) for i in (2, 3))))  # type: ignore[arg-type]
    found = np.full((len(frame), 2), "", dtype=object)
    for epsg, rows in by_system.items():
        project = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
        longitude, latitude = project.transform([x for _, x, _ in rows], [y for _, _, y in rows])
        for (position, _, _), east, north in zip(rows, longitude, latitude, strict=True):
            # What the projection cannot take (infinite) has no place.
            if np.isfinite(east) and np.isfinite(north):
                found[position] = f"{east:.7f}", f"{north:.7f}"
    return pd.Series(found[:, 0], index=frame.index), pd.Series(found[:, 1], index=frame.index)


def _metres(text: str, cell: int, line: int, raw: RawFile) -> float:
    try:
        return parse_number(text)
    except ValueError:
        raise SourceError(f"{raw.name}, line {line}, cell {cell + 1}: {text[:60]!r} is no coordinate in metres") from None


def _system(words: str, departement: str, line: int, raw: RawFile) -> int:
    """Read the coordinate system that a row names; the one of its département where it names none by number."""
    legal = projected_crs(departement)
    named = _EPSG.search(words)
    epsg = int(named[1]) if named else legal
    if epsg not in _SYSTEMS:
        raise SourceError(f"{raw.name}, line {line}: unknown coordinate system EPSG:{epsg}; expected EPSG:{legal}")
    return epsg
