"""The work of a batch, handed out to a nursery: what dies is told apart from what fails, and made again where that helps.

A brief that dies is its own fault, unless it was killed from outside (the system was short of memory, an
operator, the nursery itself): then it is made again, alone, twice at most.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qpv.batch.task import Figures, Record, Task, failure
from qpv.errors import QpvError
from qpv.html import STILL

#: Seconds that a brief may take, and megabytes that it may hold beside what all share.
SECONDS: Final = 300
MEGABYTES: Final = 2048

#: How often a brief is begun at most, when it is killed from outside.
_ATTEMPTS: Final = 3
#: Seconds in which a nursery ends its children.
_FAREWELL: Final = 5
_OUTSIDE: Final = (signal.SIGKILL, signal.SIGTERM)


class NurseryError(QpvError):
    """The nursery cannot be started."""


@dataclass(frozen=True)
class Settings:
    """What all briefs of a run have in common."""

    warehouse: Path
    output: Path  # the quarter's folder
    quarter: str
    kinds: tuple[str, ...]
    code: str  # a QPV by which to get warm, or ""
    jobs: int = 1
    seconds: float = SECONDS
    megabytes: int = MEGABYTES
    store: str = ""  # where workers on other machines find the warehouse, when not at the same path

    def as_json(self) -> dict[str, Any]:
        """Give it in plain values, for the nursery."""
        return {
            "warehouse": str(self.warehouse), "output": str(self.output), "quarter": self.quarter, "kinds": list(self.kinds),
            "codes": [self.code] if self.code else [], "seconds": self.seconds, "megabytes": self.megabytes,
        }  # fmt: skip


class Crew:
    """Hands out work to a nursery of which there is one at a time; to be closed."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._nursery: subprocess.Popen[bytes] | None = None
        self._said = bytearray()
        self._ended = 0

    def work(self, waiting: deque[Task | Figures]) -> Iterator[tuple[Task | Figures, Record]]:
        """Do all that waits, also what is added meanwhile; give each with its record when it is done.

        Raises
        ------
        NurseryError
            If the nursery cannot be started.
        """
        running: dict[int, Task | Figures] = {}
        attempts: Counter[Task | Figures] = Counter()
        suspects: deque[Task | Figures] = deque()
        number = 0
        while waiting or running or suspects:
            # A suspect runs alone: if the machine dies again, it is known by whom.
            while (waiting or suspects) and len(running) < (1 if suspects else self._settings.jobs):
                work = suspects.popleft() if suspects and not running else waiting.popleft() if not suspects else None
                if work is None:
                    break
                number += 1
                running[number] = work
                attempts[work] += 1
                self._order(number, work)
            answer = self._answer()
            if answer is None:
                lost = [(work, {"exit": -signal.SIGKILL, "late": False}) for work in running.values()]
                running.clear()
            else:
                lost = [(running.pop(answer["order"]), answer)]
            for work, told in lost:
                if "done" not in told and -told["exit"] in _OUTSIDE and not told["late"] and attempts[work] < _ATTEMPTS:
                    suspects.append(work)
                else:
                    yield work, self._outcome(work, told)

    def _outcome(self, work: Task | Figures, told: dict[str, Any]) -> Record:
        if "done" in told:
            return Record(**told["done"])
        more = f"{self._log.name} en dit plus"
        if told["late"]:
            return failure(work, "TimeoutError", f"arrêté : plus de {self._settings.seconds:g} s")
        if told["exit"] >= 0:
            return failure(work, "Worker", f"le processus a fini avec le code {told['exit']} avant la fin ; {more}")
        killed = signal.Signals(-told["exit"])
        often = f" {_ATTEMPTS} fois" if killed in _OUTSIDE else ""
        return failure(work, "Worker", f"le processus a été tué{often} ({killed.name}) ; {more}")

    def _order(self, number: int, work: Task | Figures) -> None:
        if isinstance(work, Figures):
            self._say({"order": number, "figures": [work.qpv, work.territory, work.kinds]})
        else:
            self._say({"order": number, "task": work.as_json()})

    def _say(self, message: dict[str, Any]) -> None:
        nursery = self._started()
        assert nursery.stdin is not None
        try:
            nursery.stdin.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            nursery.kill()  # it has just died, which is noticed when its answer is awaited

    def _started(self) -> subprocess.Popen[bytes]:
        for _ in range(_ATTEMPTS):
            if self._nursery is not None:
                return self._nursery
            self._start()
            self._say(self._settings.as_json())
            if self._answer() is None and -self._ended not in _OUTSIDE:
                break
        if self._nursery is None:
            raise NurseryError(f"the process that makes briefs does not start (code {self._ended}): {self._log} says why")
        return self._nursery

    def _start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._said = bytearray()
        with self._log.open("ab") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, "-m", "qpv.batch.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0,
                env=os.environ | {STILL: "1", "OMP_NUM_THREADS": "1"}, start_new_session=True,
            )  # fmt: skip

    def _answer(self) -> dict[str, Any] | None:
        """Wait for the next answer; ``None`` when the nursery is dead."""
        nursery = self._nursery
        assert nursery is not None and nursery.stdout is not None
        while b"\n" not in self._said:
            select.select([nursery.stdout], [], [], 1.0)
            chunk = os.read(nursery.stdout.fileno(), 1 << 16)
            if not chunk:
                self._end(nursery)
                return None
            self._said += chunk
        line, _, self._said = self._said.partition(b"\n")
        return dict(json.loads(line))

    def close(self) -> None:
        """End the nursery, and with it all that still runs."""
        if self._nursery is not None:
            self._end(self._nursery)

    def _end(self, nursery: subprocess.Popen[bytes]) -> None:
        """End a nursery, which first ends its children and all that they started."""
        assert nursery.stdin is not None and nursery.stdout is not None
        nursery.stdin.close()
        try:
            nursery.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            nursery.kill()
            nursery.wait()
        nursery.stdout.close()
        self._ended = nursery.returncode
        self._nursery = None
