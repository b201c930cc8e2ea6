"""Files with one row a thing: real samples, real headers and outlines, and what is refused by name."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from qpv.catalog import Catalog
from things import (
    BEAU_MARAIS,
    BEAU_MARAIS_2015,
    BPE,
    CALAIS,
    CALAIS_EPCI,
    DNB,
    equipment,
    lines,
    value,
)

# --- By coordinates: equipment -------------------------------------------------------------------


@pytest.fixture
def bpe(points) -> str:
    rows = [equipment("D307", points["inside"]), equipment("D307", points["inside"]), equipment("D307", points["near"]),
            equipment("D307", points["far"]), equipment("D277", points["inside"])]  # fmt: skip
    return lines(BPE, rows)


def test_equipment_is_counted_within_and_around_the_outline_and_says_so(tabulate, bpe: str) -> None:
    table = tabulate("BPE24.zip", bpe, "BPE24.csv")
    inside = value(table, BEAU_MARAIS, "pharmacies_count")
    assert (inside["value"], inside["status"], inside["period"]) == (2, "proxy", "2024")
    assert inside["note"] == "Compté par l’observatoire : 2 équipements dont les coordonnées tombent dans le périmètre"
    around = value(table, BEAU_MARAIS, "pharmacies_within_300m_count")
    assert (around["value"], around["status"]) == (3, "proxy")
    assert "à 300 m ou moins du périmètre" in around["note"]
    assert value(table, BEAU_MARAIS_2015, "pharmacies_count")["value"] == 2, "the same perimeter in 2015"
    assert value(table, BEAU_MARAIS, "dentists_count")["value"] == 1


def test_what_a_commune_code_says_is_observed_and_adds_up_to_what_the_file_covers(tabulate, bpe: str) -> None:
    table = tabulate("BPE24.zip", bpe, "BPE24.csv")
    pharmacies = table[table["indicator"] == "pharmacies_count"]
    for territory in (CALAIS, CALAIS_EPCI, "62"):
        row = value(pharmacies, territory, "pharmacies_count")
        assert (row["value"], row["status"], row["note"]) == (4, "observed", ""), territory
    # Hauts-de-France and France have départements of which the file says nothing.
    assert not set(pharmacies["level"]) & {"region", "france"}
    assert set(table.loc[table["indicator"] == "pharmacies_within_300m_count", "level"]) == {"qpv"}


def test_zero_is_said_only_where_the_file_has_things_of_the_departement(tabulate, bpe: str) -> None:
    table = tabulate("BPE24.zip", bpe, "BPE24.csv")
    other = value(table, "QN06202M", "pharmacies_count")
    assert (other["value"], other["status"]) == (0, "proxy")
    assert value(table, "62041", "pharmacies_count")["value"] == 0, "Arras is in Pas-de-Calais"
    assert not table["territory"].str.startswith(("QN059", "QP059", "59")).any(), "the file is silent about Nord"


def test_a_code_that_no_row_has_is_a_changed_coding_and_no_zero(deliver, tabulate, bpe: str) -> None:
    _, delivery = deliver("BPE24.zip", bpe, "BPE24.csv")
    warned = [f.message for f in delivery.findings if f.severity == "warning"]
    assert any("no row has TYPEQU = D281: nurses_count is left out" in m for m in warned)
    assert "nurses_count" not in set(tabulate("BPE24.zip", bpe, "BPE24.csv")["indicator"])


def test_without_outlines_only_codes_count(tabulate, bpe: str) -> None:
    table = tabulate("BPE24.zip", bpe, "BPE24.csv", shapes=None)
    assert "qpv" not in set(table["level"])
    assert value(table, CALAIS, "pharmacies_count")["value"] == 4


def test_things_without_coordinates_are_told_and_noted_above_one_in_twenty(tabulate, deliver, points) -> None:
    rows = [equipment("D307", points["inside"])] * 9 + [equipment("D307", None)]
    _, delivery = deliver("BPE24.zip", lines(BPE, rows), "BPE24.csv")
    assert any("1 of 10 équipements have no coordinates" in f.message for f in delivery.findings)
    table = tabulate("BPE24.zip", lines(BPE, rows), "BPE24.csv")
    row = value(table, BEAU_MARAIS, "pharmacies_count")
    assert row["value"] == 9
    assert row["note"].endswith("10\u202f% des équipements du département n’ont pas de coordonnées")
    few = tabulate("BPE24.zip", lines(BPE, rows[:9] * 3 + rows[9:]), "BPE24.csv")
    assert "n’ont pas" not in value(few, BEAU_MARAIS, "pharmacies_count")["note"]


def test_metres_serve_where_degrees_lack_and_follow_the_departement(tabulate, free: Catalog, geometry) -> None:
    header = BPE.replace(";LONGITUDE;LATITUDE", "")
    reunion = geometry[(geometry["level"] == "qpv") & geometry["code"].str.startswith("QN974")].iloc[[0]].to_crs(2975)
    mainland = geometry[geometry["code"] == BEAU_MARAIS].to_crs(2154)
    rows = [
        {
            "DEPCOM": commune,
            "DEP": commune[:-3] if commune[:2] == "97" else "62",
            "TYPEQU": "D307",
            "LAMBERT_X": p.x,
            "LAMBERT_Y": p.y,
        }
        for commune, p in (("97411", reunion.representative_point().iloc[0]), (CALAIS, mainland.representative_point().iloc[0]))
    ]
    table = tabulate("BPE24.zip", lines(header, rows), "BPE24.csv")
    assert value(table, reunion["code"].iloc[0], "pharmacies_count")["value"] == 1
    assert value(table, BEAU_MARAIS, "pharmacies_count")["value"] == 1


def test_the_aggregated_table_of_equipment_reads_the_real_sample(tabulate, official: Path) -> None:
    sample = (official / "samples/bpe24_sample.head.csv").read_text("utf-8")
    table = tabulate("DS_BPE_CSV_FR.zip", sample.replace("10001", "10002"), "DS_BPE_2024_data.csv")
    row = value(table, "10002", "post_offices_count")
    assert (row["value"], row["status"], row["period"]) == (1, "observed", "2024")
    assert value(table, "10003", "post_offices_count")["value"] == 0
    assert value(table, "10", "post_offices_count")["value"] == 1
    assert "qpv" not in set(table["level"])


def test_a_commune_that_nobody_knows_counts_for_its_departement_and_forbids_zeros(deliver, tabulate, official: Path) -> None:
    # The sample's own commune, 10001, is in no list of communes.
    sample = (official / "samples/bpe24_sample.head.csv").read_bytes()
    _, delivery = deliver("DS_BPE_CSV_FR.zip", sample, "DS_BPE_2024_data.csv")
    assert any("3 rows name no commune that is known: '10001' (3)" in f.message for f in delivery.findings)
    table = tabulate("DS_BPE_CSV_FR.zip", sample, "DS_BPE_2024_data.csv")
    assert value(table, "10", "post_offices_count")["value"] == 1
    assert set(table["level"]) == {"departement"}


# --- Schools -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "school", "commune", "latitude"),
    [("depp_annuaire.head.csv", "0350122T", "35016", 47.986), ("depp_annuaire_2026.head.csv", "0940176F", "94034", 48.751)],
)
def test_the_directory_gives_schools_as_places_whatever_its_header(
    deliver, tabulate, official: Path, sample: str, school: str, commune: str, latitude: float
) -> None:
    content = (official / "samples" / sample).read_bytes()
    _, delivery = deliver("fr-en-annuaire-education.csv", content)
    place = delivery.territories.set_index("code").loc[school]
    assert (place["level"], place["kind"], place["communes"], place["aliases"]) == ("school", "ecole", commune, "")
    assert place["name"].startswith("Ecole ")
    assert place["latitude"] == pytest.approx(latitude, abs=1e-3)
    table = tabulate("fr-en-annuaire-education.csv", content)
    assert value(table, commune, "primary_schools_count")["value"] == 1
    assert "school" not in set(table["level"]), "a school is no territory that counts schools"


def test_a_school_in_priority_education_in_the_qpv(deliver, tabulate, official: Path, points) -> None:
    header = (official / "samples/depp_annuaire_2026.head.csv").read_text("utf-8-sig").splitlines()[0]
    x, y = points["inside"]

    def school(code: str, kind: str, network: str, state: str = "OUVERT") -> dict[str, object]:
        return {"Identifiant_de_l_etablissement": code, "Nom_etablissement": "Collège X", "Type_etablissement": kind, "etat": state,
                "Code_commune": CALAIS, "Code_departement": "062", "Appartenance_Education_Prioritaire": network,
                "position": f"{y}, {x}", "longitude": x, "latitude": y}  # fmt: skip

    rows = [school("0620001A", "Collège", "REP+"), school("0620002B", "Ecole", ""), school("0620002B", "Ecole", ""),
            school("0620003C", "Lycée", ""), school("0620004D", "Ecole", "REP", "A FERMER")]  # fmt: skip
    _, delivery = deliver("fr-en-annuaire-education.csv", lines(header, rows))
    places = delivery.territories.set_index("code")
    assert list(places.loc["0620001A", ["kind", "aliases"]]) == ["college", "REP+"]
    assert set(places.index) == {"0620001A", "0620002B", "0620003C"}, "a school that is closed is left out"
    assert any("1 rows left out: their key" in f.message for f in delivery.findings)
    table = tabulate("fr-en-annuaire-education.csv", lines(header, rows))
    assert value(table, BEAU_MARAIS, "colleges_count")["value"] == 1
    assert value(table, BEAU_MARAIS, "primary_schools_count")["value"] == 1, "the same school on two lines"
    assert value(table, BEAU_MARAIS, "priority_education_establishments_share_pct")["value"] == 50
    # The same places from the single column « latitude, longitude ».
    bare = lines(header.replace(";latitude;longitude", ""), [{k: v for k, v in r.items() if k[0] != "l"} for r in rows])
    assert value(tabulate("fr-en-annuaire-education.csv", bare), BEAU_MARAIS, "colleges_count")["value"] == 1


def test_colleges_are_counted_within_300_metres_of_the_qpv_and_not_beyond(tabulate, official: Path, points) -> None:
    header = (official / "samples/depp_annuaire_2026.head.csv").read_text("utf-8-sig").splitlines()[0]
    places = [("0620001A", "Collège", "inside"), ("0620002B", "Collège", "near"), ("0620003C", "Collège", "far"),
              ("0620004D", "Lycée", "near")]  # fmt: skip
    rows = [{"Identifiant_de_l_etablissement": code, "Nom_etablissement": "X", "Type_etablissement": kind, "etat": "OUVERT",
             "Code_commune": CALAIS, "Code_departement": "062", "longitude": points[where][0], "latitude": points[where][1]}
            for code, kind, where in places]  # fmt: skip
    table = tabulate("fr-en-annuaire-education.csv", lines(header, rows))
    assert value(table, BEAU_MARAIS, "colleges_count")["value"] == 1
    assert list(value(table, BEAU_MARAIS, "colleges_within_300m_count")[["value", "status"]]) == [2, "proxy"]
    assert set(table.loc[table["indicator"] == "colleges_within_300m_count", "level"]) == {"qpv"}


def test_pupils_and_classes_of_the_real_sample_find_their_commune_by_name(tabulate, official: Path) -> None:
    table = tabulate("fr-en-ecoles-effectifs-nb_classes.csv", (official / "samples/depp_ecoles_effectifs.head.csv").read_bytes())
    assert value(table, "0350103X", "primary_pupils_count")["value"] == 289
    acigne = value(table, "35001", "primary_pupils_count")
    assert (acigne["value"], acigne["period"], acigne["status"]) == (289 + 176, "2022-2023", "observed")
    assert value(table, "35001", "pupils_per_class_ratio")["value"] == pytest.approx((289 + 176) / (12 + 7), abs=1e-6)
    assert value(table, "35002", "primary_pupils_count")["value"] == 0


def test_pupils_of_the_colleges_stand_under_a_name_of_two_hundred_characters(tabulate, official: Path) -> None:
    sample = official / "samples/depp_college_effectifs.head.csv"
    with sample.open(encoding="utf-8-sig", newline="") as file:
        _, *rows = csv.reader(file, delimiter=";")
    table = tabulate("fr-en-college-effectifs-niveau-sexe-lv.csv", sample.read_bytes())
    for row in rows:
        assert value(table, row[5], "college_pupils_count")["value"] == float(row[11])
    assert value(table, "35051", "college_pupils_count", "2019-2020")["value"] == sum(float(r[11]) for r in rows)


def test_the_brevet_of_a_commune_is_that_of_all_its_candidates(tabulate) -> None:
    def results(school: str, session: int, present: int, passed: int) -> dict[str, object]:
        return {"Session": session, "Numero d'etablissement": school, "Commune": CALAIS, "Libellé commune": "CALAIS",
                "Inscrits": present + 1, "Presents": present, "Admis": passed, "Taux de réussite": "12,00%"}  # fmt: skip

    rows = [results("0620001A", 2021, 100, 90), results("0620002B", 2021, 300, 210), results("0620003C", 2021, 9, 8),
            results("0620004D", 2021, 9, 6), results("0620001A", 2020, 100, 95)]  # fmt: skip
    table = tabulate("fr-en-dnb-par-etablissement.csv", lines(DNB, rows))
    assert value(table, "0620001A", "dnb_success_all_series_pct", "2021")["value"] == 90
    assert value(table, CALAIS, "dnb_success_all_series_pct", "2021")["value"] == pytest.approx(100 * 314 / 418, abs=1e-6)
    assert value(table, CALAIS, "dnb_success_all_series_pct", "2020")["value"] == 95
    few = value(table, "0620003C", "dnb_success_all_series_pct", "2021")
    assert (few["status"], pd.isna(few["value"])) == ("secret", True)
