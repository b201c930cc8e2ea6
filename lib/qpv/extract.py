"""The figures of briefs as tables that people keep: a French CSV, and a workbook with definitions and sources.

A line holds what the ``qpv-figures`` JSON holds, under the same names, and the same in French words.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from qpv.html import inert_cell, visible
from qpv.numbers import NNBSP
from qpv.quarter import Quarter, format_period
from qpv.vocabulary import LEVELS_FR, QUALIFIER_FR, STATUS_FR, UNITS, Polarity, Qualifier, Status
from qpv.warehouse import Warehouse
from qpv.workbook import Cell, Sheet, write_workbook

#: The keys of a figure in the ``qpv-figures`` JSON.
KEYS: Final = (
    "indicator", "territory", "level", "generation", "period", "value", "unit", "status", "source", "edition",
)  # fmt: skip
#: The same in words.
WORDS: Final = ("indicateur", "territoire", "niveau", "unité", "statut", "précision", "note")
COLUMNS: Final = ("theme", *KEYS, *WORDS)

#: Column of the sheet of figures -> its head and width: words first, then the codes.
_FIGURES: Final = {
    "indicateur": ("Indicateur", 48), "territoire": ("Territoire", 28), "niveau": ("Niveau", 18),
    "generation": ("Périmètre des QPV", 11), "period": ("Période", 11), "value": ("Valeur", 12), "unité": ("Unité", 14),
    "statut": ("Statut", 18), "précision": ("Précision", 11), "note": ("Note", 40),
    "theme": ("Code du thème", 12), "indicator": ("Code de l’indicateur", 34), "territory": ("Code du territoire", 14),
    "level": ("Code du niveau", 14), "unit": ("Code de l’unité", 10), "status": ("Code du statut", 13),
    "source": ("Code de la source", 26), "edition": ("Code de l’édition", 30),
}  # fmt: skip
_DEFINITIONS: Final = (
    ("Indicateur", 48), ("Définition", 60), ("Champ", 48), ("Numérateur", 36), ("Dénominateur", 36), ("Unité", 14), ("Sens", 22),
    ("À savoir", 60), ("Ruptures de série", 40), ("Code de l’indicateur", 34),
)  # fmt: skip
_SOURCES: Final = (
    ("Producteur", 22), ("Jeu de données", 60), ("Publiée le", 12), ("Précision de la date", 22), ("Licence", 20), ("Page", 60),
    ("Pièges", 60), ("Code de l’édition", 30), ("Code de la source", 26),
)  # fmt: skip
_PRECISION_FR: Final = {
    "day": "au jour", "month": "au mois", "year": "à l’année", "assumed": "au plus tard (date supposée)",
}  # fmt: skip
_POLARITY_FR: Final = {
    Polarity.HIGHER: "plus élevé est favorable", Polarity.LOWER: "plus bas est favorable", Polarity.NONE: "sans jugement",
}  # fmt: skip

Row = dict[str, Any]


def file_stem(code: str, theme: str, quarter: str) -> str:
    """Name the files of a brief after QPV, theme and quarter: ``QN06254M-revenue-2026-T3``."""
    return f"{code}-{theme}-{quarter}"


def in_words(
    theme: str, figures: Sequence[Mapping[str, Any]], remarks: Mapping[str, Sequence[str]], warehouse: Warehouse
) -> list[Row]:
    """Put figures in French words.

    Parameters
    ----------
    figures
        As the ``qpv-figures`` JSON holds them.
    remarks
        Qualifier and note of some of them, by their place in the list.

    Returns
    -------
    list of dict
        :data:`COLUMNS`; ``value`` a number or ``None``; no text that a spreadsheet would read as a formula.

    Raises
    ------
    CatalogError
        If an indicator is not in the catalogue of the warehouse.
    """
    rows = []
    for place, figure in enumerate(figures):
        indicator = warehouse.catalog.indicator(figure["indicator"])
        qualifier, note = remarks.get(str(place), ("", ""))
        row = {
            "theme": theme, **{key: figure[key] for key in KEYS}, "indicateur": indicator.label,
            "territoire": _name(warehouse, figure["level"], figure["territory"]),
            "niveau": LEVELS_FR[figure["level"]], "unité": UNITS[figure["unit"]][2],
            "statut": STATUS_FR[Status(figure["status"])], "précision": QUALIFIER_FR[Qualifier(qualifier)],
            "note": note,
        }  # fmt: skip
        rows.append({k: inert_cell(visible(v)) if isinstance(v, str) else v for k, v in row.items()})
    return rows


def _name(warehouse: Warehouse, level: str, code: str) -> str:
    """Name a territory; an aggregate of QPV bears the name of what it lies in."""
    places = warehouse.places(level.removeprefix("qpv_of_"))
    return str(places.at[code, "name"]) if code in places.index else code


def to_csv(rows: Iterable[Row]) -> str:
    """Write rows as a French spreadsheet reads them at a double click: BOM, semicolons, decimal commas."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({**row, "value": _number(row["value"])} for row in rows)
    return "\ufeff" + buffer.getvalue()


