"""Dictionaries of variables: what Insee says of each column and code in the ``meta_…`` file beside a table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from qpv.errors import SourceError
from qpv.sources.rawfile import RawFile

#: Columns of the dictionary, as all of Insee's bases name them.
_VARIABLE, _LABEL, _LONG, _CODE, _MEANING = "COD_VAR", "LIB_VAR", "LIB_VAR_LONG", "COD_MOD", "LIB_MOD"


@dataclass(frozen=True)
class Dictionary:
    """Labels of columns, and meanings of the codes of a column; in the producer's French."""

    labels: dict[str, str] = field(default_factory=dict)
    meanings: dict[str, dict[str, str]] = field(default_factory=dict)

    def label(self, column: str) -> str:
        """Give the label of a column, or nothing."""
        return self.labels.get(column.casefold(), "")

    def meaning(self, column: str, code: str) -> str:
        """Give what a code means in a column, or nothing."""
        return self.meanings.get(column.casefold(), {}).get(code, "")


def read_dictionary(raw: RawFile) -> Dictionary:
    """Read the dictionary beside a table; an empty one where there is none.

    The dictionary is read for what it says: rows that are cut or have no variable are passed over, since
    no figure depends on them.

    Raises
    ------
    SourceError
        If there is a dictionary that is no table of variables.
    """
    content = raw.dictionary()
    if content is None:
        return Dictionary()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    rows = csv.DictReader(io.StringIO(text), delimiter=";")
    if _VARIABLE not in (rows.fieldnames or []):
        raise SourceError(
            f"{raw.name}: the dictionary beside it has no column {_VARIABLE}; found {', '.join(rows.fieldnames or [])[:80]}"
        )
    labels: dict[str, str] = {}
    meanings: dict[str, dict[str, str]] = {}
    try:
        for row in rows:
            variable = (row[_VARIABLE] or "").strip().casefold()
            label, code = (row.get(_LONG) or row.get(_LABEL) or "").strip(), (row.get(_CODE) or "").strip()
            if variable and label:
                labels.setdefault(variable, label)
            if variable and code:
                meanings.setdefault(variable, {}).setdefault(code, (row.get(_MEANING) or "").strip())
    except csv.Error as error:
        raise SourceError(f"{raw.name}: the dictionary beside it cannot be read ({error}); drop it again") from error
    return Dictionary(labels, meanings)
