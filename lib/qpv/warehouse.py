"""Read access to the warehouse: everything that is known, checked, in Parquet and GeoParquet.

``data/warehouse/<digest>/`` holds one build (see :mod:`qpv.build`); the file ``CURRENT`` names the
one in use.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from qpv.catalog import Catalog
from qpv.errors import WarehouseError

if TYPE_CHECKING:
    import geopandas as gpd

POINTER: Final = "CURRENT"

#: The columns of observations that are texts, written as dictionaries.
TEXT_COLUMNS: Final = [
    "territory", "level", "generation", "indicator", "period", "status", "qualifier", "edition", "file",
    "column", "note",
]  # fmt: skip


def pointed(target: Path) -> str | None:
    """Give the digest of the build in use, or ``None``."""
    try:
        return (target / POINTER).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def point_to(target: Path, digest: str) -> None:
    """Put a build into use, in one rename."""
    scratch = target / f".{POINTER}-{os.getpid()}"
    scratch.write_text(digest + "\n", "ascii")
    scratch.replace(target / POINTER)


class Warehouse:
    """Read access to one build.

    Raises
    ------
    WarehouseError
        If there is none at ``path``, or it is incomplete.
    """

    def __init__(self, path: str | Path) -> None:
        root = Path(path)
        digest = pointed(root)
        self.path = root / digest if digest else root
        try:
            self.meta = json.loads((self.path / "meta.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise WarehouseError(f"no warehouse in {root.name!r}: run 'make data' (or 'qpv data build') first") from error

    @cached_property
    def catalog(self) -> Catalog:
        """The catalogue with which this build was made."""
        return Catalog.from_json((self.path / "catalog.json").read_text("utf-8"))

    @cached_property
    def covered(self) -> frozenset[str]:
        """The QPV of the embedded contracts that have a figure of their own in this build."""
        return frozenset(self.meta["covered"])

    @cached_property
    def territories(self) -> pd.DataFrame:
        """All places, see :data:`qpv.schemas.TERRITORIES`."""
        return pd.read_parquet(self.path / "territories.parquet")

    @cached_property
    def communes(self) -> pd.DataFrame:
        """The communes among :attr:`territories`, by code."""
        return self.territories[self.territories["level"] == "commune"].set_index("code")

    @cached_property
    def crosswalk(self) -> pd.DataFrame:
        """Pairs of QPV of both generations, see :data:`qpv.schemas.CROSSWALK`."""
        return pd.read_parquet(self.path / "crosswalk.parquet")

    @cached_property
    def editions(self) -> pd.DataFrame:
        """What was read, see :data:`qpv.schemas.EDITIONS`."""
        return pd.read_parquet(self.path / "editions.parquet")

    def observations(
        self, theme: str, filters: Sequence[tuple[str, str, object]] | None = None, columns: list[str] | None = None
    ) -> pd.DataFrame:
        """Give the observations of a theme, see :data:`qpv.schemas.OBSERVATIONS`.

        ``filters`` are pyarrow's: only the row groups that may match are read.
        """
        table = pd.read_parquet(
            self.path / f"observations-{theme}.parquet", filters=list(filters) if filters else None, columns=columns
        )
        return table.astype({c: str for c in TEXT_COLUMNS if c in table})

    def geometry(self, level: str, codes: Iterable[str] | None = None) -> gpd.GeoDataFrame | None:
        """Give outlines in EPSG:4326, or ``None`` when no contour was ever dropped."""
        file = self.path / "geometry.parquet"
        if not file.exists():
            return None
        import geopandas as gpd

        filters: list[tuple[str, str, object]] = [("level", "==", level)]
        if codes is not None:
            wanted = sorted(codes)
            # An empty list has no type that pyarrow could compare with: ask for a code that nothing has.
            filters.append(("code", "in", wanted or [""]))
        return gpd.read_parquet(file, filters=filters)
