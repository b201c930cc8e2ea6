"""Sentences: from figures to plain French, through a phrase table.

:data:`PHRASES` holds every sentence; the functions choose among them and fill them in.  What got better
comes first when something did; what is not known or missing is always said, last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from qpv import grammar
from qpv.analysis import Change, Direction, Rank, Refusal, own_direction, unfavourable
from qpv.catalog import Indicator
from qpv.comparison import STATUS_CAUTIONS, KeyFigure, is_missing, shown_decimals
from qpv.numbers import NNBSP, format_difference, format_number, format_value, french_spacing
from qpv.quarter import format_period, period_position
from qpv.vocabulary import Polarity, Status

#: From the situation to its sentence, without the full stop.  ``{noun}`` has its article; ``{place}`` is a territory with
#: its article, ``{where}`` the same with its preposition.
PHRASES: Final = {
    # Q2: the neighbourhood's own situation
    "own rises": "Dans le quartier, {noun} a augmenté{judgement} : {last} en {end} contre {first} en {start} ({moved}){caution}",
    "own falls": "Dans le quartier, {noun} a baissé{judgement} : {last} en {end} contre {first} en {start} ({moved}){caution}",
    "own steady": "Dans le quartier, {noun} n’a presque pas changé : {last} en {end} contre {first} en {start}{caution}",
    "own same": "Dans le quartier, {noun} n’a pas changé : {last} en {start} comme en {end}{caution}",
    "own unknown": "On ne sait pas comment {noun} a évolué dans le quartier : {reason}",
    # Q1: the gap with a territory, over time
    "gap narrows": "Pour {noun}, l’écart avec {place} s’est réduit : de {first} en {start} à {last} en {end}{caution}",
    "gap widens": "Pour {noun}, l’écart avec {place} s’est creusé : de {first} en {start} à {last} en {end}{caution}",
    "gap grows": "Pour {noun}, l’écart avec {place} a augmenté : de {first} en {start} à {last} en {end}{caution}",
    "gap steady": "Pour {noun}, l’écart avec {place} n’a presque pas changé : {first} en {start}, {last} en {end}{caution}",
    "lead grows": "Pour {noun}, l’avance du quartier sur {place} a augmenté : de {first} en {start} à {last} en {end}{caution}",
    "lead shrinks": "Pour {noun}, l’avance du quartier sur {place} a diminué : de {first} en {start} à {last} en {end}{caution}",
    "falls behind": "Pour {noun}, le quartier est passé derrière {place} : de {first} en {start} à {last} en {end}{caution}",
    "gets ahead": "Pour {noun}, le quartier est passé devant {place} : de {first} en {start} à {last} en {end}{caution}",
    "gap unknown": "On ne sait pas si l’écart avec les territoires autour s’est réduit pour {noun} : {reason}",
    "all unknown": "On ne sait ni comment {noun} a évolué dans le quartier ({own}), ni si l’écart avec les territoires autour s’est réduit ({gap})",
    # what follows one of these in the summary, where an answer is not the one that was asked for
    "beside another": f"{NNBSP}; l’agglomération n’a pas ce chiffre à deux dates qui se comparent",
    "measured otherwise": NNBSP + "; depuis {since}, ce chiffre ne se mesure plus de la même façon",
    # the gap of today
    "behind": "L’écart le plus marqué porte sur {noun} : {own} dans le quartier contre {other} {where} en {when} ({moved}{ratio}){caution}",
    "ahead": "Le quartier est mieux placé que {place} pour {noun} : {own} contre {other} {where} en {when} ({moved}{ratio}){caution}",
    "state": "Dans le quartier, {noun} est de {own} en {when}{caution}",
    # peers
    "rank": "Parmi les {count} QPV {scope} où ce chiffre est connu, le quartier est {position} pour {noun} ({first})",
    "rank and similar": "Parmi les {count} QPV {scope} où ce chiffre est connu, le quartier est {position} pour {noun} ({first}) ; parmi {similar} QPV "
    "semblables, il est {place}",
    "similar": "Parmi {similar} QPV semblables, le quartier est {place} pour {noun} ({first})",
    # absences
    "one missing": "Un seul des {all} chiffres clés manque pour ce quartier : {names}",
    "some missing": "Pour ce quartier, {count} des {all} chiffres clés manquent : {names}",
    "all missing": "Aucun des {all} chiffres clés n’est connu pour ce quartier",
    "known around": "On connaît {noun} {where} ({value} en {when}), mais pas pour le quartier",
    "why below": "La raison de chaque absence est donnée plus bas, avec le fichier officiel à obtenir quand il existe",
    "nothing known": "Aucun chiffre clé n’est connu, ni pour le quartier ni pour les territoires qui l’entourent, à la date de ce brief",
}  # fmt: skip

#: From the ratio own/other, the words for it; bounds are upper and exclusive.  Read after
#: "fois plus" or "fois moins" has been chosen by the side on which the ratio lies.
_RATIO_WORDS: Final = (
    (1.05, "à peu près égal"),
    (1.15, "légèrement {side}"),
    (1.95, "{times} fois {more}"),
    (2.05, "deux fois {more}"),
    (float("inf"), "{times} fois {more}"),
)
#: Below this a sentence says the difference alone.
_WORTH_A_RATIO: Final = 1.15

_JUDGEMENTS: Final = {
    Direction.BETTER: ", ce qui est une amélioration", Direction.WORSE: ", ce qui est une dégradation",
    Direction.EQUAL: "", Direction.NEUTRAL: "",
}  # fmt: skip

_SCOPE_WORDS: Final = {"epci": "de l’agglomération", "departement": "du département", "france": "de France"}

#: So many missing figures are named, the others counted.
_NAMED: Final = 6


def ratio_words(ratio: float) -> str:
    """Put a ratio into words (S4): ``1,4 fois plus``, ``deux fois moins``, ``à peu près égal``.

    The number is rounded to one decimal, as the words speak of a size, not of a measure.
    """
    size = ratio if ratio >= 1 else 1 / ratio
    more, side = ("plus", "au-dessus") if ratio >= 1 else ("moins", "en dessous")
    words = next(w for bound, w in _RATIO_WORDS if size < bound)
    return words.format(times=format_number(size, 1), more=more, side=side)


def noun(indicator: Indicator) -> str:
    """Name an indicator within a sentence: ``le taux de pauvreté``."""
    return indicator.noun or f"l’indicateur «{NNBSP}{indicator.label}{NNBSP}»"


def ordinal(number: int) -> str:
    """``1er``, ``2e``, ``19e``."""
    return "1er" if number == 1 else f"{number}e"


def place_words(rank: Rank) -> str:
    """``3e``, or ``2e ex æquo``."""
    return ordinal(rank.position) + (" ex æquo" if rank.tied else "")


def first_words(polarity: Polarity) -> str:
    """Say which end of a ranking is the first."""
    return "le 1er a la valeur la plus élevée" if polarity is Polarity.NONE else "le 1er est le plus favorable"


def own_change_words(figure: KeyFigure) -> str:
    """Answer Q2 for one indicator in one sentence, or say why there is no answer; without the full stop."""
    change, indicator = figure.own_change, figure.indicator
    if isinstance(change, Refusal):
        return _phrase("own unknown", noun=noun(indicator), reason=change.reason)
    money, judged = indicator.unit.startswith("eur"), _JUDGEMENTS[own_direction(change, indicator)]
    situation = "own rises" if change.absolute > 0 else "own falls"
    if change.direction is Direction.EQUAL:
        situation = "own steady" if abs(change.absolute) >= 0.5 * 10**-indicator.decimals else "own same"
    before, after = change.decimals or (indicator.decimals, indicator.decimals)
    moved = format_difference(change.absolute, indicator.unit, min(before, after)) + (", en euros courants" if money else "")
    return _phrase(
        situation, noun=noun(indicator), judgement=judged, moved=moved, **_span(change),
        first=_value(change.first, indicator, before), last=_value(change.last, indicator, after),
    )  # fmt: skip


def gap_change_words(figure: KeyFigure) -> str:
    """Answer Q1 for one indicator in one sentence, or say why there is no answer; without the full stop."""
    if isinstance(figure.gap_change, Refusal):
        return _phrase("gap unknown", noun=noun(figure.indicator), reason=figure.gap_change.reason)
    return _gap_change(figure.gap_change, figure.indicator, grammar.territory(figure.change_level, figure.change_name))


def gap_situation(change: Change, indicator: Indicator) -> str:
    """Tell how a gap moved: it narrows or widens, or a lead grows, shrinks, or changes hands (a key of :data:`PHRASES`)."""
    if change.direction is Direction.EQUAL:
        return "gap steady"
    if indicator.polarity is Polarity.NONE:
        return "gap narrows" if change.direction is Direction.BETTER else "gap grows"
    behind_then = unfavourable(change.first, indicator.polarity) > 0
    behind_now = unfavourable(change.last, indicator.polarity) > 0
    if behind_then and behind_now:
        return "gap narrows" if change.direction is Direction.BETTER else "gap widens"
    if behind_then != behind_now:
        return "falls behind" if behind_now else "gets ahead"
    return "lead grows" if change.direction is Direction.BETTER else "lead shrinks"


def summary(figures: Sequence[KeyFigure]) -> list[str]:
    """Write two to five sentences on a theme: what got better, the widest gap, Q1 and Q2, rank; what is not known, last.

    What got better is the neighbourhood's own first, then a gap that narrowed; its own figure follows where that did not improve.
    """
    known = [f for f in figures if f.known]
    # The change of a rate of change is no news that a reader could weigh.
    steady = [f for f in known if not f.indicator.of_change]
    better = next((f for f in steady if _improved(f)), None)
    lines, unknown = [_own_change_in_full(better)] if better else [], []
    if steady:
        asked = next((f for f in steady if isinstance(f.gap_change, Change)), steady[0])
        gap, words = _gap_over_time(asked)
        narrowed = _is_better(gap) and asked.indicator.polarity is not Polarity.NONE
        subject = asked if narrowed else steady[0]
        own = [_own_change_in_full(subject)] if isinstance(subject.own_change, Change) and subject is not better else []
        told = [words] if isinstance(gap, Change) else []
        lines += [*told, *own, *_gap_of_today(steady)] if narrowed else [*_gap_of_today(steady), *told, *own]
        unknown = _unknown(steady[0] if not told else subject, tell_own=subject is not better and not own, tell_gap=not told)
    missing = _missing(figures)
    room = 5 - len(unknown) - len(missing)
    rank = _rank_sentence(known)
    if rank and len(lines) < room:
        lines.append(rank)
    if not lines and steady:  # a brief opens with what is known
        lines.append(_state(steady[0]))
    lines += _known_around(figures)[: max(0, 3 - len(lines) - len(unknown) - len(missing))]
    if missing and len(lines) + len(unknown) + len(missing) < 3:
        missing.append(_phrase("why below"))
    return [f"{line}." for line in [*lines, *unknown, *missing]]


def _phrase(situation: str, **words: object) -> str:
    return french_spacing(PHRASES[situation]).format(**words)


def _value(value: float, indicator: Indicator, decimals: int | None = None) -> str:
    return format_value(value, indicator.unit, indicator.decimals if decimals is None else decimals)


def _span(change: Change) -> dict[str, str]:
    caution = f", à lire avec prudence ({change.caution})" if change.caution else ""
    return {"start": format_period(change.start), "end": format_period(change.end), "caution": caution}


def _gap_change(change: Change, indicator: Indicator, place: str) -> str:
    shown = change.decimals or (indicator.decimals, indicator.decimals)
    first, last = (format_difference(v, indicator.unit, n) for v, n in zip((change.first, change.last), shown, strict=True))
    return _phrase(
        gap_situation(change, indicator), noun=noun(indicator), place=place, first=first, last=last, **_span(change)
    )  # fmt: skip


def _is_better(change: Change | Refusal) -> bool:
    return isinstance(change, Change) and change.direction is Direction.BETTER


def _improved(figure: KeyFigure) -> bool:
    change = figure.own_change
    return isinstance(change, Change) and own_direction(change, figure.indicator) is Direction.BETTER


def _gap_over_time(figure: KeyFigure) -> tuple[Change | Refusal, str]:
    """Answer Q1 beside a territory, failing that beside the median of the QPV of France; with its sentence."""
    # A number of people is no distance from that of another place.
    moved, beside = figure.gap_over_time
    if isinstance(moved, Refusal):
        return moved, gap_change_words(figure)
    if moved is figure.gap_change:
        words = gap_change_words(figure)
        return moved, words if figure.change_level == "epci" else words + _phrase("beside another")
    return moved, _gap_change(moved, figure.indicator, beside) + _phrase("beside another")


def _own_change_in_full(figure: KeyFigure) -> str:
    """Answer Q2, and say why the answer stops before the QPV's latest figure, where a break of the series is the cause."""
    words, change = own_change_words(figure), figure.own_change
    newest = figure.own if figure.latest is None else figure.latest
    if isinstance(change, Refusal) or newest is None:
        return words
    end, last = period_position(change.end), period_position(newest["period"])
    since = next((b.period for b in figure.indicator.breaks if end < period_position(b.period) <= last), None)
    return words if since is None else words + _phrase("measured otherwise", since=format_period(since))


