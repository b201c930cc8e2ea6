"""Any table of texts: what is written is read, whatever the byte order mark, line ends and quotes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qpv.catalog import Edition, Table
from qpv.sources.rawfile import RawFile
from qpv.sources.text_table import LINE, read_text_table

EDITION = Edition.model_validate({"id": "e", "files": "t.csv", "published": "2022-01-01"})
#: What stands in cells of official files: letters, separators, quotes, spaces of all kinds; no line ends within a cell.
cell = st.text(st.sampled_from("aé1,5;\"' \u202f\u00a0«»%-"), max_size=8)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(1, 99999).map(str), cell, cell), min_size=1, max_size=6),
    separator=st.sampled_from(";,"),
    ends=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["utf-8", "utf-8-sig"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_cells_are_read_as_they_were_written(
    rows: list[tuple[str, str, str]], separator: str, ends: str, mark: str, quoting: int, tmp_path: Path
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=ends, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("CODGEO", "Libellé", "Valeur"), *rows])
    file = tmp_path / "t.csv"
    file.write_bytes(text.getvalue().encode(mark))
    table = read_text_table(RawFile(file), Table(key=["CODGEO"], separator=separator), EDITION)
    assert list(table) == [LINE, "CODGEO", "Libellé", "Valeur"]
    assert list(table[["CODGEO", "Libellé", "Valeur"]].itertuples(index=False, name=None)) == rows
    assert table[LINE].tolist() == [str(n) for n in range(2, len(rows) + 2)]
