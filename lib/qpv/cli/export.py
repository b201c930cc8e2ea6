"""The command ``qpv export``: the observations of a territory, to share."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from qpv.cli.console import err
from qpv.project import Project
from qpv.quarter import Quarter


def export_command(
    territory: Annotated[
        str, typer.Option(help="Code ou nom de QPV, EPCI (SIREN), département, 'all' ou 'contracts'.")
    ] = "contracts",
    quarter: Annotated[str, typer.Option(help="AAAA-Tn. Par défaut : le dernier trimestre complet.")] = "",
    output: Annotated[
        Path | None, typer.Option(metavar="DOSSIER", help="Par défaut : outputs/<trimestre>/export-<territoire>.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Le chemin, le territoire et le trimestre en un objet JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Seulement les erreurs et le chemin du dossier.")] = False,
) -> None:
    """Write the data package of a territory."""
    when = Quarter.parse(quarter) if quarter else Quarter.last_complete(dt.date.today())
    from qpv.export import FIELDS, write_package
    from qpv.warehouse import Warehouse

    project = Project.find(Path.cwd())
    folder = (output or project.outputs / str(when) / f"export-{territory}").resolve()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=err, transient=True,
        disable=quiet or as_json or not err.is_terminal,
    ) as progress:  # fmt: skip
        bar = progress.add_task("Export", total=len(FIELDS))
        written = write_package(
            Warehouse(project.warehouse), territory, when, folder,
            lambda name: progress.update(bar, advance=1, description=f"Export : {name}"),
        )  # fmt: skip
    said = {"event": "end", "folder": str(written), "territory": territory, "quarter": str(when)}
    typer.echo(json.dumps(said, ensure_ascii=False) if as_json else str(written))
