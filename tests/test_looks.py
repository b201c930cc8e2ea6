"""What pages look like on three widths of screen: nothing sticks out, nothing is tiny, no wall of dashes."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest
from pages import BRIEFS, KINDS, LOOKS, Gallery
from visits import OVERFLOW, WIDTHS, Visit, opened

#: The words of charts and tables that are smaller than 7.5 pixels, and the table cells whose words stick out.
POOR = """() => {
  const own = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  const seen = [...document.querySelectorAll('main *')].filter(e => own(e) && e.checkVisibility());
  const tiny = seen.filter(e => {
    const svg = e.closest('svg.chart');
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    return parseFloat(getComputedStyle(e).fontSize) * scale < 7.5;
  });
  const cells = [...document.querySelectorAll('table.key th, table.key td')].filter(e => e.checkVisibility());
  return {tiny: tiny.map(e => e.textContent.slice(0, 60)),
          overlaps: cells.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 60))};
}"""


@pytest.mark.parametrize(("name", "width"), LOOKS)
def test_page_is_readable_without_scrolling_sideways_at_three_widths(
    visit: Visit, gallery: Gallery, pictures: Path, name: str, width: int
) -> None:
    opened(visit, gallery.path(name), width)
    # What is laid out only when a reader comes near would be blank in a picture of the whole page.
    visit.page.add_style_tag(content=".qpv .one-theme { content-visibility: visible !important; }")
    picture = pictures / f"{name.replace('/', '-')}-{width}.png"
    visit.page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 20_000
    assert visit.page.evaluate(OVERFLOW) <= 0
    assert visit.page.evaluate(POOR) == {"tiny": [], "overlaps": []}


@pytest.mark.parametrize("name", [n for n in KINDS if n.endswith(("employment", "evaluation", "programme", "yearly"))])
def test_bars_fit_the_screen_of_a_phone_and_are_drawn_once_on_any(visit: Visit, gallery: Gallery, name: str) -> None:
    drawn = """() => [...document.querySelectorAll('figure:has(.phone) svg.chart')].filter(s => s.checkVisibility())
        .map(s => [s.closest('.phone') !== null, s.getBoundingClientRect().right <= document.documentElement.clientWidth])"""
    figures = len(gallery.soup(name).select("figure .phone"))
    assert figures > 0
    for width in WIDTHS:
        opened(visit, gallery.path(name), width)
        assert visit.page.evaluate(drawn) == [[width < 640, True]] * figures


@pytest.mark.parametrize("width", WIDTHS)
def test_agglomeration_of_22_qpv_is_readable_at_three_widths(
    visit: Visit, tmp_path_factory: pytest.TempPathFactory, full_folder: Path, pictures: Path, width: int
) -> None:
    opened(visit, pages.lens(tmp_path_factory, full_folder).path("agglomeration"), width)
    visit.page.add_style_tag(content=".qpv .one-theme { content-visibility: visible !important; }")
    visit.page.screenshot(path=pictures / f"{pages.LENS}-agglomeration-{width}.png", full_page=True)
    assert visit.page.evaluate(OVERFLOW) <= 0
    assert visit.page.evaluate(POOR) == {"tiny": [], "overlaps": []}


@pytest.mark.parametrize("width", WIDTHS)
def test_key_table_fits_its_frame_on_every_screen(visit: Visit, gallery: Gallery, width: int) -> None:
    opened(visit, gallery.path(KINDS[0]), width)
    frame = "() => { const f = document.querySelector('table.key').parentElement; return f.scrollWidth - f.clientWidth; }"
    assert visit.page.evaluate(frame) <= 0


@pytest.mark.parametrize("name", BRIEFS)
def test_no_column_of_the_key_table_is_dashes_alone(gallery: Gallery, name: str) -> None:
    table = gallery.soup(name).find("table", class_="key")
    if table is None:  # nothing is known at any level: the page says so instead
        assert "sans valeur pour le quartier" in gallery.path(name).read_text("utf-8")
        return
    columns: dict[str, list[str]] = {}
    for cell in table.select("td[data-head]"):
        columns.setdefault(cell["data-head"], []).append(cell.get_text().strip())
    assert [head for head, words in columns.items() if set(words) == {"–"}] == []
    assert len(columns) == len(table.thead.find_all("th")) - 1
