"""What every page promises: weight, silence, access, print, figures that are the sources', the same bytes.

The pages are those of six real quartiers (see ``pages.GALLERY``); a new kind of page needs a line there.
"""

from __future__ import annotations

import csv
import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pages
import pandas as pd
import printed
import pytest
from bs4 import BeautifulSoup, Tag
from pages import BRIEFS, SITE, SYNTHESES, Gallery, Run
from playwright.sync_api import Browser
from qpv.catalog import Catalog
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse
from visits import OVERFLOW, WIDTHS, Visit, offline, opened, unfold

#: One page of each kind; the other quartiers show what differs in what is known.
KINDS = (*(f"{pages.BEAU_MARAIS}/{theme}" for theme in BRIEF_THEMES), *SYNTHESES, *SITE)
MADE = (*BRIEFS, *SYNTHESES)
EVERY = (*MADE, *SITE)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


# --- weight and silence --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_page_keeps_to_its_weight(gallery: Gallery, name: str) -> None:
    assert 10_000 < gallery.path(name).stat().st_size <= pages.budget(name).bytes


@pytest.mark.parametrize("name", MADE)
def test_brief_holds_one_copy_of_leaflet_and_each_outline_once(gallery: Gallery, name: str) -> None:
    page = gallery.path(name).read_text("utf-8")
    assert page.count("(c) 2010-2022 Vladimir Agafonkin") == page.count(".leaflet-pane,") == 1
    twice = [i for i, n in Counter(re.findall(r'\sid="([^"]+)"', page)).items() if n > 1]
    assert twice == []


