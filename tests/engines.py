"""Running notebooks through papermill, in a process of its own, with one engine or the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

KERNEL = "nbclient"
WARM = "qpv-warm"
IN_PLACE = "in place"  # the warm engine without its fork, for callers that fork themselves
COMMAND = "import sys, qpv.engine; qpv.engine.register(); from papermill.cli import papermill; papermill(sys.argv[1:])"
CALL = """import sys, papermill, qpv.engine
qpv.engine.register()
papermill.execute_notebook(*sys.argv[1:], engine_name="qpv-warm", in_place=True, progress_bar=False, request_save_on_cell_execute=False)
"""
#: What differs from process to process, whoever runs it.
CHANGING = (
    (re.compile(r"ipykernel_\d+/"), "ipykernel/"), (re.compile(r"0x[0-9a-f]{6,}"), "0x"),
    (re.compile(r"\b[\d.]+(e[+-]\d+)? [nµμm]?s\b"), "n s"), (re.compile(r"(Task|Thread)-\d+"), r"\1"),
    (re.compile(r"\(\d+ times\)"), "(n times)"),
)  # fmt: skip


def notebook(cells: Iterable[str | tuple[str, list[str]]], kernel: str = "python3") -> nbformat.NotebookNode:
    """Give a notebook with cells, each its source or its source and tags."""
    pairs = [(c, []) if isinstance(c, str) else c for c in cells]
    made = [new_code_cell(source, metadata={"tags": tags}, id=f"cell-{n}") for n, (source, tags) in enumerate(pairs)]
    return new_notebook(cells=made, metadata={"kernelspec": {"name": kernel, "display_name": "Python", "language": "python"}})


def run(engine: str, source: Path, target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a notebook as a person does, outside of pytest."""
    if engine == IN_PLACE:
        command = ["-c", CALL, *options]
    else:
        command = ["-c", COMMAND, "--engine", engine, "--no-progress-bar", "--no-request-save-on-cell-execute", *options]
    return script(*command, str(source), str(target), folder=source.parent)


def script(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, outside of pytest."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST") and k != "MPLBACKEND"}
    environment["HERE"] = os.path.realpath(folder)
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", timeout=240, check=False
    )


def outputs(cell: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """Give a cell's outputs without what changes from process to process; adjacent texts of a stream are one."""
    found: list[dict[str, Any]] = []
    for output in cell.outputs:
        if found and output.output_type == "stream" and found[-1].get("name") == output.name:
            found[-1]["text"] += output.text
        else:
            found.append(dict(output))
    return [_steady(output) for output in found]


def _steady(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, replacement in CHANGING:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, dict):
        return {k: _steady(v) for k, v in value.items()}
    return [_steady(v) for v in value] if isinstance(value, list) else value
