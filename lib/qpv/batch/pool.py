"""The work of a batch in a pool of processes, a kernel a notebook: slow, and the same everywhere.

For platforms without ``fork``, and to be compared with.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from qpv.batch.crew import Settings
from qpv.batch.figures import make_figures
from qpv.batch.making import KERNEL, make
from qpv.batch.task import Figures, Record, Task, failure
from qpv.html import STILL


class Pool:
    """Hands out work to processes that each start kernels."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log

    def work(self, waiting: deque[Task | Figures]) -> Iterator[tuple[Task | Figures, Record]]:
        """Do all that waits, also what is added meanwhile.

        When a process dies, what was running is made again one at a time, so that only the brief that
        kills its process is recorded as failed.
        """
        while waiting:
            suspects: list[Task] = []
            yield from self._pool(waiting, self._settings.jobs, suspects)
            for task in suspects:
                again: list[Task] = []
                yield from self._pool(deque([task]), 1, again)
                if again:
                    yield (
                        task,
                        failure(task, "Worker", f"le processus est mort en faisant ce brief ; {self._log.name} en dit plus"),
                    )

    def _pool(self, waiting: deque[Task | Figures], jobs: int, suspects: list[Task]) -> Iterator[tuple[Task | Figures, Record]]:
        """Work in one pool; if it breaks, put what was running among the suspects."""
        context = multiprocessing.get_context("spawn")  # forked pools lose kernels to port races
        running: dict[Future[Record], Task] = {}
        pool = ProcessPoolExecutor(max(1, jobs), context, initializer=_settle, initargs=(self._log,))
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    work = waiting.popleft()
                    if isinstance(work, Figures):
                        yield work, make_figures(work, self._settings.quarter, self._settings.warehouse, self._settings.output)
                    else:
                        running[pool.submit(make, work, KERNEL, execution_timeout=self._settings.seconds)] = work
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    record = future.result()
                    yield running.pop(future), record
        except BrokenProcessPool:
            suspects += running.values()
        except (KeyboardInterrupt, GeneratorExit):
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Nothing outlives :meth:`work`."""


def _settle(log: Path) -> None:
    """Leave Ctrl-C to the parent; send what kernels write on stderr to a log, not over the bar."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ[STILL] = "1"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 2)
