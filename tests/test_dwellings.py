"""Dwellings, condominiums, establishments, sales, diagnostics and stops: files with one row a thing, counted."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from qpv.secrecy import WITHHELD
from qpv.sources import block_table
from things import (
    BEAU_MARAIS,
    BEAU_MARAIS_2015,
    CALAIS,
    DPE,
    DVF,
    RPLS,
    SIRENE,
    STOPS,
    dwelling,
    lines,
    sales,
    value,
)

# --- By code: dwellings, condominiums, establishments --------------------------------------------


def test_dwellings_are_counted_by_the_code_that_the_producer_wrote(tabulate) -> None:
    rows = [dwelling(BEAU_MARAIS, label="G")] * 15 + [dwelling(BEAU_MARAIS, label="C")] * 45 + [dwelling()] * 40
    table = tabulate("rpls-logements-2025-01.csv.gz", lines(RPLS, rows))
    for code in (BEAU_MARAIS, BEAU_MARAIS_2015):
        row = value(table, code, "social_dwellings_count")
        assert (row["value"], row["status"], row["period"]) == (60, "observed", "2025")
        assert row["note"] == "Compté par l’observatoire : 60 logements que le producteur situe dans le quartier"
        assert value(table, code, "social_dwellings_fg_share_pct")["value"] == 25
    assert value(table, CALAIS, "social_dwellings_count")["value"] == 100
    assert value(table, CALAIS, "social_dwellings_fg_share_pct")["value"] == 15
    empty = value(table, "QN06202M", "social_dwellings_count")
    assert (empty["value"], empty["status"]) == (0, "observed")
    nothing = value(table, "QN06202M", "social_dwellings_fg_share_pct")
    assert (nothing["status"], pd.isna(nothing["value"])) == ("not_applicable", True)
    assert not table["territory"].str.startswith("QN059").any()


def test_a_file_without_qpv_codes_in_a_departement_says_no_zero_there(tabulate) -> None:
    rows = [dwelling(BEAU_MARAIS)] * 20 + [dwelling(commune="59350")] * 30
    table = tabulate("rpls-2025-01.csv", lines(RPLS, rows))
    assert value(table, "59350", "social_dwellings_count")["value"] == 30
    assert not table["territory"].str.startswith(("QN059", "QP059")).any()


@pytest.mark.parametrize(
    ("bad", "good", "status"),
    [
        (10, 90, "secret"),
        (11, 89, "observed"),
        (0, 100, "observed"),
        (100, 0, "observed"),
        (5, 5, "secret"),
        (0, 10, "secret"),
        (97, 3, "secret"),
        (89, 11, "observed"),
    ],
)
def test_a_share_on_few_dwellings_is_withheld_above_and_below_the_line(tabulate, bad: int, good: int, status: str) -> None:
    # One of the bad ones lies elsewhere, so that the label exists in the file.
    rows = [dwelling(BEAU_MARAIS, label="F")] * bad + [dwelling(BEAU_MARAIS, label="A")] * good + [dwelling(label="F")]
    row = value(tabulate("rpls-2025-01.csv", lines(RPLS, rows)), BEAU_MARAIS, "social_dwellings_fg_share_pct")
    assert row["status"] == status
    if status == "secret":
        assert pd.isna(row["value"])
        assert row["note"] == WITHHELD.format(11), "the note does not say how many"
    else:
        assert row["value"] == bad


def test_a_mean_leaves_blanks_out_and_reads_decimal_commas(tabulate) -> None:
    rows = [dwelling(BEAU_MARAIS, **{"Surface habitable": "60,5"})] * 11 + [dwelling(BEAU_MARAIS)] * 5
    table = tabulate("rpls-2025-01.csv", lines(RPLS, rows))
    assert value(table, BEAU_MARAIS, "social_dwellings_mean_surface_m2")["value"] == 60.5


def test_condominiums_of_the_real_sample(tabulate, official: Path) -> None:
    content = (
        (official / "samples/rnc_copro.head.csv")
        .read_text("utf-8")
        .replace("75002,75102", "75056,75102")
        .replace("75011,", "75111,")
    )
    table = tabulate("rnc-copro.csv", content)
    paris = value(table, "75056", "condominiums_count")
    assert (paris["value"], paris["status"]) == (2, "observed"), "one row names the arrondissement"
    assert value(table, "75056", "condominium_dwellings_count")["value"] == 18 + 72
    # Too few to be shown: one of two.
    assert value(table, "75056", "condominiums_without_mandate_share_pct")["status"] == "secret"


def test_condominiums_by_code_in_2024_and_by_point_in_2015(tabulate, official: Path, points) -> None:
    header = (official / "samples/rnc_copro.head.csv").read_text("utf-8").splitlines()[0]
    x, y = points["inside"]
    row = {
        "longitude": x,
        "latitude": y,
        "nombre_lots_habitation": 20,
        "code_qp_2024": BEAU_MARAIS,
        "code_officiel_commune": CALAIS,
    }
    rows = [row | {"numero_immatriculation": n} for n in "ABC"] + [
        row | {"numero_immatriculation": "D", "nombre_lots_habitation": ""}
    ]
    table = tabulate("rnc-copro.csv", lines(header, rows, ","))
    assert list(value(table, BEAU_MARAIS, "condominiums_count")[["value", "status"]]) == [4, "observed"]
    assert list(value(table, BEAU_MARAIS_2015, "condominiums_count")[["value", "status"]]) == [4, "proxy"]
    lots = value(table, BEAU_MARAIS, "condominium_dwellings_count")
    assert lots["value"] == 60
    assert lots["note"].endswith("1 sans valeur, non comptés")


def test_condominiums_are_counted_within_300_metres_of_the_qpv_and_not_beyond(tabulate, official: Path, points) -> None:
    header = (official / "samples/rnc_copro.head.csv").read_text("utf-8").splitlines()[0]
    places = [("A", "inside"), ("B", "inside"), ("C", "near"), ("D", "far")]
    rows = [{"numero_immatriculation": n, "longitude": points[w][0], "latitude": points[w][1], "code_officiel_commune": CALAIS,
             "nombre_lots_habitation": 20} for n, w in places]  # fmt: skip
    table = tabulate("rnc-copro.csv", lines(header, rows, ","))
    assert list(value(table, BEAU_MARAIS, "condominiums_within_300m_count")[["value", "status"]]) == [3, "proxy"]
    assert set(table.loc[table["indicator"] == "condominiums_within_300m_count", "level"]) == {"qpv"}


def test_establishments_come_in_a_zip_and_outside_zones_have_letters_for_a_code(deliver, tabulate) -> None:
    rows = [{"siret": n, "plg_qp24": q, "plg_qp15": p, "plg_code_commune": CALAIS} for n, (q, p) in enumerate(
        [(BEAU_MARAIS, BEAU_MARAIS_2015)] * 3 + [("HZ", "CSZ")] * 2)]  # fmt: skip
    name, member = "GeolocalisationEtablissement_Sirene_pour_etudes_statistiques_utf8.zip", "Geolocalisation.csv"
    _, delivery = deliver(name, lines(SIRENE, rows), member)
    assert any("2 rows name no qpv_2024 that is known: 'HZ' (2)" in f.message for f in delivery.findings)
    table = tabulate(name, lines(SIRENE, rows), member)
    assert value(table, BEAU_MARAIS, "registered_establishments_count")["value"] == 3
    assert value(table, CALAIS, "registered_establishments_count")["value"] == 5


# --- Sales, diagnostics, stops -------------------------------------------------------------------


def test_a_sale_counts_once_and_only_if_it_is_of_one_dwelling(tabulate, points) -> None:
    table = tabulate("geo-dvf-2024.csv.gz", lines(DVF, sales(points["inside"]), ","))
    price = value(table, BEAU_MARAIS, "flats_median_price_eur_per_m2")
    assert (price["value"], price["status"]) == (10_500, "proxy")
    assert value(table, CALAIS, "flats_median_price_eur_per_m2")["value"] == 10_500
    assert value(table, CALAIS, "flats_sold_count")["value"] == 12, "the flat without a surface is sold all the same"
    assert value(table, CALAIS, "houses_median_price_eur_per_m2")["status"] == "secret"


def test_a_sale_belongs_to_the_year_of_its_deed_and_not_of_the_file_and_a_year_that_runs_is_not_counted(tabulate, points) -> None:
    rows = [{**r, "date_mutation": f"{year}-03-01", "id_mutation": f"{year}-{r['id_mutation']}"}
            for year in (2023, 2024, 2025) for r in sales(points["inside"])]  # fmt: skip
    table = tabulate("geo-dvf-2024.csv.gz", lines(DVF, rows, ","))
    sold = table[(table["territory"] == CALAIS) & (table["indicator"] == "flats_sold_count")]
    assert sold[["period", "value"]].to_numpy().tolist() == [["2023", 12], ["2024", 12]], "published by the end of 2025"


def test_a_median_of_ten_sales_is_withheld(tabulate, points) -> None:
    rows = [r for r in sales(points["inside"]) if r["id_mutation"] != "2024-110"]
    row = value(tabulate("geo-dvf-2024.csv.gz", lines(DVF, rows, ",")), BEAU_MARAIS, "flats_median_price_eur_per_m2")
    assert (row["status"], pd.isna(row["value"])) == ("secret", True)


@pytest.mark.parametrize("block", [400, 1500])
def test_where_a_block_of_the_file_ends_changes_nothing(tabulate, points, monkeypatch, block: int) -> None:
    content = lines(DVF, sales(points["inside"]), ",")
    whole = tabulate("geo-dvf-2024.csv.gz", content)
    monkeypatch.setattr(block_table, "BLOCK", block)
    pd.testing.assert_frame_equal(tabulate("geo-dvf-2024.csv.gz", content), whole)


def test_a_key_that_stands_in_two_blocks_counts_once(tabulate, points, monkeypatch) -> None:
    monkeypatch.setattr(block_table, "BLOCK", 200)
    x, y = points["inside"]
    rows = [{"stop_id": n, "stop_lat": y, "stop_lon": x, "dataset_id": n} for n in range(40)]
    assert (
        value(tabulate("gtfs-stops-france-export-2026-01-13.csv", lines(STOPS, rows, ",")), BEAU_MARAIS, "transport_stops_count")[
            "value"
        ]
        == 1
    )


def test_a_block_holds_few_rows_however_long_the_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "long.csv"
    path.write_text("a;b;c\n" + "1;2;3\n" * 20_000, "utf-8")
    monkeypatch.setattr(block_table, "BLOCK", 4096)
    raw = block_table.RawFile(path)
    blocks = list(block_table.read_blocks(raw, block_table.read_header(raw, "utf-8"), ["b"]))
    assert max(map(len, blocks)) < 1000
    assert sum(map(len, blocks)) == 20_000
    assert list(blocks[0].columns) == [block_table.LINE, "b"], "only what was asked for"
    assert blocks[-1][block_table.LINE].iloc[-1] == 20_001


def test_diagnostics_lie_in_lambert_93(tabulate, geometry) -> None:
    point = geometry[geometry["code"] == BEAU_MARAIS].to_crs(2154).representative_point().iloc[0]
    rows = [
        {"numero_dpe": n, "etiquette_dpe": "G" if n < 20 else "B", "conso_5_usages_par_m2_ep": 100 + n, "code_insee_ban": CALAIS,
         "code_departement_ban": 62, "coordonnee_cartographique_x_ban": point.x, "coordonnee_cartographique_y_ban": point.y}
        for n in range(80)
    ]  # fmt: skip
    table = tabulate("dpe03existant-62.csv", lines(DPE, rows, ","))
    assert list(value(table, BEAU_MARAIS, "energy_diagnoses_fg_share_pct")[["value", "status"]]) == [25, "proxy"]
    assert value(table, BEAU_MARAIS, "energy_consumption_median_kwh_per_m2")["value"] == 139.5
    assert value(table, BEAU_MARAIS, "energy_diagnoses_count")["value"] == 80


def test_stops_know_no_commune_and_are_counted_in_its_outline(tabulate, points, geometry) -> None:
    rows = [{"stop_id": n, "stop_lat": y, "stop_lon": x, "dataset_id": 1} for n, (x, y) in enumerate(points.values())]
    name, content = "gtfs-stops-france-export-2026-01-13.csv", lines(STOPS, rows, ",")
    table = tabulate(name, content)
    assert value(table, BEAU_MARAIS, "transport_stops_count")["value"] == 1
    assert value(table, BEAU_MARAIS, "transport_stops_within_300m_count")["value"] == 2
    commune = value(table, CALAIS, "transport_stops_count")
    assert commune["status"] == "proxy"
    assert 1 <= commune["value"] <= 3
    assert value(table, "QN06202M", "transport_stops_count")["value"] == 0
    assert not table["territory"].str.startswith("QN059").any()
    # Without the outline of a département nobody knows what the file covers: no zero.
    some = tabulate(name, content, shapes=geometry[geometry["level"] != "departement"])
    assert value(some, BEAU_MARAIS, "transport_stops_count")["value"] == 1
    assert "QN06202M" not in set(some["territory"])
