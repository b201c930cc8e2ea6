"""Each notebook of briefs runs top to bottom with its defaults, as in JupyterLab."""

from __future__ import annotations

import html
import re
from pathlib import Path

import nbformat
import pages
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from qpv.batch import parameters_of
from qpv.build import build
from qpv.html import BRIEF_MIME, RECORD_MIME
from qpv.vocabulary import BRIEF_KINDS, CONTRACT_KINDS, THEME_BRIEFS

CALLS = {"portrait": "Portrait(qpv, quarter, warehouse)", "agglomeration": "Agglomeration(epci, quarter, warehouse)",
         **{kind: f"{kind.capitalize()}(epci, quarter, warehouse)" for kind in CONTRACT_KINDS}}  # fmt: skip
MAP_CELLS = ("map-location", "map-headline", "map-theme")


def notebook(theme: str) -> nbformat.NotebookNode:
    return nbformat.read(pages.NOTEBOOKS / f"{theme}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with its embedded warehouse, where the notebooks' defaults look for it."""
    root = pages.copy_project(tmp_path_factory.mktemp("lab") / "main")
    build(root / "data", [], root / "data" / "warehouse")
    return root


@pytest.fixture(scope="module", params=THEME_BRIEFS)
def executed(request: pytest.FixtureRequest, project: Path) -> nbformat.NotebookNode:
    """A notebook after *Run All*, nothing changed in it."""
    path = project / "notebooks" / f"{request.param}.ipynb"
    content = nbformat.read(path, as_version=4)
    NotebookClient(content, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    return content


def test_there_is_one_notebook_a_kind_of_brief() -> None:
    assert {p.stem for p in pages.NOTEBOOKS.glob("*.ipynb")} >= set(BRIEF_KINDS)


@pytest.mark.parametrize("theme", BRIEF_KINDS)
def test_notebook_holds_no_output_in_git(theme: str) -> None:
    code = [c for c in notebook(theme).cells if c.cell_type == "code"]
    assert [c.id for c in code if c.outputs or c.execution_count is not None] == []


@pytest.mark.parametrize("theme", BRIEF_KINDS)
def test_first_cell_sets_the_parameters_and_nothing_else(theme: str) -> None:
    first, *others = notebook(theme).cells
    assert first.metadata["tags"] == ["parameters"]
    assert [line.split(" = ")[0] for line in first.source.splitlines()] == list(parameters_of(theme))
    assert not [c for c in others if "parameters" in c.metadata.get("tags", [])]


@pytest.mark.parametrize("theme", BRIEF_KINDS)
def test_notebook_is_thin(theme: str) -> None:
    """Whatever has a branch or a loop belongs in the library."""
    source = "\n".join(c.source for c in notebook(theme).cells if c.cell_type == "code")
    assert re.findall(r"^\s*(?:if|for|while|def|class|try|with)\b", source, re.MULTILINE) == []
    assert CALLS.get(theme, f'Brief("{theme}", qpv, quarter, warehouse)') in source


def test_notebook_runs_top_to_bottom_with_its_defaults(executed: nbformat.NotebookNode) -> None:
    code = [c for c in executed.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    shown = {c.id: [o.output_type for o in c.outputs] for c in code[1:]}
    assert shown == {identifier: ["execute_result"] for identifier in shown}


def test_map_cells_show_a_framed_leaflet_map_in_jupyterlab(executed: nbformat.NotebookNode) -> None:
    cells = {c.id: c for c in executed.cells}
    for identifier in MAP_CELLS:
        (output,) = cells[identifier].outputs
        soup = BeautifulSoup(output.data["text/html"], "html.parser")
        (frame,) = soup.find_all("iframe")
        page = BeautifulSoup(frame["srcdoc"], "html.parser")
        assert any("Leaflet 1." in (s.string or "") for s in page.find_all("script"))
        assert len(page.find_all(class_="map")) == 1
        assert [t for t in page.find_all(["script", "link", "img"]) if t.get("src") or t.get("href")] == []
        assert frame["title"]


def test_map_cells_give_the_batch_a_map_without_a_second_leaflet(executed: nbformat.NotebookNode) -> None:
    cells = {c.id: c for c in executed.cells}
    for identifier in MAP_CELLS:
        content = cells[identifier].outputs[0].data[BRIEF_MIME]
        assert 'class="map" data-map=' in content
        assert "<iframe" not in content
        assert "Leaflet 1." not in content


def test_last_cell_gives_the_record_that_the_batch_reads(executed: nbformat.NotebookNode) -> None:
    (output,) = executed.cells[-1].outputs
    record = output.data[RECORD_MIME]
    assert (record["qpv"], record["name"], record["quarter"]) == ("QN06254M", "Beau Marais", "2026-T3")
    assert record["status"] in ("ok", "degraded")
    said = BeautifulSoup(html.unescape(output.data["text/html"]), "html.parser").get_text()
    assert said == f"{len(record['figures'])} chiffres dans ce brief."


@pytest.mark.parametrize(("kind", "name"), [("portrait", "Beau Marais"), ("agglomeration", "CA de Lens - Liévin")])
def test_notebook_over_all_themes_runs_on_embedded_data_and_ends_with_its_record(kind: str, name: str, project: Path) -> None:
    path = project / "notebooks" / f"{kind}.ipynb"
    content = nbformat.read(path, as_version=4)
    NotebookClient(content, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    record = content.cells[-1].outputs[0].data[RECORD_MIME]
    assert (record["theme"], record["name"], record["quarter"]) == (kind, name, "2026-T3")
    assert record["figures"]
