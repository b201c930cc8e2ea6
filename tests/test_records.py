"""Files with one row a thing: real samples, real headers and outlines, and what is refused by name."""

from __future__ import annotations

import csv
import gzip
import shutil
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from pydantic import ValidationError
from qpv.catalog import Catalog, Source, Tally
from qpv.errors import SourceError
from qpv.reference import Reference
from qpv.schemas import OBSERVATIONS, check
from qpv.sources import block_table, rawfile
from things import (
    BEAU_MARAIS,
    BEAU_MARAIS_2015,
    CALAIS,
    CALAIS_EPCI,
    around,
    count,
    lines,
    outlines,
    read,
    unbounded,
    value,
)  # fmt: skip

BPE = ("AN;NOMRS;CNOMRS;NUMVOIE;INDREP;TYPVOIE;LIBVOIE;CADR;CODPOS;DEPCOM;DEP;REG;LIBCOM;DOM;SDOM;TYPEQU;SIRET;"
       "STATUT_DIFFUSION;CANTINE;LAMBERT_X;LAMBERT_Y;LONGITUDE;LATITUDE")  # fmt: skip
RPLS = "Code Commune;Code Postal;Surface habitable;Année de construction;Financement initial - Libellé;Etiquette DPE Energie;" \
       "Code QPV 2024;Code QPV 2015;Accessibilité PMR - Libellé"  # fmt: skip
DVF = "id_mutation,date_mutation,nature_mutation,valeur_fonciere,code_commune,code_departement,type_local,surface_reelle_bati,longitude,latitude"
DPE = ("numero_dpe,etiquette_dpe,conso_5_usages_par_m2_ep,code_insee_ban,code_departement_ban,"
       "coordonnee_cartographique_x_ban,coordonnee_cartographique_y_ban")  # fmt: skip
DNB = "Session;Numero d'etablissement;Type d'etablissement;Patronyme;Commune;Libellé commune;Inscrits;Presents;Admis;Taux de réussite"
SIRENE = "siret;x;y;qualite_xy;epsg;plg_qp24;plg_iris;plg_zus;plg_qp15;plg_qva;plg_code_commune;distance_precision"
STOPS = "stop_id,stop_name,stop_lat,stop_lon,dataset_id"


@pytest.fixture(scope="module")
def free(catalog: Catalog) -> Catalog:
    return unbounded(catalog)


@pytest.fixture(scope="module")
def geometry(official: Path, catalog: Catalog, reference: Reference) -> gpd.GeoDataFrame:
    return outlines(official, catalog, reference)


@pytest.fixture(scope="module")
def points(geometry: gpd.GeoDataFrame) -> dict[str, tuple[float, float]]:
    return around(geometry, BEAU_MARAIS)


@pytest.fixture
def deliver(tmp_path: Path, free: Catalog, reference: Reference):
    """Write a file under its producer's name (in a zip archive if it has a member) and read it."""

    def make(name: str, content: str | bytes, member: str = ""):
        path, data = tmp_path / name, content.encode() if isinstance(content, str) else content
        if member:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(member, data)
        else:
            path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return read(path, free, reference)

    return make


@pytest.fixture
def tabulate(deliver, free: Catalog, reference: Reference, geometry: gpd.GeoDataFrame):
    """Read a file and count within the real outlines."""

    def make(name: str, content: str | bytes, member: str = "", shapes: gpd.GeoDataFrame | None = geometry) -> pd.DataFrame:
        table = count(deliver(name, content, member), free, reference, shapes)
        check(table, OBSERVATIONS)
        return table

    return make


def equipment(kind: str, place: tuple[float, float] | None, commune: str = CALAIS) -> dict[str, object]:
    x, y = place or ("", "")
    return {"AN": 2024, "DEPCOM": commune, "DEP": commune[:2], "TYPEQU": kind, "LONGITUDE": x, "LATITUDE": y}


