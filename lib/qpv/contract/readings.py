"""What a contract reads in its figures (S19): strengths, fragilities, opportunities, threats and stakes, by QPV and theme.

``readings.yml`` holds them in our own short words, each with document and line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from qpv.catalog.fields import French
from qpv.contract.entries import Cited, IndicatorId, Territory
from qpv.contract.files import Reading as Files
from qpv.vocabulary import THEMES_FR

FILE: Final = "readings.yml"

#: Kinds of reading, in the order in which they are shown.
KINDS_FR: Final = {
    "strength": "Atouts", "fragility": "Fragilités", "opportunity": "Opportunités", "threat": "Menaces", "stake": "Enjeux",
}  # fmt: skip
Kind = Literal["strength", "fragility", "opportunity", "threat", "stake"]

#: The themes of contracts: ours, and public peace, of which no brief is made.
SUBJECTS_FR: Final = THEMES_FR | {"safety": "Tranquillité publique"}
Subject: TypeAlias = Literal[tuple(SUBJECTS_FR)]  # type: ignore[valid-type]

#: Longer than this, a reading is no summary.
Short = Annotated[French, Field(max_length=160)]


class Reading(Cited):
    """One reading; ``indicators`` are the figures that it speaks of, ids of the catalogue."""

    territory: Territory
    theme: Subject
    kind: Kind
    text: Short
    indicators: tuple[IndicatorId, ...] = ()


def read_readings(files: Files) -> list[Reading]:
    """Read ``readings.yml``; faults go to ``files``."""
    found: list[Reading] = files.document(FILE, {"readings": Reading})["readings"]
    seen: set[tuple[str, str, str]] = set()
    for entry in found:
        key = (entry.territory, entry.theme, entry.text)
        if key in seen:
            files.fault_at(entry, "text", entry.text, "the same reading stands twice")
        seen.add(key)
    return found


def of_place(readings: Iterable[Reading], codes: Iterable[str], theme: str) -> dict[str, list[Reading]]:
    """Give the readings of some territories (codes of both generations) for a theme, by kind, in the order of the file."""
    wanted = set(codes)
    mine = [r for r in readings if r.territory in wanted and r.theme == theme]
    return {kind: found for kind in KINDS_FR for found in [[r for r in mine if r.kind == kind]] if found}
