"""The state of the data and its changes as an analyst reads them on a terminal: French, 100 columns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qpv.catalog import Catalog, Indicator
from qpv.changes import Kind, Summary
from qpv.html import visible
from qpv.inventory import SEVERITY_FR, TIERS_FR, UNREAD_FR, Inventory, gain_words, period_words, published_words
from qpv.numbers import DASH, NBSP, NNBSP, format_difference, format_number, format_value
from qpv.quarter import UNDATED, short_period
from qpv.vocabulary import LEVELS_FR, QUALIFIER_FR, STATUS_FR, THEMES_FR, Qualifier, Status

#: What these tables need; where no terminal says otherwise they get it.
WIDTH: Final = 100

KINDS_FR: Final = {
    Kind.REVISED: "révisés", Kind.RESTATED: "changés de statut", Kind.ADDED: "ajoutés", Kind.REMOVED: "retirés",
}  # fmt: skip
EDITIONS_FR: Final = {"in": "entrée", "out": "sortie", "replaced": "remplacée", "redated": "redatée"}

#: Head, width and alignment; 100 columns with the blanks between them.
_EDITION_COLUMNS: Final = (
    ("Édition", 24, "left"), ("Périodes", 11, "left"), ("Périm.", 6, "left"), ("Publiée", 11, "left"), ("Lignes", 6, "right"),
    ("Obs.", 6, "right"), ("QPV", 5, "right"), ("Secret", 6, "right"), ("Non publié", 6, "right"),
    ("Sans objet", 6, "right"), ("Av.", 3, "right"),
)  # fmt: skip


def print_inventory(inventory: Inventory, console: Console) -> None:
    """Print editions by source, then sources awaited, files not read, remarks."""
    _heading(console, f"Éditions lues{NNBSP}: {len(inventory.editions)}")
    console.print(_grid(show_header=True))
    for _, editions in inventory.editions.groupby("source", sort=False):
        first = editions.iloc[0]
        console.print(Text(visible(f"{first['producer']}, {first['dataset']}"), style="bold"), soft_wrap=True)
        table = _grid(show_header=False)
        for e in editions.itertuples():
            counts = [e.rows, e.observations, e.qpv, e.secret, e.unavailable, e.not_applicable, e.warnings]
            published = published_words(e, lambda day: f"{day:%d/%m/%Y}").replace(NBSP, "")
            cells = [
                _folded(e.edition, _EDITION_COLUMNS[0][1]),
                period_words(e.periods),
                e.generation or DASH,
                published,
                *map(_short, counts),
            ]
            table.add_row(*(Text(visible(c)) for c in cells))
        console.print(table)
    console.print(
        f"Périm.{NNBSP}: génération du périmètre des QPV. ≤{NNBSP}: date supposée, la plus tardive possible. Lignes, Obs., QPV{NNBSP}: "
        "lignes lues, observations, QPV avec une valeur au moins, k et M pour milliers et millions arrondis. Secret, Non publié, "
        f"Sans objet{NNBSP}: absences par nature. Av.{NNBSP}: avertissements. –{NNBSP}: aucun (ainsi des fonds de carte et des lieux).",
        style="dim", highlight=False,
    )  # fmt: skip
    if len(inventory.awaited):
        _heading(console, f"Sources du catalogue dont rien n’a été déposé{NNBSP}: {len(inventory.awaited)}")
    for s in inventory.awaited.itertuples():
        _line(console, f"{s.source} ({TIERS_FR[s.tier]})", "bold")
        _line(console, f"  {s.producer}, {s.dataset}")
        if s.why:
            _line(console, f"  {s.why}")
        _line(console, f"  apporterait{NNBSP}: {gain_words(s.indicators, s.new)}")
        _line(console, f"  {s.landing_page}")
    if len(inventory.unread):
        _heading(console, f"Fichiers déposés mais non lus{NNBSP}: {len(inventory.unread)}")
    for reason, files in inventory.unread.groupby("reason", sort=False):
        _line(console, UNREAD_FR[reason], "bold")
        for f in files.itertuples():
            _line(console, f"  {f.file}" + (f"{NNBSP}: {f.message}" if reason == "second" else ""))
    if len(inventory.remarks):
        _heading(console, f"Remarques des lecteurs{NNBSP}: {len(inventory.remarks)}")
    for r in inventory.remarks.itertuples():
        where = r.file if pd.isna(r.line) else f"{r.file}, ligne {r.line}"
        _line(console, f"{SEVERITY_FR[r.severity]}{NNBSP}: {where}{NNBSP}: {r.message}")


def _grid(*, show_header: bool) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=show_header, header_style="bold", width=WIDTH)
    for head, width, align in _EDITION_COLUMNS:
        table.add_column(head, width=width, justify=align, overflow="fold", vertical="bottom" if show_header else "top")  # type: ignore[arg-type]
    return table


def _folded(identifier: str, width: int) -> str:
    """Break an identifier after an underscore or a hyphen where it is too long for its column."""
    kept = ""
    for part in re.split(r"(?<=[_-])", identifier):
        room = width - len(kept.rpartition("\n")[2])
        kept += part if len(part) <= room else f"\n{part}"
    return kept


def _short(count: int) -> str:
    """Write a count in six places: ``35 152``, ``126 k``, ``1,2 M``, a dash for none."""
    if not count:
        return DASH
    if count < 99_999.5:
        return format_number(count)
    return f"{format_number(count / 1e3)}{NNBSP}k" if count < 999_500 else f"{format_number(count / 1e6, 1)}{NNBSP}M"


def _heading(console: Console, words: str) -> None:
    console.print()
    console.print(Text(words, style="bold underline"))


def _line(console: Console, words: str, style: str = "") -> None:
    console.print(Text(visible(words), style=style), soft_wrap=True)


# --- changes -------------------------------------------------------------------------------------


def print_changes(
    editions: pd.DataFrame, summary: Summary, catalogs: tuple[Catalog, Catalog], names: Mapping[str, str], console: Console
) -> None:
    """Print which editions came and went, how many figures changed, for which QPV, and the first of them.

    ``catalogs`` are the old and the new one: a figure that is gone may be of an indicator that is gone.
    ``names`` gives the name of a QPV by code.
    """
    if editions.empty and not summary.total:
        console.print("Aucune édition et aucun chiffre n’ont changé.")
        return
    _print_editions(editions, console)
    _heading(console, f"Chiffres changés{NNBSP}: {format_number(summary.total)}")
    if not summary.total:
        return
    _print_counts(summary, console)
    if len(summary.by_qpv):
        top = ", ".join(f"{names.get(c, '?')} ({c}) {format_number(n)}" for c, n in summary.by_qpv.head(5).items())
        _line(console, f"QPV concernés{NNBSP}: {format_number(len(summary.by_qpv))} ; le plus{NNBSP}: {top}")
    if len(summary.first):
        _heading(console, f"Premiers changements de QPV{NNBSP}: {len(summary.first)}")
        _print_figures(summary.first, catalogs, names, console)


def _print_editions(editions: pd.DataFrame, console: Console) -> None:
    _heading(console, f"Éditions changées{NNBSP}: {len(editions)}")
    for e in editions.itertuples():
        counts = " → ".join(DASH if pd.isna(n) else format_number(n) for n in (e.old_observations, e.new_observations))
        _line(console, f"{EDITIONS_FR[e.change]}{NNBSP}: {e.edition} ({e.producer}, {e.dataset}){NNBSP}: {counts} observations")
        if e.change == "redated":
            _line(console, f"  publiée{NNBSP}: {e.old_published:%d/%m/%Y} → {e.new_published:%d/%m/%Y}")


def _print_counts(summary: Summary, console: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Thème", overflow="fold")
    table.add_column("Niveau", overflow="fold")
    heads = ["révisés au-delà du seuil", "révisés en deçà", *(KINDS_FR[k] for k in (Kind.RESTATED, Kind.ADDED, Kind.REMOVED))]
    for head in heads:
        table.add_column(head, justify="right", overflow="fold")
    for (theme, level), row in summary.counts.iterrows():
        cells = [THEMES_FR[theme], LEVELS_FR[level], *(format_number(n) if n else DASH for n in row)]
        table.add_row(*(Text(c) for c in cells))
    console.print(table)


def _print_figures(figures: pd.DataFrame, catalogs: tuple[Catalog, Catalog], names: Mapping[str, str], console: Console) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold", width=min(console.width, 140))
    for head in ("QPV", "Indicateur", "Période", "Avant → après", "Écart", "Édition"):
        table.add_column(head, overflow="fold")
    for row in figures.to_dict("records"):
        indicator = catalogs[1].indicators.get(row["indicator"]) or catalogs[0].indicators[row["indicator"]]
        cells = [
            f"{names.get(row['territory'], '?')} ({row['territory']})", indicator.short, _period(row["period"]),
            " → ".join(change_words(row, indicator)), _difference(row, indicator), row["edition"],
        ]  # fmt: skip
        table.add_row(*(Text(visible(c)) for c in cells))
    console.print(table)


def _period(period: str) -> str:
    return "sans année" if period == UNDATED else short_period(period)


def change_words(row: Mapping[str, Any], indicator: Indicator) -> tuple[str, str]:
    """Write what was said before and after; with more decimals than usual where they would look alike."""
    for decimals in range(indicator.decimals, indicator.decimals + 7):
        before, after = (_said(row, side, indicator, decimals) for side in ("old", "new"))
        if before != after:
            break
    return before, after


def _said(row: Mapping[str, Any], side: str, indicator: Indicator, decimals: int) -> str:
    status, value, qualifier = row[f"{side}_status"], row[f"{side}_value"], row[f"{side}_qualifier"]
    if not status:
        return DASH
    if math.isnan(value):
        return STATUS_FR[Status(status)]
    words = " ".join(filter(None, [QUALIFIER_FR[Qualifier(qualifier)], format_value(value, indicator.unit, decimals)]))
    return words if row["kind"] != Kind.RESTATED else f"{words} ({STATUS_FR[Status(status)]})"


def _difference(row: Mapping[str, Any], indicator: Indicator) -> str:
    if math.isnan(row["difference"]):
        return DASH
    return format_difference(row["difference"], indicator.unit, indicator.decimals)
