"""The yearly report (S27): what décret 2015-1118 asks an EPCI for — situation and evolution, actions, money, perspectives, opinions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from qpv import tables
from qpv.brief.agglomeration import Agglomeration
from qpv.brief.contract_page import ContractBrief, known_columns, notice
from qpv.brief.programme import Programme, _count, euros
from qpv.brief.readings import barometer, listing
from qpv.contract.calendar import due
from qpv.contract.entries import SECRET_FR, citation
from qpv.contract.opinions import KINDS_FR, STANCES_FR, of_year
from qpv.contract.programme import FUNDERS_FR, Action
from qpv.contract.readings import SUBJECTS_FR
from qpv.html import Block, join, text
from qpv.numbers import DASH, NNBSP, format_number
from qpv.quarter import format_date
from qpv.vocabulary import YEARLY


class Yearly(ContractBrief):
    """The report on the year before that of the quarter; see :class:`ContractBrief`."""

    kind = YEARLY

    def __init__(self, epci: str, quarter: str, warehouse: str | Path) -> None:
        super().__init__(epci, quarter, warehouse)
        self._whole = Agglomeration(self.code, quarter, warehouse)
        self._whole.ledger = self.ledger
        self._programme = Programme(self.code, quarter, warehouse)

    @property
    def year(self) -> int:
        """The year that is reported on: reports on N are made in N+1."""
        return self.panel.quarter.end.year - 1

    def summary(self) -> Block:
        """Say what the report holds of each part that the décret asks for, and what lacks."""
        own = [a for a in self.contract.actions if a.year[:4] == str(self.year)]
        known = sorted({a.year[:4] for a in self.contract.actions})
        opinions = of_year(self.contract.opinions, self.year)
        lines = [
            f"Année de référence{NNBSP}: {self.year}, l’année qui précède le trimestre.",
            f"Actions de {self.year}{NNBSP}: {len(own)} lignes au registre." if own else
            f"Actions de {self.year}{NNBSP}: aucune au registre{NNBSP}; années connues{NNBSP}: {', '.join(known) or 'aucune'}.",
            f"Parole d’habitants{NNBSP}: {len(self.contract.statements) or 'aucun'} résumé{'s' if len(self.contract.statements) > 1 else ''}.",
            f"Avis des communes et des conseils citoyens sur {self.year}{NNBSP}: " + (f"{len(opinions)} inscrits." if opinions else "à annexer, aucun n’est inscrit."),
        ]  # fmt: skip
        return Block(f"<ul class='brief'>{''.join(f'<li>{text(x)}</li>' for x in lines)}</ul>")

    def situation(self) -> Block:
        """Show the situation of the QPV: the photographie of the key figures."""
        return self._whole.photograph()

    def evolution(self) -> Block:
        """Say whether the gaps widen, and of which indicators it cannot be said."""
        return self._whole.widening()

    def actions(self) -> Block:
        """List the actions of the year, else of the last year known."""
        actions = self.contract.actions
        if not actions:
            return Block(notice("Aucune action n’est inscrite au registre."))
        wanted = str(self.year)
        shown = [a for a in actions if a.year[:4] == wanted]
        words = ""
        if not shown:
            wanted = max(a.year[:4] for a in actions)
            shown = [a for a in actions if a.year[:4] == wanted]
            words = notice(f"Le registre n’a rien pour {self.year}{NNBSP}: voici la dernière année connue, {wanted}.")
        rows = [
            [
                a.label if a.part == "whole" else f"{a.label} (compris dans une autre ligne)",
                _count(a.count),
                euros(a.cost_eur),
                *_credits(a),
                *(SECRET_FR if self.contract.hides(a, c) else _count(getattr(a, c)) for c in ("beneficiaries", "women", "men")),
                citation(a),
            ]
            for a in shown
        ]
        heads = ["Action ou groupe d’actions", "Projets", "Coût", "Crédits spécifiques", "Droit commun", "Autres financeurs", "Bénéficiaires", "Femmes",
                 "Hommes", "Document et ligne"]  # fmt: skip
        heads, rows, lacking = known_columns(heads, rows)
        said = f"<p class='note'>Non imprimé{NNBSP}: {text(', '.join(lacking).lower())}.</p>" if lacking else ""
        return Block(words + tables.plain_table(heads, rows, f"Actions, {wanted}", "small cards") + said)

    def money(self) -> Block:
        """Show cost by funder and year, and what the documents contradict."""
        return join(self._programme.years(), self._programme.inconsistencies())

    def perspectives(self) -> Block:
        """List the stakes that the contract writes, and the next dates."""
        stakes = [r for r in self.contract.readings if r.kind == "stake"]
        parts = []
        for theme, name in SUBJECTS_FR.items():
            mine = [(f"{r.text} ({self.names.get(r.territory, r.territory)})", r) for r in stakes if r.theme == theme]
            if mine:
                parts.append(f"<h3>{text(name)}</h3>{listing(mine)}")
        dates = due(self.contract.events, self.panel.quarter.end + dt.timedelta(days=1))
        rows = [
            [format_date(d.day) if d.event.exact else f"vers le {format_date(d.day)}", d.event.label, citation(d.event)]
            for d in dates
        ]
        table = (
            tables.plain_table(["Date", "Échéance", "Document et ligne"], rows, "Prochaines échéances", "small cards")
            if rows
            else ""
        )
        return Block(("".join(parts) or notice("Aucun enjeu n’est inscrit.")) + table)

    def opinions(self) -> Block:
        """Show workshops, the barometer, what residents said, and the opinions of communes and conseils citoyens."""
        rows = [[format_date(w.date) if w.date else w.period, w.place, self.names.get(w.territory, w.territory), format_number(w.count),
                 DASH if w.participants is None else format_number(w.participants), citation(w)] for w in self.contract.workshops]  # fmt: skip
        heads = ["Date", "Lieu", "Territoire", "Ateliers", "Participants", "Document et ligne"]
        table = (
            tables.plain_table(heads, rows, "Ateliers d’habitants", "small cards")
            if rows
            else notice("Aucun atelier n’est inscrit.")
        )
        said = [(f"{s.text} ({self.names.get(s.territory, s.territory)})", s) for s in self.contract.statements]
        blocks_ = [Block(table)]
        if self.contract.barometer:
            blocks_.append(barometer(self.contract.barometer, "barometre"))
        if said:
            blocks_.append(Block(f"<h3>Ce qui a été dit, résumé</h3>{listing(said)}"))
        blocks_.append(self._opinions())
        return join(*blocks_)

    def _opinions(self) -> Block:
        """List the opinions on the year that is reported on, else on the last year of which some are known."""
        head = "<h3>Avis des communes et des conseils citoyens</h3>"
        asked = f"Avis des communes et des conseils citoyens sur {self.year} (décret 2015-1118, article 4){NNBSP}: aucun n’est inscrit, à joindre en annexe."
        years = sorted({o.year for o in self.contract.opinions})
        year = self.year if self.year in years else years[-1] if years else self.year
        found = of_year(self.contract.opinions, year)
        if not found:
            return Block(head + notice(asked))
        rows = [[o.body, KINDS_FR[o.kind], format_date(o.date), STANCES_FR[o.stance], o.text, o.note, citation(o)] for o in found]
        heads = ["Instance", "Nature", "Date", "Avis", "En résumé", "Note", "Document et ligne"]
        table = tables.plain_table(heads, rows, f"Avis sur le rapport {year}", "small cards")
        lacking = [name.lower() for kind, name in KINDS_FR.items() if kind != "other" and not any(o.kind == kind for o in found)]
        said = f"<p class='note'>Aucun avis inscrit{NNBSP}: {text(', '.join(lacking))}.</p>" if lacking else ""
        return Block(head + (notice(f"{asked} Voici ceux sur {year}.") if year != self.year else "") + table + said)

    def close(self) -> Any:
        """Write the figures shown, for machines, and the record that the batch reads."""
        missing = [i.id for i, _ in self._whole.missing]
        return self._close(missing, not any(a.year[:4] == str(self.year) for a in self.contract.actions))


def _credits(action: Action) -> list[str]:
    """Write the specific credits, those of ordinary law, and what all other funders give together."""
    specific = action.state_policy_eur if action.specific_eur is None else action.specific_eur
    ordinary = action.state_ordinary_eur if action.ordinary_eur is None else action.ordinary_eur
    others = [getattr(action, c) for c in FUNDERS_FR if not c.startswith("state_") and getattr(action, c) is not None]
    return [euros(specific), euros(ordinary), euros(sum(others) if others else None)]
