"""The portrait: all themes of one QPV on one scale, what adds up and by which rule, two printed pages."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

import pages
import pytest
from pages import Run
from playwright.sync_api import sync_playwright
from qpv.analysis import Direction
from qpv.brief import Portrait
from qpv.standing import Side, Tally, standing, trends
from qpv.vocabulary import BRIEF_THEMES, Polarity

THEMES_PLACED = {"revenue", "education", "employment"}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, full_folder: Path) -> Run:
    return pages.syntheses(tmp_path_factory, full_folder)


@pytest.fixture(scope="module")
def portrait(full_folder: Path) -> Portrait:
    return Portrait("QN06254M", "2026-T3", full_folder)


def read(path: Path, column: str) -> dict[str, float]:
    """Read a column of an official table by QPV; cells without a number are left out."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    found = {}
    for row in rows:
        cell = (row[column] or "").replace(",", ".")
        if cell.replace(".", "", 1).isdigit():
            found[row["CODGEO"]] = float(cell)
    return found


# --- the place among the QPV of France ----------------------------------------------------------------

HUNDRED = [float(v) for v in range(101)]


@pytest.mark.parametrize(
    ("own", "polarity", "side"),
    [
        (25.0, Polarity.HIGHER, Side.DISADVANTAGE), (26.0, Polarity.HIGHER, Side.MIDDLE),
        (74.0, Polarity.HIGHER, Side.MIDDLE), (75.0, Polarity.HIGHER, Side.STRENGTH),
        (75.0, Polarity.LOWER, Side.DISADVANTAGE), (25.0, Polarity.LOWER, Side.STRENGTH),
        (100.0, Polarity.NONE, Side.NEUTRAL),
    ],
)  # fmt: skip
def test_quarter_of_the_qpv_of_france_bounds_disadvantages_and_strengths(own: float, polarity: Polarity, side: Side) -> None:
    found = standing(own, HUNDRED, polarity)
    assert found is not None
    assert found.side is side


def test_place_runs_from_the_most_to_the_least_favourable_and_from_low_to_high_without_polarity() -> None:
    def at(own: float, polarity: Polarity) -> float:
        found = standing(own, HUNDRED, polarity)
        assert found is not None
        return found.position

    assert [at(100.0, p) for p in (Polarity.HIGHER, Polarity.LOWER, Polarity.NONE)] == [0, 100, 100]
    assert at(50.0, Polarity.LOWER) == 50


def test_equal_values_share_the_middle_of_their_places() -> None:
    found = standing(1.0, [1.0] * 120, Polarity.HIGHER)
    assert found is not None
    assert (found.ahead, found.behind, found.position, found.side) == (0, 0, 50, Side.MIDDLE)


def test_fewer_than_a_hundred_qpv_give_no_place() -> None:
    assert standing(1.0, HUNDRED[:99], Polarity.HIGHER) is None


# --- Beau Marais ---------------------------------------------------------------------------------------


def test_place_of_beau_marais_is_that_of_the_official_file(portrait: Portrait, official: Path) -> None:
    """Insee, base REVN 2022, income of 2018: a rate of low incomes of 77,6 %."""
    values = read(official / "insee_qpv2015" / "REVN_2022.csv", "BREV")
    own = values["QP062056"]
    (placed,) = [p for p in portrait.placed["revenue"] if p.figure.indicator.id == "low_declared_income_rate_pct"]
    assert placed.figure.own is not None
    assert (float(placed.figure.own["value"]), placed.figure.own["period"]) == (own, "2018") == (77.6, "2018")
    assert placed.standing is not None
    assert placed.standing.count == len(values)
    lower = sum(v < own for v in values.values())
    assert placed.standing.ahead == pytest.approx(100 * lower / (len(values) - 1))
    assert placed.standing.side is Side.DISADVANTAGE


