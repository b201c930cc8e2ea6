"""The report of a run as a page: what failed and where, what is partial and why, what was slow or heavy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import pandas as pd

from qpv.batch import Record
from qpv.catalog import Catalog
from qpv.html import text
from qpv.numbers import DASH, NNBSP, format_number
from qpv.quarter import Quarter
from qpv.site.frame import Markup, filtered_table, search_field, shell
from qpv.vocabulary import BRIEF_KINDS, BRIEF_KINDS_FR

#: How many briefs are named among the slowest and the largest.
_FIRST: Final = 15


def report_page(records: Sequence[Record], catalog: Catalog, quarter: Quarter) -> str:
    """Write what became of every brief of a quarter, of this run and of earlier ones.

    Parameters
    ----------
    records
        See :func:`qpv.batch.published`; ``seconds`` are those of the making, whenever that was.
    catalog
        For the names of the indicators that are missing.
    """
    made = [r for r in records if r.status != "failed"]
    parts = [
        f"<p>{format_number(len(made))} briefs, en {_time(sum(r.seconds for r in records))} de travail cumulé ; "
        f"{format_number(sum(r.bytes for r in made) / 1e6)}{NNBSP}Mo de pages. "
        "Le temps est celui de la fabrication de chaque brief, dans cette exécution ou une précédente.</p>",
        _by_kind(records),
        search_field("Filtrer les tableaux"),
        _failed([r for r in records if r.status == "failed"]),
        _partial([r for r in records if r.status == "degraded"], catalog),
        _first(made, "Les plus longs à faire", lambda r: r.seconds),
        _first(made, "Les plus lourds", lambda r: r.bytes),
    ]
    return shell("run.html", "Rapport d’exécution", quarter, "\n".join(parts))


def _by_kind(records: Sequence[Record]) -> str:
    rows = []
    for kind in BRIEF_KINDS:
        mine = [r for r in records if r.theme == kind]
        if mine:
            counts = Counter(r.status for r in mine)
            seconds, weights = (
                pd.Series([r.seconds for r in mine]),
                pd.Series([r.bytes / 1e3 for r in mine if r.bytes], dtype=float),
            )
            weight = f"{format_number(weights.median())}{NNBSP}Ko" if len(weights) else DASH
            rows.append([BRIEF_KINDS_FR[kind], *(format_number(counts[s]) for s in ("ok", "degraded", "failed")),
                         _time(float(seconds.median())), _time(float(seconds.max())), weight])  # fmt: skip
    heads = [
        "Brief",
        "Plus de la moitié des chiffres clés",
        "La moitié au plus",
        "Échecs",
        "Temps médian",
        "Temps maximal",
        "Poids médian",
    ]
    return f"<h2>Par sorte de brief</h2>{filtered_table(heads, rows, 'Briefs par sorte')}"


def _failed(records: Sequence[Record]) -> str:
    if not records:
        return f"<h2>Échecs{NNBSP}: aucun</h2>"
    rows = []
    for record in records:
        error = record.error or {}
        cell = DASH if error.get("cell") is None else str(error["cell"])
        told = Markup(
            f'<span lang="en">{text(error.get("name", ""))}{NNBSP}: {text(error.get("message", ""))}</span>' + _trace(error)
        )
        rows.append([_name(record), BRIEF_KINDS_FR[record.theme], cell, told])
    heads = ["Territoire", "Brief", "Cellule", "Cause"]
    return f"<h2>Échecs{NNBSP}: {len(rows)}</h2>{filtered_table(heads, rows, 'Briefs qui n’ont pas pu être faits')}"


def _trace(error: dict[str, object]) -> str:
    trace = str(error.get("traceback") or "")
    return f'<details><summary>Trace</summary><pre class="trace" lang="en">{text(trace)}</pre></details>' if trace else ""


#: Of the partial briefs, those that a person should look at: ``degraded``.
_SPARSE: Final = "Briefs où manque au moins la moitié des chiffres clés"


def _partial(records: Sequence[Record], catalog: Catalog) -> str:
    if not records:
        return f"<h2>{_SPARSE}{NNBSP}: aucun</h2>"
    rows = []
    for record in records:
        named = [catalog.indicators[i].short if i in catalog.indicators else i for i in record.missing]
        rows.append([_link(record), BRIEF_KINDS_FR[record.theme], format_number(len(named)), ", ".join(named)])
    heads = ["Territoire", "Brief", "Manquent", "Chiffres clés sans valeur"]
    return f"<h2>{_SPARSE}{NNBSP}: {len(rows)}</h2>{filtered_table(heads, rows, f'{_SPARSE}, et lesquels')}"


def _first(records: Sequence[Record], title: str, measure: Callable[[Record], float]) -> str:
    if not records:
        return ""
    order = sorted(records, key=measure, reverse=True)[:_FIRST]
    rows = [[_link(r), BRIEF_KINDS_FR[r.theme], _time(r.seconds), f"{format_number(r.bytes / 1e3)}{NNBSP}Ko"] for r in order]
    return f"<h2>{text(title)}</h2>{filtered_table(['Territoire', 'Brief', 'Temps', 'Poids'], rows, title)}"


def _name(record: Record) -> str:
    return f"{record.name} ({record.qpv})" if record.name else record.qpv


def _link(record: Record) -> Markup:
    return Markup(f'<a href="{text(record.qpv)}/{text(record.theme)}.html">{text(_name(record))}</a>')


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{format_number(seconds, 1)}{NNBSP}s"
    if seconds < 3600:
        return f"{format_number(seconds / 60)}{NNBSP}min"
    return f"{format_number(seconds / 3600, 1)}{NNBSP}h"
