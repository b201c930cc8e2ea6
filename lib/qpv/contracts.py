"""The embedded default: figures transcribed from public contrats de ville.

``data/contracts/<EPCI>/<theme>.csv`` holds one row a figure, with document and line;
``documents.yml`` describes the documents; ``places/*.csv`` names the schools and sectors.
Analysts edit these files in a spreadsheet: semicolons, BOM and decimal commas are accepted.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from qpv.catalog import Catalog
from qpv.errors import CatalogError
from qpv.numbers import parse_number
from qpv.personal import refused_columns, shown_person
from qpv.quarter import is_period
from qpv.reference import Reference, fold
from qpv.schemas import OBSERVATIONS, TERRITORIES
from qpv.territory import normalise_code
from qpv.vocabulary import GENERATIONS, LEVELS, Qualifier, Status

COLUMNS: Final = (
    "document", "line", "territory", "level", "generation", "indicator", "period", "value", "unit",
    "qualifier", "source_cited", "note",
)  # fmt: skip
#: Tables that stand beside the figures in the folder of an EPCI, with columns of their own (see ``qpv.contract``).
REGISTERS: Final = frozenset({
    "measures.csv", "actions.csv", "totals.csv", "workshops.csv", "barometer.csv", "abatement.csv", "upkeep.csv", "cases.csv",
    "renewal.csv", "facilities.csv", "sites.csv", "opinions.csv",
})  # fmt: skip
_PLACE_COLUMNS: Final = ("code", "level", "name", "commune", "kind")
_CODED_LEVELS: Final = ("qpv", "commune", "epci", "departement", "region", "france")


class Document(BaseModel):
    """A document from which figures were transcribed.

    ``public``: anybody may read it, so that what it prints stays; else it is a register, whose small counts are withheld.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    text: str
    title: str
    publisher: str
    published: dt.date
    published_precision: Literal["day", "month", "year"] = "day"
    priority: int
    public: bool = False


@dataclass(frozen=True)
class Contracts:
    """What the embedded contracts hold: documents, observations and places."""

    documents: dict[str, Document]
    observations: pd.DataFrame
    places: pd.DataFrame


def load_contracts(folder: Path, catalog: Catalog, reference: Reference) -> Contracts:
    """Read and check every transcribed figure.

    Raises
    ------
    CatalogError
        Listing every bad row with its file, line, value and what was expected.
    """
    documents = _documents(folder / "documents.yml")
    faults: list[str] = []
    places = _places(sorted((folder / "places").glob("*.csv")), reference, faults)
    known_places = set(places["code"])
    rows = []
    for file in sorted(folder.glob("*/*.csv")):
        if not file.parent.name.isdigit() or file.name in REGISTERS:
            continue  # places/ and excluded/ stand beside the EPCI
        for line, row in _read_rows(file, COLUMNS, faults):
            fault = _fault(row, catalog, documents, known_places)
            if fault:
                faults.append(f"{file.parent.name}/{file.name}, line {line}: {fault}")
            else:
                rows.append(_observation(row))
    if faults:
        raise CatalogError("\n".join(faults))
    observations = pd.DataFrame(rows, columns=list(OBSERVATIONS.columns))
    return Contracts(documents, observations, places)


def _documents(file: Path) -> dict[str, Document]:
    try:
        entries = [Document.model_validate(d) for d in yaml.safe_load(file.read_text("utf-8"))]
    except (OSError, yaml.YAMLError, TypeError, ValidationError) as error:
        raise CatalogError(f"{file.name}: {error}") from error
    return {d.id: d for d in entries}


