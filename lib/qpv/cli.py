"""The command ``qpv``: build the data, make the briefs.

Exit codes: 0 all went well; 1 a brief or a download failed, the others are there; 2 bad input, nothing was touched.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
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

from qpv.errors import QpvError
from qpv.project import Project
from qpv.quarter import Quarter
from qpv.vocabulary import BRIEF_THEMES

if TYPE_CHECKING:
    from qpv.batch import Record, Task
    from qpv.download import Settings

# The commands import what they need when they run: pandas and geopandas cost seconds, which neither
# --help nor a mistyped quarter should.

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Observatoire des quartiers prioritaires : données et briefs.")  # fmt: skip
data_app = typer.Typer(no_args_is_help=True, help="Construire et inspecter l’entrepôt de données.")
app.add_typer(data_app, name="data")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Raw = Annotated[
    str, typer.Option(help="Folders of official files, separated by ':'. Default: data/raw, and ../shared/official if it exists.")
]


@data_app.command("build")
def data_build(raw: Raw = "", quiet: Annotated[bool, typer.Option("--quiet", help="Only errors.")] = False) -> None:
    """Build the warehouse from embedded, reference and raw data.

    Example: qpv data build --raw data/raw
    """
    _build(Project.find(Path.cwd()), raw, quiet)


@app.command()
def briefs(
    quarter: Annotated[str, typer.Option(help="YYYY-Tn; only data published by its end. Default: the last complete one.")] = "",
    territory: Annotated[
        str, typer.Option(help="QPV code or name, EPCI (SIREN), département, 'all', or 'contracts'.")
    ] = "contracts",
    theme: Annotated[str, typer.Option(help=f"Themes, separated by commas: {', '.join(BRIEF_THEMES)}. Default: all six.")] = "",
    raw: Raw = "",
    output: Annotated[Path | None, typer.Option(help="Where to write. Default: outputs/")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Parallel processes.")] = os.cpu_count() or 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors and the path of the index.")] = False,
) -> None:
    """Make the briefs of a territory for a quarter.

    Example: qpv briefs --quarter 2026-T3 --territory QN06254M --theme revenue
    """
    when = Quarter.parse(quarter) if quarter else Quarter.last_complete(dt.date.today())
    themes = [t.strip() for t in theme.split(",") if t.strip()] or list(BRIEF_THEMES)
    from qpv import batch

    project = Project.find(Path.cwd())
    target = (output or project.outputs).resolve()
    batch.plan([], themes, when, project.notebooks, project.warehouse, target)  # refuse a bad theme before any work
    _build(project, raw, quiet)
    from qpv import site
    from qpv.profile import select
    from qpv.warehouse import Warehouse

    store = Warehouse(project.warehouse)
    tasks = batch.plan(select(store, territory), themes, when, project.notebooks, project.warehouse, target)
    try:
        records = _run(tasks, min(jobs, len(tasks)), quiet)
    except KeyboardInterrupt:
        err.print("interrompu ; les briefs déjà écrits restent, la même commande les refait tous", markup=False)
        raise typer.Exit(130) from None
    folder = target / str(when)
    batch.write_figures(records, folder)
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
    unknown = sum(f.severity == "info" and "not recognised" in f.message for f in report.findings)
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


@data_app.command("status")
def data_status() -> None:
    """Say what the warehouse holds: editions, dates, observations, absences, and what was noticed.

    Example: qpv data status
    """
    from qpv.warehouse import Warehouse

    store = Warehouse(Project.find(Path.cwd()).warehouse)
    for e in store.editions.sort_values(["source", "edition"]).itertuples():
        out.print(
            f"{e.edition:45} publiée {e.published:%Y-%m-%d} ({e.published_precision}) {e.observations:>9} observations, dont {e.absences} absences",
            markup=False,
            soft_wrap=True,
        )
    for finding in store.meta["findings"]:
        line = f", ligne {finding['line']}" if finding["line"] else ""
        out.print(f"{finding['severity']} : {finding['file']}{line} : {finding['message']}", markup=False, soft_wrap=True)


@data_app.command("fetch")
def data_fetch(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]…", help="Sources or editions of the catalogue. Default: all it can fetch."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors.")] = False,
) -> None:
    """Fetch official files into data/raw; whatever fails, the files that are there remain.

    Example: qpv data fetch insee_comparateur anct_qpv2024_contours
    """
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
