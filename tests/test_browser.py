"""A brief opened in Chromium from a file, the network refused: all is drawn, nothing is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest
from pages import Run
from qpv import batch, site
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse
from visits import OVERFLOW, WIDTHS, Visit, opened

#: For each Leaflet map: its size, and how many of its shapes have an extent that can be seen.
DRAWN = """
() => [...document.querySelectorAll('.leaflet-container')].map(box => {
  const frame = box.getBoundingClientRect();
  const shapes = [...box.querySelectorAll('svg path, svg circle')].map(s => s.getBoundingClientRect());
  const inside = r => r.right > frame.left && r.left < frame.right && r.bottom > frame.top && r.top < frame.bottom;
  return {width: frame.width, height: frame.height,
          seen: shapes.filter(r => r.width > 1 && r.height > 1 && inside(r)).length};
})
"""


def check_maps(visit: Visit) -> None:
    for box in visit.page.locator(".map[data-map]").all():
        box.scroll_into_view_if_needed()
        box.locator(".leaflet-container").wait_for(timeout=5000)
    drawn = visit.page.evaluate(DRAWN)
    assert len(drawn) >= 3
    for one in drawn:
        assert one["width"] > 200
        assert one["height"] > 150
        assert one["seen"] >= 1


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_brief_draws_its_maps_asks_for_nothing_and_reports_no_error(visit: Visit, beau_marais: Run, theme: str) -> None:
    path = beau_marais.path(theme)
    check_maps(opened(visit, path))
    assert visit.asked == [path.as_uri()]
    assert visit.troubles == []


@pytest.mark.parametrize("theme", pages.DEGRADED_THEMES)
def test_brief_without_contours_still_draws_its_maps(visit: Visit, grande_residence: Run, theme: str) -> None:
    path = grande_residence.path(theme)
    check_maps(opened(visit, path))
    assert visit.asked == [path.as_uri()]
    assert visit.troubles == []


def test_maps_are_drawn_on_a_phone_too(visit: Visit, beau_marais: Run) -> None:
    visit.page.set_viewport_size({"width": 360, "height": 740})
    check_maps(opened(visit, beau_marais.path("revenue")))


def test_hovering_a_quartier_names_it(visit: Visit, beau_marais: Run) -> None:
    opened(visit, beau_marais.path("revenue"))
    visit.page.locator(".map[data-map]").first.scroll_into_view_if_needed()
    own = visit.page.locator(".leaflet-container").first.locator("path[fill='#0b5fa5']").first
    own.scroll_into_view_if_needed()
    box = own.bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    own.dispatch_event("mouseover")
    tip = visit.page.locator(".leaflet-tooltip")
    tip.first.wait_for(timeout=5000)
    assert "Beau Marais" in tip.first.inner_text()
    assert "<br>" not in tip.first.inner_text()
    assert visit.troubles == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["revenue", "education"])
def test_brief_never_scrolls_sideways(visit: Visit, beau_marais: Run, pictures: Path, theme: str, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    opened(visit, beau_marais.path(theme))
    picture = pictures / f"{theme}-{width}.png"
    visit.page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 20_000
    assert visit.page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("width", WIDTHS)
def test_index_never_scrolls_sideways(visit: Visit, beau_marais: Run, pictures: Path, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    opened(visit, beau_marais.index)
    visit.page.screenshot(path=pictures / f"index-{width}.png", full_page=True)
    assert visit.page.evaluate(OVERFLOW) <= 0


def test_brief_prints_on_a_few_a4_pages(visit: Visit, beau_marais: Run, pictures: Path) -> None:
    opened(visit, beau_marais.path("revenue"))
    printed = visit.page.pdf(prefer_css_page_size=True, path=pictures / "revenue.pdf")
    count = len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))
    (pictures / "revenue-pages.txt").write_text(f"{count}\n", "utf-8")
    assert 2 <= count <= 6


def test_index_links_to_briefs_that_exist_and_asks_for_nothing(visit: Visit, beau_marais: Run) -> None:
    opened(visit, beau_marais.index)
    links = visit.page.eval_on_selector_all("tbody.qpv-list a", "all => all.map(a => a.getAttribute('href'))")
    assert links == [f"QN06254M/{theme}.html" for theme in BRIEF_THEMES] + ["QN06254M/figures.csv"]
    assert all((beau_marais.folder / link).exists() for link in links)
    assert visit.asked == [beau_marais.index.as_uri()]
    assert visit.troubles == []


def test_link_of_the_index_opens_the_brief(visit: Visit, beau_marais: Run) -> None:
    opened(visit, beau_marais.index)
    visit.page.click("tbody.qpv-list a >> nth=0")
    visit.page.wait_for_url("**/revenue.html")
    assert "Beau Marais" in visit.page.title()


@pytest.fixture(scope="module")
def index_of_three(tmp_path_factory: pytest.TempPathFactory, embedded_folder: Path) -> Path:
    """The index of a run over three quartiers of two agglomérations."""
    records = [batch.Record(code, "revenue", "ok") for code in ("QN06254M", "QN06225M", "QN06219M")]
    return site.write_index(records, pages.QUARTER, Warehouse(embedded_folder), tmp_path_factory.mktemp("index"))


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("", ["QN06219M", "QN06225M", "QN06254M"]),
        ("beau", ["QN06254M"]),
        ("GRANDE RÉSIDENCE", ["QN06225M"]),
        ("republique", ["QN06219M"]),
        ("République", ["QN06219M"]),
        ("qn06254m", ["QN06254M"]),
        ("Calais", ["QN06254M"]),
        ("Lens", ["QN06219M", "QN06225M"]),
        ("Marseille", []),
    ],
)
def test_search_of_the_index_keeps_the_rows_that_match(visit: Visit, index_of_three: Path, words: str, kept: list[str]) -> None:
    opened(visit, index_of_three)
    visit.page.fill("#search", words)
    rows = visit.page.locator("tbody.qpv-list tr:visible")
    assert sorted(code for row in rows.all_inner_texts() for code in re.findall(r"QN\w{6}", row)) == kept


@pytest.mark.parametrize("shown", ["République - Cité 4", "CA de Lens - Liévin", " Beau Marais "])
def test_search_finds_a_name_as_the_index_writes_it(visit: Visit, index_of_three: Path, shown: str) -> None:
    opened(visit, index_of_three)
    assert shown.strip() in visit.page.inner_text("tbody.qpv-list")
    visit.page.fill("#search", shown)
    kept = visit.page.locator("tbody.qpv-list tr:visible").all_inner_texts()
    assert kept
    assert all(shown.strip() in row for row in kept)


@pytest.mark.parametrize("width", WIDTHS)
def test_page_on_the_data_never_scrolls_sideways(visit: Visit, beau_marais: Run, pictures: Path, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    opened(visit, beau_marais.folder / "data.html")
    visit.page.screenshot(path=pictures / f"data-{width}.png", full_page=True)
    assert visit.page.evaluate(OVERFLOW) <= 0


def test_page_on_the_data_is_reached_from_the_index_and_filters_its_rows(visit: Visit, index_of_three: Path) -> None:
    opened(visit, index_of_three)
    visit.page.click("text=Éditions lues, sources attendues")
    visit.page.wait_for_url("**/data.html")
    rows = visit.page.locator("tbody.qpv-list tr:visible")
    before = rows.count()
    visit.page.fill("#search", "Béthune")
    kept = rows.all_inner_texts()
    assert 0 < len(kept) < before
    assert all("Béthune" in row for row in kept)
    assert visit.asked == [index_of_three.as_uri(), index_of_three.with_name("data.html").as_uri()]
    assert visit.troubles == []


def test_name_that_is_a_script_never_runs(visit: Visit, hostile: Run) -> None:
    for path in (hostile.path("revenue"), hostile.index):
        opened(visit, path)
        assert pages.HOSTILE in visit.page.inner_text("main")
    assert visit.troubles == []
