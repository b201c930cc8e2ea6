"""The process in which a notebook runs: forked, isolated, watched."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import faulthandler
import logging
import os
import random
import signal
import sys
import time
import traceback
import warnings
import weakref
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, NoReturn

from qpv.engine.link import Link
from qpv.engine.shell import WarmKernel, prepare
from qpv.engine.streams import Capture

#: Seconds that a process has to end by itself, running the hooks that cells gave to ``atexit``.
GRACE: Final = 5.0
#: How often, in seconds, it is looked whether the process lives, where no end of its pipe tells.
WATCH: Final = 0.5
_PR_SET_PDEATHSIG: Final = 1


class Child(Link):
    """Cells run in a fork of this process."""

    def __enter__(self) -> Child:
        kernel = prepare()
        requests, self._requests = Pipe(duplex=False)
        self._replies, replies = Pipe(duplex=False)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # else the child would have it to write too
        with warnings.catch_warnings():
            # Python warns of forks among threads; the child runs nothing that waits for one of them.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _live(requests, replies, (self._requests, self._replies), kernel, self.capture)
        requests.close()
        replies.close()
        self._status: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        return self

    def __exit__(self, *error: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._replies.fileno())
        self._requests.close()  # which tells the child to end
        end = time.monotonic() + (GRACE if error[0] is None else 0.0)
        while not self._reap() and time.monotonic() < end:
            time.sleep(0.002)
        self.end()
        self._replies.close()
        self.capture.close()

    def end(self) -> None:
        """Kill the process and those that it started."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            _kill(self.pid if self._status is None else None)  # its group is not there yet, or all are gone
        while not self._reap():
            time.sleep(0.002)

    def _reap(self) -> bool:
        """Say whether the process has ended."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has waited for it
                pid, status = self.pid, 0
            if pid:
                self._status = status
        return self._status is not None

    async def execute(self, code: str, store_history: bool = True, stop_on_error: bool = True) -> str:
        """Ask for a cell to be run; give the identifier of the request."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._news = self._loop.create_future()
            self._loop.add_reader(self._replies.fileno(), self._receive)
        request = self.ask(code, store_history, stop_on_error)
        try:
            self._requests.send(request)
        except BrokenPipeError:
            self._bury()
        return str(request["msg_id"])

    def interrupt_kernel(self) -> None:
        """Interrupt the cell, as Ctrl-C does."""
        os.kill(self.pid, signal.SIGINT)

    async def more(self, timeout: float | None) -> None:
        """Wait for messages or the end of the process."""
        if self.died.is_set():
            await asyncio.sleep(3600 if timeout is None else timeout)
            return
        await asyncio.wait([self._news], timeout=WATCH if timeout is None else min(timeout, WATCH))
        if not self._news.done() and self._reap():
            self._receive()
            self._bury()

    def _receive(self) -> None:
        """Sort what has come."""
        try:
            while self._replies.poll():
                self.sort(self._replies.recv())
        except (EOFError, OSError):
            self._bury()
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        if not news.done():
            news.set_result(None)

    def _bury(self) -> None:
        """Say of what the process died."""
        if self.died.is_set():
            return
        assert self._loop is not None
        self._loop.remove_reader(self._replies.fileno())
        end = time.monotonic() + GRACE
        while not self._reap() and time.monotonic() < end:
            time.sleep(0.002)
        self.end()
        self.cause = _in_words(self._status or 0)
        self.died.set()


def _kill(pid: int | None) -> None:
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def _in_words(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


# --- in the child ------------------------------------------------------------------------------------


def _live(
    requests: Connection, replies: Connection, others: tuple[Connection, ...], kernel: WarmKernel, capture: Capture
) -> NoReturn:
    """Serve requests until there are no more; never come back."""
    code = 1
    try:
        _stand_alone()
        for connection in others:
            connection.close()
        _forget_parent()
        with kernel.running(capture, replies.send):
            faulthandler.enable(2)  # where it crashed is among the last words
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            loop.run_until_complete(_serve(kernel, requests))
            atexit._run_exitfuncs()
        code = 0
    except BaseException:  # noqa: BLE001  whatever it is, the parent's code must not run here
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


async def _serve(kernel: WarmKernel, requests: Connection) -> None:
    """Run cells as they are asked for; between two, the tasks that they started go on, as in a kernel."""
    loop = asyncio.get_running_loop()
    while True:
        asked = loop.create_future()
        loop.add_reader(requests.fileno(), asked.set_result, None)
        await asked
        loop.remove_reader(requests.fileno())
        try:
            request = requests.recv()
        except EOFError:
            return
        if kernel.interactive.exit_now:  # a cell said exit()
            return
        await kernel.execute(request)


def end_with_parent(parent: int) -> None:
    """Ask the system, where it can (Linux), to end this process when its parent does, however that ends.

    ``parent`` is the parent's number as it was known before: one that has ended meanwhile ends this process at once.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _stand_alone() -> None:
    """Lead a session of one's own, without terminal, that ends with the parent's thread."""
    parent = os.getppid()
    os.setsid()
    end_with_parent(parent)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _forget_parent() -> None:
    """Drop what belongs to the parent: its running loop, its exit hooks, its place in a random sequence."""
    asyncio._set_running_loop(None)
    atexit._clear()
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    atexit.register(weakref.finalize._exitfunc)  # type: ignore[attr-defined]
    random.seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    logging.disable(logging.NOTSET)
