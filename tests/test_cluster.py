"""The same briefs from a Dask cluster: a scheduler and three workers as processes of their own, one of which is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import small
from qpv import batch
from qpv.batch.mirror import mirrored
from qpv.errors import QpvError, WarehouseError
from qpv.warehouse import pointed

WORKERS = 3
THEMES = ("revenue", "health")


@dataclass
class Running:
    """A cluster on the loopback."""

    address: str
    workers: list[subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("cluster")
    told = folder / "scheduler.json"
    common = ["--no-dashboard", "--scheduler-file", str(told)]
    with ExitStack() as processes:

        def start(*words: str) -> subprocess.Popen[bytes]:
            log = processes.enter_context((folder / "log").open("ab"))
            return processes.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]], stdout=log, stderr=log, cwd=folder
                )
            )

        scheduler = start("dask_scheduler", *common, "--host", "127.0.0.1", "--port", "0")
        deadline = time.monotonic() + 60
        while not told.exists():
            assert time.monotonic() < deadline, (folder / "log").read_text("utf-8")
            time.sleep(0.2)
        workers = [
            start("dask_worker", *common, "--no-nanny", "--nthreads", "1", "--local-directory", str(folder / f"worker-{n}"))
            for n in range(WORKERS)
        ]
        address = __import__("json").loads(told.read_text("utf-8"))["address"]
        yield Running(address, workers)
        for process in (*workers, scheduler):
            process.terminate()


def test_cluster_makes_the_same_briefs_and_a_worker_that_is_killed_costs_no_brief(
    cluster: Running, tmp_path: Path, embedded_folder: Path
) -> None:
    notebooks = small.notebooks(tmp_path / "notebooks", THEMES)
    here = small.plan(notebooks, embedded_folder, tmp_path / "here", THEMES, "contracts")
    there = small.plan(notebooks, embedded_folder, tmp_path / "there", THEMES, "contracts")
    heard = 0

    def report(record: batch.Record) -> None:
        nonlocal heard
        heard += 1
        if heard == 5:
            cluster.workers[0].send_signal(signal.SIGKILL)

    records = batch.run(there, jobs=1, report=report, scheduler=cluster.address)
    assert [r.error for r in records if r.status == "failed"] == []
    assert cluster.workers[0].wait(10) == -signal.SIGKILL
    batch.run(here, jobs=2)
    theirs, ours = small.content(tmp_path / "there"), small.content(tmp_path / "here")
    kept = {name for name in ours if name.endswith((".html", ".csv", ".xlsx", ".json"))}
    assert {name: theirs.get(name) for name in kept} == {name: ours[name] for name in kept}
    assert len([name for name in kept if name.endswith(".html")]) == len(there)


def test_a_second_run_on_the_cluster_skips_what_is_there(cluster: Running, tmp_path: Path, embedded_folder: Path) -> None:
    tasks = small.plan(small.notebooks(tmp_path / "notebooks", ["health"]), embedded_folder, tmp_path / "outputs", ["health"])
    assert [r.skipped for r in batch.run(tasks, jobs=1, scheduler=cluster.address)] == [False]
    assert [r.skipped for r in batch.run(tasks, jobs=1, scheduler=cluster.address)] == [True]


def test_a_brief_that_fails_on_the_cluster_says_why(cluster: Running, tmp_path: Path, embedded_folder: Path) -> None:
    import pages

    notebooks = small.notebooks(tmp_path / "notebooks", ["health"])
    pages.insert_cell(notebooks / "health.ipynb", "import os\nos._exit(3)")
    (record,) = batch.run(
        small.plan(notebooks, embedded_folder, tmp_path / "outputs", ["health"]), jobs=1, scheduler=cluster.address
    )
    assert record.status == "failed"
    assert "code 3" in record.error["message"]


def test_scheduler_that_is_not_there_is_one_clear_error(
    tmp_path: Path, embedded_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qpv.batch.cluster._PATIENCE", 1)
    tasks = small.plan(small.notebooks(tmp_path / "notebooks", ["health"]), embedded_folder, tmp_path / "outputs", ["health"])
    with pytest.raises(QpvError, match=r"no cluster to work with at 'tcp://127\.0\.0\.1:9'"):
        batch.run(tasks, jobs=1, scheduler="tcp://127.0.0.1:9")


def test_warehouse_in_an_object_store_is_copied_once_a_machine(
    embedded_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = fsspec.filesystem("memory")
    store.put(f"{embedded_folder}/", "/bucket/warehouse/", recursive=True)
    copy = mirrored("memory://bucket/warehouse")
    assert copy.name == pointed(embedded_folder)
    theirs = {p.name: p.stat().st_size for p in (embedded_folder / copy.name).iterdir()}
    assert {p.name: p.stat().st_size for p in copy.iterdir()} == theirs
    stamp = (copy / "meta.json").stat().st_mtime_ns
    assert mirrored("memory://bucket/warehouse") == copy
    assert (copy / "meta.json").stat().st_mtime_ns == stamp
    with pytest.raises(WarehouseError, match="no warehouse at 'memory://bucket/nothing'"):
        mirrored("memory://bucket/nothing")
