"""ipykernel's own kernel and shell, without sockets, threads or a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets.config import Config

from qpv.engine.messages import Deliver, Message, Recorder
from qpv.engine.streams import Capture, Stream

INLINE: Final = "module://matplotlib_inline.backend_inline"

_log = logging.getLogger("qpv.engine.shell")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # a kernel's own log never enters a notebook, whatever the notebook configures


class WarmKernel(IPythonKernel):
    """A kernel that is asked by a call and answers through its session's ``deliver``.

    Everything between a request and its messages is ipykernel's: ``execute_request``, ``do_execute``,
    the refusal of ``input()``, the shell with its display hook, publisher, magics and tracebacks.
    """

    interactive = AnyTrait()  # the shell
    debugger_class = AnyTrait()  # ipykernel's would import the debugger (0.4 s), which talks to a front end

    def __init__(self, **traits: Any) -> None:
        # Past IPythonKernel's own, for the same reason.
        self.recorder = Recorder()
        super(IPythonKernel, self).__init__(session=self.recorder, log=_log, **traits)
        self._execute_sleep = 0.0
        self.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
        self.interactive = ZMQInteractiveShell.instance(parent=self, kernel=self, compiler_class=self.compiler_class)
        self.shell = self.interactive
        for part in (self.interactive.displayhook, self.interactive.display_pub):
            part.session = self.recorder
        self.interactive.displayhook.topic = self._topic("execute_result")
        self.interactive.extension_manager.load_extension("storemagic")
        self.context = contextvars.copy_context()  # cells share one: decimal's precision or numpy's print options stay

    async def execute(self, request: Message) -> None:
        """Run a cell, as an ``execute_request`` asks; its messages and its reply are delivered meanwhile."""
        pid = os.getpid()
        await asyncio.get_running_loop().create_task(self._execute(request), context=self.context)
        if os.getpid() != pid:  # a process that the cell forked and let run on: the rest is not its own
            os._exit(0)

    async def _execute(self, request: Message) -> None:
        self.recorder.pid = os.getpid()
        self.set_parent([], request)
        self._publish_status("busy", "shell", request)
        await self.execute_request(None, [], request)
        if os.getpid() == self.recorder.pid:
            self._publish_status("idle", "shell", request)

    def _abort_queues(self, *subshell: Any) -> None:
        """Queue nothing, abort nothing: the client stops by itself."""

    @contextlib.contextmanager
    def _cancel_on_sigint(self, future: asyncio.Future[Any]) -> Iterator[None]:
        """Let SIGINT end what a cell awaits, not the loop that awaits it."""
        loop = asyncio.get_running_loop()
        before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(future.cancel))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextlib.contextmanager
    def running(self, capture: Capture, deliver: Deliver) -> Iterator[None]:
        """Make of this process the one in which a notebook runs, for as long as it runs."""
        streams = sys.stdout, sys.stderr
        main, environment = sys.modules.get("__main__"), dict(os.environ)
        path, arguments = list(sys.path), list(sys.argv)
        handlers, level = list(logging.root.handlers), logging.root.level
        on_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.default_int_handler) if on_main else None
        self.recorder.pid = os.getpid()
        self.recorder.deliver = deliver
        with capture:
            try:
                sys.stdout, sys.stderr = Stream.pair(self.recorder, capture)  # type: ignore[assignment,arg-type]
                sys.modules["__main__"] = self.interactive.user_module
                _add_current_folder()
                sys.argv[:] = ["ipykernel_launcher.py"]
                self.interactive.init_environment()
                if not os.environ.get("MPLBACKEND"):
                    os.environ["MPLBACKEND"] = INLINE
                logging.root.handlers[:] = []  # of the program that runs the engine
                logging.root.setLevel(logging.WARNING)
                _settle_pyplot(self.interactive)
                yield
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                sys.stdout, sys.stderr = streams
                sys.path[:], sys.argv[:] = path, arguments
                if main is not None:
                    sys.modules["__main__"] = main
                os.environ.clear()
                os.environ.update(environment)
                logging.root.handlers[:] = handlers
                logging.root.setLevel(level)
                if on_main:
                    signal.signal(signal.SIGINT, before)
                self.recorder.deliver = Recorder.deliver


def _add_current_folder() -> None:
    """Put the notebook's folder into the path where a kernel puts it: before the installed packages."""
    if "" in sys.path or sys.flags.safe_path:
        return
    installed = [n for n, entry in enumerate(sys.path) if Path(entry).name in ("site-packages", "dist-packages")]
    sys.path.insert(installed[0] if installed else 0, "")


def _settle_pyplot(shell: InteractiveShell) -> None:
    """Show figures below their cell also where pyplot was imported before there was a notebook."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and os.environ["MPLBACKEND"] == INLINE:
        from matplotlib_inline.backend_inline import configure_inline_support

        pyplot.close("all")
        pyplot.switch_backend(INLINE)
        pyplot.install_repl_displayhook()
        configure_inline_support(shell, INLINE)


_prepared: WarmKernel | None = None


def prepare() -> WarmKernel:
    """Make the kernel once; what is forked afterwards has it at no cost.

    Leaves no thread, socket or open file behind, and this process as it was: environment, path,
    streams, ``__main__``.

    Raises
    ------
    RuntimeError
        If this process already is a kernel's, or an IPython session.
    """
    global _prepared
    if _prepared is None:
        if InteractiveShell.initialized():
            raise RuntimeError("this process already runs an IPython shell; the engine can fork it, not use it")
        _prepared = _make()
    return _prepared


def take_over() -> WarmKernel:
    """Give the kernel of a forked process: the prepared one, else a new one, whatever the parent was."""
    return _prepared or _make()


def discard() -> None:
    """Forget the kernel, after a notebook ran in this very process."""
    global _prepared
    _prepared = None
    _forget_instances()


def _forget_instances() -> None:
    for kind in (IPythonKernel, InteractiveShell):
        while kind.initialized():
            type(kind.instance()).clear_instance()


def _make() -> WarmKernel:
    _forget_instances()
    main, environment = sys.modules.get("__main__"), dict(os.environ)
    config = Config()
    config.HistoryManager.enabled = False  # a database and a thread
    try:
        return WarmKernel.instance(config=config)
    finally:
        os.environ.clear()
        os.environ.update(environment)
        if main is not None:
            sys.modules["__main__"] = main
