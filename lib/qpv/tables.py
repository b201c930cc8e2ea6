"""Tables: plain HTML, escaped, readable on paper and by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from qpv import grammar
from qpv.analysis import Direction
from qpv.catalog import Indicator
from qpv.comparison import Cell, KeyFigure, shown_decimals
from qpv.html import text
from qpv.numbers import DASH, NNBSP, format_difference, format_value
from qpv.profile import COMPARISON_LEVELS, Profile
from qpv.quarter import format_date, format_period
from qpv.sentences import first_words, gap_change_words, own_change_words, place_words, ratio_words
from qpv.vocabulary import LEVELS_FR, QUALIFIER_FR, STATUS_FR, Polarity, Qualifier, Status

_HEADS = {
    "commune": "Commune", "epci": "Agglomération", "departement": "Département", "region": "Région", "france": "France",
}  # fmt: skip
_SIGNS = {Direction.BETTER: "▲", Direction.WORSE: "▼", Direction.EQUAL: "=", Direction.NEUTRAL: "•"}
_SIGN_WORDS = {
    Direction.BETTER: "favorable", Direction.WORSE: "défavorable", Direction.EQUAL: "égal", Direction.NEUTRAL: "sans jugement",
}  # fmt: skip

#: Below the key-figure table; the column of the own figure names its status in each row.
PLAIN_VALUES = "Une valeur de comparaison sans mention est observée, telle que son producteur la publie."

_SCOPES = {"epci": "agglo.", "departement": "dép.", "similar": "semblables", "france": "France"}
_OF_OTHERS = {"similar": " des autres"}
_SCOPE_WORDS = {
    "epci": "de l’agglomération", "departement": "du département", "similar": "semblables", "france": "de France",
}  # fmt: skip


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, css: str = "") -> str:
    """Write a table of texts; the first column heads its row.  With the class ``cards`` a row is a card on a phone."""
    cards = "cards" in css.split()
    header = "".join(f'<th scope="col">{text(h)}</th>' for h in head)
    body = "".join(
        "<tr>"
        + "".join(f'<th scope="row">{text(c)}</th>' if n == 0 else _cell(c, head[n] if cards else "") for n, c in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table class="{css}"><caption>{text(caption)}</caption>'
        f"<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(words: str, head: str) -> str:
    """Write a cell; within a card it says what it is, and one without a value does not show."""
    if not head:
        return f"<td>{text(words)}</td>"
    return f'<td class="none">{text(words)}</td>' if words in ("", DASH) else f'<td data-head="{text(head)}">{text(words)}</td>'


def value_words(row: pd.Series, indicator: Indicator) -> str:
    """Write the value of an observation with its qualifier, or why there is none."""
    if pd.isna(row["value"]):
        return STATUS_FR[Status(row["status"])]
    words = format_value(float(row["value"]), indicator.unit, shown_decimals(row, indicator))
    qualifier = QUALIFIER_FR[Qualifier(row["qualifier"])]
    return f"{qualifier} {words}" if qualifier else words


def badge(status: str) -> str:
    """Write a status so that it is read, not only seen."""
    return f'<span class="badge {text(status)}">{text(STATUS_FR[Status(status)])}</span>'


def key_table(profile: Profile, figures: Sequence[KeyFigure], caption: str) -> str:
    """Write the key-figure table: one row an indicator, all comparison levels, gap, rank, status."""
    names = {level: next((f.cells[level].name for f in figures if level in f.cells), "") for level in COMPARISON_LEVELS}
    shown = [level for level in COMPARISON_LEVELS if names[level]]
    heads = ["Quartier, année et statut", "Écart", "Rang parmi les QPV"]
    heads += [_HEADS[n] if n == "france" else f"{_HEADS[n]}{NNBSP}: {names[n]}" for n in shown]
    heads.append("QPV de France")
    rows = [_key_cells(f, shown) for f in figures]
    kept = [n for n in range(len(heads)) if n == 0 or any(row[n] != DASH for row in rows)]  # no column of dashes alone
    header = "".join(f'<th scope="col">{_head(h)}</th>' for h in ["Indicateur", *(heads[n] for n in kept)])
    body = "".join(_key_row(profile, f, [(heads[n], row[n]) for n in kept]) for f, row in zip(figures, rows, strict=True))
    note = f'<p class="note">{text(PLAIN_VALUES)}</p>' if shown else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table class="key"><caption>{text(caption)}</caption>'
        f"<thead><tr>{header}</tr></thead>{body}</table></div>{note}"
    )


def figure_rows(label: str, cells: str, count: int, about: Sequence[tuple[str, str]]) -> str:
    """Write the row of a figure and, below it and as wide as the table, what a reader unfolds.

    ``cells`` are HTML, ``count`` of them; ``about`` is plain text, in pairs of a term and what is said of it.
    """
    items = "".join(f"<div><dt>{text(term)}</dt><dd>{text(said)}</dd></div>" for term, said in about)
    return (
        f'<tr><th scope="row">{text(label)}</th>{cells}</tr><tr class="about"><td colspan="{1 + count}">'
        f"<details><summary>Définition et source</summary><dl>{items}</dl></details></td></tr>"
    )


def _head(words: str) -> str:
    """Write a head, the name of a territory below its level; long words break where French does: ten columns share a sheet."""
    level, _, name = words.partition(f"{NNBSP}: ")
    below = f' <span class="newer">{text(name)}</span>' if name else ""
    return text(level).replace("Agglomération", "Agglo&shy;mération").replace("Département", "Départe&shy;ment") + below


def _key_cells(figure: KeyFigure, levels: Sequence[str]) -> list[str]:
    """Write the cells of a row, after its head: own value, gap, rank, the levels, the QPV of France."""
    others = [_other_cell(figure.cells.get(level), figure.indicator) for level in levels]
    return [_own_cell(figure), _gap_cell(figure), _rank_cell(figure), *others, _all_qpv_cell(figure)]


def _key_row(profile: Profile, figure: KeyFigure, cells: Sequence[tuple[str, str]]) -> str:
    # On a phone the rows become cards, where each value carries the head of its column.
    classes = [' class="own"', *(' class="empty"' if cell == DASH else "" for _, cell in cells[1:])]
    body = "".join(f'<td data-head="{text(h)}"{c}>{cell}</td>' for (h, cell), c in zip(cells, classes, strict=True))
    said = about(profile, figure, COMPARISON_LEVELS)
    return f"<tbody>{figure_rows(figure.indicator.label, body, len(cells), said)}</tbody>"


def _own_cell(figure: KeyFigure) -> str:
    if figure.own is None and len(figure.undated):
        loose = ", ".join(value_words(r, figure.indicator) for _, r in figure.undated.iterrows())
        return f'{text(loose)}<span class="newer">année non précisée</span>{badge(figure.undated["status"].iloc[0])}'
    if figure.own is None:
        why = Status.UNAVAILABLE if figure.absence is None else Status(figure.absence["status"])
        when = "" if figure.absence is None else f'<span class="newer">{text(format_period(figure.absence["period"]))}</span>'
        return f'<span class="none">pas de valeur</span>{when}{"" if figure.absence is None else badge(why)}'
    words = f"<strong>{text(value_words(figure.own, figure.indicator))}</strong>"
    words += f'<span class="newer">{text(format_period(figure.own["period"]))}</span>{badge(figure.own["status"])}'
    if figure.latest is not None:
        newer = f"puis {value_words(figure.latest, figure.indicator)} en {format_period(figure.latest['period'])}"
        words += f'<span class="newer">{text(newer)}</span>'
    if len(figure.undated):
        loose = ", ".join(value_words(r, figure.indicator) for _, r in figure.undated.iterrows())
        words += f'<span class="clash">imprimé aussi sans année{NNBSP}: {text(loose)}</span>'
    if (figure.contradictions["level"] == "qpv").any():
        words += '<span class="clash" title="sources contradictoires">≠ sources</span>'
    return words


def _other_cell(cell: Cell | None, indicator: Indicator) -> str:
    if cell is None:
        return DASH
    words = text(value_words(cell.row, indicator)) + (
        ' <abbr title="sources contradictoires">≠</abbr>' if cell.row["contradicted"] else ""
    )
    if cell.row["territory"] == "FRM":
        words += '<span class="newer">métropole</span>'
    words = words if cell.same_period else f'<span class="dated">{words} ({text(format_period(cell.row["period"]))})</span>'
    return words + _unlike_a_producers(cell.row)


def _unlike_a_producers(row: pd.Series) -> str:
    """Write the status of a figure to compare with, where it is no plain figure of a producer (see :data:`PLAIN_VALUES`)."""
    return "" if row["status"] == Status.OBSERVED else f" {badge(row['status'])}"


def _all_qpv_cell(figure: KeyFigure) -> str:
    """Write what is known of the QPV of France, and of similar ones: medians, else the figure published for all of them."""
    indicator, words = figure.indicator, ""
    if figure.median_of_peers is not None:
        middle = format_value(figure.median_of_peers, indicator.unit, indicator.decimals)
        words = f'{text(middle)}<span class="newer">médiane</span>'
    elif figure.all_qpv is not None:
        which = "métropole" if figure.all_qpv["territory"] == "FRM" else "ensemble"
        when = f"{which}, {format_period(figure.all_qpv['period'])}"
        words = f'{text(value_words(figure.all_qpv, indicator))}<span class="newer">{text(when)}</span>{_unlike_a_producers(figure.all_qpv)}'
    if "similar" in figure.medians:
        middle = format_value(figure.medians["similar"], indicator.unit, indicator.decimals)
        words += f'<span class="newer">semblables{NNBSP}: {text(middle)}</span>'
    return words or DASH


def _gap_cell(figure: KeyFigure) -> str:
    gap, indicator = figure.gap, figure.indicator
    if gap is None:
        return DASH
    ratio = f"{ratio_words(gap.ratio)}, " if gap.ratio and indicator.unit in ("eur", "pct") else ""
    words = format_difference(gap.absolute, indicator.unit, gap.decimals)
    place = {"epci": "agglomération", "commune": "commune"}.get(figure.gap_level, _HEADS.get(figure.gap_level, "").lower())
    return (
        f'<span class="gap {gap.direction}"><span aria-hidden="true">{_SIGNS[gap.direction]}</span> {text(words)}'
        f'<span class="newer">{text(ratio)}{text(_SIGN_WORDS[gap.direction])}, {text(place)}</span></span>'
    )


def _rank_cell(figure: KeyFigure) -> str:
    words = []
    for scope, place in _SCOPES.items():
        if scope in figure.ranks:
            rank = figure.ranks[scope]
            words.append(f"{rank.position}/{rank.count} {place}")
    first = "1 = le plus élevé" if figure.indicator.polarity is Polarity.NONE else "1 = le plus favorable"
    return f'<span class="rank">{"<br>".join(text(w) for w in words)}<span class="newer">{first}</span></span>' if words else DASH


def about(profile: Profile, figure: KeyFigure, levels: Sequence[str]) -> list[tuple[str, str]]:
    """Say all that a reader needs in order to trust a figure, and those of the ``levels`` that it is shown beside."""
    indicator = figure.indicator
    items = [("Définition", indicator.definition), ("Champ", indicator.universe)]
    if indicator.numerator and indicator.denominator:
        items.append(("Calcul", f"{indicator.numerator} / {indicator.denominator}"))
    if figure.own is not None:
        status = STATUS_FR[Status(figure.own["status"])]
        items.append(("Valeur", f"{value_words(figure.own, indicator)}, {format_period(figure.own['period'])}, {status}"))
        items += provenance(profile, figure.own)
        items += _compared(figure)
    elif figure.absence is not None:
        items += provenance(profile, figure.absence)
    items += _beside(profile, figure, levels)
    if len(figure.contradictions):
        said = f"{NNBSP}; ".join(
            f"{value_words(r, indicator)} en {format_period(r['period'])} ({LEVELS_FR[r['level']]}, {edition_name(profile, r)})"
            for _, r in figure.contradictions.iterrows()
        )
        items.append(("Sources contradictoires", said))
    items.append(("Comparabilité", indicator.comparability))
    items += [("Limite", w) for w in indicator.warnings]
    items += [("Rupture de série", f"{format_period(b.period)}{NNBSP}: {b.reason}") for b in indicator.breaks]
    return items


def _beside(profile: Profile, figure: KeyFigure, levels: Sequence[str]) -> list[tuple[str, str]]:
    """Say of each figure to compare with its value, period, status and source."""
    cells = [figure.cells[level] for level in levels if level in figure.cells]
    named = [(_HEADS[c.level] if c.level == "france" else f"{_HEADS[c.level]}, {c.name}", c.row) for c in cells]
    if figure.median_of_peers is None and figure.all_qpv is not None:
        named.append(("QPV de France", figure.all_qpv))
    return [
        (f"Comparé à{NNBSP}: {place}",
         f"{value_words(row, figure.indicator)}, {format_period(row['period'])}, {STATUS_FR[Status(row['status'])]}{NNBSP}; "
         f"{edition_name(profile, row)} ({row['edition']}), {_locator(row)}")
        for place, row in named
    ]  # fmt: skip


def _locator(row: pd.Series) -> str:
    line = f", ligne {row['row']}" if row["row"] else ""  # 0: of no line, carried from elsewhere
    return f"{row['file']}{line}" + (f", colonne {row['column']}" if row["column"] else "")


def _compared(figure: KeyFigure) -> list[tuple[str, str]]:
    """Say in words how the figure stands beside others and how it has moved, or why that is not known."""
    gap, indicator, items = figure.gap, figure.indicator, []
    if gap is not None:
        ratio = f", {ratio_words(gap.ratio)}" if gap.ratio and indicator.unit in ("eur", "pct") else ""
        words = format_difference(gap.absolute, indicator.unit, gap.decimals)
        place = grammar.territory(figure.gap_level, figure.gap_name)
        items.append(("Écart", f"{words} avec {place} en {format_period(gap.own.period)}{ratio} ({_SIGN_WORDS[gap.direction]})"))
    items += [("Évolution", own_change_words(figure)), ("Évolution de l’écart", gap_change_words(figure))]
    ranked = [
        f"{place_words(rank)} sur {rank.count} QPV {_SCOPE_WORDS[scope]}, médiane{_OF_OTHERS.get(scope, '')} "
        f"{format_value(figure.medians[scope], indicator.unit, indicator.decimals)}"
        for scope, rank in figure.ranks.items()
    ]
    if ranked:
        said = f"{first_words(indicator.polarity)}{NNBSP}; seuls comptent les QPV où ce chiffre est connu"
        items.append(("Parmi les QPV", f"{f'{NNBSP}; '.join(ranked)} ({said})"))
    return items


def published_words(edition: pd.Series) -> str:
    """Say when an edition was published, no more precisely than it is known; ``edition`` as in :data:`qpv.schemas.EDITIONS`."""
    day = edition["published"].date()
    return {
        "day": format_date(day), "month": f"{format_date(day).split(maxsplit=1)[-1]}", "year": f"{day.year}",
    }.get(edition["published_precision"], f"au plus tard le {format_date(day)} (date supposée)")  # fmt: skip


def provenance(profile: Profile, row: pd.Series) -> list[tuple[str, str]]:
    """Say where an observation comes from: source, edition, date, licence, place in the file, perimeter."""
    edition = profile.editions.set_index("edition").loc[row["edition"]]
    items = [
        ("Source", f"{edition['producer']}, {edition['dataset']}"),
        ("Édition", f"{row['edition']}, publiée{NNBSP}: {published_words(edition)}"),
        ("Licence", edition["licence"]),
        ("Où", _locator(row)),
    ]
    if row["generation"]:
        items.append(("Périmètre", f"QPV {row['generation']}, code {row['territory']}"))
    if row["note"]:
        items.append(("Note", row["note"]))
    return items


def edition_name(profile: Profile, row: pd.Series) -> str:
    """Name a source in a few words."""
    edition = profile.editions.set_index("edition").loc[row["edition"]]
    return f"{edition['producer']}, {edition['dataset']}"
