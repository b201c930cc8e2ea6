"""A brief is one offline French page whose every figure is in the warehouse."""

from __future__ import annotations

import math
import re

import pages
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from pages import Run
from qpv.brief.page import Brief
from qpv.vocabulary import ABSENT, BRIEF_THEMES, PRESENT, UNITS
from qpv.warehouse import Warehouse

KEYS = ["indicator", "territory", "level", "generation", "period", "value", "unit", "status", "source", "edition"]


@pytest.fixture(scope="session")
def in_2021(tmp_path_factory: pytest.TempPathFactory, full_folder: pages.Path) -> Run:
    return pages.beau_marais_in_2021(tmp_path_factory, full_folder)


@pytest.fixture(scope="session")
def soups(beau_marais: Run) -> dict[str, BeautifulSoup]:
    return {theme: beau_marais.soup(theme) for theme in BRIEF_THEMES}


def french(value: float, decimals: int) -> str:
    """Write a number as a French newspaper does, with plain spaces."""
    return f"{value:,.{decimals}f}".replace(",", " ").replace(".", ",").replace("-", "−")


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def lookup(run: Run, theme: str) -> set[tuple[object, ...]]:
    """List what the warehouse holds on the indicators and territories of a brief."""
    store, shown = Warehouse(run.warehouse), pages.figures(run.soup(theme))
    wanted = [(name, "in", sorted({f[name] for f in shown})) for name in ("indicator", "territory")]
    columns = ["indicator", "territory", "level", "generation", "period", "value", "status", "edition"]
    rows = pd.concat([store.observations(t, wanted, columns)[columns] for t in (theme, "demography")])
    return {tuple(None if isinstance(v, float) and math.isnan(v) else v for v in row) for row in rows.itertuples(index=False)}


