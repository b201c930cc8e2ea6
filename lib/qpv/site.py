"""The run as a small site: ``index.html`` with a link to every brief, and the state of the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qpv.atomic import write_atomically
from qpv.batch import Record
from qpv.brief.blocks import style_sheet
from qpv.html import text
from qpv.numbers import NNBSP
from qpv.quarter import Quarter, format_date
from qpv.tables import plain_table
from qpv.vocabulary import BRIEF_THEMES, THEMES_FR
from qpv.warehouse import Warehouse

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
    """Write the index of a run; works from ``file://``, asks no host for anything."""
    path = folder / "index.html"
    write_atomically(path, _page(records, quarter, warehouse, folder))
    return path


def _page(records: Sequence[Record], quarter: Quarter, warehouse: Warehouse, folder: Path) -> str:
    epci, communes = (warehouse.places(level)["name"] for level in ("epci", "commune"))
    qpv = warehouse.places("qpv")
    done: dict[str, dict[str, Record]] = {}
    for record in records:
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
    heads = "".join(
        f'<th scope="col">{text(h)}</th>'
        for h in ["Quartier", "Intercommunalité", *(THEMES_FR[t] for t in BRIEF_THEMES), "Données"]
    )
    counts = {s: sum(r.status == s for r in records) for s in _STATUS}
    words = ", ".join(
        f"{counts[s]} {label}{'s' if counts[s] > 1 and s != 'failed' else ''}" for s, label in _STATUS.items() if counts[s]
    )
    title = f"Observatoire des QPV, {quarter.label}"
    return f"""<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>{text(title)}</title><style>{style_sheet()}</style></head><body><main class="qpv">
<header><p class="theme">Trimestre {text(quarter.label)}</p><h1>Observatoire des quartiers prioritaires</h1></header>
<p>{len(done)} quartiers, {len(records)} briefs{NNBSP}: {text(words)}. Données publiées au plus tard le {text(format_date(quarter.end))}.</p>
<p><label for="search">Chercher un quartier, une commune ou un code{NNBSP}: </label><input id="search" type="search" autocomplete="off"></p>
<div class="scroll" tabindex="0" role="region" aria-label="Briefs par quartier et thème"><table class="small"><caption>Briefs par quartier et thème</caption>
<thead><tr>{heads}</tr></thead><tbody class="qpv-list">{rows}</tbody></table></div>
{_failures(records)}
<h2>État des données</h2>{_editions(warehouse, quarter)}
</main><script>{_SEARCH}</script></body></html>
"""


def _row(code: str, themes: dict[str, Record], name: str, epci: str, communes: Sequence[str], has_figures: bool) -> str:
    from qpv.reference import fold

    cells = []
    for theme in BRIEF_THEMES:
        record = themes.get(theme)
        if record is None:
            cells.append("<td>–</td>")
        elif record.status == "failed":
            cells.append(f'<td><span class="badge failed">{_STATUS["failed"]}</span></td>')
        else:
            label = f"{THEMES_FR[theme]}, {name}"
            cells.append(f'<td><a href="{text(code)}/{theme}.html" aria-label="{text(label)}">{_STATUS[record.status]}</a></td>')
    figures = f'<a href="{text(code)}/figures.csv" aria-label="Chiffres de {text(name)}, CSV">CSV</a>' if has_figures else "–"
    words = fold(" ".join([name, code, epci, *communes]))
    return (
        f'<tr data-words="{text(words)}"><th scope="row">{text(name)}<span class="newer">{text(code)}</span></th><td>{text(epci)}</td>'
        f"{''.join(cells)}<td>{figures}</td></tr>"
    )


def _failures(records: Sequence[Record]) -> str:
    failed = [r for r in records if r.status == "failed"]
    if not failed:
        return ""
    rows = [
        [
            r.qpv,
            THEMES_FR[r.theme],
            str((r.error or {}).get("cell")),
            f"{(r.error or {}).get('name')}: {(r.error or {}).get('message')}",
        ]
        for r in failed
    ]
    return f"<h2>Échecs</h2>{plain_table(['QPV', 'Thème', 'Cellule', 'Erreur'], rows, 'Briefs en échec')}"


def _editions(warehouse: Warehouse, quarter: Quarter) -> str:
    rows = []
    for e in warehouse.editions.sort_values(["source", "edition"]).itertuples():
        known = e.published.date() <= quarter.end
        date = {"day": format_date(e.published.date()), "year": str(e.published.year)}.get(
            e.published_precision, f"avant le {format_date(e.published.date())}"
        )
        rows.append(
            [
                f"{e.producer}, {e.dataset}",
                e.edition,
                date,
                "oui" if known else "non, publiée après",
                str(e.observations),
                str(e.absences),
            ]
        )
    head = ["Source", "Édition", "Publiée", "Utilisée", "Observations", "dont absences"]
    return plain_table(head, rows, "Éditions lues", "small")
