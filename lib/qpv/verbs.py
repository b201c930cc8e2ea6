"""The verbs of ``import qpv``: what an analyst's own notebook asks, pandas and geopandas objects in and out.

Each verb reads the warehouse of the project in whose folder it runs (``make data`` builds it), or the one given as
``warehouse``, as of the end of ``quarter``, by default the last complete one.  ``docs/fr/verbes.md`` shows them.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from qpv import sentences
from qpv.analysis import Change, Refusal, own_direction
from qpv.catalog import Catalog, Indicator
from qpv.comparison import KeyFigure, key_figure, why_missing
from qpv.errors import ParameterError
from qpv.export import tables
from qpv.numbers import french_spacing
from qpv.preference import prefer
from qpv.profile import COMPARISON_LEVELS, Profile, load_profile
from qpv.project import Project
from qpv.quarter import Quarter
from qpv.reference import fold
from qpv.selection import select
from qpv.vocabulary import LEVELS, THEMES_FR
from qpv.warehouse import Warehouse, opened

if TYPE_CHECKING:
    import geopandas as gpd

    from qpv.choropleth import Choropleth

PROFILE: Final = (
    "indicator", "label", "unit", "territory", "generation", "period", "value", "status", *COMPARISON_LEVELS, "gap", "ratio",
    "against", "rank_epci", "count_epci", "rank_france", "count_france", "start", "end", "change", "direction", "edition", "why",
)  # fmt: skip
OBSERVATIONS: Final = (
    "territory", "name", "level", "generation", "indicator", "label", "period", "value", "unit", "status", "qualifier",
    "contradicted", "preferred", "edition", "producer", "published", "file", "row", "note",
)  # fmt: skip
GAP: Final = (
    "territory", "name", "measured_on", "generation", "indicator", "unit", "period", "value", "against", "other", "gap", "ratio",
    "moved_against", "start", "end", "gap_start", "gap_end", "gap_change", "answer", "own_change", "own_direction", "edition", "words",
)  # fmt: skip
PERIMETERS: Final = ("territory", "name", "relation", "code_2015", "name_2015", "share_2024", "share_2015", "method")
CATALOG: Final = (
    "indicator", "theme", "label", "unit", "definition", "universe", "numerator", "denominator", "comparability", "polarity",
    "minimum_count", "key", "sources",
)  # fmt: skip


def profile(qpv: str, theme: str, *, quarter: str = "", warehouse: str | Path | Warehouse | None = None) -> pd.DataFrame:
    """Give the figures of a QPV for a theme, beside all that they are compared with: a row an indicator.

    Parameters
    ----------
    qpv
        Code of 2024 or 2015, or a name that only one QPV has.
    theme
        ``revenue``, ``education``, ``health``, ``employment``, ``housing``, ``ecology`` or ``demography``.
    quarter, warehouse
        See :mod:`qpv.verbs`.

    Returns
    -------
    pandas.DataFrame
        :data:`PROFILE`, key figures first.  ``value`` and the comparators ``commune … france`` are in ``unit`` and at
        ``period``: a comparator that is not known at that very period is missing.  ``territory`` and ``generation`` are the
        perimeter that was measured (2015 or 2024).  ``gap`` is own − other with the territory ``against`` (points for
        percentages), ``ratio`` own / other; ranks start at 1 = most favourable.  ``start, end, change, direction`` answer
        whether the situation has improved.  Without a value ``why`` says the reason, in French.  ``attrs`` hold code, name
        and quarter.

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError, WarehouseError
        Naming the value, what was expected and what to do.
    """
    found = load_profile(_store(warehouse), qpv, theme, _quarter(quarter))
    rows = [_profile_row(found, key_figure(found, indicator)) for indicator in found.indicators]
    table = pd.DataFrame(rows, columns=list(PROFILE))
    table.attrs = {"code": found.code, "name": str(found.place["name"]), "quarter": str(found.quarter)}
    return table


def observations(
    territory: str = "contracts", indicator: str | Collection[str] = (), *, theme: str = "", level: str | Collection[str] = (),
    every: bool = False, quarter: str = "", warehouse: str | Path | Warehouse | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Give observations, a row a fact: of the QPV of a territory, both perimeters, and of the territories around them.

    Parameters
    ----------
    territory
        A QPV, an EPCI (SIREN), a département, ``contracts`` (QPV of the embedded contracts) or ``all``.
    indicator
        One id of the catalogue or several; by default all of ``theme``, or of all themes.
    level
        Keep some levels only: ``qpv``, ``commune``, ``epci``…
    every
        Also the figures that another one of the same fact is preferred to, such as contradictory ones.
    quarter, warehouse
        See :mod:`qpv.verbs`.

    Returns
    -------
    pandas.DataFrame
        :data:`OBSERVATIONS`.  ``value`` is in ``unit`` and empty when ``status`` says an absence; ``period`` is ``undated``
        when a document prints no year; ``edition, producer, published, file, row`` are the source.  Counts below an
        indicator's minimum are withheld, as in every export.

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError, WarehouseError
        Naming the value, what was expected and what to do.
    """
    store, when = _store(warehouse), _quarter(quarter)
    wanted = [_indicator(store.catalog, i) for i in ([indicator] if isinstance(indicator, str) else indicator)]
    levels = {level} if isinstance(level, str) else set(level)
    if not levels <= set(LEVELS):
        raise ParameterError(f"unknown level {min(levels - set(LEVELS))!r}: expected one of {', '.join(LEVELS)}")
    if theme and theme not in THEMES_FR:
        raise ParameterError(f"unknown theme {theme!r}: expected one of {', '.join(THEMES_FR)}")
    themes = tuple(dict.fromkeys(i.theme for i in wanted)) or ((theme,) if theme else tuple(THEMES_FR))
    rows = tables(store, territory, when, themes)["observations"]
    if wanted:
        rows = rows[rows["indicator"].isin([i.id for i in wanted])]
    rows = prefer(rows[rows["level"].isin(levels)] if levels else rows, store.editions)
    names = {(level, code): name for level, code, name in store.territories[["level", "code", "name"]].itertuples(index=False)}
    producers = store.editions.set_index("edition")["producer"]
    rows = rows.assign(
        name=[names.get((lv.removeprefix("qpv_of_"), c), c) for lv, c in zip(rows["level"], rows["territory"], strict=True)],
        label=rows["indicator"].map({i: store.catalog.indicator(i).label for i in rows["indicator"].unique()}),
        producer=rows["edition"].map(producers),
    )
    return (rows if every else rows[rows["preferred"]])[list(OBSERVATIONS)].reset_index(drop=True)