def _unknown(figure: KeyFigure, *, tell_own: bool, tell_gap: bool) -> list[str]:
    """Say which of both questions has no answer and why, once."""
    own, gap = figure.own_change, figure.gap_change
    tell_own, tell_gap = tell_own and isinstance(own, Refusal), tell_gap and isinstance(gap, Refusal)
    if tell_own and tell_gap and isinstance(own, Refusal) and isinstance(gap, Refusal):
        return [_phrase("all unknown", noun=noun(figure.indicator), own=own.reason, gap=gap.reason)]
    return [own_change_words(figure)] if tell_own else [gap_change_words(figure)] if tell_gap else []


def _state(figure: KeyFigure) -> str:
    assert figure.own is not None
    indicator, when = figure.indicator, format_period(figure.own["period"])
    value = _value(float(figure.own["value"]), indicator, shown_decimals(figure.own, indicator))
    return _phrase("state", noun=noun(indicator), own=value, when=when, caution=_status_caution(figure.own))


def _gap_of_today(known: Sequence[KeyFigure]) -> list[str]:
    """Tell the largest unfavourable gap, by ratio; when there is none, the largest favourable one."""

    def size(figure: KeyFigure) -> float:
        ratio = figure.gap.ratio if figure.gap else None
        return 0.0 if ratio is None else max(ratio, 1 / ratio)

    for direction, situation in ((Direction.WORSE, "behind"), (Direction.BETTER, "ahead")):
        found = [f for f in known if f.gap is not None and f.gap.direction is direction]
        if found:
            return [_gap_sentence(max(found, key=size), situation)]
    return []


