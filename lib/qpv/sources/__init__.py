"""Readers of raw files, one module a kind of file, found by name in the catalogue's ``reader``.

To add a source, write a module with a function decorated by :func:`qpv.sources.base.reader`, import
it here, and name it in ``data/catalog/sources.yml``.
"""

from qpv.sources import contours, crime, heat, iris, passage, schools, wide_table
from qpv.sources.base import READERS, Delivery
from qpv.sources.rawfile import Finding

__all__ = ["READERS", "Delivery", "Finding", "contours", "crime", "heat", "iris", "passage", "schools", "wide_table"]
