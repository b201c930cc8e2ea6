"""What a brief reads, in one short digest: whether it must be made again is told without reading it again.

The build digests the observations of each theme and territory, with all that is told of their editions, and
the tables that every brief reads.  A brief notes what it asked the warehouse for (:class:`Reads`); later
:meth:`Digests.of` tells whether the same questions would have the same answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from qpv.catalog import Catalog

FILE: Final = "digests.json"
ROWS: Final = "digests.arrow"

#: The tables of which every brief reads some part, and which change seldom: they are digested whole.
_BACKGROUND: Final = ("territories.parquet", "crosswalk.parquet", "geometry.parquet")
#: Counts of an edition that no brief shows: they change with every row of it.
_UNSEEN: Final = ["observations", "absences"]


@dataclass
class Reads:
    """What was asked of a warehouse, beside its background: rows of themes by territory, peers, whole themes."""

    around: dict[str, set[str]] = field(default_factory=dict)
    peers: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def note_around(self, theme: str, codes: Collection[str]) -> None:
        """Note that the observations of a theme on some territories were read."""
        self.around.setdefault(theme, set()).update(codes)

    def as_json(self) -> dict[str, Any]:
        """Give what was read as lists, in order."""
        around = {theme: sorted(codes) for theme, codes in sorted(self.around.items())}
        return {"around": around, "peers": sorted(self.peers), "whole": sorted(self.whole)}


def of_rows(observations: pd.DataFrame, editions: pd.DataFrame) -> pd.Series:
    """Digest the observations of each territory with what is told of their editions.

    Parameters
    ----------
    observations
        See :data:`qpv.schemas.OBSERVATIONS`, texts as categories.
    editions
        See :data:`qpv.schemas.EDITIONS`.

    Returns
    -------
    pandas.Series
        Unsigned 64-bit numbers by territory: the sum of its rows' digests, so that their order is of no account.
    """
    told = editions.drop(columns=_UNSEEN).set_index("edition").astype(str)
    of_edition = pd.util.hash_pandas_object(told, index=True)
    rows = pd.util.hash_pandas_object(observations, index=False).to_numpy()
    # Multiplied, not added: a figure that moves from one edition to another must not cancel out.
    rows = rows * (observations["edition"].map(of_edition).astype("uint64").to_numpy() | np.uint64(1))
    return pd.Series(rows, index=pd.Index(observations["territory"].astype(str))).groupby(level=0).sum()


def of_peers(path: Path, named: Iterable[str], editions: pd.DataFrame) -> str:
    """Digest a file of peers with what is told of the editions that it names."""
    told = editions[editions["edition"].isin(set(named))].drop(columns=_UNSEEN).sort_values("edition")
    return _sha(path.read_bytes(), told.to_csv(index=False).encode())


def write(folder: Path, rows: dict[str, pd.Series], of_each_theme: dict[str, str], catalog: Catalog) -> None:
    """Write the digests of a build: of territories by theme, of its peers, and of the tables that all briefs read."""
    table = pd.concat(
        [pd.DataFrame({"theme": theme, "territory": part.index, "digest": part.to_numpy()}) for theme, part in rows.items()],
        ignore_index=True,
    )
    table.astype({"theme": "category"}).to_feather(folder / ROWS, compression="uncompressed")
    whole = {theme: f"{int(part.to_numpy().sum(dtype=np.uint64)):x}" for theme, part in rows.items()}
    told = json.loads(catalog.to_json())
    # A new edition changes no brief that does not use it, and one that does has its rows among those digested.
    told["sources"] = [{k: v for k, v in source.items() if k != "editions"} for source in told["sources"]]
    described = json.dumps(told, sort_keys=True).encode()
    background = _sha(described, *((folder / n).read_bytes() for n in _BACKGROUND if (folder / n).exists()))
    content = {"background": background, "peers": of_each_theme, "whole": whole}
    (folder / FILE).write_text(json.dumps(content, indent=1), "utf-8")


class Digests:
    """The digests of one build."""

    def __init__(self, folder: Path) -> None:
        self._content = json.loads((folder / FILE).read_text("utf-8"))
        table = pd.read_feather(folder / ROWS)
        self._rows = {
            str(theme): dict(zip(part["territory"], part["digest"].tolist(), strict=True))
            for theme, part in table.groupby("theme", observed=True)
        }

    def of(self, reads: dict[str, Any]) -> str:
        """Digest the answers to what was read, as :meth:`Reads.as_json` tells it."""
        total = hashlib.sha256(self._content["background"].encode())
        for theme, codes in reads["around"].items():
            known = self._rows.get(theme, {})
            total.update(f"{theme}:{','.join(f'{c}={known.get(c, 0):x}' for c in codes)}\n".encode())
        for kind in ("peers", "whole"):
            total.update("".join(f"{kind} {theme} {self._content[kind].get(theme)}\n" for theme in reads[kind]).encode())
        return total.hexdigest()


def _sha(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(f"{len(part)}\0".encode())
        total.update(part)
    return total.hexdigest()
