"""The command ``qpv export``: the observations of a territory, to share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

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
) -> None:
    """Write the data package of a territory."""
    when = Quarter.parse(quarter) if quarter else Quarter.last_complete(dt.date.today())
    from qpv.export import write_package
    from qpv.warehouse import Warehouse

    project = Project.find(Path.cwd())
    folder = (output or project.outputs / str(when) / f"export-{territory}").resolve()
    typer.echo(str(write_package(Warehouse(project.warehouse), territory, when, folder)))
