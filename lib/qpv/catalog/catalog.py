"""All entries together, checked against each other."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

import yaml
from pydantic import ValidationError

from qpv.catalog.fields import Entry
from qpv.catalog.indicator import Column, Indicator
from qpv.catalog.source import Borrowed, Edition, Source
from qpv.catalog.theme import Theme
from qpv.errors import CatalogError

#: The safe loader, in C where PyYAML was built with it: ten times faster.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: What stands between the columns of a sum or difference.
OPERATOR: Final = re.compile(r"( [+-] )")

E = TypeVar("E", bound=Entry)
T = TypeVar("T", Indicator, Source, Edition, Theme)


class Catalog:
    """All indicators, sources and themes, by id.

    Parameters
    ----------
    indicators, sources
        Validated entries; ids are unique and every column names a known source and block.
    themes
        What the brief of each theme shows of its own; every indicator that they name is known.

    Raises
    ------
    CatalogError
        If an id is used twice, a column names an unknown source or block, or a theme an unknown indicator.
    """

    def __init__(self, indicators: list[Indicator], sources: list[Source], themes: list[Theme] | None = None) -> None:
        self.indicators = _unique(indicators, "indicator")
        self.sources = _unique(sources, "source")
        self.themes = _unique(themes or [], "theme")
        _unique([e for s in sources for e in s.editions], "edition")
        for borrower in sources:
            for borrowed in borrower.like:
                if borrowed.source not in self.sources or not set(borrowed.blocks.values()) <= {"main", *borrower.blocks}:
                    raise CatalogError(f"source {borrower.id!r}: 'like' names an unknown source or block: {borrowed.source!r}")
        for theme in self.themes.values():
            for name in theme.named:
                if name not in self.indicators:
                    raise CatalogError(f"theme {theme.id!r}: unknown indicator {name!r}")
        for indicator in indicators:
            whole = indicator.part_of.whole if indicator.part_of else None
            for other in (indicator.counted_by, indicator.base, whole):
                units = ("count", indicator.unit) if other == whole else ("count",)
                if other and (other not in self.indicators or self.indicators[other].unit not in units):
                    raise CatalogError(f"indicator {indicator.id!r}: {other!r} is no indicator that counts")
            for column in indicator.columns:
                source = self.sources.get(column.source)
                if source is None:
                    raise CatalogError(
                        f"indicator {indicator.id!r}: unknown source {column.source!r}; known: {', '.join(sorted(self.sources))}"
                    )
                if column.block != "main" and column.block not in source.blocks:
                    raise CatalogError(
                        f"indicator {indicator.id!r}: source {source.id!r} has no block "
                        f"{column.block!r}; known: {', '.join(sorted(source.blocks)) or 'none'}"
                    )

    @classmethod
    def load(cls, folder: Path) -> Catalog:
        """Read and check the catalogue in ``folder``.

        Raises
        ------
        CatalogError
            Naming file, entry, key and what was expected.
        """
        indicators: list[Indicator] = []
        files = sorted((folder / "indicators").glob("*.yml"))
        if not files:
            raise CatalogError(f"no indicators in {folder / 'indicators'}: expected *.yml files")
        for file in files:
            indicators += _entries(file, Indicator)
        return cls(indicators, _entries(folder / "sources.yml", Source), _entries(folder / "themes.yml", Theme))

    def to_json(self) -> str:
        """Write the whole catalogue, for :meth:`from_json`."""
        content = {
            "indicators": [i.model_dump(mode="json") for i in self.indicators.values()],
            "sources": [s.model_dump(mode="json") for s in self.sources.values()],
            "themes": [t.model_dump(mode="json") for t in self.themes.values()],
        }
        return json.dumps(content, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Catalog:
        """Read what :meth:`to_json` wrote."""
        content = json.loads(text)
        return cls(
            [Indicator.model_validate(i) for i in content["indicators"]],
            [Source.model_validate(s) for s in content["sources"]],
            [Theme.model_validate(t) for t in content["themes"]],
        )

    def indicator(self, identifier: str) -> Indicator:
        """Give one indicator, or raise ``CatalogError`` when the id is unknown."""
        try:
            return self.indicators[identifier]
        except KeyError:
            raise CatalogError(f"unknown indicator {identifier!r}") from None

    def theme(self, identifier: str) -> Theme:
        """Give what the brief of a theme shows of its own, or raise ``CatalogError`` where nobody has declared it."""
        try:
            return self.themes[identifier]
        except KeyError:
            raise CatalogError(
                f"theme {identifier!r} has no entry in data/catalog/themes.yml: add one, then 'make data'"
            ) from None

    def of_theme(self, theme: str) -> list[Indicator]:
        """Give the indicators of a theme, in the order in which a brief shows them."""
        found = [i for i in self.indicators.values() if theme in i.themes]
        return sorted(found, key=lambda i: (not i.key, i.rank, i.id))

    def columns_of(self, source: str) -> list[tuple[Indicator, Column]]:
        """Give every (indicator, column) that reads from a source."""
        return self._by_source.get(source, [])

    @cached_property
    def _by_source(self) -> dict[str, list[tuple[Indicator, Column]]]:
        found: dict[str, list[tuple[Indicator, Column]]] = {}
        for indicator in self.indicators.values():
            for column in indicator.columns:
                found.setdefault(column.source, []).append((indicator, column))
        # What is borrowed is what the other one names itself: no chains.
        for source in self.sources.values():
            own = list(found.get(source.id, []))
            for borrowed in source.like:
                own += [(i, c) for i, other in self._named(borrowed.source) if (c := _borrow(other, borrowed, source.id))]
            if own:
                found[source.id] = own
        return found

    def _named(self, source: str) -> list[tuple[Indicator, Column]]:
        return [(i, c) for i in self.indicators.values() for c in i.columns if c.source == source]

    def including(self, unseen: list[tuple[Source, Edition]]) -> Catalog:
        """Give the same catalogue with editions that were recognised by their family."""
        added: dict[str, list[Edition]] = {}
        for source, edition in unseen:
            added.setdefault(source.id, []).append(edition)
        sources = [s.model_copy(update={"editions": [*s.editions, *added.get(s.id, [])]}) for s in self.sources.values()]
        return Catalog(list(self.indicators.values()), sources, list(self.themes.values()))

    @cached_property
    def editions(self) -> dict[str, tuple[Source, Edition]]:
        """Every edition with its source, by edition id."""
        return {e.id: (s, e) for s in self.sources.values() for e in s.editions}


def _borrow(column: Column, borrowed: Borrowed, source: str) -> Column | None:
    """Give the same column of another source, under the names that it has there."""
    if borrowed.blocks and column.block not in borrowed.blocks:
        return None

    def written(name: str, pattern: str) -> str:
        return pattern.replace("{name}", name).replace("{stem}", name.replace("{yy}", ""))

    def renamed(alternatives: list[str]) -> list[str]:
        found = []
        for alternative in alternatives:
            parts = OPERATOR.split(alternative)
            for pattern in borrowed.names:
                found.append("".join(p if n % 2 else written(p, pattern) for n, p in enumerate(parts)))
        return list(dict.fromkeys(found))

    return column.model_copy(
        update={
            "source": source, "block": borrowed.blocks.get(column.block, "main"), "levels": [],
            "column": renamed(column.column), "numerator": renamed(column.numerator),
            "denominator": renamed(column.denominator),
        }
    )  # fmt: skip


def _entries(file: Path, kind: type[E]) -> list[E]:
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  _LOADER is a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogError(f"{file.name}: cannot be read as YAML: {error}") from error
    if not isinstance(raw, list):
        raise CatalogError(f"{file.name}: expected a list of entries, found {type(raw).__name__}")
    entries, faults = [], []
    for position, item in enumerate(raw, start=1):
        try:
            entries.append(kind.model_validate(item))
        except ValidationError as error:
            name = item.get("id", f"entry {position}") if isinstance(item, dict) else position
            faults += [f"{file.name}: {name}: {'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors()]
    if faults:
        raise CatalogError("\n".join(faults))
    return entries


def _unique(entries: list[T], noun: str) -> dict[str, T]:
    found: dict[str, T] = {}
    for entry in entries:
        if entry.id in found:
            raise CatalogError(f"{noun} {entry.id!r} is defined twice")
        found[entry.id] = entry
    return found
