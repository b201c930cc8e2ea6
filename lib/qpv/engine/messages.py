"""A session that hands its messages to a function, instead of sending them over sockets."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final

from jupyter_client.session import Session
from papermill.log import logger

#: A message of the Jupyter protocol; its content is packed (JSON in bytes) until `opened`.
Message = dict[str, Any]
Deliver = Callable[[Message], None]

NO_WIDGETS: Final = (
    "this notebook opens a comm (a widget), which needs a kernel and a front end: "
    "run it with papermill's default engine, --engine nbclient instead of qpv-warm"
)


class WidgetError(RuntimeError):
    """A notebook asks for a widget, which only a real kernel can serve."""


def _nowhere(message: Message) -> None:
    """Drop what is sent while no cell runs."""


class Recorder(Session):
    """Messages are made and packed as any session does, then delivered within this process or over a pipe.

    Packing stays, although nothing may leave the process: it is what turns a tuple into a list, or
    refuses what is not JSON, as for a kernel.
    """

    deliver: Deliver = staticmethod(_nowhere)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._one_at_a_time = threading.Lock()

    def send(  # type: ignore[override]
        self, stream: Any, msg_or_type: Message | str, content: Any = None, parent: Any = None, ident: Any = None,
        buffers: Any = None, track: bool = False, header: Any = None, metadata: Any = None,
    ) -> Message | None:  # fmt: skip
        """Deliver a message; those of a process that a cell has forked are dropped, as a kernel does.

        Raises
        ------
        WidgetError
            If the message belongs to a widget.
        """
        kind = msg_or_type if isinstance(msg_or_type, str) else msg_or_type["msg_type"]
        if kind.startswith("comm_"):
            raise WidgetError(NO_WIDGETS)
        if isinstance(msg_or_type, str):
            message = self.msg(msg_or_type, content=content, parent=parent, header=header, metadata=metadata)
        else:
            message = msg_or_type
        if os.getpid() != self.pid:
            logger.warning("a process that a cell has forked cannot show anything: %s", kind)
            return None
        packed = self.pack(message["content"])
        with self._one_at_a_time:
            self.deliver({**message, "content": packed, "buffers": []})
        return message

    def opened(self, message: Message) -> Message:
        """Give a delivered message with its content unpacked."""
        return {**message, "content": self.unpack(message["content"])}
