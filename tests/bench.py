"""Measure the build, a profile and a brief; prints a table, judges nothing.

Run through ``make bench``.  Uses the official files where they exist, else the embedded data alone.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from qpv import batch
from qpv.brief import Brief
from qpv.build import build
from qpv.profile import load_profile
from qpv.project import Project
from qpv.quarter import Quarter
from qpv.warehouse import Warehouse

RUNS = 5


def timed(action: Callable[[], object], runs: int = RUNS) -> str:
    """Give the median, minimum and maximum of several runs after a warm-up."""
    action()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return f"{statistics.median(seconds):8.3f} s  ({min(seconds):.3f}-{max(seconds):.3f}, {runs} runs)"


def main() -> int:
    """Print one line a measure."""
    project = Project.find(Path(__file__).parent)
    raw = project.raw(None)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        start = time.perf_counter()
        report = build(project.data, raw, folder / "warehouse")
        print(f"build, {report.observations:,} observations   {time.perf_counter() - start:8.1f} s")
        print(f"build again, nothing changed      {timed(lambda: build(project.data, raw, folder / 'warehouse'), 3)}")
        store = Warehouse(folder / "warehouse")
        print(f"profile of one QPV, warm          {timed(lambda: load_profile(store, 'QN06254M', 'revenue', '2026-T3'))}")

        def page() -> None:
            brief = Brief("revenue", "QN06254M", "2026-T3", folder / "warehouse")
            for method in ("head", "summary", "key_figures", "map_location", "map_headline", "map_theme", "evolution",
                           "quadrant", "own_block", "contract", "sources", "close"):  # fmt: skip
                getattr(brief, method)()

        print(f"brief by straight calls           {timed(page)}")
        task = batch.plan(["QN06254M"], ["revenue"], Quarter(2026, 3), project.notebooks, folder / "warehouse", folder)[0]
        print(f"brief through papermill           {timed(lambda: batch.make(task), 3)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process       {peak:8.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
