"""The run as a small site: ``index.html`` with a link to every brief, ``data.html`` with the state of the data."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qpv.atomic import write_atomically
from qpv.batch import Record
from qpv.brief.blocks import style_sheet
from qpv.html import text
from qpv.inventory import SEVERITY_FR, TIERS_FR, UNREAD_FR, Inventory, gain_words, period_words, published_words, take_inventory
from qpv.numbers import DASH, NNBSP, format_number
from qpv.quarter import Quarter, format_date
from qpv.tables import plain_table
from qpv.vocabulary import AGGLOMERATION, BRIEF_KINDS_FR
from qpv.warehouse import Warehouse

#: The briefs of one QPV, a column each.
_OF_QPV = {kind: name for kind, name in BRIEF_KINDS_FR.items() if kind != AGGLOMERATION}
_STATUS = {"ok": "complet", "degraded": "partiel", "failed": "échec"}
_SEARCH = """
const box = document.getElementById('search'), rows = [...document.querySelectorAll('tbody.qpv-list tr')];
box.addEventListener('input', () => {
  const plain = box.value.toLowerCase().replace(/œ/g, 'oe').normalize('NFD').replace(/[\\u0300-\\u036f]/g, '');
  const words = plain.replace(/[^a-z0-9]+/g, ' ').trim().split(' ');
  const wanted = words.map(w => ({st: 'saint', ste: 'sainte'})[w] || w).join(' ');
  for (const row of rows) row.hidden = !row.dataset.words.includes(wanted);
});
"""


def write_index(records: Sequence[Record], quarter: Quarter, warehouse: Warehouse, folder: Path) -> Path:
    """Write the index of a run and its page on the data; both work from ``file://`` and ask no host for anything."""
    write_atomically(folder / "data.html", data_page(take_inventory(warehouse), quarter))
    path = folder / "index.html"
    write_atomically(path, _page(records, quarter, warehouse, folder))
    return path