def test_counts_are_those_of_the_rows_and_an_indicator_of_two_themes_counts_once(portrait: Portrait) -> None:
    everything = [p.figure.indicator.id for items in portrait.placed.values() for p in items]
    assert len(everything) == len(set(everything)) == sum(t.total for t in portrait.counts)
    assert "neet_16_25_share_pct" in everything
    for count in portrait.counts:
        judged = [p for p in portrait.placed[count.theme] if p.standing is not None and p.standing.side is not Side.NEUTRAL]
        assert count.placed == len(judged)
        assert count.sides[Side.DISADVANTAGE] == sum(p.standing.ahead >= 75 for p in judged if p.standing)
    assert {t.theme for t in portrait.counts if t.cumulates(Side.DISADVANTAGE)} == THEMES_PLACED
    assert not any(t.cumulates(Side.STRENGTH) for t in portrait.counts)


@pytest.mark.parametrize(
    ("count", "placed", "adds_up"), [(1, 1, False), (1, 2, False), (2, 4, True), (2, 5, False), (0, 0, False)]
)
def test_one_disadvantage_alone_adds_up_to_nothing(count: int, placed: int, adds_up: bool) -> None:
    sides = {Side.DISADVANTAGE: count, Side.MIDDLE: placed - count, Side.STRENGTH: 0}
    assert Tally("housing", 9, placed, sides, {}, 0).cumulates(Side.DISADVANTAGE) is adds_up


def test_what_adds_up_says_of_which_years(portrait: Portrait) -> None:
    words = portrait.summary().html
    assert "Éducation (2010)" in words
    assert "Revenus et pauvreté (2018 et 2019)" in words
    assert "▼ désavantages (2010)" in portrait.tallies().html


def test_a_rise_in_current_euros_is_told_and_not_praised_and_low_incomes_worsen(portrait: Portrait) -> None:
    better, worse, neutral = (
        {p.figure.indicator.id for p in trends(portrait._all, d)} for d in (Direction.BETTER, Direction.WORSE, Direction.NEUTRAL)
    )
    assert "median_disposable_income_eur" in neutral
    praised, told = portrait.trends().html.split("▼ Se dégrade")
    assert "€" not in praised
    assert "+1\u202f109\u202f€, en euros courants" in told
    assert "en euros courants" not in portrait.summary().html
    assert {"low_declared_income_rate_pct", "employment_rate_15_64_pct"} <= worse
    assert not better & worse


def test_page_says_the_rule_the_scale_in_words_and_what_is_missing(run: Run) -> None:
    soup = run.soup("portrait")
    words = pages.visible(soup)
    assert "La règle : un chiffre clé est un désavantage quand au moins trois quarts des autres QPV de France" in words
    assert "moins favorable que 96 % des 1 341 QPV" in words
    assert "Sans valeur pour ce quartier : " in words
    assert "Ce qui manque : " in words
    for row in soup.select("table.gaps tbody tr:not(.group):not(.absent):not(.about)"):
        drawn = row.select_one("svg.scale path")
        if drawn is not None:  # the place is never told by shape and colour alone
            assert row.select_one(".side").get_text()[0] in "▲▼=•"
    assert len(soup.select("table.gaps tr.group")) == len(BRIEF_THEMES)


def test_figures_without_polarity_are_neutral(run: Run) -> None:
    rows = {r.th.get_text(): r for r in run.soup("portrait").select("table.gaps tbody tr:not(.group):not(.absent):not(.about)")}
    neutral = rows["Part des prestations sociales"]
    assert neutral.select_one("path")["class"] == ["neutral"]
    assert not neutral.select(".worse, .better, .disadvantage, .strength")


def test_contract_prints_are_listed_and_a_quartier_of_no_contract_is_told_so(run: Run, full_folder: Path) -> None:
    words = pages.visible(run.soup("portrait"))
    assert "Seuls ses chiffres sont repris" in words
    assert "calais-2024, l. " in words
    store_less = Portrait("QN07501M", "2026-T3", full_folder)
    assert "Aucun contrat de ville embarqué ne donne de chiffre sur ce quartier" in store_less.contract().html


