"""Faults that a reader once found in a brief: each stays named here."""

import re

import pytest
from qpv.brief import Brief
from qpv.catalog import Catalog
from qpv.comparison import key_figure
from qpv.profile import load_profile
from qpv.tables import provenance
from qpv.vocabulary import THEME_BRIEFS


@pytest.mark.parametrize("theme", THEME_BRIEFS)
@pytest.mark.parametrize("code", ["QN01203N", "QN97402M"])
def test_a_new_qpv_and_one_overseas_have_all_their_blocks(full, full_folder, code, theme):
    brief = Brief(theme, code, "2026-T3", full_folder)
    blocks = [brief.head(), brief.summary(), brief.key_figures(), brief.map_location(), brief.map_headline(), brief.map_theme(),
              brief.evolution(), brief.quadrant(), brief.own_block(), brief.contract(), brief.sources()]  # fmt: skip
    assert all(block.html for block in blocks)


def test_a_doubtful_contract_figure_is_kept_and_never_compared(full):
    profile = load_profile(full, "QN06219M", "revenue", "2026-T3")
    rows = profile.observations[(profile.observations["territory"] == "246200364") & (profile.observations["period"] == "2020")]
    printed = rows[rows["indicator"] == "median_disposable_income_eur"]
    assert list(printed["value"]) == [17020]
    income = key_figure(profile, full.catalog.indicator("median_disposable_income_eur"))
    assert (income.own["period"], income.gap.other.value) == ("2019", 17980)


def test_a_gap_of_2012_gives_way_to_one_of_2019(full):
    profile = load_profile(full, "QN06219M", "revenue", "2026-T3")
    poverty = key_figure(profile, full.catalog.indicator("poverty_rate_pct"))
    assert poverty.own["period"] == "2019"


def test_a_qpv_overseas_is_not_compared_with_metropolitan_france(full):
    profile = load_profile(full, "QN97402M", "revenue", "2026-T3")
    assert [p.code for p in profile.comparators["france"]] == ["FR"]


def test_france_stands_at_the_period_of_the_row_where_it_has_one(full):
    income = key_figure(
        load_profile(full, "QN06254M", "revenue", "2026-T3"), full.catalog.indicator("median_disposable_income_eur")
    )
    assert (income.cells["france"].row["territory"], income.cells["france"].row["value"]) == ("FRM", 21930)


def test_ecology_knows_the_ages_of_the_social_stock_that_housing_knows(full):
    profile = load_profile(full, "QN06254M", "ecology", "2026-T3")
    assert profile.own("social_dwellings_1976_1988_pct")["value"].iloc[-1] == 23.0


def test_no_two_indicators_of_a_theme_bear_the_same_label(catalog: Catalog):
    for theme in THEME_BRIEFS:
        labels = [i.label for i in catalog.of_theme(theme)]
        assert sorted(labels) == sorted(set(labels))


def test_a_figure_measured_in_one_agglomeration_has_no_rank_in_france(full):
    heat = full.catalog.indicator("land_surface_temperature_celsius")
    ranks = key_figure(load_profile(full, "QN05976M", "ecology", "2026-T3"), heat).ranks
    assert (ranks["epci"].count, "france" in ranks) == (26, False)


def test_a_quadrant_names_its_source_where_the_qpv_itself_has_no_figure(full_folder):
    """Boulogne, Centre Ville, has no income; the points around it have: "Source : ." is none."""
    drawn = Brief("revenue", "QN06250M", "2026-T3", full_folder).quadrant().html
    source, *_ = re.findall(r"Source\s*:\s*([^<]*)", drawn)  # once more in the drawing for phones
    assert source.startswith("Insee, ")


def test_every_point_of_a_quadrant_of_a_departement_stands_in_its_table(full_folder):
    drawn = Brief("revenue", "QN06254M", "2026-T3", full_folder).quadrant().html
    assert "64 QPV sur 64" in drawn
    assert drawn.count('<th scope="row">') == 64


def test_no_value_stands_on_a_line_zero(full):
    profile = load_profile(full, "QN05976M", "ecology", "2026-T3")
    heat = key_figure(profile, full.catalog.indicator("land_surface_temperature_celsius"))
    assert heat.own["row"] == 0
    assert "ligne" not in dict(provenance(profile, heat.own))["Où"]
