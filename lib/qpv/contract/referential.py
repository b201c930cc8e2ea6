"""The evaluation frame of a contract: what it set out to reach, by which indicators, and what is known of each.

``referential.yml`` holds the frame (pillars, axes, ambitions, objectives, priorities), its criteria, its calendar and the
yearly choice of what is evaluated; ``measures.csv`` the values of the criteria that no open source publishes.  A
criterion is an indicator of the catalogue, or a *register* that somebody keeps (unit, owner, frequency).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, model_validator

from qpv.catalog.fields import Entry, French
from qpv.contract.entries import SECRET_FR, Cited, IndicatorId, Number, Period, Territory, Year
from qpv.contract.files import Reading
from qpv.quarter import UNDATED, period_position
from qpv.vocabulary import UNITS, Polarity

FILE: Final = "referential.yml"
MEASURES_FILE: Final = "measures.csv"

#: Kinds of part of a frame, with their French name.
KINDS_FR: Final = {
    "pillar": "Pilier", "axis": "Axe", "theme": "Thème", "ambition": "Ambition", "objective": "Objectif stratégique",
    "priority": "Priorité", "question": "Question de gouvernance", "overall": "Regard global",
}  # fmt: skip
NodeId = Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int) else v)]
CONTINUOUS: Final = "continuous"


class Frame(Cited):
    """The frame of a contract, or of its predecessor."""

    title: French
    start: Year  # the year from which change is measured


class Node(Cited):
    """A part of a frame: what a criterion, an action or a yearly choice belongs to."""

    id: NodeId
    kind: Literal["pillar", "axis", "theme", "ambition", "objective", "priority", "question", "overall"]
    label: French
    parent: NodeId = ""


class Criterion(Cited):
    """What a contract wants to follow: an indicator of the catalogue, else a register (unit, and who keeps it how often)."""

    id: NodeId
    node: NodeId
    label: French
    indicator: IndicatorId = ""
    unit: str = ""
    counts: Literal["", "persons", "other"] = ""  # of a register: whom or what it counts; see qpv.contract.withheld
    owner: str = ""
    frequency: Literal["", "continuous", "monthly", "quarterly", "yearly", "schoolyear", "census", "once"] = ""
    nature: Literal["quantitative", "qualitative"] = "quantitative"
    direction: Literal["", "higher_is_better", "lower_is_better", "none"] = ""
    target: Number | None = None
    target_period: Period = ""
    note: str = ""

    @model_validator(mode="after")
    def _catalogue_or_register(self) -> Criterion:
        if bool(self.indicator) == bool(self.unit):
            raise ValueError(
                "give either 'indicator' (its id in the catalogue), or 'unit' (a register, with 'owner' and 'frequency')"
            )
        if self.unit and self.unit not in (*UNITS, "text"):
            raise ValueError(f"unit {self.unit!r}: expected one of {', '.join(UNITS)}, or text")
        return self

    @property
    def is_register(self) -> bool:
        """Whether somebody must keep it, since no source of the catalogue has it."""
        return not self.indicator


class Milestone(Cited):
    """A step of the evaluation: ``continuous``, or a year."""

    when: Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int) else v)]
    label: French


class Choice(Cited):
    """What is evaluated in a year: a question of governance and an ambition."""

    year: Year
    question: NodeId
    ambition: NodeId


class Measure(Cited):
    """A value of a criterion that a document prints or a register gives."""

    criterion: NodeId
    territory: Territory
    period: Period
    value: Number
    note: str = ""


class Referential(Entry):
    """The frame with its parts, criteria, calendar, choices and measures."""

    frame: Frame
    nodes: tuple[Node, ...]
    criteria: tuple[Criterion, ...]
    milestones: tuple[Milestone, ...] = ()
    choices: tuple[Choice, ...] = ()
    measures: tuple[Measure, ...] = ()

    def node(self, identifier: str) -> Node:
        """Give a part by its id."""
        return next(n for n in self.nodes if n.id == identifier)

    def top(self, node: Node) -> Node:
        """Give the pillar, axis or priority that a part lies under."""
        while node.parent:
            node = self.node(node.parent)
        return node


def read_referential(reading: Reading) -> Referential | None:
    """Read ``referential.yml`` and ``measures.csv``; ``None`` where there is none.  Faults go to ``reading``."""
    sections: dict[str, type[Cited]] = {
        "frame": Frame,
        "nodes": Node,
        "criteria": Criterion,
        "milestones": Milestone,
        "choices": Choice,
    }
    found = reading.document(FILE, sections)
    measures = reading.table(MEASURES_FILE, Measure)
    for section in ("nodes", "criteria"):
        seen: set[str] = set()
        for entry in found[section]:
            if entry.id in seen:
                reading.fault_at(entry, "id", entry.id, "the id stands twice; each is one's own")
            seen.add(entry.id)
    nodes, criteria = {n.id: n for n in found["nodes"]}, {c.id for c in found["criteria"]}
    for entry, column, kinds in [
        *((n, "parent", ()) for n in found["nodes"] if n.parent), *((c, "node", ()) for c in found["criteria"]),
        *((c, "question", ("question",)) for c in found["choices"]), *((c, "ambition", ("ambition", "priority", "objective")) for c in found["choices"]),
    ]:  # fmt: skip
        value = getattr(entry, column)
        if value not in nodes or (kinds and nodes[value].kind not in kinds):
            reading.fault_at(
                entry, column, value, f"expected the id of a node{f' of kind {kinds[0]}' if kinds else ''} in {FILE}"
            )
    for measure in measures:
        if measure.criterion not in criteria:
            reading.fault_at(measure, "criterion", measure.criterion, f"expected the id of a criterion in {FILE}")
    for milestone in found["milestones"]:
        if milestone.when != CONTINUOUS and not (milestone.when.isdigit() and 2014 <= int(milestone.when) <= 2040):
            reading.fault_at(milestone, "when", milestone.when, f"expected {CONTINUOUS} or a year")
    if not found["frame"]:
        if found["nodes"] or found["criteria"] or measures:
            reading.fault(FILE, 1, "frame", None, "a frame is needed: '- {title, start, document, line}'")
        return None
    return Referential(frame=found["frame"][0], nodes=tuple(found["nodes"]), criteria=tuple(found["criteria"]),
                       milestones=tuple(found["milestones"]), choices=tuple(found["choices"]), measures=tuple(measures))  # fmt: skip


# --- what is known of a criterion -----------------------------------------------------------------------


class State(StrEnum):
    """What can be said of a criterion for a territory."""

    NO_VALUE = "no_value"
    NO_BASELINE = "no_baseline"  # a recent value alone: shown, never scored
    BASELINE = "baseline"  # a starting value alone
    BETTER = "better"
    WORSE = "worse"
    STABLE = "stable"
    MOVED = "moved"  # no direction is the better one
    QUALITATIVE = "qualitative"
    WITHHELD = "withheld"  # known, and withheld: a small count of persons


STATES_FR: Final = {
    State.NO_VALUE: "sans valeur", State.NO_BASELINE: "sans valeur de départ", State.BASELINE: "valeur de départ seule",
    State.BETTER: "s’améliore", State.WORSE: "se dégrade", State.STABLE: "stable", State.MOVED: "change, sans jugement",
    State.QUALITATIVE: "appréciation qualitative", State.WITHHELD: SECRET_FR,
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A dated value; ``decimals`` are those with which it is shown, ``None`` where nobody said."""

    period: str
    value: float
    decimals: int | None = None
    transcribed: bool = False  # printed by a contract, not read from its producer


