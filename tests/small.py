"""Briefs that are made in no time: a head and an end, so that hundreds of runs can be looked at."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pages
from qpv import batch
from qpv.selection import select
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse

#: A run in a process of its own: notebooks, warehouse, outputs, jobs, then kinds of brief.
SCRIPT = """
import sys
from pathlib import Path
from qpv import batch
from qpv.quarter import Quarter
from qpv.selection import select
from qpv.warehouse import Warehouse
notebooks, warehouse, outputs = map(Path, sys.argv[1:4])
codes = select(Warehouse(warehouse), "contracts")
tasks = batch.plan(codes, sys.argv[5:], Quarter(2026, 3), notebooks, warehouse, outputs)
batch.run(tasks, int(sys.argv[4]), lambda record: record.skipped or print(record.qpv, record.theme, flush=True))
"""


def notebooks(folder: Path, themes: Sequence[str] = BRIEF_THEMES) -> Path:
    """Write notebooks that only name their QPV and end."""
    folder.mkdir(parents=True)
    for theme in themes:
        cells = [
            nbformat.v4.new_code_cell('qpv = "QN06254M"\nquarter = "2026-T3"\nwarehouse = "../data/warehouse"',
                                      metadata={"tags": ["parameters"]}, id="parameters"),
            nbformat.v4.new_code_cell(f'from qpv.brief import Brief\n\nbrief = Brief("{theme}", qpv, quarter, warehouse)\nbrief.head()', id="head"),
            nbformat.v4.new_code_cell("brief.close()", id="close"),
        ]  # fmt: skip
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / f"{theme}.ipynb")
    return folder


def plan(
    folder: Path, warehouse: Path, outputs: Path, themes: Sequence[str], territory: str = pages.GRANDE_RESIDENCE
) -> list[batch.Task]:
    codes = select(Warehouse(warehouse), territory)
    return batch.plan(codes, themes, pages.QUARTER, folder, warehouse, outputs)


def start(folder: Path, warehouse: Path, outputs: Path, themes: Sequence[str], jobs: int = 2) -> subprocess.Popen[bytes]:
    """Start a run over the QPV of the contracts, in a session of its own."""
    words = [sys.executable, "-c", SCRIPT, str(folder), str(warehouse), str(outputs), str(jobs), *themes]
    with folder.with_name("run.log").open("ab") as log:
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, start_new_session=True)


def content(outputs: Path) -> dict[str, str]:
    """Digest every file that a run leaves, without what it cost and the order in which it went."""
    found = {}
    for path in sorted(p for p in outputs.rglob("*") if p.is_file()):
        name = path.relative_to(outputs).as_posix()
        data = path.read_bytes()
        if path.name == "run.json":
            told = json.loads(data)
            data = json.dumps([{k: v for k, v in brief.items() if k != "seconds"} for brief in told["briefs"]]).encode()
        elif path.name == "run.jsonl":
            last = {(e["qpv"], e["theme"]): {**e, "seconds": 0} for e in map(json.loads, data.splitlines())}
            data = json.dumps([last[name] for name in sorted(last)]).encode()
        elif path.name == "batch.log":
            continue
        found[name] = hashlib.sha256(data).hexdigest()
    return found
