"""The catalogue: what is known of each indicator, source and edition.

Read from ``data/catalog/indicators/*.yml``, ``sources.yml`` and ``themes.yml`` (safe YAML), checked
by a schema that refuses unknown keys.  Producers' words stay in French: readers see them.
"""

from qpv.catalog.catalog import Catalog
from qpv.catalog.indicator import Break, Column, Indicator, Part, Tally
from qpv.catalog.source import (
    LEVEL_NAMES,
    Block,
    Borrowed,
    Edition,
    Family,
    Fetch,
    Long,
    NoteCode,
    Source,
    Sums,
    Table,
    file_name,
    is_file_name,
)
from qpv.catalog.theme import Structure, Theme
from qpv.catalog.things import Point, Things

__all__ = [
    "LEVEL_NAMES", "Block", "Borrowed", "Break", "Catalog", "Column", "Edition", "Family", "Fetch", "Indicator", "Long", "NoteCode", "Part", "Point", "Source", "Structure", "Sums", "Table",
    "Tally", "Theme", "Things", "file_name", "is_file_name",
]  # fmt: skip
