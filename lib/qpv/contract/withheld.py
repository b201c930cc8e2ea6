"""Statistical secrecy in the registers of a contract: counts of persons under five are withheld before they are stored.

What a public document prints stays, as everywhere (see :mod:`qpv.secrecy`); a document is public where ``documents.yml``
says ``public: true``.  What is withheld leaves the entries and is listed as :class:`Withheld`, without its value, so that
no page, no table and no JSON can show it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from typing import Literal

from qpv.contract.entries import MINIMUM_PERSONS, Cited
from qpv.contract.programme import Action
from qpv.contract.referential import Criterion, Measure


class Withheld(Cited):
    """That a value of a register is known and not shown.  ``what``: the label of the action, or the id of the criterion."""

    kind: Literal["actions", "measures"]
    what: str
    column: str
    territory: str
    period: str


def _small(value: float | None) -> bool:
    return value is not None and 0 < value < MINIMUM_PERSONS


def _listed(entry: Action | Measure, column: str) -> Withheld:
    action = isinstance(entry, Action)
    return Withheld(
        kind="actions" if action else "measures", what=entry.label if isinstance(entry, Action) else entry.criterion, column=column,
        territory=entry.territory, period=entry.year if isinstance(entry, Action) else entry.period, document=entry.document, line=entry.line,
    )  # fmt: skip


def protect_actions(actions: Iterable[Action], public: Container[str]) -> tuple[list[Action], list[Withheld]]:
    """Withhold small numbers of beneficiaries, women and men, and the sex that the total would tell them by.

    ``public`` holds the documents whose figures stay.
    """
    kept, hidden = [], []
    for action in actions:
        columns = [] if action.document in public else _small_columns(action)
        hidden += [_listed(action, c) for c in columns]
        # The note goes with them: it may say what they were.
        kept.append(action.model_copy(update={"note": "", **dict.fromkeys(columns)}) if columns else action)
    return kept, hidden


def _small_columns(action: Action) -> list[str]:
    sexes = [c for c in ("women", "men") if getattr(action, c) is not None]
    if action.beneficiaries is None:
        return [c for c in sexes if _small(getattr(action, c))]
    # What is left of the total is a count of persons too, be it the other sex or those of unknown sex.
    rest = action.beneficiaries - sum(getattr(action, c) for c in sexes)
    told = sexes if sexes and (_small(rest) or any(_small(getattr(action, c)) for c in sexes)) else []
    return ["beneficiaries", *sexes] if _small(action.beneficiaries) else told


def counts_persons(criterion: Criterion, territory: str, epci: str) -> bool:
    """Say whether a value counts persons: as ``counts`` says, else any count of a place smaller than the agglomération."""
    return criterion.counts == "persons" or (not criterion.counts and criterion.unit == "count" and territory != epci)


def _rank(territory: str, epci: str) -> int:
    """Order places by size: QPV and sectors, communes, the agglomération."""
    return 2 if territory == epci else 0 if territory.startswith(("QN", "QP", "sector:")) else 1


def protect_measures(
    measures: Sequence[Measure], criteria: Iterable[Criterion], public: Container[str], epci: str
) -> tuple[list[Measure], list[Withheld]]:
    """Withhold small counts of persons, and where a criterion then lacks one territory alone beside a total, one more.

    ``public`` holds the documents whose figures stay, ``epci`` the agglomération.
    """
    of = {c.id: c for c in criteria}
    free = [
        m.document not in public and m.criterion in of and counts_persons(of[m.criterion], m.territory, epci) for m in measures
    ]
    gone = {n for n, m in enumerate(measures) if free[n] and _small(m.value)}
    together: dict[tuple[str, str], list[int]] = defaultdict(list)
    for n, m in enumerate(measures):
        together[m.criterion, m.period].append(n)
    rank = {n: _rank(m.territory, epci) for n, m in enumerate(measures)}
    for rows in together.values():
        for size in (0, 1):
            parts = [n for n in rows if rank[n] == size]
            wholes = [n for n in rows if rank[n] > size and n not in gone]
            if len([n for n in parts if n in gone]) != 1 or not wholes:
                continue
            others = sorted((n for n in parts if n not in gone and measures[n].document not in public and measures[n].value > 0),
                            key=lambda n: measures[n].value)  # fmt: skip
            gone |= set(others[:1] or [n for n in wholes if measures[n].document not in public])
    return [m for n, m in enumerate(measures) if n not in gone], [_listed(measures[n], "value") for n in sorted(gone)]