def dwelling(qpv: str = "", commune: str = CALAIS, label: str = "D", **more: object) -> dict[str, object]:
    old = {BEAU_MARAIS: BEAU_MARAIS_2015}.get(qpv, "")
    return {"Code Commune": commune, "Code QPV 2024": qpv, "Code QPV 2015": old, "Etiquette DPE Energie": label} | more


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
            results("0620001A", 2020, 100, 95)]  # fmt: skip
    table = tabulate("fr-en-dnb-par-etablissement.csv", lines(DNB, rows))
    assert value(table, "0620001A", "dnb_success_all_series_pct", "2021")["value"] == 90
    assert value(table, CALAIS, "dnb_success_all_series_pct", "2021")["value"] == pytest.approx(100 * 308 / 409, abs=1e-6)
    assert value(table, CALAIS, "dnb_success_all_series_pct", "2020")["value"] == 95
    few = value(table, "0620003C", "dnb_success_all_series_pct", "2021")
    assert (few["status"], pd.isna(few["value"])) == ("secret", True)


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
    [(10, 90, "secret"), (11, 89, "observed"), (0, 100, "observed"), (5, 5, "secret"), (0, 10, "secret")],
)
def test_a_share_on_few_dwellings_is_withheld_above_and_below_the_line(tabulate, bad: int, good: int, status: str) -> None:
    # One of the bad ones lies elsewhere, so that the label exists in the file.
    rows = [dwelling(BEAU_MARAIS, label="F")] * bad + [dwelling(BEAU_MARAIS, label="A")] * good + [dwelling(label="F")]
    row = value(tabulate("rpls-2025-01.csv", lines(RPLS, rows)), BEAU_MARAIS, "social_dwellings_fg_share_pct")
    assert row["status"] == status
    if status == "secret":
        assert pd.isna(row["value"])
        assert row["note"] == "Effectif inférieur à 11 : non diffusé", "the note does not say how many"
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


def sale(deed: str, kind: str, price: int, surface: int | str, place, nature: str = "Vente") -> dict[str, object]:
    x, y = place
    return {"id_mutation": deed, "date_mutation": "2024-03-01", "nature_mutation": nature, "valeur_fonciere": price,
            "code_commune": CALAIS, "code_departement": "62", "type_local": kind, "surface_reelle_bati": surface,
            "longitude": x, "latitude": y}  # fmt: skip


def sales(place) -> list[dict[str, object]]:
    found = [sale(f"2024-{n}", "Appartement", 1000 * n, 10, place) for n in range(100, 111)]  # 10,000 to 11,000 €/m²
    found += [sale("2024-105", "Dépendance", 105_000, "", place)]  # the garage of one of them, elsewhere in the file
    found += [sale("2024-1", "Appartement", 900_000, s, place) for s in (40, 50)]  # one price for two flats
    found += [sale("2024-2", k, 800_000, 60, place) for k in ("Appartement", "Local industriel. commercial ou assimilé")]
    found += [sale("2024-3", "Appartement", 700_000, 70, place, "Adjudication"), sale("2024-4", "Maison", 1, 100, place)]
    return [*found, sale("2024-200", "Appartement", 500000, 0, place)]


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


# --- What is refused, by name --------------------------------------------------------------------


def test_a_coordinate_that_is_no_number_names_line_column_and_value(deliver, points) -> None:
    rows = [equipment("D307", points["inside"]), equipment("D307", ("Calais", 50.9))]
    with pytest.raises(SourceError, match=r"^BPE24\.zip:BPE24\.csv, line 3, column LONGITUDE: 'Calais' is neither a number"):
        deliver("BPE24.zip", lines(BPE, rows), "BPE24.csv")


def test_exchanged_coordinates_are_refused_and_a_slip_is_left_out(deliver, tabulate, points) -> None:
    x, y = points["inside"]
    swapped = equipment("D307", (y, x))
    with pytest.raises(SourceError, match=r"line 2, 50\.9\d+ 1\.8\d*: not where EPSG:4326 has this thing.* 20 rows of 20"):
        deliver("BPE24.zip", lines(BPE, [swapped] * 20), "BPE24.csv")
    rows = [equipment("D307", (x, y))] * 9 + [swapped]
    _, delivery = deliver("BPE24.zip", lines(BPE, rows), "BPE24.csv")
    assert any("1 coordinates are implausible and left out, the first in line 11" in f.message for f in delivery.findings)
    assert value(tabulate("BPE24.zip", lines(BPE, rows), "BPE24.csv"), BEAU_MARAIS, "pharmacies_count")["value"] == 9


