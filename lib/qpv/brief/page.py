"""The brief of one QPV, one theme and one quarter, as the notebooks build it.

Each method gives a block to display.  Every figure that a block shows is also kept, and written by
:meth:`Brief.close` as the ``qpv-figures`` JSON.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from qpv import analysis, charts, sentences, tables
from qpv.analysis import Change, Refusal
from qpv.brief import atlas, blocks, downloads, theme_map
from qpv.brief.closing import closing
from qpv.brief.ledger import Ledger
from qpv.brief.notices import notices
from qpv.brief.peer_group import similar_qpv
from qpv.brief.readings import readings_block
from qpv.catalog import Indicator
from qpv.comparison import KeyFigure, is_missing, key_figure, quadrant_input, shown_decimals, why_missing
from qpv.errors import ParameterError
from qpv.html import Block, join, text
from qpv.numbers import NBSP, NNBSP, format_number
from qpv.plain_words import easy_words
from qpv.profile import COMPARISON_LEVELS, Profile, load_profile
from qpv.quarter import UNDATED, format_date, format_period
from qpv.vocabulary import STATUS_FR, THEME_BRIEFS, THEMES_FR, Status
from qpv.warehouse import opened


class Brief:
    """A brief in the making.

    Parameters
    ----------
    theme
        A theme that has a notebook.
    qpv
        Code of the QPV (2024 or 2015) or its name.
    quarter
        ``YYYY-Tn``: only editions published by its end are read.
    warehouse
        The warehouse folder.

    Raises
    ------
    ParameterError, WarehouseError
        If a parameter is not allowed, or there is no warehouse.

    Examples
    --------
    >>> brief = Brief("revenue", "QN06254M", "2026-T3", "data/warehouse")  # doctest: +SKIP
    >>> brief.summary()  # doctest: +SKIP
    """

    def __init__(self, theme: str, qpv: str, quarter: str, warehouse: str | Path) -> None:
        if theme not in THEME_BRIEFS:
            raise ParameterError(f"unknown theme {theme!r}: expected one of {', '.join(THEME_BRIEFS)}")
        self.profile: Profile = load_profile(opened(warehouse), qpv, theme, quarter)
        self.ledger = Ledger(self.profile)

    @cached_property
    def figures(self) -> list[KeyFigure]:
        """The key figures of the theme, in order."""
        return [key_figure(self.profile, i) for i in self.profile.indicators if i.key]

    @cached_property
    def headline(self) -> KeyFigure:
        """The first key figure that the QPV has, else the first of the theme."""
        return next((f for f in self.figures if f.known), self.figures[0])

    @cached_property
    def _second(self) -> KeyFigure:
        """Another key figure to map: known for this QPV, else for other QPV, else the headline again."""
        rest = [f for f in self.figures if f is not self.headline]
        mapped = set(self.profile.others["indicator"])
        others = [f for f in rest if f.indicator.id in mapped]
        return next(iter([*(f for f in others if f.known), *others, self.headline]))

    def head(self, kind: str = "") -> Block:
        """Name the QPV, its codes, communes, population, perimeter, and the date of the brief.

        ``kind`` is what is said of the brief, by default its theme.
        """
        profile = self.profile
        commune_names = profile.warehouse.communes["name"]
        communes = ", ".join(commune_names.get(c, c) for c in profile.place["communes"].split(" ") if c)
        epci = ", ".join(p.name for p in profile.comparators["epci"])
        facts = [("Communes", communes or "non connues"), ("Intercommunalité", epci or "non connue")]
        facts.append(("Code", ", ".join(f"{code} (périmètre {g})" for g, code in profile.codes.items())))
        for generation, code in profile.codes.items():
            rows = profile.population[profile.population["territory"] == code]
            if len(rows):
                row = rows.iloc[-1]
                self.ledger.add(row)
                words = f"{tables.value_words(row, profile.catalog.indicator('population_count'))} habitants en {format_period(row['period'])}"
                facts.append((f"Population, périmètre {generation}", words))
        facts.append(("Périmètre", self._perimeter_words()))
        facts.append(("Données", f"publiées au plus tard le {format_date(profile.quarter.end)} ({profile.quarter.label})"))
        items = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in facts)
        title = f"<p class='theme'>{text(kind or THEMES_FR[profile.theme])} · {text(profile.quarter.label)}</p><h1>{text(profile.place['name'])}</h1>"
        return blocks.with_style(f"<header>{title}<dl class='facts'>{items}</dl></header>")

    def _perimeter_words(self) -> str:
        profile = self.profile
        if not profile.perimeter_known:
            missing = f"{NNBSP}; ce quartier n’en a pas" if profile.relation == "new" else ""
            return f"celui de 2015{NNBSP}; celui de 2024 n’était pas encore publié{missing}"
        if profile.relation == "new":
            return "nouveau en 2024, sans prédécesseur parmi les QPV de 2015"
        if not profile.predecessors:
            return (
                "sans correspondance connue avec 2015"
                if profile.relation == "unknown"
                else f"redessiné en 2024{NNBSP}; aucun QPV de 2015 n’en couvre un cinquième"
                + (f" (il reprend une partie de {', '.join(p.code for p in profile.partly)})" if profile.partly else "")
            )
        main = profile.predecessors[0]
        if main.relation == "identical":
            return f"inchangé depuis 2015 ({main.code})"
        if main.share_2024 is None:
            return (
                f"issu de {main.code} ; la part conservée n’est pas connue (contours absents)"
                if main.relation == "unknown"
                else f"modifié en 2024, issu de {main.code}"
            )
        parts = [
            f"{p.code} {p.name}" if p.share_2024 is None or p.share_2015 is None
            else f"{p.code} {p.name} ({format_number(100 * p.share_2015)}{NNBSP}% de sa surface gardée, "
            f"soit {format_number(100 * p.share_2024)}{NNBSP}% du quartier actuel)"
            for p in profile.predecessors
        ]  # fmt: skip
        return f"modifié en 2024{NBSP}; vient de {', '.join(parts)}"

    def summary(self) -> Block:
        """Write *En bref*: three to five sentences, good news first, what is missing last."""
        self._keep_what_moved()
        self.ledger.add_all(self.profile.population.groupby("territory", sort=False).tail(1))
        lines = "".join(f"<li>{text(line)}</li>" for line in sentences.summary(self.figures))
        said = "".join(f"<p>{text(line)}</p>" for line in easy_words(self.figures, str(self.profile.place["name"])))
        if any(f.known and f.indicator.easy for f in self.figures):
            said += "<p class='note'>Les chiffres sont arrondis.</p>"
        easy = f"<section class='easy'><h3>En trois phrases simples</h3>{said}</section>"
        notes = "".join(f"<li>{text(n)}</li>" for n in notices(self.profile, self.figures))
        warned = f"<div class='notice'><h3>À savoir avant de lire</h3><ul>{notes}</ul></div>" if notes else ""
        return Block(f"<div class='first'><ul class='brief'>{lines}</ul>{easy}</div>{warned}")

    def _keep_what_moved(self) -> None:
        """Keep the figures at both ends of every change that is told."""
        for figure in self.figures:
            identifier = figure.indicator.id
            for change, level in (
                (figure.own_change, "qpv"),
                (figure.gap_change, "qpv"),
                (figure.gap_change, figure.change_level),
            ):
                if isinstance(change, Change):
                    rows = self.profile.own(identifier) if level == "qpv" else self.profile.of_level(identifier, level)
                    self.ledger.add_all(rows[rows["period"].isin((change.start, change.end))])

    def key_figures(self) -> Block:
        """Write the key-figure table with all comparison levels, and the other figures below."""
        for figure in self.figures:
            whole = figure.all_qpv if figure.median_of_peers is None else None
            self.ledger.add(figure.own, figure.latest, figure.absence, *(c.row for c in figure.cells.values()), whole)
            self.ledger.add_all(figure.contradictions)
            self.ledger.add_all(figure.undated)
            if figure.own is None and figure.absence is None:
                self.ledger.add_unpublished(figure.indicator.id)
        caption = f"Chiffres clés, {THEMES_FR[self.profile.theme].lower()}"
        shown = [f for f in self.figures if f.known or f.absence is not None or f.cells or len(f.undated)]
        table = tables.key_table(self.profile, shown, caption) if shown else ""
        return join(Block(table), similar_qpv(self.profile, self.figures, self.ledger), self._missing(), self._other_figures())

    def _missing(self) -> Block:
        rows = []
        for figure in self.figures:
            if is_missing(figure):
                why = why_missing(self.profile, figure)
                levels = ", ".join(f"{c.name} ({format_period(c.row['period'])})" for c in figure.cells.values())
                rows.append([figure.indicator.label, why, levels or "aucun niveau"])
        if not rows:
            return Block("")
        return Block(
            tables.plain_table(["Ce qui manque", "Pourquoi", "Connu pour"], rows, "Chiffres clés sans valeur pour le quartier")
        )

    def _other_figures(self) -> Block:
        rows = []
        for indicator in self.profile.indicators:
            mine = self.profile.own(indicator.id)
            if not indicator.key and len(mine):
                row = mine.iloc[-1]
                self.ledger.add(row)
                rows.append([indicator.label, tables.value_words(row, indicator), format_period(row["period"]),
                             STATUS_FR[Status(row["status"])], tables.edition_name(self.profile, row)])  # fmt: skip
        if not rows:
            return Block("")
        table = tables.plain_table(
            ["Indicateur", "Quartier", "Année", "Statut", "Source"], rows, "Autres chiffres du quartier", "small"
        )
        return Block(f"<details><summary>Les autres chiffres du quartier ({len(rows)})</summary>{table}</details>")

    def map_location(self) -> Block:
        """Map the QPV in its agglomération, with the perimeters of 2015 and 2024."""
        return atlas.location(self.profile, self.ledger)

    def map_headline(self) -> Block:
        """Map the headline indicator over the QPV of the agglomération, else of the département."""
        return atlas.headline(self.profile, self.headline, self.ledger)

    def map_theme(self) -> Block:
        """Map what is the theme's own."""
        return theme_map.own_theme(self.profile, self._second, self.ledger)

    def evolution(self) -> Block:
        """Draw the headline indicator over time, the QPV beside its comparators."""
        done = []
        for figure in [f for f in self.figures if f.known][:2]:
            block = self._evolution(figure)
            if block is not None:
                done.append(block)
        if done:
            return join(*done)
        return Block(
            f"<p class='notice'>Pas d’évolution à dessiner{NNBSP}: aucun chiffre clé n’est connu à deux dates pour ce quartier.</p>"
        )

    def _evolution(self, figure: KeyFigure) -> Block | None:
        indicator = figure.indicator
        mine = self.profile.own(indicator.id)
        if len(mine) < 2:
            return None
        shown = [mine]
        series = [self._series(self.profile.place["name"], mine, indicator, own=True)]
        self.ledger.add_all(mine)
        for level in COMPARISON_LEVELS:
            rows = self.profile.of_level(indicator.id, level)
            if len(rows) and indicator.unit != "count":
                name = next(p.name for p in self.profile.comparators[level] if p.code == rows["territory"].iloc[0])
                series.append(self._series(name, rows, indicator))
                shown.append(rows)
                self.ledger.add_all(rows)
        key = f"evo-{self.figures.index(figure)}"
        source = self._source(pd.concat(shown))
        drawing = charts.evolution(series, indicator, source, key)
        narrow = charts.evolution(series, indicator, source, f"{key}-phone", phone=True)
        head, rows_ = charts.data_table(series, indicator)
        words = [sentences.own_change_words(figure), sentences.gap_change_words(figure)]
        data = tables.plain_table(head, rows_, f"Données{NNBSP}: {indicator.label}", "small")
        return blocks.chart(drawing, key, indicator.label, words, data, narrow)

    def _series(self, name: str, rows: pd.DataFrame, indicator: Indicator, *, own: bool = False) -> charts.Series:
        decimals = [shown_decimals(r, indicator) for _, r in rows.iterrows()]
        return charts.Series(name, list(rows["period"]), list(rows["value"]), own=own, decimals=decimals)

    def quadrant(self) -> Block:
        """Draw the quadrant: level of the gap × change of the gap, one point a QPV."""
        for figure in self.figures:
            values, name, scope = quadrant_input(self.profile, figure.indicator)
            if not scope:
                continue
            result = analysis.quadrant(values, figure.indicator)
            if isinstance(result, Refusal):
                continue
            return blocks.quadrant(self.profile, figure, result, name, scope, self._source(self._placed(figure, result)))
        return Block(
            f"<p class='notice'>Pas de quadrant{NNBSP}: il faut, pour trois QPV au moins, deux dates espacées d’au moins trois ans "
            "et un territoire de comparaison connu aux mêmes dates.</p>"
        )

    def _placed(self, figure: KeyFigure, result: tuple[pd.DataFrame, str, str, str]) -> pd.DataFrame:
        """The figures behind the points of a quadrant; the QPV itself may not be among them."""
        points, start, end, _ = result
        rows = pd.concat([self.profile.of_all_qpv(figure.indicator.id, g) for g in ("2015", "2024")])
        return rows[rows["territory"].isin(points["territory"]) & rows["period"].isin((start, end))]

    def own_block(self) -> Block:
        """Show the block that only this theme has."""
        return blocks.own_block(self.profile, self.ledger)

    def contract(self) -> Block:
        """Say what the contract reads in the figures and what residents said; list what it prints on this QPV, with its lines."""
        known = {figure.indicator.id for figure in self.figures}
        return join(readings_block(self.profile, self.ledger, known), self._printed())

    def _printed(self) -> Block:
        rows = self.profile.rows_of_qpv()
        rows = rows[rows["status"] == Status.TRANSCRIBED].sort_values(["indicator", "position", "row"])
        if rows.empty:
            return Block("<p>Aucun contrat de ville embarqué ne donne de chiffre sur ce quartier pour ce thème.</p>")
        self.ledger.add_all(rows)
        lines = [
            [self.profile.catalog.indicator(r["indicator"]).label,
             tables.value_words(r, self.profile.catalog.indicator(r["indicator"])),
             format_period(r["period"]), f"{r['edition']}, l.{NBSP}{r['row']}", r["note"]]
            for _, r in rows.iterrows()
        ]  # fmt: skip
        table = tables.plain_table(
            ["Indicateur", "Valeur imprimée", "Année", "Document et ligne", "Note"],
            lines,
            "Chiffres repris du contrat de ville",
            "small",
        )
        undated = int((rows["period"] == UNDATED).sum())
        note = (
            f"<p>{undated} de ces chiffres sont imprimés sans année{NNBSP}: ils ne sont ni comparés ni dessinés.</p>"
            if undated
            else ""
        )
        return Block(f"{note}<details><summary>Chiffres du contrat ({len(lines)})</summary>{table}</details>")

    def downloads(self) -> Block:
        """Offer the figures shown so far as CSV and XLSX, and the QPV of the maps as GeoJSON, inside the page."""
        return downloads.links(self.profile, self.headline, self.ledger)

    def sources(self) -> Block:
        """Name the editions that were used, the definitions and the limits."""
        return blocks.sources(self.profile, self.ledger)

    def close(self) -> Any:
        """Write the figures shown, for machines, and the record that the batch reads."""
        missing = [f.indicator.id for f in self.figures if is_missing(f)]
        degraded = 2 * len(missing) >= len(self.figures)
        profile = self.profile
        return closing(
            self.ledger, profile.theme, profile.code, str(profile.place["name"]), str(profile.quarter), missing, degraded
        )

    def _source(self, rows: pd.DataFrame) -> str:
        editions = self.profile.editions.set_index("edition")
        names = dict.fromkeys(f"{editions.at[e, 'producer']}, {editions.at[e, 'dataset']}" for e in rows["edition"])
        return f"Source : {' ; '.join(names)}. Observatoire des QPV, {self.profile.quarter.label}."
