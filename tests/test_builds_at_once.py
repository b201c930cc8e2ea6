"""Several builds at once, builds that are killed, and what they leave."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import qpv.build
import qpv.publication
from conftest import ROOT
from qpv.build import build
from qpv.publication import workplace
from qpv.schemas import CROSSWALK, TERRITORIES, check
from qpv.vocabulary import THEMES_FR
from qpv.warehouse import Warehouse

DATA = ROOT / "data"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the project's data that a test may change."""
    for name in ("catalog", "contracts", "reference"):
        shutil.copytree(DATA / name, tmp_path / "data" / name)
    return tmp_path / "data"


def everything(warehouse: Warehouse) -> pd.DataFrame:
    return pd.concat([warehouse.observations(t) for t in THEMES_FR], ignore_index=True)


# --- Several at once, and killed -----------------------------------------------------------------

#: Fresh processes that have imported the library already: a build is then all that they do.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["qpv.build", "qpv.warehouse"])


def build_after(moment: float, data: Path, target: Path) -> None:
    """Wait for a common start, then build."""
    time.sleep(max(0.0, moment - time.time()))
    build(data, [], target)


def started(data: Path, target: Path, moment: float = 0.0) -> multiprocessing.process.BaseProcess:
    process = PROCESSES.Process(target=build_after, args=(moment, data, target))
    process.start()
    return process


def with_count(data: Path, copy: Path, count: int) -> Path:
    """Copy the data with another figure: another digest."""
    shutil.copytree(data, copy, dirs_exist_ok=True)
    file = copy / "contracts" / "200090751" / "revenue.csv"
    text = (data / "contracts" / "200090751" / "revenue.csv").read_text("utf-8")
    assert ",2015,1273,count" in text
    file.write_text(text.replace(",2015,1273,count", f",2015,{count},count"), "utf-8")
    return copy


def count_in(target: Path) -> int:
    """The figure that tells the builds apart, from a warehouse that is checked on the way."""
    warehouse = Warehouse(target)
    check(warehouse.territories, TERRITORIES)
    check(warehouse.crosswalk, CROSSWALK)
    for theme in THEMES_FR:
        assert len(warehouse.observations(theme, columns=["value"])) > 0
    rows = warehouse.observations("revenue", [("territory", "==", "QP062056"), ("indicator", "==", "rsa_recipients_count")])
    (value,) = rows.loc[rows["period"] == "2015", "value"]
    return int(value)


def left_behind(target: Path) -> set[str]:
    return {p.name for p in target.iterdir() if p.name.startswith(".") and p.name != ".lock"}


def test_two_builds_of_the_same_data_at_once_both_succeed(tmp_path: Path) -> None:
    both = [started(DATA, tmp_path, time.time() + 1) for _ in range(2)]
    for process in both:
        process.join(120)
    assert [p.exitcode for p in both] == [0, 0]
    assert count_in(tmp_path) == 1273
    assert left_behind(tmp_path) == set()
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 1


def test_builds_of_different_data_at_once_all_succeed_and_one_of_them_is_in_use(data: Path, tmp_path: Path) -> None:
    target, moment = tmp_path / "w", time.time() + 1.5
    copies = [with_count(data, tmp_path / f"data-{n}", n) for n in (1301, 1302, 1303)]
    all_ = [started(copy, target, moment) for copy in copies]
    for process in all_:
        process.join(180)
    assert [p.exitcode for p in all_] == [0, 0, 0]
    assert count_in(target) in (1301, 1302, 1303)
    assert left_behind(target) == set()
    assert len([p for p in target.iterdir() if p.is_dir()]) <= 2


def build_until(seconds: float, data: Path, target: Path) -> None:
    """Build, and be killed once so much CPU time was used: clocks on the wall say little on a busy machine."""

    def watch() -> None:
        while time.process_time() - start < seconds:
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGKILL)

    start = time.process_time()
    threading.Thread(target=watch, daemon=True).start()
    build(data, [], target)
    (target.parent / "seconds").write_text(str(time.process_time() - start))


def test_a_build_killed_at_20_random_moments_leaves_a_warehouse_and_the_next_build_works(data: Path, tmp_path: Path) -> None:
    target, chance = tmp_path / "w", random.Random(20260)
    for count in (1273, 1274):  # the second finds what the first has imported
        first = PROCESSES.Process(target=build_until, args=(600, with_count(data, tmp_path / "other", count), target))
        first.start()
        first.join(120)
        assert first.exitcode == 0
    whole, killed = float((tmp_path / "seconds").read_text()), 0
    for count in range(2_000, 2_040):
        if killed == 20:
            break
        # Half of the moments fall where files are written and renamed: at the end, which some builds reach before.
        moment = whole * (chance.uniform(0, 0.9) if count % 2 else chance.uniform(0.7, 1))
        process = PROCESSES.Process(target=build_until, args=(moment, with_count(data, tmp_path / "other", count), target))
        process.start()
        process.join(120)
        killed += process.exitcode == -signal.SIGKILL
        assert count_in(target) in {1274, *range(2_000, count + 1)}
    assert killed == 20
    report = build(with_count(data, tmp_path / "other", 1_999), [], target)
    assert (report.fresh, count_in(target)) == (True, 1_999)
    assert left_behind(target) == set(), "the next build sweeps what the killed ones left"


@pytest.mark.parametrize("step", ["_write", "publish", "point_to"])
def test_a_process_that_dies_between_two_steps_leaves_the_old_build_or_the_new_one(data: Path, tmp_path: Path, step: str) -> None:
    target = tmp_path / "w"
    build(data, [], target)
    process = PROCESSES.Process(target=die_at, args=(step, with_count(data, tmp_path / "other", 1400), target))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert count_in(target) == 1273
    if step != "point_to":
        assert any(name.startswith(".build-") for name in left_behind(target))
    report = build(tmp_path / "other", [], target)
    assert report.fresh == (step != "point_to"), "what was whole is used"
    assert count_in(target) == 1400
    build(with_count(data, tmp_path / "third", 1401), [], target)
    assert left_behind(target) == set()


def die_at(step: str, data: Path, target: Path) -> None:
    """Build, and be killed when a step begins."""

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(qpv.publication if step == "point_to" else qpv.build, step, die)
    build(data, [], target)


def test_the_scratch_folder_of_a_build_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    with workplace(tmp_path) as scratch:
        (scratch / "half.parquet").write_bytes(b"PAR1")
        (tmp_path / ".build-killed").mkdir()
        (tmp_path / ".CURRENT-99999").write_text("x")
        build(DATA, [], tmp_path)
        assert left_behind(tmp_path) == {scratch.name}
        assert (scratch / "half.parquet").exists()
    assert left_behind(tmp_path) == set()


def test_half_a_build_under_its_digest_is_never_taken_for_a_whole_one(data: Path, tmp_path: Path) -> None:
    path = build(data, [], tmp_path / "w").path
    (path / "meta.json").unlink()
    (path / "territories.parquet").unlink()
    assert build(data, [], tmp_path / "w").fresh
    assert count_in(tmp_path / "w") == 1273
    assert left_behind(tmp_path / "w") == set()
