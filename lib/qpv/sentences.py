"""Sentences: from figures to plain French, through a phrase table.

Good news come first when there are any; what is missing is always said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qpv.analysis import Change, Direction, Rank, Refusal, unfavourable
from qpv.catalog import Indicator
from qpv.comparison import KeyFigure, is_missing
from qpv.numbers import NBSP, NNBSP, format_difference, format_number, format_value
from qpv.quarter import format_period
from qpv.vocabulary import Polarity

#: From the ratio own/other, the words for it; bounds are upper and exclusive.  Read after
#: "fois plus" or "fois moins" has been chosen by the side on which the ratio lies.
_RATIO_WORDS: Final = (
    (1.05, "à peu près égal"),
    (1.15, "légèrement {side}"),
    (1.95, "{times} fois {more}"),
    (2.05, "deux fois {more}"),
    (float("inf"), "{times} fois {more}"),
)

_LEVEL_WORDS: Final = {
    "commune": "la commune ({name})", "epci": "l’agglomération ({name})", "departement": "le département ({name})",
    "region": "la région ({name})", "france": "la {name}",
}  # fmt: skip

_SCOPE_WORDS: Final = {
    "epci": "QPV de l’agglomération", "departement": "QPV du département", "france": "QPV de France",
}  # fmt: skip


def ratio_words(ratio: float) -> str:
    """Put a ratio into words (S4): ``1,4 fois plus``, ``deux fois moins``, ``à peu près égal``.

    The number is rounded to one decimal, as the words speak of a size, not of a measure.
    """
    size = ratio if ratio >= 1 else 1 / ratio
    more, side = ("plus", "au-dessus") if ratio >= 1 else ("moins", "en dessous")
    words = next(w for bound, w in _RATIO_WORDS if size < bound)
    return words.format(times=format_number(size, 1), more=more, side=side)


def level_words(level: str, name: str) -> str:
    """Name a comparator within a sentence: ``l’agglomération (CA de Lens - Liévin)``."""
    return _LEVEL_WORDS.get(level, "{name}").format(name=name)


def ordinal(number: int) -> str:
    """``1er``, ``2e``, ``19e``."""
    return "1er" if number == 1 else f"{number}e"


def rank_words(rank: Rank, polarity: Polarity) -> str:
    """``3e sur 19 (1er = le plus favorable)``."""
    first = "le plus élevé" if polarity is Polarity.NONE else "le plus favorable"
    tied = " ex æquo" if rank.tied else ""
    return f"{ordinal(rank.position)}{tied} sur{NBSP}{rank.count} (1er{NNBSP}= {first})"


def own_change_words(figure: KeyFigure) -> str:
    """Answer Q2 for one indicator in one sentence, or say why there is no answer."""
    change, indicator = figure.own_change, figure.indicator
    if isinstance(change, Refusal):
        return f"évolution non calculée{NNBSP}: {change.reason}"
    verb = {
        Direction.BETTER: "la situation s’améliore",
        Direction.WORSE: "la situation se dégrade",
        Direction.EQUAL: "stable",
        Direction.NEUTRAL: "en hausse" if change.absolute > 0 else "en baisse",
    }[change.direction]
    return f"{verb}{NNBSP}: {_from_to(change, indicator)}{_caution(change)}"


def gap_change_words(figure: KeyFigure) -> str:
    """Answer Q1 for one indicator in one sentence, or say why there is no answer."""
    change, indicator = figure.gap_change, figure.indicator
    if isinstance(change, Refusal):
        return f"évolution de l’écart non calculée{NNBSP}: {change.reason}"
    verb = gap_verb(change, indicator)
    first = format_difference(change.first, indicator.unit, indicator.decimals)
    last = format_difference(change.last, indicator.unit, indicator.decimals)
    span = f"de {first} en {format_period(change.start)} à {last} en {format_period(change.end)}"
    return f"{verb} avec {level_words(figure.change_level, figure.change_name)}{NNBSP}: {span}{_caution(change)}"


def gap_verb(change: Change, indicator: Indicator) -> str:
    """Say how a gap moves: it narrows or widens, or a lead grows, shrinks, or changes hands."""
    if change.direction is Direction.EQUAL:
        return "l’écart est stable"
    if indicator.polarity is Polarity.NONE:
        return "l’écart se réduit" if change.direction is Direction.BETTER else "l’écart augmente"
    behind_then = unfavourable(change.first, indicator.polarity) > 0
    behind_now = unfavourable(change.last, indicator.polarity) > 0
    if behind_then and behind_now:
        return "l’écart se réduit" if change.direction is Direction.BETTER else "l’écart se creuse"
    if behind_then != behind_now:
        return "le quartier passe derrière" if behind_now else "le quartier passe devant"
    return "l’avance du quartier augmente" if change.direction is Direction.BETTER else "l’avance du quartier diminue"


def _against_peers(figure: KeyFigure) -> str:
    """Add what the median of the QPV of France allows to say, when no territory does."""
    change, indicator = figure.peer_change, figure.indicator
    if isinstance(change, Refusal):
        return ""
    first = format_difference(change.first, indicator.unit, indicator.decimals)
    last = format_difference(change.last, indicator.unit, indicator.decimals)
    return (
        f" Face à la médiane des QPV de France, {gap_verb(change, indicator)}{NNBSP}: de {first} en {format_period(change.start)} "
        f"à {last} en {format_period(change.end)}{_caution(change)}."
    )


def summary(figures: Sequence[KeyFigure]) -> list[str]:
    """Write three to five sentences on a theme: good news, widest gap, Q1 and Q2, rank, what is missing."""
    known = [f for f in figures if f.known]
    lines: list[str] = []
    # The change of a rate of change is no news that a reader could weigh.
    steady = [f for f in known if not f.indicator.of_change]
    better = [f for f in steady if isinstance(f.own_change, Change) and f.own_change.direction is Direction.BETTER]
    if better:
        lines.append(f"Du mieux{NNBSP}– {_subject(better[0])}{own_change_words(better[0])}.")
    widest = _widest(steady)
    if widest is not None:
        lines.append(_gap_sentence(widest))
    head = steady[0] if steady else None
    answered = next((f for f in steady if isinstance(f.gap_change, Change)), None)
    if answered is not None:
        lines.append(f"L’écart s’est-il réduit{NNBSP}? {_subject(answered)}{gap_change_words(answered)}.")
    elif head is not None:
        lines.append(f"L’écart s’est-il réduit{NNBSP}? {_subject(head)}{gap_change_words(head)}.{_against_peers(head)}")
    if head is not None and (not better or head is not better[0]):
        lines.append(f"La situation du quartier s’est-elle améliorée{NNBSP}? {_subject(head)}{own_change_words(head)}.")
    ranked = _rank_sentence(known)
    missing = _missing_sentence(figures)
    if ranked and len(lines) < 5 - bool(missing):
        lines.append(ranked)
    lines += _wider_sentences(figures)[: max(0, 3 - len(lines) - bool(missing))]
    return [*lines, missing] if missing else lines


def _subject(figure: KeyFigure) -> str:
    return f"{figure.indicator.label}{NNBSP}: "


def _from_to(change: Change, indicator: Indicator) -> str:
    first = format_value(change.first, indicator.unit, indicator.decimals)
    last = format_value(change.last, indicator.unit, indicator.decimals)
    moved = format_difference(change.absolute, indicator.unit, indicator.decimals)
    money = ", en euros courants" if indicator.unit.startswith("eur") else ""
    return f"{first} en {format_period(change.start)}, {last} en {format_period(change.end)} ({moved}{money})"


def _caution(change: Change) -> str:
    return f", à lire avec prudence ({change.caution})" if change.caution else ""


def _widest(known: Sequence[KeyFigure]) -> KeyFigure | None:
    """Choose the largest unfavourable gap, by ratio."""

    def size(figure: KeyFigure) -> float:
        ratio = figure.gap.ratio if figure.gap else None
        return 0.0 if ratio is None else max(ratio, 1 / ratio)

    adverse = [f for f in known if f.gap is not None and f.gap.direction is Direction.WORSE]
    return max(adverse, key=size, default=None)


def _gap_sentence(figure: KeyFigure) -> str:
    assert figure.gap is not None
    indicator, gap = figure.indicator, figure.gap
    own = format_value(gap.own.value, indicator.unit, indicator.decimals)
    other = format_value(gap.other.value, indicator.unit, indicator.decimals)
    words = f", soit {ratio_words(gap.ratio)}" if gap.ratio else ""
    place = level_words(figure.gap_level, figure.gap_name)
    return (
        f"L’écart le plus marqué{NNBSP}– {_subject(figure)}{own} en {format_period(gap.own.period)}, contre {other} pour {place} "
        f"({format_difference(gap.absolute, indicator.unit, indicator.decimals)}{words})."
    )


def _rank_sentence(known: Sequence[KeyFigure]) -> str:
    ranked = next(((f, s, f.ranks[s]) for f in known for s in ("epci", "departement", "france") if s in f.ranks), None)
    if ranked is None:
        return ""
    figure, scope, rank = ranked
    return f"{_subject(figure)}{rank_words(rank, figure.indicator.polarity)} parmi les {_SCOPE_WORDS[scope]}."


def _missing_sentence(figures: Sequence[KeyFigure]) -> str:
    missing = [f for f in figures if is_missing(f)]
    if not missing:
        return ""
    names = ", ".join(f.indicator.short for f in missing[:6]) + ("…" if len(missing) > 6 else "")
    return (
        f"Ce qui manque{NNBSP}: {len(missing)} des {len(figures)} chiffres clés n’ont pas de valeur pour ce quartier ({names})."
    )


def _wider_sentences(figures: Sequence[KeyFigure]) -> list[str]:
    """Say what is known of larger territories, where the QPV itself has little."""
    lines = []
    for figure in figures:
        cell = next((figure.cells[n] for n in ("commune", "epci", "departement", "region", "france") if n in figure.cells), None)
        if not figure.known and cell is not None:
            value = format_value(float(cell.row["value"]), figure.indicator.unit, figure.indicator.decimals)
            when = format_period(cell.row["period"])
            lines.append(
                f"Connu plus largement{NNBSP}– {_subject(figure)}{value} en {when} pour {level_words(cell.level, cell.name)}."
            )
    return lines or [
        "Aucun chiffre clé n’est connu, ni pour le quartier ni pour les territoires qui l’entourent, à la date de ce brief."
    ]
