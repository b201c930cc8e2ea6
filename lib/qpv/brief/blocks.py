"""Blocks of a brief: figures with their captions, the block that only one theme has, sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import pandas as pd

from qpv import charts, tables
from qpv.analysis import share_widening
from qpv.brief.ledger import Ledger
from qpv.brief.schools import schools_table
from qpv.comparison import KeyFigure
from qpv.html import Block, join, text
from qpv.numbers import DASH, NBSP, NNBSP, format_number
from qpv.profile import COMPARISON_LEVELS, Profile
from qpv.quarter import format_period
from qpv.vocabulary import LEVELS_FR, STATUS_FR, UNITS, Status

#: So many points of all France are listed below a quadrant; those of an agglomération or département all are.
_LISTED = 40
_SCOPES = {"epci": "de l’agglomération", "departement": "du département", "france": "de France"}


@cache
def style_sheet() -> str:
    """The style sheet of briefs."""
    return (files("qpv.brief") / "template" / "brief.css").read_text("utf-8")


def with_style(content: str) -> Block:
    """Make a block that brings the style sheet along in JupyterLab, whose own rules it must outweigh."""
    return Block(content, f'<style>{style_sheet().replace(".qpv ", ".qpv.qpv ")}</style><div class="qpv">{content}</div>')


def chart(drawing: str, key: str, title: str, notes: list[str], data: str, narrow: str = "") -> Block:
    """Frame a chart: title, drawing, what it says in words, and its data in a table; ``narrow`` is what a phone shows instead."""
    said = "".join(f"<p>{text(n[:1].upper() + n[1:])}.</p>" for n in notes if n)
    frame = "scroll wide-screen" if narrow else "scroll"
    phone = f'<div class="phone">{charts.titled(narrow, f"{key}-phone", title)}</div>' if narrow else ""
    return Block(
        f'<figure><figcaption>{text(title)}</figcaption><div class="{frame}" tabindex="0" role="region" aria-label="{text(title)}">'
        f"{charts.titled(drawing, key, title)}</div>{phone}{said}"
        f"<details><summary>Données du graphique</summary>{data}</details></figure>"
    )


def bars(
    labels: Sequence[str], values: Mapping[str, Sequence[float | str]], unit: str, decimals: int, source: str,
    key: str, title: str, notes: list[str], data: str,
) -> Block:  # fmt: skip
    """Frame bars (:func:`qpv.charts.bars`), drawn once for wide screens and paper and once for phones."""
    wide = charts.bars(labels, values, unit, decimals, source, key)
    narrow = charts.narrow_bars(labels, values, unit, decimals, source, f"{key}-phone")
    return chart(wide, key, title, notes, data, narrow)


def quadrant(
    profile: Profile, figure: KeyFigure, result: tuple[pd.DataFrame, str, str, str], name: str, scope: str, source: str
) -> Block:
    """Frame a quadrant, with the share of QPV whose gap widens (S3, S5)."""
    points, start, end, caution = result
    indicator = figure.indicator
    names = profile.warehouse.places("qpv")["name"].to_dict()
    own = next((c for c in profile.codes.values() if c in set(points["territory"])), "")
    title = f"{indicator.label}{NNBSP}: niveau et évolution de l’écart, QPV {_SCOPES[scope]}, {format_period(start)}-{format_period(end)}"
    notes = [
        f"chaque point est un QPV{NBSP}; écart avec {name}, en {format_period(end)} (horizontal) et son évolution depuis {format_period(start)} (vertical)",
        f"l’écart avec {name} se creuse pour {format_number(share_widening(points))}{NNBSP}% des {len(points)} QPV qui ont une valeur aux deux dates",
        f"à lire avec prudence{NNBSP}: {caution}" if caution else "",
        "" if own else "le quartier n’a pas de valeur aux deux dates",
    ]
    shown = points.assign(order=points["territory"] != own).sort_values(["order", "change"], kind="stable")
    if scope == "france":  # a thousand rows would weigh more than the rest of the page
        shown = shown.head(_LISTED)
    decimals, unit = indicator.decimals, UNITS[indicator.unit][1]
    rows = [
        [
            names.get(p.territory, p.territory),
            format_number(p.gap, decimals, signed=True),
            format_number(p.change, decimals, signed=True),
        ]
        for p in shown.itertuples()
    ]
    caption = f"Écarts et évolutions ({unit or 'en unités'}), {len(rows)} QPV sur {len(points)}"
    data = tables.plain_table(["QPV", f"Écart {format_period(end)}", "Évolution"], rows, caption, "small")
    wide = charts.quadrant(points, names, own, indicator, source, "quadrant", name)
    narrow = charts.quadrant(points, names, own, indicator, source, "quadrant-phone", name, phone=True)
    return chart(wide, "quadrant", title, notes, data, narrow)


def _latest(profile: Profile, ledger: Ledger, identifiers: list[str]) -> dict[str, pd.Series]:
    """Give the QPV's figures of one period and edition, the most recent that most of them share."""
    found = {i: profile.own(i) for i in identifiers if i in profile.catalog.indicators}
    periods = pd.concat(
        [r[["period", "position"]] for r in found.values() if len(r)] or [pd.DataFrame(columns=["period", "position"])]
    )
    if periods.empty:
        return {}
    counts = periods.value_counts().reset_index(name="n").sort_values(["n", "position"], ascending=False)
    chosen = counts["period"].iloc[0]
    rows = {i: r[r["period"] == chosen].iloc[-1] for i, r in found.items() if (r["period"] == chosen).any()}
    ledger.add(*rows.values())
    return rows


