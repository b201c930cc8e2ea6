"""What stands below a map: the value of this QPV or of its commune; its two perimeters, told apart from near."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from qpv.brief import Brief

LOOS = "QN05976M"


def drawn(theme: str, code: str, folder: Path, which: str) -> BeautifulSoup:
    brief = Brief(theme, code, "2026-T3", folder)
    return BeautifulSoup(getattr(brief, which)().html, "html.parser")


def legend(soup: BeautifulSoup) -> list[str]:
    return [item.get_text().replace("\u202f", " ") for item in soup.select(".legend li")]


def test_both_perimeters_are_drawn_from_near_the_older_one_dashed_and_unfilled(full_folder: Path) -> None:
    (near,) = drawn("education", LOOS, full_folder, "map_location").select("svg.map-near")
    new, old = near.select("use")
    assert (new["href"], old["href"]) == ("#o-qpv-QN05976M", "#o-qpv-QP059078")
    assert (new["fill"], new.get("stroke-dasharray")) == ("#9fc3e4", None)
    assert (old["fill"], bool(old["stroke-dasharray"])) == ("none", True)
    width = float(near["viewbox"].split()[2])
    assert width < 3_000, "metres: the quartier fills the view, not the agglomération"


def test_outlines_of_the_close_up_are_those_of_the_map(full_folder: Path) -> None:
    block = Brief("education", LOOS, "2026-T3", full_folder).map_location()
    named = {u["href"].removeprefix("#") for u in BeautifulSoup(block.html, "html.parser").select("svg.map-near use")}
    assert named <= set(block.outlines)


def test_a_quartier_without_outline_has_no_close_up(embedded_folder: Path) -> None:
    assert drawn("revenue", "QN06254M", embedded_folder, "map_location").select("svg.map-near") == []


@pytest.mark.parametrize(
    ("theme", "said"),
    [
        ("ecology", {"ce quartier : 39,7 °C"}),
        ("education", {"ce quartier (contour) : aucun collège dedans"}),
    ],
)
def test_legend_of_the_map_of_the_theme_gives_what_the_quartier_has(full_folder: Path, theme: str, said: set[str]) -> None:
    assert said <= set(legend(drawn(theme, LOOS, full_folder, "map_theme")))


def test_figure_of_the_quartier_in_the_legend_is_in_the_ledger(full_folder: Path) -> None:
    brief = Brief("housing", "QN06254M", "2026-T3", full_folder)
    lines = legend(BeautifulSoup(brief.map_theme().html, "html.parser"))
    own = [line for line in lines if line.startswith("ce quartier (contour) : ")]
    assert len(own) == 1
    told = [f for f in brief.ledger.figures() if f["level"] == "qpv" and f["territory"] in ("QN06254M", "QP062056")]
    assert "pas de valeur" in own[0] or len(told) == 1


def test_where_nobody_measured_the_new_perimeter_the_map_shows_the_neighbours_as_they_were_measured(full_folder: Path) -> None:
    """QN06250M has no figure and no predecessor that covers a fifth of it: its map had no value at all."""
    soup = drawn("revenue", "QN06250M", full_folder, "map_headline")
    assert "Périmètres de 2015." in soup.get_text()
    assert "aucune valeur à cette date" not in soup.get_text()
    assert legend(soup)[-1] == "ce quartier : pas de valeur"
    assert any(u["href"] == "#o-qpv-QN06250M" or u["stroke"] == "#b5500b" for u in soup.select("svg.map-print use"))


def test_points_of_communes_without_outline_are_explained_in_each_map(full_folder: Path) -> None:
    for which in ("map_location", "map_headline"):
        assert "autres communes, sans contour (points)" in legend(drawn("ecology", LOOS, full_folder, which))