def test_all_six_briefs_of_beau_marais_are_published(beau_marais: Run) -> None:
    assert {r.theme: r.status for r in beau_marais.records}.keys() == set(BRIEF_THEMES)
    assert all(r.status in ("ok", "degraded") for r in beau_marais.records)
    assert beau_marais.record("revenue").status == "ok"
    assert beau_marais.record("revenue").name == "Beau Marais"


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_page_is_french_light_and_closed_to_the_network(beau_marais: Run, soups: dict[str, BeautifulSoup], theme: str) -> None:
    soup = soups[theme]
    assert soup.html["lang"] == "fr"
    assert beau_marais.path(theme).stat().st_size == beau_marais.record(theme).bytes <= 1_200_000
    (policy,) = soup.find_all("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none';")
    assert re.findall(r"https?://\S+?(?=[;\s]|$)", policy["content"]) == ["https://data.geopf.fr"], (
        "the layer that a reader may tick"
    )


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_page_carries_leaflet_once_and_loads_nothing(soups: dict[str, BeautifulSoup], theme: str) -> None:
    soup = soups[theme]
    leaflets = [s for s in soup.find_all("script") if "L.version" in (s.string or "") or "Leaflet 1." in (s.string or "")]
    assert len(leaflets) == 1
    assert not soup.find_all("link")
    assert not soup.find_all(["iframe", "object", "embed", "base"])
    loaded = [tag[name] for name in ("src", "srcset", "data", "action", "poster") for tag in soup.find_all(attrs={name: True})]
    assert [address for address in loaded if not address.startswith("data:")] == []
    styles = "".join(s.string or "" for s in soup.find_all("style")) + "".join(t["style"] for t in soup.find_all(style=True))
    assert "@import" not in styles
    assert re.findall(r"url\((?!['\"]?(?:data:|#))[^)]*\)", styles) == []


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_only_links_out_are_the_licence_and_leaflets_own_credit(soups: dict[str, BeautifulSoup], theme: str) -> None:
    found = [a for a in soups[theme].find_all("a", href=True) if not a["href"].startswith("#")]
    links = {a["href"] for a in found if not (a.get("download") and a["href"].startswith("data:"))}
    assert links == {"https://www.etalab.gouv.fr/licence-ouverte-open-licence/"}


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_page_names_the_executed_notebook_of_its_run(beau_marais: Run, soups: dict[str, BeautifulSoup], theme: str) -> None:
    named = soups[theme].select_one("footer .file").get_text()
    assert named == f"notebooks/QN06254M-{theme}.ipynb"
    assert (beau_marais.folder / named).is_file()


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_page_has_three_maps_that_each_come_with_their_data_in_a_table(soups: dict[str, BeautifulSoup], theme: str) -> None:
    maps = soups[theme].find_all(class_="map")
    assert len(maps) >= 3
    assert len({m["data-map"] for m in maps}) == len(maps)
    written = [p["id"] for p in soups[theme].select("svg.outlines path")]
    assert len(set(written)) == len(written), "an outline written twice"
    for drawn in maps:
        frame = drawn.find_parent("figure")
        assert drawn.svg["aria-label"] == frame.figcaption.get_text()
        assert {u["href"].removeprefix("#") for u in drawn.find_all("use")} <= set(written)
        assert frame.find_all("table"), drawn["data-map"]
        assert len(frame.find("table").tbody.find_all("tr")) >= 1


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_page_has_all_its_sections(soups: dict[str, BeautifulSoup], theme: str) -> None:
    soup = soups[theme]
    assert len(soup.find_all("h1")) == 1
    headings = [plain(h.get_text()) for h in soup.find_all("h2")]
    for wanted in ("En bref", "Chiffres clés", "Cartes", "Évolution", "Ce que le contrat de ville publie", "Sources et limites"):
        assert wanted in headings
    assert len(soup.find_all("table", class_="key")) == 1
    assert 3 <= len(soup.find("ul", class_="brief").find_all("li")) <= 5
    assert "Éditions utilisées dans ce brief" in [plain(c.get_text()) for c in soup.find_all("caption")]
    assert "Beau Marais" in soup.title.string
    assert "T3 2026" in plain(soup.title.string)


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_page_has_a_quadrant_or_says_why_not(soups: dict[str, BeautifulSoup], theme: str) -> None:
    captions = [plain(c.get_text()) for c in soups[theme].find_all("figcaption")]
    quadrants = [c for c in captions if "niveau et évolution de l’écart" in c]
    notices = [plain(n.get_text()) for n in soups[theme].find_all(class_="notice")]
    reasons = [n for n in notices if n.startswith("Pas de quadrant")]
    assert len(quadrants) + len(reasons) == 1
    if theme == "revenue":
        assert quadrants


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_figures_for_machines_have_the_ten_documented_keys(soups: dict[str, BeautifulSoup], theme: str) -> None:
    shown = pages.figures(soups[theme])
    assert shown
    for figure in shown:
        assert list(figure) == KEYS
        assert figure["unit"] in UNITS
        if figure["value"] is None:
            assert figure["status"] in ABSENT
        else:
            assert type(figure["value"]) in (int, float)
            assert figure["status"] in PRESENT
            assert figure["source"] and figure["edition"] and figure["period"]


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_every_figure_stands_in_the_warehouse(beau_marais: Run, soups: dict[str, BeautifulSoup], theme: str) -> None:
    known = lookup(beau_marais, theme)
    store = Warehouse(beau_marais.warehouse)
    producers = store.editions.set_index("edition")["source"]
    for figure in pages.figures(soups[theme]):
        if figure["edition"] == "":
            assert (figure["value"], figure["status"]) == (None, "unavailable")
            continue
        assert tuple(figure[k] for k in KEYS if k not in ("unit", "source")) in known
        assert figure["unit"] == store.catalog.indicator(figure["indicator"]).unit
        assert figure["source"] == producers[figure["edition"]]


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_no_figure_is_given_twice(soups: dict[str, BeautifulSoup], theme: str) -> None:
    rows = [tuple(f.values()) for f in pages.figures(soups[theme])]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_values_of_the_key_table_are_figures_for_machines_too(
    beau_marais: Run, soups: dict[str, BeautifulSoup], theme: str
) -> None:
    catalog = Warehouse(beau_marais.warehouse).catalog
    written: dict[str, set[str]] = {}
    for figure in pages.figures(soups[theme]):
        if figure["level"] == "qpv" and figure["value"] is not None:
            indicator = catalog.indicator(figure["indicator"])
            decimals = indicator.decimals
            if figure["status"] == "transcribed" and float(figure["value"]).is_integer():
                decimals = 0  # as the document prints it
            words = f"{french(figure['value'], decimals)} {UNITS[indicator.unit][0]}".strip()
            written.setdefault(plain(indicator.label), set()).add(words)
    checked = 0
    for row in soups[theme].select("table.key tr:has(td.own)"):
        own = row.find("td", class_="own").find("strong")
        if own is not None:
            label = plain(row.find("th").find(string=True))
            words = re.sub(r"^(environ|moyenne) ", "", plain(own.get_text()))
            assert words in written[label]
            checked += 1
    missing = len(beau_marais.record(theme).missing)
    assert checked >= len(soups[theme].select("table.key tr:has(td.own)")) - missing
    assert checked or theme == "ecology"


def test_median_income_of_beau_marais_stands_in_the_table_as_the_french_write_it(soups: dict[str, BeautifulSoup]) -> None:
    cell = soups["revenue"].select_one("table.key td.own")
    assert cell.strong.get_text() == "12\u202f190\u202f€"
    assert plain(cell.find(class_="newer").get_text()) == "2019"
    values = {
        (f["period"], f["value"])
        for f in pages.figures(soups["revenue"])
        if f["indicator"] == "median_disposable_income_eur" and f["level"] == "qpv" and f["territory"] == "QP062056"
    }
    assert {("2015", 11080.0), ("2019", 12190.0)} <= values


