"""The command ``qpv``: build the data, make the briefs.

Its own words are French; messages of exceptions and findings follow its prefixes as they are, in English.
Exit codes: 0 all went well; 1 a brief or a download failed, the others are there; 2 bad input, nothing was touched.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from qpv import export_command
from qpv.errors import ParameterError, QpvError
from qpv.numbers import format_number
from qpv.project import Project
from qpv.quarter import Quarter
from qpv.vocabulary import BRIEF_KINDS

if TYPE_CHECKING:
    import pandas as pd

    from qpv.batch import Record, Task
    from qpv.download import Settings

# The commands import what they need when they run: pandas and geopandas cost seconds, which neither
# --help nor a mistyped quarter should.

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Observatoire des quartiers prioritaires : données et briefs.")  # fmt: skip
data_app = typer.Typer(no_args_is_help=True, help="Construire et inspecter l’entrepôt de données.")
app.add_typer(data_app, name="data")
export_command.register(app)

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Raw = Annotated[
    str,
    typer.Option(
        help="Dossiers des fichiers officiels, séparés par « : ». Par défaut : data/raw, et ../shared/official s’il existe."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Seulement les erreurs.")]


def _help(words: str, example: str) -> str:
    return f"{words}\n\nExemple : {example}"


@data_app.command("build", help=_help(
    "Construire l’entrepôt à partir des données embarquées, de la référence et des fichiers officiels.",
    "qpv data build --raw data/raw",
))  # fmt: skip
def data_build(raw: Raw = "", quiet: Quiet = False) -> None:
    """Build the warehouse from embedded, reference and raw data."""
    _build(Project.find(Path.cwd()), raw, quiet)


@app.command(help=_help(
    "Faire les briefs d’un territoire pour un trimestre.",
    "qpv briefs --quarter 2026-T3 --territory QN06254M --theme revenue",
))  # fmt: skip
def briefs(
    quarter: Annotated[str, typer.Option(help="AAAA-Tn ; seulement les données publiées avant sa fin. Par défaut : le dernier "
                                         "trimestre complet.")] = "",
    territory: Annotated[str, typer.Option(help="Code ou nom de QPV, EPCI (SIREN), département, 'all' ou 'contracts'.")] = "contracts",
    theme: Annotated[str, typer.Option(help=f"Thèmes et synthèses, séparés par des virgules : {', '.join(BRIEF_KINDS)}. Par défaut : tous.")] = "",
    raw: Raw = "",
    output: Annotated[Path | None, typer.Option(help="Dossier où écrire. Par défaut : outputs/")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Processus en parallèle.")] = os.cpu_count() or 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Seulement les erreurs et le chemin de l’index.")] = False,
) -> None:  # fmt: skip
    """Make the briefs of a territory for a quarter."""
    when = Quarter.parse(quarter) if quarter else Quarter.last_complete(dt.date.today())
    themes = [t.strip() for t in theme.split(",") if t.strip()] or list(BRIEF_KINDS)
    from qpv import batch

    project = Project.find(Path.cwd())
    target = (output or project.outputs).resolve()
    batch.plan([], themes, when, project.notebooks, project.warehouse, target)  # refuse a bad theme before any work
    _build(project, raw, quiet)
    from qpv import site
    from qpv.panel import concerned
    from qpv.selection import select
    from qpv.warehouse import Warehouse

    store = Warehouse(project.warehouse)
    codes = select(store, territory)
    epci = concerned(store, territory, codes)
    tasks = batch.plan(codes, themes, when, project.notebooks, project.warehouse, target, epci)
    try:
        records = _run(tasks, min(jobs, len(tasks)), quiet)
    except KeyboardInterrupt:
        err.print("interrompu ; les briefs déjà écrits restent, la même commande les refait tous", markup=False)
        raise typer.Exit(130) from None
    folder = target / str(when)
    batch.write_figures(records, when, store, folder)
    published = batch.with_earlier(records, folder)
    batch.write_run(published, when, territory, folder)
    index = site.write_index(published, when, store, folder)
    failed = [r for r in records if r.status == "failed"]
    for record in failed:
        error = record.error or {}
        err.print(
            f"échec : {record.qpv} {record.theme}, cellule {error.get('cell')} : {error.get('name')}: {error.get('message')}",
            markup=False,
        )
    if not quiet:
        degraded = sum(r.status == "degraded" for r in records)
        out.print(f"{len(records) - len(failed)} briefs écrits ({degraded} partiels), {len(failed)} échecs", markup=False)
    out.print(str(index), markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command("pdf", help=_help(
    "Faire les PDF des briefs d’un trimestre, à côté de leurs pages ; seulement ceux qui manquent ou sont plus anciens.",
    "qpv pdf --quarter 2026-T3 --territory QN06254M",
))  # fmt: skip
def pdf_command(
    quarter: Annotated[str, typer.Option(help="AAAA-Tn. Par défaut : le dernier trimestre complet.")] = "",
    territory: Annotated[str, typer.Option(help="Comme pour 'briefs'. Par défaut : tous les briefs du trimestre.")] = "",
    theme: Annotated[str, typer.Option(help="Thèmes, séparés par des virgules. Par défaut : tous.")] = "",
    output: Annotated[Path | None, typer.Option(help="Dossier des briefs. Par défaut : outputs/")] = None,
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
        TextColumn("PDF"), BarColumn(), MofNCompleteColumn(), console=err, disable=quiet or not err.is_terminal
    ) as progress:
        bar = progress.add_task("pdf", total=len(wanted))
        outcomes = pdf.print_sheets(wanted, when, lambda outcome: progress.advance(bar))
    failed = [o for o in outcomes if o.status == "failed"]
    for o in failed:
        err.print(f"échec : {o.sheet.page.parent.name} {o.sheet.page.stem} : {o.message}", markup=False, soft_wrap=True)
    site.write_index(batch.with_earlier([], folder), when, store, folder)  # which links to the PDF that are there
    if not quiet:
        made = sum(o.status == "made" for o in outcomes)
        out.print(f"{made} PDF écrits, {len(outcomes) - made - len(failed)} à jour, {len(failed)} échecs", markup=False)
    if failed:
        raise typer.Exit(1)


def _build(project: Project, raw: str, quiet: bool) -> None:
    folders = project.raw(raw)
    from qpv import build

    with out.status("Entrepôt de données…") if not quiet and out.is_terminal else _Nothing() as status:
        report = build.build(project.data, folders, project.warehouse, lambda step: status.update(f"Entrepôt : {step}"))
    if quiet:
        return
    fresh = "construit" if report.fresh else "à jour"
    out.print(f"Entrepôt {fresh} : {report.observations:,} observations".replace(",", "\u202f"), markup=False)
    warnings = [f for f in report.findings if f.severity == "warning"] if report.fresh else []
    for finding in warnings:
        err.print(f"attention : {finding}", markup=False, soft_wrap=True)
    unknown = sum(f.kind == "unknown" for f in report.findings)
    if report.fresh and unknown:
        out.print(f"fichiers de RAW d’aucune édition connue : {unknown} ('qpv data status' les nomme)", markup=False)


class _Nothing:
    """Stands for a progress line where there is no terminal."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def update(self, message: str) -> None:
        """Say nothing."""


