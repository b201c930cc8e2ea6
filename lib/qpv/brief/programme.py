"""The programme of a contract (S21, S26, S14): cost by year and funder, credits by theme, coverage, renewal, facilities; what clashes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from qpv import tables
from qpv.brief import blocks
from qpv.brief.contract_page import ContractBrief, known_columns, notice
from qpv.brief.facilities import facilities
from qpv.contract import programme, renewal
from qpv.contract.entries import SECRET_FR, citation
from qpv.contract.programme import FUNDERS_FR, THEMES_FR, Action
from qpv.contract.referential import KINDS_FR
from qpv.html import Block, join, text
from qpv.numbers import DASH, NNBSP, format_number
from qpv.quarter import format_period
from qpv.vocabulary import PROGRAMME


def euros(value: float | None) -> str:
    """Write an amount; a dash where it is not known."""
    if value is None or pd.isna(value):
        return DASH
    return f"{format_number(value, 0 if float(value).is_integer() else 2)}{NNBSP}€"


def _count(value: float | None) -> str:
    return DASH if value is None or pd.isna(value) else format_number(value)


class Programme(ContractBrief):
    """The brief on the actions of a contract and their money; see :class:`ContractBrief`."""

    kind = PROGRAMME

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions that published documents support."""
        return self.contract.actions

    def summary(self) -> Block:
        """Write *En bref*: what is known of the programme, and what clashes."""
        actions = self.actions
        if not actions:
            return Block(notice("Aucune action n’est encore inscrite dans le registre de ce contrat."))
        years = sorted({a.year for a in actions})
        printed = [t for t in self.contract.totals if not t.scope and t.measure in ("projects", "cost_eur")]
        first, last = format_period(years[0]), format_period(years[-1])
        when = f"pour {first}" if first == last else f"de {first} à {last}"
        lines = [f"Le registre compte {len(actions)} ligne{'s' if len(actions) > 1 else ''}, {when}."]
        lines += [f"Imprimé pour {format_period(t.year)}{NNBSP}: {_count(t.value) + ' projets' if t.measure == 'projects' else euros(t.value)} ({citation(t)})."
                  for t in printed[:4]]  # fmt: skip
        sexes = sum(a.women is not None or a.men is not None for a in actions)
        secret = sum(self.contract.hides(a, "women") or self.contract.hides(a, "men") for a in actions)
        lines.append(f"Bénéficiaires par sexe{NNBSP}: connus pour {sexes} des {len(actions)} lignes"
                     + (f"{NNBSP}; non diffusés pour {secret}, {SECRET_FR}." if secret else "."))  # fmt: skip
        clash = programme.inconsistencies(actions, self.contract.totals)
        lines.append(
            f"Contradictions des documents{NNBSP}: "
            + (f"{len(clash)}, listées plus bas et gardées telles quelles." if clash else "aucune n’a été trouvée.")
        )
        return Block(f"<ul class='brief'>{''.join(f'<li>{text(x)}</li>' for x in lines)}</ul>")

    def years(self) -> Block:
        """Tabulate and draw cost × funder × year, the shares that documents print, and the rows within others."""
        return Block(self._years().html + self._shares() + self._details())

    def _details(self) -> str:
        """Fold the rows that are contained in another: shown, never added."""
        inner = [a for a in self.actions if a.part == "detail"]
        if not inner:
            return ""
        rows = [[a.label, f"{format_period(a.year)}, {a.scheme}", _count(a.count), euros(a.cost_eur), *(euros(getattr(a, c)) for c in programme.MONEY),
                 a.note or DASH, citation(a)] for a in inner]  # fmt: skip
        names = (FUNDERS_FR | programme.CREDITS_FR).values()
        heads = ["Ligne", "Année et dispositif", "Projets", "Coût", *names, "Note", "Document et ligne"]
        heads, rows, _ = known_columns(heads, rows)
        said = f"Détails, compris dans les lignes ci-dessus ({len(rows)})"
        return f"<details><summary>{said}</summary>{tables.plain_table(heads, rows, said, 'small cards')}</details>"

    def _shares(self) -> str:
        """Tabulate the share of each funder that documents print, year by year; they may make no whole."""
        parts = []
        printed = [t for t in self.contract.totals if t.measure == "share_pct"]
        for year in sorted({t.year for t in printed}):
            rows = [t for t in printed if t.year == year]
            cells = [[t.scope, f"{format_number(t.value, 1)}{NNBSP}%", citation(t)] for t in rows]
            cells.append(["Ensemble des parts", f"{format_number(sum(t.value for t in rows), 1)}{NNBSP}%", "somme des lignes"])
            caption = f"Part de chaque financeur, telle qu’imprimée, {format_period(year)}"
            parts.append(tables.plain_table(["Financeur", "Part", "Document et ligne"], cells, caption, "small cards"))
        return "".join(parts)

    def _years(self) -> Block:
        found = programme.by_year(self.actions)
        money = [c for c in FUNDERS_FR if len(found) and found[c].notna().any()]
        if found.empty:
            return Block(notice("Aucun montant par année."))
        rows = [[f"{format_period(r['year'])}, {r['scheme']}", _count(r["count"]), euros(r["cost_eur"]), *(euros(r[c]) for c in money)]
                for _, r in found.iterrows()]  # fmt: skip
        heads = ["Année et dispositif", "Projets", "Coût", *(FUNDERS_FR[c] for c in money)]
        table = Block(tables.plain_table(heads, rows, "Coût et financeurs, par année (euros)", "small cards")
                      + f"<p class='note'>{DASH}{NNBSP}: non imprimé, ce qui n’est pas zéro.</p>")  # fmt: skip
        main = found[found["cost_eur"].notna()].groupby("scheme").filter(lambda g: g["year"].nunique() > 2)
        if main.empty:
            return table
        one = main[main["scheme"] == main["scheme"].iloc[0]].sort_values("year")
        labels = [format_period(y) for y in one["year"]]
        drawn = [c for c in ("state_policy_eur", "commune_eur", "others_eur") if one[c].notna().any()]
        values: dict[str, list[float | str]] = {FUNDERS_FR[c]: [float(v) if pd.notna(v) else "non imprimé" for v in one[c]] for c in drawn} or {
            "Coût": [float(v) for v in one["cost_eur"]]}  # fmt: skip
        first = next(a for a in self.actions if a.scheme == one["scheme"].iloc[0])
        title = f"Principaux financeurs par année, {one['scheme'].iloc[0]}" if drawn else "Coût par année"
        data = tables.plain_table(["Année", *values], [[label, *(v if isinstance(v, str) else euros(v) for v in (s[n] for s in values.values()))]
                                                      for n, label in enumerate(labels)], title, "small cards")  # fmt: skip
        source = f"Source : {citation(first)} et suivantes."
        return join(table, blocks.bars(labels, values, "eur", 0, source, "financeurs", title, [], data))

    def themes(self) -> Block:
        """Tabulate and draw specific against ordinary-law credits, by theme and year, and the totals that are printed beside."""
        printed = [t for t in self.contract.totals if t.scope and t.measure in programme.CREDITS_FR]
        if not printed:
            return self._themes()
        rows = [[t.scope, format_period(t.year), programme.CREDITS_FR[t.measure], euros(t.value), t.note or DASH, citation(t)]
                for t in sorted(printed, key=lambda t: (t.document, t.line))]  # fmt: skip
        heads, rows, _ = known_columns(["Thème", "Année", "Crédits", "Montant", "Note", "Document et ligne"], rows)
        return join(self._themes(), Block(tables.plain_table(heads, rows, "Totaux par thème, tels qu’imprimés", "small cards")))

    def _themes(self) -> Block:
        found = programme.by_theme(a for a in self.actions if a.theme != "all")
        if found.empty:
            return Block(notice("Les documents n’impriment pas de crédits par thème."))
        rows = [[THEMES_FR[r["theme"]], format_period(r["year"]), _count(r["count"]), _count(r["carriers"]), euros(r["specific_eur"]), euros(r["ordinary_eur"])]
                for _, r in found.iterrows()]  # fmt: skip
        heads = ["Thème", "Année", "Projets", "Porteurs", "Crédits spécifiques", "Droit commun"]
        table = tables.plain_table(heads, rows, "Crédits par thème (euros)", "small cards")
        year = found["year"].iloc[-1]
        last = found[found["year"] == year].sort_values("specific_eur", ascending=False)
        if len(last) < 3:
            return Block(table)
        values: dict[str, list[float | str]] = {
            name: [float(v) if pd.notna(v) else "non imprimé" for v in last[c]]
            for name, c in (("Crédits spécifiques", "specific_eur"), ("Droit commun", "ordinary_eur"))
        }
        cited = next(a for a in self.actions if a.year == year and a.theme != "all")
        title = f"Crédits spécifiques et droit commun par thème, {format_period(str(year))}"
        labels, source = [THEMES_FR[t] for t in last["theme"]], f"Source : {citation(cited)} et suivantes."
        return blocks.bars(labels, values, "eur", 0, source, "credits", title, [], table)

    def objectives(self) -> Block:
        """Say which objectives of the frame some action serves, and which none does."""
        frame = self.contract.referential
        kinds = ("ambition", "priority", "objective")
        if frame is None or not any(a.node for a in self.actions):
            return Block(notice("Aucune action n’est rattachée à un objectif du référentiel : la couverture ne peut être dite."))
        served, bare = programme.objectives_without_action(self.actions, frame, kinds)
        by = programme.actions_of_nodes(self.actions, frame)
        rows = [[frame.node(i).label, KINDS_FR[frame.node(i).kind], "; ".join(dict.fromkeys(f"{a.label} ({citation(a)})" for a in by[i]))
                 if i in served else "aucune ligne du registre"] for i in [*served, *bare]]  # fmt: skip
        heads = ["Objectif", "Nature", "Servi par"]
        table = tables.plain_table(heads, rows, f"Objectifs servis{NNBSP}: {len(served)} sur {len(rows)}", "small cards")
        wide = [a for a in self.actions if a.node and frame.node(a.node).kind not in kinds]
        loose = sum(not a.node for a in self.actions)
        said = "".join(
            f"<li>{text(a.label)}{NNBSP}: {text(frame.node(a.node).label)} <span class='newer'>{text(citation(a))}</span></li>"
            for a in wide
        )
        more = (
            f"<p>Rattachées à un pilier ou à un axe seulement, ce qui ne couvre aucun objectif{NNBSP}:</p><ul>{said}</ul>"
            if wide
            else ""
        )
        note = f"{loose} des {len(self.actions)} lignes ne sont rattachées à rien{NNBSP}: les documents ne disent pas ce qu’elles servent."
        return Block(f"{table}{more}<p class='note'>{text(note)}</p>")

    def inconsistencies(self) -> Block:
        """List what the documents contradict, each with its lines."""
        found = programme.inconsistencies(self.actions, self.contract.totals)
        if not found:
            return Block("<p>Aucune contradiction trouvée entre les lignes et les totaux imprimés.</p>")
        return Block(
            tables.plain_table(
                ["Contradiction", "Documents et lignes"],
                [[i.what, ", ".join(i.sources)] for i in found],
                "Contradictions gardées",
                "small cards",
            )
        )

    def renewal(self) -> Block:
        """Tabulate dwellings demolished, rehabilitated, rebuilt by QPV and phase."""
        rows = [[self.names.get(o.qpv, o.qpv), ", ".join(x for x in (o.phase, o.sector) if x), renewal.VERSIONS_FR[o.version] or DASH, renewal.OPERATIONS_FR[o.operation],
                 format_number(o.count), renewal.STATES_FR[o.state], o.note, citation(o)] for o in self.contract.renewal]  # fmt: skip
        if not rows:
            return Block(notice("Aucune opération de renouvellement urbain n’est inscrite."))
        heads = ["QPV", "Phase", "Tableau", "Opération", "Nombre", "État", "Note", "Document et ligne"]
        heads, rows, _ = known_columns(heads, rows)
        table = tables.plain_table(heads, rows, "Renouvellement urbain", "small cards")
        clash = renewal.contradictions(self.contract.renewal)
        said = "; ".join(
            f"{self.names.get(c.qpv, c.qpv)}, {renewal.OPERATIONS_FR[c.operation].lower()}{NNBSP}: "
            f"{format_number(c.convention)} ou {format_number(c.synthesis)}"
            for c in clash
        )
        return Block(table + (notice(f"Deux tableaux du contrat diffèrent{NNBSP}– {said}.") if clash else ""))

    def facilities(self) -> Block:
        """Tabulate the facilities that the contract lists by QPV and category, and map those whose place is known."""
        return facilities(self.panel, self.contract, self.names)

    def close(self) -> Any:
        """Write the figures shown, for machines, and the record that the batch reads."""
        return self._close([], not self.actions)
