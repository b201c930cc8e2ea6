"""``qpv data``: build the warehouse, say what it holds and what changed, fetch files, write the catalogue page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from qpv.cli.console import Brief, Quiet, Raw, build_warehouse, err, explained, out
from qpv.errors import ParameterError
from qpv.numbers import format_number
from qpv.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from qpv.catalog import Catalog
    from qpv.download import Settings
    from qpv.fetch import Outcome

data_app = typer.Typer(no_args_is_help=True, help=explained("Construire et inspecter l’entrepôt de données.", "qpv data status"))


@data_app.command("build", help=explained(
    "Construire l’entrepôt à partir des données embarquées, de la référence et des fichiers officiels.",
    "qpv data build --raw data/raw",
))  # fmt: skip
def data_build(
    raw: Raw = "",
    as_json: Annotated[bool, typer.Option("--json", help="Une remarque par ligne, puis un bilan, en JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Build the warehouse from embedded, reference and raw data."""
    report = build_warehouse(Project.find(Path.cwd()), raw, quiet or as_json)
    if as_json:
        for finding in report.findings:
            typer.echo(json.dumps({"event": "finding", **vars(finding)}, ensure_ascii=False))
        typer.echo(json.dumps({"event": "end", "fresh": report.fresh, "observations": report.observations}))


@data_app.command("status", help=explained(
    "Dire ce que contient l’entrepôt : éditions, dates, absences ; sources attendues ; fichiers non lus ; remarques.",
    "qpv data status",
))  # fmt: skip
def data_status(
    as_json: Annotated[bool, typer.Option("--json", help="Un objet JSON par ligne, nombres exacts.")] = False,
    quiet: Brief = False,
) -> None:
    """Say what the warehouse holds: editions, dates, absences, sources awaited, files not read, remarks."""
    from qpv import terminal
    from qpv.inventory import take_inventory
    from qpv.warehouse import Warehouse

    inventory = take_inventory(Warehouse(Project.find(Path.cwd()).warehouse))
    if as_json:
        for record in inventory.records():
            typer.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    elif quiet:
        counts = {"éditions lues": inventory.editions, "sources attendues": inventory.awaited, "fichiers non lus": inventory.unread,
                  "remarques": inventory.remarks}  # fmt: skip
        out.print(
            ", ".join(f"{name} : {format_number(len(rows))}" for name, rows in counts.items()), markup=False, soft_wrap=True
        )
    else:
        terminal.print_inventory(inventory, _wide(terminal.WIDTH))


@data_app.command("diff", help=explained(
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
    quiet: Brief = False,
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
    if quiet:
        out.print(
            f"éditions changées : {len(editions)}, chiffres changés : {format_number(summary.total)}",
            markup=False,
            soft_wrap=True,
        )
        return
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


@data_app.command("catalog", help=explained(
    "Écrire la page du catalogue : sources et indicateurs, tels que les décrivent data/catalog/*.yml.",
    "qpv data catalog",
))  # fmt: skip
def data_catalog(
    output: Annotated[Path | None, typer.Option(metavar="FICHIER", help="Par défaut : docs/catalogue.md")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Le chemin dans un objet JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write the page on sources and indicators from the catalogue."""
    from qpv.atomic import write_atomically
    from qpv.catalog import Catalog
    from qpv.catalog.markdown import catalogue_page

    project = Project.find(Path.cwd())
    path = output or project.root / "docs" / "catalogue.md"
    write_atomically(path, catalogue_page(Catalog.load(project.data / "catalog")))
    if as_json:
        typer.echo(json.dumps({"event": "end", "path": str(path)}, ensure_ascii=False))
    elif not quiet:
        out.print(str(path), markup=False, soft_wrap=True)


@data_app.command("fetch", help=explained(
    "Télécharger des fichiers officiels dans data/raw ; quoi qu’il échoue, ce qui est là reste.\n\n"
    "« facilities », à nommer exprès, demande au géocodage de l’IGN où sont les équipements que les contrats recensent.",
    "qpv data fetch insee_comparateur facilities",
))  # fmt: skip
def data_fetch(
    sources: Annotated[list[str] | None, typer.Argument(
        metavar="[SOURCE]…", help="Sources ou éditions du catalogue. Par défaut : toutes celles qu’il sait télécharger.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Un objet JSON par fichier et par ligne, puis un bilan.")] = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Fetch official files into data/raw; whatever fails, the files that are there remain."""
    _fetch(Project.find(Path.cwd()).data, sources or [], quiet, as_json=as_json)


def _fetch(data: Path, names: list[str], quiet: bool, settings: Settings | None = None, *, as_json: bool = False) -> None:
    from qpv.catalog import Catalog
    from qpv.fetch import fetch, orders
    from qpv.geocoding import STEP

    counts = {"fetched": 0, "unchanged": 0, "failed": 0}
    catalog = Catalog.load(data / "catalog")
    others = [n for n in names if n != STEP]
    # Nobody's service is asked by a command that did not name it.
    wanted = orders(catalog, others) if others or not names else []
    if STEP in names:
        for outcome in _locate(data, catalog, settings):
            counts[outcome.status] += 1
            _tell(outcome, quiet, as_json)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or as_json or not err.is_terminal) as progress:
        bar = progress.add_task("", visible=False)
        show = partial(_show_bytes, progress, bar)
        try:
            for order, outcome in zip(wanted, fetch(wanted, data / "raw", settings, show), strict=True):
                counts[outcome.status] += 1
                _tell(outcome, quiet, as_json, order.source.landing_page)
        except KeyboardInterrupt:
            err.print("interrompu ; ce qui est là reste, la même commande reprend où elle en était", markup=False)
            raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps({"event": "end", **counts}))
    elif not quiet:
        out.print("{fetched} nouveaux, {unchanged} inchangés, {failed} échecs".format(**counts), markup=False)
    if counts["failed"]:
        raise typer.Exit(1)


def _locate(data: Path, catalog: Catalog, settings: Settings | None) -> Iterator[Outcome]:
    """Ask where the facilities of the contracts lie; see :mod:`qpv.geocoding`."""
    from qpv.contract.contract import load_all
    from qpv.contracts import load_contracts
    from qpv.geocoding import locate
    from qpv.reference import Reference

    reference = Reference.load(data / "reference")
    written = load_all(data / "contracts", catalog, reference, load_contracts(data / "contracts", catalog, reference))
    for epci, contract in written.items():
        if contract.sites:
            yield from locate(epci, contract.sites, data / "raw", settings)


def _tell(outcome: Outcome, quiet: bool, as_json: bool, landing_page: str = "") -> None:
    """Say what became of a file; of one that failed, where to get it by hand."""
    if as_json:
        told = {"edition": outcome.label, "status": outcome.status, "file": outcome.name, "message": outcome.message}
        typer.echo(json.dumps({"event": "file", **told, "landing_page": landing_page}, ensure_ascii=False))
    elif outcome.status == "failed":
        by_hand = f" ; à déposer à la main dans data/raw : {landing_page}" if landing_page else ""
        err.print(f"{outcome.label} : échec : {outcome.message}{by_hand}", markup=False, soft_wrap=True)
    elif not quiet:
        word = f"{'nouveau' if outcome.status == 'fetched' else 'inchangé'} : {outcome.name}"
        word += f" ({outcome.message})" if outcome.message else ""
        out.print(f"{outcome.label} : {word}", markup=False, soft_wrap=True)


def _show_bytes(progress: Progress, bar: TaskID, label: str, done: int, total: int | None) -> None:
    progress.update(bar, description=label, completed=done, total=total, visible=True)
