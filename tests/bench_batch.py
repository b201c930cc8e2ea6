"""Measure ways of making the same briefs, side by side; part of ``make bench``, see docs/benchmarks.md.

CPU seconds are those of all processes that a way starts.  Ways are interleaved, round by round, so that what
else the machine does meets all of them.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from qpv import batch
from qpv.project import Project
from qpv.quarter import Quarter
from qpv.selection import select
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse

QUARTER = Quarter(2026, 3)
ROUNDS = 5
BATCH_ROUNDS = 3
#: The briefs that every way makes: three themes of three QPV, as they come.
THEMES = ("revenue", "education", "housing")
#: Two sizes of a run, whose difference is what briefs cost without the start of the run.
SMALL, LARGE = 12, 60

Measures = dict[str, float]
ROOT = Path(__file__).parent.parent


def cpu() -> float:
    """CPU seconds of this process and of all that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def plan(warehouse: Path, outputs: Path, themes: tuple[str, ...], count: int) -> list[batch.Task]:
    """The first ``count`` briefs of a few themes, over QPV from all over the list."""
    codes = select(Warehouse(warehouse), "all")
    step = max(1, len(codes) // (count // len(themes)))
    tasks = batch.plan(codes[::step], list(themes), QUARTER, Project.find(ROOT).notebooks, warehouse, outputs)
    return tasks[:count]


def commands(tasks: list[batch.Task], folder: Path) -> None:
    """What a user would type: ``papermill``, then ``jupyter nbconvert``."""
    for task in tasks:
        executed = folder / f"{task.qpv}-{task.theme}.ipynb"
        words = [w for name, value in task.parameters.items() for w in ("-p", name, value)]
        run = [sys.executable, "-m", "papermill", str(task.notebook), str(executed), *words, "--no-progress-bar"]
        subprocess.run(run, check=True, capture_output=True, cwd=task.notebook.parent)
        convert = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--no-input", str(executed)]
        subprocess.run(convert, check=True, capture_output=True)


def quarto(tasks: list[batch.Task], folder: Path) -> None:
    """One ``quarto render`` a set of parameters; measured only where Quarto is installed."""
    for task in tasks:
        copy = folder / f"{task.qpv}-{task.theme}.ipynb"
        shutil.copyfile(task.notebook, copy)
        words = [w for name, value in task.parameters.items() for w in ("-P", f"{name}:{value}")]
        subprocess.run(["quarto", "render", str(copy), "--execute", "--to", "html", *words], check=True, capture_output=True)


def one_process(tasks: list[batch.Task], folder: Path) -> None:
    """Papermill's function and the page's exporter in one process, a kernel a notebook."""
    del folder
    for task in tasks:
        record = batch.make(task, batch.KERNEL)
        assert record.status != "failed", record.error


def pool(tasks: list[batch.Task], folder: Path) -> None:
    """Papermill over a pool of two processes."""
    del folder
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as workers:
        assert all(r.status != "failed" for r in workers.map(batch.make, tasks))


def warm(tasks: list[batch.Task], folder: Path) -> None:
    """The batch, one process at a time; its start is counted."""
    del folder
    assert all(r.status != "failed" for r in batch.run(tasks, jobs=1, again=True))


WAYS: dict[str, Callable[[list[batch.Task], Path], None]] = {
    "papermill + nbconvert commands": commands, "papermill in one process": one_process, "papermill in a pool of two": pool,
    "qpv-warm": warm,
}  # fmt: skip
if shutil.which("quarto"):
    WAYS["quarto render"] = quarto


def measure_ways(warehouse: Path) -> Measures:
    """CPU seconds a brief, by way, and how each compares with the commands."""
    found: dict[str, list[float]] = {way: [] for way in [*WAYS, "straight function"]}
    for _ in range(ROUNDS):
        for way in WAYS:
            with tempfile.TemporaryDirectory() as scratch:
                tasks = plan(warehouse, Path(scratch) / "outputs", THEMES, len(THEMES))
                many = plan(warehouse, Path(scratch) / "outputs", THEMES, SMALL) if way == "qpv-warm" else tasks
                done = subprocess.run(
                    [sys.executable, __file__, "way", way, str(warehouse), scratch, str(len(many))],
                    check=True,
                    capture_output=True,
                )
                found[way].append(float(done.stdout.splitlines()[-1]) / len(many))
        done = subprocess.run([sys.executable, __file__, "floor", str(warehouse)], check=True, capture_output=True)
        found["straight function"].append(float(done.stdout.splitlines()[-1]))
    told = {}
    for way, values in found.items():
        told |= {f"{way}, CPU s a brief": statistics.median(values), f"{way}, least": min(values), f"{way}, most": max(values)}
    return told


def one_way(way: str, warehouse: Path, scratch: Path, count: int) -> float:
    """Make some briefs in one way; give the CPU seconds of this and all its processes."""
    tasks = plan(warehouse, scratch / "outputs", THEMES, count)
    for task in tasks:
        task.page.parent.mkdir(parents=True, exist_ok=True)
    start = cpu()
    WAYS[way](tasks, scratch)
    return cpu() - start


def floor(warehouse: Path) -> float:
    """The same content by a straight function in a warm process: every method of the brief, then the page's blocks as text."""
    from qpv import brief
    from qpv.batch.warming import warm as get_warm

    codes = [t.qpv for t in plan(warehouse, Path("/nowhere"), THEMES, SMALL)]
    get_warm(str(warehouse), str(QUARTER), list(THEMES), codes[:1])
    start, made = cpu(), 0
    for code in dict.fromkeys(codes):
        for theme in THEMES:
            page = brief.Brief(theme, code, str(QUARTER), warehouse)
            blocks = [page.head, page.summary, page.key_figures, page.map_location, page.map_headline, page.map_theme, page.evolution,
                      page.quadrant, page.own_block, page.contract, page.downloads, page.sources, page.close]  # fmt: skip
            "".join(str(block()._repr_mimebundle_()) for block in blocks)
            made += 1
    return (cpu() - start) / made


def measure_batch(warehouse: Path) -> Measures:
    """What a brief costs in a run, without the run's start; two workers against one; memory; a run with nothing to do.

    One worker and two take turns, so that what else the machine does meets both.
    """
    found: dict[str, list[float]] = {}
    for _ in range(BATCH_ROUNDS):
        walls = {}
        for jobs in (1, 2):
            small, large = (one_batch(warehouse, count, jobs) for count in (SMALL, LARGE))
            cost, walls[jobs] = ((large[name] - small[name]) / (LARGE - SMALL) for name in ("cpu", "wall"))
            for name, value in (
                (f"batch, jobs {jobs}, CPU s a brief", cost),
                (f"batch, jobs {jobs}, wall s a brief", walls[jobs]),
                (f"batch, jobs {jobs}, start, CPU s", small["cpu"] - SMALL * cost),
                ("worker's own memory, most, MB", large["memory"]),
                ("run again, nothing changed, wall ms a brief", 1e3 * large["again"] / LARGE),
            ):
                found.setdefault(name, []).append(value)
        found.setdefault("two workers against one, times faster", []).append(walls[1] / walls[2])
    told: Measures = {}
    for name, values in found.items():
        if name.startswith("worker's"):
            told[name] = max(values)
        else:
            told |= {name: statistics.median(values), f"{name}, least": min(values), f"{name}, most": max(values)}
    return told


def one_batch(warehouse: Path, count: int, jobs: int) -> dict[str, float]:
    """Make some briefs, then have nothing to do: CPU and wall-clock seconds, most memory of a worker in MB."""
    with tempfile.TemporaryDirectory() as scratch:
        tasks = plan(warehouse, Path(scratch), BRIEF_THEMES, count)
        begun, clock = cpu(), time.perf_counter()
        with Memory() as memory:
            records = batch.run(tasks, jobs=jobs)
        used, passed = cpu() - begun, time.perf_counter() - clock
        assert all(r.status != "failed" for r in records), [r.error for r in records if r.error]
        clock = time.perf_counter()
        batch.run(tasks, jobs=jobs)
        return {"cpu": used, "wall": passed, "memory": memory.most, "again": time.perf_counter() - clock}


class Memory(threading.Thread):
    """Looks, while a run goes on, at the memory that each process making a brief has for itself."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self._over = threading.Event()

    def __enter__(self) -> Memory:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Look ten times a second."""
        while not self._over.wait(0.1):
            own = Path("/proc/self/task")
            nurseries = [c for t in own.iterdir() for c in _words(t / "children")]
            for pid in (c for nursery in nurseries for c in _words(Path(f"/proc/{nursery}/task/{nursery}/children"))):
                lines = _words(Path(f"/proc/{pid}/smaps_rollup"))
                private = [int(lines[n + 1]) for n, word in enumerate(lines) if word in ("Private_Clean:", "Private_Dirty:")]
                self.most = max(self.most, sum(private) / 1024)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split()
    except OSError:  # it has just ended
        return []


if __name__ == "__main__":
    stage, *rest = sys.argv[1:]
    if stage == "way":
        print(one_way(rest[0], Path(rest[1]), Path(rest[2]), int(rest[3])))
    elif stage == "floor":
        print(floor(Path(rest[0])))
    else:
        print(json.dumps({"ways": measure_ways, "batch": measure_batch}[stage](Path(rest[0]))))