def test_stakes_of_the_contract_are_printed_and_the_source_of_each_figure_is_behind_a_click(run: Run, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 711, "height": 1000})
        page.goto(run.path("portrait").as_uri())
        page.emulate_media(media="print")
        shown = page.eval_on_selector_all("ul.stakes > li", "all => all.map(e => [e.checkVisibility(), e.textContent])")
        folds = page.eval_on_selector_all("table.gaps tr.about", "all => all.filter(e => e.checkVisibility()).length")
        browser.close()
    assert len(shown) >= 5
    assert [words for seen, words in shown if not seen] == []
    assert folds == 0
    rows = run.soup("portrait").select("table.gaps tr.about")
    assert len(rows) > 25
    assert [r for r in rows if not {"Définition", "Valeur", "Source", "Édition"} <= {t.get_text() for t in r.select("dt")}] == []


def test_portrait_holds_its_figures_as_files(run: Run) -> None:
    links = run.soup("portrait").select("ul.downloads a")
    assert [a["download"] for a in links] == [f"QN06254M-portrait-2026-T3.{end}" for end in ("csv", "xlsx", "geojson")]
    content = base64.b64decode(links[0]["href"].partition("base64,")[2]).decode("utf-8-sig")
    assert len(list(csv.DictReader(content.splitlines(), delimiter=";"))) == len(pages.figures(run.soup("portrait")))


def test_portrait_is_one_light_file_whose_ledger_is_the_csv(run: Run) -> None:
    record = run.record("portrait")
    assert record.status == "ok"
    assert record.bytes == run.path("portrait").stat().st_size <= 1_500_000
    figures = pages.figures(run.soup("portrait"))
    assert run.figures(record) == figures
    with (run.folder / "QN06254M" / "figures.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = [r for r in csv.DictReader(stream, delimiter=";") if r["theme"] == "portrait"]
    assert len(rows) == len(figures) > 60


def test_every_value_of_the_profile_is_in_the_ledger(run: Run, portrait: Portrait) -> None:
    told = {(f["indicator"], f["territory"], f["period"], f["value"]) for f in pages.figures(run.soup("portrait"))}
    for items in portrait.placed.values():
        for placed in items:
            own = placed.figure.own
            if own is None:
                assert any(key[0] == placed.figure.indicator.id and key[3] is None for key in told) or len(placed.figure.undated)
            else:
                assert (own["indicator"], own["territory"], own["period"], float(own["value"])) in told


def test_index_links_to_the_portrait_and_the_agglomeration(run: Run) -> None:
    content = run.index.read_text("utf-8")
    assert 'href="QN06254M/portrait.html"' in content
    assert 'href="200090751/agglomeration.html">' in content
    assert "CA Grand Calais Terres et Mers</a>" in content


def test_both_pages_open_offline_without_request_or_error_and_the_portrait_prints_on_two_pages(
    run: Run, chromium: str, tmp_path: Path
) -> None:
    asked: list[str] = []
    troubles: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for kind in ("portrait", "agglomeration"):
            for width in (360, 768, 1280):
                page = browser.new_page(viewport={"width": width, "height": 900})
                page.on("request", lambda r: None if r.url.startswith("file:") else asked.append(r.url))
                page.on("console", lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None)
                page.on("pageerror", lambda e: troubles.append(str(e)))
                page.goto(run.path(kind).as_uri(), wait_until="load")
                page.wait_for_timeout(200)
                assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
                    kind,
                    width,
                )
                page.close()
        page = browser.new_page()
        page.goto(run.path("portrait").as_uri(), wait_until="load")
        content = page.pdf(prefer_css_page_size=True, print_background=True)
        browser.close()
    assert (asked, troubles) == ([], [])
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") == 2
