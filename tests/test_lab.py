"""JupyterLab itself, as ``make lab`` starts it: a theme notebook and ``explore.ipynb`` run in a browser."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pages
import pytest
from conftest import ROOT
from playwright.sync_api import Browser, FrameLocator, Page, expect

TOKEN = "lab"
#: Seconds for what a kernel does beside others on a slow machine; at rest each takes a few.
PATIENCE = 120
#: What JupyterLab itself says on its console, by exact text, and why it is no fault of ours.
KNOWN: dict[str, str] = {}


def make_lab(*arguments: str) -> list[str]:
    """Give the lines that ``make lab`` would run, with this interpreter's programs."""
    bin_folder = Path(sys.executable).parent
    # Under 'make test' another make would also say in which folder it is.
    free = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    told = subprocess.run(
        ["make", "-n", "lab", f"BIN={bin_folder}", "STAMP=README.md", f"ARGS={shlex.join(arguments)}"],
        cwd=ROOT, capture_output=True, text=True, check=True, env=free,
    )  # fmt: skip
    return told.stdout.splitlines()


@dataclass(frozen=True)
class Lab:
    """A running server and the project that it shows."""

    root: Path
    origin: str


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, embedded_folder: Path) -> Iterator[Lab]:
    """JupyterLab on a free port of loopback, over a project with the embedded data alone, with settings of its own."""
    home = tmp_path_factory.mktemp("lab")
    root = pages.copy_project(home / "main")
    shutil.copytree(embedded_folder, root / "data" / "warehouse")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
                 "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]  # fmt: skip
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
           "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")  # fmt: skip
    environment = {**os.environ, **{name: str(home / name.lower()) for name in own}}
    log = home / "server.log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            ["sh", "-c", f"exec env {make_lab(*arguments)[-1]}"],
            cwd=root,
            env=environment,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        origin = f"http://127.0.0.1:{port}"
        _await(server, origin, log)
        yield Lab(root, origin)
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(15)


def _await(server: subprocess.Popen[bytes], origin: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text("utf-8")[-3000:]
        try:
            with urllib.request.urlopen(f"{origin}/api?token={TOKEN}", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(log.read_text("utf-8")[-3000:])


@dataclass
class Desk:
    """A page of JupyterLab, what it asked other hosts for, and the errors on its console."""

    page: Page
    lab: Lab
    strayed: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def run(self, notebook: str) -> None:
        """Open a notebook and run it from top to bottom, by the menu."""
        self.page.goto(f"{self.lab.origin}/lab/tree/notebooks/{notebook}?reset&token={TOKEN}")
        self.page.locator(".jp-Notebook").wait_for()
        # Before the kernel has answered, the menu asks for one in a dialog.
        self.page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    def check(self) -> None:
        assert self.strayed == []
        assert [t for t in self.troubles if t not in KNOWN] == []


@pytest.fixture
def desk(lab: Lab, browser: Browser) -> Iterator[Desk]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, locale="fr-FR")
    context.set_default_timeout(PATIENCE * 1000)
    found = Desk(context.new_page(), lab)

    def ask(url: str) -> bool:
        away = urlsplit(url).hostname not in ("127.0.0.1", None)
        if away:
            found.strayed.append(url)
        return away

    context.route("**/*", lambda route: route.abort() if ask(route.request.url) else route.continue_())
    found.page.on("console", lambda m: found.troubles.append(m.text) if m.type == "error" else None)
    found.page.on("pageerror", lambda e: found.troubles.append(f"page error: {e}"))
    yield found
    context.close()


def drawn(desk: Desk) -> FrameLocator:
    """The map of the explorer, once it is drawn."""
    frame = desk.page.frame_locator(".qpv-carte iframe")
    frame.locator("path.leaflet-interactive:visible").first.wait_for()
    return frame


def test_make_lab_builds_the_warehouse_before_it_opens_the_notebooks() -> None:
    lines = make_lab()
    assert next(n for n, line in enumerate(lines) if "qpv data build" in line) < len(lines) - 1
    assert "jupyter lab" in lines[-1]


def test_a_theme_notebook_run_by_hand_shows_its_figures_and_draws_its_maps(desk: Desk, pictures: Path) -> None:
    desk.run("revenue.ipynb")
    last = desk.page.get_by_text(re.compile(r"^\d+ chiffres dans ce brief\.$"))
    last.wait_for()
    frames = desk.page.locator(".jp-OutputArea iframe[srcdoc]")
    expect(frames).to_have_count(3, timeout=PATIENCE * 1000)
    for n in range(3):
        frames.nth(n).scroll_into_view_if_needed()
        frames.nth(n).content_frame.locator("path.leaflet-interactive:visible").first.wait_for()
    desk.page.screenshot(path=pictures / "lab-revenue.png")
    assert desk.page.locator(".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert "58\u202f%" in desk.page.locator(".jp-Notebook").inner_text()
    desk.check()


def test_a_choice_in_explore_changes_map_chart_and_table_and_the_buttons_write(desk: Desk, pictures: Path) -> None:
    desk.run("explore.ipynb")
    page, table, chart = desk.page, desk.page.locator(".qpv-tableau"), desk.page.locator(".qpv-graphique")
    expect(table).to_contain_text("58\u202f%", timeout=PATIENCE * 1000)
    expect(table).to_contain_text("+28,0\u202fpt")
    drawn(desk)
    page.screenshot(path=pictures / "lab-explore.png")
    before = page.locator(".qpv-carte iframe").get_attribute("srcdoc")

    page.get_by_label("Quartier", exact=True).select_option(label="Fort Nieulay - Cailloux - Saint-Pierre (Calais, QN06253M)")
    expect(table).to_contain_text("46\u202f%", timeout=PATIENCE * 1000)
    expect(table).not_to_contain_text("58\u202f%")
    expect(chart.locator("svg")).to_contain_text("46,0\u202f%")
    drawn(desk)
    assert page.locator(".qpv-carte iframe").get_attribute("srcdoc") != before

    page.get_by_role("button", name="Exporter").click()
    done = page.locator(".qpv-fait")
    expect(done).to_contain_text("Données écrites", timeout=PATIENCE * 1000)
    (written,) = (desk.lab.root / "outputs" / "2026-T3" / "QN06253M").glob("*.csv")
    assert "QP062055;qpv;2015;2019;46" in written.read_text("utf-8-sig")

    page.get_by_role("button", name="Faire ce brief").click()
    expect(done).to_contain_text("Brief écrit", timeout=2 * PATIENCE * 1000)
    with page.context.expect_page() as opened:
        done.get_by_role("link").click()
    expect(opened.value.locator("h1")).to_contain_text("Fort Nieulay", timeout=PATIENCE * 1000)
    assert (desk.lab.root / "outputs" / "2026-T3" / "index.html").exists()
    desk.check()
