"""A batch publishes every brief that it can, whole or not at all, and says what became of the others."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pages
import pytest
from pages import Run
from qpv import batch, extract
from qpv.batch.figures import write_figures
from qpv.errors import ParameterError
from qpv.quarter import Quarter
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse

COLUMNS = "theme;indicator;territory;level;generation;period;value;unit;status;source;edition;indicateur;territoire;niveau;unité;statut;précision;note"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory, embedded_folder: Path) -> Run:
    """One sound notebook among three that go wrong, each in its own way."""
    folder = tmp_path_factory.mktemp("troubled")
    notebooks = pages.copy_notebooks(folder / "notebooks")
    pages.insert_cell(notebooks / "health.ipynb", "raise ValueError('le <b>fichier</b> manque')")
    pages.insert_cell(notebooks / "housing.ipynb", "import os\nos._exit(1)")
    pages.set_source(notebooks / "ecology.ipynb", "close", "brief.sources()")
    old = folder / "outputs" / "2026-T3" / pages.GRANDE_RESIDENCE / "health.html"
    old.parent.mkdir(parents=True)
    old.write_text("<p>the page of an earlier run</p>", "utf-8")
    themes = ["health", "housing", "ecology", "revenue"]
    return pages.publish(embedded_folder, folder / "outputs", pages.GRANDE_RESIDENCE, themes, notebooks=notebooks)


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    return pages.copy_notebooks(tmp_path / "notebooks")


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";"))


def test_record_says_what_became_of_a_brief(grande_residence: Run) -> None:
    for record in grande_residence.records:
        assert record.qpv == "QN06225M"
        assert record.name == "Grande Résidence"
        assert record.status == "degraded"
        assert record.error is None
        assert record.bytes == grande_residence.path(record.theme).stat().st_size > 100_000
        assert 0 < record.seconds < 300
        assert record.missing == list(dict.fromkeys(record.missing))
        assert grande_residence.figures(record) == pages.figures(grande_residence.soup(record.theme))


def test_records_come_in_the_order_of_the_tasks(troubled: Run) -> None:
    assert [r.theme for r in troubled.records] == ["health", "housing", "ecology", "revenue"]


def test_no_temporary_file_is_left(grande_residence: Run, troubled: Run) -> None:
    for run in (grande_residence, troubled):
        left = [p.name for p in run.folder.rglob("*") if p.name.startswith(".") or p.suffix == ".tmp"]
        assert left == []


def test_executed_notebook_is_kept_with_its_parameters_and_outputs(grande_residence: Run) -> None:
    for theme in pages.DEGRADED_THEMES:
        kept = nbformat.read(grande_residence.folder / "notebooks" / f"QN06225M-{theme}.ipynb", as_version=4)
        (injected,) = [c for c in kept.cells if "injected-parameters" in c.metadata.get("tags", [])]
        assert 'qpv = "QN06225M"' in injected.source
        assert 'quarter = "2026-T3"' in injected.source
        assert all(c.execution_count for c in kept.cells if c.cell_type == "code")


def test_executed_notebook_of_a_failed_brief_is_kept_too(troubled: Run) -> None:
    kept = nbformat.read(troubled.folder / "notebooks" / "QN06225M-health.ipynb", as_version=4)
    errors = [o for c in kept.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert [(e.ename, e.evalue) for e in errors] == [("ValueError", "le <b>fichier</b> manque")]


def test_figures_csv_opens_in_a_french_spreadsheet_and_holds_every_figure(grande_residence: Run) -> None:
    path = grande_residence.folder / "QN06225M" / "figures.csv"
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").split("\r\n")[0] == COLUMNS
    rows = rows_of(path)
    assert [r["theme"] for r in rows] == [r.theme for r in grande_residence.records for _ in grande_residence.figures(r)]
    for row, figure in zip(rows, [f for r in grande_residence.records for f in grande_residence.figures(r)], strict=True):
        value = float(row["value"].replace(",", ".")) if row["value"] else None
        assert {k: row[k] for k in figure} | {"value": value} == figure


def test_text_that_looks_like_a_formula_is_made_inert_in_the_csv_and_a_negative_number_stays(
    tmp_path: Path, embedded: Warehouse
) -> None:
    figure = dict.fromkeys(extract.KEYS, "") | {
        "indicator": "poverty_rate_pct", "level": "qpv", "unit": "pct", "status": "observed", "territory": "=1+1", "value": -1.5,
    }  # fmt: skip
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "QN06225M-revenue.json").write_text(json.dumps({"figures": [figure], "remarks": {}}), "utf-8")
    write_figures("QN06225M", "Grande Résidence", ["revenue"], pages.QUARTER, embedded, tmp_path)
    (row,) = rows_of(tmp_path / "QN06225M" / "figures.csv")
    assert row["territory"] == "'=1+1"
    assert row["value"] == "-1,5"


def test_run_json_has_one_record_a_brief(troubled: Run) -> None:
    told = json.loads((troubled.folder / "run.json").read_text("utf-8"))
    assert (told["quarter"], told["territory"]) == ("2026-T3", "QN06225M")
    assert [(b["theme"], b["status"]) for b in told["briefs"]] == [
        ("revenue", "degraded"), ("health", "failed"), ("housing", "failed"), ("ecology", "failed"),
    ]  # fmt: skip
    for brief in told["briefs"]:
        assert set(brief) == {"qpv", "name", "theme", "status", "seconds", "bytes", "missing", "error"}
        assert (brief["error"] is None) == (brief["status"] != "failed")
    assert told["briefs"][0]["missing"]


def test_cell_that_raises_fails_its_brief_with_cell_and_message(troubled: Run) -> None:
    record = troubled.record("health")
    assert record.status == "failed"
    assert record.error["cell"] == 2
    assert (record.error["name"], record.error["message"]) == ("ValueError", "le <b>fichier</b> manque")
    assert "raise ValueError('le <b>fichier</b> manque')" in record.error["traceback"]


def test_notebook_that_ends_its_process_fails_its_brief_and_says_so(troubled: Run) -> None:
    record = troubled.record("housing")
    assert record.status == "failed"
    assert "code 1" in record.error["message"]


def test_notebook_that_does_not_close_its_brief_fails_and_is_told_what_to_do(troubled: Run) -> None:
    record = troubled.record("ecology")
    assert record.status == "failed"
    assert "'ecology.ipynb'" in record.error["message"]
    assert "brief.close()" in record.error["message"]


def test_failed_briefs_do_not_stop_the_others(troubled: Run) -> None:
    assert troubled.record("revenue").status == "degraded"
    assert len(troubled.soup("revenue").find_all(class_="map")) >= 3


def test_failed_brief_writes_no_page_and_leaves_the_old_one_as_it_was(troubled: Run) -> None:
    assert troubled.html("health") == "<p>the page of an earlier run</p>"
    assert sorted(p.name for p in troubled.path("revenue").parent.glob("*.html")) == ["health.html", "revenue.html"]


def test_index_shows_failures_with_their_message_as_text(troubled: Run) -> None:
    index = troubled.index.read_text("utf-8")
    assert "le &lt;b&gt;fichier&lt;/b&gt; manque" in index
    assert index.count('class="badge failed"') == 3
    assert 'href="QN06225M/revenue.html"' in index
    assert 'href="QN06225M/health.html"' not in index


def test_worker_that_is_killed_fails_its_brief_and_no_other(tmp_path: Path, notebooks: Path, embedded_folder: Path) -> None:
    """A notebook that kills the process which forks all briefs: that one is started again, and the brief begun twice at most."""
    pages.insert_cell(notebooks / "health.ipynb", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)")
    for theme in ("housing", "ecology", "revenue"):  # quick to fail in their own way: only their cell is of interest
        pages.insert_cell(notebooks / f"{theme}.ipynb", "raise ValueError('reached')")
    tasks = batch.plan(
        [pages.GRANDE_RESIDENCE], ["health", "housing", "ecology", "revenue"], pages.QUARTER, notebooks, embedded_folder, tmp_path
    )
    records = batch.run(tasks, jobs=1)
    assert [(r.theme, r.status) for r in records] == [(t.theme, "failed") for t in tasks]
    assert "SIGKILL" in records[0].error["message"]
    assert [r.error["message"] for r in records[1:]] == ["reached"] * 3


def test_report_hears_of_each_brief_once(tmp_path: Path, notebooks: Path, embedded_folder: Path) -> None:
    for theme in ("health", "housing"):
        pages.insert_cell(notebooks / f"{theme}.ipynb", "raise ValueError('reached')")
    tasks = batch.plan(["QN06225M"], ["health", "housing"], pages.QUARTER, notebooks, embedded_folder, tmp_path)
    heard: list[batch.Record] = []
    records = batch.run(tasks, jobs=2, report=heard.append)
    assert sorted(r.theme for r in heard) == ["health", "housing"]
    assert all(any(r is h for h in heard) for r in records)


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ('qpv = "QN06254M"\nquarter = "2026-T3"', "quarter, qpv"),
        ('qpv = "QN06254M"\nquarter = "2026-T3"\nwarehouse = "w"\nseason = "été"', "season"),
        ("", "nothing"),
    ],
    ids=["lacks one", "adds one", "empty"],
)
def test_parameters_cell_with_other_names_is_refused_before_any_kernel(
    tmp_path: Path, notebooks: Path, parameters: str, found: str
) -> None:
    pages.set_source(notebooks / "health.ipynb", "parameters", parameters)
    with pytest.raises(ParameterError, match=r"'health\.ipynb'.*must set qpv, quarter, warehouse") as refused:
        batch.plan(["QN06225M"], ["revenue", "health"], pages.QUARTER, notebooks, tmp_path / "w", tmp_path / "out")
    assert all(name in str(refused.value) for name in found.split(", "))
    assert not (tmp_path / "out").exists()


def test_notebook_that_is_no_notebook_or_not_there_is_refused(tmp_path: Path, notebooks: Path) -> None:
    (notebooks / "health.ipynb").write_text("{ not json", "utf-8")
    (notebooks / "ecology.ipynb").unlink()
    for theme in ("health", "ecology"):
        with pytest.raises(ParameterError, match=rf"'{theme}\.ipynb' cannot be read"):
            batch.plan(["QN06225M"], [theme], pages.QUARTER, notebooks, tmp_path / "w", tmp_path / "out")


def test_unknown_theme_is_refused_with_the_allowed_ones_before_any_kernel(tmp_path: Path, notebooks: Path) -> None:
    with pytest.raises(ParameterError, match="'transport'") as refused:
        batch.plan(["QN06225M"], ["revenue", "transport"], pages.QUARTER, notebooks, tmp_path / "w", tmp_path / "out")
    assert all(theme in str(refused.value) for theme in BRIEF_THEMES)
    assert not (tmp_path / "out").exists()


def test_plan_has_one_task_a_qpv_and_theme_in_the_folder_of_the_quarter(tmp_path: Path) -> None:
    tasks = batch.plan(
        ["QN06225M", "QN06254M"], ["revenue", "health"], Quarter(2025, 4), pages.NOTEBOOKS, tmp_path / "w", tmp_path / "out"
    )
    assert [t.page.relative_to(tmp_path / "out").as_posix() for t in tasks] == [
        "2025-T4/QN06225M/revenue.html", "2025-T4/QN06225M/health.html",
        "2025-T4/QN06254M/revenue.html", "2025-T4/QN06254M/health.html",
    ]  # fmt: skip
    assert tasks[0].executed.relative_to(tmp_path / "out").as_posix() == "2025-T4/notebooks/QN06225M-revenue.ipynb"


@pytest.fixture
def second_run(tmp_path: Path, embedded_folder: Path) -> Iterator[Run]:
    yield pages.publish(embedded_folder, tmp_path / "again", pages.GRANDE_RESIDENCE, pages.DEGRADED_THEMES)


def test_two_runs_on_the_same_data_give_the_same_bytes(grande_residence: Run, second_run: Run) -> None:
    for theme in pages.DEGRADED_THEMES:
        assert second_run.path(theme).read_bytes() == grande_residence.path(theme).read_bytes()
    assert second_run.index.read_bytes() == grande_residence.index.read_bytes()
    for name in ("figures.csv", "figures.xlsx"):
        path = Path("QN06225M") / name
        assert (second_run.folder / path).read_bytes() == (grande_residence.folder / path).read_bytes()


def test_name_that_is_a_script_is_shown_as_text_in_the_brief(hostile: Run) -> None:
    assert hostile.record("revenue").name == pages.HOSTILE
    soup = hostile.soup("revenue")
    assert soup.h1.get_text().strip().startswith(pages.HOSTILE)
    assert pages.HOSTILE in soup.title.string
    assert [s for s in soup.find_all("script") if (s.string or "").strip() == "alert(1)"] == []
    assert pages.HOSTILE not in hostile.html("revenue")


def test_name_that_is_a_script_is_shown_as_text_in_the_index(hostile: Run) -> None:
    content = hostile.index.read_text("utf-8")
    assert pages.HOSTILE not in content
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in content
