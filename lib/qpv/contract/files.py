"""Reading the files that analysts edit: CSV as a spreadsheet saves it, YAML as a person writes it; every fault is kept.

A row that breaks its schema becomes a :class:`Fault` and never hides the next one.  Schemas are pydantic models; a
validation context carries what else is known (documents, QPV, indicators), see :mod:`qpv.contract.entries`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from qpv.errors import CatalogError
from qpv.personal import refused_columns, shown_person
from qpv.rules import refuse_tricks

_LARGEST_FILE: Final = 2_000_000

M = TypeVar("M", bound=BaseModel)
Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a file: where, what stands there, what was expected."""

    file: str
    line: int
    column: str
    value: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" + (f", {self.column}" if self.column else "")
        shown = self.value if len(self.value) <= 80 else f"{self.value[:77]}…"
        return f"{where}: {shown!r}: {self.expected}" if shown else f"{where}: {self.expected}"


@dataclass(frozen=True)
class _Row:
    """A row of a table: all of it stands on one line."""

    number: int

    def line(self, at: Location) -> int:
        del at
        return self.number


@dataclass(frozen=True)
class _Node:
    """An entry of a YAML document."""

    root: yaml.Node | None
    location: Location

    def line(self, at: Location) -> int:
        return line_of(self.root, (*self.location, *at))


