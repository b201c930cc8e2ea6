"""What a warehouse holds: editions read, sources awaited, files that were not read, remarks of the readers.

Pure tables, for :mod:`qpv.terminal` and :mod:`qpv.site` to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import pandas as pd

from qpv.numbers import DASH, NBSP, NNBSP, french_spacing
from qpv.quarter import UNDATED, format_date, period_position, short_period
from qpv.vocabulary import ABSENT, THEMES_FR
from qpv.warehouse import Warehouse

#: Why a file that lies among the raw ones was not read.
UNREAD_FR: Final = {
    "unknown": f"non reconnu{NNBSP}: aucune édition du catalogue ne porte ce nom",
    "second": f"ignoré{NNBSP}: l’édition a déjà été lue d’un autre fichier",
}
TIERS_FR: Final = {
    "read": "lue et vérifiée",
    "header": "lecteur écrit d’après l’en-tête, jamais vérifié sur un fichier entier",
    "listed": "citée, pas encore lue",
}
SEVERITY_FR: Final = {"warning": "attention", "info": "à savoir"}
_SCANNED: Final = ["edition", "level", "territory", "indicator", "period", "status", "row"]


@dataclass(frozen=True)
class Inventory:
    """The four tables of the state of the data.

    ``editions``: one row a delivery that was read, with the columns of :data:`qpv.schemas.EDITIONS`,
    ``periods`` (tuple, in order of time), ``rows`` (distinct rows of the file from which a figure comes),
    ``secret``, ``unavailable``, ``not_applicable`` (absences by kind), ``qpv`` (QPV with at least one value,
    codes of the edition's own perimeter) and ``warnings``.
    ``awaited``: sources of the catalogue of which nothing was read: ``source, producer, dataset, tier,
    landing_page, licence, why``, ``indicators`` (theme -> number it would feed) and ``new`` (how many of
    those have no figure from anywhere yet).
    ``unread``: ``file, reason`` (see :data:`UNREAD_FR`) and ``message``.
    ``remarks``: ``severity, file, line, message`` of what readers noticed.
    """

    editions: pd.DataFrame
    awaited: pd.DataFrame
    unread: pd.DataFrame
    remarks: pd.DataFrame

    def records(self) -> Iterator[dict[str, Any]]:
        """Give all rows as plain objects for JSON, each saying which ``record`` it is."""
        for edition in self.editions.assign(published=self.editions["published"].dt.strftime("%Y-%m-%d")).to_dict("records"):
            yield (
                {"record": "edition"}
                | edition
                | {
                    "periods": list(edition["periods"]),
                    "traps": [t for t in edition["traps"].split("|") if t],
                }
            )
        for kind, table in (("awaited_source", self.awaited), ("unread_file", self.unread), ("remark", self.remarks)):
            for row in table.astype(object).where(table.notna(), None).to_dict("records"):
                yield {"record": kind} | row


def take_inventory(warehouse: Warehouse) -> Inventory:
    """List what a build holds, what it lacks, and what was noticed when it was made."""
    findings = pd.DataFrame(
        [{"kind": "", **f} for f in warehouse.meta["findings"]], columns=["kind", "severity", "file", "line", "message"]
    )
    passed_over = findings["kind"].isin(UNREAD_FR)
    remarks = findings[~passed_over]
    counts, fed = _scan(warehouse)
    editions = warehouse.editions.set_index("edition").join(counts)
    editions["periods"] = [p if isinstance(p, tuple) else () for p in editions["periods"]]
    numbers = [*(s.value for s in ABSENT), "rows", "qpv"]
    editions[numbers] = editions[numbers].fillna(0).astype("int64")
    warned = remarks.loc[remarks["severity"] == "warning", "file"].value_counts()
    # A reader names its file; the one of outlines names its edition.
    editions["warnings"] = [int(warned.get(e.file, 0) + warned.get(e.Index, 0)) for e in editions.itertuples()]
    unread = findings[passed_over].rename(columns={"kind": "reason"})
    return Inventory(
        editions=editions.reset_index().sort_values(["source", "edition"], ignore_index=True),
        awaited=_awaited(warehouse, fed),
        unread=unread[["file", "reason", "message"]].sort_values(["reason", "file"], ignore_index=True),
        remarks=remarks[["severity", "file", "line", "message"]].reset_index(drop=True).astype({"line": "Int64"}),
    )


def _scan(warehouse: Warehouse) -> tuple[pd.DataFrame, set[str]]:
    """Count, theme by theme, what each edition gave; give also the indicators that have a value."""
    themes = {i.id: i.theme for i in warehouse.catalog.indicators.values()}
    parts: dict[str, list[pd.DataFrame]] = {"rows": [], "status": [], "periods": [], "qpv": []}
    fed: set[str] = set()
    for theme in THEMES_FR:
        table = warehouse.observations(theme, columns=_SCANNED, compact=True)
        # A figure that speaks to several themes stands in each one's file, and counts once.
        table = table[table["indicator"].map(themes).astype(object) == theme]
        known = ~table["status"].isin([s.value for s in ABSENT])
        fed |= set(table.loc[known, "indicator"].unique())
        parts["rows"].append(_distinct(table[table["row"] > 0], ["edition", "row"]))  # 0: of no row, carried from elsewhere
        parts["periods"].append(_distinct(table, ["edition", "period"]))
        parts["qpv"].append(_distinct(table[known & (table["level"] == "qpv")], ["edition", "territory"]))
        status = table.groupby(["edition", "status"], observed=True).size().rename("count").reset_index()
        parts["status"].append(status.astype({"edition": str, "status": str}))
    whole = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    statuses = whole["status"].pivot_table(index="edition", columns="status", values="count", aggfunc="sum", fill_value=0)
    periods = whole["periods"].drop_duplicates().groupby("edition")["period"].agg(_in_order)
    counts = statuses.reindex(columns=[s.value for s in ABSENT], fill_value=0).assign(periods=periods)
    for name in ("rows", "qpv"):
        counts[name] = whole[name].drop_duplicates().groupby("edition").size()
    return counts, fed


def _distinct(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return table[columns].drop_duplicates().astype({c: str for c in columns if c != "row"})


def _in_order(periods: Iterable[str]) -> tuple[str, ...]:
    """Sort periods by time; those without a date come last."""
    return tuple(sorted(periods, key=lambda p: (p == UNDATED, 0 if p == UNDATED else period_position(p), p)))


def _awaited(warehouse: Warehouse, fed: set[str]) -> pd.DataFrame:
    catalog, read = warehouse.catalog, set(warehouse.editions["source"])
    rows = []
    for source in catalog.sources.values():
        if source.id in read:
            continue
        wanted = {i.id: i for i, _ in catalog.columns_of(source.id)}
        themes = [i.theme for i in wanted.values()]
        rows.append(
            {"source": source.id, "producer": source.producer, "dataset": source.dataset, "tier": source.tier,
             "landing_page": source.landing_page, "licence": source.licence, "why": french_spacing(source.why_listed or ""),
             "indicators": {t: themes.count(t) for t in THEMES_FR if t in themes}, "new": len(set(wanted) - fed)}
        )  # fmt: skip
    columns = ["source", "producer", "dataset", "tier", "landing_page", "licence", "why", "indicators", "new"]
    order = {tier: n for n, tier in enumerate(TIERS_FR)}
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("tier", key=lambda t: t.map(order), kind="stable", ignore_index=True)


# --- words that both renderings share ------------------------------------------------------------


def published_words(edition: Any, date: Callable[..., str] = format_date) -> str:
    """Say when an edition was published, no more precisely than it is known."""
    day = edition.published.date()
    return {
        "day": date(day), "month": short_period(f"{day:%Y-%m}"), "year": str(day.year),
    }.get(edition.published_precision, f"≤{NBSP}{date(day)}")  # fmt: skip


def period_words(periods: tuple[str, ...]) -> str:
    """Write the periods of an edition shortly: ``2013, 2015``, ``2012–2020``, ``2010 … 2022 (7)``."""
    dated = [p for p in periods if p != UNDATED]
    words = [short_period(p) for p in dated]
    steps = {int(b) - int(a) for a, b in pairwise(dated)} if all(map(str.isdigit, dated)) else {0}
    if len(words) > 2 and steps == {1}:
        shown = f"{words[0]}–{words[-1]}"
    elif len(words) > 3:
        shown = f"{words[0]} … {words[-1]} ({len(words)})"
    else:
        shown = ", ".join(words)
    return ", ".join(filter(None, [shown, "sans année" if UNDATED in periods else ""])) or DASH


def gain_words(indicators: dict[str, int], new: int) -> str:
    """Say what a source would add: indicators by theme, and how many of them have no figure yet."""
    if not indicators:
        return "aucun indicateur du catalogue"
    listed = ", ".join(f"{THEMES_FR[theme]} {count}" for theme, count in indicators.items())
    return f"{listed}{NNBSP}; {new} sans aucun chiffre aujourd’hui"