def test_a_figure_that_is_no_number_names_line_column_and_value(deliver) -> None:
    rows = [dwelling(**{"Surface habitable": "60"}), dwelling(**{"Surface habitable": "soixante"})]
    with pytest.raises(
        SourceError, match=r"^rpls-2025-01\.csv, line 3, column Surface habitable: 'soixante' is neither a number"
    ):
        deliver("rpls-2025-01.csv", lines(RPLS, rows))


def test_a_period_that_is_no_year_names_line_column_and_value(deliver) -> None:
    row = {"Numero d'etablissement": "0620001A", "Commune": CALAIS, "Presents": 10, "Admis": 9}
    with pytest.raises(SourceError, match=r"line 3, column Session: 'juin' begins with no year"):
        deliver("fr-en-dnb-par-etablissement.csv", lines(DNB, [row | {"Session": 2021}, row | {"Session": "juin"}]))


def test_a_file_without_any_column_that_places_its_things_is_refused(deliver) -> None:
    with pytest.raises(SourceError, match=r"line 1: no column says where a row lies; expected one of Code QPV 2024.*found a, b"):
        deliver("rpls-2025-01.csv", "a;b\n1;2\n")


def test_a_column_that_a_figure_lacks_is_told_and_the_others_are_read(deliver, tabulate) -> None:
    content = lines(RPLS.replace(";Surface habitable", ""), [dwelling(BEAU_MARAIS)] * 20)
    _, delivery = deliver("rpls-2025-01.csv", content)
    assert any("columns not found: Surface habitable (social_dwellings_mean_surface_m2)" in f.message for f in delivery.findings)
    assert value(tabulate("rpls-2025-01.csv", content), BEAU_MARAIS, "social_dwellings_count")["value"] == 20


def test_a_column_that_selects_rows_must_be_there(deliver, points) -> None:
    rows = [{k: v for k, v in r.items() if k != "nature_mutation"} for r in sales(points["inside"])]
    with pytest.raises(SourceError, match="no column 'nature_mutation'"):
        deliver("geo-dvf-2024.csv.gz", lines(DVF.replace(",nature_mutation", ""), rows, ","))


@pytest.mark.parametrize("row", ["62193;;60", "62193;;60;;;;;;;;;;;"])
def test_a_row_of_another_length_is_refused_with_its_line(deliver, row: str) -> None:
    with pytest.raises(SourceError, match=r"^rpls-2025-01\.csv: line 3 has \d+ cells where the header has 9"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]) + row + "\n")


def test_a_file_of_another_encoding_or_with_a_quote_that_never_ends_is_refused(deliver) -> None:
    with pytest.raises(SourceError, match="no header in utf-8"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]).encode("latin-1"))
    with pytest.raises(SourceError, match="text that is not utf-8"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]).encode() + "62193;;;;;;;;été\n".encode("latin-1"))
    with pytest.raises(SourceError, match="line 2 has 6 cells where the header has 9"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling(label='"D')] + [dwelling()] * 200))


def test_a_column_that_stands_twice_is_refused(deliver) -> None:
    with pytest.raises(SourceError, match="column 'Code Commune' stands twice"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]).replace("Code Postal", "Code Commune", 1))


def test_a_cut_gzip_and_a_cut_zip_are_refused_by_name(deliver, tmp_path: Path, free, reference, points) -> None:
    deliver("geo-dvf-2024.csv.gz", lines(DVF, sales(points["inside"]), ","))
    packed = tmp_path / "geo-dvf-2024.csv.gz"
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(SourceError, match=r"^geo-dvf-2024\.csv\.gz: cannot be read .* cut short or damaged"):
        read(packed, free, reference)
    packed.write_bytes(b"<html>not found</html>")
    with pytest.raises(SourceError, match=r"^geo-dvf-2024\.csv\.gz: cannot be read"):
        read(packed, free, reference)
    deliver("BPE24.zip", lines(BPE, [equipment("D307", points["inside"])] * 500), "BPE24.csv")
    archive = tmp_path / "BPE24.zip"
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"^BPE24\.zip: not a readable zip archive"):
        read(archive, free, reference)


def test_a_damaged_member_of_a_zip_is_refused(deliver, tmp_path: Path, free, reference, points) -> None:
    deliver("BPE24.zip", lines(BPE, [equipment("D307", points["inside"])] * 500), "BPE24.csv")
    archive = tmp_path / "BPE24.zip"
    content = bytearray(archive.read_bytes())
    content[200:240] = bytes(40)
    archive.write_bytes(content)
    with pytest.raises(SourceError, match=r"^BPE24\.zip:BPE24\.csv"):
        read(archive, free, reference)