@dataclass(frozen=True)
class Followed:
    """A criterion for a territory: its starting value, its latest, and how they stand."""

    baseline: Point | None
    latest: Point | None
    state: State
    target_met: bool | None = None  # None without a target or a value


def follow(criterion: Criterion, points: Iterable[Point], start: int, polarity: Polarity, least: float = 0.0) -> Followed:
    """Say what is known of a criterion for one territory.

    The starting value is the last one of at most the year in which the contract begins.  A criterion without one is
    not scored, whatever came since.  Undated values never count.

    Parameters
    ----------
    points
        Values of one perimeter, in any order.
    start
        The first year of the contract.
    least
        Differences smaller than this are no change, in the criterion's unit.
    """
    dated = sorted((p for p in points if p.period != UNDATED), key=lambda p: period_position(p.period))
    before = [p for p in dated if period_position(p.period) < start + 1]
    baseline, latest = before[-1] if before else None, dated[-1] if dated else None
    met = None
    if criterion.target is not None and latest is not None and polarity is not Polarity.NONE:
        met = latest.value >= criterion.target if polarity is Polarity.HIGHER else latest.value <= criterion.target
    if criterion.nature == "qualitative" and latest is None:
        return Followed(None, None, State.QUALITATIVE)
    if latest is None:
        return Followed(None, None, State.NO_VALUE)
    if baseline is None:
        return Followed(None, latest, State.NO_BASELINE, met)
    if latest.period == baseline.period:
        return Followed(baseline, None, State.BASELINE, met)
    difference = latest.value - baseline.value
    if abs(difference) <= least:
        state = State.STABLE
    elif polarity is Polarity.NONE:
        state = State.MOVED
    else:
        state = State.BETTER if (difference > 0) == (polarity is Polarity.HIGHER) else State.WORSE
    return Followed(baseline, latest, state, met)


