"""The work of a batch on an existing Dask cluster: the same tasks, on many machines; results come back to the client.

A worker needs the library and a view of the warehouse: the same path as the client's, or an address that
fsspec opens (``s3://…``), of which each machine keeps a copy.  It makes a brief as a machine alone does, in a
nursery of its own, and gives back what it wrote; the client alone writes, so that no shared folder is needed.
"""

from __future__ import annotations

import atexit
import tempfile
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from qpv.atomic import write_atomically
from qpv.batch.crew import Crew, NurseryError, Settings
from qpv.batch.figures import make_figures
from qpv.batch.freshness import library
from qpv.batch.mirror import mirrored
from qpv.batch.task import Figures, Record, Task, failure

#: Seconds to wait for the scheduler, and for a first worker.
_PATIENCE: Final = 30
#: Briefs that are with the cluster at a time, for each of its threads: none waits for the client, few are lost with it.
_AHEAD: Final = 2


class Cluster:
    """Hands out work to the workers of a Dask scheduler; to be closed.

    Raises
    ------
    NurseryError
        If the scheduler does not answer, has no worker, or the package for it is not installed.
    """

    def __init__(self, settings: Settings, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise NurseryError(
                "a cluster needs the package 'distributed': install the library with its extra 'cluster'"
            ) from error
        self._settings = settings
        try:
            self._client = Client(address, timeout=_PATIENCE, set_as_default=False)
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError, ValueError) as error:
            raise NurseryError(
                f"no cluster to work with at {address!r}: {error or 'nothing answers'}; is a scheduler there, with workers?"
            ) from error

    def work(self, waiting: deque[Task | Figures]) -> Iterator[tuple[Task | Figures, Record]]:
        """Do all that waits, also what is added meanwhile; a brief whose worker is lost is made again by another."""
        from distributed import as_completed

        running: dict[str, Task] = {}
        done = as_completed(loop=self._client.loop)
        number = 0
        while waiting or running:
            most = _AHEAD * max(1, sum(self._client.nthreads().values()))
            while waiting and len(running) < most:
                work = waiting.popleft()
                if isinstance(work, Figures):
                    yield work, make_figures(work, self._settings.quarter, self._settings.warehouse, self._settings.output)
                    continue
                number += 1
                key = f"qpv-{work.qpv}-{work.theme}-{number}"
                future = self._client.submit(
                    make_away, work.as_json(), work.notebook.read_text("utf-8"), self._settings, library(), key=key, pure=False
                )
                running[key] = work
                done.add(future)
            if not running:
                continue
            future = next(done)
            task = running.pop(str(future.key))
            error = future.exception()
            record = (
                failure(task, type(error).__name__, str(error)[:2000]) if error is not None else _settled(task, future.result())
            )
            future.release()
            yield task, record

    def close(self) -> None:
        """Leave the cluster; what it still does for this run is dropped."""
        self._client.close()


def _settled(task: Task, result: tuple[dict[str, Any], dict[str, bytes]]) -> Record:
    """Write what a worker made, the page last."""
    told, files = result
    for name, path in (("executed", task.executed), ("told", task.told), ("page", task.page)):
        if name in files:
            write_atomically(path, zlib.decompress(files[name]))
    return Record(**told)


def make_away(told: dict[str, str], notebook: str, settings: Settings, version: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Make one brief on a worker; give its record, and what it wrote, compressed.

    Raises
    ------
    NurseryError
        If the worker has another version of the library than the client.
    """
    if library() != version:
        raise NurseryError("this worker has another version of the library than the client: install the same on all machines")
    task = Task.from_json(told)
    home = _home(settings)
    source = home.folder / "sources" / task.notebook.name
    write_atomically(source, notebook)
    here = replace(task, notebook=source, output=home.folder, warehouse=_near(settings))
    ((_, record),) = home.crew.work(deque([here]))
    files = {}
    for name, path in (("executed", here.executed), ("told", here.told), ("page", here.page)):
        if path.exists() and (name == "executed" or record.status != "failed"):
            files[name] = zlib.compress(path.read_bytes())
        path.unlink(missing_ok=True)
    return vars(record), files


class _Home:
    """A worker thread's own nursery and scratch folder."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="qpv-worker-")
        self.folder = Path(self._scratch.name)
        self.settings = settings
        near = replace(settings, jobs=1, output=self.folder, warehouse=_near(settings))
        self.crew = Crew(near, self.folder / "batch.log")
        atexit.register(self.close)

    def close(self) -> None:
        """End the nursery and remove the scratch folder."""
        self.crew.close()
        self._scratch.cleanup()


_MINE: Final = threading.local()


def _home(settings: Settings) -> _Home:
    home: _Home | None = getattr(_MINE, "home", None)
    if home is None or home.settings != settings:
        if home is not None:
            home.close()
        home = _MINE.home = _Home(settings)
    return home


def _near(settings: Settings) -> Path:
    """Give a path at which the warehouse can be opened here: the client's own, or a copy of the one in an object store."""
    return mirrored(settings.store) if settings.store else settings.warehouse
