"""The gallery answers real questions with the embedded data alone; where it cannot, it says so."""

from __future__ import annotations

import shutil
from html import unescape
from pathlib import Path

import nbformat
import pages
import papermill
import pytest
from qpv.build import build
from qpv.engine import NAME, register

#: By notebook: what its outputs must say.
FACTS = {
    "01-ecart-de-pauvrete": (
        "on ne sait pas    22",
        "On ne sait pas si l’écart avec",
        "28,0\u202fpt",
        "Périmètres de 2015",
    ),
    "02-perimetre-2024": ("declared", "QP062025", "Où se trouve le quartier"),
    "03-colleges": ("Collège", "calais-2024"),
    "04-mon-csv": ("pas de valeur", "lens-lievin-2024", "chiffres inventés"),
    "05-nouvel-indicateur": ("410.0", "reading_room_2025", "lecteurs_2025.csv"),
    "06-nouveau-theme": ("population_count", "calais-2024"),
    "07-fichier-confidentiel": ("names of persons", "37.0", "NaN"),
    "08-classement-national": ("QN06219M", "\n19\n"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, embedded_folder: Path) -> Path:
    """A project folder with its embedded warehouse, where the notebooks look for it."""
    root = pages.copy_project(tmp_path_factory.mktemp("gallery") / "main")
    shutil.copytree(embedded_folder, root / "data" / "warehouse")
    build(root / "data", [], root / "data" / "warehouse")  # which finds it whole
    register()
    return root


def said(notebook: nbformat.NotebookNode) -> str:
    """Join what the cells showed, as text and as HTML."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    return "\n".join(
        ["", *(unescape(t) for o in outputs for t in (o.get("text", ""), *map(str, o.get("data", {}).values()))), ""]
    )


def test_there_are_eight() -> None:
    assert {p.stem for p in (pages.NOTEBOOKS / "gallery").glob("*.ipynb")} == set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_a_notebook_of_the_gallery_runs_on_the_embedded_data_and_says_its_fact(project: Path, tmp_path: Path, name: str) -> None:
    folder = project / "notebooks" / "gallery"
    done = papermill.execute_notebook(
        str(folder / f"{name}.ipynb"), str(tmp_path / "out.ipynb"), cwd=str(folder), engine_name=NAME, kernel_name="python3",
        progress_bar=False, execution_timeout=120,
    )  # fmt: skip
    shown = said(done)
    assert [fact for fact in FACTS[name] if fact not in shown] == [], shown[:3000]
    assert "/data/warehouse" not in shown


def test_two_calls_show_what_each_notebook_of_the_gallery_is_about() -> None:
    for file in (pages.NOTEBOOKS / "gallery").glob("*.ipynb"):
        cells = nbformat.read(file, as_version=4).cells
        assert cells[0].cell_type == "markdown"
        assert cells[0].source.startswith("# ")
        assert any("qpv." in c.source for c in cells if c.cell_type == "code")


def test_small_counts_of_a_partner_are_not_shown(project: Path, tmp_path: Path) -> None:
    folder = project / "notebooks" / "gallery"
    done = papermill.execute_notebook(
        str(folder / "07-fichier-confidentiel.ipynb"), str(tmp_path / "out.ipynb"), cwd=str(folder), engine_name=NAME,
        kernel_name="python3", progress_bar=False,
    )  # fmt: skip
    table = next(o for c in done.cells for o in c.get("outputs", []) if "suivis" in o.get("data", {}).get("text/plain", ""))
    assert "3.0" not in table["data"]["text/plain"]
    assert "0.0" in table["data"]["text/plain"]
