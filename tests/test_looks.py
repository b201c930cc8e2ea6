"""What pages look like on three widths of screen: nothing sticks out, nothing is tiny, no wall of dashes."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest
from pages import BRIEFS, KINDS, LOOKS, Gallery
from qpv import charts
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


#: Of each chart that shows: whether it is the one for phones, whether it fits the screen, and the words and points that stick out of it.
DRAWN = """() => [...document.querySelectorAll('figure svg.chart')].filter(s => s.checkVisibility()).map(s => {
  const frame = s.getBoundingClientRect(), inside = r =>
    r.left >= frame.left - 1 && r.right <= frame.right + 1 && r.top >= frame.top - 1 && r.bottom <= frame.bottom + 1;
  return [s.closest('.phone') !== null, frame.left >= 0 && frame.right <= document.documentElement.clientWidth,
          [...s.querySelectorAll('text, use')].filter(e => !inside(e.getBoundingClientRect())).map(e => e.textContent || e.tagName)];
})"""
#: The captions that leave the screen when their tables are scrolled so far.
CUT = """end => [...document.querySelectorAll('caption')].filter(e => e.checkVisibility()).filter(e => {
  e.closest('.scroll').scrollLeft = end;
  const box = e.getBoundingClientRect();
  return box.left < 0 || box.right > document.documentElement.clientWidth || e.scrollWidth > e.clientWidth;
}).map(e => e.textContent)"""
#: The charts of phones that name the quartier in its colour: those words, whether a point has that colour, and how small their words get.
OWN_ON_A_PHONE = """colour => [...document.querySelectorAll('.phone svg.chart')].filter(s => s.checkVisibility()).map(s => {
  const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width, all = [...s.querySelectorAll('text')];
  return [all.filter(e => e.getAttribute('style').includes(colour)).map(e => e.textContent).join(' '),
          s.querySelector(`use[style*="${colour}"]`) !== null,
          Math.min(...all.map(e => parseFloat(getComputedStyle(e).fontSize) * scale)), all.map(e => e.textContent)];
}).filter(([words]) => words)"""


@pytest.mark.parametrize("name", [n for n in KINDS if n.endswith(("revenue", "employment", "evaluation", "programme", "yearly"))])
def test_charts_fit_the_screen_of_a_phone_and_are_drawn_once_on_any(visit: Visit, gallery: Gallery, name: str) -> None:
    figures = len(gallery.soup(name).select("figure:has(svg.chart)"))
    assert figures > 0
    for width in WIDTHS:
        opened(visit, gallery.path(name), width)
        visit.page.add_style_tag(content=".qpv .one-theme { content-visibility: visible !important; }")
        assert visit.page.evaluate(DRAWN) == [[width < 640, True, []]] * figures


def test_a_phone_shows_the_own_point_its_name_and_the_last_year_in_readable_words(visit: Visit, gallery: Gallery) -> None:
    opened(visit, gallery.path(f"{pages.BEAU_MARAIS}/revenue"), WIDTHS[0])
    shown = visit.page.evaluate(OWN_ON_A_PHONE, charts.OWN)
    evolutions = [words for own, point, _, words in shown if own.startswith("● Beau Marais") and point]
    assert len(evolutions) == 2 and all("2020" in words for words in evolutions)
    assert [own for own, point, _, _ in shown if own.startswith("◆") and point] == ["◆ Beau Marais"], "the quadrant"
    assert min(least for _, _, least, _ in shown) >= 9


@pytest.mark.parametrize("name", [n for n in KINDS if n.endswith(("revenue", "portrait", "agglomeration"))])
def test_captions_stay_on_the_screen_of_a_phone_however_wide_their_table(visit: Visit, gallery: Gallery, name: str) -> None:
    opened(visit, gallery.path(name), WIDTHS[0])
    visit.page.add_style_tag(content=".qpv .one-theme { content-visibility: visible !important; }")
    visit.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert visit.page.evaluate("document.querySelectorAll('caption').length") > 1
    assert [visit.page.evaluate(CUT, end) for end in (0, 9999)] == [[], []]


def test_what_adds_up_is_told_in_cards_on_a_phone(visit: Visit, gallery: Gallery) -> None:
    opened(visit, gallery.path(f"{pages.BEAU_MARAIS}/portrait"), WIDTHS[0])
    frames = "[...document.querySelectorAll('table.tally')].map(t => t.parentElement.scrollWidth - t.parentElement.clientWidth)"
    assert visit.page.evaluate(frames) == [0]


@pytest.mark.parametrize("width", WIDTHS)
def test_agglomeration_of_22_qpv_is_readable_at_three_widths(
    visit: Visit, tmp_path_factory: pytest.TempPathFactory, full_folder: Path, pictures: Path, width: int
) -> None:
    opened(visit, pages.lens(tmp_path_factory, full_folder).path("agglomeration"), width)
    visit.page.add_style_tag(content=".qpv .one-theme { content-visibility: visible !important; }")
    visit.page.screenshot(path=pictures / f"{pages.LENS}-agglomeration-{width}.png", full_page=True)
    assert visit.page.evaluate(OVERFLOW) <= 0
    assert visit.page.evaluate(POOR) == {"tiny": [], "overlaps": []}
    charts_ = visit.page.evaluate(DRAWN)
    assert len(charts_) >= 3 and charts_ == [[width < 640, True, []]] * len(charts_), "quadrants"
    assert [visit.page.evaluate(CUT, end) for end in (0, 9999)] == [[], []]
    sideways = "[...document.querySelectorAll('table.cards')].map(t => t.parentElement.scrollWidth - t.parentElement.clientWidth)"
    assert visit.page.evaluate(sideways) == [0], "the table of widening gaps"


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
