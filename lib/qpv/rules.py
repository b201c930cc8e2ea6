"""Rule files: the criteria by which a contract looks for vulnerable areas, in YAML, checked.

:mod:`qpv.screening` applies them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from qpv.catalog import Catalog
from qpv.catalog.fields import Entry, French, Identifier
from qpv.errors import CatalogError
from qpv.quarter import UNDATED, is_period

#: The most recent period that is known, of the area and of what it is compared with.
LATEST: Final = "latest"

#: Units in which a difference is one of points.
_IN_POINTS: Final = ("pct", "points", "index")
_LARGEST_FILE: Final = 100_000

_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]


class Criterion(Entry):
    """One test on one indicator: against ``value``, or against a larger territory.

    ``ratio``: the threshold is that part of the territory's value (0.8 = 80 % of it).  ``points``: the
    threshold lies that many points above it (below, when negative).  Without ``test`` and threshold the figure
    is shown beside the others and decides nothing: neither held nor failed, nor counted among the criteria.
    """

    id: Identifier
    label: French
    indicator: Identifier
    period: str = LATEST
    test: Literal["at_least", "at_most"] | None = None
    value: _Number | None = None
    relative_to: Literal["commune", "epci", "departement", "region", "france"] | None = None
    ratio: _Positive | None = None
    points: _Number | None = None
    weight: _Positive = 1.0

    @field_validator("period", mode="before")
    @classmethod
    def _a_year_is_a_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("period")
    @classmethod
    def _is_dated(cls, value: str) -> str:
        if value != LATEST and (value == UNDATED or not is_period(value)):
            raise ValueError(f"not a period: {value!r}; write 2019, 2021-T4, 2022-2023 or {LATEST}")
        return value

    @model_validator(mode="after")
    def _one_threshold(self) -> Criterion:
        relative = [self.ratio, self.points]
        given = sum(x is not None for x in [self.value, *relative])
        if self.test is None:
            if given or self.relative_to:
                raise ValueError("a threshold needs 'test': at_least or at_most; without both the figure is shown alone")
            return self
        if given != 1 or (self.relative_to is None) == any(x is not None for x in relative):
            raise ValueError("give either 'value', or 'relative_to' with one of 'ratio' and 'points'")
        return self


class Rules(Entry):
    """Criteria, and how many of them (by weight) an area must meet."""

    id: Identifier
    label: French
    source: str = ""  # document and line that set the thresholds
    at_least: _Positive
    criteria: Annotated[list[Criterion], Field(min_length=1, max_length=100)]

    @property
    def deciding(self) -> list[Criterion]:
        """The criteria that are tested; the others are only shown."""
        return [c for c in self.criteria if c.test]

    @model_validator(mode="after")
    def _can_be_met(self) -> Rules:
        names = [c.id for c in self.criteria]
        double = next((n for n in names if names.count(n) > 1), None)
        if double:
            raise ValueError(f"criterion {double!r} is defined twice")
        total = sum(c.weight for c in self.deciding)
        if self.at_least > total + 1e-9:
            raise ValueError(f"at_least is {self.at_least:g}, and all criteria together weigh {total:g}: no area can meet it")
        return self


def load_rules(file: Path, catalog: Catalog) -> Rules:
    """Read and check a rule file.

    Raises
    ------
    CatalogError
        Naming the file and every fault: the criterion, the key, and what was expected.
    """
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise CatalogError(f"{file.name}: larger than {_LARGEST_FILE:,} bytes, which no rule file is")
        text = file.read_text("utf-8")
        refuse_tricks(file.name, text)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise CatalogError(f"{file.name}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise CatalogError(f"{file.name}: expected the keys id, label, at_least, criteria; found {type(content).__name__}")
    try:
        rules = Rules.model_validate(content)
    except ValidationError as error:
        faults = [f"{file.name}: {_where(content, e['loc'])}: {e['msg']}" for e in error.errors()]
        raise CatalogError("\n".join(faults)) from None
    faults = [f"{file.name}: {c.id}: {fault}" for c in rules.criteria if (fault := _unfit(c, catalog))]
    if faults:
        raise CatalogError("\n".join(faults))
    return rules


def refuse_tricks(name: str, text: str) -> None:
    """Refuse what YAML allows and a rule file never needs: aliases, and a key twice, of which one would be lost."""
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise CatalogError(f"{name}: an alias (*{event.anchor}); write the value out")
    _refuse_twins(name, yaml.compose(text, yaml.SafeLoader))


def _refuse_twins(name: str, node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for position, (key, value) in enumerate(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value in keys[:position]:
                raise CatalogError(f"{name}, line {key.start_mark.line + 1}: the key {key.value!r} stands twice")
            _refuse_twins(name, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twins(name, item)


def _where(content: dict[str, Any], location: tuple[int | str, ...]) -> str:
    """Name the criterion by its id and the key, rather than by its position."""
    parts = list(map(str, location))
    if location[:1] == ("criteria",) and len(location) > 1 and isinstance(location[1], int):
        item = content["criteria"][location[1]]
        name = item.get("id") if isinstance(item, dict) else None
        parts[:2] = [str(name or f"criterion {location[1] + 1}")]
    return ".".join(parts) or "rules"


def _unfit(criterion: Criterion, catalog: Catalog) -> str:
    """Say why the catalogue does not allow a criterion; ``""`` if it does."""
    if criterion.indicator not in catalog.indicators:
        return f"unknown indicator {criterion.indicator!r}; see data/catalog/indicators"
    unit = catalog.indicator(criterion.indicator).unit
    if criterion.relative_to and unit == "count":
        return f"{criterion.indicator} is a count: a part is not compared with its whole; give 'value', or take a rate"
    if criterion.points is not None and unit not in _IN_POINTS:
        return f"{criterion.indicator} is in {unit}: 'points' are for {', '.join(_IN_POINTS)}; give 'ratio'"
    return ""
