"""Tables of an agglomération: the *photographie*, and one row a QPV, which a reader may sort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from qpv import tables
from qpv.analysis import Direction, judge
from qpv.catalog import Indicator
from qpv.comparison import shown_decimals
from qpv.html import text
from qpv.numbers import DASH, NBSP, NNBSP, format_difference, format_number, format_value, rounded
from qpv.photograph import BESIDE, Extreme, Photograph, Widening
from qpv.profile import Profile
from qpv.quarter import format_period
from qpv.vocabulary import STATUS_FR, Polarity, Status

SIGNS: Final = {Direction.BETTER: "▲", Direction.WORSE: "▼", Direction.EQUAL: "=", Direction.NEUTRAL: "•"}
SIGN_WORDS: Final = {
    Direction.BETTER: "favorable", Direction.WORSE: "défavorable", Direction.EQUAL: "égal", Direction.NEUTRAL: "sans jugement",
}  # fmt: skip
#: More names than this are counted, not listed.
_NAMED: Final = 3
_BESIDE_ARTICLES: Final = {"departement": "Département : {}", "region": "Région : {}", "france": "{}"}


def value(number: float, indicator: Indicator, decimals: int) -> str:
    """Write a value of an indicator with its unit, and as many decimals as it is known with."""
    return format_value(number, indicator.unit, decimals)


def extreme_words(extreme: Extreme, names: dict[str, str]) -> str:
    """Name the QPV that have an extreme value: ``13 140 €, Quartier du 3/15``."""
    called = [names.get(c, c) for c in extreme.codes[:_NAMED]]
    more = len(extreme.codes) - len(called)
    return ", ".join(called) + (f" et {more} autres" if more else "")


def photographs(panel: Profile, shots: dict[str, list[Photograph]], themes: dict[str, str], names: dict[str, str]) -> str:
    """Write the *photographie*: one row an indicator, grouped by theme.

    ``shots`` are the photographs by theme, ``themes`` the names of the themes, ``names`` those of the QPV.
    """
    heads = ["Année, QPV", "Moyenne des QPV", "Minimum", "Maximum", "Agglomération, écart de la moyenne ; autres territoires"]
    averaged = any(shot.mean is not None for found in shots.values() for shot in found)
    if not averaged:
        heads = [h for h in heads if h != "Moyenne des QPV"]
    header = "".join(f'<th scope="col">{text(h)}</th>' for h in ["Indicateur", *heads])
    bodies = []
    for theme, found in shots.items():
        if found:
            rows = "".join(_shot_row(panel, shot, heads, names) for shot in found)
            bodies.append(
                f'<tbody><tr class="group"><th scope="rowgroup" colspan="{1 + len(heads)}">{text(themes[theme])}</th></tr>{rows}</tbody>'
            )
    caption = f"Chiffres clés des QPV de {panel.place['name']}"
    return _framed(caption, "key photo" if averaged else "key photo pair", f"<thead><tr>{header}</tr></thead>{''.join(bodies)}")


def _shot_row(panel: Profile, shot: Photograph, heads: Sequence[str], names: dict[str, str]) -> str:
    indicator = shot.indicator
    total = len(shot.rows) + len(shot.absences)
    mean = shot.mean
    cells = [
        f'{text(format_period(shot.period))}<span class="newer">{len(shot.rows)} QPV sur {total}</span>{_badges(shot)}',
        *(['<span class="none">moins de trois QPV</span>' if mean is None else f"<strong>{text(value(mean, indicator, shot.decimals))}</strong>"]
          if "Moyenne des QPV" in heads else []),
        *(f'{text(value(e.value, indicator, e.decimals))}<span class="newer">{text(extreme_words(e, names))}</span>'
          for e in (shot.lowest, shot.highest)),
        _territories(panel, shot),
    ]  # fmt: skip
    body = "".join(f'<td data-head="{text(h)}">{c}</td>' for h, c in zip(heads, cells, strict=True))
    return tables.figure_rows(indicator.label, body, len(cells), _about(panel, shot))


def _badges(shot: Photograph) -> str:
    """Name the statuses that are not plainly observed, with how many QPV have them."""
    counts = shot.rows["status"].value_counts()
    return "".join(
        f'<span class="badge {text(status)}">{text(STATUS_FR[Status(status)])}{f"{NNBSP}: {n}" if n < len(shot.rows) else ""}</span>'
        for status, n in sorted(counts.items())
        if status != Status.OBSERVED
    )


def _beside_cell(shot: Photograph, level: str) -> str:
    row = shot.beside.get(level)
    if row is None:
        return '<span class="none">pas de chiffre</span>'
    words = tables.value_words(row, shot.indicator)
    status = "" if row["status"] == Status.OBSERVED else f'<span class="newer">{text(STATUS_FR[Status(row["status"])])}</span>'
    if row["period"] == shot.period:
        return text(words) + status
    return f'<span class="dated">{text(words)} ({text(format_period(row["period"]))}){status}</span>'


def _territories(panel: Profile, shot: Photograph) -> str:
    """Name the territories beside that have the figure, a line each, the gap below the EPCI."""
    lines = []
    for level, row in shot.beside.items():
        name = next((p.name for p in panel.comparators[level] if p.code == row["territory"]), row["territory"])
        gap = _gap(shot) if level == "epci" else ""
        lines.append(f'<span class="newer inline">{text(name)}</span> {_beside_cell(shot, level)}{gap}')
    return "<br>".join(lines) or '<span class="none">pas de chiffre</span>'


def _gap(shot: Photograph) -> str:
    whole, mean, indicator = shot.same_period("epci"), shot.mean, shot.indicator
    if whole is None or mean is None or indicator.unit == "count":
        return ""
    # The reader sees rounded values: their difference is what she can check.
    decimals = (shot.decimals, shown_decimals(whole, indicator))
    gap = round(rounded(mean, decimals[0]) - rounded(float(whole["value"]), decimals[1]), 9)
    direction = judge(gap, indicator, float(whole["value"]))
    sides = shot.directions
    if indicator.polarity is Polarity.NONE:
        said = SIGN_WORDS[Direction.NEUTRAL]
    else:
        adverse = sides.get(Direction.WORSE, 0)
        said = f"{SIGN_WORDS[direction]}{NNBSP}; {adverse} QPV sur {len(shot.rows)} moins bien placés"
    return (
        f'<br><span class="gap {direction}"><span aria-hidden="true">{SIGNS[direction]}</span> '
        f'{text(format_difference(gap, indicator.unit, min(decimals)))}<span class="newer">{text(said)}</span></span>'
    )


def _about(panel: Profile, shot: Photograph) -> list[tuple[str, str]]:
    indicator = shot.indicator
    items = [("Définition", indicator.definition), ("Champ", indicator.universe), ("Périmètre", f"QPV {shot.generation}")]
    editions = dict.fromkeys([*shot.rows["edition"], *(r["edition"] for r in shot.beside.values())])
    items += [("Source", edition_words(panel, edition)) for edition in editions]
    items += [("Sans valeur", f"{names_and_why}") for names_and_why in _reasons(shot)]
    items += [("À savoir", w) for w in indicator.warnings]
    items += [("Rupture de série", f"{format_period(b.period)}{NNBSP}: {b.reason}") for b in indicator.breaks]
    return items


def _reasons(shot: Photograph) -> list[str]:
    counts = pd.Series(list(shot.absences.values()), dtype=object).value_counts()
    return [f"{n} QPV{NNBSP}: {why}" for why, n in sorted(counts.items())]


def edition_words(panel: Profile, edition: str) -> str:
    """Name an edition: producer, dataset, its own id."""
    row = panel.editions.set_index("edition").loc[edition]
    return f"{row['producer']}, {row['dataset']} ({edition})"


def roster(panel: Profile, shots: Sequence[Photograph], generation: str, names: dict[str, str], theme: str) -> str:
    """Write one row a QPV of a generation and one column an indicator, then mean and territories beside.

    The heads become buttons that sort the rows, see ``agglomeration.js``; without it the table reads as it is.
    """
    codes: list[str] = sorted(
        {str(c) for s in shots for c in (*s.rows.index, *s.absences)}, key=lambda c: (str(names.get(c, c)).casefold(), c)
    )
    heads = "".join(
        f'<th scope="col" data-sortable="number">{text(s.indicator.short)}<span class="newer">{text(format_period(s.period))}</span></th>'
        for s in shots
    )
    # A reason takes lines, and is that of many cells: it is written once, below the table.
    lacking = dict.fromkeys(_why(s, code) for code in codes for s in shots if code not in s.rows.index)
    notes = {why: f"({n})" for n, why in enumerate(lacking, 1)}
    rows = "".join(
        f'<tr><th scope="row" data-value="{n}">{text(names.get(code, code))}<span class="newer">{text(code)}</span></th>'
        f"{''.join(_roster_cell(s, code, notes) for s in shots)}</tr>"
        for n, code in enumerate(codes)
    )
    averages = "".join(_mean_cell(s) for s in shots)
    foot = f'<tr><th scope="row">Moyenne des QPV</th>{averages}</tr>' if any(s.mean is not None for s in shots) else ""
    for level in BESIDE:
        if any(level in s.beside for s in shots):
            name = next((p.name for p in panel.comparators[level]), level)
            label = _BESIDE_ARTICLES.get(level, "{}").format(name)
            cells = (_beside_cell(s, level) if level in s.beside else DASH for s in shots)
            foot += f'<tr><th scope="row">{text(label)}</th>{"".join(f"<td>{c}</td>" for c in cells)}</tr>'
    caption = f"{theme}, QPV du périmètre de {generation}"
    head = f'<thead><tr><th scope="col" data-sortable="text">Quartier</th>{heads}</tr></thead>'
    said = f"{NNBSP}; ".join([*(f"{mark} {why}" for why, mark in notes.items()), f"{DASH}{NNBSP}: pas de chiffre"])
    table = _framed(caption, "small roster", f"{head}<tbody>{rows}</tbody><tfoot>{foot}</tfoot>")
    return table + (f'<p class="note">{text(said)}.</p>' if notes or f">{DASH}<" in foot else "")


def _why(shot: Photograph, code: str) -> str:
    return shot.absences.get(code, "absent des fichiers lus")


def _roster_cell(shot: Photograph, code: str, notes: Mapping[str, str]) -> str:
    if code not in shot.rows.index:
        why = _why(shot, code)
        return f'<td data-value="" class="none"><abbr title="{text(why)}">{notes[why]}</abbr></td>'
    row = shot.rows.loc[code]
    number = float(row["value"])
    marks = [w for w, e in (("min.", shot.lowest), ("max.", shot.highest)) if code in e.codes and len(shot.rows) > 1]
    status = "" if row["status"] == Status.OBSERVED else f'<span class="newer">{text(STATUS_FR[Status(row["status"])])}</span>'
    mark = f'<span class="mark">{" ".join(marks)}</span>' if marks else ""
    return f'<td data-value="{number!r}">{text(value(number, shot.indicator, shown_decimals(row, shot.indicator)))} {mark}{status}</td>'


def _mean_cell(shot: Photograph) -> str:
    return f"<td>{DASH}</td>" if shot.mean is None else f"<td>{text(value(shot.mean, shot.indicator, shot.decimals))}</td>"


def communes(panel: Profile, shots: Sequence[Photograph], rows: pd.DataFrame) -> str:
    """Write the values of the communes that hold QPV, at the dates of the photographs; ``""`` without any.

    ``rows`` are facts on communes.
    """
    table = rows.set_index(["indicator", "territory"])
    shown = [s for s in shots if s.indicator.id in table.index.get_level_values(0)]
    places = [p for p in panel.comparators["commune"] if p.code in set(rows["territory"])]
    if not shown or not places:
        return ""
    lines = [
        [p.name, *(tables.value_words(table.loc[(s.indicator.id, p.code)], s.indicator)
                   if (s.indicator.id, p.code) in table.index else "pas de valeur" for s in shown)]
        for p in places
    ]  # fmt: skip
    heads = ["Commune", *(f"{s.indicator.short}, {format_period(s.period)}" for s in shown)]
    body = tables.plain_table(heads, lines, "Communes qui ont un QPV", "small")
    return f"<details><summary>Les communes qui ont un QPV ({len(places)})</summary>{body}</details>"


def widenings(found: Sequence[Widening]) -> str:
    """Write, an indicator a row, how many QPV see their gap widen, and their own situation worsen."""
    others = dict.fromkeys(w.against for w in found)
    found = sorted(found, key=lambda w: w.own_worse is None)  # those that no direction judges stand together, last
    rows = [
        [w.indicator.label, f"{format_period(w.start)} – {format_period(w.end)}{f'{NNBSP}; {w.caution}' if w.caution else ''}",
         *([w.against] if len(others) > 1 else []), f"{w.count} sur{NBSP}{len(w.points)}, soit {format_number(w.share)}{NNBSP}%"
         f"{' (écart qui grandit)' if w.own_worse is None else ''}",
         "sans jugement" if w.own_worse is None else f"{w.own_worse} sur{NBSP}{len(w.points)}"]
        for w in found
    ]  # fmt: skip
    heads = ["QPV dont l’écart se creuse", "QPV dont la situation se dégrade"]
    heads = ["Indicateur", "Dates", *(["Comparé à"] if len(others) > 1 else []), *heads]
    caption = "L’écart se creuse-t-il ?" if len(others) > 1 else f"L’écart avec {next(iter(others))} se creuse-t-il ?"
    return tables.plain_table(heads, rows, caption, "small cards")


def _framed(caption: str, css: str, inner: str) -> str:
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table class="{css}">'
        f"<caption>{text(caption)}</caption>{inner}</table></div>"
    )
