"""What a notebook does to its process, it does to nobody else's."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
import qpv.engine
from engines import WARM, notebook, script
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import NBClientEngine
from papermill.exceptions import PapermillExecutionError
from qpv.engine import warm


@pytest.fixture(autouse=True)
def registered() -> None:
    qpv.engine.register()


@pytest.fixture
def fresh() -> Iterator[None]:
    warm.needs_kernel.cache_clear()
    yield
    warm.needs_kernel.cache_clear()


def execute(folder: Path, *cells: str, name: str = "out", **options: Any) -> list[nbformat.NotebookNode]:
    """Run cells in a fork of this process; give them with their outputs, which `folder` keeps."""
    made = papermill.execute_notebook(
        notebook(cells), str(folder / f"{name}.ipynb"), engine_name=WARM, progress_bar=False, request_save_on_cell_execute=False, **options
    )  # fmt: skip
    return list(made.cells)


def kept(folder: Path) -> str:
    """Give what the notebook's streams say in the file that a failed run leaves."""
    cells = nbformat.read(folder / "out.ipynb", 4).cells
    return "".join(o.text for c in cells for o in c.get("outputs", []) if o.output_type == "stream")


def is_gone(pid: int) -> bool:
    """Say whether a process ended, within some seconds; one that nobody has waited for counts as ended."""
    for _ in range(250):
        stat = Path(f"/proc/{pid}/stat")
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def children() -> list[str]:
    return [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


def _count(what: str) -> int:
    return len(list(Path("/proc/self", what).iterdir()))


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import os; os._exit(3)", "ended with exit code 3"), ("import os; os._exit(0)", "ended with exit code 0"),
        ("import ctypes; ctypes.string_at(0)", "was killed by SIGSEGV"), ("import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
        ("import os; os.abort()", "was killed by SIGABRT"),
        ("import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass", "was killed by SIGKILL"),
    ],
)  # fmt: skip
def test_death_is_told_with_its_cause_and_what_was_printed_before(tmp_path: Path, code: str, cause: str) -> None:
    with pytest.raises(DeadKernelError, match=cause):
        execute(tmp_path, "print('first')", f"print('said before', flush=False)\n{code}")
    assert children() == []
    assert execute(tmp_path, "1 + 1")[0].outputs[0].data["text/plain"] == "2"


def test_what_a_dead_process_printed_is_in_the_notebook(tmp_path: Path) -> None:
    source = notebook(
        ["print('first')", "import os\nprint('é said before')\nos.write(2, b'and here')\nos._exit(1)", "print('never')"]
    )
    nbformat.write(source, tmp_path / "in.ipynb")
    with pytest.raises(DeadKernelError):
        papermill.execute_notebook(str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), engine_name=WARM, progress_bar=False)
    assert kept(tmp_path) == "first\né said before\nand here"


def test_a_crash_says_where(tmp_path: Path) -> None:
    nbformat.write(notebook(["import ctypes\ndef crash():\n    ctypes.string_at(0)\ncrash()"]), tmp_path / "in.ipynb")
    with pytest.raises(DeadKernelError, match="SIGSEGV"):
        papermill.execute_notebook(str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), engine_name=WARM, progress_bar=False)
    assert "line 3 in crash" in kept(tmp_path)


def test_endless_loop_ends_with_its_process_after_the_time_allowed(tmp_path: Path) -> None:
    source = notebook(["import os, subprocess\nprint(os.getpid(), subprocess.Popen(['sleep', '600']).pid)\nwhile True: pass"])
    nbformat.write(source, tmp_path / "in.ipynb")
    start = time.monotonic()
    with pytest.raises(CellTimeoutError, match="after 1 seconds"):
        papermill.execute_notebook(
            str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), engine_name=WARM, progress_bar=False, execution_timeout=1
        )
    assert time.monotonic() - start < 20
    assert [pid for pid in kept(tmp_path).split() if not is_gone(int(pid))] == []
    assert len(kept(tmp_path).split()) == 2


def test_interrupt_on_timeout_is_a_keyboard_interrupt_in_the_cell(tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError) as raised:
        execute(tmp_path, "while True: pass", execution_timeout=1, interrupt_on_timeout=True)
    assert raised.value.ename == "KeyboardInterrupt"


