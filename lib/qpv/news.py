"""What changed since the quarter before: the figures of some QPV as their briefs showed them then and show them now.

Pure.  :mod:`qpv.changes` finds which facts any edition says differently; here each of them is taken as a brief
of a quarter takes it (published by its end, the preferred of several), and gets the reason of its change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import pandas as pd

from qpv.changes import edition_changes, figure_changes
from qpv.preference import prefer
from qpv.quarter import Quarter
from qpv.selection import PREDECESSOR_SHARE
from qpv.warehouse import Warehouse


class Kind(StrEnum):
    """What became of the figure that a brief shows for a fact."""

    REVISED = "revised"  # another value
    WITHHELD = "withheld"  # a value before, an absence now
    REMOVED = "removed"  # a value before, nothing now
    RESTATED = "restated"  # the same value, or the lack of one, with another status or qualifier
    NEW = "new"  # a value where there was none


class Reason(StrEnum):
    """Why it changed, as far as the editions tell."""

    EDITION_IN = "edition_in"  # the edition was not read before
    EDITION_OUT = "edition_out"  # the edition is read no more
    FILE_REPLACED = "file_replaced"  # the same edition from a file of another SHA-256
    PUBLISHED = "published"  # the edition was published since: the quarter uses it, the one before could not
    REDATED = "redated"  # another date of publication lets the quarter use it, or forbids it
    OTHER_EDITION = "other_edition"  # of two editions that both were read, another is preferred
    CORRECTED = "corrected"  # the same file: the catalogue, a reader or a rule of the observatory is another


_FACT: Final = ["indicator", "territory", "generation", "period"]
_SAID: Final = ["value", "status", "qualifier", "edition"]
#: The columns of :attr:`News.figures`.
COLUMNS: Final = [
    "qpv", "theme", "kind", "reason", *_FACT, "unit", *(f"{side}_{c}" for side in ("old", "new") for c in _SAID),
    "old_published", "new_published", "difference",
]  # fmt: skip


@dataclass(frozen=True)
class News:
    """What one build shows at the end of a quarter that another, or itself, did not show at the end of ``since``.

    ``figures``: one row a QPV and fact, with ``COLUMNS``: ``qpv`` is the code of 2024, ``territory`` the code on
    which the figure was measured (the QPV itself or a predecessor of 2015), values in the indicator's ``unit``,
    ``NaN`` where the status says why, the texts of a side that says nothing empty; QPV in the order asked for.
    ``editions``: see :func:`qpv.changes.edition_changes`.
    """

    old: Warehouse
    new: Warehouse
    figures: pd.DataFrame
    editions: pd.DataFrame
    since: Quarter

    @property
    def counts(self) -> dict[Kind, int]:
        """How many figures by kind; one that several QPV show through a common predecessor counts once."""
        found = self.figures.drop_duplicates(_FACT)["kind"].value_counts()
        return {kind: int(found.get(kind, 0)) for kind in Kind}


def what_changed(
    old: Warehouse, new: Warehouse, codes: Collection[str], quarter: Quarter, since: Quarter | None = None
) -> News:  # fmt: skip
    """Compare what the briefs of some QPV show of them with what they showed from an older build, or at the end of an earlier quarter.

    Parameters
    ----------
    old, new
        Two builds, or twice the same.
    codes
        QPV, codes of 2024; figures of the perimeters of 2015 count where a brief shows them.
    quarter
        Only editions published by its end, each by the date that its own build knows.
    since
        The quarter of which the older side speaks; by default the same.

    Raises
    ------
    WarehouseError
        If a build was made by a version whose catalogue or tables this one does not read.
    """
    shown = _shown_for(new, codes)
    editions = edition_changes(old, new)
    asked = sorted(shown["territory"].unique())
    since = since or quarter
    usable = [w.editions[w.editions["published"] <= pd.Timestamp(q.end)] for w, q in ((old, since), (new, quarter))]
    tables = list(_facts(old, new, asked, usable))
    facts = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[c for c in COLUMNS if c != "qpv"])
    facts["reason"] = _reasons(facts, editions, usable)
    order = {code: n for n, code in enumerate(codes)}
    figures = shown.merge(facts, on="territory").sort_values("qpv", key=lambda c: c.map(order), kind="stable")
    return News(old, new, figures[COLUMNS].reset_index(drop=True), editions, since)


def _shown_for(warehouse: Warehouse, codes: Collection[str]) -> pd.DataFrame:
    """Pair each QPV with the codes whose figures its briefs show: its own, and its predecessors'."""
    pairs = warehouse.crosswalk
    near = (
        pairs["code_2024"].isin(list(codes)) & (pairs["code_2015"] != "") & (pairs["share_2024"].fillna(1) >= PREDECESSOR_SHARE)
    )
    before = pairs.loc[near, ["code_2024", "code_2015"]].set_axis(["qpv", "territory"], axis=1)
    own = pd.DataFrame({"qpv": list(codes), "territory": list(codes)}, dtype=object)
    return pd.concat([own, before], ignore_index=True).drop_duplicates()


