"""Hostile strings: whatever a file of data contains, a page, a chart, a map and a spreadsheet stay inert."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree

import geopandas as gpd
import pytest
from python_calamine import CalamineWorkbook
from qpv import charts, live_maps, maps
from qpv.batch.figures import write_figures
from qpv.extract import KEYS
from qpv.html import BRIEF_MIME, Block, css_string, join, script_json, text
from qpv.quarter import Quarter
from qpv.tables import badge, plain_table
from shapely.geometry import Point, box

SCRIPT = "<script>alert(1)</script>"
END = "</script><script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
ATTRIBUTE = "' onmouseover='alert(1)"
COMMENT = "<!-- <script>"
STYLE = "</style><svg onload=alert(1)>"
REVERSED = "Cité\u202egnillib\u202c \u2066x\u2069 \u200e\u200f"
FORMULA = '=HYPERLINK("http://example.org","x")'
HOSTILE = [SCRIPT, END, IMAGE, ATTRIBUTE, COMMENT, STYLE, REVERSED, FORMULA]
MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Tags(HTMLParser):
    """Gathers the elements and attributes that a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def inert(page: str) -> Tags:
    found = Tags(page)
    assert not {"script", "img", "iframe"} & set(found.tags)
    assert not [a for a in found.attributes if a.startswith("on")]
    assert not MARKS.search(page)
    return found


# --- text and JSON -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_text_is_only_ever_text_in_content_and_in_both_kinds_of_attributes(hostile):
    page = f"<p title=\"{text(hostile)}\" lang='{text(hostile)}'>{text(hostile)}</p>"
    found = inert(page)
    assert (found.tags, found.attributes) == (["p"], ["title", "lang"])
    assert "".join(found.words) == MARKS.sub("", hostile)


def test_controls_and_direction_marks_are_taken_out_while_french_spaces_stay():
    assert text("a\x00b\x1bc\u202ed\u2069") == "abcd"
    assert text("12\u202f190\u00a0€\n61,4\u202f%") == "12\u202f190\u00a0€\n61,4\u202f%"
    assert text("Cité « 12 » d’Œuvre") == "Cité « 12 » d’Œuvre"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_json_in_a_script_element_never_ends_it_and_reads_back_the_same(hostile):
    written = script_json([{"name": hostile}])
    assert not set("<>&") & set(written)
    assert json.loads(written) == [{"name": hostile}]


def test_json_has_no_nan_that_a_browser_could_not_read():
    with pytest.raises(ValueError, match="JSON"):
        script_json({"value": float("nan")})


def test_a_block_shows_the_same_in_the_brief_and_in_jupyterlab():
    block = join(Block("<p>a</p>"), Block("<p>b</p>"))
    assert block._repr_mimebundle_()[BRIEF_MIME] == "<p>a</p>\n<p>b</p>"
    assert Tags(block._repr_html_()).words == ["a", "b"]


# --- tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_table_is_only_rows_and_cells(hostile):
    found = inert(plain_table([hostile, "b"], [[hostile, hostile]], hostile, "small"))
    assert set(found.tags) == {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert found.words.count(MARKS.sub("", hostile)) == 4


def test_a_status_that_is_none_is_refused_rather_than_written():
    with pytest.raises(ValueError, match="not a valid Status"):
        badge(SCRIPT)


# --- charts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_chart_draws_hostile_names_as_text(catalog, hostile):
    indicator = catalog.indicator("poverty_rate_pct")
    series = [charts.Series(hostile, ["2012", "2018"], [61.2, 61.4], own=True)]
    drawing = charts.titled(charts.evolution(series, indicator, hostile, "c"), "c", hostile)
    elements = [e.tag.split("}")[-1] for e in ElementTree.fromstring(drawing).iter()]
    assert "text" in elements
    inert(drawing)


# --- maps --------------------------------------------------------------------------------------------


def layers(hostile: str) -> list[maps.Layer]:
    shapes = gpd.GeoDataFrame({"name": [hostile] * 2, "code": [hostile] * 2, "tip": [f"{hostile}\n{hostile}"] * 2},
                              geometry=[box(1.88, 50.94, 1.9, 50.96), Point(1.85, 50.95)], crs=4326)  # fmt: skip
    return [maps.Layer(shapes)]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_map_in_a_brief_holds_no_element_of_the_data(hostile):
    drawing = maps.draw(layers(hostile), "carte", hostile, hostile)
    assert set(inert(drawing.svg).tags) == {"svg", "use", "circle"}
    assert set(inert(maps.defs(drawing.outlines)).tags) == {"svg", "defs", "path"}
    described = script_json(drawing.spec)
    assert "<" not in described
    assert not MARKS.search(described)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_in_jupyterlab_a_map_is_one_frame_with_the_scripts_of_leaflet_and_its_own(hostile):
    frame = live_maps.frame(layers(hostile), "carte", hostile, hostile)
    assert Tags(frame).tags == ["iframe"]
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])
    inside = Tags(page)
    assert inside.tags.count("script") == 2
    assert "img" not in inside.tags
    assert not [a for a in inside.attributes if a.startswith("on")]