def gap(territory: str, indicator: str, *, quarter: str = "", warehouse: str | Path | Warehouse | None = None) -> pd.DataFrame:
    """Set the QPV of a territory against the territory around them: a row a QPV, the gap of today and how it moved.

    Parameters
    ----------
    territory
        A QPV, an EPCI (SIREN), a département, ``contracts`` or ``all``.
    indicator
        One id of the catalogue.
    quarter, warehouse
        See :mod:`qpv.verbs`.

    Returns
    -------
    pandas.DataFrame
        :data:`GAP`.  ``gap`` is ``value − other`` at ``period``, with the territory ``against`` (the EPCI, else the
        nearest that has the figure), in ``unit`` or points.  ``gap_start, gap_end`` are the gaps at ``start`` and ``end``, at
        least three years apart and on one perimeter, with ``moved_against``: a territory that has both dates, else the
        median of the QPV of France that have both.  ``answer`` is ``gap narrows``, ``gap widens``, ``gap steady``, ``lead
        grows``…, empty when it cannot be told.  ``own_change, own_direction``: the QPV's own value over its longest
        admissible span.  ``words`` says in French how the gap with a territory moved, or why that is not known.

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError, WarehouseError
        Naming the value, what was expected and what to do.
    """
    store, when = _store(warehouse), _quarter(quarter)
    about = _indicator(store.catalog, indicator)
    rows = []
    for code in select(store, territory):
        found = load_profile(store, code, about.theme, when)
        rows.append(_gap_row(found, key_figure(found, about)))
    return pd.DataFrame(rows, columns=list(GAP))


