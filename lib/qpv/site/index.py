"""``index.html``: every brief of a run, found by name, code, agglomération, theme or status, or on the map."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Final

import pandas as pd

from qpv.batch import Record
from qpv.contract.calendar import due
from qpv.contract.contract import stored_contract
from qpv.html import css_string, text
from qpv.maps import defs, leaflet_css, leaflet_js
from qpv.news import News
from qpv.numbers import DASH, NBSP, NNBSP, format_number
from qpv.quarter import Quarter, format_date
from qpv.reference import fold
from qpv.site.atlas import run_map
from qpv.site.changes import counts_words
from qpv.site.frame import FIRST_SCRIPT, shell, template
from qpv.tables import plain_table
from qpv.vocabulary import BRIEF_KINDS_FR, BRIEF_THEMES, CONTRACT_KINDS, THEMES_FR
from qpv.warehouse import Warehouse

#: State of a brief, see :func:`state` -> its letter in the page, and its word.
STATES: Final = {"whole": ("o", "complet"), "partial": ("d", "partiel"), "failed": ("f", "échec")}
#: Pages that are of no theme.
_OTHERS_FR: Final = {
    "portrait": "Portrait",
    "agglomeration": "Photographie de l’agglomération",
    **{k: BRIEF_KINDS_FR[k] for k in CONTRACT_KINDS},
}


#: So many of the next dates are listed.
_DATES: Final = 8
#: So many of the briefs that failed.
_FAILURES: Final = 20
#: Rows that are laid out before a reader asks for all, where a script can show the others.
_FIRST: Final = 100
#: A cell without anything to open; a phone leaves it out.
_NONE: Final = "<td class=empty>–</td>"


def state(record: Record) -> str:
    """Tell a brief with all its key figures from one that lacks any: ``ok`` is also said of one that lacks a few."""
    if record.status == "failed":
        return "failed"
    return "partial" if record.status == "degraded" or record.missing else "whole"


@dataclass(frozen=True)
class Run:
    """The records of a run, by QPV, with what the warehouse knows of their places."""

    records: Sequence[Record]
    warehouse: Warehouse
    folder: Path

    @cached_property
    def done(self) -> dict[str, dict[str, Record]]:
        """Records by code and theme."""
        found: dict[str, dict[str, Record]] = {}
        for record in self.records:
            found.setdefault(record.qpv, {})[record.theme] = record
        return found

    @cached_property
    def places(self) -> pd.DataFrame:
        """The QPV of the run by code, by agglomération and name: :data:`qpv.schemas.TERRITORIES`, ``epci_name``, ``folded``, ``alone``."""
        known = self.warehouse.places("qpv")
        places = known[known.index.isin(list(self.done))]
        main = places["epci"].str.split(" ").str[0]
        names = main.map(self.warehouse.places("epci")["name"]).fillna("")
        places = places.assign(epci_name=names, folded=names.map(fold), alone=names == "")
        return places.sort_values(["alone", "folded", "epci", "name", "code"], kind="stable")

    @cached_property
    def columns(self) -> list[str]:
        """The six themes, then whatever else was made for a QPV."""
        made = {r.theme for r in self.records if r.qpv in self.places.index}
        return [*BRIEF_THEMES, *sorted(made - set(BRIEF_THEMES))]

    @cached_property
    def communes(self) -> dict[str, str]:
        """The names of the communes of each QPV, by the QPV's code."""
        names = self.warehouse.communes["name"]
        return {code: ", ".join(names.get(c, c) for c in said.split(" ") if c) for code, said in self.places["communes"].items()}

    def marks(self, code: str) -> str:
        """Write the status of each column's brief of a QPV as a letter, a hyphen where there is none."""
        made = self.done[code]
        return "".join(STATES[state(made[t])][0] if t in made else "-" for t in self.columns)


def title_of(theme: str) -> str:
    """Name what a page is about."""
    return THEMES_FR.get(theme) or _OTHERS_FR.get(theme, theme)


