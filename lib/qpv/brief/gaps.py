"""The profile of gaps of a QPV: a row a key figure, on one scale for all themes; and the counts by theme."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from qpv import tables
from qpv.brief.rosters import SIGN_WORDS, SIGNS
from qpv.comparison import why_missing
from qpv.html import text
from qpv.numbers import DASH, NBSP, NNBSP, format_difference, format_number
from qpv.profile import Profile
from qpv.quarter import format_period
from qpv.standing import Placed, Side, Standing, Tally
from qpv.vocabulary import BRIEF_KINDS_FR, STATUS_FR, Polarity, Status

_SIDE_SIGNS: Final = {Side.STRENGTH: "▲", Side.DISADVANTAGE: "▼", Side.MIDDLE: "=", Side.NEUTRAL: "•"}
#: Length of the scale of a row, in pixels; its quarters are a quarter of it.
_SCALE: Final = 160
_HEADS: Final = ("Quartier", "Place parmi les QPV de France", "Écart avec le territoire le plus proche connu")


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
    width = 1 + len(_HEADS)
    bodies = []
    for theme, items in placed.items():
        known = [p for p in items if p.figure.known]
        # Figures with a direction first: only they can be read as good or bad.
        shown = sorted(filter(_comparable, known), key=lambda p: p.figure.indicator.polarity is Polarity.NONE)
        alone = [p for p in known if not _comparable(p)]
        absent = [p for p in items if not p.figure.known]
        rows = "".join(_row(profiles[theme], p) for p in shown)
        if alone:
            said = f"{NNBSP}; ".join(f"{p.figure.indicator.short} {_dated(p)}" for p in alone)
            rows += _line(width, f"<p>{text(f'Connus, sans autre territoire ni cent QPV à la même date{NNBSP}: {said}.')}</p>")
        if absent:
            said = f"{NNBSP}; ".join(f"{p.figure.indicator.short} ({why_missing(profiles[theme], p.figure)})" for p in absent)
            rows += _line(
                width,
                f"<details><summary>Sans valeur pour ce quartier{NNBSP}: {len(absent)}</summary><p>{text(said)}.</p></details>"
                f"<p class='paper'>{text(f'Sans valeur{NNBSP}: ' + ', '.join(p.figure.indicator.short for p in absent))}.</p>",
            )
        head = f"{BRIEF_KINDS_FR[theme]}{NNBSP}: {len(known)} chiffre{'s connus' if len(known) > 1 else ' connu'} sur{NBSP}{len(items)}"
        bodies.append(f'<tbody><tr class="group"><th scope="rowgroup" colspan="{width}">{text(head)}</th></tr>{rows}</tbody>')
    caption = "Profil des écarts, par thème"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table class="small gaps"><caption>{caption}</caption>'
        f"<thead><tr>{header}</tr></thead>{''.join(bodies)}</table></div>"
    )


def _comparable(placed: Placed) -> bool:
    return placed.standing is not None or placed.figure.gap is not None


def _dated(placed: Placed) -> str:
    own = placed.figure.own
    assert own is not None
    status = "" if own["status"] == Status.OBSERVED else f", {STATUS_FR[Status(own['status'])]}"
    return f"{tables.value_words(own, placed.figure.indicator)} ({format_period(own['period'])}{status})"


def _line(width: int, content: str) -> str:
    return f'<tr class="absent"><td colspan="{width}">{content}</td></tr>'


def _row(profile: Profile, placed: Placed) -> str:
    figure, indicator = placed.figure, placed.figure.indicator
    assert figure.own is not None
    value = f"<strong>{text(tables.value_words(figure.own, indicator))}</strong> <span class='newer'>{text(format_period(figure.own['period']))}</span>"
    if figure.own["status"] != Status.OBSERVED:
        value += tables.badge(figure.own["status"])
    if placed.standing is None:
        said = '<span class="none">non situé</span>'
    else:
        side = placed.standing.side
        said = (
            f'<span class="place">{scale(placed.standing)}<span class="side {side}"><span aria-hidden="true">{_SIDE_SIGNS[side]}</span> '
            f"{text(place_words(placed.standing, indicator.polarity))}</span></span>"
        )
    cells = [value, said, _gap(placed)]
    body = "".join(f'<td data-head="{text(h)}">{c}</td>' for h, c in zip(_HEADS, cells, strict=True))
    behind = tables.about(profile, figure, [figure.gap_level] if figure.gap is not None else [])
    return tables.figure_rows(indicator.short, body, len(cells), behind)


def _gap(placed: Placed) -> str:
    gap, indicator = placed.figure.gap, placed.figure.indicator
    if gap is None:
        return (
            '<span class="none">pas de territoire à la même date</span>'
            if indicator.unit != "count"
            else '<span class="none">effectif</span>'
        )
    return (
        f'<span class="gap {gap.direction}"><span aria-hidden="true">{SIGNS[gap.direction]}</span> '
        f"{text(format_difference(gap.absolute, indicator.unit, gap.decimals))}</span> "
        f'<span class="newer">{text(SIGN_WORDS[gap.direction])}, {text(placed.figure.gap_name)}</span>'
    )


def tally_table(tallies: Sequence[Tally]) -> str:
    """Write, a theme a row, how many key figures lie on which side of the QPV of France, and of the nearest territory."""
    heads = ["Thème", "Chiffres clés connus", "Situés parmi les QPV de France", "▼ Désavantages", "= Entre les deux",
             "▲ Points forts", "Écart avec le territoire le plus proche", "Ce qui s’additionne"]  # fmt: skip
    rows = [
        [BRIEF_KINDS_FR[t.theme], f"{t.known} sur{NBSP}{t.total}", str(t.placed),
         *(str(t.sides[s]) if t.placed else DASH for s in (Side.DISADVANTAGE, Side.MIDDLE, Side.STRENGTH)),
         _gap_counts(t), _cumulated(t)]
        for t in tallies
    ]  # fmt: skip
    return tables.plain_table(heads, rows, "Désavantages et points forts par thème", "small tally cards")


def _gap_counts(tally: Tally) -> str:
    known = [f"{SIGNS[d]} {n} {_plural(SIGN_WORDS[d], n)}" for d, n in tally.gaps.items() if n]
    return ", ".join(known) or "sans comparaison"


def _plural(word: str, count: int) -> str:
    """Put an adjective into the plural: ``défavorables``, ``égaux``."""
    return word if count < 2 else f"{word.removesuffix('l')}ux" if word.endswith("al") else f"{word}s"


def _cumulated(tally: Tally) -> str:
    if not tally.placed:
        return "aucun chiffre situé"
    said = [f"{w} ({years_words(tally.periods[s])})" for s, w in
            ((Side.DISADVANTAGE, "▼ désavantages"), (Side.STRENGTH, "▲ points forts")) if tally.cumulates(s)]  # fmt: skip
    return ", ".join(said) or "rien"


def years_words(periods: Sequence[str]) -> str:
    """Name one or two periods, and the ends of more: ``2010``, ``2018 et 2019``, ``de 2010 à 2019``."""
    first, last = format_period(periods[0]), format_period(periods[-1])
    return first if len(periods) == 1 else f"{first} et {last}" if len(periods) == 2 else f"de {first} à {last}"