def map(
    data: pd.DataFrame | pd.Series, value: str = "value", *, title: str = "", unit: str = "", decimals: int | None = None,
    own: str | Collection[str] = (), points: gpd.GeoDataFrame | None = None,
    warehouse: str | Path | Warehouse | None = None,
) -> Choropleth:  # fmt: skip
    """Map values over QPV or communes: an interactive folium map in a notebook, which asks no host for anything.

    Parameters
    ----------
    data
        A table with a column ``territory`` (codes; ``measured_on`` goes first where there is one, as in :func:`gap`), such
        as the other verbs give and as your own may be; or a series by code.  One row a territory.
    value
        The column to map.
    title, unit, decimals
        By default those of the indicator in ``data``; a unit is one of :data:`qpv.vocabulary.UNITS`.
    own
        Codes to set off.
    points
        Things to draw above, in any reference system; a column ``name`` gives their tips.
    warehouse
        See :mod:`qpv.verbs`.

    Returns
    -------
    qpv.choropleth.Choropleth
        ``.shapes`` is the GeoDataFrame (EPSG:4326), ``.save(path)`` writes one HTML page.  Without contours a QPV is a point
        of its commune, and the map says so.

    Raises
    ------
    ParameterError
        If a column lacks, a territory comes twice, a code is unknown, or values of several periods are mixed.
    """
    from qpv.choropleth import of_table

    return of_table(_store(warehouse), data, value, title, unit, decimals, {own} if isinstance(own, str) else set(own), points)


def perimeters(territory: str, *, warehouse: str | Path | Warehouse | None = None) -> pd.DataFrame:
    """Say from which QPV of 2015 those of 2024 come, and which ended: a row a pair.

    Returns
    -------
    pandas.DataFrame
        :data:`PERIMETERS`.  ``share_2024`` is the part (0-1) of the area of 2024 that ``code_2015`` covers, ``share_2015`` the
        part of its own area that was kept; both are empty when no contour was dropped.  ``relation`` is ``new``,
        ``identical``, ``redrawn`` or ``unknown``; ``method`` how it is known (``official``, ``overlap``, ``declared``).

    Raises
    ------
    UnknownTerritoryError, AmbiguousTerritoryError, WarehouseError
        Naming the value, what was expected and what to do.
    """
    store = _store(warehouse)
    pairs = store.crosswalk
    names = store.places("qpv")["name"]
    pairs = pairs[pairs["code_2024"].isin(select(store, territory))].rename(columns={"code_2024": "territory"})
    pairs = pairs.assign(name=pairs["territory"].map(names), name_2015=pairs["code_2015"].map(names).fillna(""))
    order = pairs.sort_values(["territory", "share_2024"], ascending=[True, False], kind="stable")
    return order[list(PERIMETERS)].reset_index(drop=True)


def catalog(words: str = "", *, theme: str = "", warehouse: str | Path | Warehouse | None = None) -> pd.DataFrame:
    """Look for indicators: a row an indicator, with its definition, universe, unit and sources.

    Parameters
    ----------
    words
        All of them must occur in id, label or definition; accents and case do not matter.
    theme
        Keep one theme.
    warehouse
        See :mod:`qpv.verbs`.

    Returns
    -------
    pandas.DataFrame
        :data:`CATALOG`, in the order of the briefs; texts are French.  ``sources`` are ids, separated by a space.

    Raises
    ------
    ParameterError, WarehouseError
        If the theme is unknown (the message names all), or there is no warehouse.
    """
    if theme and theme not in THEMES_FR:
        raise ParameterError(f"unknown theme {theme!r}: expected one of {', '.join(THEMES_FR)}")
    known = _store(warehouse).catalog
    asked = fold(words).split()
    rows = []
    for each in [theme] if theme else THEMES_FR:
        for i in known.of_theme(each):
            said = fold(f"{i.id} {i.label} {i.definition}")
            if (theme or i.theme == each) and all(word in said for word in asked):
                told = i.model_dump(mode="json") | {"indicator": i.id}
                rows.append(told | {"sources": " ".join(dict.fromkeys(c.source for c in i.columns))})
    return pd.DataFrame(rows, columns=list(CATALOG))


