"""What became of every brief of a quarter, written as it happens: a run that was cut short goes on from there.

``run.jsonl`` gets one line a brief, appended by the one process that holds its lock; of two lines on one
brief the later counts.  A line that was cut short is no line: the brief is made again.  ``run.json``, for
readers, is written when a run ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from qpv.atomic import opened_atomically, write_atomically
from qpv.batch.task import FIGURES, Record
from qpv.errors import ParameterError, QpvError
from qpv.vocabulary import BRIEF_KINDS

FILE: Final = "run.jsonl"
_LOCK: Final = "run.lock"

Name = tuple[str, str]


class JournalError(QpvError):
    """What became of a brief cannot be written down."""


@dataclass
class Journal:
    """The journal of a quarter, open for one process."""

    folder: Path
    _lines: dict[Name, str] = field(repr=False)  # texts, not objects: ten thousand of them are parsed one at a time
    _stream: IO[bytes] = field(repr=False)

    def entry(self, name: Name) -> dict[str, Any] | None:
        """Give what was last written on a brief: ``key`` and the fields of :class:`Record`."""
        line = self._lines.get(name)
        return None if line is None else dict(json.loads(line))

    def append(self, record: Record, key: str) -> None:
        """Write what became of a brief; it is with the system when this returns.

        Raises
        ------
        JournalError
            If it cannot be written: the disk is full, or gone.
        """
        content = record.public() | {"reads": record.reads, "build": record.build, "key": key}
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        try:
            self._stream.write(line.encode() + b"\n")
            self._stream.flush()
        except OSError as error:
            raise JournalError(
                f"{FILE} cannot be written ({error.strerror}): make room, then the same command goes on from here"
            ) from error
        self._lines[record.qpv, record.theme] = line

    def records(self) -> Iterator[Record]:
        """Give the last record of every brief whose page is there, or that failed; by territory, in the order of the kinds."""
        for qpv, theme in sorted(self._lines, key=_order):
            if theme != FIGURES:
                told = json.loads(self._lines[qpv, theme])
                record = _record(told)
                if record.status == "failed" or (self.folder / qpv / f"{theme}.html").exists():
                    yield record

    def publish(self, quarter: str, territory: str) -> None:
        """Write ``run.json``: one object a brief, of this run and of earlier ones of the quarter."""
        briefs = [r.public() for r in self.records()]
        content = {"quarter": quarter, "territory": territory, "briefs": briefs}
        write_atomically(self.folder / "run.json", json.dumps(content, ensure_ascii=False, indent=1))


def published(folder: Path) -> list[Record]:
    """Read the records of ``run.json``; none where there is none, or one of another version."""
    try:
        told = json.loads((folder / "run.json").read_text("utf-8"))["briefs"]
        return [_record(brief) for brief in told]
    except (OSError, ValueError, KeyError, TypeError):
        return []


@contextmanager
def journal_of(folder: Path) -> Iterator[Journal]:
    """Open the journal of a quarter, for one process at a time.

    Raises
    ------
    ParameterError
        If the folder cannot be written, or another run is at work in it; the message names that run.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _taken(folder)
    except OSError as error:
        raise ParameterError(
            f"{folder.name!r}: briefs cannot be written there ({error.strerror}): give another --output"
        ) from error
    try:
        lines = _read(folder / FILE)
        with opened_atomically(folder / FILE) as compact:
            compact.write("".join(f"{line}\n" for line in lines.values()).encode())
        with (folder / FILE).open("ab") as stream:
            yield Journal(folder, lines, stream)
    finally:
        (folder / _LOCK).unlink(missing_ok=True)
        lock.close()


def _taken(folder: Path) -> IO[str]:
    """Take the lock of a folder, which ends with the process, however that ends."""
    path = folder / _LOCK
    while True:
        stream = path.open("a+")
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read(200).strip() or "another process"
            stream.close()
            raise ParameterError(
                f"{folder.name!r}: {holder} is making briefs there: wait until it ends, or give another --output"
            ) from error
        # The one that held it may have removed the file between our opening and our locking it.
        if path.exists() and os.fstat(stream.fileno()).st_ino == path.stat().st_ino:
            break
        stream.close()
    stream.truncate(0)
    stream.write(f"process {os.getpid()} on {platform.node()}")
    stream.flush()
    return stream


def _read(path: Path) -> dict[Name, str]:
    """Give the last whole line on each brief."""
    lines: dict[Name, str] = {}
    if path.exists():
        for raw in path.read_bytes().split(b"\n"):
            try:
                told = json.loads(raw)
                lines[str(told["qpv"]), str(told["theme"])] = raw.decode()
            except (ValueError, KeyError, TypeError):  # cut short, or not ours: the brief will be made again
                continue
    return lines


def _record(told: dict[str, Any]) -> Record:
    known = {name: told[name] for name in Record.__dataclass_fields__ if name in told}
    return Record(**known)


def _order(name: Name) -> tuple[str, int]:
    return name[0], BRIEF_KINDS.index(name[1]) if name[1] in BRIEF_KINDS else len(BRIEF_KINDS)
