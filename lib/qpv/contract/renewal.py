"""Urban renewal (NPNRU, S26) by QPV, phase and operation, and the facilities of a QPV by category (S14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from qpv.contract.entries import Cited, Count, QpvCode
from qpv.contract.files import Reading as Files

FILE: Final = "renewal.csv"
FACILITIES_FILE: Final = "facilities.csv"

OPERATIONS_FR: Final = {
    "demolished": "Logements démolis", "rehabilitated": "Logements réhabilités", "residentialised": "Logements résidentialisés",
    "rebuilt": "Logements reconstruits", "rebuilt_on_site": "Logements reconstruits sur place", "rehoused": "Ménages relogés",
}  # fmt: skip
#: Which of the two tables of a contract a row is of: they say the same works twice, and are never added.
VERSIONS_FR: Final = {"": "", "convention": "convention", "synthesis": "synthèse"}
STATES_FR: Final = {"planned": "prévu", "done": "fait"}
CATEGORIES_FR: Final = {
    "social": "Structures sociales", "institution": "Institutions", "sport": "Équipements sportifs et municipaux", "culture": "Culture",
    "employment": "Formation et emploi", "childhood": "Petite enfance et loisirs", "health": "Santé",
}  # fmt: skip


class Operation(Cited):
    """So many dwellings (or households) of an operation in a QPV: ``phase`` as printed (PRU, NPNRU, a sector that joins)."""

    qpv: QpvCode
    phase: str
    operation: Literal["demolished", "rehabilitated", "residentialised", "rebuilt", "rebuilt_on_site", "rehoused"]
    state: Literal["planned", "done"]
    count: Count
    sector: str = ""
    version: Literal["", "convention", "synthesis"] = ""  # of two tables that differ
    note: str = ""


class Facilities(Cited):
    """So many places of a category in a QPV in the document's index of facilities."""

    qpv: QpvCode
    category: Literal["social", "institution", "sport", "culture", "employment", "childhood", "health"]
    count: Count
    note: str = ""


def read_renewal(files: Files) -> tuple[list[Operation], list[Facilities]]:
    """Read ``renewal.csv`` and ``facilities.csv``; faults go to ``files``."""
    return files.table(FILE, Operation), files.table(FACILITIES_FILE, Facilities)


@dataclass(frozen=True)
class Contradiction:
    """An operation of a QPV and phase of which two tables of a contract make a different sum."""

    qpv: str
    phase: str
    operation: str
    convention: int
    synthesis: int


def contradictions(operations: Iterable[Operation]) -> list[Contradiction]:
    """Compare the two tables of a contract, convention and synthesis, over all their rows of an operation of a QPV and phase.

    A table may print in several rows (sectors, a hostel) what the other prints in one: it is sums that must agree.
    """
    groups: dict[tuple[str, str, str, str], Counter[str]] = {}
    for o in operations:
        if o.version:
            groups.setdefault((o.qpv, o.phase, o.operation, o.state), Counter())[o.version] += o.count
    return [
        Contradiction(qpv, phase, operation, of["convention"], of["synthesis"])
        for (qpv, phase, operation, _), of in groups.items()
        if len(of) == 2 and of["convention"] != of["synthesis"]
    ]


def by_category(facilities: Iterable[Facilities]) -> dict[str, Counter[str]]:
    """Count the places of each QPV by category."""
    found: dict[str, Counter[str]] = {}
    for f in facilities:
        found.setdefault(f.qpv, Counter())[f.category] += f.count
    return found
