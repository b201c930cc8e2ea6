"""``sys.stdout`` and ``sys.stderr`` of cells, and what C code and child processes write beside them.

A kernel reads file descriptors 1 and 2 from pipes in threads.  Here they are files in memory, to
which Python's prints go too, so that everything written stays in its order, nothing needs a thread,
and a parent that shares the files can still read what a process wrote before it died.
"""

from __future__ import annotations

import codecs
import io
import os
import tempfile
import time
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from jupyter_client.session import extract_header

from qpv.engine.messages import Message, Recorder

NAMES: Final = ("stdout", "stderr")
#: A kernel sends what was written this many seconds ago, wherever the cell stands.
FLUSH_AFTER: Final = 0.2


def _replaced(error: UnicodeError) -> tuple[bytes, int]:
    """Give � for each lone surrogate, which no message can carry."""
    assert isinstance(error, UnicodeEncodeError)
    return "\ufffd".encode() * (error.end - error.start), error.end


codecs.register_error("qpv-replaced", _replaced)


def _file_in_memory() -> tuple[int, int]:
    """Open an unnamed file twice, to write and to read: each has its own place in it."""
    if hasattr(os, "memfd_create"):
        written = os.memfd_create("cells")
        return written, os.open(f"/proc/self/fd/{written}", os.O_RDONLY | os.O_CLOEXEC)
    written, path = tempfile.mkstemp(prefix="cells-")
    try:
        return written, os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        Path(path).unlink()


class Capture:
    """Two files that take what is written to descriptors 1 and 2.

    A forked process shares the place up to which they were read: whoever reads takes what is new.
    """

    def __init__(self) -> None:
        self.written, self._read = zip(*(_file_in_memory() for _ in NAMES), strict=True)
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in NAMES]
        self.original: tuple[int, ...] = ()

    def __enter__(self) -> Capture:
        """Put the files in the place of descriptors 1 and 2."""
        self.original = tuple(os.dup(fd) for fd in (1, 2))
        for fd, written in zip((1, 2), self.written, strict=True):
            os.dup2(written, fd)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for fd, kept in zip((1, 2), self.original, strict=True):
            os.dup2(kept, fd)
            os.close(kept)
        self.original = ()

    def take(self, name: str, final: bool = False) -> str:
        """Read what was written since the last time."""
        number = NAMES.index(name)
        fd = self._read[number]
        size = os.fstat(fd).st_size
        if os.lseek(fd, 0, os.SEEK_CUR) > size:  # a program opened /dev/stdout anew, which empties it
            os.lseek(fd, 0, os.SEEK_SET)
        pieces = []
        while piece := os.read(fd, 1 << 20):
            pieces.append(piece)
        return self._decoders[number].decode(b"".join(pieces), final)

    def close(self) -> None:
        """Close the files."""
        for fd in (*self.written, *self._read):
            os.close(fd)


class Stream(io.TextIOBase):
    """What a cell sees as ``sys.stdout`` or ``sys.stderr``: ipykernel's ``OutStream`` without its thread."""

    encoding = "UTF-8"  # type: ignore[assignment]
    echo = None

    def __init__(self, session: Recorder, name: str, capture: Capture) -> None:
        self.session, self.name = session, name
        self._capture = capture
        self._written = capture.written[NAMES.index(name)]
        self._parent: ContextVar[Message] = ContextVar("parent_header")
        self._last_parent: Message = {}
        self._pid = os.getpid()
        self._siblings: tuple[Stream, ...] = (self,)
        self._since: float | None = None  # when the oldest text that was not sent was written

    @classmethod
    def pair(cls, session: Recorder, capture: Capture) -> tuple[Stream, Stream]:
        """Make the two streams of a process, which send in the order in which their texts fall due."""
        out, err = (cls(session, name, capture) for name in NAMES)
        out._siblings = err._siblings = (out, err)
        return out, err

    @property
    def parent_header(self) -> Message:
        """The header of the request for which the calling code runs."""
        return self._parent.get(self._last_parent)

    def set_parent(self, parent: Message) -> None:
        """Say for which request code runs from now on."""
        self._last_parent = extract_header(parent)
        self._parent.set(self._last_parent)

    def write(self, string: str) -> int:
        """Take a text; what a task of an earlier cell still writes has no place to go, as with nbclient."""
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if self.parent_header is not self._last_parent:
            return len(string)
        self._flush_due()
        data = string.encode("utf-8", "qpv-replaced")
        while data:
            data = data[os.write(self._written, data) :]
        if self._since is None:
            self._since = time.monotonic()
        return len(string)

    def _flush_due(self) -> None:
        """Send what a kernel's timer would have sent by now."""
        now = time.monotonic()
        due = [s for s in self._siblings if s._since is not None and now - s._since >= FLUSH_AFTER]
        for stream in sorted(due, key=lambda s: s._since or 0.0):
            stream._send()

    def flush(self) -> None:
        """Send what was written; in a process that a cell has forked, leave it to the one that runs the cell."""
        if os.getpid() == self._pid:
            self._flush_due()
            self._send()

    def _send(self) -> None:
        self._since = None
        text = self._capture.take(self.name)
        if text:
            self.session.send(None, "stream", {"name": self.name, "text": text}, parent=self._last_parent)

    def fileno(self) -> int:
        """Give the descriptor that stood here before, as a kernel does."""
        if not self._capture.original:
            raise io.UnsupportedOperation("fileno")
        return self._capture.original[NAMES.index(self.name)]

    def isatty(self) -> bool:
        """Say that this is no terminal."""
        return False

    def writable(self) -> bool:
        """Say that one may write."""
        return True

    def close(self) -> None:
        """Stay open: code of a cell must not end the output of those that follow."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'OutStream' object has no attribute {name!r}")