def test_cells_after_an_error_do_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(PapermillExecutionError) as raised:
        execute(tmp_path, "a = 1", "1/0", f"open({str(marker)!r}, 'w')")
    assert (raised.value.ename, raised.value.cell_index, raised.value.exec_count) == ("ZeroDivisionError", 1, 2)
    assert not marker.exists()


def test_exit_ends_the_notebook(tmp_path: Path) -> None:
    execute(tmp_path, "1", "exit()")
    with pytest.raises(DeadKernelError):
        execute(tmp_path, "exit()", "print('after')")


def test_threads_left_behind_hold_nothing_up(tmp_path: Path) -> None:
    start = time.monotonic()
    execute(tmp_path, "import threading, time\nfor _ in range(5): threading.Thread(target=time.sleep, args=(600,)).start()")
    assert time.monotonic() - start < 20
    assert children() == []


def test_processes_left_behind_are_ended(tmp_path: Path) -> None:
    (cell,) = execute(tmp_path, "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)")
    assert is_gone(int(cell.outputs[0].text))


def test_a_cell_that_forks_and_goes_on_is_one_cell(tmp_path: Path) -> None:
    marker = tmp_path / "runs"
    cells = execute(tmp_path, "import os\n_ = os.fork()", f"with open({str(marker)!r}, 'a') as f: f.write('x')\nprint('once')")
    assert cells[1].outputs[0].text == "once\n"
    assert marker.read_text() == "x"


def test_hooks_given_to_atexit_run_and_those_of_the_parent_do_not(tmp_path: Path) -> None:
    marker = tmp_path / "exit"
    execute(tmp_path, f"import atexit, tempfile\natexit.register(lambda: open({str(marker)!r}, 'a').write('x'))\n"
                      f"kept = tempfile.TemporaryDirectory(dir={str(tmp_path)!r}, prefix='left')")  # fmt: skip
    assert marker.read_text() == "x"
    assert list(tmp_path.glob("left*")) == []


def test_nothing_of_a_run_is_in_the_next_nor_here(tmp_path: Path) -> None:
    before = (dict(os.environ), list(sys.path), Path.cwd(), sys.stdout, sys.modules["__main__"], list(logging.root.handlers))
    execute(
        tmp_path,
        "leaked = 1\nimport os, sys, json\nos.environ['LEAKED'] = '1'; sys.path.append('leaked'); os.chdir('/')\njson.leaked = 1",
    )
    cells = execute(
        tmp_path, "import os, sys, json\n'leaked' in dir(), 'LEAKED' in os.environ, 'leaked' in sys.path, hasattr(json, 'leaked')"
    )
    assert cells[0].outputs[0].data["text/plain"] == "(False, False, False, False)"
    assert before == (
        dict(os.environ),
        list(sys.path),
        Path.cwd(),
        sys.stdout,
        sys.modules["__main__"],
        list(logging.root.handlers),
    )


def test_each_run_draws_its_own_random_numbers(tmp_path: Path) -> None:
    import numpy as np

    np.random.default_rng()
    drawn = {
        execute(tmp_path, "import random, numpy as np\n(random.random(), np.random.rand())")[0].outputs[0].data["text/plain"]
        for _ in range(3)
    }
    assert len(drawn) == 3


def test_fifty_runs_leave_no_process_file_thread_or_memory_behind(tmp_path: Path) -> None:
    def state() -> tuple[int, int, int]:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return _count("fd"), _count("task"), resident

    cell = "print('x' * 100_000)\nkept = bytearray(20_000_000)"
    for _ in range(5):
        execute(tmp_path, cell)
    files, threads, memory = state()
    for _ in range(50):
        execute(tmp_path, cell)
    assert state()[:2] == (files, threads)
    assert state()[2] - memory < 15_000_000
    assert children() == []


def test_runs_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    def one(number: int) -> str:
        cells = execute(tmp_path, f"import time\nprint({number})\ntime.sleep(.2)", f"print({number})", name=f"out-{number}")
        return "".join(o.text for c in cells for o in c.outputs)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))) == [f"{n}\n{n}\n" for n in range(8)]
    assert children() == []


