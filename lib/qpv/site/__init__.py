"""The run as a small site: the index, the state of the data, what changed, the method and the glossary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qpv.atomic import write_atomically
from qpv.batch import Record
from qpv.errors import WarehouseError
from qpv.inventory import take_inventory
from qpv.news import News, what_changed
from qpv.quarter import Quarter
from qpv.site.changes import changes_page
from qpv.site.data import data_page
from qpv.site.index import index_page
from qpv.site.method import glossary_page, method_page
from qpv.site.report import report_page
from qpv.warehouse import Warehouse

__all__ = ["changes_page", "data_page", "glossary_page", "index_page", "method_page", "report_page", "write_index"]


def write_index(records: Sequence[Record], quarter: Quarter, warehouse: Warehouse, folder: Path) -> Path:
    """Write the index of a run and the pages around it; all work from ``file://`` and ask no host for anything."""
    news, why = _news(records, quarter, warehouse)
    codes = {r.qpv for r in records}
    pages = {
        "data.html": data_page(take_inventory(warehouse), quarter),
        "changes.html": changes_page(news, quarter, [c for c in warehouse.places("qpv").index if c in codes], why),
        "method.html": method_page(warehouse.catalog, quarter),
        "glossary.html": glossary_page(warehouse.catalog, quarter),
        "run.html": report_page(records, warehouse.catalog, quarter),
        "index.html": index_page(records, quarter, warehouse, folder, news),
    }
    for name, page in pages.items():
        write_atomically(folder / name, page)
    return folder / "index.html"


def _news(records: Sequence[Record], quarter: Quarter, warehouse: Warehouse) -> tuple[News, str]:
    """Compare with the quarter before, as the build that this one replaced tells it.

    Where there is none that can be read, this build tells it, and the reason is given as the library says it.
    """
    codes = [c for c in warehouse.places("qpv").index if c in {r.qpv for r in records}]
    try:
        return what_changed(Warehouse.previous(warehouse.path.parent), warehouse, codes, quarter, quarter.before), ""
    except WarehouseError as error:
        return what_changed(warehouse, warehouse, codes, quarter, quarter.before), str(error)
