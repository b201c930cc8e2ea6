"""What the documentation tells a reader to type: its fenced shell blocks, command by command."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:\.venv/bin/)?qpv (?:briefs|pdf|export|data)[^`\n]*|make [a-z]+[^`\n]*)`")


@dataclass(frozen=True)
class Command:
    """One line to type, and the page that says so."""

    page: str
    line: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)


def commands(page: Path) -> list[Command]:
    """Give the lines of a page's shell blocks, in order."""
    blocks = _FENCE.findall(page.read_text("utf-8"))
    lines = [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
    return [Command(page.relative_to(ROOT).as_posix(), line) for line in lines if line and not line.startswith("#")]


def mentions(page: Path) -> list[Command]:
    """Give the commands that a page names within its sentences."""
    return [Command(page.relative_to(ROOT).as_posix(), line) for line in _INLINE.findall(page.read_text("utf-8"))]
