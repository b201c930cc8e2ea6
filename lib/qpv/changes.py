"""What one warehouse says that another does not: editions, figures, statuses.

Pure and theme by theme, so that two full warehouses fit in memory.  Either may be any build, of any
folder; ``qpv data diff`` compares the build in use with the one that it replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from qpv.vocabulary import LEVELS, THEMES_FR
from qpv.warehouse import Warehouse


class Kind(StrEnum):
    """What became of a figure."""

    ADDED = "added"
    REMOVED = "removed"
    REVISED = "revised"  # another value, the same status and qualifier
    RESTATED = "restated"  # another status or qualifier, whatever the value


#: The order in which changes are listed: what differs before what is only there once.
_ORDER: Final = {Kind.REVISED: 0, Kind.RESTATED: 1, Kind.ADDED: 2, Kind.REMOVED: 3}

#: Units whose values grow with the territory or are money: their change is judged in per cent of the old
#: value, all others' in the unit itself.
RELATIVE_UNITS: Final = frozenset({"count", "eur", "eur_per_month", "eur_per_m2"})

#: What makes two observations statements on one fact by one edition.
_FACT: Final = ["indicator", "level", "territory", "generation", "period", "edition"]
_SAID: Final = ["status", "qualifier", "value"]
#: The columns of a change, in the order in which they are exported.
COLUMNS: Final = [
    "kind", "theme", *_FACT, "unit", "old_value", "new_value", "difference", "relative_pct", "beyond",
    "old_status", "new_status", "old_qualifier", "new_qualifier",
]  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """How much changed, and the first changes of QPV.

    ``counts``: by (theme, level) the numbers of figures ``revised`` beyond the threshold, ``within`` it,
    ``restated``, ``added``, ``removed``.  ``by_qpv``: changes beyond the threshold by QPV code, the most
    first.  ``first``: the first of those changes with the columns ``COLUMNS``, revisions before others.
    """

    counts: pd.DataFrame
    by_qpv: pd.Series
    first: pd.DataFrame

    @property
    def total(self) -> int:
        """The number of figures that changed, within the threshold or beyond."""
        return int(self.counts.to_numpy().sum())


def edition_changes(old: Warehouse, new: Warehouse) -> pd.DataFrame:
    """List the editions that came, went, were replaced or redated.

    Columns: ``change`` (``in``, ``out``, ``replaced``: the same edition from a file of another SHA-256,
    ``redated``: only another date of publication, which moves it between quarters), ``edition``,
    ``source, producer, dataset, file``, and ``old_…``/``new_…`` of ``published``, ``observations`` and ``sha256``.
    """
    names, facts = ["source", "producer", "dataset", "file"], ["published", "published_precision", "observations", "sha256"]
    before, after = (w.editions.set_index("edition")[[*names, *facts]] for w in (old, new))
    both = before[facts].add_prefix("old_").join(after[facts].add_prefix("new_"), how="outer")
    both = both.join(after[names].combine_first(before[names]))
    alike = (both["old_published"] == both["new_published"]) & (
        both["old_published_precision"] == both["new_published_precision"]
    )
    both["change"] = np.select(
        [both["old_sha256"].isna(), both["new_sha256"].isna(), both["old_sha256"] != both["new_sha256"], ~alike],
        ["in", "out", "replaced", "redated"], default="",
    )  # fmt: skip
    both = both[both["change"] != ""].rename_axis("edition").reset_index()
    counts = dict.fromkeys(("old_observations", "new_observations"), "Int64")
    shown = ["change", "edition", *names, *(f"{side}_{fact}" for side in ("old", "new") for fact in facts)]
    return both[shown].astype(counts).sort_values(["change", "edition"], ignore_index=True)


def figure_changes(
    old: Warehouse, new: Warehouse, threshold: float = 0.0, qpv: Collection[str] | None = None
) -> Iterator[pd.DataFrame]:
    """Give what changed among the figures, one table a theme, themes without a change left out.

    Figures are matched by indicator, territory, generation, period and edition.  Where an edition says
    several things on one fact (contracts do), equal statements are matched first, whatever their rows.

    Parameters
    ----------
    old, new
        Any two builds.
    threshold
        ``beyond`` is true for revisions larger than this: in per cent of the old value for counts and
        euros (``RELATIVE_UNITS``), in the indicator's unit otherwise; always for all other kinds.
    qpv
        Codes of QPV, of either generation; only their own figures are compared.

    Yields
    ------
    pandas.DataFrame
        With the columns ``COLUMNS``: values in the indicator's ``unit``, ``NaN`` where the status says why;
        ``difference`` and ``relative_pct`` (``inf`` from zero) only where both values exist.  In the order of
        theme, kind and fact.  An indicator that a figure speaks to in several themes comes in its own.

    Raises
    ------
    WarehouseError
        If a build was made by a version whose catalogue this one does not read.
    """
    themes = {i.id: i.theme for w in (old, new) for i in w.catalog.indicators.values()}
    for theme in THEMES_FR:
        wanted = {i for i, own in themes.items() if own == theme}
        changed = _compare(_read(old, wanted, qpv), _read(new, wanted, qpv))
        if len(changed):
            yield _judge(changed.assign(theme=theme), old, new, threshold)


def summarise(changes: Iterable[pd.DataFrame], first: int) -> Summary:
    """Count changes table by table, keeping no more than the ``first`` of each."""
    names = ["revised", "within", "restated", "added", "removed"]
    counts, by_qpv, firsts = [], [], []
    for table in changes:
        what = table["kind"].where(table["beyond"], "within")
        counts.append(pd.crosstab([table["theme"], table["level"].astype(object)], what).reindex(columns=names, fill_value=0))
        shown = table[table["beyond"] & (table["level"] == "qpv")]
        by_qpv.append(shown["territory"].astype(object).value_counts())
        firsts.append(shown.head(first))
    if not counts:
        nothing = pd.DataFrame(columns=names, index=pd.MultiIndex.from_tuples([], names=["theme", "level"]), dtype="int64")
        return Summary(nothing, pd.Series(dtype="int64"), pd.DataFrame(columns=COLUMNS))
    whole = pd.concat(by_qpv).groupby(level=0).sum()
    listed = pd.concat(firsts, ignore_index=True)
    return Summary(
        pd.concat(counts),
        whole.sort_index().sort_values(ascending=False, kind="stable"),
        listed.sort_values("kind", key=lambda k: k.map(_ORDER), kind="stable", ignore_index=True).head(first),
    )


def _read(warehouse: Warehouse, wanted: set[str], qpv: Collection[str] | None) -> pd.DataFrame:
    """Read the observations of some indicators, from the theme in which this warehouse has them."""
    filters: list[tuple[str, str, object]] = []
    if qpv is not None:
        filters = [("level", "==", "qpv"), ("territory", "in", sorted(qpv) or [""])]
    known = warehouse.catalog.indicators
    tables = []
    for theme in sorted({known[i].theme for i in wanted if i in known}):
        table = warehouse.observations(theme, filters, [*_FACT, *_SAID, "row"], compact=True)
        here = [c for c in table["indicator"].cat.categories if c in wanted and known[c].theme == theme]
        tables.append(table[table["indicator"].isin(here)])
    if not tables:
        nothing = pd.DataFrame(columns=[*_FACT, *_SAID, "row"], dtype=str).astype({"value": float, "row": "int64"})
        return nothing.astype(dict.fromkeys([*_FACT, "status", "qualifier"], "category"))
    return tables[0] if len(tables) == 1 else _stack(tables)


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables below each other, texts as common categories."""
    texts = [*_FACT, "status", "qualifier"]
    stacked = {c: union_categoricals([t[c] for t in tables], sort_categories=True) for c in texts}
    return pd.DataFrame(stacked | {c: np.concatenate([t[c].to_numpy() for t in tables]) for c in ("value", "row")})