def show(
    territory: str, kind: str, *, blocks: Sequence[str] = (), quarter: str = "", warehouse: str | Path | Warehouse | None = None
) -> None:
    """Show in a notebook what the brief shows, block by block, with interactive maps.

    Parameters
    ----------
    territory
        A QPV (code or name); an EPCI for ``agglomeration``, ``evaluation``, ``programme``, ``yearly``.
    kind
        A theme or another kind of brief.
    blocks
        Only these, such as ``("summary", "evolution")``: the calls of the kind's notebook.

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError, WarehouseError
        Naming the value, what was expected and what to do.
    """
    from IPython.display import display

    from qpv.rendition import parts

    store = _store(warehouse)
    for part in parts(store, _notebooks(store), territory, kind, _quarter(quarter), blocks):
        display(part)


def _notebooks(store: Warehouse) -> Path:
    """Find the notebooks of the project whose folder is in use, else of the one that holds the warehouse."""
    try:
        return Project.find(Path.cwd()).notebooks
    except ParameterError:
        return Project.find(store.path).notebooks


def _store(warehouse: str | Path | Warehouse | None) -> Warehouse:
    if isinstance(warehouse, Warehouse):
        return warehouse
    if warehouse is not None:
        return opened(warehouse)
    try:
        return opened(Project.find(Path.cwd()).warehouse)
    except ParameterError as error:
        raise ParameterError(f"{error}, or give warehouse='folder/of/the/warehouse'") from None


def _quarter(text: str) -> Quarter:
    return Quarter.parse(text) if text else Quarter.last_complete(dt.date.today())


def _indicator(known: Catalog, identifier: str) -> Indicator:
    if identifier in known.indicators:
        return known.indicators[identifier]
    near = difflib.get_close_matches(identifier, known.indicators, n=3) or ["poverty_rate_pct"]
    raise ParameterError(f"unknown indicator {identifier!r}; nearest: {', '.join(near)}; qpv.catalog('mots') looks for others")


def _profile_row(found: Profile, figure: KeyFigure) -> dict[str, Any]:
    own, about = figure.own, figure.indicator
    row: dict[str, Any] = {"indicator": about.id, "label": about.label, "unit": about.unit}
    if own is None:
        status = "unavailable" if figure.absence is None else figure.absence["status"]
        return row | {"status": status, "why": french_spacing(why_missing(found, figure))}
    row |= {name: own[name] for name in ("territory", "generation", "period", "value", "status", "edition")}
    row |= {level: cell.row["value"] for level, cell in figure.cells.items() if cell.same_period}
    if figure.gap is not None:
        row |= {"gap": figure.gap.absolute, "ratio": figure.gap.ratio, "against": figure.gap_name}
    for scope in ("epci", "france"):
        if scope in figure.ranks:
            row |= {f"rank_{scope}": figure.ranks[scope].position, f"count_{scope}": figure.ranks[scope].count}
    if isinstance(figure.own_change, Change):
        moved = figure.own_change
        row |= {
            "start": moved.start,
            "end": moved.end,
            "change": moved.absolute,
            "direction": moved.direction.value,
        }
    return row | {"why": ""}


def _gap_row(found: Profile, figure: KeyFigure) -> dict[str, Any]:
    own, about = figure.own, figure.indicator
    moved, beside = figure.gap_over_time
    row: dict[str, Any] = {
        "territory": found.code, "name": str(found.place["name"]), "indicator": about.id, "unit": about.unit, "answer": "",
        "words": french_spacing(f"{sentences.gap_change_words(figure)}."),
    }  # fmt: skip
    if own is None:
        reason = why_missing(found, figure)
        return row | {"words": french_spacing(f"Pas de valeur pour le quartier : {reason}.")}
    row |= {name: own[name] for name in ("generation", "period", "value", "edition")} | {"measured_on": own["territory"]}
    if figure.gap is not None:
        row |= {
            "against": figure.gap_name,
            "other": figure.gap.other.value,
            "gap": figure.gap.absolute,
            "ratio": figure.gap.ratio,
        }
    if not isinstance(moved, Refusal):
        row |= {"moved_against": beside, "start": moved.start, "end": moved.end, "gap_start": moved.first, "gap_end": moved.last}
        row |= {"gap_change": moved.absolute, "answer": sentences.gap_situation(moved, about)}
    if isinstance(figure.own_change, Change):
        row |= {
            "own_change": figure.own_change.absolute,
            "own_direction": own_direction(figure.own_change, about).value,
        }
    return row
