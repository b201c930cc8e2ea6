"""The portrait of one QPV over all themes: gaps on one scale, what adds up, what changes, what the contract prints (S16)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from qpv import tables
from qpv.analysis import Change, Direction
from qpv.brief import atlas, blocks, downloads, gaps
from qpv.brief.closing import closing
from qpv.brief.ledger import Ledger
from qpv.brief.page import Brief
from qpv.brief.readings import stakes
from qpv.comparison import is_missing, key_figure
from qpv.html import Block, join, text
from qpv.numbers import NBSP, NNBSP
from qpv.plain_words import easy_words
from qpv.profile import Profile, load_profile
from qpv.quarter import UNDATED, format_period
from qpv.sentences import gap_change_words, own_change_words
from qpv.standing import CUMULATED_LEAST, CUMULATED_SHARE, QUARTER_PCT, Placed, Side, Tally, place, tally, trends
from qpv.vocabulary import BRIEF_KINDS_FR, BRIEF_THEMES, PORTRAIT, THEMES_FR, Status

#: So many of the contract's figures are shown a theme; all of them are in the table behind one click.
_PRINTED: Final = 3

assert QUARTER_PCT == 75 and CUMULATED_SHARE == 0.5 and CUMULATED_LEAST == 2
RULE: Final = (
    f"La règle{NNBSP}: un chiffre clé est un désavantage quand au moins trois quarts des autres QPV de France sont mieux placés, un point "
    "fort quand au moins trois quarts sont moins bien placés, à même date et même périmètre, s’il a un sens que personne ne conteste. Dans un "
    "thème, désavantages ou points forts s’additionnent quand ils sont deux au moins et font au moins la moitié des chiffres situés. Un "
    "chiffre commun à deux thèmes compte une fois."
)


class Portrait:
    """The portrait of a QPV in the making.

    Parameters
    ----------
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
    >>> brief = Portrait("QN06254M", "2026-T3", "data/warehouse")  # doctest: +SKIP
    >>> brief.profile()  # doctest: +SKIP
    """

    def __init__(self, qpv: str, quarter: str, warehouse: str | Path) -> None:
        self._lead = Brief(BRIEF_THEMES[0], qpv, quarter, warehouse)
        store = self._lead.profile.warehouse
        others = {t: load_profile(store, self._lead.profile.code, t, quarter) for t in BRIEF_THEMES[1:]}
        self.profiles: dict[str, Profile] = {BRIEF_THEMES[0]: self._lead.profile, **others}
        self.ledger: Ledger = self._lead.ledger

    @cached_property
    def placed(self) -> dict[str, list[Placed]]:
        """The key figures by theme, with their place; one of two themes is in the first that has it."""
        found: dict[str, list[Placed]] = {}
        seen: set[str] = set()
        for theme, profile in self.profiles.items():
            own = [i for i in profile.indicators if i.key and i.id not in seen]
            found[theme] = [place(profile, key_figure(profile, i)) for i in own]
            seen |= {i.id for i in own}
        return found

    @cached_property
    def _all(self) -> list[Placed]:
        return [p for items in self.placed.values() for p in items]

    @cached_property
    def counts(self) -> list[Tally]:
        """The counts of each theme."""
        return [tally(theme, items) for theme, items in self.placed.items()]

    def head(self) -> Block:
        """Name the QPV, its codes, communes, population, perimeter, and the date of the brief."""
        return self._lead.head(BRIEF_KINDS_FR[PORTRAIT])

    def summary(self) -> Block:
        """Write *En bref*: what got better, strengths, disadvantages that add up, what is missing."""
        lines = []
        better = trends(self._all, Direction.BETTER)
        if better:
            lines.append(f"Du mieux{NNBSP}– {self._sentence(better[0])}")
        lines += [self._side_sentence(Side.STRENGTH, "Points forts"), self._side_sentence(Side.DISADVANTAGE, "Désavantages")]
        worse = trends(self._all, Direction.WORSE)
        if worse:
            lines.append(f"Moins bien{NNBSP}– {self._sentence(worse[0])}")
        missing = sum(is_missing(p.figure) for p in self._all)
        unplaced = sum(p.figure.known and p.standing is None for p in self._all)
        some = f", {unplaced} en ont une sans qu’on puisse la situer parmi les QPV de France" if unplaced else ""
        verb = "n’ont" if missing != 1 else "n’a"
        lines.append(
            f"Ce qui manque{NNBSP}: {missing} des {len(self._all)} chiffres clés {verb} pas de valeur pour ce quartier{some}."
        )
        figures = [p.figure for p in self._all]
        simple = (
            easy_words(figures, str(self._lead.profile.place["name"]))
            if any(f.known and f.indicator.easy for f in figures)
            else []
        )
        said = "".join(f"<p>{text(line)}</p>" for line in simple)
        easy = f"<section class='easy'><h3>En trois phrases simples</h3>{said}</section>" if said else ""
        return Block(
            f"<div class='first'><ul class='brief'>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>{easy}</div>"
        )

    def _sentence(self, item: Placed) -> str:
        said = own_change_words(item.figure)  # which names the indicator
        return f"{said[:1].lower()}{said[1:]}."

    def _side_sentence(self, side: Side, words: str) -> str:
        count, total = sum(t.sides[side] for t in self.counts), sum(t.placed for t in self.counts)
        if not total:
            return f"{words}{NNBSP}: aucun chiffre clé ne peut être situé parmi les QPV de France."
        named = [f"{BRIEF_KINDS_FR[t.theme]} ({gaps.years_words(t.periods[side])})" for t in self.counts if t.cumulates(side)]
        if not count:
            return f"{words}{NNBSP}: aucun des {total} chiffres situés parmi les QPV de France."
        where = f" Ils s’additionnent dans{NNBSP}: {', '.join(named)}." if named else " Ils ne s’additionnent dans aucun thème."
        return f"{words}{NNBSP}: {count} des {total} chiffres situés parmi les QPV de France.{where}"

    def tallies(self) -> Block:
        """Count disadvantages and strengths by theme, and say the rule."""
        return Block(f"{gaps.tally_table(self.counts)}<p class='note'>{text(RULE)}</p>")

    def profile(self) -> Block:
        """Draw the profile of gaps: a row a key figure, all themes on one scale."""
        for theme, items in self.placed.items():
            for item in items:
                figure = item.figure
                cell = figure.cells.get(figure.gap_level) if figure.gap is not None else None
                self.ledger.add(figure.own, None if cell is None else cell.row, figure.absence)
                if figure.own is not None:  # behind a click
                    self.ledger.add_all(figure.contradictions)
                if figure.own is None and figure.absence is None:
                    self.ledger.add_unpublished(figure.indicator.id)
                if figure.own is None:
                    self.ledger.add_all(figure.undated)
            del theme
        key = (
            "<p class='note'>Échelle commune à tous les thèmes : à gauche les QPV de France les mieux placés, à droite les moins bien placés ; "
            "un trait à chaque quart, le plus long au milieu. ▲ point fort, ▼ désavantage, ■ entre les deux. ◆ chiffre sans jugement : "
            "à gauche les plus bas, à droite les plus élevés. Non situé : moins de cent QPV de France ont ce chiffre à cette date.</p>"
        )
        return Block(key + gaps.profile_table(self.profiles, self.placed))

    def trends(self) -> Block:
        """List what got better and what got worse, what is stable, and how many have no honest answer."""
        better, worse = trends(self._all, Direction.BETTER), trends(self._all, Direction.WORSE)
        stable = trends(self._all, Direction.EQUAL)
        money = [p for p in trends(self._all, Direction.NEUTRAL) if p.figure.indicator.unit.startswith("eur")]
        for item in (*better, *worse, *stable, *money):
            self._keep_ends(item)
        columns = [
            self._list("▲ S’améliore", better, "Aucun chiffre clé ne s’améliore nettement."),
            self._list("▼ Se dégrade", worse, "Aucun chiffre clé ne se dégrade nettement."),
            self._list("= Stable", stable, "Aucun chiffre clé n’est stable.")
            # Prices rise too: more euros of the day are told, not praised.
            + (self._list("• Plus d’euros, inflation non déduite", money, "") if money else ""),
        ]
        rest = [p for p in self._all if p.figure.known and not isinstance(p.figure.own_change, Change)]
        note = (
            f"{len(rest)} {'chiffres n’ont' if len(rest) > 1 else 'chiffre n’a'} pas d’évolution calculée (une seule date, dates trop proches ou périmètre changé)."
            if rest
            else ""
        )
        narrowed = [p for p in self._all if isinstance(p.figure.gap_change, Change) and not p.figure.indicator.of_change]
        gap_lines = "".join(
            f"<li>{text(gap_change_words(p.figure))}.</li>"
            for p in narrowed  # which names the indicator
        )
        for item in narrowed:
            self._keep_gap_ends(item)
        said = (
            f"<h3>Les écarts</h3><ul>{gap_lines}</ul>" if narrowed else
            "<p class='note'>Évolution des écarts : aucun territoire de comparaison n’a deux dates communes avec le quartier.</p>"
        )  # fmt: skip
        return Block(f"<div class='trends'>{''.join(columns)}</div>{said}<p class='note'>{text(note)}</p>")

    def _list(self, title: str, items: Sequence[Placed], none: str) -> str:
        lines = "".join(
            f"<li>{text(p.figure.indicator.short)}{NNBSP}: {text(own_change_words(p.figure).split(f'{NNBSP}: ', 1)[-1])}</li>"
            for p in items
        )
        return (
            f"<div><h3>{title}{NNBSP}: {len(items)}</h3>"
            + (f"<ul>{lines}</ul>" if items else f"<p class='none'>{none}</p>")
            + "</div>"
        )

    def _keep_ends(self, item: Placed) -> None:
        change = item.figure.own_change
        assert isinstance(change, Change)
        rows = self.profiles[item.theme].own(item.figure.indicator.id)
        self.ledger.add_all(rows[rows["period"].isin((change.start, change.end))])

    def _keep_gap_ends(self, item: Placed) -> None:
        change, profile = item.figure.gap_change, self.profiles[item.theme]
        assert isinstance(change, Change)
        other = profile.of_level(item.figure.indicator.id, item.figure.change_level)
        for rows in (profile.own(item.figure.indicator.id), other):
            self.ledger.add_all(rows[rows["period"].isin((change.start, change.end))])

    def map_location(self) -> Block:
        """Map the QPV in its agglomération, with the perimeters of 2015 and 2024."""
        return atlas.location(self._lead.profile, self.ledger)

    def contract(self) -> Block:
        """Say what is at stake and what residents put first; list what the contract prints on this QPV, by theme."""
        return join(stakes(self._lead.profile), self._figures_printed())

    def _figures_printed(self) -> Block:
        printed = {t: rows for t in THEMES_FR for rows in [self._printed(t)] if len(rows)}
        if not printed:
            return Block("<p>Aucun contrat de ville embarqué ne donne de chiffre sur ce quartier.</p>")
        catalog = self._lead.profile.catalog
        lines, rows = [], []
        for theme, found in printed.items():
            self.ledger.add_all(found)
            latest = (
                found[found["period"] != UNDATED].sort_values("position", kind="stable").drop_duplicates("indicator", keep="last")
            )
            rank = {i.id: n for n, i in enumerate(catalog.of_theme(theme))}
            latest = latest.assign(order=latest["indicator"].map(rank)).sort_values("order", kind="stable").head(_PRINTED)
            named = f"{NNBSP}; ".join(
                f"{catalog.indicator(r['indicator']).short} {tables.value_words(r, catalog.indicator(r['indicator']))} "
                f"({format_period(r['period'])})" for _, r in latest.iterrows()
            )  # fmt: skip
            lines.append(
                f"<li><strong>{text(THEMES_FR[theme])}</strong> ({len(found)} chiffre{'s' if len(found) > 1 else ''}){NNBSP}: {text(named or 'sans année')}</li>"
            )
            rows += [
                [THEMES_FR[theme], catalog.indicator(r["indicator"]).label, tables.value_words(r, catalog.indicator(r["indicator"])),
                 format_period(r["period"]), f"{r['edition']}, l.{NBSP}{r['row']}", r["note"]]
                for _, r in found.iterrows()
            ]  # fmt: skip
        heads = ["Thème", "Indicateur", "Valeur imprimée", "Année", "Document et ligne", "Note"]
        table = tables.plain_table(heads, rows, "Chiffres repris du contrat de ville", "small")
        return Block(
            f"<p class='note'>Ce que le contrat imprime de ce quartier, thème par thème. Seuls ses chiffres sont repris, avec le document et la "
            f"ligne.</p><ul class='printed'>{''.join(lines)}</ul>"
            f"<details><summary>Chiffres du contrat ({len(rows)})</summary>{table}</details>"
        )

    def _printed(self, theme: str) -> pd.DataFrame:
        """The rows that contracts print on the QPV; each theme once, demography too."""
        lead = self._lead.profile
        profile = self.profiles[theme] if theme in self.profiles else load_profile(lead.warehouse, lead.code, theme, lead.quarter)
        rows = profile.rows_of_qpv()
        own = {i.id for i in lead.catalog.of_theme(theme) if i.theme == theme}
        rows = rows[(rows["status"] == Status.TRANSCRIBED) & rows["indicator"].isin(own)]
        return rows.sort_values(["indicator", "position", "row"])

    def downloads(self) -> Block:
        """Offer the figures shown so far as CSV and XLSX, and the QPV of the first theme's map as GeoJSON, inside the page."""
        return downloads.links(self._lead.profile, self._lead.headline, self.ledger, PORTRAIT)

    def sources(self) -> Block:
        """Name the editions that were used, the definitions and the limits."""
        profile = self._lead.profile
        return join(blocks.sources_in_words(profile, self.ledger), blocks.sources(profile, self.ledger))

    def close(self) -> Any:
        """Write the figures shown, for machines, and the record that the batch reads."""
        missing = [p.figure.indicator.id for p in self._all if is_missing(p.figure)]
        profile = self._lead.profile
        return closing(self.ledger, PORTRAIT, profile.code, str(profile.place["name"]), str(profile.quarter), missing,
                       2 * len(missing) >= len(self._all))  # fmt: skip