def _run(tasks: list[Task], jobs: int, quiet: bool) -> list[Record]:
    from qpv import batch

    columns = (TextColumn("Briefs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
        bar = progress.add_task("briefs", total=len(tasks))
        return batch.run(tasks, jobs, lambda record: progress.advance(bar))


@data_app.command("status", help=_help(
    "Dire ce que contient l’entrepôt : éditions, dates, absences ; sources attendues ; fichiers non lus ; remarques.",
    "qpv data status",
))  # fmt: skip
def data_status(
    as_json: Annotated[bool, typer.Option("--json", help="Un objet JSON par ligne, nombres exacts.")] = False,
) -> None:
    """Say what the warehouse holds: editions, dates, absences, sources awaited, files not read, remarks."""
    from qpv import terminal
    from qpv.inventory import take_inventory
    from qpv.warehouse import Warehouse

    inventory = take_inventory(Warehouse(Project.find(Path.cwd()).warehouse))
    if as_json:
        for record in inventory.records():
            typer.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    else:
        terminal.print_inventory(inventory, _wide(terminal.WIDTH))


@data_app.command("diff", help=_help(
    "Dire ce que le dernier entrepôt construit change au précédent : éditions, chiffres, statuts. Code 0, "
    "qu’il y ait des changements ou non ; 2 quand le précédent n’est pas connu.",
    "qpv data diff --threshold 1 --csv changements.csv",
))  # fmt: skip
def data_diff(
    threshold: Annotated[float, typer.Option(min=0, help="Révisions à taire : jusqu’à tant d’unités de l’indicateur, ou tant "
                                             "de % pour les effectifs et les euros.")] = 0.5,
    first: Annotated[int, typer.Option(min=0, max=10_000, help="Nombre de changements de QPV à montrer.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Tous les changements, un objet JSON par ligne.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FICHIER", dir_okay=False, help="Écrire tous les changements en CSV.")] = None,
) -> None:  # fmt: skip
    """Say what the build in use changed against the one that it replaced."""
    if not math.isfinite(threshold):
        raise ParameterError(f"threshold {threshold!r} is not a number to compare with: write for instance 0.5")
    from qpv import changes, terminal
    from qpv.warehouse import Warehouse

    folder = Project.find(Path.cwd()).warehouse
    old, new = Warehouse.previous(folder), Warehouse(folder)
    editions = changes.edition_changes(old, new)
    if as_json:
        for record in changes.edition_records(editions):
            typer.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    tables = changes.figure_changes(old, new, threshold)
    if csv:
        tables = _written(tables, csv)
    if as_json:
        for record in changes.figure_records(tables):
            typer.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
        return
    summary = changes.summarise(tables, first)
    out.print(
        f"Entrepôt {new.path.name} comparé à {old.path.name}, qu’il a remplacé ; seuil {format_number(threshold, 1)} (en % pour effectifs et euros)",
        markup=False,
        soft_wrap=True,
    )
    names = {**old.names("qpv"), **new.names("qpv")}
    terminal.print_changes(editions, summary, (old.catalog, new.catalog), names, _wide(terminal.WIDTH))
    if csv:
        out.print(str(csv), markup=False, soft_wrap=True)


def _wide(width: int) -> Console:
    """Give a console as wide as the terminal, or as the tables need where there is none."""
    return out if out.is_terminal else Console(highlight=False, width=max(width, out.width))


def _written(tables: Iterable[pd.DataFrame], path: Path) -> Iterator[pd.DataFrame]:
    """Pass tables of changes on and write them as they pass; the file takes its place when the last one has."""
    from qpv.atomic import opened_atomically
    from qpv.changes import COLUMNS
    from qpv.html import inert_cell

    try:
        with opened_atomically(path) as stream:
            stream.write(("\ufeff" + ",".join(COLUMNS) + "\r\n").encode())
            for table in tables:
                texts = table.select_dtypes(exclude=["number", "bool"]).columns
                inert = table.assign(**{c: table[c].map(inert_cell) for c in texts})
                stream.write(inert.to_csv(index=False, header=False, lineterminator="\r\n").encode())
                yield table
    except OSError as error:
        raise ParameterError(f"{path.name!r} cannot be written ({error.strerror}): give another file") from error


@data_app.command("catalog", help=_help(
    "Écrire la page du catalogue : sources et indicateurs, tels que les décrivent data/catalog/*.yml.",
    "qpv data catalog",
))  # fmt: skip
def data_catalog(
    output: Annotated[Path | None, typer.Option(metavar="FICHIER", help="Par défaut : docs/catalogue.md")] = None,
) -> None:
    """Write the page on sources and indicators from the catalogue."""
    from qpv.atomic import write_atomically
    from qpv.catalog import Catalog
    from qpv.catalog.markdown import catalogue_page

    project = Project.find(Path.cwd())
    path = output or project.root / "docs" / "catalogue.md"
    write_atomically(path, catalogue_page(Catalog.load(project.data / "catalog")))
    out.print(str(path), markup=False, soft_wrap=True)


@data_app.command("fetch", help=_help(
    "Télécharger des fichiers officiels dans data/raw ; quoi qu’il échoue, ce qui est là reste.",
    "qpv data fetch insee_comparateur anct_qpv2024_contours",
))  # fmt: skip
def data_fetch(
    sources: Annotated[list[str] | None, typer.Argument(
        metavar="[SOURCE]…", help="Sources ou éditions du catalogue. Par défaut : toutes celles qu’il sait télécharger.")] = None,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Fetch official files into data/raw; whatever fails, the files that are there remain."""
    _fetch(Project.find(Path.cwd()).data, sources or [], quiet)


def _fetch(data: Path, names: list[str], quiet: bool, settings: Settings | None = None) -> None:
    from qpv.catalog import Catalog
    from qpv.fetch import fetch, orders

    wanted = orders(Catalog.load(data / "catalog"), names)
    counts = {"fetched": 0, "unchanged": 0, "failed": 0}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        bar = progress.add_task("", visible=False)
        show = partial(_show_bytes, progress, bar)
        try:
            for order, outcome in zip(wanted, fetch(wanted, data / "raw", settings, show), strict=True):
                counts[outcome.status] += 1
                if outcome.status == "failed":
                    say, word = (
                        err,
                        f"échec : {outcome.message} ; à déposer à la main dans data/raw : {order.source.landing_page}",
                    )
                else:
                    say, word = out, f"{'nouveau' if outcome.status == 'fetched' else 'inchangé'} : {outcome.name}"
                    word += f" ({outcome.message})" if outcome.message else ""
                if not quiet or say is err:
                    say.print(f"{outcome.label} : {word}", markup=False, soft_wrap=True)
        except KeyboardInterrupt:
            err.print("interrompu ; ce qui est là reste, la même commande reprend où elle en était", markup=False)
            raise typer.Exit(130) from None
    if not quiet:
        out.print("{fetched} nouveaux, {unchanged} inchangés, {failed} échecs".format(**counts), markup=False)
    if counts["failed"]:
        raise typer.Exit(1)


def _show_bytes(progress: Progress, bar: TaskID, label: str, done: int, total: int | None) -> None:
    progress.update(bar, description=label, completed=done, total=total, visible=True)


def main() -> None:
    """Run the command; a :class:`QpvError` becomes one line and exit code 2."""
    try:
        app()
    except QpvError as error:
        err.print(f"erreur : {error}", markup=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
