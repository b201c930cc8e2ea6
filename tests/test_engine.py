"""A notebook run by the warm engine shows what it shows when run by a kernel, cell by cell, output by output."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from cells import NOTEBOOKS
from conftest import ROOT, _one_at_a_time, _shared_folder
from engines import IN_PLACE, KERNEL, WARM, notebook, outputs, run

Ran = Callable[[str, str], dict[str, list[nbformat.NotebookNode]]]
TABLE = [(name, about) for name, cells in NOTEBOOKS.items() for about in cells]
#: What a caller that forks itself has to see to.
THE_CALLERS = ("a session of its own",)


def sources(name: str) -> list[tuple[str, str]]:
    return [(about, s) for about, cell in NOTEBOOKS[name].items() for s in ([cell] if isinstance(cell, str) else cell)]


def code_of(path: Path) -> list[nbformat.NotebookNode]:
    return [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Give what each of the cells shows, by engine; each notebook runs once by each, for all test processes."""

    @cache
    def cells_of(name: str, engine: str) -> dict[str, list[nbformat.NotebookNode]]:
        folder = _shared_folder(tmp_path_factory, f"cells-{name}-{engine.replace(' ', '-')}")
        with _one_at_a_time(folder):
            if not (folder / "out.ipynb").exists():
                folder.mkdir(exist_ok=True)
                nbformat.write(notebook((s, ["raises-exception"]) for _, s in sources(name)), folder / "in.ipynb")
                (folder / "log").write_text(run(engine, folder / "in.ipynb", folder / "out.ipynb").stderr, "utf-8")
        code = code_of(folder / "out.ipynb")
        assert len(code) == len(sources(name)), (folder / "log").read_text("utf-8")
        found: dict[str, list[nbformat.NotebookNode]] = {}
        for (about, _), cell in zip(sources(name), code, strict=True):
            found.setdefault(about, []).append(cell)
        return found

    return cells_of


#: What a caller that runs cells in its own process settles itself is compared only where the engine forks.
COMPARED = [(*row, engine) for engine in (WARM, IN_PLACE) for row in TABLE if engine == WARM or row[1] not in THE_CALLERS]


@pytest.mark.parametrize(("name", "about", "engine"), COMPARED, ids=[f"{about}-{engine}" for _, about, engine in COMPARED])
def test_shows_what_a_kernel_shows(ran: Ran, name: str, about: str, engine: str) -> None:
    for warm, kernel in zip(ran(name, engine)[about], ran(name, KERNEL)[about], strict=True):
        assert outputs(warm) == outputs(kernel), warm.source
        assert warm.execution_count == kernel.execution_count


def test_the_table_shows_something_in_every_kind_of_output(ran: Ran) -> None:
    """So that two empty notebooks would not pass for equal ones."""
    shown = [o for name in NOTEBOOKS for cells in ran(name, KERNEL).values() for cell in cells for o in cell.outputs]
    assert {o.output_type for o in shown} == {"stream", "display_data", "execute_result", "error"}
    kinds = {kind for o in shown for kind in o.get("data", {})}
    assert kinds >= {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml", "application/json"}
    assert len([o for o in shown if o.output_type == "error"]) > 30


@pytest.mark.parametrize("kind", ["employment", "portrait"])
def test_our_notebooks_give_equal_outputs_with_parameters(tmp_path: Path, embedded_folder: Path, kind: str) -> None:
    parameters = ["-p", "qpv", "QN06225M", "-p", "quarter", "2026-T3", "-p", "warehouse", str(embedded_folder)]
    source = ROOT / "notebooks" / f"{kind}.ipynb"
    for engine in (KERNEL, WARM):
        done = run(engine, source, tmp_path / f"{engine}.ipynb", *parameters)
        assert done.returncode == 0, done.stderr
    kernel, warm = (nbformat.read(tmp_path / f"{engine}.ipynb", 4) for engine in (KERNEL, WARM))
    assert [c.source for c in warm.cells] == [c.source for c in kernel.cells]
    pairs = list(zip(code_of(tmp_path / f"{WARM}.ipynb"), code_of(tmp_path / f"{KERNEL}.ipynb"), strict=True))
    assert [w.id for w, k in pairs if outputs(w) != outputs(k) or w.execution_count != k.execution_count] == []
    assert sum(len(outputs(w)) for w, _ in pairs) > 7
    assert warm.metadata.language_info == kernel.metadata.language_info
    assert set(warm.metadata) == set(kernel.metadata)
    assert [set(c.metadata) for c in warm.cells] == [set(c.metadata) for c in kernel.cells]
    assert [set(w.metadata.execution) for w, _ in pairs] == [set(k.metadata.execution) for _, k in pairs]


def test_papermill_finds_the_engine_where_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["entry-points"]["papermill.engine"][WARM].partition(":")
    from papermill.engines import Engine

    assert issubclass(getattr(import_module(module), name), Engine)


@pytest.mark.parametrize("first", ["qpv.engine", "papermill", "qpv.engine.warm", "qpv.engine.client"])
def test_it_does_not_matter_what_is_imported_first(first: str, tmp_path: Path) -> None:
    """papermill imports its engines while it is itself being imported."""
    import subprocess
    import sys

    code = f"import {first}, papermill.engines, qpv.engine; assert qpv.engine.WarmEngine.__name__ == 'WarmEngine'"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False).stderr == ""


def test_knowing_the_engine_does_not_import_ipython(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, qpv.engine; qpv.engine.WarmEngine; print([m for m in sys.modules if m in ('IPython', 'ipykernel.ipkernel')])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False).stdout == "[]\n"
    )
