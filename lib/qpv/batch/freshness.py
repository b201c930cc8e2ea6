"""Whether a brief would be the same if it were made again: one key of all that goes into it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import qpv
from qpv.batch.task import Task
from qpv.digests import Digests

_DISTRIBUTION: Final = "qpv-observatory"


def key_of(task: Task, reads: dict[str, Any] | None, digests: Digests) -> str:
    """Digest a brief's notebook, parameters, library, environment, and the answers to what it read; ``""`` if that is unknown."""
    if reads is None:
        return ""
    parts = [task.qpv, task.theme, task.quarter, _content(task.notebook), library(), environment(), digests.of(reads)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@cache
def library() -> str:
    """Digest the content of the library: code, templates, style."""
    root = Path(qpv.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


@cache
def environment() -> str:
    """Digest the versions of Python and of the packages that the library names."""
    names = {
        re.split(r"[^\w.-]", line, maxsplit=1)[0]
        for line in importlib.metadata.requires(_DISTRIBUTION) or []
        if "extra ==" not in line
    }
    versions = [f"{name} {importlib.metadata.version(name)}" for name in sorted(names)]
    return hashlib.sha256("\n".join([platform.python_version(), *versions]).encode()).hexdigest()


def _content(path: Path) -> str:
    state = path.stat()
    return _file(path, state.st_mtime_ns, state.st_size)


@cache
def _file(path: Path, changed: int, size: int) -> str:
    del changed, size  # a notebook that is edited while the process lives is another one
    return hashlib.sha256(path.read_bytes()).hexdigest()
