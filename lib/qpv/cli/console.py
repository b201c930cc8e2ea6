"""What all commands share: two consoles, options, the step that builds the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from qpv.project import Project

if TYPE_CHECKING:
    from qpv.build import BuildReport

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Raw = Annotated[
    str,
    typer.Option(
        help="Dossiers des fichiers officiels, séparés par « : ». Par défaut : data/raw, et ../shared/official s’il existe."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Seulement les erreurs.")]
Brief = Annotated[bool, typer.Option("--quiet", help="Le bilan seul, en une ligne.")]


def explained(words: str, example: str) -> str:
    """Write the help of a command, with an example."""
    return f"{words}\n\nExemple : {example}"


def build_warehouse(project: Project, raw: str, quiet: bool) -> BuildReport:
    """Build the warehouse if anything has changed, say what was noticed, and give the report."""
    folders = project.raw(raw)
    from qpv import build

    columns = (TextColumn("Entrepôt"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        line = bar.add_task("", total=1)
        report = build.build(
            project.data, folders, project.warehouse,
            lambda step, share: bar.update(line, completed=share, description=escape(step)),
        )  # fmt: skip
    if quiet:
        return report
    fresh = "construit" if report.fresh else "à jour"
    out.print(f"Entrepôt {fresh} : {report.observations:,} observations".replace(",", "\u202f"), markup=False)
    warnings = [f for f in report.findings if f.severity == "warning"] if report.fresh else []
    for finding in warnings:
        err.print(f"attention : {finding}", markup=False, soft_wrap=True)
    unknown = sum(f.kind == "unknown" for f in report.findings)
    if report.fresh and unknown:
        out.print(f"fichiers de RAW d’aucune édition connue : {unknown} ('qpv data status' les nomme)", markup=False)
    return report
