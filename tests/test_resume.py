"""A run that is killed, whatever is killed and whenever, is taken up by the same command: the result is the same, byte for byte."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import small
from qpv import batch
from qpv.batch.journal import JournalError, journal_of
from qpv.errors import ParameterError

#: So many runs, in each of which two briefs and the nursery are killed, and then the run or the machine: twenty kills.
RUNS = 5
THEMES = ("revenue", "health")


def children(pid: int) -> list[int]:
    """List the processes that a process started, and those that they did."""
    try:
        own = [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text("ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return own + [c for child in own for c in children(child)]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for its end to be noted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, embedded_folder: Path) -> tuple[Path, Path]:
    """The notebooks, and what a run leaves that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    notebooks = small.notebooks(folder / "notebooks", THEMES)
    with small.start(notebooks, embedded_folder, folder / "outputs", THEMES) as run:
        assert run.wait(200) == 0
    return notebooks, folder / "outputs"


def test_twenty_kills_at_random_moments_change_not_a_byte(
    whole: tuple[Path, Path], tmp_path: Path, embedded_folder: Path
) -> None:
    notebooks, expected = whole
    outputs, quarter = tmp_path / "outputs", tmp_path / "outputs" / "2026-T3"
    log = notebooks.with_name("run.log")
    chance = random.Random(20)
    for turn in range(RUNS):
        with small.start(notebooks, embedded_folder, outputs, THEMES) as run:
            assert run.stdout is not None
            for victim in ("brief", "brief", "nursery"):
                assert run.stdout.readline(), log.read_text("utf-8")
                time.sleep(chance.uniform(0, 0.2))
                nursery, *briefs = children(run.pid)
                # A brief that is killed from outside is made again; a nursery, with all that it was making, is started again.
                kill([nursery] if victim == "nursery" else briefs[:1])
            assert run.stdout.readline(), log.read_text("utf-8")
            time.sleep(chance.uniform(0, 0.2))
            machine = turn % 2
            kill([run.pid, *(children(run.pid) if machine else [])])
            run.wait(60)
        if machine:  # what was written last is torn
            journal = quarter / "run.jsonl"
            journal.write_bytes(journal.read_bytes()[: -chance.randint(1, 400)])
            page = chance.choice(sorted(quarter.glob("*/*.html")))
            page.write_bytes(b"")
            (page.parent / f".{page.name}.1.tmp").write_bytes(b"half")
    with small.start(notebooks, embedded_folder, outputs, THEMES) as run:
        assert run.wait(200) == 0
    assert small.content(outputs) == small.content(expected)


def test_second_run_on_a_folder_is_refused_and_names_the_first(whole: tuple[Path, Path], embedded_folder: Path) -> None:
    notebooks, outputs = whole
    tasks = small.plan(notebooks, embedded_folder, outputs, THEMES)
    with (
        journal_of(outputs / "2026-T3"),
        pytest.raises(ParameterError, match=rf"process {os.getpid()} on .* is making briefs there"),
    ):
        batch.run(tasks, jobs=1)
    assert [r.skipped for r in batch.run(tasks, jobs=1)] == [True, True], "the lock ends with the run that held it"


def test_lock_of_a_run_that_was_killed_holds_nobody_up(whole: tuple[Path, Path], tmp_path: Path, embedded_folder: Path) -> None:
    notebooks, _ = whole
    with small.start(notebooks, embedded_folder, tmp_path, THEMES) as run:
        assert run.stdout is not None
        assert run.stdout.readline()
        assert (tmp_path / "2026-T3" / "run.lock").exists()
        kill([run.pid, *children(run.pid)])
    tasks = small.plan(notebooks, embedded_folder, tmp_path, ["health"])
    assert [r.status for r in batch.run(tasks, jobs=1)] == ["degraded"]
    assert not (tmp_path / "2026-T3" / "run.lock").exists()


def test_ctrl_c_ends_all_processes_and_keeps_what_was_made(
    whole: tuple[Path, Path], tmp_path: Path, embedded_folder: Path
) -> None:
    notebooks, _ = whole
    with small.start(notebooks, embedded_folder, tmp_path, THEMES) as run:
        assert run.stdout is not None
        assert run.stdout.readline()
        started = children(run.pid)
        assert started
        run.send_signal(signal.SIGINT)
        try:
            assert run.wait(30) != 0
        except subprocess.TimeoutExpired:  # pragma: no cover
            run.kill()
            raise
    assert not [pid for pid in started if alive(pid)]
    assert (tmp_path / "2026-T3" / "run.jsonl").read_bytes().count(b"\n") >= 1


def test_journal_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with journal_of(tmp_path) as journal, open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123  a device
        journal._stream = full
        with pytest.raises(JournalError, match=r"run\.jsonl cannot be written \(No space left on device\): make room"):
            journal.append(batch.Record("QN06254M", "revenue", "ok"), "key")
