"""Notices: what a reader must know before reading the figures of a brief, most important first.

Each is a French sentence: perimeter, contradiction, figures withheld, approached, old, or without evolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from qpv.analysis import Refusal
from qpv.comparison import KeyFigure
from qpv.numbers import NNBSP, format_number, french_spacing
from qpv.profile import Predecessor, Profile
from qpv.quarter import Quarter, format_period, period_position
from qpv.sentences import noun
from qpv.tables import edition_name, value_words
from qpv.vocabulary import Status

#: Figures are old when what they measure ended more than so many years before the end of the quarter.
OLD_YEARS: Final = 4

#: So many figures are named in a notice, the others counted.
_NAMED: Final = 4


def notices(profile: Profile, figures: Sequence[KeyFigure]) -> list[str]:
    """Write all notices that a brief needs: six at most."""
    known = [f for f in figures if f.own is not None]
    found = [
        _perimeter(profile, known),
        _contradicted(profile, figures),
        _withheld(figures),
        _approached(known),
        _old(profile.quarter, known),
        _without_evolution(known),
    ]
    return [french_spacing(words) for words in found if words]


def age_years(period: str, quarter: Quarter) -> float:
    """Give the years between the end of a period and the end of a quarter: 2021 is 2.0 at the end of 2023.

    A school year ends with the summer.
    """
    position = period_position(period)
    if len(period) == 4:
        end = position + 1
    elif len(period) == 9:  # 2022-2023
        end = position + 0.5
    else:  # a month, or a quarter at its last month
        end = position + 1 / 12
    return quarter.year + quarter.number / 4 - end


def _perimeter(profile: Profile, known: Sequence[KeyFigure]) -> str:
    if profile.relation == "new":
        return (
            "Ce quartier est nouveau en 2024 : aucun QPV de 2015 ne le précède. Il n’a pas de chiffre sur le périmètre de 2015, "
            "et aucune évolution n’est calculée depuis ce périmètre."
        )
    if profile.perimeter_known and not profile.predecessors:
        return _partly(profile)
    if not (profile.perimeter_known and profile.predecessors):
        return ""
    main = profile.predecessors[0]
    old = any(f.own is not None and f.own["generation"] == "2015" for f in known)
    if main.relation == "redrawn":
        before = f"Les chiffres décrivent encore le périmètre de 2015 ({main.code})." if old else ""
        return " ".join(
            filter(None, ["Le quartier a été redessiné en 2024.", _kept(main), _others(profile), _people(profile), before])
        )
    if main.relation == "unknown" and old:
        return f"Les chiffres décrivent le périmètre de 2015 ({main.code}) ; sans les contours, on ne sait pas s’il a changé."
    return ""


def _partly(profile: Profile) -> str:
    """Name the QPV of 2015 that a redrawn one holds a part of, when none of them is enough of it to stand for it."""
    if not profile.partly:
        return ""
    parts = [
        f"{p.name} ({p.code} ; {format_number(100 * p.share_2015)} % de sa surface conservée, qui fait {format_number(100 * p.share_2024)} % "
        "du nouveau périmètre)"
        for p in profile.partly if p.share_2015 is not None and p.share_2024 is not None
    ]  # fmt: skip
    return (
        f"Le quartier a été redessiné en 2024. Il reprend une partie de : {', '.join(parts)}. C’est trop peu du quartier actuel pour que "
        "les chiffres du périmètre de 2015 le décrivent : ils ne lui sont pas attribués, et aucune évolution n’est calculée depuis ce "
        "périmètre."
    )


def _kept(main: Predecessor) -> str:
    if main.share_2015 is None or main.share_2024 is None:
        return ""
    kept, covered = (format_number(100 * s) for s in (main.share_2015, main.share_2024))
    return f"{kept} % de la surface de l’ancien périmètre est conservée ; elle fait {covered} % du nouveau."


def _others(profile: Profile) -> str:
    others = [f"{p.name} ({p.code})" for p in profile.predecessors[1:]]
    return f"Il réunit aussi une partie de : {', '.join(others)}." if others else ""


def _people(profile: Profile) -> str:
    """Give the population before and after, each with its year; of one that is not known, say so."""
    rows = profile.population[profile.population["position"].notna()]
    last = {g: rows[rows["territory"] == code] for g, code in profile.codes.items()}
    if len(last) < 2 or all(part.empty for part in last.values()):
        return ""
    indicator = profile.catalog.indicator("population_count")
    words = {
        g: "non connue" if p.empty else f"{value_words(p.iloc[-1], indicator)} habitants en {format_period(p.iloc[-1]['period'])}"
        for g, p in last.items()
    }
    return f"Population : {words['2015']} dans l’ancien périmètre, {words['2024']} dans le nouveau."


def _contradicted(profile: Profile, figures: Sequence[KeyFigure]) -> str:
    clashing = [f for f in figures if len(f.contradictions)]
    if not clashing:
        return ""
    first = clashing[0]
    rows = first.contradictions
    place, period = rows["territory"].iloc[0], rows["period"].iloc[0]
    rows = rows[(rows["territory"] == place) & (rows["period"] == period)].sort_values(
        "preferred", ascending=False, kind="stable"
    )
    said = [f"{value_words(r, first.indicator)} ({edition_name(profile, r)})" for _, r in rows.iterrows()]
    where = "" if rows["level"].iloc[0] == "qpv" else f", {_place_name(profile, rows.iloc[0])}"
    rest = f" Autres chiffres contredits : {_names(clashing[1:])}." if clashing[1:] else ""
    return (
        f"Des sources se contredisent sur {noun(first.indicator)} ({format_period(period)}{where}) : {', '.join(said)} ; "
        f"la première valeur est retenue, le détail du chiffre donne les sources.{rest}"
    )


def _place_name(profile: Profile, row: pd.Series) -> str:
    return next((p.name for p in profile.comparators.get(row["level"], []) if p.code == row["territory"]), str(row["territory"]))


def _withheld(figures: Sequence[KeyFigure]) -> str:
    hidden = [f for f in figures if f.absence is not None and f.absence["status"] == Status.SECRET]
    if not hidden:
        return ""
    return (
        f"{_count(hidden)} retenu{_s(hidden)} par le producteur (secret statistique ou qualité insuffisante) : {_names(hidden)}."
    )


def _approached(known: Sequence[KeyFigure]) -> str:
    near = [f for f in known if f.own is not None and f.own["status"] == Status.PROXY]
    if not near:
        return ""
    return (
        f"{_count(near)} approché{_s(near)}, calculé{_s(near)} à partir de mesures plus larges ou plus fines que le quartier et non "
        f"publié{_s(near)} pour lui : {_names(near)}."
    )


def _old(quarter: Quarter, known: Sequence[KeyFigure]) -> str:
    """Name the figures older than :data:`OLD_YEARS`, by year, oldest first."""
    aged: dict[str, list[KeyFigure]] = {}
    for figure in known:
        row = figure.latest if figure.latest is not None else figure.own
        if row is not None and age_years(row["period"], quarter) > OLD_YEARS + 1e-9:
            # By the year that the table compares, whatever newer value stands beside it.
            aged.setdefault(str(figure.own["period"] if figure.own is not None else row["period"]), []).append(figure)
    if not aged:
        return ""
    every = [f for part in aged.values() for f in part]
    by_year = [f"{format_period(p)} ({_names(aged[p])})" for p in sorted(aged, key=period_position)]
    if len(every) == 1:
        return f"Un chiffre clé a plus de quatre ans : {_names(every)} ({format_period(next(iter(aged)))})."
    whole = f"Les {len(every)} chiffres clés connus ont" if len(every) == len(known) else f"{len(every)} chiffres clés ont"
    return f"{whole} plus de quatre ans : {' ; '.join(by_year)}."


def _without_evolution(known: Sequence[KeyFigure]) -> str:
    """Say of which figures no evolution is given, by reason."""
    reasons: dict[str, list[KeyFigure]] = {}
    for figure in known:
        if isinstance(figure.own_change, Refusal) and not figure.indicator.of_change:
            reasons.setdefault(figure.own_change.reason, []).append(figure)
    if not reasons:
        return ""
    said = [f"{_names(part)} ({reason})" for reason, part in reasons.items()]
    return f"Aucune évolution n’est donnée pour : {' ; '.join(said)}."


def _count(figures: Sequence[KeyFigure]) -> str:
    return f"{len(figures)} chiffres clés sont" if len(figures) > 1 else "Un chiffre clé est"


def _s(figures: Sequence[KeyFigure]) -> str:
    return "s" if len(figures) > 1 else ""


def _names(figures: Sequence[KeyFigure]) -> str:
    rest = len(figures) - _NAMED
    tail = [] if rest <= 0 else [f"{rest} autre{'s' if rest > 1 else ''}"]
    names = [f.indicator.short for f in figures[:_NAMED]]
    # Some names hold a comma of their own.
    return f"{NNBSP}/ ".join([*names, *tail]) if any("," in n for n in names) else ", ".join([*names, *tail])
