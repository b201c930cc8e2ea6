"""Over which QPV, and when, a figure is mapped."""

from __future__ import annotations

import pytest
from qpv.brief.atlas import spread_of
from qpv.comparison import key_figure
from qpv.profile import load_profile
from qpv.warehouse import Warehouse

#: Indicator, theme -> scope, period, number of QPV with a figure: the same figures as in Insee's files.
MAPPED = {
    ("median_disposable_income_eur", "revenue"): ("departement", "2019"),
    # The contract of Calais alone prints 42 % for 2021; Insee's base of 2022 has 2018 for the QPV of the département.
    ("under_25_share_pct", "demography"): ("departement", "2018"),
    # The contract prints the schooling of this QPV alone for 2018; the census of 2010 is the last that gives it for all.
    ("schooling_16_24_pct", "education"): ("departement", "2010"),
}


@pytest.mark.parametrize(("indicator", "theme"), MAPPED)
def test_a_figure_is_mapped_at_a_date_that_three_qpv_share(full: Warehouse, indicator: str, theme: str) -> None:
    profile = load_profile(full, "QN06254M", theme, "2026-T3")
    figure = key_figure(profile, profile.catalog.indicator(indicator))
    found = spread_of(profile, figure)
    assert (found.scope, found.period, found.own) == (*MAPPED[indicator, theme], "QP062056")
    assert found.rows.index.isin(found.codes).sum() >= 3


def test_the_qpv_stands_on_the_map_with_its_own_figure_of_that_date(full: Warehouse) -> None:
    """42,0 % in 2021 (contract), 41,7 % in 2018 (Insee): the map of 2018 shows the latter."""
    profile = load_profile(full, "QN06254M", "demography", "2026-T3")
    figure = key_figure(profile, profile.catalog.indicator("under_25_share_pct"))
    assert figure.own is not None
    assert (figure.own["period"], figure.own["value"]) == ("2021", 42.0)
    assert spread_of(profile, figure).rows.at["QP062056", "value"] == 41.7


def test_a_quartier_without_the_figure_is_mapped_among_its_neighbours_as_they_were_measured(full: Warehouse) -> None:
    """Le Château, new in 2024, has no figure: nothing is read on the perimeters of 2024 yet, and none of 2015's is its own."""
    profile = load_profile(full, "QN00614N", "demography", "2026-T3")
    figure = key_figure(profile, profile.catalog.indicator("under_25_share_pct"))
    found = spread_of(profile, figure)
    assert (figure.own, found.own, found.generation) == (None, "", "2015")
    assert found.period == "2018"
    assert len(found.rows) > 1000
    assert len(found.codes & set(found.rows.index)) >= 3
