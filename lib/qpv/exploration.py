"""What exploring shows for a choice of QPV, indicator, comparators and period: table, chart, map, and what is said when there is none.

Pure: texts and tables out, nothing written; :mod:`qpv.explorer` puts them into JupyterLab.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from qpv import analysis, charts, extract, tables, verbs
from qpv.analysis import Figure
from qpv.brief import blocks
from qpv.catalog import Indicator
from qpv.choropleth import Choropleth
from qpv.comparison import key_figure, why_missing
from qpv.errors import ParameterError
from qpv.html import text
from qpv.numbers import DASH, NNBSP, format_difference, french_spacing
from qpv.profile import COMPARISON_LEVELS, Profile
from qpv.quarter import UNDATED, format_period, period_position
from qpv.reference import fold
from qpv.vocabulary import LEVELS_FR, STATUS_FR, Status
from qpv.warehouse import Warehouse

Options = list[tuple[str, str]]

LATEST: Final = "la plus récente que l’on puisse comparer"
_HEAD: Final = ("Territoire", "Niveau", "Période", "Valeur", "Écart du quartier", "Statut", "Périmètre", "Source")


@dataclass(frozen=True)
class View:
    """What is shown of a choice; an empty part has its reason in ``said``, sentences in French."""

    title: str
    said: tuple[str, ...]
    table: str = field(default="", repr=False)
    chart: str = field(default="", repr=False)
    map: Choropleth | None = field(default=None, repr=False)


def territories(warehouse: Warehouse, words: str = "") -> Options:
    """List QPV of 2024, as label and code: those where all words occur in name, commune or code, of 2024 or of 2015."""
    qpv, communes = warehouse.places("qpv"), warehouse.names("commune")
    new = qpv[qpv["generation"] == "2024"].sort_values(["name", "code"], kind="stable")
    before = warehouse.crosswalk.groupby("code_2024")["code_2015"].agg(" ".join)
    asked, found = fold(words).split(), []
    for code, name, where in zip(new["code"], new["name"], new["communes"], strict=True):
        towns = ", ".join(communes.get(c, c) for c in where.split(" ") if c)
        known = fold(f"{name} {towns} {code} {before.get(code, '')}")
        if all(word in known for word in asked):
            found.append((f"{name} ({towns}, {code})", str(code)))
    return found


def indicators(profile: Profile) -> Options:
    """List the indicators of the theme, as label and id: those with a value for the QPV first, the others said to have none."""
    rows = profile.rows_of_qpv()
    known = set(rows.loc[rows["value"].notna(), "indicator"])
    labels = pd.Series({i.id: i.label for i in profile.indicators})
    twice = set(labels[labels.duplicated(keep=False)].index)
    said = {i: f"{label} [{i}]" if i in twice else label for i, label in labels.items()}
    first = [(label, i) for i, label in said.items() if i in known]
    return first + [(f"{label} – sans valeur ici", i) for i, label in said.items() if i not in known]


def comparators(profile: Profile) -> Options:
    """List the territories that the QPV may be set beside, as name and level."""
    return [
        (places[0].name if level == "france" else f"{LEVELS_FR[level]}{NNBSP}: {places[0].name}", level)
        for level in COMPARISON_LEVELS
        if (places := profile.comparators.get(level))
    ]


def periods(profile: Profile, indicator: str) -> Options:
    """List the periods at which the QPV has a value, as label and period, after ``""``: the latest that can be compared."""
    known = _own(profile, indicator)["period"].unique()
    dated = sorted((p for p in known if p != UNDATED), key=period_position, reverse=True)
    return [(LATEST, ""), *((format_period(p), p) for p in [*dated, *(p for p in known if p == UNDATED)])]


def view(profile: Profile, indicator: str, levels: Sequence[str] = COMPARISON_LEVELS, period: str = "") -> View:
    """Show an indicator of a QPV.

    Parameters
    ----------
    profile
        Of the theme of the indicator.
    indicator
        An id of the catalogue.
    levels
        Levels of :data:`qpv.profile.COMPARISON_LEVELS` to set the QPV beside.
    period
        One of :func:`periods`.

    Returns
    -------
    View
        Without a value for the QPV at that period neither table nor chart nor map; ``said`` tells why.

    Raises
    ------
    CatalogError
        If the indicator is unknown.
    """
    about = profile.catalog.indicator(indicator)
    figure, name = key_figure(profile, about), str(profile.place["name"])
    mine = _own(profile, indicator)
    dated = mine[mine["period"] != UNDATED].sort_values("position", kind="stable")
    latest = dated["period"].iloc[-1] if len(dated) else UNDATED  # of figures that nothing is set beside, such as a minimum
    chosen = period or (str(figure.own["period"]) if figure.own is not None else latest)
    at = mine[mine["period"] == chosen]
    if at.empty:
        when = f" en {format_period(period)}" if period else ""
        why = why_missing(profile, figure) if mine.empty else f"ce chiffre y est connu en {_listed(mine)}"
        return View(f"{about.label}, {name}", (french_spacing(f"Pas de valeur pour {name}{when} : {why}."),))
    compared = at if figure.own is None else at[at["territory"] == figure.own["territory"]]
    own = (at if compared.empty else compared).iloc[-1]
    others = {level: profile.of_level(indicator, level, chosen) for level in levels}
    title = f"{about.label}, {name}, {format_period(chosen)}"
    drawn, words = _map(profile, about, own)
    lines = [
        _line(profile, about, own, own, name),
        *(_beside(profile, about, own, level, rows) for level, rows in others.items()),
    ]
    said = [words] if words else []
    if chosen == UNDATED:
        said.insert(0, "Le document n’imprime pas l’année : ce chiffre n’est comparé à aucun autre.")
    elif about.unit == "count" and levels:
        said.insert(0, "Un effectif ne donne pas d’écart : le quartier est une partie des territoires auxquels on le compare.")
    if at["contradicted"].any():
        said.append(f"Les sources se contredisent sur ce chiffre : celle de la règle est retenue ({own['edition']}).")
    return View(
        title, tuple(french_spacing(s) for s in said), tables.plain_table(_HEAD, lines, title, "small"),
        _chart(profile, about, own, others, title), drawn,
    )  # fmt: skip


def data(profile: Profile, indicator: str) -> str:
    """Write the facts on an indicator of the QPV, both perimeters, and of the territories around as the CSV of a brief."""
    rows = verbs.observations(profile.code, indicator, quarter=str(profile.quarter), warehouse=profile.warehouse)
    sources = profile.editions.set_index("edition")["source"]
    figures = [
        {key: getattr(row, key) for key in extract.KEYS if key not in ("value", "source")}
        | {"value": None if pd.isna(row.value) else float(row.value), "source": sources[row.edition]}
        for row in rows.itertuples()
    ]  # fmt: skip
    remarks = {str(n): (q, note) for n, (q, note) in enumerate(zip(rows["qualifier"], rows["note"], strict=True))}
    return extract.to_csv(extract.in_words(profile.theme, figures, remarks, profile.warehouse))


def _own(profile: Profile, indicator: str) -> pd.DataFrame:
    """Give what is known of the QPV itself, one row a period and perimeter, also what no other figure is set beside."""
    rows = profile.rows_of_qpv()
    return rows[(rows["indicator"] == indicator) & rows["preferred"] & rows["value"].notna()]


def _listed(rows: pd.DataFrame) -> str:
    return ", ".join(format_period(p) for p in dict.fromkeys(rows["period"]))


def _line(profile: Profile, about: Indicator, own: pd.Series, row: pd.Series, name: str) -> list[str]:
    gap = DASH
    fit = own["comparable"] and row["comparable"] and own["period"] == row["period"] != UNDATED
    if row is not own and fit and about.unit != "count":
        found = analysis.gap(_figure(own), _figure(row), about)
        gap = format_difference(found.absolute, about.unit, about.decimals)
    generation = f"QPV {row['generation']}, {row['territory']}" if row["generation"] else str(row["territory"])
    clash = " (≠ sources)" if row["contradicted"] else ""
    return [
        name, LEVELS_FR[row["level"]], format_period(row["period"]), tables.value_words(row, about) + clash, gap,
        STATUS_FR[Status(row["status"])], generation, f"{tables.edition_name(profile, row)} ({row['edition']})",
    ]  # fmt: skip


def _beside(profile: Profile, about: Indicator, own: pd.Series, level: str, rows: pd.DataFrame) -> list[str]:
    """Write the line of a comparator at the very period of the QPV, else that it has none."""
    names = {p.code: p.name for p in profile.comparators.get(level, [])}
    same = rows[rows["period"] == own["period"]]
    if len(same):
        return _line(profile, about, own, same.iloc[-1], names[same.iloc[-1]["territory"]])
    name = next(iter(names.values()), LEVELS_FR[level])
    other = f" (connu en {_listed(rows)})" if len(rows) else ""
    return [name, LEVELS_FR[level], format_period(own["period"]), f"pas de valeur{other}", DASH, DASH, DASH, DASH]


def _chart(profile: Profile, about: Indicator, own: pd.Series, others: dict[str, pd.DataFrame], title: str) -> str:
    """Draw the values over time where there are two dates, else those of the period as bars."""
    history = profile.history(about.id, "qpv", [own["territory"]])
    beside = {} if about.unit == "count" else {level: rows for level, rows in others.items() if len(rows)}
    names = {p.code: p.name for level in beside for p in profile.comparators[level]}
    head = str(profile.place["name"])
    if len(history) > 1:
        shown = [history, *beside.values()]
        series = [charts.Series(head, list(history["period"]), list(history["value"]), own=True)]
        series += [charts.Series(names[r["territory"].iloc[0]], list(r["period"]), list(r["value"])) for r in beside.values()]
        columns, cells = charts.data_table(series, about)
        drawing = charts.evolution(series, about, _sources(profile, pd.concat(shown), own), "explore")
        caption = f"{about.label}, toutes les périodes connues"
        return blocks.chart(drawing, "explore", caption, [], tables.plain_table(columns, cells, caption, "small")).html
    found = {level: rows[rows["period"] == own["period"]] for level, rows in beside.items()}
    kept = [own.to_frame().T, *(rows.tail(1) for rows in found.values() if len(rows) and own["comparable"])]
    rows = pd.concat(kept)
    values = {names.get(r["territory"], head): [float(r["value"])] for _, r in rows.iterrows()}
    drawing = charts.bars([about.short], values, about.unit, about.decimals, _sources(profile, rows, own), "explore")
    body = [[head if n == 0 else names[r["territory"]], tables.value_words(r, about)] for n, (_, r) in enumerate(rows.iterrows())]
    table = tables.plain_table(["Territoire", "Valeur"], body, title, "small")
    return blocks.chart(drawing, "explore", title, [], table).html


def _sources(profile: Profile, rows: pd.DataFrame, own: pd.Series) -> str:
    names = dict.fromkeys(tables.edition_name(profile, row) for _, row in rows.drop_duplicates("edition").iterrows())
    statuses = ", ".join(dict.fromkeys(STATUS_FR[Status(s)] for s in rows["status"]))
    return french_spacing(f"Source : {' ; '.join(names)}. Périmètre du quartier : {own['generation']}. Statut : {statuses}.")


def _map(profile: Profile, about: Indicator, own: pd.Series) -> tuple[Choropleth | None, str]:
    """Map the indicator over the QPV of the agglomération at the period and on the perimeters of the QPV's figure."""
    if own["period"] == UNDATED:
        return None, "Pas de carte : des chiffres sans année ne se comparent pas d’un quartier à l’autre."
    territory = profile.place["epci"].split(" ")[0] or profile.code
    rows = verbs.observations(territory, about.id, level="qpv", quarter=str(profile.quarter), warehouse=profile.warehouse)
    rows = rows[(rows["period"] == own["period"]) & (rows["generation"] == own["generation"])]
    statuses = ", ".join(dict.fromkeys(STATUS_FR[Status(s)] for s in rows["status"]))
    try:
        drawn = verbs.map(rows, own=own["territory"], warehouse=profile.warehouse)
    except ParameterError as error:
        return None, f"Pas de carte : {error}."
    words = f"La carte montre les QPV de l’agglomération pour lesquels ce chiffre est donné à cette date et sur ces périmètres : {len(rows)} (statut : {statuses})."
    return drawn, words


def _figure(row: pd.Series) -> Figure:
    return Figure(row["indicator"], row["territory"], row["generation"], row["period"], float(row["value"]))


def sentence(words: str) -> str:
    """Write what is said as a notice that a screen reader announces."""
    return f'<p class="notice" role="status">{text(words)}</p>' if words else ""
