"""What is handed on: wheel and sdist that run outside the repository, a bill of materials, a verdict on known vulnerabilities."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from conftest import ROOT
from qpv import __version__

NAME = f"qpv_observatory-{__version__}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, made as an installer makes them."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def library(request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as the wheel, or the sdist, holds it, unpacked far from the repository."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "wheel":
        with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as archive:
            archive.extractall(folder)
        return folder
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / NAME / "lib"


def python(library: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python outside the repository with that library and no other."""
    told = {**os.environ, "PYTHONPATH": str(library), "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=told, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_command_says_its_help_outside_the_repository(library: Path, tmp_path: Path) -> None:
    where = python(library, tmp_path, "-c", "import qpv.cli; print(qpv.cli.__file__)")
    assert where.stdout.strip().startswith(str(library)), where.stderr
    done = python(library, tmp_path, "-m", "qpv.cli", "--help")
    assert (done.returncode, "briefs" in done.stdout) == (0, True), done.stderr


def test_the_command_says_where_its_data_are_missing(library: Path, tmp_path: Path) -> None:
    done = python(library, tmp_path, "-m", "qpv.cli", "briefs", "--quarter", "2026-T3")
    assert done.returncode == 2
    assert "erreur : not in the observatory's folder" in done.stderr
    assert "a checkout" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_verb_reads_a_warehouse_from_anywhere_and_shows_a_brief_beside_its_notebooks(
    library: Path, tmp_path: Path, embedded_folder: Path
) -> None:
    script = (
        "import qpv\n"
        f"print(qpv.profile('QN06254M', 'revenue', quarter='2026-T3', warehouse={str(embedded_folder)!r})['value'].notna().sum() > 0)\n"
        f"qpv.show('QN06254M', 'revenue', quarter='2026-T3', warehouse={str(embedded_folder)!r})"
    )
    done = python(library, tmp_path, "-c", script)
    assert done.stdout.startswith("True"), done.stderr
    assert "ParameterError: not in the observatory's folder" in done.stderr, (
        "notebooks are no part of the library, and it says so"
    )


def test_templates_go_with_the_library_and_tests_and_data_do_not(library: Path) -> None:
    assert (library / "qpv" / "brief" / "template" / "brief.css").is_file()
    assert (library / "qpv" / "site" / "template" / "index.js").is_file()
    assert not list(library.rglob("test_*.py"))
    assert not list(library.rglob("*.yml"))


def test_the_wheel_names_its_licence_and_its_engine(built: Path) -> None:
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as archive:
        told = {n.rpartition("/")[2]: archive.read(n).decode() for n in archive.namelist() if ".dist-info/" in n}
    assert "License-Expression: MIT" in told["METADATA"]
    assert "qpv-warm = qpv.engine:WarmEngine" in told["entry_points.txt"]
    assert "MIT" in told["LICENSE"]


# --- the bill of materials -------------------------------------------------------------------------------


def test_the_bill_of_materials_holds_what_is_installed_and_every_reference_resolves(tmp_path: Path) -> None:
    bill = runpy.run_path(str(ROOT / ".ci" / "sbom.py"))["bill"]()
    found = {c["name"]: c for c in bill["components"]}
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    for name in ("pandas", "geopandas", "papermill", "xstatic-leaflet", "numpy"):
        assert found[name]["version"] == version(name)
        assert found[name]["purl"] == f"pkg:pypi/{name}@{version(name)}"
    assert not {"pytest", "ruff", "playwright"} & set(found), "extras are no part of what a user installs"
    refs = [c["bom-ref"] for c in bill["components"]] + [bill["metadata"]["component"]["bom-ref"]]
    assert len(set(refs)) == len(refs)
    assert {r for d in bill["dependencies"] for r in (d["ref"], *d["dependsOn"])} == set(refs)
    assert found["pandas"]["licenses"]
    assert json.dumps(bill) == json.dumps(runpy.run_path(str(ROOT / ".ci" / "sbom.py"))["bill"]())


# --- known vulnerabilities -------------------------------------------------------------------------------

SOUND = {"name": "pandas", "version": "3.1.1", "vulns": []}
HURT = {"name": "jinja2", "version": "3.1.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}]}
UNKNOWN = {"name": "pyarrow", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("dependencies", "code", "words"),
    [
        ([SOUND], 0, "1 versions looked up, 0 known vulnerabilities"),
        ([SOUND, HURT], 1, "jinja2 3.1.1: PYSEC-1, mended in 3.1.6"),
        ([SOUND, UNKNOWN], 3, "not looked up: pyarrow"),
        ([SOUND, HURT, UNKNOWN], 1, "not looked up: pyarrow"),
        ([UNKNOWN], 3, "nothing was looked up"),
        ([], 3, "nothing was looked up"),
    ],
)
def test_a_version_that_could_not_be_looked_up_is_not_called_sound(dependencies: list[object], code: int, words: str) -> None:
    verdict = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["verdict"]
    found, said = verdict(json.dumps({"dependencies": dependencies}))
    assert found == code
    assert words in "\n".join(said)


def test_no_report_at_all_is_told() -> None:
    assert runpy.run_path(str(ROOT / ".ci" / "audit.py"))["verdict"]("")[0] == 3
