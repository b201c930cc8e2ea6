"""The programme of a contract: actions, what they cost, who pays, whom they reach; and what the documents contradict.

``actions.csv`` holds one row an action, or a group of actions that a document prints together; ``totals.csv`` the totals
and shares that documents print, against which the rows are checked.  An empty cell is not known, 0 is zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd
from pydantic import model_validator

from qpv.contract.entries import Cited, Count, Money, Number, Period, Territory, citation
from qpv.contract.files import Reading
from qpv.contract.referential import Referential
from qpv.numbers import NNBSP, format_number
from qpv.quarter import format_period

FILE: Final = "actions.csv"
TOTALS_FILE: Final = "totals.csv"

#: Column of money -> who pays.  The first seven columns name a funder each.
FUNDERS_FR: Final = {
    "state_policy_eur": "État, politique de la ville", "state_ordinary_eur": "État, droit commun", "commune_eur": "Communes",
    "epci_eur": "Intercommunalité", "region_eur": "Région", "departement_eur": "Département", "caf_eur": "Caf",
    "others_eur": "Autres",
}  # fmt: skip
#: Column of money -> which kind of credits, where a document says only that.
CREDITS_FR: Final = {"specific_eur": "Crédits spécifiques", "ordinary_eur": "Droit commun"}
MONEY: Final = (*FUNDERS_FR, *CREDITS_FR)

THEMES_FR: Final = {
    "all": "Tous thèmes", "education": "Éducation", "health": "Santé", "employment": "Emploi et développement économique",
    "living": "Cadre de vie", "housing": "Logement", "culture": "Culture", "sport": "Sport", "digital": "Numérique",
    "environment": "Environnement et mobilité", "prevention": "Prévention", "rights": "Accès aux droits",
    "participation": "Participation des habitants", "cohesion": "Cohésion sociale", "steering": "Pilotage", "revenue": "Précarité",
}  # fmt: skip
ProgrammeTheme = Literal[
    "all", "education", "health", "employment", "living", "housing", "culture", "sport", "digital", "environment", "prevention",
    "rights", "participation", "cohesion", "steering", "revenue",
]  # fmt: skip


class Action(Cited):
    """An action, or a group printed together: ``count`` says how many.

    ``part`` is ``detail`` where the row is contained in another one of the same year: it is shown, never added.
    ``node`` is a part of the evaluation frame.  Money in euros.
    """

    year: Period
    territory: Territory
    label: str
    theme: ProgrammeTheme
    scheme: str = "Contrat de ville"
    type: Literal["", "individual", "collective", "investment", "engineering"] = ""
    node: str = ""
    part: Literal["whole", "detail"] = "whole"
    count: Count | None = None
    carriers: Count | None = None
    cost_eur: Money | None = None
    state_policy_eur: Money | None = None
    state_ordinary_eur: Money | None = None
    commune_eur: Money | None = None
    epci_eur: Money | None = None
    region_eur: Money | None = None
    departement_eur: Money | None = None
    caf_eur: Money | None = None
    others_eur: Money | None = None
    specific_eur: Money | None = None
    ordinary_eur: Money | None = None
    beneficiaries: Count | None = None
    women: Count | None = None
    men: Count | None = None
    note: str = ""

    @model_validator(mode="after")
    def _sexes_fit(self) -> Action:
        if self.beneficiaries is not None and (self.women or 0) + (self.men or 0) > self.beneficiaries:
            raise ValueError(
                f"women and men are {(self.women or 0) + (self.men or 0)}: more than the {self.beneficiaries} beneficiaries"
            )
        return self


class Total(Cited):
    """A total that a document prints: ``measure`` of all actions of some years, or of a ``scope`` of them."""

    year: Period
    territory: Territory
    measure: Literal[
        "projects", "cost_eur", "share_pct", "state_policy_eur", "state_ordinary_eur", "commune_eur", "epci_eur", "region_eur",
        "departement_eur", "caf_eur", "others_eur", "specific_eur", "ordinary_eur",
    ]  # fmt: skip
    value: Number
    scope: str = ""  # nothing: everything; else what the total is of, or whose share it is
    note: str = ""


@dataclass(frozen=True)
class Inconsistency:
    """Two things that documents print, or that their rows add up to, and that do not agree: in French, with document and line."""

    what: str
    sources: tuple[str, ...]


def read_programme(reading: Reading, frame: Referential | None) -> tuple[list[Action], list[Total]]:
    """Read ``actions.csv`` and ``totals.csv``; faults go to ``reading``."""
    actions, totals = reading.table(FILE, Action), reading.table(TOTALS_FILE, Total)
    nodes = {n.id for n in frame.nodes} if frame else set()
    for action in actions:
        if action.node and action.node not in nodes:
            reading.fault_at(action, "node", action.node, "expected the id of a node in referential.yml, or nothing")
    for shares in shares_that_make_no_whole(totals):
        if not any(s.note for s in shares):
            whole = format_number(sum(s.value for s in shares), 1).replace("\u202f", "")
            told = f"the shares of {shares[0].year} add up to {whole} %, expected 100; correct one, or say in 'note' that the document prints so"
            reading.fault_at(shares[-1], "value", shares[-1].value, told)
    return actions, totals


def shares_that_make_no_whole(totals: Iterable[Total]) -> list[list[Total]]:
    """Give the groups of shares, of one year and territory, that do not add up to 100 %, but for how they are rounded."""
    groups: dict[tuple[str, str], list[Total]] = {}
    for total in totals:
        if total.measure == "share_pct":
            groups.setdefault((total.year, total.territory), []).append(total)
    # Each of n shares printed to one decimal may be off by 0.05.
    return [rows for rows in groups.values() if abs(sum(r.value for r in rows) - 100) > 0.05 * len(rows) + 1e-9]


def table(actions: Iterable[Action]) -> pd.DataFrame:
    """Give the rows that add up (``part`` is ``whole``) as a table, with the columns of :class:`Action`."""
    rows = [a.model_dump() for a in actions if a.part == "whole"]
    return pd.DataFrame(rows, columns=list(Action.model_fields))


def by_year(actions: Iterable[Action]) -> pd.DataFrame:
    """Add up cost and funders by scheme and year; not known stays not known (NaN), in euros.

    Columns: ``scheme, year, count, cost_eur``, and a funder each.
    """
    wanted = ["cost_eur", *MONEY]
    found = table(actions)
    if found.empty:
        return pd.DataFrame(columns=["scheme", "year", "count", *wanted])
    found = found.astype(dict.fromkeys([*wanted, "count"], float))
    return found.groupby(["year", "scheme"], as_index=False, sort=True)[["count", *wanted]].sum(min_count=1)


def by_theme(actions: Iterable[Action]) -> pd.DataFrame:
    """Add up actions, specific and ordinary credits by year and theme, in euros; rows without either are left out.

    Columns: ``year, theme, count, carriers, specific_eur, ordinary_eur``.
    Specific credits are those of the politique de la ville: what a row gives as such, else the State's; ordinary law likewise.
    ``count`` and ``carriers`` are not known (NaN) where one of the rows gives none: they stand beside the credits of all.
    """
    columns = ["count", "carriers", "specific_eur", "ordinary_eur"]
    found = table(actions)
    if found.empty:
        return pd.DataFrame(columns=["year", "theme", *columns])
    found = found.astype(dict.fromkeys([*MONEY, "count", "carriers"], float))
    found = found.assign(
        specific_eur=found["specific_eur"].fillna(found["state_policy_eur"]),
        ordinary_eur=found["ordinary_eur"].fillna(found["state_ordinary_eur"]),
    )
    # Before the sum: the projects of a row without credits are not among those that the credits pay.
    found = found[found[["specific_eur", "ordinary_eur"]].notna().any(axis=1)]
    groups = found.groupby(["year", "theme"], sort=True)
    sums = groups[columns].sum(min_count=1)
    partial = groups[["count", "carriers"]].count().lt(groups.size(), axis=0)
    return sums.assign(**{c: sums[c].mask(partial[c]) for c in partial}).reset_index()


def actions_of_nodes(actions: Iterable[Action], frame: Referential) -> dict[str, list[Action]]:
    """Give the actions that serve each part of a frame, itself or a part below it."""
    parents = {n.id: n.parent for n in frame.nodes}
    found: dict[str, list[Action]] = {}
    for action in actions:
        at, seen = action.node, set[str]()
        while at and at not in seen:
            found.setdefault(at, []).append(action)
            seen.add(at)
            at = parents.get(at, "")
    return found


def objectives_without_action(actions: Iterable[Action], frame: Referential, kinds: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the parts of a frame of some kinds: those that an action serves, itself or below it, and those that none does."""
    reached = actions_of_nodes(actions, frame)
    wanted = [n.id for n in frame.nodes if n.kind in kinds]
    return [i for i in wanted if i in reached], [i for i in wanted if i not in reached]