@pytest.mark.parametrize("hostile", [SCRIPT, END, IMAGE, STYLE])
def test_a_tooltip_of_folium_is_escaped_since_leaflet_reads_it_as_html(hostile):
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', live_maps.frame(layers(hostile), "carte", "x", "x"))[1])
    tips = re.findall(r'"tip": ("(?:[^"\\]|\\.)*")', page)
    assert len(tips) == 2
    for tip in tips:
        assert set(Tags(json.loads(tip)).tags) == {"br"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_running_foot_of_printed_pages_is_one_css_string(hostile):
    said = css_string(hostile)
    assert said[0] == said[-1] == '"'
    assert not re.search(r'[<>"\n]', said[1:-1])
    assert not re.search(r"\\(?![0-9a-f]+ )", said)


# --- spreadsheets ------------------------------------------------------------------------------------


FIGURE = dict.fromkeys(KEYS, "") | {
    "indicator": "poverty_rate_pct", "territory": "QN06254M", "level": "qpv", "period": "2019", "value": -6540.5, "unit": "pct",
    "status": "observed",
}  # fmt: skip


def figures_of(tmp_path, warehouse, figure, remarks):
    """Write one figure as the batch does; give the bytes of its CSV, its line, and the sheet of figures."""
    told = tmp_path / "notebooks" / "QN06254M-revenue.json"
    told.parent.mkdir(exist_ok=True)
    told.write_text(json.dumps({"figures": [figure], "remarks": remarks}), "utf-8")
    write_figures("QN06254M", "Beau Marais", ["revenue"], Quarter(2026, 3), warehouse, tmp_path)
    raw = (tmp_path / "QN06254M" / "figures.csv").read_bytes()
    (row,) = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";")
    book = CalamineWorkbook.from_path(str(tmp_path / "QN06254M" / "figures.xlsx"))
    return raw, row, book.get_sheet_by_name("Chiffres").to_python()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\u202e="])
def test_no_cell_of_figures_csv_and_xlsx_is_a_formula(tmp_path, embedded, start):
    evil = f"{start}cmd|' /C calc'!A0"
    hostile = FIGURE | dict.fromkeys(("territory", "generation", "source", "edition"), evil)
    _, row, sheet = figures_of(tmp_path, embedded, hostile, {"0": ["", evil]})
    assert row["value"] == "-6540,5", "a number stays a number"
    assert row["note"].endswith("cmd|' /C calc'!A0")
    texts = [v for k, v in row.items() if k != "value"] + [c for line in sheet for c in line if isinstance(c, str)]
    assert [t for t in texts if t[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    assert -6540.5 in sheet[1]
    parts = zipfile.ZipFile(tmp_path / "QN06254M" / "figures.xlsx")
    assert [n for n in parts.namelist() if b"<f>" in parts.read(n) or b"<f " in parts.read(n)] == []


def test_figures_csv_opens_in_a_french_spreadsheet_with_its_accents(tmp_path, embedded):
    words = 'Cité « 10 », Béthune;\n"x"'
    raw, row, sheet = figures_of(tmp_path, embedded, FIGURE | {"value": None, "status": "secret", "source": words}, {})
    assert raw.startswith(b"\xef\xbb\xbf")
    assert (row["source"], row["value"], row["statut"]) == (words, "", "non diffusé (secret ou qualité)")
    assert words in sheet[1]