def _shell(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>{text(title)}</title><style>{style_sheet()}</style></head><body><main class="qpv">
{body}
</main><script>{_SEARCH}</script></body></html>
"""


def _page(records: Sequence[Record], quarter: Quarter, warehouse: Warehouse, folder: Path) -> str:
    epci, communes = (warehouse.places(level)["name"] for level in ("epci", "commune"))
    qpv = warehouse.places("qpv")
    done: dict[str, dict[str, Record]] = {}
    for record in (r for r in records if r.theme != AGGLOMERATION):
        done.setdefault(record.qpv, {})[record.theme] = record
    order = sorted((c for c in done if c in qpv.index), key=lambda c: (qpv.at[c, "epci"], qpv.at[c, "name"]))
    rows = "".join(
        _row(
            code, done[code], qpv.at[code, "name"], epci.get(qpv.at[code, "epci"].split(" ")[0], ""),
            [communes.get(c, "") for c in qpv.at[code, "communes"].split(" ")],
            (folder / code / "figures.csv").exists(),
        )
        for code in order
    )  # fmt: skip
    heads = "".join(f'<th scope="col">{text(h)}</th>' for h in ["Quartier", "Intercommunalité", *_OF_QPV.values(), "Données"])
    counts = {s: sum(r.status == s for r in records) for s in _STATUS}
    words = ", ".join(
        f"{counts[s]} {label}{'s' if counts[s] > 1 and s != 'failed' else ''}" for s, label in _STATUS.items() if counts[s]
    )
    title = f"Observatoire des QPV, {quarter.label}"
    return _shell(
        title,
        f"""<header><p class="theme">Trimestre {text(quarter.label)}</p><h1>Observatoire des quartiers prioritaires</h1></header>
<p>{len(done)} quartiers, {len(records)} briefs{NNBSP}: {text(words)}. Données publiées au plus tard le {text(format_date(quarter.end))}.</p>
<p><label for="search">Chercher un quartier, une commune ou un code{NNBSP}: </label><input id="search" type="search" autocomplete="off"></p>
<div class="scroll" tabindex="0" role="region" aria-label="Briefs par quartier et thème"><table class="small"><caption>Briefs par quartier et thème</caption>
<thead><tr>{heads}</tr></thead><tbody class="qpv-list">{rows}</tbody></table></div>
{_agglomerations(records)}
{_failures(records)}
<h2>État des données</h2><p>{_known(warehouse, quarter)} <a href="data.html">Éditions lues, sources attendues et fichiers non lus</a></p>""",
    )


def _row(code: str, themes: dict[str, Record], name: str, epci: str, communes: Sequence[str], has_figures: bool) -> str:
    from qpv.reference import fold

    cells = []
    for theme in _OF_QPV:
        record = themes.get(theme)
        if record is None:
            cells.append("<td>–</td>")
        elif record.status == "failed":
            cells.append(f'<td><span class="badge failed">{_STATUS["failed"]}</span></td>')
        else:
            label = f"{_OF_QPV[theme]}, {name}"
            cells.append(f'<td><a href="{text(code)}/{theme}.html" aria-label="{text(label)}">{_STATUS[record.status]}</a></td>')
    figures = f'<a href="{text(code)}/figures.csv" aria-label="Chiffres de {text(name)}, CSV">CSV</a>' if has_figures else "–"
    words = fold(" ".join([name, code, epci, *communes]))
    return (
        f'<tr data-words="{text(words)}"><th scope="row">{text(name)}<span class="newer">{text(code)}</span></th><td>{text(epci)}</td>'
        f"{''.join(cells)}<td>{figures}</td></tr>"
    )


def _agglomerations(records: Sequence[Record]) -> str:
    """Link to the briefs of all QPV of an EPCI."""
    made = sorted((r for r in records if r.theme == AGGLOMERATION and r.status != "failed"), key=lambda r: (r.name, r.qpv))
    if not made:
        return ""
    links = "".join(
        f'<li><a href="{text(r.qpv)}/{AGGLOMERATION}.html">{text(r.name)}</a> ({_STATUS[r.status]})</li>' for r in made
    )
    return f"<h2>Agglomérations</h2><p>Tous les quartiers d’une intercommunalité sur une page.</p><ul>{links}</ul>"


def _failures(records: Sequence[Record]) -> str:
    failed = [r for r in records if r.status == "failed"]
    if not failed:
        return ""
    rows = [
        [
            r.qpv,
            BRIEF_KINDS_FR[r.theme],
            str((r.error or {}).get("cell")),
            f"{(r.error or {}).get('name')}: {(r.error or {}).get('message')}",
        ]
        for r in failed
    ]
    return f"<h2>Échecs</h2>{plain_table(['QPV', 'Thème', 'Cellule', 'Erreur'], rows, 'Briefs en échec')}"


def _known(warehouse: Warehouse, quarter: Quarter) -> str:
    """Say how many editions were read, and how many of them this quarter may use."""
    used = int((warehouse.editions["published"].dt.date <= quarter.end).sum())
    return f"{len(warehouse.editions)} éditions lues, dont {used} publiées avant la fin du trimestre."


# --- data.html -----------------------------------------------------------------------------------


def data_page(inventory: Inventory, quarter: Quarter) -> str:
    """Write the state of the data as a page: what :func:`qpv.terminal.print_inventory` says, and the traps."""
    parts = [
        f"""<header><p class="theme">Trimestre {text(quarter.label)}</p><h1>État des données</h1></header>
<p><a href="index.html">Retour aux briefs</a></p>
<p>Chaque chiffre des briefs vient d’une des éditions ci-dessous. Un brief n’utilise que celles publiées au plus tard le {text(format_date(quarter.end))}.</p>
<p><label for="search">Filtrer les tableaux{NNBSP}: </label><input id="search" type="search" autocomplete="off"></p>
<h2>Éditions lues{NNBSP}: {len(inventory.editions)}</h2>
<p class="note">≤{NNBSP}: date supposée, la plus tardive possible. QPV{NNBSP}: quartiers dont une valeur au moins est connue, sur le périmètre de l’édition.
Un fonds de carte ou une liste de lieux n’apporte aucune observation.</p>""",
        _editions(inventory, quarter),
    ]
    if len(inventory.awaited):
        rows = [
            [_named(s, s.source, s.landing_page), TIERS_FR[s.tier], gain_words(s.indicators, s.new), s.why or DASH]
            for s in inventory.awaited.itertuples()
        ]
        heads = ["Source", "État", "Apporterait (indicateurs par thème)", "Remarque"]
        caption = "Sources du catalogue dont rien n’a été déposé"
        parts.append(f"<h2>Sources attendues{NNBSP}: {len(rows)}</h2>{_filtered_table(heads, rows, caption)}")
    if len(inventory.unread):
        rows = [[f.file, Markup(text(UNREAD_FR[f.reason]) + _english(f.message if f.reason == "second" else ""))]
                for f in inventory.unread.itertuples()]  # fmt: skip
        parts.append(
            f"<h2>Fichiers non lus{NNBSP}: {len(rows)}</h2>{_filtered_table(['Fichier', 'Raison'], rows, 'Fichiers déposés mais non lus')}"
        )
    if len(inventory.remarks):
        rows = [
            [r.file, DASH if pd.isna(r.line) else str(r.line), SEVERITY_FR[r.severity], Markup(_english(r.message))]
            for r in inventory.remarks.itertuples()
        ]  # fmt: skip
        table = _filtered_table(["Fichier", "Ligne", "Gravité", "Remarque (en anglais)"], rows, "Remarques faites à la lecture")
        parts.append(f"<h2>Remarques des lecteurs{NNBSP}: {len(rows)}</h2>{table}")
    return _shell(f"État des données, {quarter.label}", "\n".join(parts))


def _editions(inventory: Inventory, quarter: Quarter) -> str:
    heads = [
        "Édition", "Périodes de référence", "Périmètre", "Publiée", "Lignes lues", "Observations", "QPV", "Secret",
        "Non publié", "Sans objet", "Avertissements",
    ]  # fmt: skip
    rows = []
    for e in inventory.editions.itertuples():
        counts = [e.rows, e.observations, e.qpv, e.secret, e.unavailable, e.not_applicable, e.warnings]
        late = "" if e.published.date() <= quarter.end else '<span class="newer">après le trimestre, non utilisée</span>'
        traps = "".join(f"<li>{text(t)}</li>" for t in e.traps.split("|") if t)
        told = f"<details><summary>Pièges</summary><ul>{traps}</ul></details>" if traps else ""
        rows.append(
            [Markup(_named(e, e.edition, e.landing_page) + told), period_words(e.periods), e.generation or DASH,
             Markup(text(published_words(e)) + late),
             *(format_number(n) if n else DASH for n in counts)]
        )  # fmt: skip
    return _filtered_table(heads, rows, "Éditions lues")


class Markup(str):
    """A cell that is HTML already, its data escaped; all others are escaped by the table."""


def _english(message: str) -> str:
    """Write what a reader noticed, which is said in English, for a screen reader to pronounce."""
    return f'<span class="newer" lang="en">{text(message)}</span>' if message else ""


def _named(row: Any, identifier: str, address: str) -> Markup:
    """Name a source or an edition of it, with its identifier and, where it is on the web, its page."""
    name = text(f"{row.producer}, {row.dataset}")
    if address.startswith(("https://", "http://")):
        name = f'<a href="{text(address)}" rel="noreferrer">{name}</a>'
    return Markup(f'{name}<span class="newer">{text(identifier)}</span>')


def _filtered_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Write a table whose rows the page's search field filters; the first cell heads its row."""
    from qpv.reference import fold

    body = []
    for row in rows:
        cells = [c if isinstance(c, Markup) else text(c) for c in row]
        words = fold(html.unescape(re.sub(r"<[^>]*>", " ", " ".join(cells))))
        body.append(
            f'<tr data-words="{text(words)}"><th scope="row">{cells[0]}</th>{"".join(f"<td>{c}</td>" for c in cells[1:])}</tr>'
        )
    header = "".join(f'<th scope="col">{text(h)}</th>' for h in heads)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table class="small"><caption>{text(caption)}</caption>'
        f'<thead><tr>{header}</tr></thead><tbody class="qpv-list">{"".join(body)}</tbody></table></div>'
    )
