"""Files under their producers' own names: what fetch asks for is what is recognised, and editions yet to come are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from parcels import Read, archive, reading
from qpv.catalog import Catalog, file_name
from qpv.errors import SourceError
from qpv.fetch import Order, orders
from qpv.reference import Reference
from qpv.sources.rawfile import list_files
from qpv.sources.recognition import recognise

ROOT = Path(__file__).resolve().parent.parent
LEVELS = ["QP", "COM", "EPCI", "ENSQP"]

#: What lies today where an address is looked up (dossier of sources): order -> name of the file.
FOUND = {
    "anct_qpv2024_contours": "qpv-2024-geojson.zip",
    "anct_crosswalk": "liste-correspondance-qp2024-qp2015.csv",
    "insee_comparateur": "base_cc_comparateur_csv.zip",
    "insee_filosofi_2021_commune": "indic-struct-distrib-revenu-2021-COMMUNES_csv.zip",
    "insee_filosofi_iris": "BASE_TD_FILO_IRIS_2021_DISP_CSV.zip",
    "insee_filosofi_2_2023": "FILOSOFI_CC_csv.zip",
    "insee_rpls_iris": "RPLS_01-01-2024_Iris.zip",
    "insee_rp_iris_population": "base-ic-evol-struct-pop-2022_csv.zip",
    "insee_rp_iris_housing": "base-ic-logement-2022_csv.zip",
    "insee_rp_iris_activity": "base-ic-activite-residents-2022_csv.zip",
    "insee_rp_iris_education": "base-ic-diplomes-formation-2022_csv.zip",
    "insee_qpv2024_population": "pop_QPV24.csv",
    "insee_qpv2024_estimations": "estimations-demographiques_2022_QPV2024_csv.zip",
    "insee_qpv2024_filosofi": "revenus_pauvrete_2021_qp24_v2_csv.zip",
    "insee_qpv2015_filosofi": "revenus_pauvrete_2021_qp15_csv.zip",
    "insee_qpv2024_defm": "DEFM2024_QP24_csv.zip",
    "insee_qpv2024_caf": "beneficiaires_CAF_31-12-2024_QP24_csv.zip",
    "insee_qpv2024_cnam": "beneficiaires_CNAM_01-01-2025_QP24_csv.zip",
    "insee_qpv2015_cnam": "beneficiaires_CNAM_01-01-2023_QP_csv.zip",
    "insee_qpv2024_education": "EDUC_2024_2025_QP24_csv.zip",
    "insee_qpv2024_dnb": "DNB_2025_QP24_csv.zip",
    "insee_qpv2024_rpls": "RPLS_01-01-2025_QPV_2024_csv.zip",
    "insee_qpv2024_side": "side_2023_QPV2024_csv.zip",
    "sdes_rpls_dwellings": "rpls-logements-2025-01.csv",
    "insee_sirene_geo": "GeolocalisationEtablissement_Sirene_pour_etudes_statistiques_utf8.zip",
    "finess_establishments": "etalab-cs1100507-stock-20260311-0343.csv",
    "transport_stops": "gtfs-stops-france-export-2026-01-13.csv",
    "lovac_communes": "lovac-opendata-communes.csv",
    "anil_rents_2025": "pred-app-mef-dhup.csv",
    "ssmsi_communes": "donnee-data.gouv-2024-geographie2025-produit-le2025-06-04.csv.gz",
    "cerema_climate_zones_lille": "lcz-spot-2022-lille.zip",
    "geovelo_cycle_ways": "france-20260807.geojson",
}
#: What an archive holds; of Insee's bases on the QPV one table a level.
MEMBERS = {
    "anct_qpv2024_contours": ["GEOJSON/QP2024_France_Hexagonale_Outre_Mer_WGS84.geojson"],
    "insee_comparateur": ["base_cc_comparateur.CSV"],
    "insee_filosofi_2021_commune": ["FILO2021_DISP_COM.csv"],
    "insee_filosofi_iris": ["BASE_TD_FILO_IRIS_2021_DISP.csv"],
    "insee_filosofi_2_2023": ["DS_FILOSOFI_CC_2023_data.csv"],
    "insee_rpls_iris": ["data_RPLS2024_Iris.csv", "data_RPLS2024_COM.csv"],
    "insee_rp_iris_population": ["base-ic-evol-struct-pop-2022.CSV"],
    "insee_rp_iris_housing": ["base-ic-logement-2022.CSV"],
    "insee_rp_iris_activity": ["base-ic-activite-residents-2022.CSV"],
    "insee_rp_iris_education": ["base-ic-diplomes-formation-2022.CSV"],
    "insee_qpv2024_filosofi": [f"indic-revenu-disponible-qp24-2021_{level}.csv" for level in LEVELS],
    "insee_qpv2015_filosofi": [f"indic-revenu-disponible-qp15-2021_{level}.csv" for level in LEVELS],
    "insee_sirene_geo": ["GeolocalisationEtablissement_Sirene_pour_etudes_statistiques_utf8.csv"],
    "cerema_climate_zones_lille": ["LCZ_SPOT_2022_Lille.shp"],
    "insee_bpe_points": ["BPE24.csv"],
    "insee_bpe_communes": ["DS_BPE_2024_data.csv"],
    "insee_rp_housing_communes_2022": ["base-cc-logement-2022.CSV"],
    "insee_reference_populations_2023": ["donnees_communes.csv"],
    "insee_income_squares_2021_metropole": ["carreaux_200m_met.csv"],
}
ORDERS = orders(Catalog.load(ROOT / "data" / "catalog"))


@pytest.fixture
def read(catalog: Catalog, reference: Reference) -> Read:
    return reading(catalog, reference)


@pytest.mark.parametrize("order", ORDERS, ids=[o.label for o in ORDERS])
def test_every_file_that_fetch_asks_for_is_recognised_by_its_name(tmp_path: Path, catalog: Catalog, order: Order) -> None:
    how = order.fetch
    if how.kind == "opendatasoft":
        name = how.name or f"{how.dataset}.csv"
    elif how.kind == "direct":
        name = how.name or file_name(how.url)
    else:
        there = FOUND[order.label]
        assert re.search(how.pattern, f"/{there}" if how.kind == "datagouv" else there, re.IGNORECASE), "it is looked up"
        name = how.name or there
    path = tmp_path / order.source.id / name
    path.parent.mkdir()
    if path.suffix == ".zip":
        archive(path, dict.fromkeys(MEMBERS.get(order.label, [f"data_{level}.csv" for level in LEVELS]), "CODGEO;X\n1;2\n"))
    else:
        path.write_text("CODGEO;X\n1;2\n")
    found, findings = recognise([path], catalog)
    assert found, [str(f) for f in findings]
    assert {f.source.id for f in found} == {order.source.id}
    assert not any(f.file.fault for f in found)
    assert [str(f) for f in findings if f.kind == "unknown"] == []
    if order.edition:
        assert order.edition.id in {f.edition.id for f in found}


#: Archive or file of an edition that nobody described yet -> what it holds, and which edition it is.
COMING = {
    "FILOSOFI_CC_csv.zip": ("DS_FILOSOFI_CC_2024_data.csv", "insee_filosofi_2_2024"),
    "DS_BPE_CSV_FR.zip": ("DS_BPE_2025_data.csv", "insee_bpe_communes_2025"),
    "BPE25.zip": ("BPE25.csv", "insee_bpe_points_2025"),
    "base-cc-logement-2023_csv.zip": ("base-cc-logement-2023.CSV", "insee_rp_housing_communes_2023"),
    "base-ic-logement-2023_csv.zip": ("base-ic-logement-2023.CSV", "insee_rp_iris_housing_2023"),
    "RPLS_01-01-2026_Iris.zip": ("data_RPLS2026_COM.csv", "insee_rpls_iris_2026_commune"),
    "lcz-spot-2022-saint-etienne.zip": ("LCZ_SPOT_2022_Saint-Etienne.shp", "cerema_climate_zones_2022_saint_etienne"),
    "Filosofi2019_carreaux_200m_csv.zip": ("Filosofi2019_carreaux_200m_met.csv", "insee_income_squares_2019_met"),
    "indic-struct-distrib-revenu-2022-COMMUNES_csv.zip": ("FILO2022_DISP_COM.csv", "insee_filosofi_2022"),
    "fr-en-ips-colleges-ap2023.csv": ("", "depp_ips_colleges_2023"),
    "geo-dvf-2026.csv.gz": ("", "dgfip_dvf_2026"),
    "lovac-opendata-communes26.csv": ("", "lovac_communes_2026"),
    "donnee-data.gouv-2025-geographie2026-produit-le2026-07-01.csv.gz": ("", "ssmsi_communes_2025"),
    "france-20270105.geojson": ("", "geovelo_cycle_ways_2027"),
    "EDUC_2023.csv": ("", "insee_qpv2015_educ_2023"),
}


@pytest.mark.parametrize("name", COMING)
def test_an_edition_yet_to_come_is_known_by_its_family(tmp_path: Path, catalog: Catalog, name: str) -> None:
    member, edition = COMING[name]
    path = tmp_path / name
    if member:
        archive(path, {member: "CODGEO;X\n1;2\n"})
    else:
        path.write_text("CODGEO;X\n1;2\n")
    (found,), _ = recognise([path], catalog)
    assert (found.edition.id, found.file.fault) == (edition, "")


def test_an_archive_without_any_member_of_its_edition_or_family_is_at_fault(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    (found,), _ = recognise([archive(tmp_path / "FILOSOFI_CC_csv.zip", {"autre.csv": "a;b\n"})], catalog)
    with pytest.raises(SourceError, match=r"expected one member like 'DS_FILOSOFI_CC_2023.*found none"):
        read(found)


def test_an_archive_within_an_archive_is_told_to_be_unpacked_and_then_read(tmp_path: Path, catalog: Catalog) -> None:
    found, (finding,) = recognise(
        [archive(tmp_path / "Filosofi2019_carreaux_200m_csv.zip", {"Filosofi2019_carreaux_200m_csv.7z": b"7z"})], catalog
    )
    assert found == []
    assert "unpack it into a folder named Filosofi2019_carreaux_200m_csv" in str(finding)
    (tmp_path / "Filosofi2019_carreaux_200m_csv").mkdir()
    for part in ("met", "mart", "reun"):
        (tmp_path / "Filosofi2019_carreaux_200m_csv" / f"carreaux_200m_{part}.csv").write_text("idcar_200m\n")
    found, _ = recognise(list_files([tmp_path / "Filosofi2019_carreaux_200m_csv"]), catalog)
    assert [f.edition.id.removeprefix("insee_income_squares_2019_") for f in found] == ["mart", "met", "reun"]


def test_a_bpe_of_older_codes_is_not_taken_for_one_of_todays(tmp_path: Path, catalog: Catalog) -> None:
    assert recognise([archive(tmp_path / "BPE22.zip", {"BPE22.csv": "AN\n"})], catalog)[0] == []


# --- Columns -----------------------------------------------------------------------------------------


def test_the_columns_of_the_base_education_give_counts_shares_and_the_young_without_school_or_job(
    tmp_path: Path, catalog: Catalog, read: Read
) -> None:
    header = "CODGEO;EFF_E6;RET_E6;EFF_E3;RET_E3;EFF_E0_GT;RET_E0_GT;EFF_E0_PRO;RET_E0_PRO;TX_NSNE_16A25"
    table = f"{header}\nQN06254M;120;18;96;24;40;6;30;9;31,4\n"
    meta = "COD_VAR;LIB_VAR\nRET_E6;Nombre d'élèves en retard en 6e\nTX_X;Part d'élèves en retard en 6e\n"
    path = archive(tmp_path / "EDUC_2024_2025_QP24_csv.zip", {"data_EDUC2024_QP.csv": table, "meta_data_EDUC2024_QP.csv": meta})
    (found,), _ = recognise([path], catalog)
    delivery = read(found)
    values = delivery.observations.set_index("indicator")["value"].to_dict()
    assert values == {
        "late_pupils_6e_count": 18, "late_pupils_3e_count": 24, "late_pupils_6e_share_pct": 15.0,
        "late_pupils_3e_share_pct": 25.0, "neet_16_25_share_pct": 31.4,
    }  # fmt: skip
    assert [f.message for f in delivery.findings if f.message.startswith(("new", "missing", "doubtful"))] == []


def test_the_census_of_an_iris_is_read_from_the_bases_of_insee(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    tables = {
        "evol-struct-pop": ("P22_POP;P22_POP6579;P22_POP80P", "2500,5;300;75"),
        "logement": ("P22_LOG;P22_RP;P22_LOGVAC;P22_MAISON;P22_APPART", "1000;880;90;250;750"),
        "activite-residents": ("P22_POP1564;P22_ACT1564;P22_ACTOCC1564;P22_CHOM1564", "1600;1000;800;200"),
        "diplomes-formation": ("P22_NSCOL15P;P22_NSCOL15P_DIPLMIN;P22_NSCOL15P_BEPC;P22_NSCOL15P_CAPBEP", "1800;540;90;450"),
    }
    for theme, (header, cells) in tables.items():
        text = f"IRIS;COM;{header}\n621930101;62193;{cells}\n"
        archive(
            tmp_path / f"base-ic-{theme}-2022_csv.zip", {f"base-ic-{theme}-2022.CSV": text, f"meta_base-ic-{theme}-2022.CSV": "x"}
        )
    found, _ = recognise(list_files([tmp_path]), catalog)
    values: dict[str, float] = {}
    for item in found:
        rows = read(item).observations
        assert set(zip(rows["level"], rows["territory"], rows["period"], strict=True)) == {("iris", "621930101", "2022")}
        values |= rows.set_index("indicator")["value"].to_dict()
    assert values["population_count"] == 2500.5
    assert values["age_65_plus_share_pct"] == pytest.approx(375 / 2500.5 * 100, abs=1e-5)
    assert (values["collective_dwellings_pct"], values["individual_dwellings_pct"]) == (75.0, 25.0)
    assert (values["census_unemployment_rate_pct"], values["employment_rate_15_64_pct"]) == (20.0, 50.0)
    assert values["below_baccalaureate_share_pct"] == 60.0
