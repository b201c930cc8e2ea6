"""The figures that a brief shows, each once, in the order shown."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from qpv.profile import Profile
from qpv.vocabulary import Status


class Ledger:
    """Keeps every figure that a block shows, for the ``qpv-figures`` JSON and ``figures.csv``."""

    def __init__(self, profile: Profile) -> None:
        self._sources = dict(zip(profile.editions["edition"], profile.editions["source"], strict=True))
        self._catalog = profile.catalog
        self._codes = profile.codes
        self._warehouse = profile.warehouse
        self._rows: dict[tuple[str, ...], dict[str, Any]] = {}
        self._remarks: dict[tuple[str, ...], tuple[str, str]] = {}

    def add(self, *rows: pd.Series | None) -> None:
        """Keep observations, as rows of a profile; ``None`` is passed over."""
        for row in rows:
            if row is not None:
                self._keep(row["indicator"], row["territory"], row["level"], row["generation"], row["period"],
                           row["value"], row["status"], row["edition"], row["qualifier"], row["note"])  # fmt: skip

    def add_all(self, rows: pd.DataFrame) -> None:
        """Keep every row of a table of observations; the figures of other QPV have no remarks."""
        columns = ["indicator", "territory", "level", "generation", "period", "value", "status", "edition"]
        columns += [name for name in ("qualifier", "note") if name in rows]
        for values in rows[columns].itertuples(index=False, name=None):
            self._keep(*values)

    def add_unpublished(self, indicator: str) -> None:
        """Say that no source that was read has this figure for the QPV."""
        generation, code = next(iter(self._codes.items()), ("", ""))
        self._keep(indicator, code, "qpv", generation, "", None, Status.UNAVAILABLE.value, "")

    def _keep(
        self, indicator: str, territory: str, level: str, generation: str, period: str, value: float | None,
        status: str, edition: str, qualifier: str = "", note: str = "",
    ) -> None:  # fmt: skip
        number = None if value is None or math.isnan(value) else float(value)
        key = (indicator, territory, level, period, edition, str(number))
        if qualifier or note:
            self._remarks.setdefault(key, (str(qualifier), str(note)))
        self._rows.setdefault(
            key,
            {
                "indicator": indicator, "territory": territory, "level": level, "generation": generation,
                "period": period, "value": number, "unit": self._catalog.indicator(indicator).unit,
                "status": str(status), "source": self._sources.get(edition, ""), "edition": edition,
            },
        )  # fmt: skip

    def figures(self) -> list[dict[str, Any]]:
        """Give the figures in the order in which they were first shown."""
        return list(self._rows.values())

    def remarks(self) -> dict[str, list[str]]:
        """Give qualifier and note of the figures that have one, by their place in :meth:`figures`."""
        return {str(n): list(self._remarks[key]) for n, key in enumerate(self._rows) if key in self._remarks}

    def reads(self) -> dict[str, Any]:
        """Give what was read so far to make the brief, see :class:`qpv.digests.Reads`."""
        return self._warehouse.reads.as_json()

    @property
    def build(self) -> str:
        """The name of the build from which the figures come."""
        return self._warehouse.path.name

    def editions(self) -> list[str]:
        """Give the ids of the editions used, each once, in order."""
        return list(dict.fromkeys(r["edition"] for r in self._rows.values() if r["edition"]))

    def indicators(self) -> list[str]:
        """Give the ids of the indicators shown, each once, in order."""
        return list(dict.fromkeys(r["indicator"] for r in self._rows.values()))