@dataclass
class Reading:
    """What is being read: the faults so far, and what schemas may ask of the rest (``context``)."""

    folder: Path
    context: object = None
    faults: list[Fault] = field(default_factory=list)
    _places: dict[int, tuple[str, int]] = field(default_factory=dict)  # of each entry, by its identity

    def fault(self, file: str, line: int, column: str, value: object, expected: str) -> None:
        """Keep a fault."""
        self.faults.append(Fault(f"{self.folder.name}/{file}", line, column, "" if value is None else str(value), expected))

    def fault_at(self, entry: BaseModel, column: str, value: object, expected: str) -> None:
        """Keep a fault of an entry that was read: one that only shows beside the others."""
        self.fault(*self._places[id(entry)], column, value, expected)

    def close(self) -> None:
        """Raise every fault in one ``CatalogError``, in the order of files and lines."""
        if self.faults:
            ordered = sorted(self.faults, key=lambda f: (f.file, f.line, f.column))
            raise CatalogError("\n".join(map(str, ordered)))

    def table(self, name: str, model: type[M]) -> list[M]:
        """Read a CSV with one entry a row; a file that is not there has none.

        Semicolons or commas, a BOM, decimal commas and empty lines are as good as plain CSV.
        """
        content = self._text(name)
        if content is None:
            return []
        header = content.partition("\n")[0]
        separator = ";" if header.count(";") > header.count(",") else ","
        lines = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
        heads = [h.strip().lower() for h in next(lines, [])]
        if not self._heads(name, heads, model):
            return []
        found = []
        for cells in lines:
            if not any(c.strip() for c in cells):
                continue
            surplus = [c for c in cells[len(heads) :] if c.strip()]
            if surplus:
                told = f"more cells than the {len(heads)} columns; put a text with {separator!r} in quotes"
                self.fault(name, lines.line_num, "", surplus[0], told)
                continue
            row = {h: c.strip() for h, c in zip(heads, cells, strict=False) if c.strip()}
            entry = self._entry(name, model, row, _Row(lines.line_num))
            if entry is not None:
                found.append(entry)
        return found

    def _heads(self, name: str, heads: list[str], model: type[BaseModel]) -> bool:
        """Check the columns; none may hold data on persons, be unknown, stand twice, or lack when it is needed."""
        before, known = len(self.faults), model.model_fields
        public: frozenset[str] = getattr(model, "public", frozenset())  # of places, see qpv.contract.sites
        refused = refused_columns(h for h in heads if h not in public)
        for head, what in refused.items():
            told = f"a column of {what} is refused: a contract follows places, actions and counts; delete the column"
            self.fault(name, 1, "", head, told)
        for head in dict.fromkeys(h for h in heads if h and h not in known and h not in refused):
            self.fault(name, 1, "", head, f"unknown column; expected {', '.join(known)}")
        for head in dict.fromkeys(h for h in heads if h and heads.count(h) > 1):
            self.fault(name, 1, "", head, "the column stands twice")
        lacking = [f for f, about in known.items() if about.is_required() and f not in heads]
        if lacking:
            self.fault(name, 1, "", None, f"missing column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}")
        return len(self.faults) == before

    def document(self, name: str, sections: Mapping[str, type[BaseModel]]) -> dict[str, list[Any]]:
        """Read a YAML file whose keys are sections, each a list of entries; a file that is not there has none.

        Each entry is checked by itself, so that a bad one leaves the others.
        """
        empty: dict[str, list[Any]] = {s: [] for s in sections}
        content = self._text(name)
        if content is None:
            return empty
        try:
            refuse_tricks(name, content)
            root, data = yaml.compose(content, yaml.SafeLoader), yaml.safe_load(content)
        except CatalogError as error:
            self.fault(name, 1, "", None, str(error).removeprefix(f"{name}: ").removeprefix(f"{name}, "))
            return empty
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            told = f"not YAML: {getattr(error, 'problem', None) or error}; put a text with ': ' or a leading sign in quotes"
            self.fault(name, mark.line + 1 if mark else 1, "", None, told)
            return empty
        if not isinstance(data, dict):
            self.fault(name, 1, "", type(data).__name__, f"expected the keys {', '.join(sections)}")
            return empty
        for key in data.keys() - sections.keys():
            self.fault(name, line_of(root, (key,)), "", key, f"unknown key; expected {', '.join(sections)}")
        for section, model in sections.items():
            entries = data.get(section) or []
            if not isinstance(entries, list):
                self.fault(
                    name, line_of(root, (section,)), section, type(entries).__name__, "expected a list, each item after '- '"
                )
                continue
            for n, content_ in enumerate(entries):
                entry = self._entry(name, model, content_, _Node(root, (section, n)))
                if entry is not None:
                    empty[section].append(entry)
        return empty

    def _text(self, name: str) -> str | None:
        file = self.folder / name
        if not file.exists():
            return None
        if file.stat().st_size > _LARGEST_FILE:
            self.fault(name, 1, "", None, f"larger than {_LARGEST_FILE:,} bytes, which no such file is")
            return None
        try:
            return file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = file.read_bytes()[: error.start].count(b"\n") + 1
            self.fault(name, line, "", None, f"not UTF-8 ({error.reason}); save it as CSV UTF-8")
            return None

    def _entry(self, name: str, model: type[M], content: Any, place: _Row | _Node) -> M | None:
        """Check one entry; its faults are kept, each at its own line and column."""
        named = [(at, what) for at, value in _texts(content) for what in [shown_person(value)] if what]
        for at, what in named:
            told = f"{what}: no file of a contract may hold data on a person; write what is said, not by whom"
            self.fault(name, place.line(at), ".".join(map(str, at)), None, told)
        try:
            entry = model.model_validate(content, context=self.context)
        except ValidationError as error:
            for e in error.errors():
                at = tuple(p for p in e["loc"] if not str(p).startswith("function-"))
                given = e["input"] if isinstance(e["input"], str | int | float) else ""
                self.fault(
                    name, place.line(at), ".".join(map(str, at)), "" if e["type"] == "missing" else given, _expected(e, model)
                )
            return None
        if named:
            return None
        self._places[id(entry)] = (name, place.line(()))
        return entry


def _texts(content: Any, at: Location = ()) -> list[tuple[Location, str]]:
    """List the texts within an entry, each with its place."""
    if isinstance(content, str):
        return [(at, content)]
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [pair for key, value in inner for pair in _texts(value, (*at, key))]


def _expected(error: Any, model: type[BaseModel]) -> str:
    """Put what pydantic says as what was expected."""
    kind, message = error["type"], str(error["msg"])
    if kind == "missing":
        return "a value is needed here"
    if kind == "extra_forbidden":
        known = model.model_fields if len(error["loc"]) == 1 else {}
        return "unknown key" + (f"; expected {', '.join(known)}" if known else "")
    if kind in ("literal_error", "enum"):
        return f"expected {error['ctx']['expected']}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    return "expected " + message.removeprefix("Input should be ").removeprefix("String should ")


def line_of(node: yaml.Node | None, location: Location) -> int:
    """Give the line, from 1, of what stands at a place within a YAML document, or of the nearest thing around it."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