def _read_rows(file: Path, columns: tuple[str, ...], faults: list[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV that a person may have saved from a spreadsheet."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.append(f"{file.name}: not UTF-8 ({error.reason}); save it as CSV UTF-8")
        return []
    header = text.partition("\n")[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    lacking = [c for c in columns if c not in (lines.fieldnames or [])]
    if lacking:
        faults.append(f"{file.name}, line 1: missing columns {', '.join(lacking)}")
        return []
    refused = refused_columns(h for h in lines.fieldnames or [] if h and h not in columns)
    faults += [
        f"{file.name}, line 1: {head!r}: a column of {what} is refused: delete the column" for head, what in refused.items()
    ]
    if refused:
        return []
    rows = []
    for row in lines:
        if row.get(None):  # type: ignore[call-overload]  # csv puts surplus cells under None
            faults.append(
                f"{file.name}, line {lines.line_num}: more cells than the header; put a text with {separator!r} in quotes"
            )
        elif any(v for v in row.values() if isinstance(v, str)):
            cells = {c: (row[c] or "").strip() for c in columns}
            shown = {c: what for c, said in cells.items() for what in [shown_person(said)] if what}
            for column, what in shown.items():
                faults.append(
                    f"{file.name}, line {lines.line_num}, {column}: {what}: no file of a contract may hold data on a person"
                )
            if not shown:
                rows.append((lines.line_num, cells))
    return rows


def _fault(row: dict[str, str], catalog: Catalog, documents: dict[str, Document], places: set[str]) -> str:
    """Say what is wrong with a row, or nothing."""
    indicator = catalog.indicators.get(row["indicator"])
    if row["document"] not in documents:
        return f"document {row['document']!r} is not in documents.yml"
    if not row["line"].isdigit():
        return f"line {row['line']!r}: expected the line number in the document"
    if indicator is None:
        return f"indicator {row['indicator']!r} is not in the catalogue"
    if row["unit"] != indicator.unit:
        return f"unit {row['unit']!r}: indicator {indicator.id} is in {indicator.unit!r}"
    if row["level"] not in LEVELS:
        return f"level {row['level']!r}: expected one of {', '.join(LEVELS)}"
    if row["generation"] not in GENERATIONS:
        return f"generation {row['generation']!r}: expected 2015, 2024 or nothing"
    if not is_period(row["period"]):
        return f"period {row['period']!r}: expected 2019, 2021-T4, 2021-12, 2022-2023 or undated"
    if row["qualifier"] not in set(Qualifier):
        return f"qualifier {row['qualifier']!r}: expected one of {', '.join(q or '(nothing)' for q in Qualifier)}"
    if row["level"] in _CODED_LEVELS:
        if normalise_code(row["territory"], row["level"], row["generation"]) != row["territory"]:
            return f"territory {row['territory']!r} is no code of level {row['level']!r} {row['generation']}".rstrip()
    elif not row["level"].startswith("qpv_of_") and row["territory"] not in places:
        return f"territory {row['territory']!r} is in no file of places/"
    try:
        parse_number(row["value"])
    except ValueError:
        return f"value {row['value']!r} is not a number"
    return ""


def _observation(row: dict[str, str]) -> dict[str, object]:
    note = row["note"]
    if row["source_cited"]:
        note = f"{note} — source citée : {row['source_cited']}" if note else f"source citée : {row['source_cited']}"
    return {
        "territory": row["territory"], "level": row["level"], "generation": row["generation"],
        "indicator": row["indicator"], "period": row["period"], "value": parse_number(row["value"]),
        "status": Status.TRANSCRIBED.value, "qualifier": row["qualifier"],
        "edition": row["document"], "file": row["document"], "row": int(row["line"]), "column": "", "note": note,
    }  # fmt: skip


def _places(files: list[Path], reference: Reference, faults: list[str]) -> pd.DataFrame:
    communes = reference.communes.set_index("code")[["longitude", "latitude"]]
    rows: dict[str, dict[str, object]] = {}
    for file in files:
        for line, row in _read_rows(file, _PLACE_COLUMNS, faults):
            if row["level"] not in ("school", "sector", "other"):
                faults.append(f"places/{file.name}, line {line}: level {row['level']!r}: expected school, sector or other")
                continue
            insee = row["commune"]
            if insee and insee not in communes.index:
                faults.append(
                    f"places/{file.name}, line {line}: commune {insee!r} is not in the reference; give its INSEE code or nothing"
                )
                continue
            rows.setdefault(
                row["code"],
                {
                    "code": row["code"], "level": row["level"], "generation": "", "name": row["name"], "aliases": "",
                    **reference.place([insee] if insee else []), "kind": row["kind"], "population": None,
                    "longitude": None, "latitude": None, "edition": "contracts",
                },
            )  # fmt: skip
    return pd.DataFrame(list(rows.values()), columns=list(TERRITORIES.columns))


def match_schools(places: pd.DataFrame, schools: pd.DataFrame) -> dict[str, str]:
    """Match the schools that contracts name with the official ones: contract code → UAI.

    A match needs the same commune, the same kind, and all the words of one name within the other,
    for exactly one official school.
    """
    found = {}
    named = places[places["level"] == "school"]
    for place in named.itertuples():
        words = _school_words(place.name)
        candidates = schools[(schools["communes"] == place.communes) & (schools["kind"] == place.kind)]
        hits = [
            s.code for s in candidates.itertuples()
            if words and (words <= _school_words(s.name) or _school_words(s.name) <= words)
        ]  # fmt: skip
        if len(hits) == 1:
            found[place.code] = hits[0]
    return found


def _school_words(name: str) -> frozenset[str]:
    return frozenset(fold(name).split()) - {"college", "lycee", "ecole", "de", "la", "le", "les", "et", "prive"}
