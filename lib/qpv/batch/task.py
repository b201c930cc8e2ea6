"""What is to be made, and what became of it: one task and one record a brief."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

from qpv.errors import ParameterError
from qpv.quarter import Quarter
from qpv.vocabulary import AGGLOMERATION, BRIEF_KINDS

#: In place of a kind of brief: the figures of a territory, over all its briefs.
FIGURES: Final = "figures"


@dataclass(frozen=True)
class Task:
    """One brief to make."""

    qpv: str  # the territory: code of a QPV, or SIREN of an EPCI for a brief of an agglomération
    theme: str  # a theme, or another kind of brief
    quarter: str
    notebook: Path
    warehouse: Path
    output: Path  # the quarter's folder

    @property
    def name(self) -> tuple[str, str]:
        """By what it is told from the others of its quarter."""
        return self.qpv, self.theme

    @property
    def page(self) -> Path:
        """The brief."""
        return self.output / self.qpv / f"{self.theme}.html"

    @property
    def parameters(self) -> dict[str, str]:
        """What the notebook's parameters are set to."""
        values = (self.qpv, self.quarter, str(self.warehouse))
        return dict(zip(parameters_of(self.theme), values, strict=True))

    @property
    def executed(self) -> Path:
        """The executed notebook."""
        return self.output / "notebooks" / f"{self.qpv}-{self.theme}.ipynb"

    @property
    def told(self) -> Path:
        """The figures that the brief shows, for ``figures.csv``."""
        return self.executed.with_suffix(".json")

    def as_json(self) -> dict[str, str]:
        """Give it in plain texts, for another process."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, told: dict[str, str]) -> Self:
        """Read what :meth:`as_json` gave."""
        notebook, warehouse, output = (Path(told[name]) for name in ("notebook", "warehouse", "output"))
        return cls(told["qpv"], told["theme"], told["quarter"], notebook, warehouse, output)


@dataclass
class Record:
    """What became of a brief."""

    qpv: str
    theme: str
    status: str  # ok, degraded, failed
    seconds: float = 0.0
    bytes: int = 0
    name: str = ""
    missing: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None  # cell, name, message, traceback
    skipped: bool = False  # it was there already, and would be the same
    #: What was read to make it (:class:`qpv.digests.Reads`) and from which build.
    reads: dict[str, Any] | None = field(default=None, repr=False)
    build: str = ""

    def public(self) -> dict[str, Any]:
        """Give what ``run.json`` tells of it."""
        hidden = ("reads", "build", "skipped")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}


@dataclass(frozen=True)
class Figures:
    """The figures of a territory, over its briefs: to be written when the last of these is made."""

    qpv: str
    territory: str  # its name
    kinds: tuple[str, ...]
    theme: str = FIGURES


def failure(task: Task | Figures, name: str, message: str) -> Record:
    """Record that a brief failed outside of its notebook."""
    return Record(task.qpv, task.theme, "failed", error={"cell": None, "name": name, "message": message, "traceback": ""})


def parameters_of(kind: str) -> tuple[str, ...]:
    """Name the parameters of a notebook: its territory, the quarter, the warehouse."""
    return ("epci" if kind == AGGLOMERATION else "qpv", "quarter", "warehouse")


def plan(
    codes: Iterable[str], themes: Sequence[str], quarter: Quarter, notebooks: Path, warehouse: Path, outputs: Path,
    epci: Iterable[str] = (),
) -> list[Task]:  # fmt: skip
    """List the briefs to make, after checking kinds and notebooks.

    ``themes`` are kinds of brief: themes and ``portrait`` are made for each of the QPV ``codes``,
    ``agglomeration`` for each of the EPCI.

    Raises
    ------
    ParameterError
        If a theme is unknown, or a notebook is missing or lacks a parameter.
    """
    for theme in themes:
        if theme not in BRIEF_KINDS:
            raise ParameterError(f"unknown theme {theme!r}: expected one of {', '.join(BRIEF_KINDS)}")
        _check_parameters(notebooks / f"{theme}.ipynb", parameters_of(theme))
    folder = outputs / str(quarter)
    wanted = [(code, theme) for code in codes for theme in themes if theme != AGGLOMERATION]
    wanted += [(code, AGGLOMERATION) for code in epci if AGGLOMERATION in themes]
    return [
        Task(code, theme, str(quarter), (notebooks / f"{theme}.ipynb").resolve(), warehouse.resolve(), folder.resolve())
        for code, theme in wanted
    ]


def _check_parameters(notebook: Path, parameters: Sequence[str]) -> None:
    """Refuse a notebook whose ``parameters`` cell does not set exactly the parameters of a brief."""
    # Not through nbformat, whose import costs more than all else that is done before the first brief.
    try:
        cells = [
            "".join(cell["source"]) for cell in json.loads(notebook.read_text("utf-8"))["cells"]
            if "parameters" in cell["metadata"].get("tags", [])
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(f"notebook {notebook.name!r} cannot be read: {error or type(error).__name__}") from error
    found = set(re.findall(r"^(\w+)\s*=", cells[0], re.MULTILINE)) if cells else set()
    if found != set(parameters):
        raise ParameterError(
            f"notebook {notebook.name!r}: its 'parameters' cell must set {', '.join(parameters)}; it sets {', '.join(sorted(found)) or 'nothing'}"
        )
