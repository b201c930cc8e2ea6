"""Fixtures: the project's own data, the official files where they exist, and warehouses built once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from qpv.build import build
from qpv.catalog import Catalog
from qpv.contracts import Contracts, load_contracts
from qpv.reference import Reference
from qpv.warehouse import Warehouse

if TYPE_CHECKING:
    from damages import Read
    from pages import Gallery, Run
    from playwright.sync_api import Browser
    from visits import Visit

#: Helper modules that bring fixtures of their own.
pytest_plugins = ("parcels", "server", "things")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CHROMIUM = Path("/usr/bin/chromium")

_connect = socket.socket.connect


def _only_loopback(self: socket.socket, address: object) -> None:
    host = address[0] if isinstance(address, tuple) else ""
    if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"a test asked for the network: {address!r}")
    _connect(self, address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Tests may use loopback only."""
    socket.socket.connect = _only_loopback  # type: ignore[method-assign,assignment]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


def _need(path: Path, what: str) -> Path:
    """Give a path, or skip with a reason; in CI nothing may be skipped."""
    if path.exists():
        return path
    if os.environ.get("CI"):
        pytest.fail(f"{what} must be there in CI: {path.name}")
    pytest.skip(f"{what} is not here: {path.name}")


@pytest.fixture(scope="session")
def official() -> Path:
    """The folder of official files."""
    return _need(SHARED / "official", "the folder of official files")


@pytest.fixture(scope="session")
def seeds() -> Path:
    """The folder of the public documents from which figures were transcribed."""
    return _need(SHARED / "seeds", "the folder of the transcribed documents")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's Chromium."""
    return str(_need(CHROMIUM, "Debian's package chromium"))


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load(ROOT / "data" / "catalog")


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference.load(ROOT / "data" / "reference")


@pytest.fixture(scope="session")
def contracts(catalog: Catalog, reference: Reference) -> Contracts:
    return load_contracts(ROOT / "data" / "contracts", catalog, reference)


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let the first of several test processes build, the others wait for it."""
    lock = folder.with_suffix(".lock")
    for _ in range(3000):
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    base = factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name


@pytest.fixture(scope="session")
def embedded_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse folder built from the embedded data alone."""
    folder = _shared_folder(tmp_path_factory, "warehouse-embedded")
    with _one_at_a_time(folder):
        build(ROOT / "data", [], folder)
    return folder


@pytest.fixture(scope="session")
def full_folder(tmp_path_factory: pytest.TempPathFactory, official: Path) -> Path:
    """A warehouse folder built with all the official files."""
    folder = _shared_folder(tmp_path_factory, "warehouse-full")
    with _one_at_a_time(folder):
        build(ROOT / "data", [official], folder)
    return folder


@pytest.fixture(scope="session")
def embedded(embedded_folder: Path) -> Warehouse:
    return Warehouse(embedded_folder)


@pytest.fixture(scope="session")
def full(full_folder: Path) -> Warehouse:
    return Warehouse(full_folder)


# The module of the pages imports this one, so the fixtures that need it ask for it late.


@pytest.fixture(scope="session")
def beau_marais(tmp_path_factory: pytest.TempPathFactory, full_folder: Path) -> Run:
    """Beau Marais, six themes, with the official files."""
    import pages

    return pages.beau_marais(tmp_path_factory, full_folder)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory, full_folder: Path, embedded_folder: Path) -> Gallery:
    """Real briefs of six quartiers that differ in what is known of them, and the pages around them."""
    import pages

    return pages.gallery(tmp_path_factory, full_folder, embedded_folder)


@pytest.fixture(scope="session")
def grande_residence(tmp_path_factory: pytest.TempPathFactory, embedded_folder: Path) -> Run:
    """Grande Résidence, two themes, with the embedded data alone."""
    import pages

    return pages.grande_residence(tmp_path_factory, embedded_folder)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Beau Marais under a name that is a script, with the embedded data alone."""
    import pages

    return pages.hostile(tmp_path_factory)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots and printed pages go: a folder of the run, or the one that the caller names."""
    named = os.environ.get("QPV_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A running Chromium; of a module, since its event loop would stand in the way of other tests."""
    import visits

    with visits.running(chromium) as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """An offline page that records every request, console error, page error and dialog."""
    import visits

    with visits.offline(browser) as seen:
        yield seen


@pytest.fixture
def no_hang() -> Iterator[None]:
    """No damage may keep a reader busy for ever."""

    def stop(*_: object) -> None:
        raise AssertionError("a reader hangs on a damaged file")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(120)
    yield
    signal.alarm(0)


@pytest.fixture
def read_damaged(reference: Reference) -> Read:
    """Read a file that was damaged, or give nothing where it is refused by name."""
    import damages  # which looks at every official file

    return damages.reading(reference)