def test_a_notebook_ends_with_whoever_runs_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    nbformat.write(
        notebook([f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"]), tmp_path / "in.ipynb"
    )
    code = "import sys, papermill, qpv.engine\nqpv.engine.register()\npapermill.execute_notebook(*sys.argv[1:], engine_name='qpv-warm')"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, "in.ipynb", "out.ipynb"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not told.exists() or not told.read_text():
        assert parent.poll() is None
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert is_gone(int(told.read_text()))


@pytest.mark.parametrize("way", ["import comm; comm.create_comm(target_name='t')", "from ipykernel.comm import Comm; Comm('t')"])
def test_widgets_are_refused_and_the_way_out_is_named(tmp_path: Path, way: str) -> None:
    with pytest.raises(PapermillExecutionError, match="--engine nbclient") as raised:
        execute(tmp_path, f"import warnings; warnings.simplefilter('ignore')\n{way}")
    assert raised.value.ename == "WidgetError"


PREPARED = """
import json, logging, os, sys, threading
import IPython, papermill, qpv.engine
qpv.engine.register()
import qpv.engine.client, matplotlib.pyplot
def state():
    files = {f: os.readlink(f'/proc/self/fd/{f}') for f in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{f}')}
    files = {f: file for f, file in files.items() if not file.endswith('.ttf')}  # matplotlib keeps its fonts open
    return [files, threading.active_count(), dict(os.environ), sys.path[:], sys.argv[:], id(sys.stdout), id(sys.modules['__main__']), IPython.get_ipython(), os.getcwd(), len(logging.root.handlers)]
before = state()
qpv.engine.prepare()
assert state() == before, (state(), before)
assert qpv.engine.prepare() is qpv.engine.prepare()
for n in range(2):
    papermill.execute_notebook('in.ipynb', f'fork-{n}.ipynb', engine_name='qpv-warm', progress_bar=False)
papermill.execute_notebook('in.ipynb', 'place-0.ipynb', engine_name='qpv-warm', progress_bar=False, in_place=True)
after = state()
assert after == before, (after, before)
papermill.execute_notebook('in.ipynb', 'place-1.ipynb', engine_name='qpv-warm', progress_bar=False, in_place=True)
print('well')
"""


def test_preparing_or_running_in_place_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    nbformat.write(
        notebook(["seen = 'x' in globals()\nx = 1\nprint(seen)", "import matplotlib.pyplot as plt\nplt.plot([1]);"]),
        tmp_path / "in.ipynb",
    )
    done = script("-c", PREPARED, folder=tmp_path)
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr
    for name in ("fork-0", "fork-1", "place-0", "place-1"):
        first, second = nbformat.read(tmp_path / f"{name}.ipynb", 4).cells
        assert (first.execution_count, first.outputs[0].text) == (1, "False\n")
        assert list(second.outputs[0].data) == ["image/png", "text/plain"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}, ""),
        ({"argv": [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}, ""),
        ({"argv": ["/elsewhere/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}, "another Python"),
        ({"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python", "env": {"A": "1"}}, "environment"),
        ({"argv": ["python", "-m", "xeus", "-f", "{connection_file}"], "language": "python"}, "not IPython's"),
        ({"argv": ["R", "--args", "{connection_file}"], "language": "R"}, "not IPython's"),
        (None, "there is no kernel"),
    ],
)  # fmt: skip
def test_kernels_of_other_kinds_stay_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None, spec: dict[str, Any] | None, said: str
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    if spec is not None:
        (tmp_path / "kernels" / "odd").mkdir(parents=True)
        (tmp_path / "kernels" / "odd" / "kernel.json").write_text(json.dumps({**spec, "display_name": "Odd"}), "utf-8")
    assert (said in warm.needs_kernel("odd")) if said else (warm.needs_kernel("odd") == "")


def test_without_fork_a_kernel_runs_the_notebook_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.delattr(os, "fork")
    monkeypatch.setattr(NBClientEngine, "execute_managed_notebook", lambda nb_man, kernel_name, **options: asked.append(options))
    with caplog.at_level(logging.INFO, "papermill"):
        execute(tmp_path, "1", execution_timeout=7)
    assert [o["execution_timeout"] for o in asked] == [7]
    assert "in_place" not in asked[0]
    assert [r.message for r in caplog.records if "kernel of its own" in r.message] == [
        "this system cannot fork processes: this notebook runs in a kernel of its own"
    ]
