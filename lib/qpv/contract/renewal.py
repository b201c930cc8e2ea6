"""Urban renewal (NPNRU, S26) by QPV, phase and operation, and the facilities of a QPV by category (S14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal

from qpv.contract.entries import Cited, Count, QpvCode
from qpv.contract.files import Reading as Files

FILE: Final = "renewal.csv"
FACILITIES_FILE: Final = "facilities.csv"

OPERATIONS_FR: Final = {
    "demolished": "Logements démolis", "rehabilitated": "Logements réhabilités", "residentialised": "Logements résidentialisés",
    "rebuilt_on_site": "Logements reconstruits sur place", "rehoused": "Ménages relogés",
}  # fmt: skip
STATES_FR: Final = {"planned": "prévu", "done": "fait"}
CATEGORIES_FR: Final = {
    "social": "Structures sociales", "institution": "Institutions", "sport": "Équipements sportifs et municipaux", "culture": "Culture",
    "employment": "Formation et emploi", "childhood": "Petite enfance et loisirs", "health": "Santé",
}  # fmt: skip


class Operation(Cited):
    """So many dwellings (or households) of an operation in a QPV: ``phase`` as printed (PRU, NPNRU, a sector that joins)."""

    qpv: QpvCode
    phase: str
    operation: Literal["demolished", "rehabilitated", "residentialised", "rebuilt_on_site", "rehoused"]
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


def contradictions(operations: Iterable[Operation]) -> list[tuple[Operation, Operation]]:
    """Find the operations of one QPV and phase that two tables print differently."""
    groups: dict[tuple[str, str, str, str, str], list[Operation]] = {}
    for o in operations:
        groups.setdefault((o.qpv, o.phase, o.operation, o.state, o.sector), []).append(o)
    return [(rows[0], other) for rows in groups.values() for other in rows[1:] if other.count != rows[0].count]


def by_category(facilities: Iterable[Facilities]) -> dict[str, Counter[str]]:
    """Count the places of each QPV by category."""
    found: dict[str, Counter[str]] = {}
    for f in facilities:
        found.setdefault(f.qpv, Counter())[f.category] += f.count
    return found
