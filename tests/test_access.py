"""Everybody can use a page: axe-core finds nothing, a keyboard reaches all, headings have an order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from pages import BRIEFS, EVERY, KINDS, LOOKS, Gallery
from playwright.sync_api import Browser
from visits import Visit, offline, opened, unfold

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture(scope="module")
def examined(browser: Browser) -> Iterator[Visit]:
    """A page that lets axe-core in, past the page's own policy."""
    with offline(browser, bypass_csp=True) as seen:
        yield seen


@pytest.mark.parametrize(("name", "width"), LOOKS)
def test_axe_finds_nothing_against_wcag_21_a_and_aa_with_all_unfolded(
    examined: Visit, gallery: Gallery, name: str, width: int
) -> None:
    unfold(opened(examined, gallery.path(name), width))
    examined.page.evaluate(AXE)
    found = examined.page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", WCAG)
    assert len(found["passes"]) > 10
    assert [(v["id"], [n["html"][:100] for n in v["nodes"][:3]]) for v in found["violations"]] == []


CONTROLS = """() => {
  const all = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  const shown = [...document.querySelectorAll(all)].filter(e => !e.disabled && e.checkVisibility());
  window.reached = {};
  shown.forEach((e, n) => { e.dataset.control = n; });
  document.addEventListener('focusin', ({target}) => {
    const look = getComputedStyle(target);
    reached[target.dataset.control] = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 1;
  });
  return shown.map(e => e.outerHTML.slice(0, 90));
}"""


@pytest.mark.parametrize("name", KINDS)
def test_keyboard_reaches_every_control_and_the_focus_is_seen(visit: Visit, gallery: Gallery, name: str) -> None:
    unfold(opened(visit, gallery.path(name)))
    visit.page.evaluate("scrollTo(0, 0)")
    controls = visit.page.evaluate(CONTROLS)
    assert len(controls) > 3
    for _ in range(len(controls) + 5):
        visit.page.keyboard.press("Tab")
    reached = {int(n): seen for n, seen in visit.page.evaluate("reached").items() if n.isdigit()}
    assert [c for n, c in enumerate(controls) if n not in reached] == []
    assert [controls[n] for n, seen in reached.items() if not seen] == []


@pytest.mark.parametrize("name", [n for n in KINDS if n in BRIEFS])
def test_details_of_every_figure_open_with_the_keyboard(visit: Visit, gallery: Gallery, name: str) -> None:
    opened(visit, gallery.path(name))
    rows = visit.page.locator("table.key tbody")
    assert rows.count() > 0
    for row in rows.all():
        fold = row.locator("summary").first
        fold.focus()
        visit.page.keyboard.press("Enter")
        said = row.locator("details").first.inner_text()
        assert "Définition" in said
        assert row.locator("details dl").first.is_visible()


def test_skip_link_leads_to_the_content(visit: Visit, gallery: Gallery) -> None:
    opened(visit, gallery.path(KINDS[0]))
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Aller au contenu"
    assert visit.page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.tagName") == "MAIN"


@pytest.mark.parametrize("name", EVERY)
def test_page_has_one_title_and_no_level_of_headings_is_skipped(gallery: Gallery, name: str) -> None:
    soup = gallery.soup(name)
    assert soup.html["lang"] == "fr"
    assert len(soup.find_all("main")) == 1
    levels = [int(h.name[1]) for h in soup.find_all(re.compile(r"^h[1-6]$"))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
