"""The brief of all QPV of one EPCI: the *photographie*, its maps, levels and changes of the gaps."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from qpv import charts, tables
from qpv.analysis import Refusal
from qpv.brief import atlas, blocks, downloads, rosters
from qpv.brief.closing import closing
from qpv.brief.ledger import Ledger
from qpv.brief.readings import agglomeration_block
from qpv.brief.small_maps import small_maps
from qpv.catalog import Indicator
from qpv.errors import ParameterError
from qpv.html import Block, join, text
from qpv.numbers import NBSP, NNBSP, format_number
from qpv.panel import load_panel, qpv_of
from qpv.photograph import Photograph, Widening, absence_row, photograph, why_none, widening
from qpv.profile import Profile
from qpv.quarter import format_date, format_period
from qpv.vocabulary import AGGLOMERATION, BRIEF_KINDS_FR, BRIEF_THEMES, UNITS, Polarity
from qpv.warehouse import opened

#: Fewer QPV with a value than this make no map.
_MAPPED: Final = 3
#: A table of so many figures is narrow: on paper its map stands beside it.
_NARROW: Final = 5


class Agglomeration:
    """The brief of an agglomération in the making.

    Parameters
    ----------
    epci
        SIREN code of the EPCI, or its name.
    quarter
        ``YYYY-Tn``: only editions published by its end are read.
    warehouse
        The warehouse folder.

    Raises
    ------
    ParameterError, UnknownTerritoryError, WarehouseError
        If a parameter is not allowed, no EPCI with QPV answers, or there is no warehouse.

    Examples
    --------
    >>> brief = Agglomeration("246200364", "2026-T3", "data/warehouse")  # doctest: +SKIP
    >>> brief.photograph()  # doctest: +SKIP
    """

    def __init__(self, epci: str, quarter: str, warehouse: str | Path) -> None:
        store = opened(warehouse)
        self.panels: dict[str, Profile] = {theme: load_panel(store, epci, theme, quarter) for theme in BRIEF_THEMES}
        self.panel = self.panels[BRIEF_THEMES[0]]
        self.ledger = Ledger(self.panel)
        self._qpv = qpv_of(store, str(self.panel.place["code"]))
        self.names: dict[str, str] = self._qpv["name"].to_dict()

    @cached_property
    def shots(self) -> dict[str, list[Photograph]]:
        """The photographs of the key figures, by theme, in order; an indicator of two themes is in both."""
        found = {t: [photograph(p, i) for i in p.indicators if i.key] for t, p in self.panels.items()}
        return {t: [s for s in shots if s is not None] for t, shots in found.items()}

    @cached_property
    def missing(self) -> list[tuple[Indicator, str]]:
        """The key indicators of which no QPV has a value, each once, with why."""
        lacking: dict[str, tuple[Indicator, str]] = {}
        for theme, panel in self.panels.items():
            known = {s.indicator.id for s in self.shots[theme]}
            for indicator in panel.indicators:
                if indicator.key and indicator.id not in known:
                    lacking.setdefault(indicator.id, (indicator, why_none(panel, indicator)))
        return list(lacking.values())

    @cached_property
    def _once(self) -> dict[str, list[Photograph]]:
        """The photographs with each indicator in the first theme that has it."""
        seen: set[str] = set()
        return {t: [s for s in shots if not (s.indicator.id in seen or seen.add(s.indicator.id))]  # type: ignore[func-returns-value]
                for t, shots in self.shots.items()}  # fmt: skip

    @cached_property
    def _widenings(self) -> dict[str, Widening | Refusal]:
        return {s.indicator.id: widening(self.panels[t], s) for t, shots in self._once.items() for s in shots}

    def _widened(self) -> list[Widening]:
        """Those that can be computed, of indicators that do not themselves measure a change."""
        return [w for w in self._widenings.values() if isinstance(w, Widening) and not w.indicator.of_change]

    def head(self) -> Block:
        """Name the EPCI, its QPV, and the date of the brief."""
        panel, place = self.panel, self.panel.place
        counts = self._qpv["generation"].value_counts()
        shared = self._qpv[(self._qpv["generation"] == self._latest) & self._qpv["epci"].str.contains(" ")]
        facts = [("Code", str(place["code"]))]
        facts += [("Département", p.name) for p in panel.comparators["departement"]]
        facts += [(f"QPV du périmètre de {g}", str(counts.get(g, 0))) for g in ("2024", "2015") if g <= self._latest]
        facts.append(("Communes qui ont un QPV", str(len(panel.comparators["commune"]))))
        if len(shared):
            facts.append(("À cheval sur une autre intercommunalité", ", ".join(sorted(shared["name"]))))
        facts.append(("Données", f"publiées au plus tard le {format_date(panel.quarter.end)} ({panel.quarter.label})"))
        items = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in facts)
        title = f"<p class='theme'>Agglomération · {text(panel.quarter.label)}</p><h1>{text(place['name'])}</h1>"
        return blocks.with_style(f"<header>{title}<dl class='facts'>{items}</dl></header>")

    @property
    def _latest(self) -> str:
        """The latest generation of perimeters known at that quarter."""
        return "2024" if self.panel.perimeter_known else "2015"

    def summary(self) -> Block:
        """Write *En bref*: the headline with mean, lowest and highest; gaps that widen; what is missing."""
        shots = [s for shots in self._once.values() for s in shots]
        # Headlines that the agglomération has too come first: they say what the QPV are beside it.
        heads = sorted((self._once[t][0] for t in BRIEF_THEMES if self._once[t]), key=lambda s: s.same_period("epci") is None)
        lines = [line for s in heads for line in [self._spread_sentence(s)] if line][:2]
        adverse = [w for w in self._widened() if w.indicator.polarity is not Polarity.NONE]
        if adverse:
            best, worst = min(adverse, key=lambda w: w.share), max(adverse, key=lambda w: w.share)
            lines.append(
                f"Écarts qui se creusent le moins, parmi les chiffres qui ont un sens favorable{NNBSP}– {self._widening_sentence(best)}"
            )
            if worst is not best:
                lines.append(f"Écarts qui se creusent le plus, parmi les mêmes{NNBSP}– {self._widening_sentence(worst)}")
        total = len(shots) + len(self.missing)
        partial = sum(bool(s.absences) for s in shots)
        lines.append(
            f"Ce qui manque{NNBSP}: {len(self.missing)} des {total} chiffres clés ne sont connus pour aucun QPV, "
            f"{partial} ne le sont que pour une partie."
        )
        notes = []
        if self._latest == "2024" and any(s.generation == "2015" for s in shots):
            notes.append(
                "Les chiffres décrivent encore les périmètres de 2015 là où le tableau le dit : ils ne sont pas reportés sur ceux de 2024."
            )
        said = "".join(f"<p class='notice'>{text(n)}</p>" for n in notes)
        return Block(f"<ul class='brief'>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>{said}")

    def _spread_sentence(self, shot: Photograph) -> str:
        low, high = shot.lowest, shot.highest
        if low.value == high.value:
            return ""
        # Two QPV have no mean worth the name: both are told.
        mean = (
            ""
            if shot.mean is None
            else f"{rosters.value(shot.mean, shot.indicator, shot.decimals)} en moyenne des {len(shot.rows)} QPV en "
        )
        whole = shot.same_period("epci")
        beside = "" if whole is None else f", contre {tables.value_words(whole, shot.indicator)} pour l’agglomération"
        span = (
            f"de {rosters.value(low.value, shot.indicator, low.decimals)} ({rosters.extreme_words(low, self.names)}) "
            f"à {rosters.value(high.value, shot.indicator, high.decimals)} ({rosters.extreme_words(high, self.names)})"
        )
        when = format_period(shot.period)
        said = f"{mean}{when}{beside}{NNBSP}; {span}" if mean else f"{span} en {when}{beside}"
        return f"{shot.indicator.label}{NNBSP}: {said}."

    def _widening_sentence(self, found: Widening) -> str:
        return (
            f"{found.indicator.label}{NNBSP}: pour {found.count} QPV sur{NBSP}{len(found.points)} ({format_number(found.share)}{NNBSP}%), "
            f"l’écart avec {found.against} se creuse entre {format_period(found.start)} et {format_period(found.end)}."
        )

    def photograph(self) -> Block:
        """Write the *photographie*: mean, lowest and highest named, territories beside; then what is missing."""
        for theme, shots in self.shots.items():
            for shot in shots:
                self._keep(theme, shot)
        themes = {t: BRIEF_KINDS_FR[t] for t in BRIEF_THEMES}
        known = any(self._once.values())
        table = rosters.photographs(self.panel, self._once, themes, self.names) if known else (
            "<p class='notice'>Aucun chiffre clé n’est connu pour les QPV de cette agglomération à la date de ce brief.</p>")  # fmt: skip
        rows = [[i.label, why] for i, why in self.missing]
        caption = f"Chiffres clés qu’aucun QPV n’a{NNBSP}: {len(rows)}"
        lacking = tables.plain_table(["Ce qui manque", "Pourquoi"], rows, caption, "small") if rows else ""
        return Block(table + (f"<details><summary>{text(caption)}</summary>{lacking}</details>" if rows else ""))

    def _keep(self, theme: str, shot: Photograph) -> None:
        self.ledger.add_all(shot.rows)
        self.ledger.add(*shot.beside.values())
        self.ledger.add(*(absence_row(self.panels[theme], shot.indicator, shot.period, code) for code in shot.absences))
        self.ledger.add_all(self._communes(theme, [shot]))

    def _communes(self, theme: str, shots: list[Photograph]) -> pd.DataFrame:
        """Facts on the communes that hold QPV, at the dates of photographs."""
        panel = self.panels[theme]
        facts = panel.facts[panel.facts["level"] == "commune"]
        facts = facts[facts["territory"].isin({p.code for p in panel.comparators["commune"]})]
        wanted = pd.MultiIndex.from_tuples([(s.indicator.id, s.period) for s in shots], names=["indicator", "period"])
        return facts[pd.MultiIndex.from_frame(facts[["indicator", "period"]]).isin(wanted)]

    def maps(self) -> Block:
        """Draw small maps of the key figures side by side, theme after theme: of each its first, then its second…"""
        ranked = [(place, s) for shots in self._once.values() for place, s in enumerate(shots)]
        return small_maps(self.panel, [s for _, s in sorted(ranked, key=lambda item: item[0])])

    def widening(self) -> Block:
        """Say for which share of the QPV each gap widens, and why it cannot be said of the others."""
        found = self._widened()
        for item in found:
            self.ledger.add_all(item.ends)
        refused = [s.indicator.short for shots in self._once.values() for s in shots
                   if isinstance(self._widenings[s.indicator.id], Refusal)]  # fmt: skip
        note = (
            f"<p class='note'>Sans évolution d’écart (il faut, pour trois QPV au moins, deux dates espacées de trois ans){NNBSP}: "
            f"{text(', '.join(refused))}.</p>" if refused else ""
        )  # fmt: skip
        if not found:
            return Block(
                f"<p class='notice'>Aucun écart ne peut être suivi{NNBSP}: il faut, pour trois QPV au moins, deux dates espacées de "
                f"trois ans.</p>{note}"
            )
        named = "chaque ligne" if len({w.against for w in found}) > 1 else "le titre du tableau"
        return Block(
            f"<p>L’écart est mesuré avec le territoire le plus proche connu aux deux dates, que nomme {named}. Il se creuse quand le quartier "
            f"est moins bien placé et s’éloigne encore{NNBSP}; il grandit, pour un chiffre sans jugement, quand il s’éloigne dans un sens ou "
            f"dans l’autre.</p>{rosters.widenings(found)}{note}"
        )

    def theme(self, theme: str) -> Block:
        """Show a theme: its table of QPV, the communes, the map and the quadrant of its first figure that has one.

        Raises
        ------
        ParameterError
            If there is no such theme.
        """
        if theme not in self.shots:
            raise ParameterError(f"unknown theme {theme!r}: expected one of {', '.join(BRIEF_THEMES)}")
        shots, panel = self.shots[theme], self.panels[theme]
        if not shots:
            return Block("<p class='notice'>Aucun chiffre clé de ce thème n’est connu pour ces QPV à la date de ce brief.</p>")
        done = []
        for generation in sorted({s.generation for s in shots}):
            own = [s for s in shots if s.generation == generation]
            done.append(Block(rosters.roster(panel, own, generation, self.names, BRIEF_KINDS_FR[theme])))
        done.append(Block(rosters.communes(panel, shots, self._communes(theme, shots))))
        mapped = next((s for s in shots if len(s.rows) >= _MAPPED), None)
        if mapped is not None:
            done.append(
                atlas.over_panel(panel, mapped.indicator, mapped.rows, mapped.generation, mapped.period, f"carte-{theme}")
            )
        done.append(self._quadrant(theme))
        whole = join(*done)
        # On paper a narrow table leaves room for the map beside it.
        narrow = " narrow" if len(shots) <= _NARROW else ""
        shown = Block(f'<div class="one-theme{narrow}">{whole.html}</div>', whole.lab, whole.outlines)
        return join(shown, agglomeration_block(panel, self.ledger))

    def _quadrant(self, theme: str) -> Block:
        """Draw the first quadrant of a theme that can be drawn, each QPV by a number that the table names."""
        found = next((w for s in self._once[theme] for w in [self._widenings[s.indicator.id]]
                      if isinstance(w, Widening) and not w.indicator.of_change), None)  # fmt: skip
        if found is None:
            return Block(
                f"<p class='note'>Pas de quadrant{NNBSP}: il faut, pour trois QPV au moins, deux dates espacées d’au moins trois ans.</p>"
            )
        indicator = found.indicator
        points = found.points.assign(name=[self.names.get(c, c) for c in found.points["territory"]])
        points = points.sort_values(["name", "territory"], kind="stable").reset_index(drop=True)
        numbers = [str(n) for n in range(1, len(points) + 1)]
        source = f"Source : {' ; '.join(rosters.edition_words(self.panel, e) for e in found.editions)}."
        key = f"quadrant-{theme}"
        drawing = charts.quadrant(points, {}, "", indicator, source, key, found.against, numbers)
        narrow = charts.quadrant(points, {}, "", indicator, source, f"{key}-phone", found.against, numbers, phone=True)
        decimals, unit = indicator.decimals, UNITS[indicator.unit][1] or "en unités"
        rows = [[f"{n}. {p.name}", format_number(p.gap, decimals, signed=True), format_number(p.change, decimals, signed=True),
                 "oui" if p.widening else "non"] for n, p in zip(numbers, points.itertuples(), strict=True)]  # fmt: skip
        span = f"{format_period(found.start)}-{format_period(found.end)}"
        heads = ["QPV", f"Écart {format_period(found.end)} ({unit})", f"Évolution ({unit})", "Se creuse"]
        data = tables.plain_table(heads, rows, f"Écart avec {found.against}, {span}", "small")
        notes = [
            f"écart avec {found.against} en {format_period(found.end)} (horizontal) et son évolution depuis {format_period(found.start)} "
            f"(vertical){NNBSP}; l’écart se creuse pour {found.count} QPV sur{NBSP}{len(points)} ({format_number(found.share)}{NNBSP}%)",
            f"à lire avec prudence{NNBSP}: {found.caution}" if found.caution else "",
        ]
        title = f"{indicator.label}{NNBSP}: niveau et évolution de l’écart, {span}"
        block = blocks.chart(drawing, key, title, notes, data, narrow)
        listed = ", ".join(f"{n}{NBSP}{name}" for n, name in zip(numbers, points["name"], strict=True))
        return join(block, Block(f"<p class='note numbers'>{text(listed)}.</p>"))

    def downloads(self) -> Block:
        """Offer the figures shown as CSV and XLSX, and the QPV with their key figures as GeoJSON, inside the page."""
        return downloads.of_panel(self.panel, [s for shots in self._once.values() for s in shots], self.ledger)

    def sources(self) -> Block:
        """Name the editions that were used, the definitions and the limits."""
        return blocks.sources(self.panel, self.ledger)

    def close(self) -> Any:
        """Write the figures shown, for machines, and the record that the batch reads."""
        known = sum(len(shots) for shots in self._once.values())
        missing = [i.id for i, _ in self.missing]
        degraded = len(missing) >= known
        return closing(self.ledger, AGGLOMERATION, str(self.panel.place["code"]), str(self.panel.place["name"]),
                       str(self.panel.quarter), missing, degraded)  # fmt: skip
