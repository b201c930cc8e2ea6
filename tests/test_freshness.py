"""What is there and would be the same is not made again; what has changed remakes the briefs that read it, and no other."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pages
import pytest
import small
from conftest import ROOT
from qpv import batch
from qpv.build import build
from qpv.digests import Digests
from qpv.vocabulary import BRIEF_KINDS
from qpv.warehouse import Warehouse

TWO = ("QN06225M", "QN06254M")


class Quarterly:
    """A folder of notebooks, data, a warehouse and outputs, run again and again."""

    def __init__(self, folder: Path, raw: list[Path], themes: tuple[str, ...]) -> None:
        self.folder, self.raw, self.themes = folder, raw, themes
        self.notebooks = small.notebooks(folder / "notebooks", themes)
        pages.copy_data(folder / "data")

    def run(self, **options: bool) -> set[tuple[str, str]]:
        """Build and make; give the briefs that were made, and not skipped."""
        warehouse = self.folder / "warehouse"
        build(self.folder / "data", self.raw, warehouse)
        outputs = self.folder / "outputs"
        tasks = [t for code in TWO for t in small.plan(self.notebooks, warehouse, outputs, self.themes, code)]
        records = batch.run(tasks, jobs=2, **options)
        assert [r.error for r in records if r.error] == []
        return {(r.qpv, r.theme) for r in records if not r.skipped}


@pytest.fixture(scope="module")
def embedded_runs(tmp_path_factory: pytest.TempPathFactory) -> Quarterly:
    found = Quarterly(tmp_path_factory.mktemp("freshness"), [], ("revenue", "health"))
    assert found.run() == {(code, theme) for code in TWO for theme in ("revenue", "health")}
    return found


def edit(table: Path, change: Callable[[dict[str, str]], bool]) -> None:
    """Change the first row for which ``change`` says that it did."""
    with table.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows, names = list(reader), list(reader.fieldnames or [])
    assert any(change(row) for row in rows)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    table.write_text(out.getvalue(), "utf-8")


def test_nothing_changed_nothing_is_made_and_no_file_is_touched(embedded_runs: Quarterly) -> None:
    folder = embedded_runs.folder / "outputs" / "2026-T3"
    kept = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file() and not p.name.startswith("run.")}
    assert embedded_runs.run() == set()
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert len(batch.published(folder)) == 4, "run.json tells of them all the same"


def test_page_that_is_gone_or_cut_short_is_made_again(embedded_runs: Quarterly) -> None:
    folder = embedded_runs.folder / "outputs" / "2026-T3"
    (folder / "QN06225M" / "health.html").unlink()
    page = folder / "QN06254M" / "revenue.html"
    page.write_bytes(page.read_bytes()[:-100])
    assert embedded_runs.run() == {("QN06225M", "health"), ("QN06254M", "revenue")}


def test_figures_that_are_gone_are_written_again_though_no_brief_is(embedded_runs: Quarterly) -> None:
    figures = embedded_runs.folder / "outputs" / "2026-T3" / "QN06225M" / "figures.csv"
    before = figures.read_bytes()
    figures.unlink()
    assert embedded_runs.run() == set()
    assert figures.read_bytes() == before


def test_again_makes_all(embedded_runs: Quarterly) -> None:
    assert len(embedded_runs.run(again=True)) == 4


def test_notebook_that_changed_remakes_its_theme_alone(embedded_runs: Quarterly) -> None:
    pages.set_source(embedded_runs.notebooks / "health.ipynb", "close", "# closing\nbrief.close()")
    assert embedded_runs.run() == {(code, "health") for code in TWO}


def test_figure_of_one_quartier_remakes_the_briefs_that_read_it(embedded_runs: Quarterly) -> None:
    """12 190 € is Beau Marais' median income: its brief on revenue, and no brief on health, reads it."""
    table = embedded_runs.folder / "data" / "contracts" / "200090751" / "revenue.csv"

    def change(row: dict[str, str]) -> bool:
        for name, value in row.items():
            if value == "12190":
                row[name] = "12191"
                return True
        return False

    edit(table, change)
    made = embedded_runs.run()
    assert ("QN06254M", "revenue") in made
    assert {theme for _, theme in made} == {"revenue"}


