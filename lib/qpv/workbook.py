"""Workbooks: tables as an XLSX file of a few sheets, the same bytes for the same cells."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from qpv.html import inert_cell, visible

#: What a cell may hold.
Cell = str | float | dt.date | None

#: The longest text that the format allows in a cell.
_LONGEST: Final = 32_767


@dataclass(frozen=True)
class Sheet:
    """A table: its name (at most 31 characters), heads with the width of their columns in characters, rows."""

    name: str
    heads: Sequence[tuple[str, float]]
    rows: Sequence[Sequence[Cell]]


def write_workbook(sheets: Sequence[Sheet], title: str, created: dt.date) -> bytes:
    """Write sheets as XLSX: heads in bold that stay in sight, numbers as numbers, days as days, ready to print.

    Every text is written as text and, if it looks like a formula, with an apostrophe before it, so that it
    stays inert in a CSV made from the sheet.  ``created`` is the only time in the file.
    """
    buffer = io.BytesIO()
    # In memory, xlsxwriter gives each part of the archive the same fixed time.
    book = Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties(
        {"title": visible(title), "author": "Observatoire des QPV", "created": dt.datetime.combine(created, dt.time())}
    )
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#EEF1F4", "bottom": 1})
    plain, day = (
        book.add_format({"text_wrap": True, "valign": "top"}),
        book.add_format({"num_format": "dd/mm/yyyy", "valign": "top"}),
    )
    number = book.add_format({"valign": "top"})
    for sheet in sheets:
        page = book.add_worksheet(sheet.name)
        for column, (words, width) in enumerate(sheet.heads):
            page.set_column(column, column, width)
            page.write_string(0, column, _text(words), head)
        for line, cells in enumerate(sheet.rows, start=1):
            for column, cell in enumerate(cells):
                if isinstance(cell, str):
                    page.write_string(line, column, _text(cell), plain)
                elif isinstance(cell, dt.date):
                    page.write_datetime(line, column, dt.datetime.combine(cell, dt.time()), day)
                elif cell is not None:
                    page.write_number(line, column, cell, number)
        _settle(page, len(sheet.rows), len(sheet.heads), title)
    book.close()
    return buffer.getvalue()


def _settle(page: Worksheet, rows: int, columns: int, title: str) -> None:
    """Freeze the heads, let the table be filtered, and print it across the page with its heads."""
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, max(rows, 1), columns - 1)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    # "&" would start a code of the footer.
    page.set_footer(f"&L{visible(title).replace('&', '&&')[:150]}&R&P / &N")


def _text(value: str) -> str:
    return str(inert_cell(visible(value)))[:_LONGEST]