def _gap_sentence(figure: KeyFigure, situation: str) -> str:
    indicator, gap = figure.indicator, figure.gap
    assert gap is not None
    size = max(gap.ratio, 1 / gap.ratio) if gap.ratio else 1.0
    return _phrase(
        situation, noun=noun(indicator), own=_value(gap.own.value, indicator, gap.own.decimals),
        other=_value(gap.other.value, indicator, gap.other.decimals),
        place=grammar.territory(figure.gap_level, figure.gap_name), where=grammar.inside(figure.gap_level, figure.gap_name),
        when=format_period(gap.own.period), moved=format_difference(gap.absolute, indicator.unit, gap.decimals),
        ratio=f", soit {ratio_words(gap.ratio)}" if gap.ratio and size >= _WORTH_A_RATIO else "",
        caution=_status_caution(figure.own, figure.cells[figure.gap_level].row),
    )  # fmt: skip


def _status_caution(*rows: pd.Series | None) -> str:
    """Say what a reader must know of the figures of a sentence, once for both."""
    found = {Status(r["status"]) for r in rows if r is not None}
    words = [w for status, w in STATUS_CAUTIONS.items() if status in found]
    return f", à lire avec prudence ({f'{NNBSP}; '.join(words)})" if words else ""


def _rank_sentence(known: Sequence[KeyFigure]) -> str:
    near = next(((f, s) for f in known for s in ("epci", "departement", "france") if s in f.ranks), None)
    figure = near[0] if near else next((f for f in known if "similar" in f.ranks), None)
    if figure is None:
        return ""
    words = {"noun": noun(figure.indicator), "first": first_words(figure.indicator.polarity)}
    like = figure.ranks.get("similar")
    if like is not None:
        words |= {"similar": str(like.count), "place": place_words(like)}
    if near is None:
        return _phrase("similar", **words)
    rank = figure.ranks[near[1]]
    cell = figure.cells.get("departement") if near[1] == "departement" else None
    scope = grammar.of(grammar.territory("departement", cell.name)) if cell else _SCOPE_WORDS[near[1]]
    words |= {"count": format_number(rank.count), "scope": scope, "position": place_words(rank)}
    return _phrase("rank" if like is None else "rank and similar", **words)