def index_page(records: Sequence[Record], quarter: Quarter, warehouse: Warehouse, folder: Path, news: News | None = None) -> str:
    """Write the index of a run.

    Parameters
    ----------
    records
        What became of each brief; those of a place that is no QPV are listed apart.
    folder
        The quarter's: files beside a brief (figures, PDF) are linked where they are.
    news
        What changed since the build before, if that is known.
    """
    run = Run(records, warehouse, folder)
    drawn = run_map(run.places, run.communes, {c: run.marks(c) for c in run.places.index}, warehouse)
    body = f"""<script>{FIRST_SCRIPT}</script>{_counts(run, quarter)}
<p>{_known(warehouse, quarter)} <a href="data.html">Éditions lues, sources attendues et fichiers non lus</a></p>
<p>{counts_words(news) if news else ""} <a href="changes.html">Ce qui a changé</a></p>
{_filters(run)}
{drawn.html}
<h2>Briefs</h2>
<p class="note">complet{NNBSP}: tous les chiffres clés du thème sont connus{NNBSP}; partiel{NNBSP}: il en manque, et le brief les nomme{NNBSP}; échec{NNBSP}: le brief n’a pas pu être fait.
Données{NNBSP}: tous les chiffres du quartier, en CSV.</p>
<p id="count" class="note" role="status"></p>
{_table(run)}
<p id="more" class="no-print" hidden><button type="button">Afficher tous les quartiers</button></p>
{_elsewhere(run)}{_dates(run, quarter)}{_failures(records)}"""
    scripts = [leaflet_js(), template("index.js"), (files("qpv.brief") / "template" / "brief.js").read_text("utf-8")]
    return shell(
        "index.html", "Observatoire des quartiers prioritaires", quarter, f"{defs(drawn.outlines)}{body}",
        style=leaflet_css() + _rules(run), scripts=scripts, maps="data-map" in drawn.html,
    )  # fmt: skip


def _counts(run: Run, quarter: Quarter) -> str:
    counts = Counter(state(r) for r in run.records)
    words = ", ".join(
        f"{format_number(counts[s])} {label}{'s' if counts[s] > 1 else ''}" for s, (_, label) in STATES.items() if counts[s]
    )
    many = len(run.records) > 1
    places, others = len(run.places), len(run.done) - len(run.places)
    said = f"{format_number(places)} {'quartiers' if places > 1 else 'quartier'}, "
    said += f"{format_number(others)} {'intercommunalités' if others > 1 else 'intercommunalité'}, " if others else ""
    said += f"{format_number(len(run.records))} brief{'s' if many else ''}"
    return (
        f"<p>{text(said)}{f'{NNBSP}: {text(words)}' if words else ''}. "
        f"Données publiées au plus tard le {text(format_date(quarter.end))}.</p>"
    )


def _known(warehouse: Warehouse, quarter: Quarter) -> str:
    """Say how many editions were read, and how many of them this quarter may use."""
    used = int((warehouse.editions["published"].dt.date <= quarter.end).sum())
    return f"{len(warehouse.editions)} éditions lues, dont {used} publiées avant la fin du trimestre."


def _filters(run: Run) -> str:
    """Write the fields that filter list and map; the script shows them, for they do nothing without it."""
    groups = _groups(run)
    choices = "".join(f'<option value="{n}">{text(name)}</option>' for n, name in enumerate(groups.values()))
    themes = "".join(f'<option value="{n}">{text(title_of(t))}</option>' for n, t in enumerate(run.columns))
    statuses = "".join(f'<option value="{letter}">{text(word)}</option>' for letter, word in STATES.values())
    return f"""<div id="filters" class="filters no-print" role="search" hidden>
<p><label for="search">Chercher un quartier, une commune ou un code</label><input id="search" type="search" autocomplete="off"></p>
<p><label for="epci">Intercommunalité</label><select id="epci" autocomplete="off"><option value="">toutes</option>{choices}</select></p>
<p><label for="theme">Thème</label><select id="theme" autocomplete="off"><option value="">tous</option>{themes}</select></p>
<p><label for="status">État du brief</label><select id="status" autocomplete="off"><option value="">tous</option>{statuses}</select></p>
<p><button type="button" id="reset">Tout effacer</button></p></div>"""


def _groups(run: Run) -> dict[str, str]:
    """Name the agglomérations of the run by code, in the order of their names."""
    names = run.warehouse.places("epci")["name"]
    codes = {c for said in run.places["epci"] for c in said.split(" ") if c}
    return {c: names.get(c, c) for c in sorted(codes, key=lambda c: (fold(names.get(c, c)), c))}


def _table(run: Run) -> str:
    numbers = {code: n for n, code in enumerate(_groups(run))}
    pairs = run.warehouse.crosswalk
    before = pairs[pairs["code_2015"] != ""].groupby("code_2024")["code_2015"].agg(" ".join).to_dict()
    rows = []
    for n, (code, place) in enumerate(run.places.iterrows()):
        words = fold(
            " ".join([place["name"], place["aliases"], code, place["epci_name"], run.communes[code], before.get(code, "")])
        )
        groups = " ".join(str(numbers[c]) for c in place["epci"].split(" ") if c)
        cells = "".join(_cell(run, code, theme) for theme in run.columns)
        there = (run.folder / code / "figures.csv").exists()
        figures = f'<td><a href="{text(code)}/figures.csv">CSV</a></td>' if there else _NONE
        rows.append(
            f'<tr{" class=later" if n >= _FIRST else ""} data-words="{text(words)}" data-epci="{groups}" data-marks="{run.marks(code)}"><th scope="row"><button type="button">'
            f'{text(place["name"])}</button><span class="newer">{text(code)}, {text(run.communes[code])}</span></th>'
            f"<td>{text(place['epci_name'])}</td>{cells}{figures}</tr>"
        )
    heads = ["Quartier", "Intercommunalité", *(title_of(t) for t in run.columns), "Données"]
    header = "".join(f'<th scope="col">{text(h)}</th>' for h in heads)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Briefs par quartier et thème"><table class="small run" id="run">'
        f'<caption>Briefs par quartier et thème</caption><thead><tr>{header}</tr></thead><tbody class="qpv-list">{"".join(rows)}</tbody>'
        "</table></div>"
    )


