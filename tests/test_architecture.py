"""The shape of the project: who may import whom, what a notebook holds, and what never enters git."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import tokenize
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from qpv.batch import parameters_of
from qpv.vocabulary import BRIEF_KINDS

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "lib" / "qpv"
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("[!.]*.ipynb"))

#: The way of the data.  A module imports only from layers above its own; of its own layer it knows
#: nobody, unless the whole layer is one package.
LAYERS: tuple[set[str], ...] = (
    {"qpv", "errors", "vocabulary", "territory", "html", "atomic", "parquet", "grammar", "engine"},
    {"workbook"},
    {"numbers"},
    {"quarter"},
    {"catalog", "reference", "schemas"},
    {"crosswalk", "secrecy", "personal"},
    {"sources", "contracts", "download", "rules"},
    {"overlay", "expectations", "arrival"},
    {"features"},
    {"proxies", "tallies", "dating", "grid"},
    {"preference", "fetch"},
    {"peers", "crowd", "similar", "digests"},
    {"warehouse"},
    {"publication", "extract", "selection", "screening"},
    {"contract"},
    {"build", "profile", "inventory", "changes", "geocoding"},
    {"panel"},
    {"export"},
    {"analysis", "news"},
    {"comparison"},
    {"standing", "photograph"},
    {"sentences", "plain_words"},
    {"tables", "charts", "maps"},
    {"live_maps"},
    {"brief"},
    {"batch"},
    {"site", "project", "terminal", "pdf"},
    {"choropleth", "rendition"},
    {"verbs"},
    {"exploration"},
    {"explorer"},
    {"cli"},
)
PACKAGES = {"sources", "brief", "catalog", "site", "engine", "batch", "cli", "contract"}


@cache
def modules() -> dict[str, ast.Module]:
    """Syntax tree by module name, without the leading ``qpv.``."""
    found = {}
    for file in sorted(LIBRARY.rglob("*.py")):
        parts = file.relative_to(LIBRARY).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "qpv"
        found[name] = ast.parse(file.read_text("utf-8"), str(file.name))
    return found


def imports(name: str) -> set[str]:
    """The modules of the library that a module imports when it runs, at its head or within a function."""
    tree = modules()[name]
    typing_only = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for part in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            if (node.module or "").split(".")[0] == "qpv":
                base = (node.module or "").removeprefix("qpv").removeprefix(".")
                inside = {f"{base}.{a.name}".removeprefix(".") for a in node.names}
                known = inside & set(modules())
                found |= known | ({base or "qpv"} if inside - known else set())
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("qpv.") for a in node.names if a.name.split(".")[0] == "qpv"}
    return found


def layer_of(name: str) -> int:
    return next(n for n, layer in enumerate(LAYERS) if name.split(".")[0] in layer)


# --- imports -----------------------------------------------------------------------------------------


def test_every_module_has_its_place():
    known = set().union(*LAYERS)
    assert {m.split(".")[0] for m in modules()} == known


@pytest.mark.parametrize("name", list(modules()))
def test_a_module_imports_only_what_stands_before_it(name):
    own, package = layer_of(name), name.split(".")[0]
    for other in imports(name):
        within = package in PACKAGES and other.split(".")[0] == package
        assert layer_of(other) < own or within, f"{name} imports {other}"


def test_no_import_goes_in_a_circle():
    order = list(TopologicalSorter({name: imports(name) for name in modules()}).static_order())
    assert set(order) == set(modules())


# --- the code ----------------------------------------------------------------------------------------


def test_no_module_is_longer_than_400_lines():
    lengths = {f.name: len(f.read_text("utf-8").splitlines()) for f in LIBRARY.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_every_module_is_named_after_what_it_does():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "stuff"}
    assert not vague & {part for name in modules() for part in name.split(".")}


@pytest.mark.parametrize("name", list(modules()))
def test_no_exception_is_swallowed(name):
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{name}, line {node.lineno}: bare except"
            silent = all(
                isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)) for s in node.body
            )
            assert not silent, f"{name}, line {node.lineno}: silent except"
        if isinstance(node, ast.Attribute | ast.Name):
            assert "suppress" not in (getattr(node, "attr", ""), getattr(node, "id", "")), f"{name}, line {node.lineno}: suppress"


@pytest.mark.parametrize("name", list(modules()))
def test_everything_public_says_what_it_is_for(name):
    tree = modules()[name]
    assert ast.get_docstring(tree), name
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    public = [n for n in tree.body if isinstance(n, definitions) and not n.name.startswith("_")]
    public += [m for c in public if isinstance(c, ast.ClassDef) for m in c.body
               if isinstance(m, definitions) and not m.name.startswith("_")]  # fmt: skip
    assert [n.name for n in public if not ast.get_docstring(n)] == []


#: How a docstring names columns: in code, or by what describes them.
COLUMNS = re.compile(r"``|:data:|:attr:|:func:|:meth:")


@pytest.mark.parametrize("name", list(modules()))
def test_what_gives_a_table_says_its_columns_or_where_they_are_described(name):
    tree = modules()[name]
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    public += [m for c in tree.body if isinstance(c, ast.ClassDef) for m in c.body if isinstance(m, ast.FunctionDef)]
    tables = [n for n in public if not n.name.startswith("_") and n.returns and "DataFrame" in ast.unparse(n.returns)]
    assert [n.name for n in tables if not COLUMNS.search(ast.get_docstring(n) or "")] == []


# --- notebooks ---------------------------------------------------------------------------------------


def cells(notebook: Path, kind: str = "code") -> list[dict]:
    return [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def test_each_kind_of_brief_has_its_notebook():
    assert set(BRIEF_KINDS) <= {n.stem for n in NOTEBOOKS}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_a_notebook_is_committed_without_outputs_and_counts(notebook):
    for cell in cells(notebook):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("theme", BRIEF_KINDS)
def test_a_notebook_of_briefs_has_one_cell_of_exactly_three_parameters(theme):
    tagged = [c for c in cells(ROOT / "notebooks" / f"{theme}.ipynb") if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    statements = ast.parse(source(tagged[0])).body
    assert all(isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant) for s in statements)
    assert [s.targets[0].id for s in statements] == list(parameters_of(theme))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_a_notebook_holds_prose_and_short_calls_without_branch_or_loop(notebook):
    for cell in cells(notebook):
        assert len([line for line in source(cell).splitlines() if line.strip()]) <= 4, source(cell)
        names = {t.string for t in tokenize.generate_tokens(io.StringIO(source(cell)).readline) if t.type == tokenize.NAME}
        assert not names & {"for", "while", "if", "else", "def", "class", "lambda", "try", "with"}, source(cell)


# --- dependencies ------------------------------------------------------------------------------------


@cache
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@cache
def lock_lines() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@cache
def conda() -> dict[str, Requirement]:
    """Name → requirement of ``environment.yml``, those for pip included."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    flat = [e for e in entries if isinstance(e, str)] + [p for e in entries if isinstance(e, dict) for p in e["pip"]]
    found = [Requirement(e) for e in flat if not e.startswith("-")]
    return {canonicalize_name(r.name): r for r in found}


