"""The evaluation of a contract (S20): coverage of its frame, state and direction, what to collect next, calendar; its rules."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any, Final

import pandas as pd

from qpv import charts, tables
from qpv.analysis import MINIMUM_YEARS
from qpv.brief import blocks
from qpv.brief.contract_page import ContractBrief, count_words, known_columns, notice
from qpv.brief.watched import watched
from qpv.contract import abatement, mediators, parity
from qpv.contract.entries import citation
from qpv.contract.referential import (
    CONTINUOUS,
    KINDS_FR,
    STATES_FR,
    Criterion,
    Followed,
    Point,
    Referential,
    State,
    coverage,
    follow,
    to_collect,
)
from qpv.html import Block, join, text
from qpv.numbers import DASH, NBSP, NNBSP, format_number, format_value
from qpv.quarter import UNDATED, format_date, format_period, period_position
from qpv.vocabulary import EVALUATION, UNITS, Polarity

_FIRST: Final = 15


class Evaluation(ContractBrief):
    """The brief on how a contract is evaluated; see :class:`ContractBrief`."""

    kind = EVALUATION

    @property
    def frame(self) -> Referential | None:
        """The evaluation frame, when one is written and published."""
        return self.contract.referential

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
            return {t: follow(criterion, p, start, Polarity(criterion.direction or "none")) for t, p in points.items()} or (
                {self.code: follow(criterion, [], start, Polarity.NONE)})  # fmt: skip
        indicator = self.store.catalog.indicator(criterion.indicator)
        facts = self._facts(criterion.indicator)
        if facts.empty:
            return {self.code: follow(criterion, [], start, indicator.polarity)}
        found = {}
        for territory, rows in facts.groupby("territory", sort=True):
            known = [Point(str(r.period), float(r.value)) for r in rows.itertuples()]
            least = 0.5 if indicator.unit in ("pct", "points") else 0.01 * abs(known[-1].value)
            answer = follow(criterion, known, start, indicator.polarity, least)
            if answer.baseline and answer.latest and _years(answer.baseline, answer.latest) < MINIMUM_YEARS:
                answer = Followed(answer.baseline, None, State.BASELINE, answer.target_met)  # too near to tell a change
            found[str(territory)] = answer
            ends = {p.period for p in (answer.baseline, answer.latest) if p}
            self.ledger.add_all(rows[rows["period"].isin(ends)])
        return found

    def _facts(self, identifier: str, allowed: tuple[str, ...] = ("qpv", "epci", "commune")) -> pd.DataFrame:
        """Give the figures of the QPV, else of the agglomération or its communes, that may be compared."""
        theme = self.store.catalog.indicator(identifier).theme
        panel = self.panels.get(theme, self.panel)
        rows = panel.facts[
            (panel.facts["indicator"] == identifier) & (panel.facts["period"] != UNDATED) & panel.facts["value"].notna()
        ]
        for level in allowed:
            found = rows[rows["level"] == level]
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
        found = coverage(frame.criteria, {i: list(f.values()) for i, f in self.followed.items()})
        states = Counter(f.state for by in self.followed.values() for f in by.values())
        total = found.criteria
        lines = [
            f"Le référentiel compte {total} critères{NNBSP}; {found.catalogue} se lisent dans des sources publiées, les autres demandent un registre.",
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
            c = coverage(criteria, {x.id: list(self.followed[x.id].values()) for x in criteria})
            node = frame.node(identifier)
            rows.append(
                [
                    f"{KINDS_FR[node.kind]}{NNBSP}: {node.label}",
                    *map(str, (c.criteria, c.catalogue, c.baseline, c.recent, c.target, c.owner)),
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
        """List every criterion that has a value, with its starting value, its latest, state and target; the others by name."""
        frame = self.frame
        if frame is None:
            return Block("")
        rows, silent = [], []
        for criterion in frame.criteria:
            for territory, known in self.followed[criterion.id].items():
                if known.state in (State.NO_VALUE, State.QUALITATIVE):
                    silent.append(
                        [
                            criterion.label,
                            frame.node(criterion.node).label,
                            STATES_FR[known.state],
                            criterion.owner or DASH,
                            citation(criterion),
                        ]
                    )
                    continue
                rows.append([criterion.label, self.names.get(territory, territory), self._point(criterion, known.baseline),
                             self._point(criterion, known.latest), STATES_FR[known.state], self._target(criterion, known)])  # fmt: skip
        heads, rows, _ = known_columns(["Critère", "Territoire", "Départ", "Plus récent", "État", "Cible"], rows)
        shown = (
            tables.plain_table(heads, rows, f"Critères qui ont une valeur ({len(rows)} lignes)", "small cards")
            if rows
            else notice("Aucun critère n’a de valeur.")
        )
        other = tables.plain_table(
            ["Critère", "Objectif", "État", "Responsable", "Document et ligne"], silent, "Critères sans valeur", "small cards"
        )
        return Block(f"{shown}<details><summary>Critères sans valeur ou qualitatifs ({len(silent)})</summary>{other}</details>")

    def _point(self, criterion: Criterion, point: Point | None) -> str:
        if point is None:
            return DASH
        indicator = None if criterion.is_register else self.store.catalog.indicator(criterion.indicator)
        unit, decimals = (
            (criterion.unit, 0 if float(point.value).is_integer() else 1)
            if indicator is None
            else (indicator.unit, indicator.decimals)
        )
        words = format_value(point.value, unit, decimals) if unit in UNITS else format_number(point.value)
        return f"{words} ({format_period(point.period)})"

    def _target(self, criterion: Criterion, known: Followed) -> str:
        if criterion.target is None:
            return "à fixer"
        words = format_number(criterion.target, 0 if float(criterion.target).is_integer() else 1)
        return words if known.target_met is None else f"{words}, {'atteinte' if known.target_met else 'non atteinte'}"

    def collect(self) -> Block:
        """Say what to collect next, what is nearest to being followed first."""
        frame = self.frame
        if frame is None:
            return Block("")
        found = to_collect(frame.criteria, {i: list(f.values()) for i, f in self.followed.items()})
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
        return join(self._parity(), self._mediators(), self._vigilance(), self._abatement())

    def _parity(self) -> Block:
        catalog = self.store.catalog
        measures = [i for i in catalog.indicators if i.startswith(parity.MEASURE)]
        rows = self.observations("employment", [*measures, parity.REFERENCE])
        departements = {p.code for p in self.panel.comparators["departement"]}
        rows = rows[(rows["level"] == "departement") & rows["territory"].isin(departements) & rows["value"].notna()]
        found = parity.parity(rows)
        if not found:
            return Block("<h3>Parité d’accès</h3>" + notice("Aucune part des habitants de QPV dans les mesures n’est connue."))
        for item in found:
            self.ledger.add(item.row, item.reference)
        reference = float(found[0].reference["value"])
        under = [p for p in found if p.under]
        labels = [catalog.indicator(p.indicator).short.split(f"{NNBSP}: ")[-1] for p in found]
        document = f"{found[0].row['edition']}, l.{NBSP}{found[0].row['row']}"
        drawing = charts.bars([*labels, "Demandeurs d’emploi (référence)"], {"Habitants de QPV": [*(float(p.row["value"]) for p in found), reference]},
                              "pct", 1, f"Source : France Travail, {document}. {format_period(str(found[0].row['period']))}.", "parite")  # fmt: skip
        named = ", ".join(
            f"{label} ({format_number(float(p.row['value']), 1)}{NNBSP}%)"
            for label, p in zip(labels, found, strict=True)
            if p.under
        )
        notes = [f"{len(found)} mesures, à comparer à {format_number(reference, 1)}{NNBSP}% des demandeurs d’emploi du département",
                 f"sous la parité{NNBSP}: {named}" if under else "aucune mesure n’est sous la parité"]  # fmt: skip
        data = [[label, f"{format_number(float(p.row['value']), 1)}{NNBSP}%", format_number(p.gap, 1, signed=True), "oui" if p.under else "non"]
                for label, p in zip(labels, found, strict=True)]  # fmt: skip
        table = tables.plain_table(
            ["Mesure", "Habitants de QPV", "Écart (pt)", "Sous la parité"], data, "Parité d’accès", "small cards"
        )
        return join(
            Block("<h3>Parité d’accès</h3>"),
            blocks.chart(drawing, "parite", "Part des habitants de QPV dans chaque mesure", notes, table),
        )

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
        return Block(f"<h3>Médiation en santé</h3>{tables.plain_table(heads, lines, caption, 'small cards')}{note}")

    def _vigilance(self) -> Block:
        rules = self.contract.rules
        names = dict.fromkeys(c.indicator for c in rules.criteria) if rules else {}
        latest = {i: facts.drop_duplicates("territory", keep="last") for i in names for facts in [self._facts(i, ("qpv",))]}
        return watched(self.store, self.panel, self.contract, latest, self.ledger)

    def _abatement(self) -> Block:
        estates = self.contract.estates
        if not estates:
            return Block("")
        rows = [[self.names.get(e.qpv, e.qpv), e.landlord, str(e.year), format_number(e.dwellings), format_number(e.abated),
                 DASH if e.tax_eur is None else f"{format_number(e.tax_eur)}{NNBSP}€", citation(e)] for e in estates]  # fmt: skip
        heads = ["QPV", "Bailleur", "Année", "Logements", "Avec abattement", "TFPB estimée par an", "Document et ligne"]
        year = self.panel.quarter.end.year
        dates = [d for n in (year - 1, year) for d in abatement.deadlines(n) if d.day > self.panel.quarter.end]
        items = "".join(
            f"<li>{text(format_date(d.day))}{NNBSP}: {text(d.what)} <span class='newer'>l.{NBSP}{d.line}</span></li>"
            for d in dates
        )
        upkeep = (
            ""
            if self.contract.upkeep
            else "<p class='note'>Les indicateurs de gestion en QPV et hors QPV ne sont pas imprimés : à saisir.</p>"
        )
        return Block(
            f"<h3>Abattement de TFPB</h3>{tables.plain_table(heads, rows, 'Logements et taxe estimée', 'small cards')}<p>Prochaines échéances :</p><ul>{items}</ul>{upkeep}"
        )

    def close(self) -> Any:
        """Write the figures shown, for machines, and the record that the batch reads."""
        lacking = [i for i, by in self.followed.items() if all(f.state is State.NO_VALUE for f in by.values())]
        return self._close(lacking, not self.followed or 2 * len(lacking) >= len(self.followed))


def _years(first: Point, last: Point) -> float:
    return period_position(last.period) - period_position(first.period)
