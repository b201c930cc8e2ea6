"""Measure the build, a profile and a brief; write what was measured, judge nothing.

Run through ``make bench``.  Uses the official files where they exist, else the embedded data alone.
Each stage runs in a process of its own, so that its memory and its start are its own; times on a
busy machine differ, CPU seconds less, so both are given, with the load at the start.  The result
goes to ``outputs/bench.json``; the one that lay there is printed beside it.  See docs/benchmarks.md.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from bench_batch import measure_batch, measure_ways

QUARTER = "2026-T3"

#: Calais; Lens; two agglomérations; Paris (131 communes around); the EPCI of most communes; overseas.
QPV = ("QN06254M", "QN06225M", "QN06216M", "QN07501M", "QN06401I", "QN97403M")
BRIEFS = (("QN06254M", "revenue"), ("QN06254M", "education"), ("QN06225M", "housing"))
COLD_RUNS = 6
#: How much slower than this machine a reader's is taken to be, and the milliseconds of quiet that end a start.
SLOWER, QUIET = 4, 1500
CHROMIUM = Path("/usr/bin/chromium")
#: Keeps the end of the last task of over 50 ms, in milliseconds from the start of the page.
_BUSY = """window.busy = 0;
new PerformanceObserver(list => list.getEntries().forEach(e => { window.busy = Math.max(window.busy, e.startTime + e.duration); }))
  .observe({type: 'longtask', buffered: true});"""
WARM_RUNS = 3
PACKAGES = ("pandas", "numpy", "pyarrow", "geopandas", "matplotlib", "folium", "papermill")

Measures = dict[str, float]


class Watch:
    """Wall-clock and CPU seconds of a block, children included."""

    wall = cpu = 0.0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Time a block."""
        wall, cpu = time.perf_counter(), _cpu()
        yield
        self.wall, self.cpu = time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _p90(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]


