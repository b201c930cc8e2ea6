"""The profile of gaps of a QPV: a row a key figure, on one scale for all themes; and the counts by theme."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from qpv import tables
from qpv.analysis import Direction
from qpv.brief.rosters import SIGN_WORDS, SIGNS
from qpv.comparison import why_missing
from qpv.html import text
from qpv.numbers import DASH, NBSP, NNBSP, format_difference, format_number
from qpv.profile import Profile
from qpv.quarter import format_period
from qpv.standing import Placed, Side, Standing, Tally
from qpv.vocabulary import BRIEF_KINDS_FR, Polarity

_SIDE_SIGNS: Final = {Side.STRENGTH: "▲", Side.DISADVANTAGE: "▼", Side.MIDDLE: "=", Side.NEUTRAL: "•"}
#: Length of the scale of a row, in pixels; its quarters are a quarter of it.
_SCALE: Final = 160
_HEADS: Final = ("Quartier", "Place parmi les QPV de France", "En mots", "Écart avec le territoire le plus proche")


def place_words(standing: Standing, polarity: Polarity) -> str:
    """Say a place in words: ``moins favorable que 95 % des 1 292 QPV``.

    Percentages are cut, not rounded: 100 % is only said of all.
    """
    if polarity is Polarity.NONE:
        more, less, most, least = "plus élevé", "plus bas", "le plus élevé", "le plus bas"
        above, below = standing.behind, standing.ahead
    else:
        more, less, most, least = "plus favorable", "moins favorable", "le plus favorable", "le moins favorable"
        above, below = standing.behind, standing.ahead
    share, word, extreme = (above, more, most) if above >= below else (below, less, least)
    count = f"{NBSP}{format_number(standing.count)} QPV"
    if share >= 100:
        return f"{extreme} des{count}"
    return f"{word} que {format_number(math.floor(share))}{NNBSP}% des{count}"


def scale(standing: Standing) -> str:
    """Draw the place as a mark on a line, its quarters ticked; the words beside say the same."""
    x = 6 + (_SCALE - 12) * standing.position / 100
    ticks = "".join(
        f'<line x1="{6 + (_SCALE - 12) * n / 4:.0f}" x2="{6 + (_SCALE - 12) * n / 4:.0f}" y1="{3 if n == 2 else 5}" y2="{13 if n == 2 else 11}"/>'
        for n in range(5)
    )
    mark = {
        Side.STRENGTH: f"M{x:.1f} 2l6 11h-12z", Side.DISADVANTAGE: f"M{x:.1f} 14l6-11h-12z",
        Side.MIDDLE: f"M{x - 5:.1f} 3h10v10h-10z", Side.NEUTRAL: f"M{x:.1f} 2l6 6-6 6-6-6z",
    }[standing.side]  # fmt: skip
    return (
        f'<svg class="scale" viewBox="0 0 {_SCALE} 16" aria-hidden="true"><line x1="6" x2="{_SCALE - 6}" y1="8" y2="8"/>{ticks}'
        f'<path class="{standing.side}" d="{mark}"/></svg>'
    )


def profile_table(profiles: dict[str, Profile], placed: Mapping[str, Sequence[Placed]]) -> str:
    """Write the profile of gaps: the figures that the QPV has, by theme, then those it has not, and why."""
    header = "".join(f'<th scope="col">{text(h)}</th>' for h in ["Chiffre clé", *_HEADS])
    bodies = []
    for theme, items in placed.items():
        # Figures with a direction first: only they can be read as good or bad.
        known = sorted((p for p in items if p.figure.known), key=lambda p: p.figure.indicator.polarity is Polarity.NONE)
        rows = "".join(_row(p) for p in known)
        absent = "; ".join(
            f"{p.figure.indicator.short} ({why_missing(profiles[theme], p.figure)})" for p in items if not p.figure.known
        )
        said = f"{NNBSP}– {absent}" if absent else ""
        count = sum(not p.figure.known for p in items)
        missing = (
            f'<tr class="absent"><td colspan="{1 + len(_HEADS)}"><details><summary>Sans valeur pour ce quartier{NNBSP}: {count}</summary>'
            f"<p>{text(said.removeprefix(f'{NNBSP}– '))}.</p></details></td></tr>" if absent else ""
        )  # fmt: skip
        head = f"{BRIEF_KINDS_FR[theme]}{NNBSP}: {len(known)} chiffres sur{NBSP}{len(items)}"
        bodies.append(
            f'<tbody><tr class="group"><th scope="rowgroup" colspan="{1 + len(_HEADS)}">{text(head)}</th></tr>{rows}{missing}</tbody>'
        )
    caption = "Profil des écarts, par thème"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table class="small gaps"><caption>{caption}</caption>'
        f"<thead><tr>{header}</tr></thead>{''.join(bodies)}</table></div>"
    )


def _row(placed: Placed) -> str:
    figure, indicator = placed.figure, placed.figure.indicator
    assert figure.own is not None
    value = f"<strong>{text(tables.value_words(figure.own, indicator))}</strong> <span class='newer'>{text(format_period(figure.own['period']))}</span>"
    if figure.own["status"] != "observed":
        value += tables.badge(figure.own["status"])
    if placed.standing is None:
        drawn, said = DASH, '<span class="none">non situé : moins de cent QPV ont ce chiffre à cette date</span>'
    else:
        side = placed.standing.side
        drawn = scale(placed.standing)
        said = (
            f'<span class="side {side}"><span aria-hidden="true">{_SIDE_SIGNS[side]}</span> '
            f"{text(place_words(placed.standing, indicator.polarity))}</span>"
        )
    cells = [value, drawn, said, _gap(placed)]
    body = "".join(f'<td data-head="{text(h)}">{c}</td>' for h, c in zip(_HEADS, cells, strict=True))
    return f'<tr><th scope="row">{text(indicator.short)}</th>{body}</tr>'


def _gap(placed: Placed) -> str:
    gap, indicator = placed.figure.gap, placed.figure.indicator
    if gap is None:
        return '<span class="none">pas de chiffre à la même date</span>' if indicator.unit != "count" else DASH
    return (
        f'<span class="gap {gap.direction}"><span aria-hidden="true">{SIGNS[gap.direction]}</span> '
        f"{text(format_difference(gap.absolute, indicator.unit, indicator.decimals))}</span> "
        f'<span class="newer">{text(SIGN_WORDS[gap.direction])}, {text(placed.figure.gap_name)}</span>'
    )


def tally_table(tallies: Sequence[Tally]) -> str:
    """Write, a theme a row, how many key figures lie on which side of the QPV of France, and of the nearest territory."""
    heads = ["Thème", "Chiffres clés connus", "Situés parmi les QPV de France", "▼ Désavantages", "= Entre les deux",
             "▲ Points forts", "▼ Écart défavorable", "▲ Écart favorable", "S’additionnent"]  # fmt: skip
    rows = [
        [BRIEF_KINDS_FR[t.theme], f"{t.known} sur{NBSP}{t.total}", str(t.placed), *(str(t.sides[s]) if t.placed else DASH
         for s in (Side.DISADVANTAGE, Side.MIDDLE, Side.STRENGTH)), *(_of_gaps(t, d) for d in (Direction.WORSE, Direction.BETTER)),
         _cumulated(t)]
        for t in tallies
    ]  # fmt: skip
    return tables.plain_table(heads, rows, "Désavantages et points forts par thème", "small tally")


def _of_gaps(tally: Tally, direction: Direction) -> str:
    return str(tally.gaps[direction]) if sum(tally.gaps.values()) else DASH


def _cumulated(tally: Tally) -> str:
    if not tally.placed:
        return "aucun chiffre situé"
    said = [w for s, w in ((Side.DISADVANTAGE, "▼ désavantages"), (Side.STRENGTH, "▲ points forts")) if tally.cumulates(s)]
    return ", ".join(said) or "ni l’un ni l’autre"