@dataclass(frozen=True)
class Coverage:
    """Of how many criteria there is a starting value, a recent one, a target, an owner."""

    criteria: int
    baseline: int
    recent: int
    target: int
    owner: int
    published: int  # a source of the catalogue has it
    text_only: int  # the catalogue defines it, and no source but the text of contracts has it


def coverage(criteria: Sequence[Criterion], followed: Mapping[str, Sequence[Followed]], published: Collection[str]) -> Coverage:
    """Count what is there; a criterion has a value when one territory at least has it.

    ``followed`` gives, by criterion, what is known for each territory; ``published`` are the ids of the indicators that a
    source has.  The owner of a criterion that is published is its producer; what only contracts print, nobody keeps.
    """
    known = {c.id: followed.get(c.id, ()) for c in criteria}
    return Coverage(
        criteria=len(criteria),
        baseline=sum(any(f.baseline for f in known[c.id]) for c in criteria),
        recent=sum(any(f.latest for f in known[c.id]) for c in criteria),
        target=sum(c.target is not None for c in criteria),
        owner=sum(bool(c.owner) or c.indicator in published for c in criteria),
        published=sum(c.indicator in published for c in criteria),
        text_only=sum(not c.is_register and c.indicator not in published for c in criteria),
    )


@dataclass(frozen=True)
class ToCollect:
    """What is lacking of a criterion."""

    criterion: Criterion
    lacking: tuple[str, ...]  # French


def to_collect(
    criteria: Sequence[Criterion], followed: Mapping[str, Sequence[Followed]], published: Collection[str]
) -> list[ToCollect]:
    """List what to collect next: first the criteria that lack least, for they are nearest to being followed.

    A qualitative criterion lacks no value: it asks for an appreciation.  What no source publishes (``published``, see
    :func:`coverage`) needs an owner and a frequency, whether the catalogue defines it or not.
    """
    found = []
    for criterion in criteria:
        known = followed.get(criterion.id, ())
        lacking = []
        if criterion.nature == "quantitative":
            if any(f.state is State.WITHHELD for f in known):
                pass  # somebody has it
            elif not any(f.baseline or f.latest for f in known):
                lacking.append("une première valeur")
            elif not any(f.baseline for f in known):
                lacking.append("une valeur de départ")
            elif not any(f.latest for f in known):
                lacking.append("une valeur récente")
        kept = criterion.indicator in published
        if not kept and not criterion.owner:
            lacking.append("un responsable")
        if not kept and not criterion.frequency:
            lacking.append("un rythme")
        if criterion.target is None and criterion.nature == "quantitative":
            lacking.append("une cible")
        if lacking:
            found.append(ToCollect(criterion, tuple(lacking)))
    return sorted(found, key=lambda item: len(item.lacking))