@pytest.mark.parametrize("name", EVERY)
def test_page_allows_itself_nothing_but_what_it_holds(gallery: Gallery, name: str) -> None:
    (policy,) = gallery.soup(name).find_all("meta", {"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    # The IGN's layer, which a reader of a map asks for by a tick, is the only host that any page names.
    pictures = {"img-src": "data: https://data.geopf.fr"} if gallery.soup(name).select(".map[data-map]") else {}
    assert {directive: rules[directive] for directive in rules if not directive.startswith(("default", "base", "form"))} == {
        "style-src": "'unsafe-inline'", "script-src": "'unsafe-inline'", **pictures
    }  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_page_unfolded_and_scrolled_asks_for_nothing_and_reports_no_error(visit: Visit, gallery: Gallery, name: str) -> None:
    path = gallery.path(name)
    unfold(opened(visit, path))
    visit.page.mouse.wheel(0, 100_000)
    visit.page.wait_for_timeout(100)
    assert visit.asked == [path.as_uri()]
    assert visit.troubles == []


# --- access --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def examined(browser: Browser) -> Iterator[Visit]:
    """A page that lets axe-core in, past the page's own policy."""
    with offline(browser, bypass_csp=True) as seen:
        yield seen


#: The three widths for one page of each kind, one width for each other page.
LOOKS = [
    *((name, width) for name in KINDS for width in WIDTHS),
    *((name, WIDTHS[n % 3]) for n, name in enumerate(sorted(set(EVERY) - set(KINDS)))),
]


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
    rows = visit.page.locator("table.key tbody tr")
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


@pytest.mark.parametrize("name", MADE)
def test_brief_has_one_title_and_no_level_of_headings_is_skipped(gallery: Gallery, name: str) -> None:
    soup = gallery.soup(name)
    assert soup.html["lang"] == "fr"
    assert len(soup.find_all("main")) == 1
    levels = [int(h.name[1]) for h in soup.find_all(re.compile(r"^h[1-6]$"))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


# --- what it looks like ----------------------------------------------------------------------------------

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
    picture = pictures / f"{name.replace('/', '-')}-{width}.png"
    visit.page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 20_000
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
    for cell in table.tbody.find_all("td"):
        columns.setdefault(cell["data-head"], []).append(cell.get_text().strip())
    assert [head for head, words in columns.items() if set(words) == {"–"}] == []
    assert len(columns) == len(table.thead.find_all("th")) - 1


# --- print ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_brief_prints_on_few_sheets_and_cuts_no_chart_and_no_row(
    visit: Visit, gallery: Gallery, pictures: Path, name: str
) -> None:
    opened(visit, gallery.path(name))
    paper = printed.printed(visit.page)
    (pictures / f"{name.replace('/', '-')}.pdf").write_bytes(paper.pdf)
    assert 1 <= len(paper.sheets) <= pages.budget(name).sheets
    foot = printed.run_together(visit.page.title())
    number = [f"{n}/{len(paper.sheets)}" for n in range(1, len(paper.sheets) + 1)]
    assert [n for n, s in zip(number, paper.sheets, strict=True) if foot not in s or "sources" not in s or n not in s] == []
    assert paper.cut(paper.charts) == []
    assert paper.cut(paper.rows) == []


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


# --- the figures ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts(gallery: Gallery) -> pd.DataFrame:
    """Every observation of the warehouse on the territories that the gallery names, as it was read."""
    store = Warehouse(gallery.warehouse)
    parts = [pd.read_parquet(path) for path in sorted(store.path.glob("observations-*.parquet"))]
    named = {f["territory"] for name in BRIEFS for f in pages.figures(gallery.soup(name))}
    table = pd.concat([p[p["territory"].isin(named)] for p in parts], ignore_index=True)
    return table.astype({c: str for c in table.columns if c not in ("value", "row", "position")})


KEY = ["indicator", "territory", "level", "generation", "period", "edition", "status"]


@pytest.mark.parametrize("name", BRIEFS)
def test_every_figure_of_the_page_is_an_observation_of_the_warehouse(gallery: Gallery, facts: pd.DataFrame, name: str) -> None:
    known = set(zip(*(facts[c] for c in KEY), (None if pd.isna(v) else round(v, 9) for v in facts["value"]), strict=True))
    shown = pages.figures(gallery.soup(name))
    published = [f for f in shown if f["edition"]]
    assert len(published) >= (20 if name.startswith(pages.BEAU_MARAIS) else 3)
    strange = [f for f in published if (*(f[c] for c in KEY), None if f["value"] is None else round(f["value"], 9)) not in known]
    assert strange == []
    assert {(f["value"], f["status"]) for f in shown if not f["edition"]} <= {(None, "unavailable")}


def cell_of(path: Path, line: int, column: str) -> tuple[str, str] | None:
    """Read a cell of a CSV as it stands on its line, and the whole line, without the library's readers."""
    content = path.read_bytes()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = content.decode("latin-1").splitlines()
    separator = max(";,\t", key=lines[0].count)
    head = next(csv.reader([lines[0]], delimiter=separator))
    if column not in head:
        return None
    return next(csv.reader([lines[line - 1]], delimiter=separator))[head.index(column)], lines[line - 1]


def test_figures_of_the_pages_are_those_of_the_official_files(gallery: Gallery, facts: pd.DataFrame, official: Path) -> None:
    """Each figure that is a cell of an official CSV is read again from its line and column."""
    there = {p.name: p for p in official.rglob("*.csv")}
    shown = {tuple(f[c] for c in KEY) for name in BRIEFS for f in pages.figures(gallery.soup(name)) if f["edition"]}
    compared, wrong = Counter(), []
    for fact in facts[facts["file"].isin(there)].itertuples():
        if tuple(getattr(fact, c) for c in KEY) in shown and not pd.isna(fact.value):
            found = cell_of(there[fact.file], fact.row, fact.column)
            if found is None:
                continue  # a quotient of two columns, or a count of rows
            cell, line = found
            compared[fact.file] += 1
            if fact.territory not in line and fact.level != "france":
                wrong.append((fact.file, fact.row, fact.territory, "another territory"))
            if abs(float("".join(cell.replace(",", ".").split())) - fact.value) > 1e-9:
                wrong.append((fact.file, fact.row, fact.column, cell, fact.value))
    assert wrong == []
    assert sum(compared.values()) > 400
    assert len(compared) >= 8


LEVELS = {
    "Commune": "commune", "Agglomération": "epci", "Département": "departement", "Région": "region", "France": "france",
}  # fmt: skip


def number_in(words: str) -> tuple[float, int]:
    """Read a French number back: its value, and how many decimals are written."""
    (written,) = re.findall(r"[−-]?\d[\d\u202f]*(?:,\d+)?", words.split("(")[0])[:1]
    plain = written.replace("\u202f", "").replace("−", "-").replace(",", ".")
    return float(plain), len(plain.partition(".")[2])


def shown_cells(soup: BeautifulSoup) -> Iterator[tuple[str, str, str, str]]:
    """Give label, level, number and period of each figure of the key table that a reader sees."""
    for row in soup.find("table", class_="key").tbody.find_all("tr"):
        label = next(row.th.stripped_strings)
        own = row.find("td", class_="own")
        period = own.find(class_="newer").get_text() if own.strong else ""
        if own.strong:
            yield label, "qpv", own.strong.get_text(), period
        for cell in row.find_all("td"):
            level = LEVELS.get(re.split(r"\s*:", cell["data-head"])[0].strip())
            if level and cell.get_text().strip() != "–":
                dated = cell.find(class_="dated")
                when = re.search(r"\(([^()]*)\)\s*$", dated.get_text())[1] if dated else period
                yield label, level, _without(cell), when


def _without(cell: Tag) -> str:
    return "".join(t for t in cell.find_all(string=True) if t.parent.name != "abbr" and "newer" not in t.parent.get("class", []))


@pytest.mark.parametrize("name", BRIEFS)
def test_numbers_of_the_key_table_read_back_are_the_figures_of_the_page(gallery: Gallery, catalog: Catalog, name: str) -> None:
    soup = gallery.soup(name)
    if soup.find("table", class_="key") is None:
        pytest.fail("the gallery has no page without any key figure") if name in KINDS else None
        return
    labels = {catalog.indicator(f["indicator"]).label: f["indicator"] for f in pages.figures(soup)}
    read = 0
    for label, level, words, period in shown_cells(soup):
        value, decimals = number_in(words)
        year = re.search(r"\d{4}", period)[0]
        found = [
            f["value"] for f in pages.figures(soup)
            if (f["indicator"], f["level"]) == (labels[label], level) and year in f["period"] and f["value"] is not None
        ]  # fmt: skip
        near = [v for v in found if abs(v - value) <= 0.5 * 10**-decimals + 1e-9]
        assert near, f"{label}, {level}: the page writes {words!r} ({period}), its figures are {found}"
        read += 1
    assert read >= (10 if name == KINDS[0] else 1)


# --- same data, same bytes -----------------------------------------------------------------------------

AGAIN = """
import sys
from pathlib import Path
from qpv import batch
from qpv.quarter import Quarter
notebooks, warehouse, outputs = map(Path, sys.argv[1:4])
tasks = batch.plan([sys.argv[4]], sys.argv[5:], Quarter(2026, 3), notebooks, warehouse, outputs)
assert [r.error for r in batch.run(tasks, jobs=1)] == [None] * len(tasks)
"""


def test_another_process_with_other_hashes_and_one_job_gives_the_same_bytes(gallery: Gallery, tmp_path: Path) -> None:
    """The gallery was made by two jobs at once, with the hash seed of this process."""
    themes = ["revenue", "education"]
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    arguments = [str(pages.NOTEBOOKS), str(gallery.warehouse), str(tmp_path), pages.BEAU_MARAIS, *themes]
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, *arguments], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for theme in themes:
        again = tmp_path / str(pages.QUARTER) / pages.BEAU_MARAIS / f"{theme}.html"
        assert again.read_bytes() == gallery.path(f"{pages.BEAU_MARAIS}/{theme}").read_bytes()


# --- hostile words -------------------------------------------------------------------------------------

MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def test_hostile_names_add_no_element_no_attribute_and_no_direction_to_the_page(gallery: Gallery, hostile: Run) -> None:
    page, soup = hostile.html("revenue"), hostile.soup("revenue")
    sound = gallery.soup(KINDS[0])
    assert len(soup.find_all("script", type=False)) == len(sound.find_all("script", type=False))
    assert {t.name for t in soup.find_all()} <= {t.name for t in sound.find_all()}
    assert [a for t in soup.find_all() for a in t.attrs if a.startswith("on")] == []
    assert MARKS.search(page) is None
    assert not pages.HOSTILE.isascii() or soup.title.string.startswith(pages.HOSTILE)
    for svg in soup.find_all("svg"):
        assert not svg.find_all(["script", "foreignobject", "image", "a"])


def test_hostile_names_are_data_in_the_json_blocks(hostile: Run) -> None:
    soup = hostile.soup("revenue")
    assert len(pages.figures(soup)) > 10
    for block in soup.find_all("script", type="application/json"):
        assert not set("<>&") & set(block.string)
    assert any("alert(1)" in block.string for block in soup.select(".map script"))


def test_hostile_names_print_as_words_on_each_sheet_and_bring_no_script_along(visit: Visit, hostile: Run) -> None:
    opened(visit, hostile.path("revenue"))
    assert visit.page.title().startswith(pages.HOSTILE)
    paper = printed.printed(visit.page)
    assert all(printed.run_together(pages.HOSTILE) in sheet for sheet in paper.sheets)
    assert b"/JavaScript" not in paper.pdf
    assert b"/JS" not in paper.pdf
    assert visit.troubles == []


def test_hostile_names_are_no_formula_in_the_figures_of_the_run(hostile: Run) -> None:
    content = (hostile.folder / pages.BEAU_MARAIS / "figures.csv").read_bytes().decode("utf-8-sig")
    cells = [cell for row in csv.reader(content.splitlines(), delimiter=";") for cell in row]
    assert len(cells) > 100
    assert [c for c in cells if re.match(r"[=+@\t\r]|-(?![\d.])", c)] == []
