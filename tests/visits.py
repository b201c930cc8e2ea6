"""A page opened in Chromium from a file, the network refused, and what happened while it was open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Dialog, Page, Route, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
WIDTHS = (360, 768, 1280)
#: What any machine is measured by: a page of 6,000 paragraphs, and its words written and read again as JSON.
YARDSTICK = """() => {
  const box = document.createElement('div');
  for (let n = 0; n < 6000; n++) {
    const line = document.createElement('p');
    line.textContent = 'Quartier ' + n;
    box.append(line);
  }
  document.body.append(box);
  box.offsetHeight;
  let kept = [];
  for (let n = 0; n < 40; n++) kept = JSON.parse(JSON.stringify([...box.children].map((p, n) => ({name: p.textContent, n}))));
  return kept.length;
}"""
#: Seconds of CPU that it takes where the bounds were set, a machine of 2026 at rest.
YARD = 0.2
#: How much slower a reader's machine is taken to be.
SLOWER = 4
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Visit:
    """A page, and what happened while it was open."""

    page: Page
    asked: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


@contextlib.contextmanager
def running(chromium: str) -> Iterator[Browser]:
    """Run a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def offline(browser: Browser, *, bypass_csp: bool = False) -> Iterator[Visit]:
    """Open an offline page that records every request, console error, page error and dialog."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}, locale="fr-FR", bypass_csp=bypass_csp)
    seen = Visit(context.new_page())

    def judge(route: Route) -> None:
        seen.asked.append(route.request.url)
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            route.abort()

    def dismiss(dialog: Dialog) -> None:
        seen.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    context.route("**/*", judge)
    seen.page.on("console", lambda m: seen.troubles.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    seen.page.on("pageerror", lambda e: seen.troubles.append(f"page error: {e}"))
    seen.page.on("dialog", dismiss)
    yield seen
    context.close()


def opened(visit: Visit, path: Path, width: int | None = None) -> Visit:
    """Open a file, in a window of a width where one is given."""
    if width:
        visit.page.set_viewport_size({"width": width, "height": 900})
    visit.page.goto(path.as_uri(), wait_until="load")
    visit.page.wait_for_timeout(300)
    return visit


def unfold(visit: Visit) -> None:
    """Open every fold and draw every map, as a reader would who wants to see all."""
    visit.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    for box in visit.page.locator(".map[data-map]").all():
        box.scroll_into_view_if_needed()
        box.locator(".leaflet-container").wait_for(timeout=5000)


def busy(visit: Visit, path: Path) -> float:
    """Seconds until a page is idle on a machine ``SLOWER`` than the one of ``YARD``.

    CPU time of the page's main thread, since the clock would measure what else runs; and beside a yardstick taken at the
    same moment, since even CPU seconds are longer on another machine or beside other work.  The least of three.
    """
    return SLOWER * YARD * min(_tasks(visit, path) / _tasks(visit, None) for _ in range(3))


def _tasks(visit: Visit, path: Path | None) -> float:
    page = visit.page.context.new_page()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    if path is None:
        page.evaluate(YARDSTICK)
    else:
        page.goto(path.as_uri(), wait_until="load")
    page.evaluate("() => new Promise(done => requestIdleCallback(done, {timeout: 5000}))")
    told = {m["name"]: float(m["value"]) for m in session.send("Performance.getMetrics")["metrics"]}
    page.close()
    return told["TaskDuration"]
