"""What a printed page holds: few sheets, nothing cut, every map drawn, the sources named on each."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import printed
import pytest
from pages import BRIEFS, KINDS, MADE, SITE, Gallery
from playwright.sync_api import Browser
from visits import Visit, opened, unfold


@pytest.mark.parametrize("name", MADE)
def test_brief_prints_on_few_sheets_and_cuts_no_chart_and_no_row(
    visit: Visit, gallery: Gallery, pictures: Path, name: str
) -> None:
    opened(visit, gallery.path(name))
    paper = printed.printed(visit.page)
    (pictures / f"{name.replace('/', '-')}.pdf").write_bytes(paper.pdf)
    assert 1 <= len(paper.sheets) <= pages.budget(name).sheets
    assert paper.without_foot(visit.page.title(), "sources") == []
    assert paper.cut(paper.charts) == []
    assert paper.cut(paper.rows) == []


#: The cells of the key-figure table whose words, as they are laid out, stand beyond the edge of their cell.
_BEYOND = """() => [...document.querySelectorAll('table.key :is(th, td)')].filter(e => e.checkVisibility()).filter(cell => {
  const range = document.createRange(), edge = cell.getBoundingClientRect();
  range.selectNodeContents(cell);
  return [...range.getClientRects()].some(r => r.width > 0 && (r.right > edge.right + .5 || r.left < edge.left - .5));
}).map(e => e.textContent.slice(0, 60))"""


@pytest.mark.parametrize("name", MADE)
def test_no_word_of_the_key_table_is_printed_over_the_next_column(visit: Visit, gallery: Gallery, name: str) -> None:
    opened(visit, gallery.path(name))
    visit.page.set_viewport_size({"width": 711, "height": 1000})  # what the margins leave of a sheet
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate(_BEYOND) == []


@pytest.mark.parametrize("name", SITE)
def test_page_around_the_briefs_prints_on_numbered_sheets_and_cuts_no_row(
    visit: Visit, gallery: Gallery, pictures: Path, name: str
) -> None:
    opened(visit, gallery.path(name))
    paper = printed.printed(visit.page)
    (pictures / f"{name}.pdf").write_bytes(paper.pdf)
    assert 1 <= len(paper.sheets) <= pages.budget(name).sheets
    assert paper.without_foot(visit.page.title()) == []
    assert paper.cut(paper.rows) == []


def test_the_portrait_with_most_trends_and_stakes_prints_on_two_sheets(
    visit: Visit, tmp_path_factory: pytest.TempPathFactory, full_folder: Path
) -> None:
    def make(outputs: Path) -> pages.Run:
        return pages.publish(full_folder, outputs, pages.FORT_NIEULAY, ["portrait"])

    opened(visit, pages._once(tmp_path_factory, "run-fort-nieulay", make).path("portrait"))
    paper = printed.printed(visit.page)
    assert len(paper.sheets) == pages.BUDGETS["portrait"].sheets
    assert paper.cut(paper.rows) == []


def test_agglomeration_of_22_qpv_prints_on_six_sheets_and_each_repeated_head_has_its_words(
    visit: Visit, tmp_path_factory: pytest.TempPathFactory, full_folder: Path
) -> None:
    opened(visit, pages.lens(tmp_path_factory, full_folder).path("agglomeration"))
    paper = printed.printed(visit.page)
    assert len(paper.sheets) <= pages.budget("agglomeration").sheets
    assert paper.cut(paper.charts) == []
    assert paper.cut(paper.rows) == []
    # Where a table of QPV goes on, its head stands again above the first row, with the years of its columns.
    before = [sheet.partition("QP0620")[0] for sheet in paper.sheets if "QP0620" in sheet]
    continued = [words for words in before if "QPVdupérimètre" not in words]
    assert continued
    assert [words for words in continued if not re.search("Quartier.*(201[0-9]|202[0-4])", words)] == []


@pytest.mark.parametrize("drawn", [False, True], ids=["maps not yet drawn", "maps drawn"])
@pytest.mark.parametrize("name", [n for n in BRIEFS if n != f"{pages.BEAU_MARAIS}/health"])
def test_maps_are_printed_whether_a_reader_scrolled_to_them_or_not(
    visit: Visit, gallery: Gallery, name: str, drawn: bool
) -> None:
    opened(visit, gallery.path(name))
    if drawn:
        unfold(visit)
    maps = printed.printed(visit.page).maps
    assert len(maps) >= 3
    for one in maps:
        assert (one.display, one.shapes > 0) == ("block", True)
        assert one.width > 150
        assert one.height > 100


def test_three_maps_stand_side_by_side_on_paper(visit: Visit, gallery: Gallery) -> None:
    opened(visit, gallery.path(KINDS[0]))
    visit.page.set_viewport_size({"width": 711, "height": 1000})  # what the margins leave of a sheet
    visit.page.emulate_media(media="print")
    tops = visit.page.eval_on_selector_all("figure.map-figure", "all => all.map(e => e.getBoundingClientRect().top)")
    assert len(tops) == 3
    assert len(set(tops)) == 1


def test_the_outlines_of_the_own_quartier_are_drawn_without_script_too(browser: Browser, gallery: Gallery) -> None:
    """A rule that names the defs' svg does not reach the copies that <use> makes: strokes would be a metre wide."""
    context = browser.new_context(java_script_enabled=True, offline=True)
    page = context.new_page()
    page.goto(gallery.path(KINDS[0]).as_uri())
    stroke = "id => getComputedStyle(document.querySelector('svg.outlines path')).vectorEffect"
    assert page.evaluate(stroke) == "non-scaling-stroke"
    rules = page.evaluate("[...document.styleSheets].flatMap(s => [...s.cssRules]).map(r => r.cssText)")
    assert [r.split("{")[0].strip() for r in rules if "vector-effect" in r and "outlines" in r] == []
    context.close()
