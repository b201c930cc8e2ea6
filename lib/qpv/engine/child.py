"""The process in which a notebook runs: forked, isolated, watched; and the same without a fork."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import logging
import os
import queue
import random
import signal
import sys
import time
import traceback
import warnings
import weakref
from collections import deque
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, NoReturn

from nbclient.exceptions import DeadKernelError

from qpv.engine.messages import Message, Recorder
from qpv.engine.shell import WarmKernel, discard, prepare, take_over
from qpv.engine.streams import NAMES, Capture

#: Seconds that a process has to end by itself, running the hooks that cells gave to ``atexit``.
GRACE: Final = 5.0
#: How often, in seconds, it is looked whether the process lives, where no end of its pipe tells.
WATCH: Final = 0.5
_PR_SET_PDEATHSIG: Final = 1


class Channel:
    """One of the two channels that nbclient listens to."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.messages: deque[Message] = deque()

    async def get_msg(self, timeout: float | None = None) -> Message:
        """Wait for a message.

        Raises
        ------
        queue.Empty
            If none came in time.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self.messages:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise queue.Empty
            await self._link.more(left)
        return self.messages.popleft()


class Link:
    """What nbclient takes for a kernel's client and its manager."""

    def __init__(self) -> None:
        self.session = Recorder()
        self.iopub_channel, self.shell_channel = Channel(self), Channel(self)
        self.capture = Capture()
        self.died = asyncio.Event()
        self.cause = ""
        self.request: Message = {}

    def ask(self, code: str, store_history: bool, stop_on_error: bool) -> Message:
        """Write the request to run a cell."""
        content = {"code": code, "silent": False, "store_history": store_history, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": stop_on_error}
        self.request = self.session.msg("execute_request", content)
        return self.request

    def sort(self, message: Message) -> None:
        """Put a message into its channel."""
        channel = self.shell_channel if message["msg_type"] == "execute_reply" else self.iopub_channel
        channel.messages.append(self.session.opened(message))

    async def more(self, timeout: float | None) -> None:
        """Wait until something happens, or for a time."""
        await asyncio.wait([asyncio.ensure_future(self.died.wait())], timeout=timeout)

    def is_alive(self) -> bool:
        """Say whether the process lives."""
        return not self.died.is_set()

    def end(self) -> None:
        """Do nothing: whoever forked this process ends it."""

    def dead(self) -> DeadKernelError:
        """Give the error that says of what the process died."""
        return DeadKernelError(f"Kernel died: the notebook's process {self.cause or 'was ended'}")

    def last_words(self) -> list[Message]:
        """Give what was written and not sent before the process ended."""
        texts = {name: self.capture.take(name, final=True) for name in NAMES}
        return [
            self.session.msg("stream", {"name": name, "text": text}, parent=self.request) for name, text in texts.items() if text
        ]


class InPlace(Link):
    """Cells run in this very process, which whoever asked for it throws away afterwards."""

    def __enter__(self) -> InPlace:
        self._kernel = prepare()
        self._running = self._kernel.running(self.capture, self.sort)
        self._running.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._running.__exit__(*error)
        self.capture.close()
        discard()

    async def execute(self, code: str, store_history: bool = True, stop_on_error: bool = True) -> str:
        """Run a cell to its end; give the identifier of the request."""
        request = self.ask(code, store_history, stop_on_error)
        await self._kernel.execute(request)
        return str(request["msg_id"])


class Child(Link):
    """Cells run in a fork of this process."""

    def __enter__(self) -> Child:
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
            _live(requests, replies, (self._requests, self._replies), self.capture)
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


def _live(requests: Connection, replies: Connection, others: tuple[Connection, ...], capture: Capture) -> NoReturn:
    """Serve requests until there are no more; never come back."""
    code = 1
    try:
        _stand_alone()
        for connection in others:
            connection.close()
        _forget_parent()
        kernel = take_over()
        with kernel.running(capture, replies.send):
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
        await kernel.execute(request)


def _stand_alone() -> None:
    """Lead a session of one's own, without terminal, that ends with the parent's thread."""
    parent = os.getppid()
    os.setsid()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
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
