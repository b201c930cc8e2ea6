"""The verbs of ``import qpv``: what they give on real figures, that they come cheap, and how they refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import nbformat
import pandas as pd
import pytest
import qpv
from qpv.comparison import MEDIAN_AT_BOTH_DATES
from qpv.errors import AmbiguousTerritoryError, ParameterError, UnknownTerritoryError
from qpv.numbers import NNBSP
from qpv.quarter import Quarter
from qpv.rendition import parts
from qpv.warehouse import Warehouse

ROOT = Path(__file__).resolve().parent.parent
CALAIS, LENS, BEAU_MARAIS = "200090751", "246200364", "QN06254M"


def test_importing_the_package_brings_neither_pandas_nor_folium() -> None:
    said = "import sys, qpv; print(sorted({'pandas', 'folium', 'matplotlib', 'qpv.verbs'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"


def test_a_verb_goes_before_the_module_of_its_name_and_the_module_stays_importable() -> None:
    said = ("import qpv.profile, qpv.catalog; from qpv.profile import load_profile; from qpv.catalog import Catalog; import qpv; "
            "print(qpv.profile.__module__, qpv.catalog.__module__, load_profile.__module__)")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.split() == ["qpv.verbs", "qpv.verbs", "qpv.profile"]
    assert set(qpv.VERBS) <= set(dir(qpv))
    with pytest.raises(AttributeError, match="its verbs are catalog, gap"):
        qpv.portrait  # noqa: B018


@pytest.mark.parametrize("verb", qpv.VERBS)
def test_each_verb_says_what_it_takes_gives_and_refuses(verb: str) -> None:
    said = getattr(qpv, verb).__doc__
    assert "Raises\n" in said
    assert verb == "show" or "Returns\n" in said


def test_beau_marais_is_28_points_above_calais_in_2019(embedded: Warehouse) -> None:
    table = qpv.profile("Beau Marais", "revenue", quarter="2026-T3", warehouse=embedded)
    row = table.set_index("indicator").loc["poverty_rate_pct"]
    assert (row["value"], row["commune"], row["gap"], row["against"]) == (58.0, 30.0, 28.0, "Calais")
    assert (row["territory"], row["generation"], row["period"], row["status"]) == ("QP062056", "2015", "2019", "transcribed")
    assert table.attrs == {"code": BEAU_MARAIS, "name": "Beau Marais", "quarter": "2026-T3"}


def test_a_comparator_of_another_year_is_not_set_beside(embedded: Warehouse) -> None:
    """The median income of the QPV is known in 2019, that of Calais in 2015 alone: the row stands at 2015."""
    row = qpv.profile(BEAU_MARAIS, "revenue", warehouse=embedded).set_index("indicator").loc["median_disposable_income_eur"]
    assert (row["period"], row["value"], row["commune"]) == ("2015", 11080.0, 15704.0)
    assert pd.isna(row["epci"])


def test_what_is_not_known_says_why_in_french(embedded: Warehouse) -> None:
    table = qpv.profile(BEAU_MARAIS, "ecology", warehouse=embedded)
    absent = table[table["value"].isna()]
    assert len(absent)
    assert (absent["why"].str.len() > 10).all()


def test_observations_are_the_preferred_ones_unless_every_one_is_asked_for(embedded: Warehouse) -> None:
    few = qpv.observations(CALAIS, "poverty_rate_pct", level="qpv", warehouse=embedded)
    every = qpv.observations(CALAIS, "poverty_rate_pct", level="qpv", every=True, warehouse=embedded)
    assert few["preferred"].all()
    assert len(every) >= len(few) == 7
    told = few.set_index(["territory", "period"]).loc[("QP062055", "undated")]
    assert (told["value"], told["edition"], told["row"]) == (43.0, "calais-2024", 1754)
    assert set(few["name"]) == {"Beau Marais", "Fort Nieulay - Cailloux - Saint-Pierre"}


def test_nineteen_qpv_of_lens_lievin_have_a_population_on_both_perimeters(embedded: Warehouse) -> None:
    rows = qpv.observations(LENS, "population_count", level="qpv", warehouse=embedded)
    assert rows.groupby(["generation", "period"]).size().to_dict() == {("2015", "2014"): 19, ("2024", "2024"): 19}


def test_a_quarter_before_publication_holds_nothing(embedded: Warehouse) -> None:
    assert qpv.observations(CALAIS, "poverty_rate_pct", quarter="2019-T1", warehouse=embedded).empty


def test_a_gap_at_one_common_date_has_no_change_and_says_so(embedded: Warehouse) -> None:
    table = qpv.gap(CALAIS, "poverty_rate_pct", warehouse=embedded).set_index("territory")
    assert table["gap"].to_dict() == {"QN06253M": 16.0, BEAU_MARAIS: 28.0}
    assert set(table["answer"]) == {""}
    assert table.at[BEAU_MARAIS, "words"].startswith("On ne sait pas si l’écart avec les territoires autour s’est réduit")


def test_official_figures_tell_which_gaps_of_lens_lievin_narrowed(full: Warehouse) -> None:
    """The EPCI has no two common dates: the gap is that with the QPV of France, and the table says so."""
    table = qpv.gap(LENS, "poverty_rate_pct", quarter="2026-T3", warehouse=full)
    told = table[table["answer"] != ""]
    assert told["answer"].value_counts().to_dict() == {
        "gap narrows": 9, "lead grows": 5, "gets ahead": 5, "gap widens": 2, "gap steady": 1,
    }  # fmt: skip
    republique = told.set_index("territory").loc["QN06219M"]
    assert (round(republique["gap_start"], 1), round(republique["gap_end"], 1)) == (10.8, 6.2)
    assert set(told["moved_against"]) == {MEDIAN_AT_BOTH_DATES}
    assert (told["end"].astype(int) - told["start"].astype(int) >= 3).all()
    assert set(told.loc[told["gap_change"].abs() >= 0.5, "answer"]).isdisjoint({"gap steady"})


def test_a_map_of_gaps_says_unit_perimeter_source_and_asks_no_host(embedded: Warehouse, tmp_path: Path) -> None:
    drawn = qpv.map(qpv.gap(CALAIS, "poverty_rate_pct", warehouse=embedded), "gap", warehouse=embedded)
    assert isinstance(drawn.shapes, gpd.GeoDataFrame)
    assert dict(zip(drawn.shapes["code"], drawn.shapes["said"], strict=True)) == {
        "QP062055": f"16,0{NNBSP}pt",
        "QP062056": f"28,0{NNBSP}pt",
    }
    assert drawn.title.endswith("(écart), 2019")
    assert any("Périmètres de 2015" in n for n in drawn.notes)
    assert any("Grand Calais" in n for n in drawn.notes)
    page = drawn.save(tmp_path / "carte.html").read_text("utf-8")
    assert "Contours absents" in page  # points of the commune are not the places of the QPV
    assert "<iframe" in page
    assert 'src="http' not in page.replace("&quot;", '"')


def test_own_figures_and_own_points_are_mapped_and_escaped(embedded: Warehouse) -> None:
    mine = pd.DataFrame({"territory": ["QN06253M", BEAU_MARAIS], "places": [3.5, float("nan")]})
    things = gpd.GeoDataFrame({"name": ["<script>x</script>"]}, geometry=gpd.points_from_xy([1.87], [50.95]), crs=4326)
    drawn = qpv.map(mine, "places", title="Mes <b>places</b>", points=things, warehouse=embedded)
    assert list(drawn.shapes["said"]) == ["3,5", "pas de valeur"]
    assert "Mes <b>" not in drawn._repr_html_()
    assert "<script>x" not in drawn._repr_html_()


def test_perimeters_without_contours_have_no_share(embedded: Warehouse) -> None:
    row = qpv.perimeters(BEAU_MARAIS, warehouse=embedded).iloc[0]
    assert (row["code_2015"], row["method"]) == ("QP062056", "declared")
    assert pd.isna(row["share_2024"])


def test_the_catalogue_is_searched_without_accents(embedded: Warehouse) -> None:
    found = qpv.catalog("taux PAUVRETE seuil 60", warehouse=embedded)
    assert "poverty_rate_pct" in set(found["indicator"])
    assert found["definition"].str.len().gt(10).all()
    assert set(qpv.catalog(theme="health", warehouse=embedded)["theme"]) >= {"health"}


@pytest.mark.parametrize(("kind", "place"), [("revenue", BEAU_MARAIS), ("portrait", BEAU_MARAIS), ("agglomeration", CALAIS)])
def test_show_gives_the_cells_of_the_notebook_in_order(embedded: Warehouse, kind: str, place: str) -> None:
    shown = parts(embedded, ROOT / "notebooks", place, kind, Quarter(2026, 3))
    cells = nbformat.read(ROOT / "notebooks" / f"{kind}.ipynb", as_version=4).cells[1:]
    assert ["markdown" if type(p).__name__ == "Markdown" else "code" for p in shown] == [c.cell_type for c in cells]
    assert [p.data for p in shown if type(p).__name__ == "Markdown"] == [c.source for c in cells if c.cell_type == "markdown"]
    assert "chiffres dans ce brief" in shown[-1].data


def test_show_gives_some_blocks_with_an_interactive_map(embedded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QPV_STILL_MAPS", raising=False)
    (block,) = parts(embedded, ROOT / "notebooks", BEAU_MARAIS, "revenue", Quarter(2026, 3), ["map_location"])
    assert "L.map(" in block.data.replace("&quot;", '"')


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda w: qpv.profile("QN99999X", "revenue", warehouse=w), UnknownTerritoryError, "QN99999X"),
        (lambda w: qpv.profile("Cité 10", "revenu", warehouse=w), ParameterError, "unknown theme 'revenu'"),
        (lambda w: qpv.gap("Cite 10", "poverty_rate_pct", warehouse=w), AmbiguousTerritoryError, "give the code"),
        (lambda w: qpv.gap(LENS, "poverty_rate", warehouse=w), ParameterError, "nearest: poverty_rate_pct"),
        (lambda w: qpv.observations(LENS, level="ville", warehouse=w), ParameterError, "unknown level 'ville'"),
        (lambda w: qpv.observations(LENS, quarter="T3 2026", warehouse=w), ParameterError, "YYYY-Tn"),
        (lambda w: qpv.catalog(theme="x", warehouse=w), ParameterError, "unknown theme 'x'"),
        (lambda w: qpv.map(pd.Series({"QN1": 1.0}), warehouse=w), ParameterError, "'QN1' is neither"),
        (lambda w: qpv.map(pd.DataFrame({"code": []}), warehouse=w), ParameterError, "no column 'territory'"),
        (lambda w: qpv.map(pd.DataFrame({"territory": ["QP062056"] * 2, "value": [1.0, 2]}), warehouse=w), ParameterError, "comes twice"),
        (lambda w: qpv.map(pd.DataFrame({"territory": ["QP062056"], "value": ["1,5"]}), warehouse=w), ParameterError, "decimal=','"),
        (lambda w: qpv.map(qpv.observations(CALAIS, "population_count", level="qpv", warehouse=w).drop_duplicates("territory"),
                           warehouse=w), ParameterError, "a map shows one period"),
        (lambda w: qpv.show(BEAU_MARAIS, "demographie", warehouse=w), ParameterError, "unknown kind of brief"),
        (lambda w: qpv.show(BEAU_MARAIS, "revenue", blocks=["carte"], warehouse=w), ParameterError, "unknown block 'carte'"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_error_that_names_it(embedded: Warehouse, call: object, error: type, said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        call(embedded)  # type: ignore[operator]
    assert "\n" not in str(raised.value)


def test_outside_of_a_project_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="or give warehouse="):
        qpv.catalog()
