"""Briefs made once for all tests that look at them, and ways to read a page.

The runs are shared between the processes of pytest-xdist: the first one makes them, the others wait.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, _one_at_a_time, _shared_folder
from qpv import batch, site
from qpv.build import build
from qpv.panel import concerned
from qpv.quarter import Quarter
from qpv.selection import select
from qpv.vocabulary import ASKED_THEMES, BRIEF_THEMES, CONTRACT_KINDS, EPCI_KINDS, THEME_BRIEFS
from qpv.warehouse import Warehouse
from visits import WIDTHS

NOTEBOOKS = ROOT / "notebooks"
QUARTER = Quarter(2026, 3)
BEAU_MARAIS = "QN06254M"
FORT_NIEULAY = "QN06253M"
GRANDE_RESIDENCE = "QN06225M"
CALAIS, LENS, BETHUNE = "200090751", "246200364", "200072460"
HOSTILE = "=1+1\"'</script><script>alert(1)</script>"
HOSTILE_PEER = "+cmd|' /C calc'!A0 \u202egnillib\u202c <img src=x onerror=alert(1)>"
DEGRADED_THEMES = ("revenue", "health")

#: Real quartiers that differ in what is known of them, each with the kinds of page that are looked at.
GALLERY: dict[str, tuple[str, ...]] = {
    BEAU_MARAIS: BRIEF_THEMES,
    FORT_NIEULAY: ("revenue", *ASKED_THEMES),  # Fort Nieulay: a figure that two pages of a contract contradict
    GRANDE_RESIDENCE: ("housing",),  # Lens-Liévin
    "QN00614N": ("employment",),  # Le Château, new in 2024: no figure of its own
    "QN97403M": ("revenue",),  # La Réunion
    "QN05976M": ("ecology",),  # Loos, in the agglomération of Lille: heat squares
}


@dataclass(frozen=True)
class Budget:
    """What a kind of page may weigh, and on how many A4 sheets it may print."""

    bytes: int
    sheets: int


THEME_BUDGET = Budget(1_200_000, 6)
#: The bounds of each kind of page; a new kind needs a line here and a place in GALLERY, SYNTHESES or SITE.
BUDGETS = dict.fromkeys(THEME_BRIEFS, THEME_BUDGET) | {
    "portrait": Budget(1_500_000, 2), "agglomeration": Budget(1_500_000, 6),
    "evaluation": Budget(1_000_000, 14), "programme": Budget(1_000_000, 8), "yearly": Budget(1_200_000, 10),
}  # fmt: skip
#: The pages of a run itself, beside its briefs.
SITE = tuple(page.removesuffix(".html") for page in site.frame.PAGES)
BUDGETS |= dict.fromkeys(SITE, Budget(2_500_000, 40))
#: The briefs that put all themes, or all quartiers, together.
SYNTHESES = (f"{BEAU_MARAIS}/portrait", *(f"{CALAIS}/{kind}" for kind in EPCI_KINDS))
#: The contracts that are filled beside that of Grand Calais: one has no register of renewal, the other no figures of the catalogue.
OTHER_CONTRACTS = (LENS, BETHUNE)
CONTRACTS = tuple(f"{epci}/{kind}" for epci in OTHER_CONTRACTS for kind in CONTRACT_KINDS)
BRIEFS = tuple(f"{code}/{kind}" for code, kinds in GALLERY.items() for kind in kinds)
MADE = (*BRIEFS, *SYNTHESES, *CONTRACTS)
EVERY = (*MADE, *SITE)
#: One page of each kind; the other quartiers show what differs in what is known.
KINDS = (
    *(f"{BEAU_MARAIS}/{theme}" for theme in BRIEF_THEMES), *(f"{FORT_NIEULAY}/{theme}" for theme in ASKED_THEMES), *SYNTHESES, *SITE,
)  # fmt: skip
#: The three widths for one page of each kind, one width for each other page.
LOOKS = [
    *((name, width) for name in KINDS for width in WIDTHS),
    *((name, WIDTHS[n % 3]) for n, name in enumerate(sorted(set(EVERY) - set(KINDS)))),
]


@dataclass(frozen=True)
class Run:
    """What one batch left behind."""

    folder: Path  # the quarter's folder
    warehouse: Path
    records: list[batch.Record]

    def record(self, theme: str) -> batch.Record:
        return next(r for r in self.records if r.theme == theme)

    def figures(self, record: batch.Record) -> list[dict[str, Any]]:
        """The figures that a brief told the batch that it shows."""
        told = json.loads((self.folder / "notebooks" / f"{record.qpv}-{record.theme}.json").read_text("utf-8"))
        return list(told["figures"])

    def path(self, theme: str) -> Path:
        return self.folder / self.record(theme).qpv / f"{theme}.html"

    def html(self, theme: str) -> str:
        return self.path(theme).read_text("utf-8")

    def soup(self, theme: str) -> BeautifulSoup:
        return BeautifulSoup(self.html(theme), "html.parser")

    @property
    def index(self) -> Path:
        return self.folder / "index.html"


@dataclass(frozen=True)
class Gallery:
    """The pages of GALLERY, SYNTHESES, CONTRACTS and SITE, by their name: ``QN06254M/revenue``, ``index``."""

    runs: tuple[Run, ...]

    def path(self, name: str) -> Path:
        return next(p for p in (run.folder / f"{name}.html" for run in self.runs) if p.exists())

    def soup(self, name: str) -> BeautifulSoup:
        return BeautifulSoup(self.path(name).read_text("utf-8"), "html.parser")

    @property
    def warehouse(self) -> Path:
        return self.runs[-1].warehouse


def budget(name: str) -> Budget:
    """Give the bounds of a page of the gallery."""
    return BUDGETS[name.rpartition("/")[2]]


def publish(
    warehouse: Path, outputs: Path, code: str, themes: Sequence[str], quarter: Quarter = QUARTER, notebooks: Path = NOTEBOOKS
) -> Run:
    """Make briefs and all that goes with them, as the command does."""
    store = Warehouse(warehouse)
    codes = select(store, code)
    tasks = batch.plan(codes, themes, quarter, notebooks, warehouse, outputs, concerned(store, code, codes))
    records = batch.run(tasks, jobs=min(2, len(tasks)), territory=code)
    folder = outputs / str(quarter)
    site.write_index(records, quarter, store, folder)
    return Run(folder, warehouse, records)


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Run]) -> Run:
    """Make a run, or read the one that another process made."""
    outputs = _shared_folder(factory, name)
    told = outputs.with_suffix(".records.json")
    with _one_at_a_time(outputs):
        if not told.exists():
            run = make(outputs)
            content = [str(run.folder), str(run.warehouse), [asdict(r) for r in run.records]]
            told.write_text(json.dumps(content), "utf-8")
    folder, warehouse, records = json.loads(told.read_text("utf-8"))
    return Run(Path(folder), Path(warehouse), [batch.Record(**r) for r in records])


def beau_marais(factory: pytest.TempPathFactory, warehouse: Path) -> Run:
    """Beau Marais, six themes, with the official files."""
    return _once(factory, "run-full", lambda outputs: publish(warehouse, outputs, BEAU_MARAIS, BRIEF_THEMES))


def syntheses(factory: pytest.TempPathFactory, warehouse: Path) -> Run:
    """Portrait of Beau Marais and brief of its agglomération, with the official files."""
    return _once(factory, "run-syntheses", lambda outputs: publish(warehouse, outputs, BEAU_MARAIS, ["portrait", *EPCI_KINDS]))


def lens(factory: pytest.TempPathFactory, warehouse: Path) -> Run:
    """The brief of the CA de Lens - Liévin, with the official files."""
    return _once(factory, "run-lens", lambda outputs: publish(warehouse, outputs, LENS, ["agglomeration"]))


def around(factory: pytest.TempPathFactory, warehouse: Path, before: Path) -> Run:
    """The pages around the briefs of Beau Marais, once the official files have come in beside the embedded data; one failed."""

    def make(outputs: Path) -> Run:
        store, folder = outputs / "warehouse", outputs / str(QUARTER)
        builds = [Warehouse(warehouse).path, Warehouse(before).path]
        for build_ in builds:
            (store / build_.name).parent.mkdir(parents=True, exist_ok=True)
            (store / build_.name).symlink_to(build_, target_is_directory=True)
        (store / "CURRENT").write_text("\n".join(b.name for b in builds), "utf-8")
        made = beau_marais(factory, warehouse)
        shutil.copytree(made.folder, folder)
        error = {"cell": 3, "name": "SourceError", "message": "le fichier manque"}
        records = [*made.records, batch.Record(FORT_NIEULAY, "revenue", "failed", error=error)]
        site.write_index(records, QUARTER, Warehouse(store), folder)
        return Run(folder, store, records)

    return _once(factory, "run-around", make)


def gallery(factory: pytest.TempPathFactory, warehouse: Path, before: Path) -> Gallery:
    """Real briefs of six quartiers and three contracts, and the pages around them."""

    def make(outputs: Path) -> Run:
        others = [(code, kinds) for code, kinds in GALLERY.items() if code != BEAU_MARAIS]
        tasks = [t for code, kinds in others for t in batch.plan([code], kinds, QUARTER, NOTEBOOKS, warehouse, outputs)]
        tasks += batch.plan([], CONTRACT_KINDS, QUARTER, NOTEBOOKS, warehouse, outputs, OTHER_CONTRACTS)
        records = batch.run(tasks, jobs=2)
        assert [r.error for r in records if r.error] == []
        return Run(outputs / str(QUARTER), warehouse, records)

    runs = (around(factory, warehouse, before), beau_marais(factory, warehouse), syntheses(factory, warehouse))
    return Gallery((*runs, _once(factory, "run-gallery", make)))


def beau_marais_in_2021(factory: pytest.TempPathFactory, warehouse: Path) -> Run:
    """Beau Marais, revenue, as of the end of 2021, with the official files."""
    then = Quarter(2021, 4)
    return _once(factory, "run-2021", lambda outputs: publish(warehouse, outputs, BEAU_MARAIS, ["revenue"], then))


def grande_residence(factory: pytest.TempPathFactory, warehouse: Path) -> Run:
    """Grande Résidence, two themes, with the embedded data alone."""
    return _once(factory, "run-embedded", lambda outputs: publish(warehouse, outputs, GRANDE_RESIDENCE, DEGRADED_THEMES))


def hostile(factory: pytest.TempPathFactory) -> Run:
    """Beau Marais under a name that is a script, embedded data alone."""

    def make(outputs: Path) -> Run:
        data = outputs.with_name("data-hostile")
        copy_data(data)
        rename_qpv(data / "reference" / "qpv.csv", BEAU_MARAIS, HOSTILE)
        rename_qpv(data / "reference" / "qpv.csv", FORT_NIEULAY, HOSTILE_PEER)
        warehouse = data / "warehouse"
        build(data, [], warehouse)
        return publish(warehouse, outputs, BEAU_MARAIS, ["revenue", "portrait", *EPCI_KINDS])

    return _once(factory, "run-hostile", make)


def copy_data(target: Path) -> None:
    """Copy the committed data, without raw files and warehouse."""
    for part in ("catalog", "contracts", "reference"):
        shutil.copytree(ROOT / "data" / part, target / part)


def copy_project(target: Path) -> Path:
    """Copy what makes a project folder: committed data and notebooks, an empty raw folder."""
    copy_data(target / "data")
    (target / "data" / "raw").mkdir()
    copy_notebooks(target / "notebooks")
    return target


def copy_notebooks(target: Path) -> Path:
    shutil.copytree(NOTEBOOKS, target, ignore=shutil.ignore_patterns(".*"))
    return target


def rename_qpv(table: Path, code: str, name: str) -> None:
    """Give a QPV another name in the reference table."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["code_2024"] for r in rows].count(code) == 1
    for row in rows:
        row["name"] = name if row["code_2024"] == code else row["name"]
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def insert_cell(notebook: Path, source: str) -> int:
    """Put a code cell right below the parameters; give its place in the executed notebook.

    Papermill adds one cell, the injected parameters, before it.
    """
    content = nbformat.read(notebook, as_version=4)
    content.cells.insert(1, nbformat.v4.new_code_cell(source, id="inserted"))
    nbformat.write(content, notebook)
    return 2


def set_source(notebook: Path, cell: str, source: str) -> None:
    """Give a cell, named by its id, another source."""
    content = nbformat.read(notebook, as_version=4)
    (found,) = [c for c in content.cells if c.id == cell]
    found.source = source
    nbformat.write(content, notebook)


def figures(soup: BeautifulSoup) -> list[dict[str, Any]]:
    """Read the figures that a brief carries for machines."""
    (script,) = soup.find_all("script", id="qpv-figures")
    assert script["type"] == "application/json"
    return json.loads(script.string)


def visible(soup: BeautifulSoup) -> str:
    """Give the words that a reader sees, spaces of any kind as one plain space."""
    return " ".join(soup.body.get_text(" ").split())
