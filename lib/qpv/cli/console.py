"""What all commands share: two consoles, options, the step that builds the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

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


def explained(words: str, example: str) -> str:
    """Write the help of a command, with an example."""
    return f"{words}\n\nExemple : {example}"


def build_warehouse(project: Project, raw: str, quiet: bool) -> BuildReport:
    """Build the warehouse if anything has changed, say what was noticed, and give the report."""
    folders = project.raw(raw)
    from qpv import build

    with out.status("Entrepôt de données…") if not quiet and out.is_terminal else _Nothing() as status:
        report = build.build(project.data, folders, project.warehouse, lambda step: status.update(f"Entrepôt : {step}"))
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


class _Nothing:
    """Stands for a progress line where there is no terminal."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def update(self, message: str) -> None:
        """Say nothing."""