def inconsistencies(actions: Sequence[Action], totals: Sequence[Total]) -> list[Inconsistency]:
    """Find what does not agree: funders above the cost, totals printed differently, shares that are no whole, sums that differ.

    Whatever differs by a cent is told; nothing is corrected.
    """
    found = [_funded(a) for a in actions]
    return [i for i in (*found, *_printed_twice(totals), *_shares(totals), *_sums(actions, totals)) if i is not None]


def _euros(value: float) -> str:
    return f"{format_number(value, 0 if float(value).is_integer() else 2)}{NNBSP}€"


def _words(measure: str, value: float) -> str:
    if measure == "projects":
        return f"{format_number(value)} projets"
    return f"{format_number(value, 1)}{NNBSP}%" if measure == "share_pct" else _euros(value)


def _funded(action: Action) -> Inconsistency | None:
    """Compare cost and funders of a row, where all that pay are given."""
    paid = [getattr(action, c) for c in FUNDERS_FR if getattr(action, c) is not None]
    if action.cost_eur is None or not paid:
        return None
    total = sum(paid)
    if total <= action.cost_eur + 0.005:  # a rest that nobody is named for is no contradiction
        return None
    return Inconsistency(
        f"{action.label}, {format_period(action.year)}{NNBSP}: les financeurs additionnés font {_euros(total)}, pour un coût de {_euros(action.cost_eur)}",
        (citation(action),),
    )