WANTED = [Requirement(d) for d in project()["dependencies"]]
TESTING = [Requirement(d) for d in project()["optional-dependencies"]["test"]]
DOCUMENTING = [Requirement(d) for d in project()["optional-dependencies"]["docs"]]
PRINTING = [Requirement(d) for d in project()["optional-dependencies"]["pdf"]]


@pytest.mark.parametrize("wanted", WANTED + TESTING + DOCUMENTING, ids=lambda r: r.name)
def test_conda_asks_for_the_same_range(wanted):
    assert conda()[canonicalize_name(wanted.name)].specifier == wanted.specifier


@pytest.mark.parametrize("wanted", WANTED + TESTING + DOCUMENTING, ids=lambda r: r.name)
def test_the_lock_holds_a_version_within_the_range(wanted):
    locked = [r for r in map(Requirement, lock_lines()) if canonicalize_name(r.name) == canonicalize_name(wanted.name)]
    assert locked
    for pin in locked:
        ((operator, version),) = [(s.operator, s.version) for s in pin.specifier]
        assert operator == "=="
        assert wanted.specifier.contains(version)


def test_what_printing_needs_the_tests_need_too():
    """So that the lock, conda and ``make`` hold it already."""
    assert {str(r) for r in PRINTING} <= {str(r) for r in TESTING}


def test_conda_asks_for_the_same_python():
    assert conda()["python"].specifier == Requirement(f"python{project()['requires-python']}").specifier


def test_every_dependency_has_an_upper_bound():
    for wanted in WANTED + TESTING + DOCUMENTING:
        assert any(s.operator in ("<", "<=", "==") for s in wanted.specifier), wanted


def test_the_lock_leaves_the_choice_of_the_index_to_the_machine():
    for line in lock_lines():
        assert not re.search(r"://|--hash|^\s*-|index-url| @ ", line), line
        assert Requirement(line).url is None


# --- git ---------------------------------------------------------------------------------------------


@cache
def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


#: Folders of somebody's machine, in pieces so that this file does not hold one.
MACHINE = re.compile(
    rf"(?<![\w.:/}}-])/(?:{'|'.join(['wo' + 'rk', 'ho' + 'me', 'tm' + 'p', 'Us' + 'ers', 'ro' + 'ot', 'mn' + 't'])})/\w"
)


def test_no_file_in_git_holds_the_path_of_a_machine():
    found = {}
    for file in tracked():
        try:
            content = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a compressed table or a picture
        for number, line in enumerate(content.splitlines(), start=1):
            if MACHINE.search(line):
                found[f"{file.relative_to(ROOT)}:{number}"] = line.strip()[:120]
    assert found == {}


def test_the_pattern_finds_what_it_should():
    for start in ("wo" + "rk", "ho" + "me", "tm" + "p"):
        assert MACHINE.search(f'path = "/{start}/somebody/data"')
    assert not MACHINE.search("https://www.insee.fr/ho" + "me/x")


def test_no_file_in_git_is_larger_than_a_megabyte():
    assert {f.name: f.stat().st_size for f in tracked() if f.stat().st_size > 1_000_000} == {}


def test_neither_raw_files_nor_the_warehouse_nor_outputs_are_in_git():
    below = {f.relative_to(ROOT).as_posix() for f in tracked()}
    assert {f for f in below if f.startswith(("data/raw/", "data/warehouse/", "outputs/"))} <= {
        "data/raw/README.md", "outputs/README.md",
    }  # fmt: skip
