"""Charts: an SVG that a screen reader can read, that prints, and that is the same each time."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pandas as pd
import pytest
from qpv import charts
from qpv.charts import Series
from qpv.numbers import NNBSP

SVG = "{http://www.w3.org/2000/svg}"
SOURCE = "Source : Insee, Revenus. Observatoire des QPV, T3 2026."
YEARS = ["2012", "2015", "2018"]
BEAU_MARAIS = Series("Beau Marais", YEARS, [10651.0, 11080.0, 11760.0], own=True)
CALAIS = Series("Calais", ["2015", "2018"], [15704.0, 16710.0])
POINTS = pd.DataFrame(
    [("QP062055", -1200.0, 150.0, False), ("QP062056", -2090.0, 233.5, False), ("QP062025", -960.0, -269.0, True)],
    columns=["territory", "gap", "change", "widening"],
)
NAMES = {"QP062056": "Beau Marais", "QP062025": "Grande Résidence"}


@pytest.fixture(scope="session")
def income(catalog):
    return catalog.indicator("median_disposable_income_eur")


def drawn(kind: str, income, key: str = "c") -> str:
    phone = kind.startswith("narrow")
    match kind.removeprefix("narrow "):
        case "evolution":
            return charts.evolution([BEAU_MARAIS, CALAIS], income, SOURCE, key, phone=phone)
        case "quadrant":
            return charts.quadrant(POINTS, NAMES, "QP062056", income, SOURCE, key, "Calais", phone=phone)
        case "spread":
            rows = [("Beau Marais", {"D1": 5000.0, "Q2": 11760.0}), ("Calais", {"Q1": 9000.0, "Q2": 16710.0, "Q3": 22000.0})]
            return charts.spread(rows, "eur", 0, SOURCE, key, phone=phone)
        case _:
            values = {"Beau Marais": [58.0, "non publié"], "Calais": [28.0, 41.0]}
            draw = charts.narrow_bars if phone else charts.bars
            return draw(["Taux de pauvreté", "Ménages imposés"], values, "pct", 1, SOURCE, key)


def words(drawing: str) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(drawing).iter() if e.tag in (f"{SVG}text", "text")]


def identifiers(drawing: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', drawing))


KINDS = [f"{screen}{kind}" for screen in ("", "narrow ") for kind in ("evolution", "quadrant", "bars", "spread")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_is_well_formed_svg_that_names_no_other_file(income, kind):
    drawing = drawn(kind, income)
    assert ElementTree.fromstring(drawing).tag in (f"{SVG}svg", "svg")
    assert not re.search(r"<image|<script|<metadata|@import|font-face", drawing)
    references = re.findall(r'(?:href=|url\()["\']?([^"\')]+)', drawing)
    assert all(r.startswith("#") for r in references)


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_text_and_not_outlines(income, kind):
    drawing = drawn(kind, income)
    assert any("Beau Marais" in w for w in words(drawing)) == ("bars" not in kind or "Beau Marais" in drawing)
    assert "DejaVuSans-" not in drawing, "a glyph drawn as an outline"


@pytest.mark.parametrize("kind", KINDS)
def test_the_source_stands_inside_the_drawing(income, kind):
    assert SOURCE in " ".join(words(drawn(kind, income))), "a narrow chart breaks it into lines"


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_data_give_the_same_bytes(income, kind):
    assert drawn(kind, income) == drawn(kind, income)


@pytest.mark.parametrize("kind", KINDS)
def test_no_date_and_no_version_are_written(income, kind):
    assert not re.search(r"created with|matplotlib[ ,v]|20\d\d-\d\d-\d\d|<dc:", drawn(kind, income), re.IGNORECASE)


def test_two_charts_on_a_page_share_no_id_and_each_uses_its_own(income):
    drawings = {key: drawn("evolution", income, key) for key in ("evo-0", "evo-1")}
    first, second = (identifiers(d) for d in drawings.values())
    assert first
    assert not first & second
    for key, drawing in drawings.items():
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawing))
        assert used <= identifiers(drawing)
        assert all(i.startswith(f"{key}-") for i in identifiers(drawing))


def test_the_title_is_there_and_the_drawing_is_labelled_by_it(income):
    drawing = charts.titled(drawn("evolution", income, "evo-0"), "evo-0", "Revenu < médian & « disponible »")
    root = ElementTree.fromstring(drawing)
    first = next(iter(root))
    assert (first.tag.removeprefix(SVG), first.text) == ("title", "Revenu < médian & « disponible »")
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", first.get("id"))


# --- what an evolution shows -------------------------------------------------------------------------


def test_numbers_are_french(income):
    found = words(drawn("evolution", income))
    assert any(w.endswith(f"11{NNBSP}760{NNBSP}€") for w in found)
    assert not [w for w in found if re.search(r"\d[.,]\d{3}\b|\d €", w)]


def test_each_line_is_named_at_its_end_with_its_last_value(income):
    found = words(drawn("evolution", income))
    assert f"Beau Marais  11{NNBSP}760{NNBSP}€" in found
    assert f"Calais  16{NNBSP}710{NNBSP}€" in found


def test_the_periods_themselves_stand_below_the_axis(income):
    assert set(YEARS) <= set(words(drawn("evolution", income)))
    assert not [w for w in words(drawn("evolution", income)) if re.fullmatch(r"20\d\d[.,]\d+", w)]


def test_a_break_within_the_span_is_marked_and_one_outside_is_not(income):
    across = Series("Beau Marais", ["2018", "2019"], [11760.0, 12190.0], own=True)
    assert "rupture de série" in words(charts.evolution([across], income, SOURCE, "c"))
    assert "rupture de série" not in words(drawn("evolution", income))


def test_the_qpv_keeps_its_colour_whatever_its_place(income):
    for series in ([BEAU_MARAIS, CALAIS], [CALAIS, BEAU_MARAIS]):
        drawing = charts.evolution(series, income, SOURCE, "c")
        label = re.search(r"<text[^>]*>Beau Marais", drawing)[0]
        assert charts.OWN in label


def test_the_table_beside_a_chart_says_the_same(income):
    head, rows = charts.data_table([BEAU_MARAIS, CALAIS], income)
    assert head == ["Période", f"Beau Marais{chr(0x202F)}(€)", f"Calais{NNBSP}(€)"]
    assert rows == [["2012", f"10{NNBSP}651", "–"], ["2015", f"11{NNBSP}080", f"15{NNBSP}704"],
                    ["2018", f"11{NNBSP}760", f"16{NNBSP}710"]]  # fmt: skip


def test_on_a_phone_names_and_last_values_stand_above_from_the_highest_to_the_lowest_each_with_its_sign(income):
    found = words(drawn("narrow evolution", income))
    named = [w for w in found if "  " in w]
    assert named == [f"■ Calais  16{NNBSP}710{NNBSP}€", f"● Beau Marais  11{NNBSP}760{NNBSP}€"]
    assert "2018" in found


def test_on_a_phone_five_lines_beside_the_own_one_have_five_signs(income):
    lines = [BEAU_MARAIS, *(Series(f"Lieu {n}", ["2018"], [20000.0 + n]) for n in range(5))]
    found = words(charts.evolution(lines, income, SOURCE, "c", phone=True))
    assert len({w[0] for w in found if "  " in w}) == 6


def test_on_a_phone_a_period_without_room_is_left_out_and_the_last_one_never(income):
    line = Series("Beau Marais", ["2010", "2015", "2016", "2018"], [1.0, 2.0, 3.0, 4.0], own=True)
    found = words(charts.evolution([line], income, SOURCE, "c", phone=True))
    assert [w for w in found if re.fullmatch(r"20\d\d", w)] in (["2018", "2016", "2010"], ["2010", "2016", "2018"])
    wide = words(charts.evolution([line], income, SOURCE, "c"))
    assert {"2010", "2015", "2016", "2018"} <= set(wide)


# --- what the others show ----------------------------------------------------------------------------


def test_a_quadrant_names_its_axes_and_only_the_own_point(income):
    found = words(drawn("quadrant", income))
    assert "Beau Marais" in found
    assert "Grande Résidence" not in found
    assert {"l’écart se creuse ↑", "l’écart se réduit ↓", "évolution de l’écart"} <= set(found)
    assert "écart avec Calais → défavorable" in found


def test_on_a_phone_a_quadrant_names_the_own_point_above_whatever_the_length_of_its_name(income):
    name = "Les Hauts De Liévin - Résidence Des Provinces - Cités 9-9bis"
    found = words(charts.quadrant(POINTS, {"QP062056": name}, "QP062056", income, SOURCE, "c", "Calais", phone=True))
    first = next(n for n, w in enumerate(found) if w.startswith("◆"))
    assert f"◆ {name}" == " ".join(found[first : first + 2])
    assert not [w for w in words(charts.quadrant(POINTS, {}, "", income, SOURCE, "c", "Calais", phone=True)) if "◆" in w]


def test_in_a_quadrant_right_and_up_are_worse_so_the_axes_of_an_income_are_turned(catalog, income):
    def places(indicator) -> dict[str, tuple[float, float]]:
        drawing = charts.quadrant(POINTS, NAMES, "QP062056", indicator, SOURCE, "c", "Calais")
        found = re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', drawing)
        return {re.sub(r"\s", "", words).removesuffix("€"): (float(x), float(y)) for x, y, words in found}

    turned, straight = places(income), places(catalog.indicator("rsa_recipients_count"))
    assert turned["−1800"][0] > turned["−600"][0], "the poorest to the right"
    assert turned["−150"][1] < turned["+150"][1], "a widening gap above; an SVG counts downwards"
    assert straight["−1800"][0] < straight["−600"][0]
    assert straight["−150"][1] > straight["+150"][1]


def test_without_polarity_a_quadrant_judges_nothing(catalog):
    found = words(
        charts.quadrant(POINTS, NAMES, "QP062056", catalog.indicator("taxed_households_share_pct"), SOURCE, "c", "Calais")
    )
    assert not [w for w in found if re.search("défavorable|creuse|réduit", w)]
    assert {"hausse relative", "baisse relative"} <= set(found)


def test_a_bar_without_value_says_so_instead_of_showing_zero(income):
    found = words(drawn("bars", income))
    assert "non publié" in found
    assert f"58,0{NNBSP}%" in found
    assert f"0,0{NNBSP}%" not in found


# --- names that could harm ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["<b>x</b> & y", '"><script>', "5$ et 10$", r"$\alpha$_{x}", "a^2 \\frac"])
def test_a_label_is_drawn_as_it_is_written_and_a_dollar_starts_no_formula(income, name):
    drawing = charts.evolution([Series(name, YEARS, [1.0, 2.0, 3.0], own=True)], income, name, "c")
    found = words(drawing)
    assert name in found, "the source"
    assert any(w.startswith(f"{name}  ") for w in found), "the line"


def test_a_control_character_in_a_name_does_not_break_the_drawing(income):
    drawing = charts.evolution([Series("Cité\x0710", YEARS, [1.0, 2.0, 3.0], own=True)], income, "Source\x08", "c")
    assert any(w.startswith("Cité10  ") for w in words(drawing))


def test_a_long_name_is_shortened_with_an_ellipsis(income):
    name = "Les Hauts De Liévin - Résidence Des Provinces - Cités 9-9bis"
    found = words(charts.evolution([Series(name, YEARS, [1.0, 2.0, 3.0], own=True)], income, SOURCE, "c"))
    (label,) = [w for w in found if w.startswith("Les Hauts")]
    assert label.startswith("Les Hauts De Liévin…")


@pytest.mark.parametrize("draw", [charts.bars, charts.narrow_bars])
def test_a_long_label_is_broken_and_never_cut(draw):
    label = "Accès aux droits et aux soins, Fort Nieulay, Cailloux, Saint Pierre"
    drawing = draw([label, "Autre"], {"Rang": [1.0, "non imprimé"]}, "rank", 0, SOURCE, "c")
    said = " ".join(words(drawing))
    assert label in said and "…" not in said and "non imprimé" in said


def test_a_thousand_points_that_look_alike_say_once_how(income):
    rows = [(f"QP{n:06}", -10.0 * n, 3.0 * n, False) for n in range(1000)]
    points = pd.DataFrame(rows, columns=["territory", "gap", "change", "widening"])
    drawing = charts.quadrant(points, {}, "QP000500", income, SOURCE, "c", "Calais")
    uses = re.findall(r"<use [^>]*>", drawing)
    assert len(uses) >= 1000
    assert sum("style" in u for u in uses) < 50, "the own point and the ticks"
    assert charts.MUTED in re.search(r"<g clip-path=[^>]*style=[^>]*>", drawing)[0]
