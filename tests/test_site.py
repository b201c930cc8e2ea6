"""The run as a small site: found by name, code, agglomération, theme, status, or on the map, without a server."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page
from qpv import site
from qpv.analysis import MINIMUM_YEARS
from qpv.batch import Record
from qpv.quarter import Quarter
from qpv.site.frame import PAGES
from qpv.site.method import QUALIFIER_MEANINGS_FR, STATUS_MEANINGS_FR
from qpv.vocabulary import BRIEF_THEMES, QUALIFIER_FR, STATUS_FR, THEMES_FR, Qualifier, Status
from qpv.warehouse import Warehouse
from visits import OVERFLOW, WIDTHS, YARD, YARDSTICK, Visit, busy

NOW = Quarter(2026, 3)
#: Status by QPV and theme of a small run over Calais and Lens-Liévin, and Lille of the official contours.
SMALL = {
    "QN06254M": ("ok", "degraded"), "QN06225M": ("degraded", "degraded"), "QN06219M": ("ok", "failed"), "QN06253M": ("ok", None),
}  # fmt: skip
ROWS = "tbody.qpv-list tr:visible"
#: Milliseconds from a typed letter to a page that is laid out again.
KEYSTROKE = """
async words => {
  const box = document.getElementById('search'), times = [];
  for (let n = 1; n <= words.length; n++) {
    const start = performance.now();
    box.value = words.slice(0, n);
    box.dispatchEvent(new Event('input', {bubbles: true}));
    document.body.offsetHeight;
    times.push(performance.now() - start);
    await new Promise(done => requestAnimationFrame(done));
  }
  return times;
}
"""
#: Milliseconds that the yardstick takes; what it added to the page goes.
TIMED = f"""
() => {{
  const start = performance.now();
  ({YARDSTICK})();
  const spent = performance.now() - start;
  document.body.lastElementChild.remove();
  return spent;
}}
"""


def records_of(statuses: dict[str, tuple[str | None, ...]]) -> list[Record]:
    error = {"cell": 3, "name": "ValueError", "message": "le fichier manque"}
    return [
        Record(code, theme, status, error=error if status == "failed" else None)
        for code, said in statuses.items() for theme, status in zip(BRIEF_THEMES, said, strict=False) if status
    ]  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, full: Warehouse) -> Path:
    """The index of a run over four QPV of two agglomérations."""
    return site.write_index(records_of(SMALL), NOW, full, tmp_path_factory.mktemp("small"))


def codes_of_france(warehouse: Warehouse) -> list[str]:
    qpv = warehouse.places("qpv")
    return sorted(qpv.loc[qpv["generation"] == "2024", "code"])


@pytest.fixture(scope="module")
def france(tmp_path_factory: pytest.TempPathFactory, full: Warehouse) -> Path:
    """The index of a run over all QPV of France, six themes, figures and PDF beside each brief; synthetic records."""
    folder = tmp_path_factory.mktemp("france")
    kinds = ("ok", "degraded", "degraded", "ok", "failed")
    codes = codes_of_france(full)
    found = {c: tuple(kinds[(n + 7 * m) % 5] for m in range(len(BRIEF_THEMES))) for n, c in enumerate(codes)}
    for code in codes:
        (folder / code).mkdir()
        for name in ("figures.csv", *(f"{t}.{end}" for t in BRIEF_THEMES for end in ("html", "pdf"))):
            (folder / code / name).touch()
    return site.write_index(records_of(found), NOW, full, folder)


def opened(visit: Visit, path: Path) -> Page:
    visit.page.goto(path.as_uri(), wait_until="load")
    return visit.page


def shown(page: Page) -> list[str]:
    return sorted(re.findall(r"Q[NP]\w{6}", " ".join(page.locator(ROWS).all_inner_texts())))


def drawn(page: Page) -> int:
    """Scroll the map into view and count the markers and outlines of QPV that are shown."""
    page.locator(".map[data-map]").scroll_into_view_if_needed()
    page.locator(".leaflet-container").wait_for(timeout=5000)
    return page.locator(
        ".leaflet-overlay-pane path[stroke='#0b3d6b']:visible, .leaflet-overlay-pane path[stroke='#b5500b']:visible"
    ).count()


def words(tag: object) -> str:
    return " ".join(tag.get_text(" ").split())  # type: ignore[attr-defined]


# --- filters -----------------------------------------------------------------------------------------


def test_the_index_of_a_small_run_lists_all_and_asks_for_nothing(visit: Visit, small: Path) -> None:
    page = opened(visit, small)
    assert shown(page) == sorted(SMALL)
    assert drawn(page) == 4
    assert visit.asked == [small.as_uri()]
    assert visit.troubles == []


@pytest.mark.parametrize(
    ("choices", "kept"),
    [
        ({"#search": "liévin"}, ["QN06219M", "QN06225M"]),
        ({"#search": "QP062056"}, ["QN06254M"]),  # a code of 2015 finds its heir
        ({"#epci": "CA de Lens - Liévin"}, ["QN06219M", "QN06225M"]),
        ({"#theme": THEMES_FR["education"]}, ["QN06219M", "QN06225M", "QN06254M"]),
        ({"#status": "échec"}, ["QN06219M"]),
        ({"#status": "complet"}, ["QN06219M", "QN06253M", "QN06254M"]),
        ({"#theme": THEMES_FR["education"], "#status": "complet"}, []),
        ({"#epci": "CA de Lens - Liévin", "#theme": THEMES_FR["revenue"], "#status": "partiel"}, ["QN06225M"]),
        ({"#search": "beau", "#epci": "CA de Lens - Liévin"}, []),
    ],
    ids=str,
)
def test_filters_keep_the_rows_and_the_marks_that_match(visit: Visit, small: Path, choices: dict, kept: list[str]) -> None:
    page = opened(visit, small)
    drawn(page)
    for field, words in choices.items():
        page.fill(field, words) if field == "#search" else page.select_option(field, label=words)
    assert shown(page) == kept
    assert drawn(page) == len(kept)
    said = page.inner_text("#count")
    assert said == "Aucun quartier ne répond à ces choix." if not kept else said.startswith(f"{len(kept)} quartier")
    page.click("#reset")
    assert shown(page) == sorted(SMALL)
    assert visit.troubles == []


def test_choosing_a_theme_leaves_its_column_alone(visit: Visit, small: Path) -> None:
    page = opened(visit, small)
    page.select_option("#theme", label=THEMES_FR["education"])
    assert page.locator("#run thead th:visible").all_inner_texts() == [
        "Quartier",
        "Intercommunalité",
        THEMES_FR["education"],
        "Données",
    ]


def test_a_link_is_named_after_theme_and_quartier(visit: Visit, small: Path) -> None:
    page = opened(visit, small)
    label = page.locator("a[href='QN06254M/revenue.html']").get_attribute("aria-label")
    assert label == f"complet, {THEMES_FR['revenue']}, Beau Marais", "it begins with the words that are seen"


# --- list and map ------------------------------------------------------------------------------------


def test_the_button_of_a_quartier_reveals_it_on_the_map_by_keyboard(visit: Visit, small: Path) -> None:
    page = opened(visit, small)
    button = page.locator("tr", has_text="QN06254M").locator("button")
    button.focus()
    page.keyboard.press("Enter")
    tip = page.locator(".leaflet-tooltip")
    tip.wait_for(timeout=5000)
    assert "Beau Marais" in tip.inner_text()
    assert page.inner_text("#shown") == "Beau Marais est montré sur la carte."
    assert "picked" in page.locator("tr", has_text="QN06254M").get_attribute("class")
    assert visit.troubles == []


def test_a_mark_on_the_map_shows_its_row(visit: Visit, small: Path) -> None:
    page = opened(visit, small)
    drawn(page)
    page.locator(".leaflet-overlay-pane path[stroke='#0b3d6b']").nth(0).dispatch_event("click")
    row = page.locator("tr.picked")
    assert row.count() == 1
    assert row.locator("button").evaluate("b => b === document.activeElement")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", list(PAGES))
def test_no_page_of_the_site_scrolls_sideways(visit: Visit, small: Path, name: str, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    page = opened(visit, small.with_name(name))
    assert page.evaluate(OVERFLOW) <= 0
    assert visit.troubles == []


def test_every_page_is_reached_from_every_other(visit: Visit, small: Path) -> None:
    for start in PAGES:
        for target in PAGES:
            page = opened(visit, small.with_name(start))
            page.click(f"nav a[href='{target}']")
            page.wait_for_url(f"**/{target}")
    assert {a.rpartition("/")[2] for a in visit.asked} == set(PAGES)
    assert visit.troubles == []


def test_the_run_without_outlines_is_drawn_at_the_points_of_communes_and_says_so(
    visit: Visit, embedded: Warehouse, tmp_path: Path
) -> None:
    page = opened(visit, site.write_index(records_of(SMALL), NOW, embedded, tmp_path))
    assert drawn(page) == 4
    assert "4 quartiers sans contour sont placés au point de la commune" in page.inner_text("figure.atlas")


def test_the_list_can_be_read_without_script(browser: Browser, small: Path) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(small.as_uri())
    assert shown(page) == sorted(SMALL)
    assert page.locator("#search:visible").count() == 0, "a field that does nothing is not shown"
    assert page.locator("svg.map-print:visible").count() == 1
    context.close()


def test_the_index_prints_with_its_map_and_all_rows(visit: Visit, small: Path) -> None:
    page = opened(visit, small)
    drawn(page)
    page.emulate_media(media="print")
    assert page.locator("svg.map-print:visible").count() == 1
    assert shown(page) == sorted(SMALL)
    assert page.locator("#search:visible").count() == 0


# --- all of France -----------------------------------------------------------------------------------


def test_the_index_of_all_qpv_is_small_enough_and_holds_each(france: Path, full: Warehouse) -> None:
    assert france.stat().st_size <= 2_500_000
    content = france.read_text("utf-8")
    codes = codes_of_france(full)
    assert len(codes) == 1609
    assert content.count('scope="row"') >= 1609
    assert all(f'href="{c}/ecology.pdf"' in content or f"{c}/ecology.html" not in content for c in codes)


def test_the_index_of_all_qpv_lists_the_first_failures_and_says_where_all_are(france: Path) -> None:
    soup = BeautifulSoup(france.read_text("utf-8"), "html.parser")
    table = next(t for t in soup.find_all("table") if t.caption.get_text() == "Briefs en échec")
    assert len(table.tbody.find_all("tr")) == 20
    assert "ValueError: le fichier manque" in table.get_text()
    note = table.find_next("p", class_="note")
    assert note.get_text() == "Les 20 premiers sur 1 930\u202f; tous, avec leur trace, sont dans le rapport d’exécution.".replace(
        "1 930", "1\u202f930"
    )
    assert note.a["href"] == "run.html"


def test_the_index_of_all_qpv_filters_within_a_tenth_of_a_second(visit: Visit, france: Path) -> None:
    """On the machine of ``YARD``: half of what its yardstick takes, here and now."""
    page = opened(visit, france)
    drawn(page)
    yard = min(page.evaluate(TIMED) for _ in range(2))
    for typed in ("saint-denis", "QN0625"):
        times = page.evaluate(KEYSTROKE, typed)
        assert sorted(times)[len(times) // 2] * YARD * 1000 / yard < 100
    page.click("#reset")
    assert page.locator(ROWS).count() == 100
    page.click("#more button")
    assert page.locator(ROWS).count() == 1609


def test_a_quartier_overseas_is_reached_on_the_map(visit: Visit, france: Path) -> None:
    page = opened(visit, france)
    assert drawn(page) > 1300  # those of metropolitan France are in view
    assert page.locator(".leaflet-overlay-pane path[stroke='#0b3d6b']").count() == 1609
    page.click("#views button:has-text('La Réunion')")
    page.fill("#search", "QN97401")
    page.locator(ROWS).first.locator("button").click()
    assert "est montré sur la carte" in page.inner_text("#shown")
    assert visit.troubles == []


def test_the_index_of_all_qpv_is_ready_within_two_seconds_on_a_processor_four_times_slower(visit: Visit, france: Path) -> None:
    assert 0.02 < busy(visit, france) <= 2


# --- what pages say ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(PAGES))
def test_pages_are_the_same_twice(small: Path, full: Warehouse, tmp_path: Path, name: str) -> None:
    site.write_index(records_of(SMALL), NOW, full, tmp_path)
    assert (tmp_path / name).read_bytes() == small.with_name(name).read_bytes()


@pytest.mark.parametrize("name", list(PAGES))
def test_pages_allow_nothing_but_themselves(small: Path, name: str) -> None:
    soup = BeautifulSoup(small.with_name(name).read_text("utf-8"), "html.parser")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'")
    assert ("geopf" in policy) == (name == "index.html")
    assert not soup.find_all(src=True)
    assert soup.html["lang"] == "fr"
    assert len(soup.find_all("h1")) == 1
    assert soup.select_one("nav a[aria-current]")["href"] == name


def test_pages_on_places_that_are_no_qpv_are_listed_apart(full: Warehouse, tmp_path: Path) -> None:
    made = [Record("QN06254M", "portrait", "ok"), Record("200090751", "agglomeration", "degraded")]
    soup = BeautifulSoup(site.write_index(made, NOW, full, tmp_path).read_text("utf-8"), "html.parser")
    assert soup.select_one("#run a[href='QN06254M/portrait.html']")
    assert "Portrait" in words(soup.select_one("#run thead"))
    link = soup.select_one("a[href='200090751/agglomeration.html']")
    assert "Grand Calais" in words(link)
    assert link.find_parent("table") is None


def test_complete_is_said_of_briefs_that_lack_no_key_figure_and_only_quartiers_count_as_such(
    full: Warehouse, tmp_path: Path
) -> None:
    made = [Record("QN06254M", "housing", "ok", missing=["owner_occupied_dwellings_pct"]), Record("QN06254M", "revenue", "ok"),
            Record("200090751", "agglomeration", "ok"), Record("QN06253M", "health", "failed", error={"cell": 3, "name": "OSError"})]  # fmt: skip
    index = site.write_index(made, NOW, full, tmp_path)
    soup = BeautifulSoup(index.read_text("utf-8"), "html.parser")
    (row,) = [r for r in soup.select("#run tbody tr") if r.select("a")]
    assert {a["href"]: a.get_text() for a in row.select("a")} == {
        "QN06254M/housing.html": "partiel", "QN06254M/revenue.html": "complet",
    }  # fmt: skip
    said = words(soup)
    assert "2 quartiers, 1 intercommunalité, 4 briefs : 2 complets, 1 partiel, 1 échec." in said
    assert "Il est, avec sa trace, dans le rapport d’exécution" in said
    alone = site.write_index(made[1:2], NOW, full, tmp_path)
    assert "Le quartier de la page" in alone.read_text("utf-8")


def test_a_pdf_older_than_its_page_is_not_linked(full: Warehouse, tmp_path: Path) -> None:
    import os

    folder = tmp_path / "QN06254M"
    folder.mkdir()
    for theme in ("revenue", "education"):
        (folder / f"{theme}.html").touch()
        (folder / f"{theme}.pdf").touch()
    os.utime(folder / "revenue.pdf", ns=(0, 0))
    soup = BeautifulSoup(site.write_index(records_of(SMALL), NOW, full, tmp_path).read_text("utf-8"), "html.parser")
    assert [a["href"] for a in soup.find_all("a", string="PDF")] == ["QN06254M/education.pdf"]


def test_the_glossary_explains_every_status_and_qualifier(small: Path) -> None:
    assert set(STATUS_MEANINGS_FR) == set(Status)
    assert set(QUALIFIER_MEANINGS_FR) == set(Qualifier)
    said = words(BeautifulSoup(small.with_name("glossary.html").read_text("utf-8"), "html.parser").main)
    for word in [*STATUS_FR.values(), *filter(None, QUALIFIER_FR.values())]:
        assert word in said


def test_the_glossary_defines_each_key_figure(small: Path, full: Warehouse) -> None:
    soup = BeautifulSoup(small.with_name("glossary.html").read_text("utf-8"), "html.parser")
    keys = [i for i in full.catalog.indicators.values() if i.key]
    assert {words(h) for h in soup.select("tbody.qpv-list th")} == {" ".join(i.label.split()) for i in keys}


def test_the_method_page_gives_the_bounds_that_the_library_applies(small: Path, full: Warehouse) -> None:
    said = words(BeautifulSoup(small.with_name("method.html").read_text("utf-8"), "html.parser").main)
    assert f"au moins {MINIMUM_YEARS} ans" in said
    assert "97 % des deux surfaces" in said
    assert "300 m" in said
    minimums = sorted({i.minimum_count for i in full.catalog.indicators.values() if i.minimum_count})
    for low in minimums:
        assert f"{low} pour" in said


@pytest.mark.parametrize("name", ["index.html", "changes.html"])
def test_a_hostile_name_is_only_ever_text(tmp_path_factory: pytest.TempPathFactory, visit: Visit, name: str) -> None:
    run = pages.hostile(tmp_path_factory)
    page = opened(visit, run.folder / name)
    page.wait_for_timeout(200)
    assert visit.troubles == []
    assert name != "index.html" or pages.HOSTILE in page.inner_text("#run")
