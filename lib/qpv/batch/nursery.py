"""A small warm process that forks one child a brief: everything heavy is imported and opened once.

``python -m qpv.batch.nursery`` reads orders on its standard input and answers on its standard output, one
JSON object a line (:mod:`qpv.batch.crew` speaks with it).  It has no thread and no socket, so that a child
begins as a whole copy of it, and shares its memory until it writes.  Each child is alone in a process group,
with limits of its own; whatever it does to itself harms neither its parent nor the others.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from qpv.engine.child import end_with_parent

#: How often, in seconds, it looks for children that ended without a word, and for those that take too long.
_TICK: Final = 0.05


@dataclass
class _Child:
    order: int
    pid: int
    pipe: int
    deadline: float
    said: bytearray = field(default_factory=bytearray)
    late: bool = False


class Nursery:
    """Forks, watches and buries children; ``orders`` and ``answers`` are the streams from and to the one who orders."""

    def __init__(self, settings: dict[str, Any], orders: int, answers: int) -> None:
        self._settings = settings
        self._orders, self._answers = orders, answers
        self._children: dict[int, _Child] = {}

    def serve(self) -> None:
        """Take orders until their stream ends; then kill what still runs."""
        buffer = bytearray()
        try:
            while True:
                pipes = [child.pipe for child in self._children.values()]
                ready, _, _ = select.select([self._orders, *pipes], [], [], _TICK if pipes else None)
                if self._orders in ready:
                    chunk = os.read(self._orders, 1 << 16)
                    if not chunk:
                        return
                    buffer += chunk
                    *lines, buffer = buffer.split(b"\n")  # type: ignore[assignment]
                    for line in lines:
                        self._begin(json.loads(line))
                for child in list(self._children.values()):
                    self._look_at(child, child.pipe in ready)
        finally:
            for child in self._children.values():
                _kill(child.pid)

    def _begin(self, order: dict[str, Any]) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            # Held open by a child, the streams of its parent would outlive that one.
            for stream in (reading, self._answers, self._orders, *(c.pipe for c in self._children.values())):
                os.close(stream)
            _live(order, self._settings, writing, parent)
        os.close(writing)
        self._children[order["order"]] = _Child(order["order"], pid, reading, time.monotonic() + self._settings["seconds"])

    def _look_at(self, child: _Child, speaks: bool) -> None:
        chunk = os.read(child.pipe, 1 << 16) if speaks else b""
        child.said += chunk
        # A grandchild may hold the pipe open, and a child may end without a word: its end is what counts.
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid:
            self._bury(child, status)
        elif not child.late and time.monotonic() > child.deadline:
            child.late = True
            _kill(child.pid)

    def _bury(self, child: _Child, status: int) -> None:
        # What is in the pipe is all that it said; a grandchild may keep it open.
        while select.select([child.pipe], [], [], 0)[0] and (chunk := os.read(child.pipe, 1 << 16)):
            child.said += chunk
        os.close(child.pipe)
        del self._children[child.order]
        _kill(child.pid)  # what it started and left behind
        code = os.waitstatus_to_exitcode(status)
        answer: dict[str, Any] = {"order": child.order, "late": child.late, "exit": code}
        if code == 0 and child.said.endswith(b"\n"):
            answer["done"] = json.loads(child.said)
        say(self._answers, answer)


def say(stream: int, message: dict[str, Any]) -> None:
    """Write one line."""
    content = json.dumps(message).encode() + b"\n"
    while content:
        content = content[os.write(stream, content) :]


def _kill(group: int) -> bool:
    """Kill a child and all that it started; tell whether there was anything left to kill."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nothing left; a system may say so either way
        return False
    return True


def _live(order: dict[str, Any], settings: dict[str, Any], pipe: int, parent: int) -> None:
    """Be a child: make one brief, say what became of it, and end without the parent's farewells."""
    code = 1
    try:
        os.setpgid(0, 0)
        end_with_parent(parent)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _limit_memory(settings["megabytes"])
        say(pipe, _do(order, settings))
        code = 0
    finally:
        os._exit(code)


def _do(order: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    from qpv.batch.figures import make_figures
    from qpv.batch.making import WARM, make
    from qpv.batch.task import Figures, Task
    from qpv.digests import Reads
    from qpv.warehouse import opened, pointed

    if "figures" in order:
        return vars(
            make_figures(Figures(*order["figures"]), settings["quarter"], settings["warehouse"], Path(settings["output"]))
        )
    task = Task.from_json(order["task"])
    if pointed(task.warehouse) is not None:  # without a warehouse, the notebook itself says so
        opened(task.warehouse).reads = Reads()
    return vars(make(task, WARM, in_place=True))


def _limit_memory(megabytes: int) -> None:
    """Allow so much more than what the parent already holds."""
    held = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    most = held + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def prepare(settings: dict[str, Any]) -> None:
    """Import, open and compute what every brief of the run needs."""
    import pyarrow as pa

    from qpv.batch.warming import warm
    from qpv.engine import prepare as prepare_shell

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    prepare_shell()
    warm(settings["warehouse"], settings["quarter"], settings["kinds"], settings["codes"])
    prepare_shell()  # once more: what the warming imported decides what the shell must bring along
    gc.collect()
    # Children are short and die whole: a collection would only copy the pages that they share with their parent.
    gc.freeze()
    gc.disable()


def main() -> None:
    """Settle, read the settings, get warm, serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who orders, who then closes the orders
    end_with_parent(os.getppid())
    orders, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what a library prints goes to the log, not among the answers
    settings = bytearray()
    while not settings.endswith(b"\n"):
        chunk = os.read(orders, 1)
        if not chunk:
            return
        settings += chunk
    told = json.loads(settings)
    prepare(told)
    say(answers, {"ready": os.getpid()})
    Nursery(told, orders, answers).serve()


if __name__ == "__main__":
    main()
    sys.exit(0)
