"""What a brief does to its own process ends in one record with the cause; the others are made."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pages
import pytest
import small
from qpv import batch
from qpv.errors import ParameterError, WarehouseError

#: What a notebook does, by theme, and what its record says.
DEEDS = {
    "revenue": ("", ""),
    "education": ("import os\nos._exit(3)", "code 3"),
    "health": ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
    "employment": ("while True:\n    pass", "plus de 12 s"),
    "housing": ("hoard = bytearray(4 << 30)", "MemoryError"),
    "ecology": ("import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))", "File too large"),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, embedded_folder: Path) -> dict[str, batch.Record]:
    folder = tmp_path_factory.mktemp("faults")
    notebooks = small.notebooks(folder / "notebooks")
    for theme, (code, _) in DEEDS.items():
        if code:
            pages.insert_cell(notebooks / f"{theme}.ipynb", code)
    tasks = small.plan(notebooks, embedded_folder, folder / "outputs", list(DEEDS))
    return {r.theme: r for r in batch.run(tasks, jobs=2, seconds=12)}


@pytest.mark.parametrize("theme", [theme for theme, (code, _) in DEEDS.items() if code])
def test_brief_fails_with_its_cause(records: dict[str, batch.Record], theme: str) -> None:
    record = records[theme]
    assert record.status == "failed"
    assert DEEDS[theme][1] in f"{record.error['name']}: {record.error['message']}"


def test_the_others_are_unharmed(records: dict[str, batch.Record]) -> None:
    assert (records["revenue"].status, records["revenue"].error) == ("degraded", None)


def test_a_notebook_that_takes_too_much_time_is_not_begun_again(records: dict[str, batch.Record]) -> None:
    """Twice the limit would show: only what is killed from outside is made again."""
    assert records["employment"].error["name"] == "TimeoutError"
    assert "deux fois" not in records["employment"].error["message"]


def test_what_a_brief_started_ends_with_it(tmp_path: Path, embedded_folder: Path) -> None:
    notebooks = small.notebooks(tmp_path / "notebooks", ["health"])
    mark = tmp_path / "still-there"
    pages.insert_cell(
        notebooks / "health.ipynb",
        f"import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 3; touch {mark}'])\nimport os\nos._exit(1)",
    )
    (record,) = batch.run(small.plan(notebooks, embedded_folder, tmp_path / "outputs", ["health"]), jobs=1)
    assert record.status == "failed"
    time.sleep(4)
    assert not mark.exists()


def test_brief_that_cannot_be_written_fails_alone(tmp_path: Path, embedded_folder: Path) -> None:
    notebooks = small.notebooks(tmp_path / "notebooks", ["health"])
    outputs = tmp_path / "outputs"
    (outputs / "2026-T3").mkdir(parents=True)
    (outputs / "2026-T3" / "QN06225M").write_text("a file where the folder of the QPV should be", "utf-8")
    tasks = [t for code in ("QN06225M", "QN06226M") for t in small.plan(notebooks, embedded_folder, outputs, ["health"], code)]
    failed, made = batch.run(tasks, jobs=2)
    assert failed.error["name"] in ("NotADirectoryError", "FileExistsError")
    assert made.status == "degraded"
    assert (outputs / "2026-T3" / "QN06226M" / "figures.csv").exists()


def test_outputs_that_are_no_folder_are_refused_at_once(tmp_path: Path, embedded_folder: Path) -> None:
    (tmp_path / "outputs").write_text("not a folder", "utf-8")
    tasks = small.plan(small.notebooks(tmp_path / "notebooks"), embedded_folder, tmp_path / "outputs", ["health"])
    with pytest.raises(ParameterError, match=r"briefs cannot be written there .*: give another --output"):
        batch.run(tasks, jobs=1)


def test_warehouse_that_goes_away_in_the_midst_fails_the_briefs_that_need_it(tmp_path: Path, embedded_folder: Path) -> None:
    notebooks = small.notebooks(tmp_path / "notebooks", ["health", "revenue"])
    warehouse = shutil.copytree(embedded_folder, tmp_path / "warehouse")
    pages.insert_cell(notebooks / "health.ipynb", f"import shutil\nshutil.rmtree({str(warehouse)!r})")
    first, second = batch.run(small.plan(notebooks, warehouse, tmp_path / "outputs", ["health", "revenue"]), jobs=1)
    assert second.status == "failed"
    assert second.error["cell"] == 2, "the cell that opens the warehouse"
    assert {first.status, second.status} <= {"degraded", "failed"}
    with pytest.raises(WarehouseError, match="no warehouse in 'warehouse': run 'make data'"):
        batch.run(small.plan(notebooks, warehouse, tmp_path / "outputs", ["health"]), jobs=1)


def test_what_a_library_prints_in_a_brief_does_not_disturb_the_batch(tmp_path: Path, embedded_folder: Path) -> None:
    notebooks = small.notebooks(tmp_path / "notebooks", ["health"])
    pages.insert_cell(
        notebooks / "health.ipynb", 'import os\nos.write(1, b\'{"order": 1, "exit": 0, "done": {}}\\n\')\nprint(\'text\')'
    )
    (record,) = batch.run(small.plan(notebooks, embedded_folder, tmp_path / "outputs", ["health"]), jobs=1)
    assert (record.status, record.qpv) == ("degraded", "QN06225M")