def _compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Match the facts of two tables; give those that were not said alike, in the order of the facts."""
    both = _stack([before, after])
    side = np.repeat([0, 1], [len(before), len(after)])
    # A fact as one whole number, exactly: its texts' places among the sorted categories, in mixed radix.
    places = [both[c].cat.codes.to_numpy("int64") for c in _FACT]
    sizes = [max(1, len(both[c].cat.categories)) for c in _FACT]
    keys = pd.DataFrame({
        "side": side, "fact": np.ravel_multi_index(places, sizes), "row": both["row"], "value": both["value"],
        "status": both["status"].cat.codes, "qualifier": both["qualifier"].cat.codes,
    })  # fmt: skip
    # Equal statements meet first, each with one of the other side: then only what differs is paired.
    alike = ["fact", "status", "qualifier", "filled"]
    filled = keys.assign(filled=keys["value"].fillna(0.0))
    filled["turn"] = filled.groupby(["side", *alike], sort=False).cumcount()
    rest = keys[~filled.duplicated([*alike, "turn"], keep=False)].sort_values(["side", "fact", "row"], kind="stable")
    rest["turn"] = rest.groupby(["side", "fact"], sort=False).cumcount()
    olds, news = (rest[rest["side"] == n].drop(columns=["side", "row"]) for n in (0, 1))
    pairs = olds.merge(news, on=["fact", "turn"], how="outer", suffixes=("_old", "_new"), sort=True)
    facts = np.unravel_index(pairs["fact"].to_numpy(), sizes)
    table = pd.DataFrame({c: pd.Categorical.from_codes(f, both[c].cat.categories) for c, f in zip(_FACT, facts, strict=True)})
    for end in ("old", "new"):
        table[f"{end}_value"] = pairs[f"value_{end}"]
        for name in ("status", "qualifier"):
            words = np.array([*both[name].cat.categories, ""], dtype=object)  # the last: not said at all
            table[f"{end}_{name}"] = words[pairs[f"{name}_{end}"].fillna(-1).astype("int64").to_numpy()]
    return table


def _judge(changed: pd.DataFrame, old: Warehouse, new: Warehouse, threshold: float) -> pd.DataFrame:
    """Say of each change what kind it is, how large, and whether it is beyond the threshold."""
    units = {i.id: i.unit for w in (old, new) for i in w.catalog.indicators.values()}
    before, after = changed["old_value"], changed["new_value"]
    restated = (changed["old_status"] != changed["new_status"]) | (changed["old_qualifier"] != changed["new_qualifier"])
    kinds = [str(k) for k in (Kind.ADDED, Kind.REMOVED, Kind.RESTATED)]
    changed["kind"] = np.select([changed["old_status"] == "", changed["new_status"] == "", restated], kinds, str(Kind.REVISED))
    changed["unit"] = changed["indicator"].map(units).astype(object)
    # Differences of decimals carry the noise of binary numbers.
    changed["difference"] = (after - before).round(9)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.divide(changed["difference"].to_numpy(), before.abs().to_numpy())
    changed["relative_pct"] = np.where(changed["difference"] == 0, 0.0, 100 * share).round(6)
    size = np.where(changed["unit"].isin(RELATIVE_UNITS), changed["relative_pct"].abs(), changed["difference"].abs())
    changed["beyond"] = (changed["kind"] != Kind.REVISED) | (size > threshold)
    levels = {level: n for n, level in enumerate(LEVELS)}
    place = changed["level"].astype(object).map(levels) + len(levels) * changed["kind"].map(_ORDER)
    return changed.iloc[np.argsort(place.to_numpy(), kind="stable")][COLUMNS].reset_index(drop=True)


# --- for machines --------------------------------------------------------------------------------


def edition_records(editions: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Give the changed editions as plain objects for JSON."""
    dated = editions.assign(**{c: editions[c].dt.strftime("%Y-%m-%d") for c in ("old_published", "new_published")})
    for row in _plain(dated):
        yield {"record": "edition"} | row


def figure_records(changes: Iterable[pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """Give the changed figures as plain objects for JSON; what is not a finite number is null."""
    for table in changes:
        for row in _plain(table.replace([np.inf, -np.inf], np.nan)):
            yield {"record": "figure"} | row


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
    return rows