def test_a_decompression_bomb_is_refused(deliver, monkeypatch) -> None:
    monkeypatch.setattr(rawfile, "MAX_STREAM", 5000)
    with pytest.raises(SourceError, match=r"more than 5,000 bytes unpacked"):
        deliver("rpls-2025-01.csv.gz", lines(RPLS, [dwelling()] * 1000))


def test_a_file_with_too_few_rows_is_refused(tmp_path: Path, catalog: Catalog, reference: Reference, official: Path) -> None:
    path = tmp_path / "fr-en-annuaire-education.csv"
    shutil.copyfile(official / "samples/depp_annuaire_2026.head.csv", path)
    with pytest.raises(SourceError, match="2 rows; edition depp_annuaire_2026 has between 50000 and 100000"):
        read(path, catalog, reference)


@pytest.mark.parametrize(
    ("things", "told"),
    [
        ({"noun": "lots", "points": [{"x": ["x"], "y": ["y"], "crs": "EPSG:27572"}]}, "EPSG:2154"),
        ({"noun": "lots"}, "a thing must lie somewhere"),
        ({"noun": "lots", "points": [{"x": ["x"]}]}, "give 'x' and 'y', or 'pair'"),
        ({"noun": "lots", "codes": {"qpv": ["x"]}}, "qpv_2024"),
        ({"noun": "lots", "codes": {"commune": ["x"]}, "commune_names": ["n"]}, "needs the code of a département"),
    ],
)
def test_a_layout_that_places_nothing_is_refused_by_the_catalogue(free: Catalog, things: dict[str, object], told: str) -> None:
    source = free.sources["anah_rnic"].model_dump() | {"things": things}
    with pytest.raises(ValidationError, match=told):
        Source.model_validate(source)


def test_a_ratio_names_both_its_columns() -> None:
    assert Tally(kind="ratio", of="a", over="b").over == "b"
    with pytest.raises(ValidationError, match="divisor of a ratio"):
        Tally(kind="ratio", of="a")
    with pytest.raises(ValidationError, match="divisor of a ratio"):
        Tally(kind="sum", of="a", over="b")


def test_a_near_point_across_a_line_of_the_coarse_grid_is_not_set_aside(tabulate, geometry) -> None:
    # Every outline of Pas-de-Calais with a point 290 m north, east, south and west of its box.
    qpv = geometry[(geometry["level"] == "qpv") & geometry["code"].str.startswith("QN062")].to_crs(2154)
    box = qpv.geometry.bounds
    centre = qpv.geometry.centroid
    x = [*(box.maxx + 290), *(box.minx - 290), *centre.x, *centre.x]
    y = [*centre.y, *centre.y, *(box.maxy + 290), *(box.miny - 290)]
    places = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=2154)
    degrees = places.to_crs(4326)
    rows = [{"stop_id": n, "stop_lat": p.y, "stop_lon": p.x} for n, p in enumerate(degrees)]
    table = tabulate("gtfs-stops-france-export-2026-01-13.csv", lines(STOPS, rows, ","))
    for code, shape in zip(qpv["code"], qpv.geometry, strict=True):
        assert value(table, code, "transport_stops_within_300m_count")["value"] == (places.distance(shape) <= 300).sum(), code


def test_an_epci_is_left_out_where_many_things_are_of_no_known_commune(tabulate) -> None:
    # 62999 is no commune: it may have been one of the EPCI's before a merger.
    table = tabulate("rpls-2025-01.csv", lines(RPLS, [dwelling(BEAU_MARAIS)] * 60 + [dwelling(commune="62999")] * 2))
    assert value(table, CALAIS, "social_dwellings_count")["value"] == 60
    assert value(table, "62", "social_dwellings_count")["value"] == 62
    assert not {"epci"} & set(table["level"])
    few = tabulate("rpls-2025-01.csv", lines(RPLS, [dwelling(BEAU_MARAIS)] * 200 + [dwelling(commune="62999")] * 2))
    assert value(few, CALAIS_EPCI, "social_dwellings_count")["value"] == 200
