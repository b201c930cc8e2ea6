"""Putting a build in its place: whole, one at a time, and without leaving anything behind.

Every step is a rename, so that a process killed anywhere leaves the warehouse readable.  What it leaves in
the way (hidden folders and files) is swept by the next build.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from qpv.warehouse import POINTER, point_to, pointed

_SCRATCH: Final = ".build-"
_DISCARDED: Final = ".old-"

#: Where a file system knows no locks, a scratch folder this old (seconds) belongs to nobody.
_FORGOTTEN: Final = 86_400


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """Give a scratch folder beside the builds, for this process alone; it is gone afterwards.

    First sweeps what killed builds left: their locks died with them.
    """
    target.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        _sweep(target)
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=target))
        handle = os.open(scratch, os.O_RDONLY)
        _lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        os.close(handle)


def reuse(target: Path, digest: str) -> Path | None:
    """Put a build that is already there into use; ``None`` if there is none."""
    if not (target / digest / "meta.json").exists():
        return None
    with _alone(target):
        if not (target / digest / "meta.json").exists():  # another build has just removed it
            return None
        point_to(target, digest)
    return target / digest


def publish(target: Path, scratch: Path, digest: str) -> Path:
    """Put a finished scratch folder into use under its digest, and remove older builds.

    The last one stays, for the batch that may still read it.  When another process has published the same
    digest meanwhile, its result stands: both are the same.
    """
    finished = target / digest
    with _alone(target):
        if not (finished / "meta.json").exists():
            _discard(finished)  # of an older version, half removed when it was killed
            scratch.chmod(0o755)
            scratch.rename(finished)
        previous = pointed(target)
        point_to(target, digest)
        for path in target.iterdir():
            if path.is_dir() and not path.name.startswith(".") and path.name not in (digest, previous):
                _discard(path)
        _sweep(target)
    return finished


def _discard(path: Path) -> None:
    """Take a build out of sight in one rename: half of one must never be found under its digest."""
    if path.exists():
        path.rename(path.with_name(f"{_DISCARDED}{path.name}-{os.getpid()}-{time.monotonic_ns()}"))


def _sweep(target: Path) -> None:
    """Remove what no process works on any more; only called by the one that holds the lock of the target."""
    for path in target.iterdir():
        if path.name.startswith(_DISCARDED) or (path.name.startswith(_SCRATCH) and _is_forgotten(path)):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name.startswith(f".{POINTER}-"):
            path.unlink(missing_ok=True)


def _is_forgotten(scratch: Path) -> bool:
    try:
        handle = os.open(scratch, os.O_RDONLY)
    except FileNotFoundError:
        return False  # its owner has just removed it
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - scratch.stat().st_mtime > _FORGOTTEN
    finally:
        os.close(handle)
    return True


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold the lock of the target; it ends with the process, however that ends."""
    with (target / ".lock").open("w") as stream:
        _lock(stream.fileno(), fcntl.LOCK_EX)
        yield


def _lock(handle: int, kind: int) -> bool:
    """Lock a handle; on a file system without locks the renames alone must do."""
    try:
        fcntl.flock(handle, kind)
    except OSError:
        return False
    return True