def test_key_table_has_a_column_for_every_comparison_level(soups: dict[str, BeautifulSoup]) -> None:
    heads = [h.find(string=True).replace("\xad", "") for h in soups["revenue"].find("table", class_="key").thead.find_all("th")]
    assert [plain(h) for h in heads] == [
        "Indicateur", "Quartier, année et statut", "Écart", "Rang parmi les QPV", "Commune", "Agglomération",
        "Département", "Région", "France", "QPV de France",
    ]  # fmt: skip


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_numbers_are_never_written_the_english_way(soups: dict[str, BeautifulSoup], theme: str) -> None:
    words = soups[theme].find("table", class_="key").get_text(" ")
    assert re.findall(r"\d+\.\d+\s*(?:%|€|pt)", words) == []
    assert re.findall(r"\b(?:nan|None|NaN|inf)\b", pages.visible(soups[theme])) == []


def test_brief_of_2021_shows_nothing_published_later(in_2021: Run) -> None:
    shown = pages.figures(in_2021.soup("revenue"))
    assert [f for f in shown if f["value"] is not None]
    published = Warehouse(in_2021.warehouse).editions.set_index("edition")["published"]
    later = {f["edition"] for f in shown if f["edition"] and published[f["edition"]] > pd.Timestamp("2021-12-31")}
    assert later == set()
    assert not {f["edition"] for f in shown} & {"insee_qpv2015_revn_2022", "calais-2024"}
    assert not [f for f in shown if f["generation"] == "2024"]


def test_brief_of_2021_names_the_editions_that_it_used(in_2021: Run) -> None:
    soup = in_2021.soup("revenue")
    (table,) = [t for t in soup.find_all("table") if plain(t.caption.get_text()) == "Éditions utilisées dans ce brief"]
    named = {plain(row.find_all("td")[0].get_text()) for row in table.tbody.find_all("tr")}
    assert named == {f["edition"] for f in pages.figures(soup) if f["edition"]}


@pytest.mark.parametrize("theme", pages.DEGRADED_THEMES)
def test_brief_with_few_figures_says_what_is_missing_and_is_not_empty(grande_residence: Run, theme: str) -> None:
    record, soup = grande_residence.record(theme), grande_residence.soup(theme)
    assert record.status == "degraded"
    assert record.missing
    catalog = Warehouse(grande_residence.warehouse).catalog
    (table,) = [t for t in soup.find_all("table") if plain(t.caption.get_text()) == "Chiffres clés sans valeur pour le quartier"]
    told = {plain(r.th.get_text()): [plain(c.get_text()) for c in r.find_all("td")] for r in table.tbody.find_all("tr")}
    assert set(told) == {plain(catalog.indicator(i).label) for i in record.missing}
    assert all(why and levels for why, levels in told.values())
    assert len(soup.find_all(class_="map")) >= 3
    assert [f for f in pages.figures(soup) if f["value"] is not None]
    absent = {f["indicator"] for f in pages.figures(soup) if f["level"] == "qpv" and f["value"] is None}
    assert set(record.missing) <= absent


def test_brief_without_contours_says_that_places_are_approximate(grande_residence: Run) -> None:
    notes = [plain(n.get_text()) for n in grande_residence.soup("revenue").find_all(class_="note")]
    assert any(n.startswith("Contours absents") for n in notes)


def test_degraded_brief_invents_nothing(grande_residence: Run) -> None:
    for theme in pages.DEGRADED_THEMES:
        known = lookup(grande_residence, theme)
        for figure in pages.figures(grande_residence.soup(theme)):
            if figure["edition"]:
                assert tuple(figure[k] for k in KEYS if k not in ("unit", "source")) in known
            else:
                assert figure["value"] is None


def test_the_brief_of_a_new_qpv_says_that_nothing_precedes_it(full_folder: pages.Path) -> None:
    now, then = (Brief("revenue", "QN06264N", q, full_folder) for q in ("2026-T3", "2020-T3"))
    assert "nouveau en 2024, sans prédécesseur parmi les QPV de 2015" in str(now.head())
    assert "aucune évolution n’est calculée depuis ce périmètre" in str(now.summary())
    assert "ce quartier n’en a pas" in str(then.head())


def test_a_qpv_that_2015_barely_touches_is_called_neither_new_nor_succeeded(full_folder: pages.Path) -> None:
    words = str(Brief("revenue", "QN09219N", "2026-T3", full_folder).head())
    assert "aucun QPV de 2015 n’en couvre un cinquième" in words
    assert "nouveau" not in words