def _structure(profile: Profile, ledger: Ledger, title: str, identifiers: list[str], key: str) -> Block:
    """Draw shares of a whole as bars: the QPV, and its commune where the same figure exists."""
    rows = _latest(profile, ledger, identifiers)
    if not rows:
        return Block(f"<p class='notice'>{text(title)}{NNBSP}: aucune valeur publiée pour ce quartier.</p>")
    period = next(iter(rows.values()))["period"]
    labels = [profile.catalog.indicator(i).short for i in identifiers]
    values: dict[str, list[float | str]] = {
        str(profile.place["name"]): [float(rows[i]["value"]) if i in rows else _absence(profile, i, period) for i in identifiers]
    }
    for level in ("commune", "epci"):
        others = {i: r for i in identifiers for r in [_at(profile.of_level(i, level), period)] if r is not None}
        if len(others) >= max(2, len(rows) // 2):
            values[profile.comparators[level][0].name] = [
                float(others[i]["value"]) if i in others else "pas de valeur" for i in identifiers
            ]
            ledger.add(*others.values())
            break
    indicator = profile.catalog.indicator(next(iter(rows)))
    source = tables.edition_name(profile, next(iter(rows.values())))
    body = [[label, *(_cell(v[n], indicator.decimals) for v in values.values())] for n, label in enumerate(labels)]
    caption = f"{title}, {format_period(period)} ({UNITS[indicator.unit][0]})"
    return bars(labels, values, indicator.unit, indicator.decimals, f"Source : {source}. Observatoire des QPV, {profile.quarter.label}.", key,
                f"{title}, {format_period(period)}", [], tables.plain_table(["Part", *values], body, caption, "small"))  # fmt: skip


def _absence(profile: Profile, identifier: str, period: str) -> str:
    """Say why the QPV has no value at that period: the producer's reason, where there is one."""
    rows = profile.rows_of_qpv()
    rows = rows[(rows["indicator"] == identifier) & (rows["period"] == period)]
    return STATUS_FR[Status(rows["status"].iloc[0])] if len(rows) else "pas de valeur"


def _cell(value: float | str, decimals: int) -> str:
    return value if isinstance(value, str) else format_number(value, decimals)


def _at(rows: pd.DataFrame, period: str) -> pd.Series | None:
    rows = rows[rows["period"] == period]
    return rows.iloc[-1] if len(rows) else None


def _revenue(profile: Profile, ledger: Ledger) -> Block:
    """Income distribution (D1 to D9)."""
    marks = {
        "D1": "first_decile_disposable_income_eur", "Q1": "first_quartile_disposable_income_eur",
        "Q2": "median_disposable_income_eur", "Q3": "third_quartile_disposable_income_eur",
        "D9": "ninth_decile_disposable_income_eur",
    }  # fmt: skip
    mine = _latest(profile, ledger, list(marks.values()))
    blocks = []
    if len(mine) >= 2:
        period = next(iter(mine.values()))["period"]
        lines = [(str(profile.place["name"]), {m: float(mine[i]["value"]) for m, i in marks.items() if i in mine})]
        for level in COMPARISON_LEVELS:
            found = {m: r for m, i in marks.items() for r in [_at(profile.of_level(i, level), period)] if r is not None}
            if found:
                ledger.add(*found.values())
                code = next(iter(found.values()))["territory"]
                name = next(p.name for p in profile.comparators[level] if p.code == code)
                lines.append((name, {m: float(r["value"]) for m, r in found.items()}))
        source = (
            f"Source : {tables.edition_name(profile, next(iter(mine.values())))}. Observatoire des QPV, {profile.quarter.label}."
        )
        rows = [[n, *(format_number(m[k]) if k in m else DASH for k in marks)] for n, m in lines]
        title = f"Répartition du revenu disponible par unité de consommation, {format_period(period)}"
        data = tables.plain_table(["Territoire", *marks], rows, f"{title} (€)", "small")
        note = "trait fin : du 1er au 9e décile ; trait épais : du 1er au 3e quartile ; losange : médiane"
        wide = charts.spread(lines, "eur", 0, source, "spread")
        narrow = charts.spread(lines, "eur", 0, source, "spread-phone", phone=True)
        blocks.append(chart(wide, "spread", title, [note], data, narrow))
    return join(*blocks)


def _ecology(profile: Profile, ledger: Ledger) -> Block:
    """Say that heat is not measured, where it is not."""
    del ledger
    heat = profile.own("land_surface_temperature_celsius")
    words = "" if len(heat) else (
        f"<p class='notice'>Chaleur{NNBSP}: aucune mesure n’est lue pour ce quartier. Aucune source ne la publie par QPV "
        "pour toute la France.</p>"
    )  # fmt: skip
    return Block(words)


def _education(profile: Profile, ledger: Ledger) -> Block:
    """The collèges of the agglomération with social position index and value added."""
    return schools_table(profile, ledger)


def _nearest_levels(profile: Profile, ledger: Ledger, title: str) -> Block:
    """Tabulate every figure that exists at a level around the QPV, not only the key ones."""
    levels = ["qpv", "qpv_of_epci", "qpv_of_departement", "qpv_of_france", *COMPARISON_LEVELS]
    rows = []
    for indicator in profile.indicators:
        for level in levels:
            facts = profile.own(indicator.id) if level == "qpv" else profile.of_level(indicator.id, level)
            if len(facts):
                row = facts.iloc[-1]
                ledger.add(row)
                name = str(profile.place["name"]) if level == "qpv" else next(
                    (p.name for p in profile.comparators[level] if p.code == row["territory"]), row["territory"])  # fmt: skip
                place = name if level == "qpv" else f"{LEVELS_FR[level]}{NNBSP}: {name}" if level != "france" else name
                rows.append([indicator.label, tables.value_words(row, indicator), place, format_period(row["period"]),
                             STATUS_FR[Status(row["status"])]])  # fmt: skip
                break
    if not rows:
        return Block("<p class='notice'>Aucun chiffre connu, à aucun niveau, à la date de ce brief.</p>")
    return Block(tables.plain_table(["Indicateur", "Valeur", "Niveau", "Année", "Statut"], rows, title))


#: What a theme shows that no catalogue can declare.
_OWN: Final[dict[str, Callable[[Profile, Ledger], Block]]] = {"revenue": _revenue, "education": _education, "ecology": _ecology}


def own_block(profile: Profile, ledger: Ledger) -> Block:
    """Show what only this theme has: a drawing of its own, then the structures and the table that the catalogue declares."""
    theme = profile.catalog.theme(profile.theme)
    parts = [_OWN[theme.id](profile, ledger)] if theme.id in _OWN else []
    parts += [_structure(profile, ledger, s.title, s.indicators, s.key) for s in theme.structures]
    if theme.nearest:
        parts.append(_nearest_levels(profile, ledger, theme.nearest))
    return join(*parts)


def _editions(profile: Profile, ledger: Ledger) -> list[list[str]]:
    """Give source, edition, date, licence and page of each edition that was used."""
    editions = profile.editions.set_index("edition")
    rows = []
    for identifier in ledger.editions():
        edition = editions.loc[identifier]
        date = tables.published_words(edition)
        rows.append(
            [f"{edition['producer']}, {edition['dataset']}", identifier, date, edition["licence"], edition["landing_page"]]
        )
    return rows


def sources_in_words(profile: Profile, ledger: Ledger) -> Block:
    """Name the editions used on paper where a table would take too much of it: each source once, with its editions and their dates."""
    found: dict[str, list[str]] = {}
    for source, identifier, date, *_ in _editions(profile, ledger):
        found.setdefault(source, []).append(f"{identifier}, {date}")
    words = f"{NNBSP}; ".join(f"{source} ({f'{NNBSP}; '.join(editions)})" for source, editions in found.items())
    return Block(f"<p class='paper note'>{text(words)}.</p>") if found else Block("")


def sources(profile: Profile, ledger: Ledger) -> Block:
    """List the editions used, with date, licence and traps; then the limits that hold for all briefs."""
    editions = profile.editions.set_index("edition")
    rows = _editions(profile, ledger)
    table = (
        tables.plain_table(
            ["Source", "Édition", "Publiée", "Licence", "Page"], rows, "Éditions utilisées dans ce brief", "small sources"
        )
        if rows
        else ""
    )
    traps = sorted({t for e in ledger.editions() for t in editions.at[e, "traps"].split("|") if t})
    warnings = dict.fromkeys(w for i in ledger.indicators() for w in profile.catalog.indicator(i).warnings)
    limits = [
        f"L’année affichée est celle de la mesure{NBSP}; l’édition, souvent plus récente, est dans le détail de chaque chiffre.",
        f"Insee{NNBSP}: sous la commune, deux millésimes consécutifs ne mesurent pas une évolution{NBSP}; il faut ici trois ans d’écart.",
        "Un chiffre mesuré sur le périmètre de 2015 n’est jamais comparé à un chiffre mesuré sur celui de 2024.",
        f"Entre plusieurs sources pour un même chiffre, la règle retient{NNBSP}: une valeur plutôt qu’une absence, la valeur officielle plutôt que "
        "celle reprise d’un document, la source la plus directe, l’édition la plus récente. Les autres sont gardées et signalées.",
        *traps, *warnings,
    ]  # fmt: skip
    items = "".join(f"<li>{text(item)}</li>" for item in limits)
    return Block(f"{table}<details><summary>Limites et avertissements ({len(limits)})</summary><ul>{items}</ul></details>")