def _cell(run: Run, code: str, theme: str) -> str:
    record = run.done[code].get(theme)
    if record is None:
        return _NONE
    word = STATES[state(record)][1]
    if record.status == "failed":
        return f'<td><span class="badge failed">{word}</span></td>'
    link = f'<a href="{text(code)}/{text(theme)}.html">{word}</a>'
    page, printed = (run.folder / code / f"{theme}.{end}" for end in ("html", "pdf"))
    # A PDF older than its page shows other figures than the page does.
    if printed.exists() and page.exists() and printed.stat().st_mtime_ns >= page.stat().st_mtime_ns:
        link += f' <a href="{text(code)}/{text(theme)}.pdf">PDF</a>'
    return f"<td>{link}</td>"


def _rules(run: Run) -> str:
    """Hide, when one theme is chosen, the columns of the others; name each cell on a phone, where heads are gone."""
    first, last = 3, 2 + len(run.columns)
    one = (
        f'#run[data-theme="{n}"] tr>:nth-child(n+{first}):nth-child(-n+{last}):not(:nth-child({first + n})){{display:none}}'
        for n in range(len(run.columns))
    )
    heads = [*(title_of(t) for t in run.columns), "Données"]
    named = (f"#run td:nth-child({first + n})::before{{content:{css_string(head)}}}" for n, head in enumerate(heads))
    return f"{''.join(one)}@media(max-width:700px){{{''.join(named)}}}"


def _elsewhere(run: Run) -> str:
    """List the pages on places that are no QPV: agglomérations."""
    names = run.warehouse.places("epci")["name"]
    items = [
        f'<li><a href="{text(code)}/{text(theme)}.html">{text(title_of(theme))}{NBSP}: {text(record.name or names.get(code, code))}</a>'
        f" ({STATES[state(record)][1]})</li>"
        for code, made in run.done.items() if code not in run.places.index
        for theme, record in made.items() if record.status != "failed"
    ]  # fmt: skip
    return f"<h2>Autres pages</h2><ul>{''.join(items)}</ul>" if items else ""


def _dates(run: Run, quarter: Quarter) -> str:
    """List the next dates of the contracts of the run for which a brief is due."""
    names = run.warehouse.places("epci")["name"]
    rows = []
    for code, name in _groups(run).items():
        contract = stored_contract(run.warehouse.path, code)
        if contract is None:
            continue
        for item in due(contract.as_of(quarter.end).events, quarter.end + dt.timedelta(days=1)):
            when = format_date(item.day) if item.event.exact else f"vers le {format_date(item.day)}"
            brief = title_of(item.event.brief) if item.event.brief else "–"
            rows.append((item.day, [when, names.get(code, name), item.event.label, brief]))
    if not rows:
        return ""
    rows.sort(key=lambda row: (row[0], row[1]))
    heads = ["Date", "Contrat", "Échéance", "Brief à présenter"]
    table = plain_table(heads, [cells for _, cells in rows[:_DATES]], "Prochaines échéances des contrats", "small cards")
    return f"<h2>Prochaines échéances</h2>{table}"


def _failures(records: Sequence[Record]) -> str:
    """List the first briefs that could not be made; the report of the run has them all, with traces."""
    failed = [r for r in records if r.status == "failed"]
    if not failed:
        return ""
    rows = []
    for r in failed[:_FAILURES]:
        error = r.error or {}
        cell = DASH if error.get("cell") is None else str(error["cell"])
        rows.append([r.qpv, title_of(r.theme), cell, f"{error.get('name')}: {error.get('message')}"])
    left = len(failed) - len(rows)
    first = f"Les {len(rows)} premiers sur {format_number(len(failed))}{NNBSP}; tous, avec leur trace, sont" if left else (
        f"{'Ils sont' if len(failed) > 1 else 'Il est'}, avec {'leur' if len(failed) > 1 else 'sa'} trace,"
    )  # fmt: skip
    table = plain_table(["Territoire", "Brief", "Cellule", "Cause"], rows, "Briefs en échec", "small cards")
    return f'<h2>Échecs</h2>{table}<p class="note">{first} dans <a href="run.html">le rapport d’exécution</a>.</p>'
