"""Readers of raw files, one module a kind of file, found by name in the catalogue's ``reader``.

To add a source, write a module in this folder with a function decorated by :func:`qpv.sources.base.reader`
and name it in ``data/catalog/sources.yml``: every module of the folder is imported.
"""

from importlib import import_module
from pkgutil import iter_modules

from qpv.sources.base import READERS, Delivery
from qpv.sources.rawfile import Finding

__all__ = ["READERS", "Delivery", "Finding", "discover"]


def discover() -> None:
    """Import every module of this folder, so that its readers are known."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


discover()
