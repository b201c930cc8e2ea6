"""Editions that nobody has described: known by their family, read, and told with the line to add."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
from parcels import Read, archive, dated, defm
from qpv.build import build
from qpv.catalog import Catalog
from qpv.sources.rawfile import list_files
from qpv.sources.recognition import recognise
from qpv.warehouse import Warehouse

DATA = Path(__file__).resolve().parent.parent / "data"
REVN = "insee_qpv2015/REVN_2022.csv"


# --- Editions that nobody described -------------------------------------------------------------------

#: Archive as Insee names it -> source, period, and one column that is known of it.
ARCHIVES = {
    "estimations-demographiques_2022_QPV2024_csv.zip": ("insee_qpv2024_estimations", "2022", "TX_TOT_0A24", "30,1"),
    "revenus_pauvrete_2021_qp24_v2_csv.zip": ("insee_qpv2024_filosofi", "2021", "DISP_MED_A21", "13 480"),
    "DEFM2024_QP24_csv.zip": ("insee_qpv2024_defm", "2024-12", "ABC", "1 025"),
    "beneficiaires_CAF_31-12-2024_QP24.zip": ("insee_qpv2024_caf", "2024", "PERCOU", "4 863"),
    "beneficiaires_CNAM_01-01-2025_QP24_csv.zip": ("insee_qpv2024_cnam", "2025", "C", "6 110"),
    "beneficiaires_CNAM_01-01-2023_QP_csv.zip": ("insee_qpv2015_cnam", "2023", "C", "6 110"),
    "RPLS_01-01-2025_QPV_2024.zip": ("insee_qpv2024_rpls", "2025", "nbLsPls", "812"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_of_insee_is_read_level_by_level(tmp_path: Path, catalog: Catalog, read: Read, name: str) -> None:
    source, period, column, cell = ARCHIVES[name]
    code = {"2024": "QN06254M", "2015": "QP062056"}[catalog.sources[source].generation]
    levels = {"QP": (code, "qpv"), "COM": ("62193", "commune"), "EPCI": ("246200729", "epci"), "ENSQP": ("00", "qpv_of_france")}
    tables = {f"data_{level}.csv": f"\ufeffCODGEO;{column}\r\n{c};{cell}\r\n" for level, (c, _) in levels.items()}
    path = archive(tmp_path / name, {"meta_data_QP.csv": f"COD_VAR;LIB_VAR\n{column};Un libellé\n", **tables})
    found, findings = recognise([path], catalog)
    rows = [read(f).observations for f in found]
    seen = {(r["level"].iloc[0], r["territory"].iloc[0], r["generation"].iloc[0]) for r in rows}
    assert {f.source.id for f in found} == {source}
    # Filosofi's file of all QPV covers the mainland alone, and says nothing of all QPV of France.
    all_qpv = "FRM" if source.endswith("filosofi") else "FR"
    assert seen == {
        (level, all_qpv if c == "00" else c, catalog.sources[source].generation if level.startswith("qpv") else "")
        for c, level in levels.values()
    }  # fmt: skip
    assert {p for r in rows for p in r["period"]} == {period}
    assert {v for r in rows for v in r["value"]} == {float(cell.replace(" ", "").replace(",", "."))}
    assert all("does not describe yet" in str(f) for f in findings)


@pytest.mark.parametrize("name", ARCHIVES)
def test_what_is_unpacked_into_a_folder_of_its_archives_name_is_known_as_in_the_archive(
    tmp_path: Path, catalog: Catalog, name: str
) -> None:
    tables = {f"data_{level}.csv": "CODGEO;X\r\n1;2\r\n" for level in ("QP", "COM", "ENSQP")}
    (tmp_path / "packed").mkdir()
    packed, _ = recognise([archive(tmp_path / "packed" / name, tables)], catalog)
    folder = tmp_path / Path(name).stem / "donnees"
    folder.mkdir(parents=True)
    for table, text in tables.items():
        (folder / table).write_text(text, "utf-8")
    unpacked, _ = recognise(list_files([folder.parent]), catalog)
    assert [f.edition.id for f in unpacked] == [f.edition.id for f in packed]
    assert len(unpacked) == 3
    (tmp_path / "ailleurs").mkdir()
    (tmp_path / "ailleurs" / "data_QP.csv").write_text("CODGEO;X\n1;2\n", "utf-8")
    assert recognise(list_files([tmp_path / "ailleurs"]), catalog)[0] == [], "nothing says of which year it is"


@pytest.mark.parametrize(
    ("name", "edition", "period"),
    [
        ("data_CNAM2025_COM.csv", "insee_qpv2024_cnam_2025_commune", "2025"),
        ("data_CNAM2023_QP.csv", "insee_qpv2015_cnam_2023", "2023"),
        ("data_DEFM2024_QP.csv", "insee_qpv2024_defm_2024", "2024-12"),
        ("indic-revenu-disponible-qp15-2021_ENSQP.csv", "insee_qpv2015_filosofi_2021_qpv_of_france", "2021"),
        ("data_RPLS2025_QP.csv", "insee_qpv2024_rpls_2025", "2025"),
    ],
)
def test_a_member_whose_name_says_its_year_is_known_wherever_it_lies(
    tmp_path: Path, catalog: Catalog, name: str, edition: str, period: str
) -> None:
    (tmp_path / name).write_text("CODGEO;X\n1;2\n", "utf-8")
    other = archive(tmp_path / "envoi.zip", {f"a/{name}": "CODGEO;X\n1;2\n"})
    for path in (tmp_path / name, other):
        (found,), _ = recognise([path], catalog)
        assert found.edition.id == edition
        assert found.edition.periods["main"] == period


@pytest.mark.parametrize("column", ["DISP_TP60_A21", "DISP_TP6021", "disp_tp60_a21"])
def test_the_poverty_rate_of_insee_is_read_under_its_drifting_names(
    tmp_path: Path, catalog: Catalog, read: Read, column: str
) -> None:
    path = archive(tmp_path / "revenus_pauvrete_2021_qp24_csv.zip", {"i_QP.csv": f"CODGEO;{column}\nQN06254M;46,2\n"})
    (found,), _ = recognise([path], catalog)
    (row,) = read(found).observations.to_dict("records")
    assert (row["indicator"], row["value"], row["generation"]) == ("poverty_rate_pct", 46.2, "2024")


def test_an_unseen_edition_counts_as_published_when_it_came_here_or_when_such_editions_are_out(
    tmp_path: Path, catalog: Catalog
) -> None:
    table = {"d_QP.csv": "CODGEO;ABC\nQN06254M;9\n"}
    packed = dated(archive(tmp_path / "DEFM2025_QP24_csv.zip", table, (2026, 3, 1)), dt.date(2026, 7, 2))
    late = dated(archive(tmp_path / "DEFM2024_QP24_csv.zip", table, (2025, 3, 1)), dt.date(2026, 7, 2))
    found = {f.file.path.name: f.edition for f in recognise([packed, late], catalog)[0]}
    assert found[packed.name].published == dt.date(2026, 7, 2), "packed in March, published nobody knows when before July"
    assert found[late.name].published == dt.date(2025, 12, 31)


def test_of_declared_and_disposable_income_in_one_archive_only_the_disposable_is_read(tmp_path: Path, catalog: Catalog) -> None:
    tables = {
        f"indic-revenu-{kind}-qp24-2021_QP.csv": "CODGEO;DISP_MED_A21\nQN06254M;13000\n" for kind in ("declare", "disponible")
    }
    (found,), _ = recognise([archive(tmp_path / "revenus_pauvrete_2021_qp24_csv.zip", tables)], catalog)
    assert found.file.table_name == "indic-revenu-disponible-qp24-2021_QP.csv"


def test_of_two_tables_of_one_archive_for_one_edition_none_is_chosen(tmp_path: Path, catalog: Catalog) -> None:
    tables = {f"{name}_QP.csv": f"CODGEO;ABC\nQN06254M;{n}\n" for n, name in enumerate(("sexe", "age"))}
    found, (finding,) = recognise([archive(tmp_path / "DEFM2025_QP24_csv.zip", tables)], catalog)
    assert found == []
    assert "age_QP.csv, sexe_QP.csv all look like edition insee_qpv2024_defm_2025: none is read" in str(finding)


def test_women_and_men_who_are_not_all_job_seekers_of_an_unseen_edition_are_told(tmp_path: Path, catalog: Catalog) -> None:
    table = {"d_QP.csv": "CODGEO;ABC;ABC_F;ABC_H\nQN06254M;1 025;500;525\nQN06225M;300;140;170\n"}
    (raw := tmp_path / "raw").mkdir()
    archive(raw / "DEFM2025_QP24_csv.zip", table)
    report = build(DATA, [raw], tmp_path / "warehouse")
    (finding,) = [f for f in report.findings if "parts by sex" in f.message]
    assert "300 for QN06225M, its parts by sex make 310; so in 1 rows" in finding.message


def test_files_by_departement_are_editions_beside_each_other(tmp_path: Path, catalog: Catalog) -> None:
    for name in ("geo-dvf-2024-62.csv", "geo-dvf-2024-59.csv", "geo-dvf-2024.csv"):
        (tmp_path / name).write_text("id_mutation\n")
    found, _ = recognise(list_files([tmp_path]), catalog)
    assert [f.edition.id for f in found] == ["dgfip_dvf_2024", "dgfip_dvf_2024_59", "dgfip_dvf_2024_62"]


@pytest.mark.parametrize("name", ["geo-dvf-2022-v20240408.csv", "dvf_62_2022_export20250401.csv", "logement_2025-01_62.csv"])
def test_a_year_that_stands_somewhere_in_a_name_is_no_edition(tmp_path: Path, catalog: Catalog, name: str) -> None:
    (tmp_path / name).write_text("id_mutation\n")
    assert recognise(list_files([tmp_path]), catalog)[0] == []


def test_the_first_lines_of_a_file_are_no_delivery(tmp_path: Path) -> None:
    (tmp_path / "rnc_copro.head.csv").write_text("numero_immatriculation\n")
    assert list_files([tmp_path]) == []


def test_the_periods_of_an_unseen_thematic_base_are_not_guessed(
    tmp_path: Path, official: Path, catalog: Catalog, read: Read
) -> None:
    shutil.copy(official / REVN, tmp_path / "REVN_2031.csv")
    with (tmp_path / "REVN_2031.csv").open("ab") as stream:
        stream.write(b" ")  # no longer the table of 2022
    (found,), (finding,) = recognise(list_files([tmp_path]), catalog)
    assert found.edition.id == "insee_qpv2015_revn_2031"
    assert "periods none: its figures stay undated" in str(finding)
    assert set(read(found).observations["period"]) == {"undated"}


def test_the_demography_of_2021_is_read_from_its_real_header(
    official: Path, tmp_path: Path, catalog: Catalog, read: Read
) -> None:
    shutil.copy(official / "samples/insee_qpv2015_data_DEMO_2021_V1_QP.head.csv", tmp_path / "data_DEMO_2021_V1_QP.csv")
    (found,), findings = recognise(list_files([tmp_path]), catalog)
    delivery = read(found)
    rows = delivery.observations.set_index(["territory", "indicator"])
    assert findings == delivery.findings == []
    assert rows.loc[("QP001001", "one_person_households_share_pct"), ["value", "period"]].tolist() == [43.5, "2017"]
    assert rows.loc[("QP001001", "population_count"), ["value", "period"]].tolist() == [6490, "2018"]
    assert set(rows["period"]) == {"2017", "2018", "2019"}


# --- The warehouse -----------------------------------------------------------------------------------


def test_an_edition_never_seen_is_dropped_in_and_built_with_its_report(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    defm(raw, "CODGEO;LIBGEO;ABC;ABC_F;ABC_G", "QN06254M;Beau Marais;1 025;480;12")
    report = build(DATA, [raw], tmp_path / "warehouse")
    store = Warehouse(tmp_path / "warehouse")
    rows = store.observations("employment")
    rows = rows[rows["edition"] == "insee_qpv2024_defm_2025"].set_index("indicator")
    assert rows.loc["job_seekers_abc_count", ["territory", "period", "value"]].tolist() == ["QN06254M", "2025-12", 1025.0]
    edition = store.editions.set_index("edition").loc["insee_qpv2024_defm_2025"]
    assert edition["published_precision"] == "assumed"
    assert "reconnue au nom de son fichier" in edition["traps"]
    text = "\n".join(map(str, report.findings))
    assert "new: column 'ABC_G'" in text
    assert "missing: no column ABC_H" in text
    assert "does not describe yet" in text


def test_a_file_that_always_has_the_same_name_is_dated_by_the_day_on_which_it_was_written(
    tmp_path: Path, catalog: Catalog
) -> None:
    path = tmp_path / "rnc_copro.csv"
    path.write_text("numero_immatriculation\n")
    dated(path, dt.date(2027, 2, 3))
    (found,), _ = recognise([path], catalog)
    assert (found.edition.id, found.edition.periods, found.edition.published) == (
        "anah_rnic_2027",
        {"main": "2027"},
        dt.date(2027, 2, 3),
    )
    assert "reconnue à la date de son fichier, qui porte toujours le même nom" in found.edition.traps[-1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("CODGEO;ABC\nQP062056;1025\nQP062057;9\n", "not one figure was read"),
        ("CODGEO;ABC\nQN06254M;45%\n", "is a percentage where a count is expected"),
        ("CODGEO;ABC\nQN06254M;1.234\n", "is no whole number"),
        ("<html>Maintenance</html>\n<p>x</p>\n", "no column"),
        ("CODGEO;ABC\nQN06254M;1\nQN06254M;2\n", "stands twice"),
    ],
)
def test_a_bad_file_that_nobody_described_is_set_aside_and_the_rest_is_built(tmp_path: Path, text: str, told: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    archive(raw / "DEFM2025_QP24_csv.zip", {"d_QP.csv": text})
    report = build(DATA, [raw], tmp_path / "warehouse")
    (finding,) = [f for f in report.findings if "set aside" in f.message]
    assert told in finding.message
    assert "insee_qpv2024_defm_2025" not in set(Warehouse(tmp_path / "warehouse").editions["edition"])
