"""Each trap of the official files, one test each, on the real files."""

from __future__ import annotations

import csv
import functools
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from qpv.catalog import Catalog
from qpv.reference import Reference
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import recognise
from qpv.sources.text_table import LINE, read_text_table
from qpv.warehouse import Warehouse

BEAU_MARAIS, FORT_NIEULAY = "QP062056", "QP062055"


@pytest.fixture(scope="module")
def deliver(official: Path, catalog: Catalog, reference: Reference):
    """Read one official file by its path under the folder."""

    @functools.cache
    def read(path: str) -> Delivery:
        (found,), _ = recognise([official / path], catalog)
        return READERS[found.source.reader or ""](found.file, found.source, found.edition, Context(catalog, reference))

    return read


def text_of(official: Path, path: str, catalog: Catalog) -> pd.DataFrame:
    (found,), _ = recognise([official / path], catalog)
    assert found.source.table is not None
    return read_text_table(found.file, found.source.table, found.edition)


def value(table: pd.DataFrame, territory: str, indicator: str, period: str | None = None) -> float:
    found = table[(table["territory"] == territory) & (table["indicator"] == indicator)]
    found = found if period is None else found[found["period"] == period]
    assert len(found) == 1, f"{territory} {indicator} {period}: {len(found)} rows"
    return found["value"].iloc[0]


# --- The thematic bases of Insee -------------------------------------------------------------


@pytest.mark.parametrize(
    ("edition", "year", "income", "poverty"),
    [(2017, "2013", 10_935, 60.1), (2018, "2014", 11_161, 59.0), (2019, "2015", 11_080, 60.8), (2022, "2018", 11_760, 61.4)],
)
def test_the_year_of_a_file_name_is_the_edition_not_the_reference_year(
    deliver, edition: int, year: str, income: int, poverty: float
) -> None:
    table = deliver(f"insee_qpv2015/REVN_{edition}.csv").observations
    assert value(table, BEAU_MARAIS, "median_disposable_income_eur", year) == income
    assert value(table, BEAU_MARAIS, "poverty_rate_pct", year) == poverty
    assert set(table.loc[table["indicator"] == "poverty_rate_pct", "period"]) == {year}


def test_fort_nieulay_of_the_edition_2022_has_the_figures_of_filosofi_2018(deliver) -> None:
    table = deliver("insee_qpv2015/REVN_2022.csv").observations
    assert value(table, FORT_NIEULAY, "median_disposable_income_eur", "2018") == 13_130
    assert value(table, FORT_NIEULAY, "poverty_rate_pct", "2018") == 49.3


def test_two_files_of_one_reference_year_agree_qpv_by_qpv(deliver) -> None:
    base = deliver("insee_qpv2015/REVN_2022.csv").observations
    panel = deliver("qpv_other/filosofi_qpv2015_panel_2012_2020.csv").observations
    key = ["territory", "indicator", "period"]
    both = (
        base[(base["period"] == "2018") & base["value"].notna()]
        .merge(panel, on=key, suffixes=("", "_panel"))
        .dropna(subset="value_panel")
    )
    both = both[both["indicator"].isin(["median_disposable_income_eur", "poverty_rate_pct"])]
    assert len(both) > 2_500
    assert (both["value"] == both["value_panel"]).all()


def test_a_narrow_no_break_space_groups_thousands(official: Path, deliver) -> None:
    assert "8\u202f555" in (official / "insee_qpv2015/DEMO_2017.csv").read_text("utf-8-sig")
    assert value(deliver("insee_qpv2015/DEMO_2017.csv").observations, BEAU_MARAIS, "population_count", "2013") == 8_555