def test_reading_that_an_analyst_edits_remakes_the_briefs_that_show_it_alone(tmp_path: Path) -> None:
    """The readings of Calais stand in the brief on revenue of Beau Marais; that of a QPV of Lens-Liévin does not read them."""
    notebooks, data, warehouse = tmp_path / "notebooks", tmp_path / "data", tmp_path / "warehouse"
    small.notebooks(notebooks, ("revenue", "health"))
    pages.set_source(
        notebooks / "revenue.ipynb",
        "head",
        'from qpv.brief import Brief\n\nbrief = Brief("revenue", qpv, quarter, warehouse)\nbrief.contract()',
    )
    pages.copy_data(data)

    def made() -> set[tuple[str, str]]:
        build(data, [], warehouse)
        tasks = [t for code in TWO for t in small.plan(notebooks, warehouse, tmp_path / "outputs", ("revenue", "health"), code)]
        records = batch.run(tasks, jobs=2)
        assert [r.error for r in records if r.error] == []
        return {(r.qpv, r.theme) for r in records if not r.skipped}

    assert len(made()) == 4
    readings = data / "contracts" / "200090751" / "readings.yml"
    before = readings.read_text("utf-8")
    assert "La pauvreté recule" in before
    readings.write_text(before.replace("La pauvreté recule", "La pauvreté a reculé"), "utf-8")
    assert made() == {("QN06254M", "revenue")}
    assert made() == set()
    # A comment changes no entry, and so no brief.
    readings.write_text(readings.read_text("utf-8") + "# relu\n", "utf-8")
    assert made() == set()


def test_another_version_of_the_library_remakes_all(embedded_runs: Quarterly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qpv.batch.freshness.library", lambda: "another")
    assert len(embedded_runs.run()) == 4


def test_new_edition_on_employment_remakes_employment_portrait_and_agglomeration_and_nothing_else(
    tmp_path: Path, official: Path, full_folder: Path
) -> None:
    """The edition of 2022 of Insee's base on employment arrives after those of 2017 to 2020."""
    raw = tmp_path / "raw"
    for part in ("contours/qpv2024", "insee_qpv2015"):
        shutil.copytree(official / part, raw / part, ignore=shutil.ignore_patterns("*IPRO_2022*"))
    wanted = [kind for kind in BRIEF_KINDS if kind in ("revenue", "health", "employment", "housing", "portrait", "agglomeration")]
    warehouse, outputs = tmp_path / "warehouse", tmp_path / "outputs"

    def made() -> set[str]:
        build(ROOT / "data", [raw], warehouse)
        tasks = batch.plan(["QN06254M"], wanted, pages.QUARTER, pages.NOTEBOOKS, warehouse, outputs, ["200090751"])
        records = batch.run(tasks, jobs=2)
        assert [r.error for r in records if r.error] == []
        return {r.theme for r in records if not r.skipped}

    assert made() == set(wanted)
    assert made() == set()
    shutil.copyfile(official / "insee_qpv2015" / "IPRO_2022.csv", raw / "insee_qpv2015" / "IPRO_2022.csv")
    assert made() == {"employment", "portrait", "agglomeration"}


def test_a_digest_tells_what_is_written_of_a_contract(tmp_path: Path, embedded: Warehouse) -> None:
    folder = tmp_path / "build"
    shutil.copytree(embedded.path, folder)
    digests = Digests(folder)
    nothing = {"around": {}, "peers": [], "whole": [], "contracts": []}
    calais, lens, unwritten = ({**nothing, "contracts": [epci]} for epci in ("200090751", "246200364", "245900410"))
    before = [digests.of(r) for r in (nothing, calais, lens, unwritten)]
    assert len(set(before)) == 4
    file = folder / "contract-200090751.json"
    file.write_text(file.read_text("utf-8").replace("La pauvreté recule", "La pauvreté a reculé"), "utf-8")
    (folder / "contract-245900410.json").write_text("{}", "utf-8")
    assert [a == b for a, b in zip(before, [Digests(folder).of(r) for r in (nothing, calais, lens, unwritten)], strict=True)] == [
        True, False, True, False,
    ]  # fmt: skip


def test_a_digest_tells_rows_and_editions_apart(full: Warehouse) -> None:
    reads = {"around": {"revenue": ["QN06254M", "QP062056"]}, "peers": ["revenue"], "whole": []}
    told = full.digests.of(reads)
    assert told == full.digests.of(reads)
    assert told != full.digests.of(reads | {"around": {"revenue": ["QN06254M"]}})
    assert told != full.digests.of(reads | {"peers": []})
    assert told != full.digests.of(reads | {"around": {"housing": ["QN06254M", "QP062056"]}})
