"""Reading a few rows of a large Parquet file, without what a whole data set's machinery costs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def in_words(table: pa.Table) -> pd.DataFrame:
    """Give a table (columns as in ``table``) as pandas does, its dictionaries written out as texts."""
    columns = {f.name: table[f.name].cast(pa.large_string()) if pa.types.is_dictionary(f.type) else table[f.name]
               for f in table.schema}  # fmt: skip
    return pa.table(columns).to_pandas()


class SortedFile:
    """A Parquet file sorted by some columns of plain texts: only the row groups that may match are read.

    The bounds of the row groups are remembered, the file is opened anew for each reading: a process
    may fork in between.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._metadata: pq.FileMetaData | None = None
        self._bounds: dict[str, list[tuple[str, str]]] = {}

    def read(self, wanted: Mapping[str, Collection[str]], unwanted: Mapping[str, Collection[str]] | None = None) -> pd.DataFrame:
        """Give, in the order of the file, the rows whose texts are among those ``wanted`` and not among those ``unwanted``."""
        with pq.ParquetFile(self._path, metadata=self._metadata, memory_map=True) as file:
            self._metadata = file.metadata
            groups = set(range(file.num_row_groups))
            for column, texts in wanted.items():
                order = sorted(texts)
                groups &= {
                    n for n, (low, high) in enumerate(self._range(column)) if bisect_left(order, low) < bisect_right(order, high)
                }
            for column, texts in (unwanted or {}).items():
                groups -= {n for n, (low, high) in enumerate(self._range(column)) if low == high and low in texts}
            table = file.read_row_groups(sorted(groups))
        for column, texts in wanted.items():
            table = table.filter(pc.is_in(table[column], _texts(texts)))
        for column, texts in (unwanted or {}).items():
            table = table.filter(pc.invert(pc.is_in(table[column], _texts(texts))))
        return in_words(table)

    def _range(self, column: str) -> list[tuple[str, str]]:
        """Give the least and the greatest text of a column in each row group."""
        if column not in self._bounds:
            assert self._metadata is not None
            groups = [self._metadata.row_group(n) for n in range(self._metadata.num_row_groups)]
            found = [group.column(self._metadata.schema.names.index(column)).statistics for group in groups]
            # Without statistics (a file without a row) anything may be there.
            self._bounds[column] = [(s.min, s.max) if s is not None else ("", "\U0010ffff") for s in found]
        return self._bounds[column]


def _texts(texts: Collection[str]) -> pa.Array:
    return pa.array(sorted(texts), pa.large_string())
