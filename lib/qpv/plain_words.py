"""Plain words: a theme in three short sentences that anybody reads, with rounded figures and no jargon.

What the figure is, how it stands beside the town, whether it has changed.  The words of an indicator are in
the catalogue (:class:`qpv.catalog.indicator.Easy`): every key indicator has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from qpv import grammar
from qpv.analysis import Change, Direction, Gap, own_direction
from qpv.catalog import Indicator
from qpv.comparison import KeyFigure
from qpv.numbers import NNBSP, format_number, format_value, french_spacing
from qpv.quarter import format_period

#: From a share to its words; bounds are upper and exclusive.
_SHARES: Final = (
    (1, "moins de 1 %"), (5, "moins de 5 %"), (9, "moins de 10 %"), (11, "environ 10 %"), (18, "plus de 10 %"),
    (23, "environ 20 %"), (27, "environ un quart"), (31, "plus d’un quart"), (36, "environ un tiers"), (47, "plus d’un tiers"),
    (49.5, "presque la moitié"), (50.5, "la moitié"), (64, "plus de la moitié"), (69, "environ les deux tiers"),
    (73, "plus des deux tiers"), (77, "environ les trois quarts"), (90, "plus des trois quarts"), (100, "presque la totalité"),
    (math.inf, "la totalité"),
)  # fmt: skip

#: From the ratio of the larger to the smaller to the words before "plus" or "moins"; bounds are upper and exclusive.
_SIZES: Final = ((1.3, "un peu "), (1.8, ""), (2.2, "environ deux fois "), (math.inf, "beaucoup "))

#: The first figures of a theme matter most: only so many are looked through for one that can be compared.
_AMONG: Final = 3


#: Units whose signs not everybody reads.
_UNIT_WORDS: Final = {
    "celsius": "degrés", "inhabitants_per_km2": "habitants par kilomètre carré", "eur_per_m2": "€ par mètre carré", "ratio": "", "index": "",
}  # fmt: skip


def amount_words(value: float, unit: str, *, of_change: bool = False) -> str:
    """Write a value with two digits at most: ``plus de la moitié``, ``12 000 €``, ``environ 1 200``, ``40 degrés``.

    A rate of change keeps its sign: ``−5 %``.
    """
    if of_change:
        return format_value(value, unit, signed=True)
    if unit == "pct":
        return french_spacing(next(words for bound, words in _SHARES if value < bound))
    digits = max(0, math.floor(math.log10(abs(value))) - 1) if value else 0
    rounded = math.floor(value / 10**digits + 0.5) * 10**digits
    if unit in _UNIT_WORDS:
        return french_spacing(f"{format_number(rounded)} {_UNIT_WORDS[unit]}".strip())
    words = format_value(rounded, unit)
    if rounded == value:
        return words
    # "Less than 12 000 €" of a median of 12 450 € would be untrue: about is said after money, which has "less than" before it.
    return f"environ {words}" if unit == "count" else f"{words} environ" if unit.startswith("eur") else words


def size_words(gap: Gap) -> str:
    """Say how a value stands beside another: ``un peu plus``, ``environ deux fois moins``, or ``presque autant``."""
    if gap.direction is Direction.EQUAL:
        return "presque autant"
    more = "plus" if gap.absolute > 0 else "moins"
    if not gap.ratio:
        return more
    size = max(gap.ratio, 1 / gap.ratio)
    return next(words for bound, words in _SIZES if size < bound) + more


def easy_words(figures: Sequence[KeyFigure], name: str) -> list[str]:
    """Write three sentences on a theme in one neighbourhood.

    Of the first figures the one that can be compared is told, shares before amounts; the change is its own,
    else that of the first figure that has one, which is then named.
    """
    said = [f for f in figures if f.known and f.indicator.easy]
    if not said:
        return [
            f"{_capital(grammar.in_quarter(name))}, on ne connaît pas les chiffres de ce thème.",
            "Ils ne sont pas publiés, ou pas encore lus.",
            "La suite dit ce que l’on sait des territoires qui l’entourent."
            if any(f.cells for f in figures)
            else "On ne sait pas non plus ce qu’il en est autour.",
        ]
    told = min(said[:_AMONG], key=lambda f: (f.gap is None, f.indicator.unit != "pct"))
    return [_state(told, name), _beside(told), _since(told, said)]


def _state(figure: KeyFigure, name: str) -> str:
    assert figure.own is not None and figure.indicator.easy is not None
    amount = amount_words(float(figure.own["value"]), figure.indicator.unit, of_change=figure.indicator.of_change)
    says = figure.indicator.easy.says.format(amount=amount)
    return f"{_capital(grammar.in_quarter(name))}, {says} (chiffre {_of(format_period(figure.own['period']))})."


def _beside(figure: KeyFigure) -> str:
    if figure.gap is None:
        return "On ne peut pas comparer ce chiffre avec celui de la ville."
    where = grammar.than(grammar.inside(figure.gap_level, figure.gap_name))
    return f"C’est {size_words(figure.gap)} {where}."


def _since(told: KeyFigure, said: Sequence[KeyFigure]) -> str:
    moving = next((f for f in [told, *said] if isinstance(f.own_change, Change)), None)
    if moving is None:
        return "On ne sait pas encore si cela a changé."
    change, indicator = moving.own_change, moving.indicator
    assert isinstance(change, Change) and indicator.easy is not None
    start, end = format_period(change.start), format_period(change.end)
    if change.direction is Direction.EQUAL:
        verb = "n’a presque pas changé"
    else:
        verb = f"a {'augmenté' if change.absolute > 0 else 'baissé'}{_judgement(change, indicator)}"
    said_of = f"Entre {start} et {end}, {indicator.easy.about} {verb}."
    # Another figure than that of the first sentence is announced.
    return said_of if moving is told else f"Un autre chiffre{NNBSP}: {said_of[:1].lower()}{said_of[1:]}"


def _of(period: str) -> str:
    return f"d’{period}" if period[:1] in "aàeéioôu" else f"de {period}"


def _judgement(change: Change, indicator: Indicator) -> str:
    """Say whether a change is good, where nobody would dispute it; prices rise too, so more money is not praised."""
    words = {Direction.BETTER: f"{NNBSP}: c’est mieux", Direction.WORSE: f"{NNBSP}: c’est moins bien"}
    return words.get(own_direction(change, indicator), "")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
