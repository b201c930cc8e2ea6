"""The tables of the warehouse and what must hold of them (pandera).

``OBSERVATIONS``: one row a fact.  ``TERRITORIES``: one row a place.  ``CROSSWALK``: one row a pair
of QPV of two generations.  ``EDITIONS``: one row a delivery that was read.
"""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from qpv.errors import WarehouseError
from qpv.quarter import is_period
from qpv.vocabulary import ABSENT, GENERATIONS, LEVELS, PRESENT, Qualifier, Status

_TEXT = {"coerce": True}


def _absence_is_typed(table: pd.DataFrame) -> pd.Series:
    """A value is there exactly when its status says so."""
    present = table["status"].isin([s.value for s in PRESENT])
    absent = table["status"].isin([s.value for s in ABSENT])
    return (present & table["value"].notna()) | (absent & table["value"].isna())


OBSERVATIONS = pa.DataFrameSchema(
    {
        "territory": pa.Column(str, pa.Check.str_length(1, 120), **_TEXT),
        "level": pa.Column(str, pa.Check.isin(LEVELS), **_TEXT),
        "generation": pa.Column(str, pa.Check.isin(GENERATIONS), **_TEXT),
        "indicator": pa.Column(str, **_TEXT),
        "period": pa.Column(str, pa.Check(lambda s: s.map(is_period).astype(bool)), **_TEXT),
        "value": pa.Column(float, pa.Check(lambda s: s.abs() < 1e12), nullable=True, coerce=True),
        "status": pa.Column(str, pa.Check.isin([s.value for s in Status]), **_TEXT),
        "qualifier": pa.Column(str, pa.Check.isin([q.value for q in Qualifier]), **_TEXT),
        "edition": pa.Column(str, **_TEXT),
        "file": pa.Column(str, **_TEXT),  # base name, never a path
        "row": pa.Column("int64", pa.Check.ge(0), coerce=True),
        "column": pa.Column(str, **_TEXT),
        "note": pa.Column(str, **_TEXT),
    },
    checks=[pa.Check(_absence_is_typed, error="a value without a present status, or the reverse")],
    strict=True,
    ordered=True,
    name="observations",
)

TERRITORIES = pa.DataFrameSchema(
    {
        "code": pa.Column(str, pa.Check.str_length(1, 120), **_TEXT),
        "level": pa.Column(str, pa.Check.isin(LEVELS), **_TEXT),
        "generation": pa.Column(str, pa.Check.isin(GENERATIONS), **_TEXT),
        "name": pa.Column(str, pa.Check.str_length(1, 300), **_TEXT),
        "aliases": pa.Column(str, **_TEXT),  # separated by |
        "communes": pa.Column(str, **_TEXT),  # INSEE codes, separated by a space
        "epci": pa.Column(str, **_TEXT),  # SIREN codes, separated by a space
        "departement": pa.Column(str, **_TEXT),
        "region": pa.Column(str, **_TEXT),
        "kind": pa.Column(str, **_TEXT),
        "population": pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True),
        "longitude": pa.Column(float, pa.Check.in_range(-180, 180), nullable=True, coerce=True),
        "latitude": pa.Column(float, pa.Check.in_range(-90, 90), nullable=True, coerce=True),
        "edition": pa.Column(str, **_TEXT),
    },
    unique=["level", "code"],
    strict=True,
    ordered=True,
    name="territories",
)

CROSSWALK = pa.DataFrameSchema(
    {
        "code_2024": pa.Column(str, **_TEXT),
        "code_2015": pa.Column(str, **_TEXT),
        "share_2024": pa.Column(float, pa.Check.in_range(0, 1), nullable=True, coerce=True),
        "share_2015": pa.Column(float, pa.Check.in_range(0, 1), nullable=True, coerce=True),
        "relation": pa.Column(str, pa.Check.isin(["identical", "redrawn", "unknown"]), **_TEXT),
        "method": pa.Column(str, pa.Check.isin(["overlap", "declared", "official"]), **_TEXT),
    },
    unique=["code_2024", "code_2015"],
    strict=True,
    ordered=True,
    name="crosswalk",
)

EDITIONS = pa.DataFrameSchema(
    {
        "edition": pa.Column(str, **_TEXT),
        "source": pa.Column(str, **_TEXT),
        "producer": pa.Column(str, **_TEXT),
        "dataset": pa.Column(str, **_TEXT),
        "landing_page": pa.Column(str, **_TEXT),
        "licence": pa.Column(str, **_TEXT),
        "published": pa.Column("datetime64[ns]", coerce=True),
        "published_precision": pa.Column(str, **_TEXT),
        "priority": pa.Column("int64", coerce=True),
        "generation": pa.Column(str, pa.Check.isin(GENERATIONS), **_TEXT),
        "file": pa.Column(str, **_TEXT),
        "sha256": pa.Column(str, **_TEXT),
        "observations": pa.Column("int64", pa.Check.ge(0), coerce=True),
        "absences": pa.Column("int64", pa.Check.ge(0), coerce=True),
        "traps": pa.Column(str, **_TEXT),  # separated by |
    },
    unique=["edition"],
    strict=True,
    ordered=True,
    name="editions",
)


def empty(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Give a table with the schema's columns and no row."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in schema.columns})


def check(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Check a table against its schema and give it back in the schema's types.

    Raises
    ------
    WarehouseError
        Naming the table and the first few faults, with the values.
    """
    try:
        return schema.validate(table[list(schema.columns)], lazy=True)
    except SchemaErrors as error:
        faults = error.failure_cases[["column", "check", "failure_case"]].drop_duplicates().head(5)
        detail = "; ".join(f"{f.column}: {f.check} failed on {f.failure_case!r}" for f in faults.itertuples())
        raise WarehouseError(f"table {schema.name!r} breaks its schema: {detail}") from None
    except KeyError as error:
        raise WarehouseError(f"table {schema.name!r} lacks columns: {error}") from None
