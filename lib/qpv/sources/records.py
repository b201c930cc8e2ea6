"""Files with one row a thing: schools, equipment, dwellings, sales, diagnostics, stops.

The layout stands in the source's ``things``, the figures in the indicators' ``tally``.  What the rows
name by code is added up here; what they only place by coordinates waits for the outlines
(:mod:`qpv.tallies`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from qpv.catalog import Edition, Source, Tally, Things
from qpv.errors import SourceError
from qpv.quarter import UNDATED, is_period
from qpv.sources.base import Context, Delivery, Figure, Tallied, reader
from qpv.sources.block_table import Header, accepted, column_of, find, numbers, read_blocks, read_header
from qpv.sources.figures import unfinished, unfinished_note
from qpv.sources.placing import Placing
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.schools import school_places
from qpv.sources.text_table import LINE, refuse_rows

_KEYS = ["figure", "level", "generation", "territory", "period", "at"]
#: Sums are put together when so many rows wait, so that memory does not grow with the file.
_WAITING = 1_000_000


@reader("records")
def read_records(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read a CSV (plain, gzipped or in a zip archive) with one row a thing, a block at a time.

    Returns
    -------
    Delivery
        ``tallied``, and the schools as territories where the source describes them.

    Raises
    ------
    SourceError
        If the file is cut, damaged, in another encoding or without a column that places its things; if a
        coordinate, a figure or a period cannot be read (naming line, column and value); or if the edition
        has another number of rows.
    """
    things = source.things
    if things is None:
        raise SourceError(f"source {source.id!r} has no 'things' in sources.yml")
    header = read_header(raw, things.encoding)
    ledger = Ledger(raw, header, source, edition, context)
    singles = _singles(raw, header, things) if things.alone else None
    for block in read_blocks(raw, header, ledger.columns):
        alone = block if singles is None else block[np.isin(_hashes(block, raw, header, things), singles)]
        ledger.rows += len(block) - len(alone)
        ledger.add(alone)
    return ledger.delivery()


@dataclass
class _Term:
    """A figure with the columns that it is computed from."""

    number: int
    figure: Figure
    where: dict[str, list[str]]
    among: dict[str, list[str]]
    of: list[str]  # one column, or dividend and divisor
    over: str | None
    period: str
    digits: int | None  # of a median: as many as are shown, so that equal values stand in one row
    met: bool = False  # whether any row was counted


