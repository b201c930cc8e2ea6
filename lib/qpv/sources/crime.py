"""Recorded crime by département (SSMSI): one row a class of facts, year and département."""

from __future__ import annotations

from typing import Final

import pandas as pd

from qpv.catalog import Edition, Source, Table
from qpv.errors import SourceError
from qpv.numbers import parse_cell
from qpv.schemas import OBSERVATIONS, empty
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE, read_text_table
from qpv.territory import normalise_code

_KEY: Final = "Code.département"
_LAYOUT: Final = Table(key=_KEY)  # type: ignore[arg-type]  # one name, made a list
#: Rate per 1000: inhabitants, or dwellings for burglaries (checked: facts over POP or LOG).
_RATE: Final = "tauxpourmille"


@reader("recorded_crime")
def read_recorded_crime(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the rates of the classes that the catalogue names as columns, per 1000 inhabitants or dwellings.

    The year has two digits (``23`` → 2023).  Rows without a département are left out and told.

    Raises
    ------
    SourceError
        If a column lacks, a year or a rate cannot be read, or a département stands twice.
    """
    frame = read_text_table(raw, _LAYOUT, edition)
    lacking = [c for c in ("classe", "annee", _RATE) if c not in frame]
    if lacking:
        raise SourceError(f"{raw.name}: missing columns {', '.join(lacking)}; found {', '.join(list(frame)[1:9])}")
    codes = frame[_KEY].map(lambda text: normalise_code(text, "departement"))
    findings = []
    if codes.isna().any():
        shown = ", ".join(sorted(set(frame.loc[codes.isna(), _KEY])))
        findings.append(Finding("info", raw.name, f"{int(codes.isna().sum())} rows left out, no code of a département: {shown}"))
    frame = frame.assign(territory=codes)[codes.notna()]
    bad = frame[~frame["annee"].str.fullmatch(r"\d{2}")]
    if len(bad):
        raise SourceError(f"{raw.name}, line {bad[LINE].iloc[0]}, column annee: {bad['annee'].iloc[0]!r} has not two digits")
    tables = []
    for indicator, column in context.catalog.columns_of(source.id):
        rows = frame[frame["classe"].isin(column.column)]
        if rows.empty:
            findings.append(Finding("warning", raw.name, f"no rows of class {column.column[0]!r} ({indicator.id})"))
            continue
        cells = [_cell(text, line, raw) for text, line in zip(rows[_RATE], rows[LINE], strict=True)]
        tables.append(
            pd.DataFrame(
                {
                    "territory": rows["territory"], "level": "departement", "generation": "", "indicator": indicator.id,
                    "period": "20" + rows["annee"], "value": [v for v, _ in cells], "status": [s for _, s in cells],
                    "qualifier": "", "edition": edition.id, "file": raw.name, "row": rows[LINE].astype("int64"),
                    "column": f"{_RATE} / " + rows["classe"], "note": "",
                }
            )
        )  # fmt: skip
    observations = pd.concat(tables, ignore_index=True) if tables else empty(OBSERVATIONS)
    twins = observations[observations.duplicated(["territory", "indicator", "period"])]
    if len(twins):
        first = twins.iloc[0]
        raise SourceError(f"{raw.name}, line {first['row']}: département {first['territory']} stands twice in {first['period']}")
    return Delivery(observations=observations, findings=findings)


def _cell(text: str, line: str, raw: RawFile) -> tuple[float | None, str]:
    try:
        value, status = parse_cell(text)
    except ValueError:
        raise SourceError(
            f"{raw.name}, line {line}, column {_RATE}: {text[:60]!r} is neither a number nor a mark of absence"
        ) from None
    return (None if value is None else round(value, 6)), status.value
