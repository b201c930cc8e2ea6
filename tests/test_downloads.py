"""What a reader keeps of a brief: figures, outlines and pictures, without a server and offline."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import json
import re
import struct
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pages
import pytest
import shapely
from pages import Run
from playwright.sync_api import Browser, Page
from python_calamine import CalamineWorkbook
from qpv import extract
from qpv.brief import Brief
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse
from qpv.workbook import Sheet, write_workbook

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
STEM = "QN06254M-revenue-2026-T3"
#: "theme" excepted, the keys of the qpv-figures JSON.
KEYS = ["indicator", "territory", "level", "generation", "period", "value", "unit", "status", "source", "edition"]


def files_in(run: Run, theme: str) -> dict[str, bytes]:
    """Give the files that a brief links to, by name, as its addresses hold them."""
    found = {}
    for link in run.soup(theme).select("a[download]"):
        head, _, content = link["href"].partition(",")
        assert re.fullmatch(r"data:[\w./+-]+(;charset=utf-8)?;base64", head)
        found[link["download"]] = base64.b64decode(content, validate=True)
    return found


def lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def sheet(content: bytes, name: str) -> list[dict[str, Any]]:
    head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(name).to_python()
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_files_are_named_after_qpv_theme_and_quarter(beau_marais: Run, theme: str) -> None:
    assert list(files_in(beau_marais, theme)) == [f"QN06254M-{theme}-2026-T3.{kind}" for kind in ("csv", "xlsx", "geojson")]


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_the_csv_holds_every_figure_of_the_page_and_no_other(beau_marais: Run, theme: str) -> None:
    content = files_in(beau_marais, theme)[f"QN06254M-{theme}-2026-T3.csv"]
    assert content.startswith(b"\xef\xbb\xbftheme;indicator;territory;")
    assert b"\r\n" in content
    told = [{k: line[k] for k in KEYS} for line in lines(content)]
    for line in told:
        line["value"] = float(line["value"].replace(",", ".")) if line["value"] else None  # type: ignore[assignment]
    assert told == pages.figures(beau_marais.soup(theme))


def test_the_csv_says_codes_in_french_words(beau_marais: Run) -> None:
    (line,) = [
        x for x in lines(files_in(beau_marais, "revenue")[f"{STEM}.csv"])
        if (x["indicator"], x["territory"], x["period"], x["edition"])
        == ("poverty_rate_pct", "62193", "2019", "insee_comparateur_2022")
    ]  # fmt: skip
    assert line["indicateur"].startswith("Taux de pauvreté")
    assert [line[k] for k in ("territoire", "niveau", "unité", "statut", "value")] == [
        "Calais",
        "commune",
        "pour cent",
        "observé",
        "28",
    ]


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_the_workbook_holds_every_figure_with_numbers_as_numbers(beau_marais: Run, theme: str) -> None:
    rows = sheet(files_in(beau_marais, theme)[f"QN06254M-{theme}-2026-T3.xlsx"], "Chiffres")
    figures = pages.figures(beau_marais.soup(theme))
    heads = {"indicator": "Code de l’indicateur", "territory": "Code du territoire", "level": "Code du niveau", "unit": "Code de l’unité",
             "status": "Code du statut", "source": "Code de la source", "edition": "Code de l’édition", "value": "Valeur",
             "generation": "Périmètre des QPV"}  # fmt: skip
    assert len(rows) == len(figures)
    for row, figure in zip(rows, figures, strict=True):
        assert {k: row[head] for k, head in heads.items()} == {k: "" if figure[k] is None else figure[k] for k in heads}
        assert isinstance(row["Valeur"], float) or figure["value"] is None


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_the_workbook_defines_every_indicator_and_names_every_source(beau_marais: Run, theme: str) -> None:
    content = files_in(beau_marais, theme)[f"QN06254M-{theme}-2026-T3.xlsx"]
    figures = pages.figures(beau_marais.soup(theme))
    defined, sources = sheet(content, "Définitions"), sheet(content, "Sources")
    assert [d["Code de l’indicateur"] for d in defined] == list(dict.fromkeys(f["indicator"] for f in figures))
    assert all(d["Définition"] and d["Champ"] for d in defined)
    assert [s["Code de l’édition"] for s in sources] == list(dict.fromkeys(f["edition"] for f in figures if f["edition"]))
    editions = Warehouse(beau_marais.warehouse).editions.set_index("edition")
    for source in sources:
        edition = editions.loc[source["Code de l’édition"]]
        assert (source["Producteur"], source["Jeu de données"], source["Licence"], source["Page"]) == (
            edition["producer"], edition["dataset"], edition["licence"], edition["landing_page"],
        )  # fmt: skip
        assert source["Publiée le"] == edition["published"].date()


def test_the_workbook_keeps_its_heads_in_sight_and_gives_each_column_a_width(beau_marais: Run) -> None:
    parts = zipfile.ZipFile(io.BytesIO(files_in(beau_marais, "revenue")[f"{STEM}.xlsx"]))
    pages_ = [parts.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2, 3)]
    assert all('<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' in page for page in pages_)
    assert all(float(w) >= 8 for page in pages_ for w in re.findall(r'<col [^>]*width="([\d.]+)"', page))
    assert "<dcterms:created" in parts.read("docProps/core.xml").decode()
    assert "2026-09-30T00:00:00Z" in parts.read("docProps/core.xml").decode()


def test_the_geojson_holds_the_qpv_of_the_headline_map_with_their_figures(beau_marais: Run) -> None:
    content = json.loads(files_in(beau_marais, "revenue")[f"{STEM}.geojson"])
    assert (content["type"], content["name"]) == ("FeatureCollection", STEM)
    by_code = {f["id"]: f for f in content["features"]}
    own = by_code["QP062056"]["properties"]
    assert (own["nom"], own["perimetre"], own["ce_quartier"]) == ("Beau Marais", "2015", True)
    assert (own["median_disposable_income_eur"], own["periode"], own["statut"]) == (12190.0, "2019", "observé")
    assert by_code["QN06254M"]["properties"]["median_disposable_income_eur"] is None
    assert by_code["QN06254M"]["properties"]["statut"] == "non publié"
    shown = {
        f["territory"]: f["value"] for f in pages.figures(beau_marais.soup("revenue"))
        if (f["indicator"], f["level"], f["period"]) == ("median_disposable_income_eur", "qpv", "2019") and f["value"] is not None
        and f["edition"] == own["edition"]
    }  # fmt: skip
    known = {c: f["properties"]["median_disposable_income_eur"] for c, f in by_code.items()}
    assert {c: v for c, v in known.items() if v is not None} == shown
    assert len(shown) == 64


def test_the_outlines_of_the_geojson_are_those_published_and_wound_as_the_standard_wants(beau_marais: Run) -> None:
    content = json.loads(files_in(beau_marais, "revenue")[f"{STEM}.geojson"])
    drawn = {f["id"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in content["features"] if f["geometry"]}
    published = Warehouse(beau_marais.warehouse).geometry("qpv", list(drawn)).set_index("code").geometry
    assert len(drawn) > 60
    for code, shape in drawn.items():
        assert shape.is_valid
        assert shape.symmetric_difference(published[code]).area < 0.05 * published[code].area
        assert all(part.exterior.is_ccw and not any(r.is_ccw for r in part.interiors) for part in shapely.get_parts(shape))


def test_a_qpv_without_known_outline_is_there_without_geometry(embedded_folder: Path) -> None:
    brief = Brief("revenue", "QN06225M", "2026-T3", embedded_folder)
    link = re.search(r'data:application/geo\+json;base64,([^"]+)"', brief.downloads().html)
    features = json.loads(base64.b64decode(link[1]))["features"]
    assert {f["geometry"] for f in features} == {None}
    assert "QN06225M" in {f["id"] for f in features}


def test_a_note_and_a_qualifier_of_the_contract_follow_their_figure(beau_marais: Run) -> None:
    notes = [
        x for theme in BRIEF_THEMES for x in lines(files_in(beau_marais, theme)[f"QN06254M-{theme}-2026-T3.csv"]) if x["note"]
    ]
    assert {x["status"] for x in notes} >= {"transcribed"}
    table = Warehouse(beau_marais.warehouse).observations("revenue")
    for x in [x for x in notes if x["theme"] == "revenue" and x["status"] == "transcribed"]:
        assert x["note"] in set(table.loc[table["edition"] == x["edition"], "note"])


def test_the_files_of_the_run_are_those_of_the_briefs_one_below_the_other(beau_marais: Run) -> None:
    folder = beau_marais.folder / "QN06254M"
    own = [x for theme in BRIEF_THEMES for x in lines(files_in(beau_marais, theme)[f"QN06254M-{theme}-2026-T3.csv"])]
    assert lines((folder / "figures.csv").read_bytes()) == own
    rows = sheet((folder / "figures.xlsx").read_bytes(), "Chiffres")
    assert [(r["Code du thème"], r["Code de l’indicateur"]) for r in rows] == [(x["theme"], x["indicator"]) for x in own]


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_a_brief_with_its_files_stays_below_its_bound(beau_marais: Run, theme: str) -> None:
    assert beau_marais.path(theme).stat().st_size <= 1_200_000


def test_rows_survive_a_csv_and_the_same_rows_give_the_same_bytes(embedded: Warehouse) -> None:
    figure = {
        "indicator": "poverty_rate_pct", "territory": "QN06225M", "level": "qpv", "generation": "2024", "period": "2019",
        "value": 45.25, "unit": "pct", "status": "transcribed", "source": "", "edition": "",
    }  # fmt: skip
    rows = extract.in_words("revenue", [figure, figure | {"value": None}], {"0": ["about", 'dit « "45 »;\nenviron']}, embedded)
    assert (rows[0]["précision"], rows[0]["territoire"]) == ("environ", "Grande Résidence")
    assert extract.from_csv(extract.to_csv(rows)) == rows
    assert extract.from_csv("theme,indicator\r\nrevenue,x\r\n") == []
    first, second = (extract.to_xlsx(rows, "x", pages.QUARTER, embedded) for _ in range(2))
    assert first == second
    assert {i.date_time[:3] for i in zipfile.ZipFile(io.BytesIO(first)).infolist()} == {(1980, 1, 1)}


def test_hostile_texts_stay_texts_in_a_workbook() -> None:
    texts = ["=1+1", "<script>alert(1)</script>", "]]>&amp;\x00\u202e", "@SUM(A1)", "https://example.org"]
    book = write_workbook([Sheet("A", [("=head", 10)], [[t] for t in texts])], "&A<x>", dt.date(2026, 9, 30))
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_name("A").to_python()
    assert [r[0] for r in rows] == [
        "'=head",
        "'=1+1",
        "<script>alert(1)</script>",
        "]]>&amp;",
        "'@SUM(A1)",
        "https://example.org",
    ]
    parts = zipfile.ZipFile(io.BytesIO(book))
    assert not [n for n in parts.namelist() if b"<f>" in parts.read(n) or b"hyperlink" in parts.read(n)]


def test_a_name_that_is_a_script_is_text_in_every_file(hostile: Run) -> None:
    files = files_in(hostile, "revenue")
    assert list(files) == [f"{STEM}.{kind}" for kind in ("csv", "xlsx", "geojson")]
    assert f"'{pages.HOSTILE}" in {x["territoire"] for x in lines(files[f"{STEM}.csv"])}
    assert f"'{pages.HOSTILE}" in {r["Territoire"] for r in sheet(files[f"{STEM}.xlsx"], "Chiffres")}
    assert pages.HOSTILE in {f["properties"]["nom"] for f in json.loads(files[f"{STEM}.geojson"])["features"]}


# --- in a browser, from a file, the network refused --------------------------------------------------


def opened(browser: Browser, path: Path, **options: Any) -> tuple[Page, list[str]]:
    """Open a brief offline; give the page and what it asks for or complains of."""
    page = browser.new_context(offline=True, locale="fr-FR", accept_downloads=True, **options).new_page()
    troubles: list[str] = []
    page.on("request", lambda r: troubles.append(r.url[:80]) if not r.url.startswith(("file:", "data:")) else None)
    page.on("console", lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: troubles.append(str(e)))
    page.goto(path.as_uri())
    return page, troubles


def saved(page: Page, act: Any) -> tuple[str, bytes]:
    with page.expect_download(timeout=10_000) as told:
        act()
    return told.value.suggested_filename, Path(told.value.path()).read_bytes()


@pytest.mark.parametrize("script", [True, False])
def test_each_link_saves_its_file_with_and_without_script(browser: Browser, beau_marais: Run, script: bool) -> None:
    page, troubles = opened(browser, beau_marais.path("revenue"), java_script_enabled=script)
    for name, content in files_in(beau_marais, "revenue").items():
        link = page.get_by_role("link", name=name)
        assert saved(page, lambda link=link: link.press("Enter")) == (name, content)
    assert troubles == []


def pictures(page: Page) -> list[tuple[str, str, str, bytes, str, bytes]]:
    """Save each drawing: its title, and name and content of its SVG and of its PNG."""
    found = []
    for number in range(page.locator("figure:has(.keep)").count()):
        if number % 4 == 0:  # a page may start ten downloads
            page.reload()
        figure = page.locator("figure:has(.keep)").nth(number)
        title = " ".join(figure.locator("figcaption").inner_text().split())
        both = [
            saved(page, lambda b=b: b.press("Enter"))
            for b in figure.get_by_role("button").filter(has_text=re.compile("^(SVG|PNG)$")).all()
        ]
        found.append((title, *both[0], *both[1]))
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("theme", ["revenue", "education"])
def test_each_chart_and_map_is_saved_with_title_source_and_qpv_inside(browser: Browser, beau_marais: Run, theme: str) -> None:
    page, troubles = opened(browser, beau_marais.path(theme))
    drawings = pictures(page)
    assert len(drawings) == page.locator("figure:has(svg.chart), svg.map-print").count() >= 4
    for title, svg_name, svg, png_name, png in drawings:
        assert re.fullmatch(rf"QN06254M-{theme}-2026-T3-[a-z0-9-]+\.svg", svg_name)
        assert png_name == svg_name.removesuffix("svg") + "png"
        root = ElementTree.fromstring(svg)
        words = " ".join(" ".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text"))
        assert " ".join(words.split()).startswith(title)
        assert "Source : " in words or "Contours : ANCT" in words
        assert "Beau Marais" in words and "T3\u00a02026" in words
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", png[16:24])
        assert (width, height) == (2 * int(root.get("width")), 2 * int(root.get("height"))), "twice the size of the SVG"
        assert width == 1520
    assert troubles == []


def test_a_saved_map_has_its_outlines_and_legend_and_refers_to_nothing_outside(browser: Browser, beau_marais: Run) -> None:
    page, _ = opened(browser, beau_marais.path("revenue"))
    figure = page.locator("figure.map-figure").nth(1)
    _, svg = saved(page, lambda: figure.get_by_role("button", name="SVG, enregistrer").press("Enter"))
    root = ElementTree.fromstring(svg)
    ns = "{http://www.w3.org/2000/svg}"
    assert not list(root.iter(f"{ns}use")) and b"href" not in svg
    assert len(list(root.iter(f"{ns}circle"))) == 64
    assert len(list(root.iter(f"{ns}path"))) >= 1
    words = [" ".join(t.itertext()) for t in root.iter(f"{ns}text")]
    assert "ce quartier : 12\u202f190\u202f€" in words
    assert any(w.startswith("Source : Insee, ") for w in words)


def test_a_saved_picture_is_drawn_on_white(browser: Browser, beau_marais: Run) -> None:
    page, _ = opened(browser, beau_marais.path("revenue"))
    _, png = saved(
        page, lambda: page.locator("figure:has(svg.chart)").first.get_by_role("button", name="PNG, enregistrer").press("Enter")
    )
    address = "data:image/png;base64," + base64.b64encode(png).decode()
    corner = page.evaluate(
        """async address => {
          const image = new Image(); image.src = address; await image.decode();
          const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height;
          const brush = canvas.getContext('2d'); brush.drawImage(image, 0, 0);
          const all = brush.getImageData(0, 0, image.width, image.height).data;
          return [...all.slice(0, 4), new Set(all).size];
        }""",
        address,
    )
    assert corner[:4] == [255, 255, 255, 255]
    assert corner[4] > 20, "something is drawn"


def test_buttons_name_their_chart_and_are_neither_printed_nor_there_without_script(browser: Browser, beau_marais: Run) -> None:
    page, _ = opened(browser, beau_marais.path("revenue"))
    names = page.locator(".keep button").evaluate_all("all => all.map(b => b.getAttribute('aria-label'))")
    titles = page.locator("figure:has(.keep) figcaption").all_text_contents()
    assert names == [f"{kind}, enregistrer : {' '.join(t.split(' '))}" for t in titles for kind in ("SVG", "PNG")]
    page.emulate_media(media="print")
    assert page.locator(".keep:visible").count() == 0
    bare, _ = opened(browser, beau_marais.path("revenue"), java_script_enabled=False)
    assert bare.locator(".keep").count() == 0


def test_a_hostile_name_is_text_in_a_saved_picture(browser: Browser, hostile: Run) -> None:
    page, troubles = opened(browser, hostile.path("revenue"))
    for _, _, svg, _, _ in pictures(page):
        root = ElementTree.fromstring(svg)
        assert not [e.tag for e in root.iter() if e.tag.endswith("script")]
        assert pages.HOSTILE in " ".join("".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text"))
    assert troubles == []
    assert unquote(page.url).endswith("revenue.html")