def measure_build(folder: Path) -> Measures:
    """Build from nothing, then once more with nothing changed."""
    from qpv.build import build
    from qpv.project import Project

    project = Project.find(Path(__file__).parent)
    first, again = Watch(), Watch()
    with first():
        report = build(project.data, project.raw(None), folder)
    with again():
        build(project.data, project.raw(None), folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = {suffix: sum(f.stat().st_size for f in report.path.glob(f"*{suffix}")) / 1e6 for suffix in (".parquet", ".arrow")}
    return {
        "build, wall s": first.wall, "build, CPU s": first.cpu, "build, peak MB": peak, "build again, wall s": again.wall,
        "observations": report.observations,
        "warehouse, Parquet MB": sizes[".parquet"], "warehouse, Arrow MB": sizes[".arrow"],
    }  # fmt: skip


def measure_cold(folder: Path, code: str, theme: str) -> Measures:
    """Import what a kernel imports, then load the first profile of the process."""
    start, load = Watch(), Watch()
    with start():
        importlib.import_module("qpv.brief")
    from qpv.profile import load_profile
    from qpv.warehouse import Warehouse

    with load():
        load_profile(Warehouse(folder), code, theme, QUARTER)
    return {
        "import qpv.brief, CPU s": start.cpu,
        "profile cold, wall ms": 1e3 * load.wall,
        "profile cold, CPU ms": 1e3 * load.cpu,
    }


def measure_warm(folder: Path) -> Measures:
    """Load the profiles of the fixed list again and again, after a first time."""
    from qpv.profile import load_profile
    from qpv.vocabulary import BRIEF_THEMES
    from qpv.warehouse import Warehouse

    store = Warehouse(folder)
    watch = Watch()
    walls: list[float] = []
    cpus: dict[str, list[float]] = {theme: [] for theme in BRIEF_THEMES}
    for theme in BRIEF_THEMES:
        for code in _known(folder):
            load_profile(store, code, theme, QUARTER)
            for _ in range(WARM_RUNS):
                with watch():
                    load_profile(store, code, theme, QUARTER)
                walls.append(1e3 * watch.wall)
                cpus[theme].append(1e3 * watch.cpu)
    together = [c for found in cpus.values() for c in found]
    return {
        "profile warm, median wall ms": statistics.median(walls), "profile warm, p90 wall ms": _p90(walls),
        "profile warm, median CPU ms": statistics.median(together), "profile warm, p90 CPU ms": _p90(together),
    } | {f"profile warm, {theme}, median CPU ms": statistics.median(found) for theme, found in cpus.items()}  # fmt: skip


def measure_brief(folder: Path, code: str, theme: str) -> Measures:
    """Make one brief as ``make briefs`` does: a notebook through papermill, exported to HTML."""
    from qpv import batch
    from qpv.project import Project
    from qpv.quarter import Quarter

    notebooks = Project.find(Path(__file__).parent).notebooks
    first, second = Watch(), Watch()
    (task,) = batch.plan([code], [theme], Quarter.parse(QUARTER), notebooks, folder, folder.parent / "briefs")
    for watch in (first, second):
        with watch():
            record = batch.make(task)
        if record.status == "failed":
            raise SystemExit(f"the brief of {code}, {theme} failed: {record.error}")
    return {
        "brief, first of a worker, CPU s": first.cpu, "brief, next, CPU s": second.cpu, "brief, next, wall s": second.wall,
        "brief, kB": record.bytes / 1e3,
    } | _interactive(task.page)  # fmt: skip


def _interactive(page_file: Path) -> Measures:
    """Open a page in Chromium on a processor four times slower; give the seconds until it answers a reader."""
    if not CHROMIUM.exists():
        return {}
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        for _ in range(WARM_RUNS):
            page = browser.new_page(viewport={"width": 360, "height": 740})
            page.add_init_script(_BUSY)
            page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
            page.goto(page_file.as_uri(), wait_until="load")
            page.wait_for_timeout(QUIET)
            found.append(
                page.evaluate("Math.max(window.busy, performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)")
            )
            page.close()
        browser.close()
    return {f"page interactive, CPU {SLOWER} times slower, s": statistics.median(found) / 1e3}


def _known(folder: Path) -> list[str]:
    from qpv.selection import select
    from qpv.warehouse import Warehouse

    every = set(select(Warehouse(folder), "all"))
    return [code for code in QPV if code in every]


STAGES: dict[str, Callable[..., Measures]] = {
    "build": measure_build, "cold": measure_cold, "warm": measure_warm, "brief": measure_brief,
    "ways": measure_ways, "batch": measure_batch,
}  # fmt: skip


def _run(stage: str, *arguments: str) -> Measures:
    """Run a stage in a fresh process."""
    command = [sys.executable, __file__, stage, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _medians(runs: list[Measures]) -> Measures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def measure_all(folder: Path) -> Measures:
    """Run every stage; of repeated ones the medians."""
    from qpv.vocabulary import BRIEF_THEMES

    warehouse = str(folder / "warehouse")
    found = _run("build", warehouse)
    _run("cold", warehouse, QPV[0], BRIEF_THEMES[0])  # byte code and page cache are nobody's cold start
    codes = _known(Path(warehouse))
    pairs = [(codes[n % len(codes)], BRIEF_THEMES[n % len(BRIEF_THEMES)]) for n in range(COLD_RUNS)]
    found |= _medians([_run("cold", warehouse, *pair) for pair in pairs])
    found |= _run("warm", warehouse)
    found |= _medians([_run("brief", warehouse, *pair) for pair in BRIEFS])
    return found | _run("ways", warehouse) | _run("batch", warehouse)


def table(measures: Measures, before: Measures) -> str:
    """Write the measures in lines, with those of the run before and their ratio."""
    lines = [f"{'':44}{'now':>14}{'before':>14}{'ratio':>8}"]
    for name, value in measures.items():
        old = before.get(name)
        beside = f"{old:14,.2f}{value / old:8.2f}" if old else ""
        lines.append(f"{name:44}{value:14,.2f}{beside}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run one stage, or all of them."""
    if arguments:
        stage, folder, *rest = arguments
        print(json.dumps(STAGES[stage](Path(folder), *rest)))
        return 0
    import qpv
    from qpv.atomic import write_atomically
    from qpv.project import Project

    project = Project.find(Path(__file__).parent)
    result = {
        "date": dt.datetime.now().astimezone().isoformat(timespec="seconds"), "qpv": qpv.__version__,
        "python": platform.python_version(), "packages": {name: version(name) for name in PACKAGES},
        "cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 1),
        "official": any(p.name == "official" for p in project.raw(None)),
    }  # fmt: skip
    path = project.outputs / "bench.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else {"date": "", "measures": {}}
    with tempfile.TemporaryDirectory() as scratch:
        measures = measure_all(Path(scratch))
    write_atomically(path, json.dumps(result | {"measures": measures}, indent=1))
    print(f"{result['date']}, {result['cores']} cores, load {result['load']}; before: {before['date'] or 'nothing'}")
    print(table(measures, before["measures"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