def test_a_byte_order_mark_and_crlf_are_no_part_of_names_and_values(official: Path, catalog: Catalog) -> None:
    raw = (official / "insee_qpv2015/DEMO_2017.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == raw.count(b"\n")
    frame = text_of(official, "insee_qpv2015/DEMO_2017.csv", catalog)
    assert frame.columns[1] == "CODGEO"
    assert frame.columns[-1] == "NOTE_CNAF"
    assert not frame.map(lambda cell: "\r" in cell or "\ufeff" in cell).any(axis=None)


def test_hundreds_of_empty_trailing_columns_are_left_out(official: Path, catalog: Catalog) -> None:
    with (official / "insee_qpv2015/REVN_2022.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert len(next(csv.reader(stream, delimiter=";"))) > 300
    frame = text_of(official, "insee_qpv2015/REVN_2022.csv", catalog)
    assert frame.shape == (1352, 33)
    assert "" not in frame.columns


def test_each_row_knows_its_line_in_the_file(official: Path, catalog: Catalog) -> None:
    lines = (official / "insee_qpv2015/REVN_2022.csv").read_text("utf-8-sig").split("\n")
    frame = text_of(official, "insee_qpv2015/REVN_2022.csv", catalog)
    line = int(frame.loc[frame["CODGEO"] == BEAU_MARAIS, LINE].iloc[0])
    assert line == 746
    assert lines[line - 1].startswith(f"{BEAU_MARAIS};Beau Marais;")


def test_column_a_counts_caf_recipients_in_demo_and_job_seekers_in_ipro(deliver) -> None:
    demo = deliver("insee_qpv2015/DEMO_2022.csv").observations
    ipro = deliver("insee_qpv2015/IPRO_2022.csv").observations
    assert value(demo, BEAU_MARAIS, "caf_recipients_count", "2020") == 3_420
    assert value(ipro, BEAU_MARAIS, "job_seekers_a_count", "2021-12") == 1_018
    assert "caf_recipients_count" not in set(ipro["indicator"])
    assert "job_seekers_a_count" not in set(demo["indicator"])


def test_column_a_of_revn_is_the_denominator_of_rsa_among_caf_recipients(deliver) -> None:
    table = deliver("insee_qpv2015/REVN_2022.csv").observations
    assert value(table, BEAU_MARAIS, "rsa_recipients_count", "2020") == 1_405
    assert value(table, BEAU_MARAIS, "rsa_share_of_caf_recipients_pct", "2020") == pytest.approx(100 * 1405 / 3420, abs=1e-6)
    assert not table["indicator"].str.contains("job_seekers").any()


def test_a_trailing_space_in_a_column_name_hides_nothing(official: Path, deliver) -> None:
    assert ";EVOL_CA_N_E ;" in (official / "insee_qpv2015/IPRO_2019.csv").read_text("utf-8-sig").split("\n")[0]
    table = deliver("insee_qpv2015/IPRO_2019.csv").observations
    assert value(table, BEAU_MARAIS, "helped_contracts_change_1y_pct", "2017-2018") == -59


@pytest.mark.parametrize(
    ("edition", "column", "period", "rate"), [(2020, "TX_TOT_EPREC", "2016", 35.8), (2022, "TX_TOT_EDLIM", "2018", 34.2)]
)
def test_a_renamed_column_stays_the_same_indicator(deliver, edition: int, column: str, period: str, rate: float) -> None:
    table = deliver(f"insee_qpv2015/IPRO_{edition}.csv").observations
    table = table[table["indicator"] == "limited_duration_jobs_share_pct"]
    assert set(table["column"]) == {column}
    assert value(table, BEAU_MARAIS, "limited_duration_jobs_share_pct", period) == rate


def test_a_blank_cell_is_unavailable_and_never_zero(official: Path, catalog: Catalog, deliver) -> None:
    frame = text_of(official, "insee_qpv2015/IPRO_2017.csv", catalog)
    blank = set(frame.loc[frame["TX_ET_EMPL"].str.strip() == "", "CODGEO"])
    assert BEAU_MARAIS in blank
    table = deliver("insee_qpv2015/IPRO_2017.csv").observations
    table = table[table["indicator"] == "employment_rate_foreigners_15_64_pct"]
    absent = table[table["territory"].isin(blank)]
    assert absent["value"].isna().all()
    assert set(absent["status"]) == {"unavailable"}
    assert table[~table["territory"].isin(blank)]["value"].notna().all()


@pytest.mark.parametrize(
    ("path", "note", "column", "indicator"),
    [
        ("insee_qpv2015/REVN_2022.csv", "NOTE_CNAF", "ARSAS", "rsa_recipients_count"),
        ("insee_qpv2015/REVN_2019.csv", "NOTE_CNAM", "CCMUC", "cmuc_beneficiaries_count"),
        ("insee_qpv2015/IPRO_2022.csv", "NOTE_PE", "ABC", "job_seekers_abc_count"),
        ("insee_qpv2015/DEMO_2022.csv", "NOTE_CNAF", "A", "caf_recipients_count"),
    ],
)
def test_a_blank_under_a_note_of_2_to_5_or_among_published_figures_is_secret(
    official: Path, catalog: Catalog, deliver, path: str, note: str, column: str, indicator: str
) -> None:
    frame = text_of(official, path, catalog)
    hidden = set(frame.loc[frame[note].str.strip().isin(["2", "3", "4", "5"]), "CODGEO"])
    assert hidden
    table = deliver(path).observations
    table = table[(table["indicator"] == indicator) & (table["level"] == "qpv")]
    # A blank in a row that the note says is published is a small count, or one masked to protect another.
    masked = set(frame.loc[(frame[note].str.strip() == "0") & (frame[column].str.strip() == ""), "CODGEO"])
    assert set(table.loc[table["status"] == "secret", "territory"]) == hidden | masked
    assert table.loc[table["status"] == "secret", "value"].isna().all()


def test_note_filo_1_keeps_its_values_as_of_lower_quality(official: Path, catalog: Catalog, deliver) -> None:
    frame = text_of(official, "insee_qpv2015/REVN_2022.csv", catalog)
    flagged = frame[(frame["NOTE_FILO"].str.strip() == "1") & (frame["DISP_Q2"].str.strip() != "")]
    assert len(flagged) > 0
    table = deliver("insee_qpv2015/REVN_2022.csv").observations
    table = table[table["indicator"] == "median_disposable_income_eur"].set_index("territory")
    assert set(table.index[table["status"] == "low_quality"]) == set(flagged["CODGEO"])
    assert table.loc[flagged["CODGEO"], "value"].notna().all()


@pytest.mark.parametrize("edition", [2017, 2018, 2019])
def test_the_row_ensemble_is_all_qpv_of_france_and_no_qpv(deliver, edition: int) -> None:
    table = deliver(f"insee_qpv2015/DEMO_{edition}.csv").observations
    people = table[table["indicator"] == "population_count"]
    total = people[people["level"] == "qpv_of_france"]
    assert total[["territory", "value"]].to_numpy().tolist() == [["FR", 5_019_573.0]]
    assert people.loc[people["level"] == "qpv", "value"].sum() == 5_019_573


# --- Other files on the QPV ------------------------------------------------------------------


def test_rpls_has_decimal_commas_inside_quotes(official: Path, deliver) -> None:
    assert '"66,2",23,' in (official / "qpv_other/rpls_qpv.csv").read_text("utf-8")
    table = deliver("qpv_other/rpls_qpv.csv").observations
    assert value(table, BEAU_MARAIS, "social_dwellings_count") == 3_730
    assert value(table, BEAU_MARAIS, "social_median_rent_eur_per_m2") == 5.07
    assert value(table, BEAU_MARAIS, "social_dwelling_vacancy_rate_pct") == 6.5


def test_the_census_of_2010_has_its_header_on_row_6_and_percentages(deliver, official: Path, catalog: Catalog) -> None:
    frame = text_of(official, "qpv_other/demographie_2010_qpv.xls", catalog)
    assert "qp" in frame.columns
    table = deliver("qpv_other/demographie_2010_qpv.xls").observations
    women = table.loc[table["indicator"] == "women_share_pct", "value"].dropna()
    assert len(women) > 1_250
    assert 50 < women.median() < 56, "already in percent: no proportion of 0 to 1, and not multiplied again"


def test_the_census_of_2010_equals_the_base_of_2017(deliver) -> None:
    census = deliver("qpv_other/demographie_2010_qpv.xls").observations
    base = deliver("insee_qpv2015/DEMO_2017.csv").observations
    both = base.merge(census, on=["territory", "indicator", "period"], suffixes=("", "_xls")).dropna(
        subset=["value", "value_xls"]
    )
    both = both[both["indicator"] == "women_share_pct"]
    assert len(both) > 1_200
    assert ((both["value"] - both["value_xls"]).abs() <= 0.0501).all()


# --- Other levels ----------------------------------------------------------------------------


def test_the_poverty_rate_of_communes_is_in_the_zipped_comparator(deliver) -> None:
    table = deliver("iris_commune/base_cc_comparateur_csv.zip").observations
    assert value(table, "62193", "poverty_rate_pct", "2019") == 28
    assert value(table, "62193", "median_disposable_income_eur", "2019") == 17_230
    assert value(table, "62193", "population_count", "2013") == 72_520
    assert value(table, "62193", "vacant_dwellings_pct", "2018") == pytest.approx(
        100 * 3678.86157337948 / 36130.3837744523, abs=1e-5
    )
    assert value(table, "62193", "births_count", "2020") == 813
    assert set(table["file"]) == {"base_cc_comparateur_csv.zip:base_cc_comparateur.CSV"}


@pytest.mark.parametrize(
    ("name", "level", "territory", "income"),
    [
        ("EPCI", "epci", "246200364", 17_980),
        ("EPCI", "epci", "200090751", 18_730),
        ("DEP", "departement", "62", 19_560),
        ("REG", "region", "32", 20_360),
        ("METROPOLE", "france", "FRM", 21_930),
    ],
)
def test_filosofi_is_read_at_each_level(deliver, name: str, level: str, territory: str, income: int) -> None:
    table = deliver(f"iris_commune/FILO2019_DISP_{name}.csv").observations
    assert set(table["level"]) == {level}
    assert value(table, territory, "median_disposable_income_eur", "2019") == income
    assert "poverty_rate_pct" not in set(table["indicator"]), "these files have none"


# --- Schools ---------------------------------------------------------------------------------


def test_a_departement_written_062_is_62(official: Path, catalog: Catalog, deliver) -> None:
    frame = text_of(official, "education/ips-colleges-ap2022.csv", catalog)
    assert "062" in set(frame["code_du_departement"])
    places = deliver("education/ips-colleges-ap2022.csv").territories.set_index("code")
    assert places.loc["0620039F", ["communes", "departement", "region"]].tolist() == ["62117", "62", "32"]


def test_ivac_gives_communes_by_name_and_their_codes_are_found(official: Path, catalog: Catalog, deliver) -> None:
    assert not any("INSEE" in c for c in text_of(official, "education/ivac-colleges.csv", catalog).columns)
    delivery = deliver("education/ivac-colleges.csv")
    assert delivery.territories.set_index("code").loc["0622273J", ["communes", "departement"]].tolist() == ["62193", "62"]
    assert (delivery.territories["communes"] != "").mean() > 0.97
    assert value(delivery.observations, "0622273J", "dnb_success_value_added_points", "2022") == 15
    assert value(delivery.observations, "0622432G", "dnb_success_value_added_points", "2022") == -2


def test_a_public_college_has_a_point_and_its_priority_status(full: Warehouse) -> None:
    schools = full.territories[full.territories["level"] == "school"].set_index("code")
    vadez = schools.loc["0622273J"]
    assert (vadez["aliases"], vadez["communes"], vadez["kind"]) == ("REP+", "62193", "college")
    assert (vadez["longitude"], vadez["latitude"]) == pytest.approx((1.899, 50.955), abs=0.001)
    assert schools.loc[schools["kind"] == "ecole", "longitude"].isna().all(), "no coordinates for écoles"


# --- Outlines --------------------------------------------------------------------------------

WGS84, LB93 = "contours/qpv2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp", "contours/qpv2015/QP_METROPOLE_LB93.shp"
QPV2024 = "contours/qpv2024/qpv2024_simplified.geojson"


@pytest.mark.parametrize(("path", "outlines", "invalid"), [(WGS84, 1_514, 34), (QPV2024, 1_609, 85)], ids=["2015", "2024"])
def test_invalid_outlines_are_mended_and_counted(deliver, path: str, outlines: int, invalid: int) -> None:
    delivery = deliver(path)
    assert len(delivery.geometry) == len(delivery.territories) == outlines
    assert delivery.geometry.is_valid.all()
    assert f"{invalid} invalid outlines were mended" in [f.message for f in delivery.findings]


def test_mending_an_outline_keeps_its_area(official: Path, deliver) -> None:
    before = pyogrio.read_dataframe(official / QPV2024).set_index("code_qp").to_crs(2154)
    after = deliver(QPV2024).geometry.set_index("code").to_crs(2154)
    ratio = after.area / before.area.reindex(after.index)
    assert ratio.loc["QN06254M"] == pytest.approx(1)
    assert ((ratio - 1).abs() < 0.05).mean() > 0.99


def test_a_joined_list_of_communes_is_split(official: Path, deliver) -> None:
    raw = pyogrio.read_dataframe(official / QPV2024, read_geometry=False).set_index("code_qp")
    assert raw.loc["QN06205M", "insee_com"].count(",") == 2
    assert raw["insee_com"].str.contains(",").sum() == 149
    places = deliver(QPV2024).territories.set_index("code")
    assert places.loc["QN06205M", "communes"] == "62048 62194 62555"
    assert places["communes"].str.contains(" ").sum() == 149


def test_communes_of_2015_are_found_by_name(deliver) -> None:
    places = deliver(WGS84).territories.set_index("code")
    assert places.loc[BEAU_MARAIS, "communes"] == "62193"
    assert sorted(places.loc["QP062025", "communes"].split()) == ["62498", "62523", "62842"]
    assert places.loc[places["departement"] == "62", "communes"].ne("").all()
    # Merged or renamed since (Évry, Saint-Ouen, Cherbourg-Octeville…): reported, not guessed.
    assert (places["communes"] == "").sum() <= 46


def test_a_prj_without_an_epsg_code_is_lambert_93_all_the_same(official: Path, deliver) -> None:
    assert "EPSG" not in (official / LB93).with_suffix(".prj").read_text("ascii")
    lambert, degrees = deliver(LB93).geometry.set_index("code"), deliver(WGS84).geometry.set_index("code")
    assert lambert.crs.to_epsg() == 4326
    pair = gpd.GeoSeries([lambert.geometry[BEAU_MARAIS], degrees.geometry[BEAU_MARAIS]], crs=4326).to_crs(2154)
    assert pair.iloc[0].intersection(pair.iloc[1]).area / pair.iloc[1].area > 0.999


def test_accents_are_right_without_a_cpg(official: Path, deliver) -> None:
    assert not (official / WGS84).with_suffix(".cpg").exists()
    names = deliver(WGS84).territories.set_index("code")["name"]
    assert names["QP062026"] == "Cité 2"
    assert not names.str.contains("Ã|\ufffd").any()


def test_corsican_qpv_have_letters_in_their_codes(deliver) -> None:
    places = deliver(WGS84).territories.set_index("code")
    assert places.loc["QP02A001", ["departement", "region", "communes"]].tolist() == ["2A", "94", "2A247"]
    assert "QP02A001" in set(deliver(WGS84).geometry["code"])
    assert "QP02A001" in set(deliver("insee_qpv2015/REVN_2022.csv").observations["territory"])


def test_long_term_job_seekers_add_both_durations_not_the_first_only(full):
    rows = full.observations("employment", [("territory", "==", "QP062056"), ("period", "==", "2021-12")])
    value = rows.loc[rows["indicator"] == "job_seekers_abc_long_term_share_pct", "value"].iloc[0]
    assert round(value, 1) == 52.6  # (236 + 522) / 1 442


def test_mended_outlines_are_areas_only(full):
    assert set(full.geometry("qpv").geom_type) <= {"Polygon", "MultiPolygon", "Point"}