def _number(value: float | None) -> str:
    """Write a number in full, with a comma: ``61,4``; a whole one without decimals."""
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value)).replace(".", ",")


def from_csv(content: str) -> list[Row]:
    """Read what :func:`to_csv` wrote; nothing from a table with other columns.

    Raises
    ------
    ValueError
        If a value is no number.
    """
    lines = csv.DictReader(io.StringIO(content.removeprefix("\ufeff"), newline=""), delimiter=";")
    if lines.fieldnames is None or tuple(lines.fieldnames) != COLUMNS:
        return []
    return [{**line, "value": float(line["value"].replace(",", ".")) if line["value"] else None} for line in lines]


def to_xlsx(rows: Sequence[Row], title: str, quarter: Quarter, warehouse: Warehouse) -> bytes:
    """Write rows as a workbook of three sheets: figures, definitions, sources; dated at the quarter's end."""
    figures = Sheet("Chiffres", list(_FIGURES.values()), [[_cell(row, name) for name in _FIGURES] for row in rows])
    indicators = dict.fromkeys(row["indicator"] for row in rows)
    editions = dict.fromkeys(row["edition"] for row in rows if row["edition"])
    sheets = [
        figures,
        Sheet("Définitions", _DEFINITIONS, _definitions(indicators, warehouse)),
        Sheet("Sources", _SOURCES, _sources(editions, warehouse)),
    ]
    return write_workbook(sheets, title, quarter.end)


def _cell(row: Row, name: str) -> Cell:
    value: Cell = row[name]
    if name == "period" and value:
        return format_period(str(value))
    return value or None if isinstance(value, str) else value


def _definitions(identifiers: Iterable[str], warehouse: Warehouse) -> list[list[Cell]]:
    """Say what each indicator means; one that the catalogue no longer has is left out."""
    known = [warehouse.catalog.indicators[i] for i in identifiers if i in warehouse.catalog.indicators]
    return [
        [
            i.label, i.definition, i.universe, i.numerator, i.denominator, UNITS[i.unit][2], _POLARITY_FR[i.polarity],
            " ".join(i.warnings) or None,
            " ; ".join(f"{format_period(b.period)}{NNBSP}: {b.reason}" for b in i.breaks) or None, i.id,
        ]
        for i in known
    ]  # fmt: skip


def _sources(identifiers: Iterable[str], warehouse: Warehouse) -> list[list[Cell]]:
    """Say where each edition comes from; one that is no longer read is left out."""
    editions = warehouse.editions.set_index("edition", drop=False)
    rows: list[list[Cell]] = []
    for identifier in identifiers:
        if identifier in editions.index:
            e = editions.loc[identifier]
            day: dt.date = e["published"].date()
            rows.append([e["producer"], e["dataset"], day, _PRECISION_FR[e["published_precision"]], e["licence"],
                         e["landing_page"], e["traps"].replace("|", " ") or None, identifier, e["source"]])  # fmt: skip
    return rows
