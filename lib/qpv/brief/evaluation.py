"""The evaluation of a contract (S20): coverage of its frame, state and direction, what to collect next, calendar; its rules."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any, Final

import pandas as pd

from qpv import tables
from qpv.analysis import MINIMUM_YEARS, printed_decimals
from qpv.brief.access import access
from qpv.brief.contract_page import ContractBrief, count_words, known_columns, notice
from qpv.brief.estates import estates
from qpv.brief.spans import span
from qpv.brief.watched import watched
from qpv.comparison import shown_decimals
from qpv.contract import mediators, parity
from qpv.contract.entries import SECRET_FR, citation
from qpv.contract.referential import (
    CONTINUOUS,
    KINDS_FR,
    STATES_FR,
    Coverage,
    Criterion,
    Followed,
    Point,
    Referential,
    State,
    coverage,
    follow,
    to_collect,
)
from qpv.contract.withheld import Withheld
from qpv.html import Block, join, text
from qpv.numbers import DASH, NBSP, NNBSP, format_number, format_value
from qpv.panel import qpv_of
from qpv.quarter import UNDATED, format_period, period_position
from qpv.vocabulary import EVALUATION, UNITS, Polarity, Status

_FIRST: Final = 15
_STATE_HEADS: Final = ("Départ", "Plus récent", "État", "Cible")


class Evaluation(ContractBrief):
    """The brief on how a contract is evaluated; see :class:`ContractBrief`."""

    kind = EVALUATION

    @property
    def frame(self) -> Referential | None:
        """The evaluation frame, when one is written and published."""
        return self.contract.referential

    @cached_property
    def published(self) -> frozenset[str]:
        """The ids of the indicators that a source of the catalogue has; the others are read in the text of contracts alone."""
        return frozenset(i.id for i in self.store.catalog.indicators.values() if i.columns)

    @cached_property
    def followed(self) -> dict[str, dict[str, Followed]]:
        """What is known of each criterion, by territory."""
        frame = self.frame
        return {} if frame is None else {c.id: self._follow(frame, c) for c in frame.criteria}

    def _follow(self, frame: Referential, criterion: Criterion) -> dict[str, Followed]:
        start = frame.frame.start
        if criterion.is_register:
            points: dict[str, list[Point]] = {}
            for m in frame.measures:
                if m.criterion == criterion.id:
                    points.setdefault(m.territory, []).append(Point(m.period, m.value))
            hidden = {w.territory: Followed(None, None, State.WITHHELD) for w in self._withheld if w.what == criterion.id}
            return hidden | {t: follow(criterion, p, start, Polarity(criterion.direction or "none")) for t, p in points.items()} or (
                {self.code: follow(criterion, [], start, Polarity.NONE)})  # fmt: skip
        indicator = self.store.catalog.indicator(criterion.indicator)
        facts = self._facts(criterion.indicator)
        if facts.empty:
            return {self.code: follow(criterion, [], start, indicator.polarity)}
        found = {}
        for territory, rows in facts.groupby("territory", sort=True):
            known = [Point(str(r["period"]), float(r["value"]), shown_decimals(r, indicator), r["status"] == Status.TRANSCRIBED)
                     for _, r in rows.iterrows()]  # fmt: skip
            least = 0.5 if indicator.unit in ("pct", "points") else 0.01 * abs(known[-1].value)
            answer = follow(criterion, known, start, indicator.polarity, least)
            if answer.baseline and answer.latest and _years(answer.baseline, answer.latest) < MINIMUM_YEARS:
                answer = Followed(answer.baseline, None, State.BASELINE, answer.target_met)  # too near to tell a change
            found[str(territory)] = answer
            ends = {p.period for p in (answer.baseline, answer.latest) if p}
            self.ledger.add_all(rows[rows["period"].isin(ends)])
        return found

    @property
    def _withheld(self) -> list[Withheld]:
        return [w for w in self.contract.withheld if w.kind == "measures"]

    def _facts(self, identifier: str, allowed: tuple[str, ...] = ("qpv", "epci", "commune")) -> pd.DataFrame:
        """Give the figures of the QPV, else of the agglomération or the communes of its QPV, that may be compared."""
        theme = self.store.catalog.indicator(identifier).theme
        panel = self.panels.get(theme, self.panel)
        rows = panel.facts[
            (panel.facts["indicator"] == identifier) & (panel.facts["period"] != UNDATED) & panel.facts["value"].notna()
        ]
        communes = {c for codes in qpv_of(self.store, self.code)["communes"] for c in codes.split(" ")}
        for level in allowed:
            found = rows[(rows["level"] == level) & ((level != "commune") | rows["territory"].isin(communes))]
            if len(found):
                return found.sort_values(["territory", "position"], kind="stable").drop_duplicates(
                    ["territory", "period"], keep="last"
                )
        return rows.iloc[:0]

    def summary(self) -> Block:
        """Write *En bref*: how much of the frame can be followed, how it stands, what is due."""
        frame = self.frame
        if frame is None:
            return Block(notice("Aucun référentiel d’évaluation n’était publié à la date de ce brief."))
        found = coverage(frame.criteria, {i: list(f.values()) for i, f in self.followed.items()}, self.published)
        states = Counter(f.state for by in self.followed.values() for f in by.values())
        total = found.criteria
        lines = [
            f"Le référentiel compte {total} critères{NNBSP}; {_read_in(found)} demandent un registre.",
            f"Couverture{NNBSP}– {count_words(found.baseline, total, 'valeur de départ')}, {count_words(found.recent, total, 'valeur plus récente')}, "
            f"{count_words(found.target, total, 'cible')}, {count_words(found.owner, total, 'responsable')}.",
        ]
        moved = [f"{states[s]} {STATES_FR[s]}" for s in (State.BETTER, State.STABLE, State.WORSE, State.MOVED) if states[s]]
        lines.append(f"Depuis le départ, territoire par territoire{NNBSP}: {', '.join(moved)}." if moved else
                     "Aucun critère n’a encore deux dates assez éloignées pour dire un sens.")  # fmt: skip
        lines.append("Un critère sans valeur de départ est nommé comme tel et n’est pas noté.")
        return Block(f"<ul class='brief'>{''.join(f'<li>{text(x)}</li>' for x in lines)}</ul>")

    def coverage(self) -> Block:
        """Tabulate, by part of the frame, how many criteria have a starting value, a recent one, a target, an owner."""
        frame = self.frame
        if frame is None:
            return Block("")
        groups: dict[str, list[Criterion]] = {}
        for criterion in frame.criteria:
            groups.setdefault(frame.top(frame.node(criterion.node)).id, []).append(criterion)
        rows = []
        for identifier, criteria in groups.items():
            c = coverage(criteria, {x.id: list(self.followed[x.id].values()) for x in criteria}, self.published)
            node = frame.node(identifier)
            rows.append(
                [
                    f"{KINDS_FR[node.kind]}{NNBSP}: {node.label}",
                    *map(str, (c.criteria, c.published, c.baseline, c.recent, c.target, c.owner)),
                ]
            )
        heads = ["Partie du référentiel", "Critères", "Sources publiées", "Départ", "Plus récent", "Cible", "Responsable"]
        bare = [
            n
            for n in frame.nodes
            if n.kind in ("ambition", "objective", "priority") and not any(c.node == n.id for c in frame.criteria)
        ]
        said = (
            f"<details><summary>Objectifs sans critère ({len(bare)})</summary><ul>{''.join(f'<li>{text(n.label)}</li>' for n in bare)}</ul></details>"
            if bare
            else ""
        )
        return Block(tables.plain_table(heads, rows, "Couverture du référentiel", "small cards") + said)

    def states(self) -> Block:
        """Tabulate the criteria that have a value, then each of their territories; name the others."""
        frame = self.frame
        if frame is None:
            return Block("")
        rows, each, silent = [], [], []
        remarks: dict[str, list[str]] = {}  # labels of the criteria shown, by note: several have the same
        for criterion in frame.criteria:
            known = {t: f for t, f in self.followed[criterion.id].items() if f.state not in (State.NO_VALUE, State.QUALITATIVE)}
            for level in dict.fromkeys(map(self._level, known)):  # a QPV and its agglomération make no range
                of = {t: f for t, f in known.items() if self._level(t) == level}
                rows.append([criterion.label, self._where(criterion, list(of)), *self._together(criterion, list(of.values()))])
                if len(of) > 1:
                    each += [[criterion.label, self.names.get(t, t), *self._together(criterion, [f])] for t, f in of.items()]
            if known and criterion.note:
                remarks.setdefault(criterion.note, []).append(criterion.label)
            if not known:
                state = next(iter(self.followed[criterion.id].values())).state
                silent.append(
                    [
                        criterion.label,
                        frame.node(criterion.node).label,
                        STATES_FR[state],
                        criterion.owner or DASH,
                        citation(criterion),
                    ]
                )
        heads, rows, _ = known_columns(["Critère", "Mesuré sur", *_STATE_HEADS], rows)
        shown = (
            tables.plain_table(
                heads,
                rows,
                f"Critères qui ont une valeur ({len(frame.criteria) - len(silent)} sur {len(frame.criteria)})",
                "small cards",
            )
            if rows
            else notice("Aucun critère n’a de valeur.")
        )
        heads, each, _ = known_columns(["Critère", "Territoire", *_STATE_HEADS], each)
        apart = _fold(f"Territoire par territoire ({len(each)} lignes)", heads, each) if each else ""
        heads = ["Critère", "Objectif", "État", "Responsable", "Document et ligne"]
        said = "".join(
            f"<p class='note'>{text(', '.join(dict.fromkeys(labels)))}{NNBSP}: {text(note)}.</p>"
            for note, labels in remarks.items()
        )
        labels = {c.id: c.label for c in frame.criteria}
        kept = [
            [labels[w.what], self.names.get(w.territory, w.territory), format_period(w.period), SECRET_FR, citation(w)]
            for w in self._withheld
        ]
        if kept:
            heads_ = ["Critère", "Territoire", "Date", "Valeur", "Document et ligne"]
            apart += _fold(f"Valeurs non diffusées ({len(kept)})", heads_, kept)
        return Block(f"{shown}{said}{apart}{_fold(f'Critères sans valeur ou qualitatifs ({len(silent)})', heads, silent)}")

    def _where(self, criterion: Criterion, codes: list[str]) -> str:
        """Say on which territories a criterion is measured, and when QPV are none of them."""
        named = ", ".join(self.names.get(c, c) for c in codes)
        if self._level(codes[0]) == "qpv":
            return named if len(codes) < 3 else f"{len(codes)} QPV"
        return named if criterion.is_register else f"{named}, faute de valeur datée pour les QPV"

    def _level(self, code: str) -> str:
        """Tell QPV, agglomération, and the rest apart."""
        return "qpv" if code.startswith(("QN", "QP")) else "epci" if code == self.code else "place"

    def _together(self, criterion: Criterion, known: list[Followed]) -> list[str]:
        """Write starting value, latest, state and target of one territory, or of several together."""
        states = Counter(STATES_FR[f.state] for f in known)
        said = [s if len(known) == 1 else f"{s} ({n})" for s, n in states.most_common()]
        targets = dict.fromkeys(self._target(criterion, f) for f in known)
        return [self._span(criterion, [f.baseline for f in known]), self._span(criterion, [f.latest for f in known]),
                "; ".join(said), "; ".join(targets)]  # fmt: skip

    def _span(self, criterion: Criterion, points: list[Point | None]) -> str:
        """Write a value, or the least and the largest of several of one date."""
        return span([p for p in points if p is not None], lambda p: self._value(criterion, p))

    def _value(self, criterion: Criterion, point: Point) -> str:
        unit = criterion.unit if criterion.is_register else self.store.catalog.indicator(criterion.indicator).unit
        # A register holds what its document prints: no decimals are added to it.
        decimals = printed_decimals(point.value) if point.decimals is None else point.decimals
        return format_value(point.value, unit, decimals) if unit in UNITS else format_number(point.value)

    def _target(self, criterion: Criterion, known: Followed) -> str:
        if criterion.target is None:
            return f"à{NBSP}fixer"
        words = format_number(criterion.target, 0 if float(criterion.target).is_integer() else 1)
        return words if known.target_met is None else f"{words}, {'atteinte' if known.target_met else 'non atteinte'}"

    def collect(self) -> Block:
        """Say what to collect next, what is nearest to being followed first."""
        frame = self.frame
        if frame is None:
            return Block("")
        found = to_collect(frame.criteria, {i: list(f.values()) for i, f in self.followed.items()}, self.published)
        rows = [
            [item.criterion.label, frame.node(item.criterion.node).label, ", ".join(item.lacking), citation(item.criterion)]
            for item in found
        ]
        heads = ["Critère", "Objectif", "Ce qui manque", "Document et ligne"]
        first = tables.plain_table(
            heads, rows[:_FIRST], f"À réunir d’abord ({min(_FIRST, len(rows))} sur {len(rows)})", "small cards"
        )
        rest = tables.plain_table(heads, rows[_FIRST:], "Ensuite", "small cards")
        return Block(
            first
            + (f"<details><summary>Les suivants ({len(rows) - _FIRST})</summary>{rest}</details>" if len(rows) > _FIRST else "")
        )

    def calendar(self) -> Block:
        """Give the steps of the evaluation, and the yearly choice of a question of governance and an ambition."""
        frame = self.frame
        if frame is None:
            return Block("")
        steps = [["en continu" if m.when == CONTINUOUS else m.when, m.label, citation(m)] for m in frame.milestones]
        table = (
            tables.plain_table(["Quand", "Étape", "Document et ligne"], steps, "Calendrier de l’évaluation", "small cards")
            if steps
            else ""
        )
        questions = [n for n in frame.nodes if n.kind == "question" and n.parent]
        if not questions:
            return Block(table)
        chosen = [[str(c.year), frame.node(c.question).label, frame.node(c.ambition).label, citation(c)] for c in frame.choices]
        if chosen:
            return Block(
                table
                + tables.plain_table(
                    ["Année", "Question", "Ambition", "Document et ligne"], chosen, "Objets évalués chaque année", "small cards"
                )
            )
        words = "; ".join(n.label for n in questions)
        return Block(
            table
            + notice(
                f"Chaque année, une question de gouvernance ({words}) et une ambition sont à évaluer. Aucun choix n’est encore inscrit."
            )
        )

    def rules(self) -> Block:
        """Apply the rules of the contracts: parity of access, mediators, areas of vigilance, tax abatement."""
        return join(
            self._parity(), self._mediators(), self._vigilance(), estates(self.contract, self.names, self.panel.quarter.end)
        )

    def _parity(self) -> Block:
        names = [i for i in self.store.catalog.indicators if i.startswith(parity.MEASURE)]
        return access(self.panel, self.observations("employment", [*names, parity.REFERENCE]), self.ledger)

    def _mediators(self) -> Block:
        health = self.observations("health", [mediators.POSTS, mediators.NOT_COVERED, mediators.TO_RECRUIT])
        people = self.observations("demography", [mediators.INHABITANTS])
        cited = people[(people["level"] == "qpv_of_departement") & people["edition"].isin(health["edition"])]
        rows = pd.concat([health, cited], ignore_index=True)
        found = mediators.coverage(rows)
        if not found:
            return Block("")
        of_table = rows[
            rows["territory"].isin({c.code for c in found}) & rows["level"].isin(["departement", "qpv_of_departement"])
        ]
        self.ledger.add_all(of_table)
        names = self.store.names("departement")
        whole = mediators.total(found)
        lines = [[names.get(c.code, "Ensemble"), DASH if c.inhabitants is None else format_number(c.inhabitants), str(c.posts), format_number(c.not_covered),
                  str(c.to_recruit), str(c.by_rule) if c.code else str(sum(x.by_rule for x in found))] for c in [*found, whole]]  # fmt: skip
        heads = ["Département", "Habitants en QPV", "Postes", "Habitants non couverts", "À recruter (imprimé)", "Selon la règle"]
        clash = mediators.contradiction(rows)
        note = notice(f"Le texte note {clash[0]} médiateurs, le tableau en compte {clash[1]}.") if clash else ""
        caption = f"Médiateurs en santé{NNBSP}: un pour {format_number(mediators.PER_MEDIATOR)} habitants de QPV"
        posts = of_table[of_table["indicator"] == mediators.POSTS]
        first = posts.iloc[0]
        said = str(first["note"]).partition("source citée : ")[2]
        source = f"Source : {said + ', ' if said else ''}{first['edition']}, l.{NBSP}{found[0].line}-{found[-1].line} ; {format_period(str(first['period']))}."
        return Block(
            f"<h3>Médiation en santé</h3>{tables.plain_table(heads, lines, caption, 'small cards')}{note}<p class='note'>{text(source)}</p>"
        )

    def _vigilance(self) -> Block:
        rules = self.contract.rules
        names = dict.fromkeys(c.indicator for c in rules.criteria) if rules else {}
        of_qpv = {i: self._facts(i, ("qpv",)) for i in names}
        return watched(self.store, self.panel, self.contract, of_qpv, self.ledger)

    def close(self) -> Any:
        """Write the figures shown, for machines, and the record that the batch reads."""
        lacking = [i for i, by in self.followed.items() if all(f.state is State.NO_VALUE for f in by.values())]
        return self._close(lacking, not self.followed or 2 * len(lacking) >= len(self.followed))


def _read_in(found: Coverage) -> str:
    """Say how many criteria are read in sources, and in the text of the contract alone."""
    if not found.published + found.text_only:
        return "aucun ne se lit dans des sources publiées, tous"
    where = {"dans des sources publiées": found.published, "dans le seul texte du contrat": found.text_only}
    said = [f"{n} se li{'t' if n == 1 else 'sent'} {words}" for words, n in where.items() if n]
    return f"{', '.join(said)}, les autres"


def _fold(summary: str, heads: list[str], rows: list[list[str]]) -> str:
    """Fold a long table; its caption is what the fold says."""
    return f"<details><summary>{text(summary)}</summary>{tables.plain_table(heads, rows, summary, 'small cards')}</details>"


def _years(first: Point, last: Point) -> float:
    return period_position(last.period) - period_position(first.period)
