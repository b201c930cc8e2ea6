"""Read access to the warehouse: everything that is known, checked, in Parquet and GeoParquet.

``data/warehouse/<digest>/`` holds one build (see :mod:`qpv.build`); the file ``CURRENT`` names the
one in use, and below it the one that it replaced.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow.parquet as pq

from qpv import parquet, peers, similar
from qpv.catalog import Catalog
from qpv.crowd import Crowd
from qpv.digests import FILE, ROWS, Digests, Reads
from qpv.errors import WarehouseError

if TYPE_CHECKING:
    import geopandas as gpd

POINTER: Final = "CURRENT"

#: Levels with so many places that a profile never reads them: half of all observations.
_NUMEROUS: Final = ("iris", "school")

#: The columns of observations that are texts, written as dictionaries.
TEXT_COLUMNS: Final = [
    "territory", "level", "generation", "indicator", "period", "status", "qualifier", "edition", "file",
    "column", "note",
]  # fmt: skip


def pointed(target: Path) -> str | None:
    """Give the digest of the build in use, or ``None``."""
    return _pointer(target)[0] or None


def replaced(target: Path) -> str | None:
    """Give the digest of the build that the one in use replaced, or ``None`` when it is the first."""
    return _pointer(target)[1] or None


def _pointer(target: Path) -> tuple[str, str]:
    try:
        lines = (target / POINTER).read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        lines = []
    return (*lines, "", "")[0], (*lines, "", "")[1]


def point_to(target: Path, digest: str) -> None:
    """Put a build into use, in one rename; the one in use until now becomes the replaced one."""
    previous = pointed(target)
    if previous == digest:
        return
    scratch = target / f".{POINTER}-{os.getpid()}"
    scratch.write_text("\n".join(filter(None, [digest, previous])) + "\n", "ascii")
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
        #: What was asked of it, for those who want to know whether the answers have changed.
        self.reads = Reads()
        self._files: dict[str, parquet.SortedFile] = {}
        self._places: dict[str, pd.DataFrame] = {}
        self._traits: dict[tuple[str, frozenset[str]], tuple[pd.DataFrame, dict[str, str]]] = {}
        self._peers: dict[tuple[str, frozenset[str], frozenset[str]], pd.DataFrame] = {}
        self._crowds: dict[str, Crowd] = {}
        digest = pointed(root)
        self.path = root / digest if digest else root
        try:
            self.meta = json.loads((self.path / "meta.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise WarehouseError(f"no warehouse in {root.name!r}: run 'make data' (or 'qpv data build') first") from error

    @classmethod
    def previous(cls, path: str | Path) -> Warehouse:
        """Give the build that the one in use at ``path`` replaced.

        Raises
        ------
        WarehouseError
            If the one in use is the first, or the replaced one is no longer there.
        """
        root = Path(path)
        current, digest = cls(root).path.name, replaced(root)
        if digest is None:
            raise WarehouseError(f"build {current!r} replaced no other that is known: there is nothing to compare it with")
        if not (root / digest / "meta.json").exists():
            raise WarehouseError(f"build {digest!r}, which {current!r} replaced, is no longer there: nothing to compare with")
        return cls(root / digest)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalogue with which this build was made."""
        try:
            return Catalog.from_json((self.path / "catalog.json").read_text("utf-8"))
        except (OSError, ValueError, KeyError) as error:  # pydantic's ValidationError is a ValueError
            raise WarehouseError(
                f"build {self.path.name!r} has no catalogue that this version reads: it was made by another one; "
                "run 'qpv data build'"
            ) from error

    @cached_property
    def digests(self) -> Digests:
        """Digests of what it holds, by which a brief is known to be still as it would be made today.

        Raises
        ------
        WarehouseError
            If an earlier version of the library made this build.
        """
        self._file(ROWS)
        self._file(FILE)
        return Digests(self.path)

    @cached_property
    def covered(self) -> frozenset[str]:
        """The QPV of the embedded contracts that have a figure of their own in this build."""
        return frozenset(self.meta["covered"])

    @cached_property
    def territories(self) -> pd.DataFrame:
        """All places, see :data:`qpv.schemas.TERRITORIES`; :meth:`places` reads those of one level, sooner."""
        return self._whole("territories")

    def places(self, level: str) -> pd.DataFrame:
        """The places of a level among :attr:`territories`, also indexed by their code."""
        if level not in self._places:
            rows = self._sorted("territories").read({"level": [level]})
            self._places[level] = rows.set_axis(rows["code"].array)
        return self._places[level]

    @cached_property
    def communes(self) -> pd.DataFrame:
        """The communes among :attr:`territories`, by code."""
        return self.places("commune").drop(columns="code")

    def names(self, level: str) -> dict[str, str]:
        """Give the name of every place of a level, by code."""
        places = self.territories[self.territories["level"] == level]
        return dict(zip(places["code"], places["name"], strict=True))

    @cached_property
    def crosswalk(self) -> pd.DataFrame:
        """Pairs of QPV of both generations, see :data:`qpv.schemas.CROSSWALK`."""
        return self._whole("crosswalk")

    @cached_property
    def editions(self) -> pd.DataFrame:
        """What was read, see :data:`qpv.schemas.EDITIONS`."""
        return self._whole("editions")

    def observations(
        self,
        theme: str,
        filters: Sequence[tuple[str, str, object]] | None = None,
        columns: list[str] | None = None,
        *,
        compact: bool = False,
    ) -> pd.DataFrame:
        """Give the observations of a theme, see :data:`qpv.schemas.OBSERVATIONS`.

        ``filters`` are pyarrow's: only the row groups that may match are read.  ``compact`` gives the texts
        as categories, for those who go through whole themes.

        Raises
        ------
        WarehouseError
            If the build has no such theme.
        """
        self.reads.whole.add(theme)
        file = self._file(f"observations-{theme}.parquet")
        table = pq.read_table(
            file, filters=list(filters) if filters else None, columns=columns,
            # What is a dictionary in the file comes as one anyhow; these are plain texts there.
            read_dictionary=["level", "territory", "indicator"] if compact else None,
        )  # fmt: skip
        return table.to_pandas() if compact else parquet.in_words(table)

    def around(self, theme: str, codes: Collection[str]) -> pd.DataFrame:
        """Give the observations of a theme on some territories, at all levels but IRIS and schools.

        The same columns as :meth:`observations` gives, far sooner, for codes that lie far from each other in the file.
        """
        self.reads.note_around(theme, codes)
        return self._sorted(f"observations-{theme}").read({"territory": codes}, {"level": _NUMEROUS})

    def schools(self, codes: Collection[str]) -> pd.DataFrame:
        """Give the observations of education on some schools, as :meth:`around` gives those on other territories."""
        self.reads.note_around("education", codes)
        return self._sorted("observations-education").read({"level": ["school"], "territory": codes})

    def squares(self, qpv: str) -> gpd.GeoDataFrame:
        """Give the squares around a QPV with their values: :data:`qpv.schemas.SQUARES`, ``outline`` as geometry (EPSG:4326)."""
        import geopandas as gpd

        self.reads.note_around("squares", [qpv])
        rows = self._sorted("squares").read({"qpv": [qpv]})
        outlines = gpd.GeoSeries.from_wkb(rows.pop("outline"), crs=4326)
        return gpd.GeoDataFrame(rows, geometry=outlines)

    def peers(self, theme: str, editions: Collection[str], indicators: Collection[str] = ()) -> pd.DataFrame:
        """Give one figure a QPV, key indicator and period, as of some editions, see :func:`qpv.peers.as_of`; of all unless some are named.

        The same for every QPV: read once, shared, and therefore not to be changed.
        """
        self.reads.peers.add(theme)
        key = (theme, frozenset(editions), frozenset(indicators))
        if key not in self._peers:
            self._peers[key] = peers.as_of(self._file(f"peers-{theme}.arrow"), editions, indicators or None)
        return self._peers[key]

    def crowd(self, theme: str, editions: Collection[str]) -> Crowd:
        """Give the figures of :meth:`peers` with their medians; shared as they are."""
        rows = self.peers(theme, editions)
        if theme not in self._crowds or self._crowds[theme].rows is not rows:
            self._crowds[theme] = Crowd(rows)
        return self._crowds[theme]

    def traits(self, generation: str, editions: Collection[str]) -> tuple[pd.DataFrame, dict[str, str]]:
        """Give the traits by which QPV resemble one another, as of some editions, see :func:`qpv.similar.traits`."""
        self.reads.peers.add("demography")
        key = (generation, frozenset(editions))
        if key not in self._traits:
            self._traits[key] = similar.traits(self.peers("demography", editions, similar.TRAITS), generation)
        return self._traits[key]

    def _sorted(self, name: str) -> parquet.SortedFile:
        if name not in self._files:
            self._files[name] = parquet.SortedFile(self._file(f"{name}.parquet"))
        return self._files[name]

    def _whole(self, name: str) -> pd.DataFrame:
        with pq.ParquetFile(self._file(f"{name}.parquet")) as file:
            return file.read().to_pandas()

    def _file(self, name: str) -> Path:
        """Give a file of the build; one of an earlier version of the library may lack it."""
        if not (self.path / name).exists():
            raise WarehouseError(f"the warehouse lacks {name!r}: run 'make data' (or 'qpv data build') to make it anew")
        return self.path / name

    def geometry(self, level: str, codes: Iterable[str] | None = None) -> gpd.GeoDataFrame | None:
        """Give outlines in EPSG:4326, by code and generation, or ``None`` when no contour was ever dropped."""
        if self._outlines is None:
            return None
        rows = self._outlines[self._outlines["level"] == level]
        if codes is not None:
            rows = rows[rows["code"].isin(set(codes))]
        return rows.reset_index(drop=True)

    @cached_property
    def _outlines(self) -> gpd.GeoDataFrame | None:
        """All outlines: a few thousand, read once, where each reading of a part costs as much as the whole."""
        file = self.path / "geometry.parquet"
        if not file.exists():
            return None
        import geopandas as gpd

        return gpd.read_parquet(file)


def opened(path: str | Path) -> Warehouse:
    """Give the build in use at ``path``, opened once a process: a build never changes, its name is its digest.

    Raises
    ------
    WarehouseError
        As :class:`Warehouse`.
    """
    root = Path(path).resolve()
    build = str(root / (pointed(root) or ""))
    if build not in _OPEN:
        _OPEN[build] = Warehouse(build)
    return _OPEN[build]


_OPEN: Final[dict[str, Warehouse]] = {}
