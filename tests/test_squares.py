"""Squares of 200 m: drawn from their ids, quotients of two sums, and what Insee imputed is said."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from qpv.catalog import Catalog
from qpv.errors import SourceError
from qpv.overlay import carry, overlaps, ratio
from qpv.proxies import carried
from qpv.reference import Reference
from qpv.schemas import OBSERVATIONS, check
from qpv.sources import READERS
from qpv.sources.base import Context
from qpv.sources.recognition import Recognised, recognise
from shapely.geometry import box

HEADER = [
    "idcar_200m",
    "idcar_1km",
    "idcar_nat",
    "i_est_200",
    "i_est_1km",
    "lcog_geo",
    "ind",
    "men",
    "men_pauv",
    "men_1ind",
    "men_5ind",
    "men_prop",
    "men_fmp",
    "ind_snv",
    "men_surf",
    "men_coll",
    "men_mais",
    "log_av45",
    "log_45_70",
    "log_70_90",
    "log_ap90",
    "log_inc",
    "log_soc",
    "ind_0_3",
    "ind_4_5",
    "ind_6_10",
    "ind_11_17",
    "ind_18_24",
    "ind_25_39",
    "ind_40_54",
    "ind_55_64",
    "ind_65_79",
    "ind_80p",
    "ind_inc",
]
N, E = 3_067_800, 3_817_400  # a corner of the grid, in Lens
POOR, PEOPLE, INCOME = "squares_poor_households_pct", "squares_population_count", "squares_mean_living_standard_eur"


def line(north: int = N, east: int = E, crs: int = 3035, **values: float | str) -> dict[str, float | str]:
    row: dict[str, float | str] = dict.fromkeys(HEADER, 0)
    return row | {"idcar_200m": f"CRS{crs}RES200mN{north}E{east}", "lcog_geo": "62498", "men": 10, "ind": 20} | values


def archive(folder: Path, *rows: dict[str, float | str], member: str = "carreaux_200m_met.csv", upper: bool = False) -> Path:
    names = [n.upper() if upper else n for n in HEADER]
    text = "\n".join([",".join(names), *(",".join(str(r[n]) for n in HEADER) for r in rows)]) + "\n"
    path = folder / "Filosofi2021_carreaux_200m_csv.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(member, text)
        for other in {"carreaux_200m_met.csv", "carreaux_200m_mart.csv", "carreaux_200m_reun.csv"} - {member}:
            packed.writestr(other, "")
    return path


def outlines(*shapes: tuple[str, str, object], crs: int = 3035) -> gpd.GeoDataFrame:
    codes, levels, geometry = zip(*shapes, strict=True)
    generations = ["" if level == "commune" else "2024" for level in levels]
    return gpd.GeoDataFrame({"code": codes, "level": levels, "generation": generations}, geometry=list(geometry), crs=crs).to_crs(
        4326
    )


def item_of(path: Path, catalog: Catalog, edition: str = "insee_income_squares_2021_metropole") -> Recognised:
    found, _ = recognise([path], catalog)
    (item,) = [i for i in found if i.edition.id == edition]
    return Recognised(item.source, item.edition.model_copy(update={"rows": None}), item.file)


def table(item: Recognised, areas: gpd.GeoDataFrame, catalog: Catalog, reference: Reference) -> pd.DataFrame:
    delivery = READERS["income_squares"](item.file, item.source, item.edition, Context(catalog, reference))
    found = pd.concat(carried(catalog, [(item, delivery)], areas), ignore_index=True)
    check(found, OBSERVATIONS)
    return found


def value(found: pd.DataFrame, indicator: str, code: str = "QN06201M") -> float:
    (one,) = found.loc[(found["indicator"] == indicator) & (found["territory"] == code), "value"]
    return float(one)


def test_a_quotient_is_that_of_the_sums_and_not_the_mean_of_quotients(tmp_path, catalog: Catalog, reference: Reference) -> None:
    # 3 households, all poor, beside 300 of which 30 are: 33 of 303, where the mean of the rates would say 55 %.
    path = archive(tmp_path, line(men=3, men_pauv=3), line(east=E + 200, men=300, men_pauv=30))
    found = table(item_of(path, catalog), outlines(("QN06201M", "qpv", box(E, N, E + 400, N + 200))), catalog, reference)
    assert value(found, POOR) == pytest.approx(100 * 33 / 303, abs=0.06)


def test_half_a_square_gives_half_of_its_people_to_both_sums() -> None:
    cells = gpd.GeoDataFrame({"a": [10.0, 0.0], "b": [10.0, 40.0]}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs=2154)
    areas = gpd.GeoDataFrame({"code": ["QN06201M"]}, geometry=[box(0.5, 0, 2, 1)], crs=2154)
    pairs = overlaps(areas, cells)
    assert ratio(pairs, cells["a"], cells["b"]).loc["QN06201M", "value"] == pytest.approx(5 / 45)
    assert carry(pairs, cells["a"] / cells["b"]).loc["QN06201M", "value"] == pytest.approx(1 / 3), "the mean is another thing"
    assert ratio(pairs, cells["a"], cells["b"] * 0)["value"].isna().all(), "nothing over zero"
    unknown = ratio(pairs, cells["a"].where(cells.index == 0), cells["b"])
    assert unknown.loc["QN06201M", "share"] == pytest.approx(1 / 3, abs=1e-4)
    assert unknown["value"].isna().all(), "a third of the surface is not enough"


def test_people_are_summed_and_incomes_are_a_mean_over_people(tmp_path, catalog: Catalog, reference: Reference) -> None:
    path = archive(tmp_path, line(ind=20, ind_snv=400_000), line(east=E + 200, ind=60, ind_snv=900_000))
    found = table(item_of(path, catalog), outlines(("QN06201M", "qpv", box(E, N, E + 400, N + 200))), catalog, reference)
    assert value(found, PEOPLE) == pytest.approx(80, abs=0.2)
    assert value(found, INCOME) == pytest.approx(1_300_000 / 80, rel=1e-3)
    assert set(found["status"]) == {"proxy"}
    assert set(found["period"]) == {"2021"}


def test_what_insee_imputed_and_the_share_covered_are_said(tmp_path, catalog: Catalog, reference: Reference) -> None:
    path = archive(tmp_path, line(ind=30, i_est_200=1), line(east=E + 200, ind=90))
    found = table(item_of(path, catalog), outlines(("QN06201M", "qpv", box(E, N, E + 500, N + 200))), catalog, reference)
    (note,) = set(found.loc[found["indicator"] == POOR, "note"])
    assert "carreaux habités de 200 m (2), qui couvrent 80\u202f% du territoire" in note
    assert "25\u202f% des habitants sont dans un carreau imputé" in note
    (printed,) = set(found.loc[found["indicator"] == POOR, "column"])
    assert printed == "men_pauv / men"


def test_a_qpv_with_few_squares_gets_no_figure(tmp_path, catalog: Catalog, reference: Reference) -> None:
    areas = outlines(("QN06201M", "qpv", box(E, N, E + 200, N + 200)), ("QN06202M", "qpv", box(E, N + 200, E + 200, N + 800)))
    found = table(item_of(archive(tmp_path, line(), line(north=N + 200)), catalog), areas, catalog, reference)
    assert set(found["territory"]) == {"QN06201M"}


def test_the_commune_around_is_measured_alike_and_other_communes_are_not(
    tmp_path, catalog: Catalog, reference: Reference
) -> None:
    path = archive(tmp_path, line(men_pauv=5), line(east=E + 200, men_pauv=1), line(east=E + 4_000, men_pauv=9))
    areas = outlines(
        ("QN06201M", "qpv", box(E, N, E + 200, N + 200)), ("62498", "commune", box(E, N, E + 400, N + 200)),
        ("62193", "commune", box(E + 4_000, N, E + 4_200, N + 200)),
    )  # fmt: skip
    found = table(item_of(path, catalog), areas, catalog, reference)
    assert set(found["territory"]) == {"QN06201M", "62498"}
    assert value(found, POOR) == pytest.approx(50, abs=0.5)
    assert value(found, POOR, "62498") == pytest.approx(30, abs=0.5)


def test_capital_letters_of_other_editions_are_read(tmp_path, catalog: Catalog, reference: Reference) -> None:
    path = archive(tmp_path, line(men_pauv=5), upper=True)
    found = table(item_of(path, catalog), outlines(("QN06201M", "qpv", box(E, N, E + 200, N + 200))), catalog, reference)
    assert value(found, POOR) == pytest.approx(50, abs=0.2)


def test_squares_of_la_reunion_lie_in_their_own_grid(tmp_path, catalog: Catalog, reference: Reference) -> None:
    north, east = 7_688_800, 340_000
    path = archive(tmp_path, line(north, east, 2975, men_pauv=4), member="carreaux_200m_reun.csv")
    areas = outlines(("QN97401M", "qpv", box(east, north, east + 200, north + 200)), crs=2975)
    found = table(item_of(path, catalog, "insee_income_squares_2021_reunion"), areas, catalog, reference)
    assert value(found, POOR, "QN97401M") == pytest.approx(40, abs=0.01)
    assert "(1), qui couvrent 100" in found["note"].iloc[0]
    metropole = outlines(("QN06201M", "qpv", box(E, N, E + 200, N + 200)))
    delivery = READERS["income_squares"](
        *(lambda i: (i.file, i.source, i.edition))(item_of(path, catalog, "insee_income_squares_2021_reunion")),
        Context(catalog, reference),
    )
    item = item_of(path, catalog, "insee_income_squares_2021_reunion")
    assert carried(catalog, [(item, delivery)], metropole) == [], "no square of the island lies in Lens"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([line(idcar_200m="A12")], "'A12' is no id of a square"),
        ([line(), line(east=E + 200, men="beaucoup")], "invalid value 'beaucoup'"),
    ],
)
def test_a_damaged_row_is_refused_by_what_it_says(tmp_path, catalog: Catalog, reference: Reference, rows, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        table(
            item_of(archive(tmp_path, *rows), catalog), outlines(("QN06201M", "qpv", box(E, N, E + 9, N + 9))), catalog, reference
        )


def test_a_missing_column_is_told_at_once_and_a_cut_file_when_it_is_read(
    tmp_path, catalog: Catalog, reference: Reference
) -> None:
    path = archive(tmp_path, line())
    (whole,) = [i for i in recognise([path], catalog)[0] if i.edition.id.endswith("metropole")]
    delivery = READERS["income_squares"](whole.file, whole.source, whole.edition, Context(catalog, reference))
    with pytest.raises(SourceError, match="1 rows; edition insee_income_squares_2021_metropole has between 2250000"):
        carried(catalog, [(whole, delivery)], outlines(("QN06201M", "qpv", box(E, N, E + 9, N + 9))))
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("carreaux_200m_met.csv", ",".join(HEADER).replace("men_pauv", "pauvres") + "\n")
    with pytest.raises(SourceError, match="line 1: missing columns men_pauv; found idcar_200m"):
        READERS["income_squares"](whole.file, whole.source, whole.edition, Context(catalog, reference))