def _printed_twice(totals: Sequence[Total]) -> Iterable[Inconsistency]:
    groups: dict[tuple[str, str, str, str], list[Total]] = {}
    for total in totals:
        if total.measure != "share_pct":
            groups.setdefault((total.year, total.territory, total.measure, total.scope), []).append(total)
    for (year, _, measure, scope), rows in groups.items():
        values = list(dict.fromkeys(r.value for r in rows))
        if len(values) > 1:
            said = " et ".join(_words(measure, v) for v in values)
            about = {"cost_eur": "coût total", "projects": "nombre de projets"}.get(measure) or (FUNDERS_FR | CREDITS_FR)[measure]
            yield Inconsistency(
                f"{about[:1].upper()}{about[1:]}{f' ({scope})' if scope else ''}, {format_period(year)}{NNBSP}: imprimé {said}",
                tuple(dict.fromkeys(citation(r) for r in rows)),
            )


def _shares(totals: Sequence[Total]) -> Iterable[Inconsistency]:
    groups: dict[tuple[str, str], list[Total]] = {}
    for total in totals:
        if total.measure == "share_pct":
            groups.setdefault((total.year, total.territory), []).append(total)
    for (year, territory), rows in groups.items():
        whole = sum(r.value for r in rows)
        # Each of n shares printed to one decimal may be off by 0.05.
        if abs(whole - 100) > 0.05 * len(rows) + 1e-9:
            yield Inconsistency(
                f"Parts des financeurs, {format_period(year)}{NNBSP}: elles s’additionnent à {format_number(whole, 1)}{NNBSP}%",
                (f"{rows[0].document}, l.\u00a0{rows[0].line}-{rows[-1].line}",),
            )
        for row in rows:
            amount = next((t for t in totals if (t.year, t.territory, t.scope) == (year, territory, "") and t.measure.startswith("state_policy")
                           and row.scope == FUNDERS_FR["state_policy_eur"]), None)  # fmt: skip
            cost = next(
                (t for t in totals if (t.year, t.territory, t.scope, t.measure) == (year, territory, "", "cost_eur")), None
            )
            if amount and cost and abs(100 * amount.value / cost.value - row.value) > 0.05 + 1e-9:
                yield Inconsistency(
                    f"{row.scope}, {format_period(year)}{NNBSP}: {_euros(amount.value)} sur {_euros(cost.value)} font "
                    f"{format_number(100 * amount.value / cost.value, 1)}{NNBSP}%, imprimé {format_number(row.value, 1)}{NNBSP}%",
                    tuple(dict.fromkeys(citation(t) for t in (amount, cost, row))),
                )


def _sums(actions: Sequence[Action], totals: Sequence[Total]) -> Iterable[Inconsistency]:
    """Compare each printed total of everything with the sum of the rows of its years."""
    for total in totals:
        if total.scope or total.measure == "share_pct":
            continue
        column = "count" if total.measure == "projects" else total.measure
        first, _, last = total.year.partition("-")
        rows = [
            a for a in actions if a.part == "whole" and a.scheme == "Contrat de ville" and first <= a.year[:4] <= (last or first)
        ]
        known = [getattr(a, column) for a in rows if getattr(a, column) is not None]
        years = {a.year for a in rows}
        if not known or (column == "count" and len(known) < len(rows)) or (last and len(years) <= int(last) - int(first)):
            continue
        whole = sum(known)
        if abs(whole - total.value) > 0.005:
            yield Inconsistency(
                f"{format_period(total.year)}{NNBSP}: les lignes s’additionnent à {_words(total.measure, whole)}, imprimé {_words(total.measure, total.value)}"
                + ("" if column in ("count", "cost_eur") else f" ({(FUNDERS_FR | CREDITS_FR)[column]})")
                + (f"{NNBSP}; {total.note}" if total.note else ""),
                (citation(total), f"{rows[0].document}, l.\u00a0{rows[0].line}-{rows[-1].line}"),
            )
