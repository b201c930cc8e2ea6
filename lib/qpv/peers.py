"""The figures of all QPV of France that a QPV is ranked and drawn among.

A brief needs one figure a QPV, indicator and period: tens of thousands of rows, the same for every
QPV.  The build writes them once, in the order of preference; a profile maps the file into memory
and keeps the first row of each fact that was published by then, so that nothing is sorted, and
processes share one copy.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qpv.catalog import Catalog
from qpv.parquet import in_words
from qpv.preference import STATUS_ORDER
from qpv.quarter import UNDATED
from qpv.vocabulary import COMPARABLE_QUALIFIERS

_FACT: Final = ["territory", "indicator", "period"]
_KEPT: Final = [*_FACT, "generation", "value", "status", "edition"]

#: The columns that a brief reads, see :class:`qpv.profile.Profile`.
COLUMNS: Final = ["territory", "level", "generation", "indicator", "period", "value", "status", "edition"]


def indicators_of(catalog: Catalog, theme: str) -> list[str]:
    """Give the ids of the indicators by which QPV are compared: the key ones, and all that a theme borrows."""
    return [i.id for i in catalog.of_theme(theme) if i.key or theme != i.theme]


def rank_figures(observations: pd.DataFrame, editions: pd.DataFrame, indicators: Collection[str]) -> pd.DataFrame:
    """Put the figures of all QPV that may be compared below each other, the preferred of each fact first.

    Parameters
    ----------
    observations
        See :data:`qpv.schemas.OBSERVATIONS`, in the order in which they are written.
    editions
        All of them, see :data:`qpv.schemas.EDITIONS`; which of them count is chosen when reading.
    indicators
        As :func:`indicators_of` gives them.

    Returns
    -------
    pandas.DataFrame
        ``territory, indicator, period, generation, value, status, edition``, texts as categories;
        ordered by fact, then by status, priority, date of publication (last first), line.
    """
    usable = observations["value"].notna() & observations["qualifier"].isin([q.value for q in COMPARABLE_QUALIFIERS])
    usable &= (observations["level"] == "qpv") & observations["indicator"].isin(indicators)
    rows = observations.loc[usable & (observations["period"] != UNDATED), _KEPT].reset_index(drop=True)
    texts = [name for name in _KEPT if name != "value"]
    rows[texts] = rows[texts].astype(str)
    ranked = rows[_FACT].join(editions.set_index("edition")[["published", "priority"]], on=rows["edition"])
    ranked["status"] = rows["status"].map({s.value: n for s, n in STATUS_ORDER.items()}).astype(int)
    ranked = ranked.sort_values([*_FACT, "status", "priority", "published"], ascending=[True] * 5 + [False], kind="stable")
    return rows.loc[ranked.index].reset_index(drop=True).astype(dict.fromkeys(texts, "category"))


def write(figures: pd.DataFrame, path: Path) -> None:
    """Write ranked figures as Arrow, uncompressed, to be mapped into memory."""
    words = pa.dictionary(pa.int32(), pa.large_string())
    schema = pa.schema([(name, pa.float64() if name == "value" else words) for name in _KEPT])
    table = pa.Table.from_pandas(figures, schema, preserve_index=False).replace_schema_metadata()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        # One batch: its columns are then seen as they lie in the file, without a copy.
        writer.write_table(table.combine_chunks())


def as_of(path: Path, editions: Collection[str], indicators: Collection[str] | None = None) -> pd.DataFrame:
    """Give the preferred figure of each fact, among those of some editions; of some indicators only, when named.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, sorted by territory, indicator and period.
    """
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all().combine_chunks()
    if indicators is not None:
        table = table.filter(pc.is_in(table["indicator"], pa.array(sorted(indicators), pa.large_string())))
    table = table.filter(pc.is_in(table["edition"], pa.array(sorted(editions), pa.large_string())))
    first = np.zeros(len(table), dtype=bool)
    first[:1] = True
    for name in _FACT:
        codes = table[name].combine_chunks().indices.to_numpy()
        first[1:] |= codes[1:] != codes[:-1]
    table = table.filter(pa.array(first))
    table = table.append_column("level", pa.repeat(pa.scalar("qpv", pa.large_string()), len(table)))
    return in_words(table.select(COLUMNS))
