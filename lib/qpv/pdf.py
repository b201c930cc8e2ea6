"""Briefs as PDF: the same pages through Chromium, tagged, with bookmarks and numbered pages.

One browser for all, a page a brief; a PDF lies beside its page.  Playwright is needed, and a Chromium.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qpv.atomic import write_atomically
from qpv.errors import ParameterError, QpvError
from qpv.quarter import Quarter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

#: The variable that names a Chromium, and the names under which systems install it.
VARIABLE: Final = "QPV_CHROMIUM"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Nothing that a browser does on its own account.
_FLAGS: Final = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
#: Milliseconds for a page to load, and to print.
_PATIENCE: Final = 60_000
_DATE: Final = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[^)]*\)")
#: The names that Chromium gives to cells and their headers: numbers of the page's tree in memory, which no two loads share.
_NODE: Final = re.compile(rb"\(node(\d{8})\)")


class PrintError(QpvError):
    """A page could not be made into a PDF."""


@dataclass(frozen=True)
class Sheet:
    """A brief to print: its page, and where its PDF goes."""

    page: Path

    @property
    def pdf(self) -> Path:
        """The PDF beside the page."""
        return self.page.with_suffix(".pdf")

    @property
    def stale(self) -> bool:
        """Whether the PDF is missing, or older than its page."""
        return not self.pdf.exists() or self.pdf.stat().st_mtime_ns < self.page.stat().st_mtime_ns


@dataclass(frozen=True)
class Outcome:
    """What became of a sheet: ``made``, ``kept`` (it was newer than its page) or ``failed``, and why."""

    sheet: Sheet
    status: str
    message: str = ""


def sheets(folder: Path, codes: Collection[str] | None = None, themes: Collection[str] | None = None) -> list[Sheet]:
    """List the briefs in the folder of a quarter: ``<code>/<theme>.html``, in order.

    Raises
    ------
    ParameterError
        If there is none.
    """
    pages = sorted(folder.glob("[!.]*/[!.]*.html"))
    found = [
        Sheet(p)
        for p in pages
        if (codes is None or p.parent.name in codes) and (themes is None or not themes or p.stem in themes)
    ]
    if not found:
        raise ParameterError(f"no brief to print in {folder.name!r}: make them first ('make briefs' or 'qpv briefs')")
    return found


def print_sheets(
    wanted: Sequence[Sheet], quarter: Quarter, report: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Print what is missing or older than its page; one that fails never stops the others.

    Parameters
    ----------
    wanted
        The briefs.
    quarter
        Their quarter: its end is the date that a PDF bears, so that the same page gives the same bytes.
    report
        Called after each sheet.

    Raises
    ------
    ParameterError
        If Playwright or Chromium is missing and anything is to be printed.
    """
    outcomes = []

    def told(outcome: Outcome) -> None:
        outcomes.append(outcome)
        report(outcome)

    fresh = [s for s in wanted if not s.stale]
    for sheet in fresh:
        told(Outcome(sheet, "kept"))
    stale = [s for s in wanted if s.stale]
    if stale:
        with _playwright() as playwright:
            _print_all(playwright, stale, quarter, told)
    return outcomes


def _print_all(playwright: Playwright, stale: Sequence[Sheet], quarter: Quarter, told: Callable[[Outcome], None]) -> None:
    from playwright.sync_api import Error

    path = chromium(playwright)
    browser = _launch(playwright, path)
    try:
        for sheet in stale:
            try:
                if not browser.is_connected():  # the sheet before killed it
                    browser = _launch(playwright, path)
                write_atomically(sheet.pdf, _printed(browser, sheet.page, quarter))
                told(Outcome(sheet, "made"))
            except (Error, OSError, PrintError) as error:
                told(Outcome(sheet, "failed", str(error).strip().splitlines()[0]))
    finally:
        browser.close()


def _printed(browser: Browser, page: Path, quarter: Quarter) -> bytes:
    """Print a page offline, from its file; no request to any host gets out."""
    context = browser.new_context(offline=True, locale="fr-FR")
    try:
        sheet = context.new_page()
        sheet.set_default_timeout(_PATIENCE)
        sheet.goto(page.resolve().as_uri(), wait_until="load")
        content = sheet.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)
    finally:
        context.close()
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-32:]:
        raise PrintError("Chromium gave no whole PDF")
    return dated(renumbered(content), quarter)


def renumbered(content: bytes) -> bytes:
    """Name the cells of a PDF by their rank, which keeps the order of its index of names; nothing moves within it."""
    ranks = {number: b"%08d" % rank for rank, number in enumerate(sorted(set(_NODE.findall(content))), start=1)}
    return _NODE.sub(lambda match: b"(node" + ranks[match[1]] + b")", content)


def dated(content: bytes, quarter: Quarter) -> bytes:
    """Give a PDF the end of its quarter as its date, instead of the moment of printing; nothing moves within it."""
    day = f"{quarter.end:%Y%m%d}000000+00'00'".encode()

    def stamp(match: re.Match[bytes]) -> bytes:
        room = len(match[0]) - len(match[1]) - len(b"/ (D:)")
        return b"/" + match[1] + b" (D:" + day[:room].ljust(room) + b")"

    return _DATE.sub(stamp, content)


@contextmanager
def _playwright() -> Iterator[Playwright]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ParameterError(
            "PDF need Playwright, which is not installed: run 'make setup', or 'python -m pip install playwright'"
        ) from error
    with sync_playwright() as running:
        yield running


def chromium(playwright: Playwright | None = None) -> str:
    """Find Chromium: the one that ``QPV_CHROMIUM`` names, one on the path, else Playwright's own.

    Raises
    ------
    ParameterError
        If there is none, or ``QPV_CHROMIUM`` names what is not there.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise ParameterError(f"{VARIABLE} names {named!r}, which is no program: give the path of Chromium or Chrome")
        return found
    candidates = [shutil.which(name) for name in _NAMES]
    if playwright is not None:
        own = playwright.chromium.executable_path
        candidates.append(own if Path(own).exists() else None)
    found = next((c for c in candidates if c), None)
    if found is None:
        raise ParameterError(
            f"PDF need Chromium: none of {', '.join(_NAMES)} is on the path; install one (Debian: 'apt install chromium'; "
            f"anywhere: 'playwright install chromium') or name it in {VARIABLE}"
        )
    return found


def _launch(playwright: Playwright, path: str) -> Browser:
    from playwright.sync_api import Error

    try:
        return playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
    except Error as error:
        raise ParameterError(
            f"{path!r} does not start ({str(error).strip().splitlines()[0]}): name another Chromium in {VARIABLE}"
        ) from error