def _missing(figures: Sequence[KeyFigure]) -> list[str]:
    missing = [f.indicator.short for f in figures if is_missing(f)]
    if not missing:
        return []
    rest = len(missing) - _NAMED
    tail = "" if rest <= 0 else f"{NNBSP}; et {rest} autre{'s' if rest > 1 else ''}"
    # Names hold commas of their own.
    names = f"{NNBSP}; ".join(missing[:_NAMED]) + tail
    situation = "all missing" if len(missing) == len(figures) else "one missing" if len(missing) == 1 else "some missing"
    return [_phrase(situation, count=len(missing), all=len(figures), names=names)]


def _known_around(figures: Sequence[KeyFigure]) -> list[str]:
    """Say what is known of larger territories, where the QPV itself has little."""
    lines = []
    for figure in figures:
        cell = next((figure.cells[n] for n in ("commune", "epci", "departement", "region", "france") if n in figure.cells), None)
        if not figure.known and cell is not None:
            value = _value(float(cell.row["value"]), figure.indicator, shown_decimals(cell.row, figure.indicator))
            where = grammar.inside(cell.level, cell.name)
            lines.append(
                _phrase(
                    "known around", noun=noun(figure.indicator), where=where, value=value, when=format_period(cell.row["period"])
                )
            )
    return lines or [_phrase("nothing known")]