@dataclass
class Ledger:
    """Adds up blocks of rows; what a reader of things fills and closes."""

    raw: RawFile
    header: Header
    source: Source
    edition: Edition
    context: Context
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.source.things is not None
        self.things: Things = self.source.things
        self.placing = Placing(self.raw, self.header, self.things, self.context.reference)
        self.keep = self._columns_of(self.things.keep)
        self.key = [self._column([k]) for k in self.things.key]
        self.dated = self._column(self.things.period.column) if self.things.period else None
        self.terms = self._terms()
        self.school_columns = self._school_columns()
        self._sums: list[pd.DataFrame] = []
        self._points: list[pd.DataFrame] = []
        self._seen: list[pd.DataFrame] = []
        self._schools: list[pd.DataFrame] = []
        self._homes: dict[str, str] = {}
        self._known = np.array([], dtype=np.uint64)
        self._twins = 0
        self._late: list[pd.Series] = []

    @property
    def columns(self) -> list[str]:
        """The columns that must be read."""
        terms = [c for t in self.terms for c in [*t.where, *t.among, *t.of, *([t.over] if t.over else [])]]
        dated = [self.dated] if self.dated else []
        schools = [c for c in self.school_columns.values() if c]
        alone = [self._column([name]) for name in self.things.alone.by] if self.things.alone else []
        return list(dict.fromkeys([*self.placing.columns, *self.keep, *self.key, *alone, *dated, *schools, *terms]))

    def add(self, block: pd.DataFrame) -> None:
        """Add a block of rows: the columns of :attr:`columns`, and ``__line__``."""
        self.rows += len(block)
        block = block[accepted(block, self.keep)]
        block = self._first_of_its_key(block)
        if block.empty:
            return
        periods = self._periods(block)
        if self.things.period and self.things.period.whole:
            late = unfinished(periods, self.edition)
            self._late.append(periods[late])
            block, periods = block[~late], periods[~late]
        places = self.placing.of(block)
        places["period"] = periods
        unplaced = places["longitude"].isna() if self.placing.point else pd.Series(False, index=places.index)
        seen = places[["period", "departement", "lost"]].assign(things=1, unplaced=unplaced)
        self._seen.append(seen.groupby(["period", "departement"], as_index=False).sum())
        if "school" in self.placing.codes:
            # A school is a part of its commune: what is withheld of one, the others and the commune must not tell.
            self._homes |= dict(zip(places["school"], places["commune"], strict=True))
        if self.school_columns:
            self._schools.append(self._described(block, places))
        points = {}
        for term in self.terms:
            value, weight = self._values(term, block)
            counted = ~np.isnan(value)
            term.met = term.met or bool(accepted(block, term.where).any())
            period = places["period"] if term.period == "" else term.period
            self._collect(term, places, counted, value, weight, period)
            if self.placing.point and self._by_point(term):
                points[f"v{term.number}"] = value
                if term.over or term.figure.tally.kind == "sum":
                    points[f"w{term.number}"] = weight
        if points:
            table = pd.DataFrame(points, index=places.index)
            wanted = places["longitude"].notna() & table.notna().any(axis=1)
            self._points.append(pd.concat([places[["longitude", "latitude", "period"]], table], axis=1)[wanted])
        if sum(map(len, self._sums[1:])) > _WAITING:
            self._sums = [_together(self._sums)]

    def delivery(self) -> Delivery:
        """Close the ledger: the sums, the points, and what was noticed.

        Raises
        ------
        SourceError
            If the file had not as many rows as its edition.
        """
        refuse_rows(self.rows, self.edition, self.raw, growing=self.things.period is not None)
        seen = [s for s in self._seen if len(s)]
        table = (
            pd.concat(seen).groupby(["period", "departement"], as_index=False).sum() if seen
            else pd.DataFrame(columns=["period", "departement", "lost", "things", "unplaced"])
        )  # fmt: skip
        self.findings += self.placing.findings()
        self.findings += unfinished_note(pd.concat(self._late), self.edition, self.raw) if self._late else []
        if self._twins:
            self._note(f"{self._twins} rows left out: their key stands in an earlier row")
        if table["unplaced"].sum():
            total = int(table["things"].sum())
            self._note(f"{int(table['unplaced'].sum())} of {total} {self.things.noun} have no coordinates")
        for term in self.terms:
            if not term.met:
                # Values that occur nowhere are a changed coding, not a country without such things.
                self._note(f"no row has {term.figure.label}: {term.figure.indicator} is left out", "warning")
        met = {t.number for t in self.terms if t.met}
        sums = _together(self._sums)
        points = pd.concat(self._points, ignore_index=True).astype({"period": "category"}) if self._points else pd.DataFrame()
        tallied = Tallied(
            self.things.noun, [t.figure for t in self.terms if t.met],
            _renumbered(sums, met), _renamed(points, met), table, frozenset(self.placing.codes),
        )  # fmt: skip
        schools = pd.concat(self._schools) if self._schools else pd.DataFrame()
        places = school_places(schools, self.context, self.edition)
        return Delivery(territories=places, findings=self.findings, tallied=tallied, schools=self._homes)

    def _collect(
        self, term: _Term, places: pd.DataFrame, counted: np.ndarray, value: np.ndarray, weight: np.ndarray,
        period: pd.Series | str,
    ) -> None:  # fmt: skip
        """Add the things of a block to the territories that they name by code."""
        at = 0.0 if term.digits is None else value
        table = pd.DataFrame({"value": value, "weight": weight, "things": 1, "at": at}, index=places.index)
        table["period"] = period
        for code in dict.fromkeys([*self.placing.codes, *(["departement"] if "commune" in self.placing.codes else [])]):
            level, _, generation = code.partition("_")
            if not _wanted(level, term.figure.levels):
                continue
            if level == "qpv" and term.figure.tally.within:
                continue
            named = table.assign(territory=places[code])[counted & (places[code] != "").to_numpy()]
            if named.empty:
                continue
            sums = named.groupby(["territory", "period", "at"], as_index=False, sort=False).sum()
            self._sums.append(sums.assign(figure=term.number, level=level, generation=generation))

    def _by_point(self, term: _Term) -> bool:
        """Tell whether a figure needs points: around the QPV, or where the rows name no QPV of a generation."""
        if {"qpv_2024", "qpv_2015", "commune"} <= set(self.placing.codes):
            return term.figure.tally.within > 0
        return not term.figure.levels or bool({"qpv", "commune"} & set(term.figure.levels))

    def _values(self, term: _Term, block: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Give what each row adds above and below the line of a figure; ``NaN`` above: nothing."""
        chosen = accepted(block, term.where)
        tally, weight = term.figure.tally, np.ones(len(block))
        if tally.kind == "count":
            return np.where(chosen, np.float32(1), np.float32(np.nan)), weight
        if tally.kind == "share":
            return np.where(accepted(block, term.among), chosen.astype(np.float32), np.float32(np.nan)), weight
        value = np.full(len(block), np.nan)
        rows = block[chosen]
        figures = [numbers(rows, column, self.raw) for column in [*term.of, *([term.over] if term.over else [])]]
        above = figures[0]
        if len(term.of) == 2:
            with np.errstate(divide="ignore", invalid="ignore"):
                above = np.where(figures[1] > 0, above / figures[1], np.nan)
        if term.over:
            below = figures[-1]
            above = np.where(np.isnan(below), np.nan, above)
            weight[chosen] = np.nan_to_num(below)
        if tally.kind == "sum":
            # A thing without a value is one all the same: it is counted, and the sum says how many it lacks.
            weight[chosen], above = ~np.isnan(above), np.nan_to_num(above)
        value[chosen] = above if term.digits is None else above.round(term.digits)
        return value, weight

    def _periods(self, block: pd.DataFrame) -> pd.Series:
        if self.dated is None or self.things.period is None:
            return pd.Series(self.edition.periods.get("main", UNDATED), index=block.index)
        years = block[self.dated].str.strip().str[:4]
        if self.things.period.form == "school_year":
            years = years.map({y: f"{y}-{int(y) + 1}" if y.isdigit() else y for y in years.unique()})
        bad = ~years.map({y: is_period(y) for y in years.unique()}).astype(bool)
        if bad.any():
            row = block[bad.to_numpy()].iloc[0]
            raise SourceError(
                f"{self.raw.name}, line {row[LINE]}, column {self.dated}: {row[self.dated][:60]!r} begins with no year"
            )
        return years

    def _first_of_its_key(self, block: pd.DataFrame) -> pd.DataFrame:
        if not self.key:
            return block
        hashes = pd.util.hash_pandas_object(block[self.key], index=False).to_numpy()
        first = ~pd.Series(hashes).duplicated().to_numpy() & ~np.isin(hashes, self._known)
        self._known = np.concatenate([self._known, hashes[first]])
        self._twins += int((~first).sum())
        return block[first]

    def _terms(self) -> list[_Term]:
        """Find the columns of every figure of the source; one whose columns lack is reported and left out."""
        found: list[_Term] = []
        missing = []
        for indicator, column in self.context.catalog.columns_of(self.source.id):
            tally = column.tally
            if tally is None:
                continue
            names = [*tally.where, *tally.among, *_divided(tally), *([tally.over] if tally.over else [])]
            real = {n: find(self.header, n.split(" | "), self.raw) for n in names}
            lost = [n for n, name in real.items() if name is None]
            if lost:
                missing.append(f"{', '.join(lost)} ({indicator.id})")
                continue
            known = {n: name for n, name in real.items() if name is not None}
            figure = Figure(indicator.id, tally, column.scale, tuple(column.levels), _label(tally))
            period = "" if column.block == "main" else self.edition.periods.get(column.block, "")
            found.append(
                _Term(
                    len(found), figure, {known[c]: v for c, v in tally.where.items()},
                    {known[c]: v for c, v in tally.among.items()}, [known[c] for c in _divided(tally)],
                    known[tally.over] if tally.over else None, period, indicator.decimals if tally.kind == "median" else None,
                )
            )  # fmt: skip
        if missing:
            self.findings.append(Finding("warning", self.raw.name, f"columns not found: {'; '.join(missing)}", line=1))
        return found

    def _column(self, alternatives: list[str]) -> str:
        return column_of(self.header, alternatives, self.raw)

    def _columns_of(self, conditions: dict[str, list[str]]) -> dict[str, list[str]]:
        return {self._column(name.split(" | ")): values for name, values in conditions.items()}

    def _school_columns(self) -> dict[str, str | None]:
        wanted = self.things.schools
        if wanted is None:
            return {}
        optional = {"kind": wanted.kind, "priority": wanted.priority}
        return {"name": self._column(wanted.name)} | {k: find(self.header, v, self.raw) for k, v in optional.items()}

    def _described(self, block: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
        words = {k: block[c].to_numpy() if c else "" for k, c in self.school_columns.items()}
        table = places[["school", "commune", "longitude", "latitude"]].assign(**words)
        return table[table["school"] != ""].drop_duplicates("school", keep="last")

    def _note(self, message: str, severity: str = "info") -> None:
        self.findings.append(Finding("warning" if severity == "warning" else "info", self.raw.name, message))


def _singles(raw: RawFile, header: Header, things: Things) -> np.ndarray:
    """Find the groups with exactly one row that is kept, in a reading of their own: their rows may lie apart."""
    assert things.alone is not None
    where = {column_of(header, name.split(" | "), raw): values for name, values in things.alone.where.items()}
    wanted = [*(column_of(header, [name], raw) for name in things.alone.by), *where]
    found = [_hashes(block[accepted(block, where)], raw, header, things) for block in read_blocks(raw, header, wanted)]
    groups, counts = np.unique(np.concatenate([np.array([], dtype=np.uint64), *found]), return_counts=True)
    alone: np.ndarray = groups[counts == 1]
    return alone


def _hashes(block: pd.DataFrame, raw: RawFile, header: Header, things: Things) -> np.ndarray:
    assert things.alone is not None
    columns = [column_of(header, [name], raw) for name in things.alone.by]
    hashes: np.ndarray = pd.util.hash_pandas_object(block[columns], index=False).to_numpy()
    return hashes


def _wanted(level: str, levels: tuple[str, ...]) -> bool:
    """Tell whether a level serves a figure, itself or by what is made of it.

    A school and an IRIS are asked for by name: a count of one, or of IRIS without zeros, says little.
    """
    serves = {"commune": {"commune", "epci"}, "departement": {"departement", "region", "france"}}.get(level, {level})
    return bool(serves & set(levels)) if levels else level in ("qpv", "commune", "departement")


def _divided(tally: Tally) -> list[str]:
    """Give the column of ``of``, or the dividend and divisor of a quotient."""
    return [] if tally.of is None else tally.of.split(" / ")


def _label(tally: Tally) -> str:
    """Say in a line which columns and rows a figure is made of."""
    rows = " et ".join(f"{c} = {', '.join(v)}" for c, v in tally.where.items())
    base = " et ".join(f"{c} = {', '.join(v)}" for c, v in tally.among.items())
    of = f"{tally.of} / {tally.over}" if tally.over else tally.of or ""
    return (f"{of} ({rows})" if of and rows else of or rows or "lignes") + (f" parmi {base}" if base else "")


def _together(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    some = [t for t in tables if len(t)]
    if not some:
        return pd.DataFrame(columns=[*_KEYS, "value", "weight", "things"])
    table = pd.concat(some, ignore_index=True).astype(dict.fromkeys(["level", "generation", "territory", "period"], "category"))
    return table.groupby(_KEYS, as_index=False, sort=False, observed=True).sum()


def _renumbered(sums: pd.DataFrame, met: set[int]) -> pd.DataFrame:
    """Number the figures anew once those without any row are left out."""
    order = {old: new for new, old in enumerate(sorted(met))}
    kept = sums[sums["figure"].isin(met)]
    return kept.assign(figure=kept["figure"].map(order)).reset_index(drop=True)


def _renamed(points: pd.DataFrame, met: set[int]) -> pd.DataFrame:
    order = {f"{letter}{old}": f"{letter}{new}" for new, old in enumerate(sorted(met)) for letter in "vw"}
    figures = [c for c in points if c[0] in "vw" and c[1:].isdigit()]
    return points.drop(columns=[c for c in figures if c not in order]).rename(columns=order)