def _facts(old: Warehouse, new: Warehouse, codes: list[str], usable: list[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Give, theme by theme, the facts of some QPV that are shown otherwise."""
    units = {i.id: i.unit for w in (old, new) for i in w.catalog.indicators.values()}
    touched: dict[str, pd.DataFrame] = {}
    for table in figure_changes(old, new, 0.0, codes):
        touched[table["theme"].iloc[0]] = table[_FACT].astype(object)
    moved = _moved(old, new) | set.symmetric_difference(*(set(table["edition"]) for table in usable))
    for theme in sorted({i.theme for i in new.catalog.indicators.values()}):
        if theme not in touched and not moved:
            continue
        sides = [_of_theme(w, theme, codes) for w in (old, new)]
        wanted = [touched.get(theme, pd.DataFrame(columns=_FACT, dtype=object))]
        wanted += [side.loc[side["edition"].isin(moved), _FACT] for side in sides] if moved else []
        facts = pd.concat(wanted).drop_duplicates()
        if facts.empty:
            continue
        before, after = (_preferred(side.merge(facts, on=_FACT), editions) for side, editions in zip(sides, usable, strict=True))
        table = before.merge(after, on=_FACT, how="outer", suffixes=("_old", "_new"))
        table = table.rename(columns={f"{c}_{s}": f"{s}_{c}" for c in [*_SAID, "published"] for s in ("old", "new")})
        texts = [f"{s}_{c}" for c in _SAID if c != "value" for s in ("old", "new")]
        table[texts] = table[texts].fillna("")
        table["kind"] = _kinds(table)
        table = table[table["kind"] != ""]
        if len(table):
            difference = (table["new_value"] - table["old_value"]).round(9)
            yield table.assign(theme=theme, unit=table["indicator"].map(units), difference=difference, reason="")


def _of_theme(warehouse: Warehouse, theme: str, codes: list[str]) -> pd.DataFrame:
    """Read what is said of some QPV on the indicators whose own theme it is."""
    rows = warehouse.observations(theme, [("level", "==", "qpv"), ("territory", "in", codes or [""])])
    own = {i.id for i in warehouse.catalog.indicators.values() if i.theme == theme}
    return rows[rows["indicator"].isin(own)]


def _moved(old: Warehouse, new: Warehouse) -> set[str]:
    """Name the editions whose date or rank among sources is another: they may be preferred where they were not."""
    before, after = (w.editions.set_index("edition")[["published", "priority"]] for w in (old, new))
    both = before.add_suffix("_old").join(after.add_suffix("_new"), how="inner")
    same = (both["published_old"] == both["published_new"]) & (both["priority_old"] == both["priority_new"])
    return set(both.index[~same])


def _preferred(rows: pd.DataFrame, editions: pd.DataFrame) -> pd.DataFrame:
    """Keep the figure of each fact that a brief shows, from the editions that it may use."""
    rows = prefer(rows[rows["edition"].isin(editions["edition"])], editions)
    return rows.loc[rows["preferred"], [*_FACT, *_SAID, "published"]]


def _kinds(table: pd.DataFrame) -> np.ndarray:
    before, after = table["old_value"].notna(), table["new_value"].notna()
    gone = (table["new_status"] == "").to_numpy()
    spoken = ((table["old_status"] != "") & (table["new_status"] != "")).to_numpy()
    other = (table["old_status"] != table["new_status"]) | (table["old_qualifier"] != table["new_qualifier"])
    kinds: np.ndarray = np.select(
        [
            (before & after & ((table["new_value"] - table["old_value"]).abs() > 1e-9)).to_numpy(),
            (~before & after).to_numpy(), before.to_numpy() & gone, (before & ~after).to_numpy(), other.to_numpy() & spoken,
        ],
        [str(k) for k in (Kind.REVISED, Kind.NEW, Kind.REMOVED, Kind.WITHHELD, Kind.RESTATED)], default="",
    )  # fmt: skip
    return kinds


def _reasons(facts: pd.DataFrame, editions: pd.DataFrame, usable: list[pd.DataFrame]) -> list[str]:
    """Say why each figure changed, from what became of the edition that gave it."""
    what = dict(zip(editions["edition"], editions["change"], strict=True))
    could, can = (set(table["edition"]) for table in usable)
    reasons = []
    for before, after in zip(facts["old_edition"], facts["new_edition"], strict=True):
        if before == after or not (before and after):
            edition = after or before
            fate = what.get(edition, "")
            named = {"in": Reason.EDITION_IN, "out": Reason.EDITION_OUT}.get(fate)
            reason = named or (
                _dated(fate) if (edition in could) != (edition in can)
                else Reason.FILE_REPLACED if fate == "replaced" else Reason.CORRECTED
            )  # fmt: skip
        elif what.get(after) == "in":
            reason = Reason.EDITION_IN
        elif what.get(before) == "out":
            reason = Reason.EDITION_OUT
        elif after not in could or before not in can:
            reason = _dated(what.get(before if after in could else after, ""))
        elif "replaced" in (what.get(after), what.get(before)):
            reason = Reason.FILE_REPLACED
        else:
            reason = Reason.OTHER_EDITION
        reasons.append(str(reason))
    return reasons


def _dated(fate: str) -> Reason:
    """Why an edition may be used on one side only: its date was corrected, or it was published in between."""
    return Reason.REDATED if fate == "redated" else Reason.PUBLISHED
