"""The catalogue: what is known of each indicator, source and edition.

Read from ``data/catalog/indicators/*.yml`` and ``data/catalog/sources.yml`` (safe YAML), checked
by a schema that refuses unknown keys.  Producers' words stay in French: readers see them.
"""

from qpv.catalog.catalog import Catalog
from qpv.catalog.indicator import Break, Column, Indicator, Part, Tally
from qpv.catalog.source import Block, Edition, Fetch, NoteCode, Source, Sums, Table, file_name, is_file_name

__all__ = [
    "Block", "Break", "Catalog", "Column", "Edition", "Fetch", "Indicator", "NoteCode", "Part", "Source", "Sums", "Table",
    "Tally", "file_name", "is_file_name",
]  # fmt: skip
