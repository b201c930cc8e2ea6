"""Large CSV files, read a block at a time: the columns asked for, in memory that does not grow with the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

from qpv.errors import SourceError
from qpv.numbers import parse_cell
from qpv.reference import fold
from qpv.sources.rawfile import RawFile
from qpv.sources.text_table import LINE

#: Bytes of text that are in memory at once.
BLOCK: Final = 16 << 20

#: No header of the catalogue comes near it; a file without line ends is not read into memory.
_MAX_HEADER: Final = 100_000
_SEPARATORS: Final = (";", ",", "\t", "|")


@dataclass(frozen=True)
class Header:
    """The names of the columns, as the file writes them, and what stands between them."""

    names: list[str]
    separator: str
    encoding: str


def read_header(raw: RawFile, encoding: str) -> Header:
    """Read the first line; the separator is the one that cuts it into most columns.

    Raises
    ------
    SourceError
        If there is no line of readable text.
    """
    with raw.open() as stream:
        line = stream.readline(_MAX_HEADER)
    try:
        text = line.decode("utf-8-sig" if encoding == "utf-8" else encoding).rstrip("\r\n")
        cut = {s: next(csv.reader([text], delimiter=s), []) for s in _SEPARATORS}
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{raw.name}, line 1: no header in {encoding} ({error})") from None
    separator = max(cut, key=lambda s: len(cut[s]))
    if not text.strip():
        raise SourceError(f"{raw.name}: no rows; expected a header on line 1 and data")
    return Header(cut[separator], separator, encoding)


def find(header: Header, alternatives: Sequence[str], raw: RawFile) -> str | None:
    """Find a column by the first alternative that the file has, whatever its case, accents and punctuation.

    Raises
    ------
    SourceError
        If the column stands twice under its very name.
    """
    for alternative in alternatives:
        start = alternative.removesuffix("*")
        for same in (str, lambda name: name.strip().casefold(), fold):
            if start != alternative:
                found = [n for n in header.names if same(n).startswith(same(start))]
            else:
                found = [n for n in header.names if same(n) == same(start)]
            if len(found) == 1:
                return found[0]
            if len(set(found)) == 1:
                raise SourceError(f"{raw.name}, line 1: column {found[0]!r} stands twice")
    return None


def column_of(header: Header, alternatives: Sequence[str], raw: RawFile) -> str:
    """Find a column that must be there, as :func:`find`.

    Raises
    ------
    SourceError
        If the file has none of the alternatives.
    """
    found = find(header, alternatives, raw)
    if found is None:
        raise SourceError(
            f"{raw.name}, line 1: no column {' or '.join(map(repr, alternatives))}; found {', '.join(header.names[:8])}…"
        )
    return found


def read_blocks(raw: RawFile, header: Header, wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Give the columns asked for as strings, some hundred thousand rows at a time, with ``__line__``.

    The line is counted in rows: cells that span lines and blank lines make it fall short.

    Raises
    ------
    SourceError
        If a row has not as many cells as the header, or the file is not in the encoding, cut or damaged.
    """
    columns = list(dict.fromkeys(wanted))
    line = 2
    with raw.open() as stream:
        try:
            with arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(
                    block_size=BLOCK, use_threads=False, encoding="utf8" if header.encoding == "utf-8" else header.encoding
                ),
                parse_options=arrow_csv.ParseOptions(delimiter=header.separator, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
                ),
            ) as reader:
                for batch in reader:
                    frame = batch.to_pandas()
                    frame.insert(0, LINE, np.arange(line, line + len(frame)))
                    line += len(frame)
                    yield frame
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"{raw.name}: {_told(str(error), header)}; the file is cut short or damaged: drop it again"
            ) from None


def _told(message: str, header: Header) -> str:
    """Say in our words what the CSV reader found; the content of a row is not repeated at length."""
    ragged = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if ragged:
        return f"line {ragged[1]} has {ragged[3]} cells where the header has {ragged[2]}"
    if "invalid UTF8" in message:
        return f"after line 1 there is text that is not {header.encoding}"
    if "straddling" in message:
        return f"a row longer than {BLOCK:,} bytes, as after a quote that is never closed"
    return message[:120]


def numbers(frame: pd.DataFrame, column: str, raw: RawFile) -> np.ndarray:
    """Give a column as numbers, ``NaN`` for blanks and marks of absence; French and English writing.

    Raises
    ------
    SourceError
        Naming line, column and text of the first cell that is neither.
    """
    text = frame[column].str.strip()
    values: np.ndarray = pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce").to_numpy(dtype=float, copy=True)
    # to_numeric reads "inf" too, which is no figure.
    values[np.isinf(values)] = np.nan
    for position in np.flatnonzero(np.isnan(values) & (text != "").to_numpy(dtype=bool)):
        try:
            found, _ = parse_cell(text.iloc[position])
        except ValueError:
            raise SourceError(
                f"{raw.name}, line {frame[LINE].iloc[position]}, column {column}: {text.iloc[position][:60]!r} is neither "
                "a number nor a mark of absence"
            ) from None
        values[position] = np.nan if found is None else found
    return values


def accepted(frame: pd.DataFrame, conditions: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Tell which rows hold an accepted value in every column named, whatever its case.

    A value that ends in ``*`` accepts all that starts like it; ``*`` alone all but blanks.
    """
    chosen = np.ones(len(frame), dtype=bool)
    for column, values in conditions.items():
        codes, texts = pd.factorize(frame[column])
        whole = {v.casefold() for v in values if not v.endswith("*")}
        starts = tuple(v[:-1].casefold() for v in values if v.endswith("*"))
        folded = [str(t).strip().casefold() for t in texts]
        fits = np.array([t in whole or (t != "" and t.startswith(starts)) for t in folded], dtype=bool)
        chosen &= fits[codes]
    return chosen
