"""``qpv briefs`` and ``qpv pdf``: the pages of a quarter."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from qpv.cli.console import Quiet, Raw, build_warehouse, err, out
from qpv.cli.progress import Progression
from qpv.errors import ParameterError
from qpv.project import Project
from qpv.quarter import Quarter
from qpv.vocabulary import ASKED_THEMES, DEFAULT_KINDS

_KINDS = f"Thèmes et synthèses, séparés par des virgules ; par défaut : {', '.join(DEFAULT_KINDS)}." + (
    f" Sur demande : {', '.join(ASKED_THEMES)}." if ASKED_THEMES else ""
)


def briefs_command(
    quarter: Annotated[str, typer.Option(help="AAAA-Tn ; seulement les données publiées avant sa fin. Par défaut : le dernier "
                                         "trimestre complet.")] = "",
    territory: Annotated[str, typer.Option(help="Code ou nom de QPV, EPCI (SIREN), département, 'all' ou 'contracts'.")] = "contracts",
    theme: Annotated[str, typer.Option(help=_KINDS)] = "",
    raw: Raw = "",
    output: Annotated[Path | None, typer.Option(help="Dossier où écrire. Par défaut : outputs/")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, show_default="un par cœur", help="Processus en parallèle.")] = os.cpu_count() or 1,
    again: Annotated[bool, typer.Option("--again", help="Refaire aussi les briefs qui seraient les mêmes.")] = False,
    engine: Annotated[str, typer.Option(help="qpv-warm, ou kernel : un noyau Jupyter par notebook, bien plus lent.")] = "qpv-warm",
    scheduler: Annotated[str, typer.Option(help="Ordonnanceur Dask qui répartit les briefs : tcp://machine:8786.")] = "",
    store: Annotated[str, typer.Option(help="Adresse de l’entrepôt pour ces machines (s3://…), s’il n’y est pas au même chemin.")] = "",
    time_limit: Annotated[float, typer.Option(min=1, help="Secondes par brief ; au-delà, il échoue.")] = 300,
    memory_limit: Annotated[int, typer.Option(min=64, help="Mo par brief, en plus de ce que tous partagent ; au-delà, il échoue.")] = 2048,
    as_json: Annotated[bool, typer.Option("--json", help="Un objet JSON par brief et par ligne, puis un bilan.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Seulement les erreurs et le chemin de l’index.")] = False,
) -> None:  # fmt: skip
    """Make the briefs of a territory for a quarter."""
    when = Quarter.parse(quarter) if quarter else Quarter.last_complete(dt.date.today())
    themes = [t.strip() for t in theme.split(",") if t.strip()] or list(DEFAULT_KINDS)
    from qpv import batch

    if engine not in batch.ENGINES:
        raise ParameterError(f"unknown engine {engine!r}: expected one of {', '.join(batch.ENGINES)}")
    project = Project.find(Path.cwd())
    target = (output or project.outputs).resolve()
    batch.plan([], themes, when, project.notebooks, project.warehouse, target)  # refuse a bad theme before any work
    build_warehouse(project, raw, quiet or as_json)
    from qpv import site
    from qpv.panel import concerned
    from qpv.selection import select
    from qpv.warehouse import Warehouse

    warehouse = Warehouse(project.warehouse)
    codes = select(warehouse, territory)
    tasks = batch.plan(codes, themes, when, project.notebooks, project.warehouse, target, concerned(warehouse, territory, codes))
    folder = target / str(when)
    with Progression(tasks, quiet=quiet, as_json=as_json) as progression:
        try:
            records = batch.run(
                tasks, min(jobs, len(tasks)), progression.report, territory=territory, engine=engine, seconds=time_limit,
                megabytes=memory_limit, again=again, scheduler=scheduler, store=store,
            )  # fmt: skip
        except KeyboardInterrupt:
            progression.stop()
            err.print("interrompu ; les briefs déjà écrits restent, la même commande reprend où elle en était", markup=False)
            raise typer.Exit(130) from None
    index = site.write_index(batch.published(folder), when, warehouse, folder)
    progression.conclude(records, index)
    if any(r.status == "failed" for r in records):
        raise typer.Exit(1)


def pdf_command(
    quarter: Annotated[str, typer.Option(help="AAAA-Tn. Par défaut : le dernier trimestre complet.")] = "",
    territory: Annotated[str, typer.Option(help="Comme pour 'briefs'. Par défaut : tous les briefs du trimestre.")] = "",
    theme: Annotated[str, typer.Option(help="Thèmes, séparés par des virgules. Par défaut : tous.")] = "",
    output: Annotated[Path | None, typer.Option(help="Dossier des briefs. Par défaut : outputs/")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Un objet JSON par page et par ligne, puis un bilan.")] = False,
    quiet: Quiet = False,
) -> None:
    """Print the briefs of a quarter as PDF."""
    from qpv import batch, pdf, site
    from qpv.selection import select
    from qpv.warehouse import Warehouse

    when = Quarter.parse(quarter) if quarter else Quarter.last_complete(dt.date.today())
    project = Project.find(Path.cwd())
    folder = (output or project.outputs).resolve() / str(when)
    store = Warehouse(project.warehouse)
    codes = {*select(store, territory), territory} if territory else None  # a page may be of the agglomération itself
    wanted = pdf.sheets(folder, codes, [t.strip() for t in theme.split(",") if t.strip()])
    with Progress(
        TextColumn("PDF"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=err, disable=quiet or as_json or not err.is_terminal,
    ) as progress:  # fmt: skip
        bar = progress.add_task("pdf", total=len(wanted))
        outcomes = pdf.print_sheets(wanted, when, lambda outcome: progress.advance(bar))
    failed = [o for o in outcomes if o.status == "failed"]
    for o in failed:
        err.print(f"échec : {o.sheet.page.parent.name} {o.sheet.page.stem} : {o.message}", markup=False, soft_wrap=True)
    site.write_index(batch.published(folder), when, store, folder)  # which links to the PDF that are there
    made = sum(o.status == "made" for o in outcomes)
    if as_json:
        for o in outcomes:
            said = {"event": "pdf", "territory": o.sheet.page.parent.name, "theme": o.sheet.page.stem, "status": o.status}
            typer.echo(json.dumps(said | ({"message": o.message} if o.message else {}), ensure_ascii=False))
        typer.echo(json.dumps({"event": "end", "pages": len(outcomes), "made": made, "failed": len(failed)}))
    elif not quiet:
        out.print(f"{made} PDF écrits, {len(outcomes) - made - len(failed)} à jour, {len(failed)} échecs", markup=False)
    if failed:
        raise typer.Exit(1)
