"""The brief of an agglomération: mean, lowest and highest QPV as in the official files, gaps that widen, what is missing."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import statistics
import zipfile
from collections import Counter
from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from pages import Run
from playwright.sync_api import sync_playwright
from qpv import batch
from qpv.analysis import Refusal
from qpv.brief import Agglomeration
from qpv.errors import AmbiguousTerritoryError, ParameterError, UnknownTerritoryError
from qpv.maps import CLASSES
from qpv.panel import concerned, load_panel, resolve_epci
from qpv.photograph import Photograph, Widening, photograph, widening
from qpv.profile import Profile
from qpv.warehouse import Warehouse

LENS = pages.LENS
#: The QPV of 2015 of the CA de Lens - Liévin, three of them with the CA d'Hénin-Carvin, one with that of Béthune.
CODES = {f"QP0620{n:02d}" for n in (2, 16, *range(19, 36), 43, 45, 47)}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, full_folder: Path) -> Run:
    return pages.lens(tmp_path_factory, full_folder)


@pytest.fixture(scope="module")
def revenue(full: Warehouse) -> Profile:
    return load_panel(full, LENS, "revenue", "2026-T3")


def shot_of(panel: Profile, indicator: str) -> Photograph:
    found = photograph(panel, panel.catalog.indicator(indicator))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def filosofi(official: Path) -> dict[tuple[str, int], dict[str, float]]:
    """Median income and poverty rate by QPV and year, as the official panel prints them."""
    with (official / "qpv_other" / "filosofi_qpv2015_panel_2012_2020.csv").open(encoding="utf-8-sig", newline="") as stream:
        return {
            (r["code"], int(r["annee"])): {k: float(r[k]) for k in ("revenu_median", "taux_pauvrete") if r[k]}
            for r in csv.DictReader(stream)
        }


def test_a_date_at_which_one_of_two_qpv_is_known_gives_way_to_that_of_both(full: Warehouse) -> None:
    """Calais: the first decile of 2019 is printed for one QPV, that of 2018 published for both."""
    shot = shot_of(load_panel(full, "200090751", "revenue", "2026-T3"), "first_decile_disposable_income_eur")
    assert (shot.period, len(shot.rows)) == ("2018", 2)
    assert shot.lowest.value < shot.highest.value


# --- the photographie ----------------------------------------------------------------------------------


def test_mean_minimum_and_maximum_of_median_income_are_those_of_the_official_file(
    revenue: Profile, filosofi: dict[tuple[str, int], dict[str, float]]
) -> None:
    shot = shot_of(revenue, "median_disposable_income_eur")
    values = {code: filosofi[code, 2019]["revenu_median"] for code in CODES}
    assert (shot.generation, shot.period, len(shot.rows)) == ("2015", "2019", 22)
    assert shot.rows["value"].to_dict() == values
    assert shot.mean == pytest.approx(statistics.mean(values.values())) == pytest.approx(14_081.36, abs=0.01)
    assert (shot.lowest.value, shot.lowest.codes) == (13_140, ("QP062034",))
    assert (shot.highest.value, shot.highest.codes) == (15_130, ("QP062016", "QP062035")), "two QPV share the highest value"
    assert min(values.values()) == 13_140
    assert max(values.values()) == 15_130


def test_territories_beside_are_of_the_same_period_or_carry_their_own(revenue: Profile) -> None:
    income, poverty = (shot_of(revenue, i) for i in ("median_disposable_income_eur", "poverty_rate_pct"))
    assert {level: float(row["value"]) for level, row in income.beside.items()} == {
        "epci": 17_980, "departement": 19_560, "region": 20_360, "france": 21_930,
    }  # fmt: skip
    assert sum(income.directions.values()) == income.directions["worse"] == 22
    assert poverty.period == "2020"
    assert poverty.same_period("epci") is None
    assert poverty.directions == {}


def test_qpv_without_a_value_is_shown_with_the_reason_of_the_producer(revenue: Profile) -> None:
    shot = shot_of(revenue, "taxed_households_share_pct")
    assert set(shot.rows.index) | set(shot.absences) == CODES
    assert set(shot.absences.values()) == {"non publié"}
    assert len(shot.absences) == 4


def test_two_of_twenty_two_qpv_make_no_mean(full: Warehouse) -> None:
    shot = shot_of(load_panel(full, LENS, "education", "2026-T3"), "neet_16_25_share_pct")
    assert (len(shot.rows), shot.mean) == (2, None)
    assert set(shot.absences.values()) == {"absent des fichiers lus"}


# --- gaps that widen -----------------------------------------------------------------------------------


def test_share_of_qpv_whose_gap_widens_equals_a_direct_computation(
    revenue: Profile, filosofi: dict[tuple[str, int], dict[str, float]], official: Path
) -> None:
    """Against the QPV known at both dates: 56 overseas came into the file of 2018, and alone would move its median."""
    found = widening(revenue, shot_of(revenue, "poverty_rate_pct"))
    assert isinstance(found, Widening)
    assert (found.start, found.end, found.against) == ("2012", "2018", "la médiane des QPV de France connus aux deux dates")
    first, last = ({c: row["taux_pauvrete"] for (c, y), row in filosofi.items() if y == year and "taux_pauvrete" in row}
                   for year in (2012, 2018))  # fmt: skip
    with (official / "insee_qpv2015" / "REVN_2022.csv").open(encoding="utf-8-sig", newline="") as stream:
        cells = {r["CODGEO"]: (r["TP60"] or "").replace(",", ".") for r in csv.DictReader(stream, delimiter=";")}
    last |= {code: float(cell) for code, cell in cells.items() if cell.replace(".", "", 1).isdigit()}
    assert len(last) > 1340 > 1300 > len(first)
    both = first.keys() & last.keys()
    medians = [statistics.median(values[c] for c in both) for values in (first, last)]
    gaps = {c: (first[c] - medians[0], last[c] - medians[1]) for c in CODES}
    widened = {c for c, (then, now) in gaps.items() if now > 0 and now - then >= 0.05}
    points = found.points.set_index("territory")
    assert points["gap"].to_dict() == pytest.approx({c: now for c, (_, now) in gaps.items()})
    assert set(points.index[points["widening"]]) == widened
    assert (found.count, found.share) == (len(widened), pytest.approx(100 * len(widened) / 22))


def test_count_has_no_gap(full: Warehouse) -> None:
    panel = load_panel(full, LENS, "employment", "2026-T3")
    assert isinstance(widening(panel, shot_of(panel, "job_seekers_abc_count")), Refusal)


# --- the page ------------------------------------------------------------------------------------------


def test_page_names_mean_lowest_and_highest(run: Run) -> None:
    soup = run.soup("agglomeration")
    (row,) = [
        r for r in soup.select("table.photo tr:has(td[data-head])") if r.th.get_text().startswith("Médiane du revenu disponible")
    ]
    cells = [" ".join(td.get_text(" ").split()) for td in row.select("td")]
    assert cells[:4] == [
        "2019 22 QPV sur 22", "14 081 €", "13 140 € Quartier du 3/15", "15 130 € Quartier Saint-Elie - Fosse 13, Cité Des Taberneaux",
    ]  # fmt: skip
    assert "CA de Lens - Liévin 17 980 € ▼ −3 899 €" in cells[4]
    assert "Pas-de-Calais 19 560 €" in cells[4]


def test_every_qpv_has_a_row_in_every_theme_and_a_value_or_a_reason_in_every_cell(run: Run) -> None:
    tables = run.soup("agglomeration").select("table.roster")
    assert len(tables) == 6
    for table in tables:
        rows = table.select("tbody tr")
        assert {r.th.select_one(".newer").get_text() for r in rows} == CODES
        for cell in (td for r in rows for td in r.select("td")):
            assert cell.get_text().strip() not in ("", "–")
            assert (cell["data-value"] == "") == ("none" in cell.get("class", []))


def test_indicators_that_no_qpv_has_are_listed_with_why(run: Run) -> None:
    record = run.record("agglomeration")
    words = pages.visible(run.soup("agglomeration"))
    assert f"Chiffres clés qu’aucun QPV n’a : {len(record.missing)}" in words
    assert "life_expectancy_men_years" in record.missing
    assert "aucune source lue ne le mesure à l’échelle des quartiers" in words


def test_page_is_light_complete_and_its_ledger_holds_every_value_of_the_tables(run: Run, full_folder: Path) -> None:
    record = run.record("agglomeration")
    assert (record.qpv, record.name, record.status) == (LENS, "CA de Lens - Liévin", "ok")
    assert run.path("agglomeration") == run.folder / LENS / "agglomeration.html"
    assert record.bytes <= 1_500_000
    figures = pages.figures(run.soup("agglomeration"))
    assert figures == run.figures(record)
    told = {(f["indicator"], f["territory"], f["period"]): f["value"] for f in figures if f["level"] == "qpv"}
    brief = Agglomeration(LENS, "2026-T3", full_folder)
    shown = {(s.indicator.id, code, s.period): v for shots in brief.shots.values() for s in shots
             for code, v in s.rows["value"].items()}  # fmt: skip
    assert {key: told[key] for key in shown} == shown
    with (run.folder / LENS / "figures.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == len(figures)


def test_same_data_give_the_same_blocks(full_folder: Path) -> None:
    one, two = (Agglomeration(LENS, "2026-T3", full_folder) for _ in range(2))
    for brief in (one, two):
        brief.photograph()
    assert one.theme("revenue").html == two.theme("revenue").html
    assert one.close().html == two.close().html


def files_of(soup: BeautifulSoup) -> dict[str, bytes]:
    links = soup.select("ul.downloads a[download]")
    return {a["download"]: base64.b64decode(a["href"].split("base64,")[1]) for a in links}


def test_the_files_to_keep_hold_every_figure_of_the_page_packed_where_they_are_large(run: Run) -> None:
    files = files_of(run.soup("agglomeration"))
    stem = f"{LENS}-agglomeration-2026-T3"
    assert list(files) == [f"{stem}.csv.zip", f"{stem}.xlsx", f"{stem}.geojson.zip"]
    with zipfile.ZipFile(io.BytesIO(files[f"{stem}.csv.zip"])) as archive:
        assert archive.namelist() == [f"{stem}.csv"]
        rows = list(csv.DictReader(io.StringIO(archive.read(f"{stem}.csv").decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == len(pages.figures(run.soup("agglomeration")))
    assert {r["theme"] for r in rows} == {"agglomeration"}


def test_the_geojson_has_every_qpv_of_both_perimeters_with_its_key_figures_or_why_not(run: Run) -> None:
    with zipfile.ZipFile(io.BytesIO(files_of(run.soup("agglomeration"))[f"{LENS}-agglomeration-2026-T3.geojson.zip"])) as archive:
        content = json.loads(archive.read(archive.namelist()[0]))
    about = {f["id"]: f["properties"] for f in content["features"]}
    assert Counter(p["perimetre"] for p in about.values()) == {"2015": 22, "2024": 22}
    income = "median_disposable_income_eur"
    assert content["indicateurs"][income].startswith("Médiane du revenu disponible par unité de consommation (")
    (least,) = [p for p in about.values() if p["nom"] == "Quartier du 3/15" and p["perimetre"] == "2015"]
    assert (least[income], least[f"{income}_periode"], least[f"{income}_statut"]) == (13140, "2019", "observé")
    for place in about.values():
        for name in content["indicateurs"]:
            assert name not in place or place[name] is not None or place[f"{name}_statut"]


def test_small_maps_say_range_and_count_and_draw_a_disc_a_qpv(run: Run) -> None:
    figures = run.soup("agglomeration").select(".small-maps figure")
    assert len(figures) == 12
    first = figures[0]
    assert first.figcaption.get_text() == "Revenu disponible médian, 2019"
    assert (
        first.svg["aria-label"]
        == "Revenu disponible médian, 2019\u202f: 22 QPV sur 22, de 13\u202f140\u202f€ à 15\u202f130\u202f€"
    )
    assert len([c for c in first.svg.select("circle") if c["fill"] in CLASSES]) == 22
    assert first.svg.use["href"] == f"#o-epci-{LENS}"
    assert run.soup("agglomeration").find(id=f"o-epci-{LENS}") is not None


def test_a_figure_of_a_territory_beside_says_that_a_contract_printed_it(run: Run) -> None:
    words = pages.visible(run.soup("agglomeration"))
    assert re.search(r"CA de Lens - Liévin 26\s%\s\(2012\s?\)?\s*repris du contrat", words), words[words.find("26") - 80 :][:200]


def test_gaps_that_no_direction_judges_grow_and_stand_last(run: Run) -> None:
    (table,) = [t for t in run.soup("agglomeration").select("table") if t.caption and "se creuse-t-il" in t.caption.get_text()]
    judged = ["sans jugement" not in r.get_text() for r in table.select("tbody tr")]
    assert judged == sorted(judged, reverse=True)
    assert {True, False} == set(judged)
    assert ["(écart qui grandit)" not in r.get_text() for r in table.select("tbody tr")] == judged


def test_every_map_of_figures_names_its_source_below_it(run: Run) -> None:
    figures = run.soup("agglomeration").select("figure.map-figure")
    assert len(figures) >= 5
    assert [f.figcaption.get_text() for f in figures if "Source : " not in f.select_one("p.note").get_text()] == []


def test_an_agglomeration_of_two_qpv_has_no_small_maps(full_folder: Path) -> None:
    assert Agglomeration("200090751", "2026-T3", full_folder).maps().html == ""


def test_heads_sort_the_rows_and_leave_what_has_no_value_at_the_end(run: Run, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(run.path("agglomeration").as_uri(), wait_until="load")
        table = page.locator("table.roster").first
        head = table.locator("thead th", has_text="Ménages imposés")
        seen = []
        for _ in range(2):
            head.locator("button").press("Enter")
            column = head.evaluate("h => h.cellIndex")
            cells = table.evaluate(f"t => [...t.tBodies[0].rows].map(r => r.cells[{column}].dataset.value)")
            seen.append((head.get_attribute("aria-sort"), cells))
        browser.close()
    (first, up), (second, down) = seen
    assert (first, second) == ("ascending", "descending")
    for cells, reverse in ((up, False), (down, True)):
        numbers = [float(c) for c in cells if c]
        assert numbers == sorted(numbers, reverse=reverse)
        assert cells[-4:] == [""] * 4


# --- the territory -------------------------------------------------------------------------------------


def test_epci_is_found_by_code_or_name_and_an_unknown_one_refused(full: Warehouse) -> None:
    assert resolve_epci(full, LENS) == resolve_epci(full, "lens liévin") == LENS
    with pytest.raises(UnknownTerritoryError, match=r"'246200999'.*SIREN"):
        resolve_epci(full, "246200999")
    with pytest.raises(AmbiguousTerritoryError, match="several EPCI"):
        resolve_epci(full, "métropole")


def test_epci_concerned_is_that_of_the_contract_or_the_one_that_was_asked(full: Warehouse) -> None:
    assert concerned(full, "QN06254M", ["QN06254M"]) == ["200090751"]
    assert concerned(full, "all", ["QN06243M", "QN06225M"]) == ["246200299", LENS]
    assert concerned(full, LENS, ["QN06243M", "QN06225M"]) == [LENS]


def test_plan_makes_one_brief_an_epci_with_its_own_parameter(tmp_path: Path) -> None:
    kinds = ["revenue", "portrait", "agglomeration"]
    tasks = batch.plan(["QN06225M", "QN06226M"], kinds, pages.QUARTER, pages.NOTEBOOKS, tmp_path / "w", tmp_path / "out", [LENS])
    assert [(t.qpv, t.theme) for t in tasks] == [
        ("QN06225M", "revenue"), ("QN06225M", "portrait"), ("QN06226M", "revenue"), ("QN06226M", "portrait"), (LENS, "agglomeration"),
    ]  # fmt: skip
    assert tasks[-1].parameters == {"epci": LENS, "quarter": "2026-T3", "warehouse": str((tmp_path / "w").resolve())}
    assert set(tasks[0].parameters) == {"qpv", "quarter", "warehouse"}


def test_unknown_theme_is_refused(embedded_folder: Path) -> None:
    with pytest.raises(ParameterError, match="'transport'"):
        Agglomeration(LENS, "2026-T3", embedded_folder).theme("transport")


def test_before_the_perimeters_of_2024_only_those_of_2015_are_told(full_folder: Path) -> None:
    brief = Agglomeration(LENS, "2021-T4", full_folder)
    head = brief.head().html
    assert "QPV du périmètre de 2015" in head
    assert "QPV du périmètre de 2024" not in head
    assert all(s.generation == "2015" for shots in brief.shots.values() for s in shots)
