"""Where the things of a file lie: the territories that their rows name, and their coordinates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import pyproj

from qpv.catalog import Point, Things
from qpv.crosswalk import LAMBERT_93, projected_crs
from qpv.errors import SourceError
from qpv.reference import Reference
from qpv.sources.block_table import Header, find, numbers
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE
from qpv.territory import departement_of, normalise_code, whole_commune

#: Mainland France and Corsica with their waters: west, south, east, north.
_MAINLAND_DEGREES: Final = (-6.0, 41.0, 10.0, 51.5)
_MAINLAND_METRES: Final = (0.0, 6_000_000.0, 1_350_000.0, 7_200_000.0)
#: More implausible coordinates than this share of all, and than so many, are no slips but another CRS.
_SLIPS: Final = (0.01, 10)


class Placing:
    """Reads the places of things, block by block.

    Parameters
    ----------
    raw, header
        The file, and its columns.
    things
        Which columns hold codes and coordinates.
    reference
        The communes; a code that is none of theirs counts for its département only.

    Raises
    ------
    SourceError
        If the file has no column that places its things.
    """

    def __init__(self, raw: RawFile, header: Header, things: Things, reference: Reference) -> None:
        self.raw, self.reference = raw, reference
        self._columns = {code: c for code, names in things.codes.items() if (c := find(header, names, raw))}
        self._named = find(header, things.commune_names, raw) if things.commune_names else None
        self._point: list[str] = []
        self.point: Point | None = None
        for point in things.points:
            found = [find(header, names, raw) for names in ((point.pair,) if point.pair else (point.x, point.y))]
            if None not in found:
                self.point, self._point = point, [c for c in found if c]
                break
        if not self._columns and self.point is None:
            wanted = [n for names in things.codes.values() for n in names] + [
                n for p in things.points for n in [*p.pair, *p.x, *p.y]
            ]
            raise SourceError(
                f"{raw.name}, line 1: no column says where a row lies; expected one of {', '.join(wanted[:6])}; "
                f"found {', '.join(header.names[:8])}…"
            )
        self._communes = set(reference.communes["code"])
        self._unknown: dict[str, dict[str, int]] = {}
        self._located, self._slips, self._first_slip = 0, 0, ""

    @property
    def codes(self) -> list[str]:
        """What the rows name by code: ``qpv_2024``, ``commune``…"""
        return [*self._columns, *(["commune"] if self._named and "commune" not in self._columns else [])]

    @property
    def columns(self) -> list[str]:
        """The columns that must be read."""
        return [*self._columns.values(), *([self._named] if self._named else []), *self._point]

    def of(self, block: pd.DataFrame) -> pd.DataFrame:
        """Give the places of the rows.

        A column for each of :attr:`codes`, ``departement`` and ``commune`` (``""``: not known), ``lost`` (the
        département is known and the commune is not), ``longitude`` and ``latitude`` (degrees; ``NaN``: not located).

        Raises
        ------
        SourceError
            If a coordinate is not a number, naming line, column and value.
        """
        places = pd.DataFrame(index=block.index)
        for code, column in self._columns.items():
            level, _, generation = code.partition("_")
            places[code] = _each(block[column], partial(_code, level=level, generation=generation))
            self._tell(code, block[column], places[code])
        known = [_each(places[c], of) for c, of in _DEPARTEMENT.items() if c in places]
        departement = pd.Series("", index=block.index, dtype=object)
        for one in known:
            departement = departement.where(departement != "", one)
        places["departement"] = departement
        if self._named and "commune" not in places:
            keys = block[self._named].str.strip() + "|" + departement
            places["commune"] = _each(keys, lambda key: self.reference.commune_named(*key.rsplit("|", 1)) or "")
            self._tell("commune", block[self._named], places["commune"])
        elif "commune" in places:
            whole = _each(places["commune"], whole_commune)
            places["commune"] = _each(whole, self._known)
            self._tell("commune", whole, places["commune"])
        else:
            places["commune"] = ""
        # A commune that merged, or whose name nobody knows: its things are of the département, and of no commune.
        places["lost"] = (departement != "") & (places["commune"] == "")
        places["longitude"], places["latitude"] = self._degrees(block, departement)
        return places

    def findings(self) -> list[Finding]:
        """Say which codes were not understood and how many coordinates lie nowhere near.

        Raises
        ------
        SourceError
            If too many do: the columns are exchanged, or the coordinate system is another one.
        """
        if self._slips > max(_SLIPS[0] * self._located, _SLIPS[1]):
            raise SourceError(
                f"{self.raw.name}, {self._first_slip}: not where {self.point and self.point.crs} has this thing, and so in "
                f"{self._slips} rows of {self._located}: the columns are exchanged or the coordinate system is another one"
            )
        found = []
        for code, values in self._unknown.items():
            shown = ", ".join(f"{v[:20]!r} ({n})" for v, n in list(values.items())[:5])
            found.append(Finding("info", self.raw.name, f"{sum(values.values())} rows name no {code} that is known: {shown}"))
        if self._slips:
            found.append(
                Finding("warning", self.raw.name, f"{self._slips} coordinates are implausible and left out, the first in {self._first_slip}")
            )  # fmt: skip
        return found

    def _known(self, code: str) -> str:
        return code if code in self._communes else ""

    def _tell(self, code: str, before: pd.Series, after: pd.Series) -> None:
        lost = before[(after == "").to_numpy(dtype=bool) & (before.str.strip() != "").to_numpy(dtype=bool)]
        for value, count in lost.value_counts().items():
            known = self._unknown.setdefault(code, {})
            if len(known) < 1000 or value in known:
                known[str(value)] = known.get(str(value), 0) + int(count)

    def _degrees(self, block: pd.DataFrame, departement: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        if self.point is None:
            return np.full(len(block), np.nan), np.full(len(block), np.nan)
        if self.point.pair:
            (column,) = self._point
            parts = block[column].str.split(",", n=1, expand=True).reindex(columns=[0, 1]).fillna("")
            y, x = (numbers(block[[LINE]].assign(**{column: parts[n]}), column, self.raw) for n in (0, 1))
        else:
            x, y = (numbers(block, column, self.raw) for column in self._point)
        located = ~np.isnan(x) & ~np.isnan(y) & ((x != 0) | (y != 0))
        self._located += int(located.sum())
        overseas = departement.str.startswith(("97", "98")).to_numpy(dtype=bool)
        mainland = (departement != "").to_numpy(dtype=bool) & ~overseas
        if self.point.crs == "EPSG:4326":
            fits = (np.abs(x) <= 180) & (np.abs(y) <= 90) & (~mainland | _within(x, y, _MAINLAND_DEGREES))
        else:
            fits = overseas if self.point.crs == "local" else np.zeros(len(x), dtype=bool)
            fits = fits | _within(x, y, _MAINLAND_METRES)
        for position in np.flatnonzero(located & ~fits)[:1]:
            self._first_slip = self._first_slip or f"line {block[LINE].iloc[position]}, {x[position]:g} {y[position]:g}"
        self._slips += int((located & ~fits).sum())
        x, y = np.where(located & fits, x, np.nan), np.where(located & fits, y, np.nan)
        if self.point.crs == "EPSG:4326":
            return x, y
        return to_degrees(x, y, departement if self.point.crs == "local" else pd.Series("", index=block.index))


def to_degrees(x: np.ndarray, y: np.ndarray, departement: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Give longitude and latitude of coordinates in the projection of their département (Lambert-93 if ``""``)."""
    systems = departement.map({d: projected_crs(d) if d else LAMBERT_93 for d in departement.unique()}).to_numpy()
    longitude, latitude = np.full(len(x), np.nan), np.full(len(x), np.nan)
    known = ~np.isnan(x) & ~np.isnan(y)
    for epsg in np.unique(systems[known]):
        there = known & (systems == epsg)
        project = pyproj.Transformer.from_crs(int(epsg), 4326, always_xy=True)
        longitude[there], latitude[there] = project.transform(x[there], y[there])
    return longitude, latitude


def _within(x: np.ndarray, y: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    return (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])


def _each(texts: pd.Series, function: Callable[[str], str]) -> pd.Series:
    """Map a column by its distinct texts: a file repeats the same few a million times."""
    codes, distinct = pd.factorize(texts)
    return pd.Series(np.array([function(str(t)) for t in distinct] or [""], dtype=object)[codes], index=texts.index)


def _code(text: str, level: str, generation: str) -> str:
    return normalise_code(text, level, generation) or ""


def _of_qpv(code: str) -> str:
    return code[2:5].removeprefix("0")


#: How each kind of code tells the département, in order of preference.
_DEPARTEMENT: Final[dict[str, Callable[[str], str]]] = {
    "commune": departement_of,
    "departement": str,
    "qpv_2024": _of_qpv,
    "qpv_2015": _of_qpv,
    "iris": departement_of,
    "school": lambda code: normalise_code(code[:3], "departement") or "" if code[:1].isdigit() else "",
}
