"""What the tests of the command share: a project folder of its own, and what a command said."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from qpv import cli


def request(**options: str) -> list[str]:
    """Write a request for one brief, with other options where given."""
    given = {"raw": "data/raw", "quarter": "2026-T3", "territory": "QN06225M", "theme": "revenue"} | options
    return ["briefs", *(word for name, value in given.items() for word in (f"--{name}", value))]


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and its words, line breaks of the terminal undone."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """A project folder of its own, with the embedded data alone."""

    root: Path

    @property
    def warehouse(self) -> Path:
        return self.root / "data" / "warehouse"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "qpv.cli", *words]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}

    def process(self, *words: str) -> Said:
        """Run the command as a shell does, in a process of its own."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.root, env=self.environment(), capture_output=True, text=True, encoding="utf-8", timeout=250, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def qpv(self, *words: str) -> Said:
        """Run the command's entry point here, which spares the imports; for all that starts no kernel."""
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        argv = mock.patch.object(sys, "argv", ["qpv", *words])
        with argv, contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
            except SystemExit as ending:
                code = ending.code or 0
        assert isinstance(code, int)
        return Said(code, out.getvalue(), err.getvalue())

    def briefs(self, **options: str) -> Said:
        """Ask for briefs in a way that is refused before any kernel starts."""
        return self.qpv(*request(**options))

    def fingerprint(self) -> dict[str, str]:
        """Digest every file of the warehouse."""
        files = [p for p in sorted(self.warehouse.rglob("*")) if p.is_file()]
        return {p.relative_to(self.warehouse).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def refused(said: Said) -> str:
    """Check that a command ended as bad input ends; give its message."""
    assert said.code == 2, said
    assert "Traceback" not in said.err + said.out
    assert said.err.startswith("erreur : ")
    assert len(said.err.splitlines()) == 1
    return said.err
