"""What nbclient takes for a kernel: two channels of messages, and in the simplest case this very process behind them."""

from __future__ import annotations

import asyncio
import queue
import time
from collections import deque
from typing import Any

from nbclient.exceptions import DeadKernelError

from qpv.engine.messages import Message, Recorder
from qpv.engine.shell import discard, prepare
from qpv.engine.streams import NAMES, Capture


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
        if self._kernel.interactive.exit_now:
            self.cause = "was left by exit()"
            raise self.dead()
        await self._kernel.execute(request)
        return str(request["msg_id"])
