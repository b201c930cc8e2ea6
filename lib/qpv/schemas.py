"""The tables of the warehouse and what must hold of them (pandera).

``OBSERVATIONS``: one row a fact.  ``TERRITORIES``: one row a place.  ``CROSSWALK``: one row a pair
of QPV of two generations, or one QPV that has no other (``new``, ``ended``: the other code is empty).  ``EDITIONS``: one row a delivery that was read.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pandera.pandas as pa
from pandas.api.types import union_categoricals
from pandera.errors import SchemaErrors

from qpv.errors import WarehouseError
from qpv.quarter import is_period
from qpv.vocabulary import ABSENT, GENERATIONS, LEVELS, PRESENT, Qualifier, Status


def _text(*checks: pa.Check) -> pa.Column:
    return pa.Column(str, list(checks), coerce=True)


def _every(test: Callable[[str], bool], error: str) -> pa.Check:
    """Check each distinct text once: tables repeat the same few texts millions of times."""
    return pa.Check(lambda s: s.isin([v for v in s.unique() if test(v)]), error=error)


def _absence_is_typed(table: pd.DataFrame) -> pd.Series:
    """A value is there exactly when its status says so."""
    present = table["status"].isin([s.value for s in PRESENT])
    absent = table["status"].isin([s.value for s in ABSENT])
    return (present & table["value"].notna()) | (absent & table["value"].isna())


def _lone_is_said(table: pd.DataFrame) -> pd.Series:
    """Only a new QPV lacks the code of 2015, only an ended one that of 2024."""
    new, ended = table["relation"] == "new", table["relation"] == "ended"
    return (new == (table["code_2015"] == "")) & (ended == (table["code_2024"] == ""))


OBSERVATIONS = pa.DataFrameSchema(
    {
        "territory": _text(_every(lambda t: 1 <= len(t) <= 120, "1 to 120 characters")),
        "level": _text(pa.Check.isin(LEVELS)),
        "generation": _text(pa.Check.isin(GENERATIONS)),
        "indicator": _text(),
        "period": _text(_every(is_period, "a period")),
        "value": pa.Column(float, pa.Check(lambda s: s.abs() < 1e12), nullable=True, coerce=True),
        "status": _text(pa.Check.isin([s.value for s in Status])),
        "qualifier": _text(pa.Check.isin([q.value for q in Qualifier])),
        "edition": _text(),
        "file": _text(),  # base name, never a path
        "row": pa.Column("int64", pa.Check.ge(0), coerce=True),
        "column": _text(),
        "note": _text(),
    },
    checks=[pa.Check(_absence_is_typed, error="a value without a present status, or the reverse")],
    strict=True,
    ordered=True,
    name="observations",
)

TERRITORIES = pa.DataFrameSchema(
    {
        "code": _text(pa.Check.str_length(1, 120)),
        "level": _text(pa.Check.isin(LEVELS)),
        "generation": _text(pa.Check.isin(GENERATIONS)),
        "name": _text(pa.Check.str_length(1, 300)),
        "aliases": _text(),  # separated by |
        "communes": _text(),  # INSEE codes, separated by a space
        "epci": _text(),  # SIREN codes, separated by a space
        "departement": _text(),
        "region": _text(),
        "kind": _text(),
        "population": pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True),
        "longitude": pa.Column(float, pa.Check.in_range(-180, 180), nullable=True, coerce=True),
        "latitude": pa.Column(float, pa.Check.in_range(-90, 90), nullable=True, coerce=True),
        "edition": _text(),
    },
    unique=["level", "code"],
    strict=True,
    ordered=True,
    name="territories",
)

CROSSWALK = pa.DataFrameSchema(
    {
        "code_2024": _text(),
        "code_2015": _text(),
        "share_2024": pa.Column(float, pa.Check.in_range(0, 1), nullable=True, coerce=True),
        "share_2015": pa.Column(float, pa.Check.in_range(0, 1), nullable=True, coerce=True),
        "relation": _text(pa.Check.isin(["new", "identical", "redrawn", "ended", "unknown"])),
        "method": _text(pa.Check.isin(["overlap", "declared", "official"])),
    },
    checks=[pa.Check(_lone_is_said, error="a QPV that stands alone and is neither new nor ended, or the reverse")],
    unique=["code_2024", "code_2015"],
    strict=True,
    ordered=True,
    name="crosswalk",
)

#: One row a square and QPV near it: its value as the producer gives it, ``touches`` where it shares ground with the QPV.
SQUARES = pa.DataFrameSchema(
    {
        "qpv": _text(),
        "indicator": _text(),
        "period": _text(),
        "edition": _text(),
        "value": pa.Column(float, nullable=False, coerce=True),
        "touches": pa.Column(bool, coerce=True),
        "outline": pa.Column(object),  # WKB, EPSG:4326
    },
    strict=True,
    ordered=True,
    name="squares",
)

EDITIONS = pa.DataFrameSchema(
    {
        "edition": _text(),
        "source": _text(),
        "producer": _text(),
        "dataset": _text(),
        "landing_page": _text(),
        "licence": _text(),
        "published": pa.Column("datetime64[ns]", coerce=True),
        "published_precision": _text(),
        "priority": pa.Column("int64", coerce=True),
        "generation": _text(pa.Check.isin(GENERATIONS)),
        "file": _text(),
        "sha256": _text(),
        "observations": pa.Column("int64", pa.Check.ge(0), coerce=True),
        "absences": pa.Column("int64", pa.Check.ge(0), coerce=True),
        "traps": _text(),  # separated by |
    },
    unique=["edition"],
    strict=True,
    ordered=True,
    name="editions",
)


#: The columns of observations that are texts: millions of rows repeat a few of them.
_TEXTS = [name for name in OBSERVATIONS.columns if name not in ("value", "row")]


def compact(observations: pd.DataFrame) -> pd.DataFrame:
    """Give the observations (:data:`OBSERVATIONS`) with their texts as categories: a tenth of the memory."""
    return observations.astype(dict.fromkeys(_TEXTS, "category"))


def stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of :data:`OBSERVATIONS` below each other, texts as categories in alphabetical order."""
    parts = [compact(t[list(OBSERVATIONS.columns)]) for t in tables]
    stacked = {
        name: union_categoricals([p[name].astype("category") for p in parts], sort_categories=True)
        if name in _TEXTS
        else pd.concat([p[name].astype("int64" if name == "row" else float) for p in parts], ignore_index=True)
        for name in OBSERVATIONS.columns
    }
    return pd.DataFrame(stacked)


def empty(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Give a table with the columns of ``schema`` and no row."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in schema.columns})


def check(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Check a table against its ``schema`` and give it back in the schema's types.

    Texts that come as categories are judged by their distinct texts, and stay categories.

    Raises
    ------
    WarehouseError
        Naming the table and the first few faults, with the values.
    """
    try:
        table = table[list(schema.columns)]
        words = [c for c in table if isinstance(table[c].dtype, pd.CategoricalDtype) and table[c].cat.categories.dtype == "str"]
        as_they_come = {c: {"dtype": "category", "coerce": False} for c in words}
        return schema.update_columns(as_they_come).validate(table, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        # Faults of a column first; a check on the whole table repeats itself for each column.
        cases = cases.assign(whole=cases["schema_context"] != "Column").sort_values("whole", kind="stable")
        faults = cases.drop_duplicates("check")[["column", "check", "failure_case"]].head(5)
        detail = "; ".join(f"{f.column}: {f.check} failed on {f.failure_case!r}" for f in faults.itertuples())
        raise WarehouseError(f"table {schema.name!r} breaks its schema: {detail}") from None
    except KeyError as error:
        raise WarehouseError(f"table {schema.name!r} lacks columns: {error}") from None
