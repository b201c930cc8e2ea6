"""Which edition a raw file is: by name, by content, in an archive or not; and what its columns say."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from qpv.build import build
from qpv.catalog import Catalog
from qpv.errors import CatalogError, SourceError
from qpv.reference import Reference
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.rawfile import MAX_MEMBERS, list_files, tables_in
from qpv.sources.recognition import Recognised, recognise
from qpv.warehouse import Warehouse

DATA = Path(__file__).resolve().parent.parent / "data"
REVN = "insee_qpv2015/REVN_2022.csv"

Read = Callable[[Recognised], Delivery]


@pytest.fixture
def read(catalog: Catalog, reference: Reference) -> Read:
    def run(found: Recognised) -> Delivery:
        edition = found.edition.model_copy(update={"rows": None})
        return READERS[found.source.reader or ""](found.file, found.source, edition, Context(catalog, reference))

    return run


def archive(path: Path, members: dict[str, str | bytes], day: tuple[int, int, int] = (2026, 3, 15)) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for name, content in members.items():
            stream.writestr(zipfile.ZipInfo(name, (*day, 0, 0, 0)), content)
    return path


def dated(path: Path, day: dt.date) -> Path:
    at = dt.datetime.combine(day, dt.time(12)).timestamp()
    os.utime(path, (at, at))
    return path


# --- By name and by content --------------------------------------------------------------------------


def test_a_table_is_known_under_any_name_by_its_content(official: Path, tmp_path: Path, catalog: Catalog) -> None:
    shutil.copy(official / REVN, tmp_path / "revenus des quartiers.csv")
    (found,), findings = recognise(list_files([tmp_path]), catalog)
    assert found.edition.id == "insee_qpv2015_revn_2022"
    assert findings == []


def test_a_table_is_known_in_any_archive(official: Path, tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = archive(tmp_path / "envoi.zip", {"a/b/REVN_2022.csv": (official / REVN).read_bytes(), "lisez-moi.md": "x"})
    (found,), findings = recognise([path], catalog)
    assert (found.edition.id, found.file.name) == ("insee_qpv2015_revn_2022", "envoi.zip:REVN_2022.csv")
    assert findings == []
    rows = read(found).observations
    poverty = rows[(rows["indicator"] == "poverty_rate_pct") & (rows["territory"] == "QP062056")]
    assert poverty["file"].tolist() == ["envoi.zip:REVN_2022.csv"]


def test_outlines_are_read_in_their_archive(official: Path, tmp_path: Path, catalog: Catalog, read: Read) -> None:
    folder = official / "contours/admin"
    path = archive(tmp_path / "cartes.zip", {"geo/departement-62.geojson": (folder / "departement-62.geojson").read_bytes()})
    (found,), _ = recognise([path], catalog)
    outlines = read(found).geometry
    assert outlines is not None
    assert outlines["code"].tolist() == ["62"]


def test_a_member_alone_is_known_without_its_archive(official: Path, tmp_path: Path, catalog: Catalog) -> None:
    with zipfile.ZipFile(official / "iris_commune/base_cc_comparateur_csv.zip") as stream:
        stream.extract("base_cc_comparateur.CSV", tmp_path)
    (found,), _ = recognise(list_files([tmp_path]), catalog)
    assert found.edition.id == "insee_comparateur_2022"


def test_a_table_that_only_looks_like_a_source_is_named_with_it(official: Path, tmp_path: Path, catalog: Catalog) -> None:
    content = (official / REVN).read_bytes().replace(b"QP062056", b"QP062057", 1)
    (tmp_path / "revenus.csv").write_bytes(content)
    found, (finding,) = recognise(list_files([tmp_path]), catalog)
    assert found == []
    assert "its columns are those of 'insee_qpv2015_revn'" in str(finding)
    assert "name it like REVN_2022.csv" in str(finding)


def test_a_file_that_is_nothing_known_is_listed_by_name(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "notes.csv").write_text("a;b\n1;2\n")
    archive(tmp_path / "divers.zip", {"photo.csv": "x;y\n1;2\n"})
    found, findings = recognise(list_files([tmp_path]), catalog)
    assert found == []
    assert [str(f) for f in findings] == [
        "divers.zip:photo.csv: not recognised: no edition of the catalogue has this name",
        "notes.csv: not recognised: no edition of the catalogue has this name",
    ]


def test_every_official_table_is_known_by_its_content_too(official: Path, catalog: Catalog) -> None:
    paths = [p for p in list_files([official]) if "samples" not in p.parts]
    found, _ = recognise(paths, catalog)
    digests = {f.file.content_sha256(): f.edition.id for f in found if f.edition.sha256}
    assert len(digests) >= 40
    assert all(digests[d] == f.edition.id for f in found for d in f.edition.sha256)


# --- Archives that cannot be trusted -----------------------------------------------------------------


@pytest.mark.parametrize("member", ["../REVN_2022.csv", "/REVN_2022.csv", "a\x07/REVN_2022.csv"])
def test_an_archive_that_leads_out_of_itself_is_refused(tmp_path: Path, catalog: Catalog, member: str) -> None:
    found, (finding,) = recognise([archive(tmp_path / "x.zip", {member: "CODGEO\n"})], catalog)
    assert found == []
    assert "has no safe name" in str(finding)


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path) -> None:
    (table,) = tables_in(archive(tmp_path / "x.zip", {f"{n}.csv": "" for n in range(MAX_MEMBERS + 1)}))
    assert "2001 members; at most 2000 are read" in table.fault


def test_a_known_archive_without_its_table_says_what_is_missing(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = archive(tmp_path / "base_cc_comparateur_csv.zip", {"autre.csv": "a;b\n"})
    (found,), _ = recognise([path], catalog)
    with pytest.raises(SourceError, match=r"expected one member like 'base_cc_comparateur.*found none"):
        read(found)


# --- Two files for one edition -----------------------------------------------------------------------


def test_of_two_files_for_one_edition_the_later_one_wins(tmp_path: Path, catalog: Catalog) -> None:
    old, new = tmp_path / "a", tmp_path / "b"
    for folder, name, day in (
        (old, "DEMO_2020.csv", dt.date(2024, 1, 5)),
        (new, "data_DEMO_2020_V1_QP.csv", dt.date(2024, 3, 1)),
    ):
        folder.mkdir()
        (folder / name).write_text(f"CODGEO\n{name}\n")
        dated(folder / name, day)
    (found,), (warning,) = recognise(list_files([old, new]), catalog)
    assert found.file.name == "data_DEMO_2020_V1_QP.csv"
    assert warning.severity == "warning"
    assert str(warning).startswith(
        "DEMO_2020.csv: edition insee_qpv2015_demo_2020 was already read from data_DEMO_2020_V1_QP.csv"
    )
    assert "2024-03-01 against 2024-01-05" in str(warning)


def test_of_two_files_for_one_edition_the_higher_version_wins_whatever_its_date(tmp_path: Path, catalog: Catalog) -> None:
    table = {"x_QP.csv": "CODGEO;DISP_MED_A21\nQN06254M;13000\n"}
    archive(tmp_path / "revenus_pauvrete_2021_qp24_v2_csv.zip", table, (2024, 1, 1))
    archive(tmp_path / "revenus_pauvrete_2021_qp24_csv.zip", {"x_QP.csv": "CODGEO;DISP_MED_A21\nQN06254M;99\n"}, (2025, 1, 1))
    (found,), _ = recognise(list_files([tmp_path]), catalog)
    assert found.file.path.name == "revenus_pauvrete_2021_qp24_v2_csv.zip"


def test_the_same_file_twice_is_no_fault_and_the_first_folder_wins(tmp_path: Path, catalog: Catalog) -> None:
    for folder in ("b", "a"):
        (tmp_path / folder).mkdir()
        dated_file = tmp_path / folder / "DEMO_2020.csv"
        dated_file.write_text("CODGEO\n")
        dated(dated_file, dt.date(2024, 1, 5))
    (found,), (finding,) = recognise(list_files([tmp_path / "b", tmp_path / "a"]), catalog)
    assert found.file.path.parent.name == "b"
    assert (finding.severity, "the same content" in str(finding)) == ("info", True)


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


# --- Columns -----------------------------------------------------------------------------------------

META = (
    "COD_VAR;LIB_VAR;LIB_VAR_LONG;COD_MOD;LIB_MOD;TYPE_VAR;LONG_VAR\n"
    "ABC;DEFM ABC;Nombre de demandeurs d'emploi de catégories A, B, C;;;NUM;5\n"
    "ABC_G;DEFM G;Nombre de demandeurs d'emploi de catégorie G;;;NUM;5\n"
    "NOTE_PE;Note;Qualité;0;Pas de problème;CHAR;1\n"
    "NOTE_PE;Note;Qualité;3;Effectif inférieur au seuil;CHAR;1\n"
)


def defm(folder: Path, header: str, *rows: str, meta: str = META) -> Path:
    text = "\n".join([header, *rows]) + "\n"
    return archive(folder / "DEFM2025_QP24_csv.zip", {"data_DEFM2025_QP.csv": text, "meta_data_DEFM2025_QP.csv": meta})


def messages(path: Path, catalog: Catalog, read: Read) -> list[str]:
    (found,), _ = recognise([path], catalog)
    return [f.message for f in read(found).findings]


def test_a_new_column_is_told_with_its_label_and_the_line_to_add(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    told = messages(defm(tmp_path, "CODGEO;ABC;ABC_G", "QN06254M;1025;12"), catalog, read)
    (new,) = [m for m in told if m.startswith("new: ")]
    assert "'ABC_G' («\u202fNombre de demandeurs d'emploi de catégorie G\u202f»)" in new
    assert "columns: [{source: insee_qpv2024_defm, column: ABC_G}]" in new


def test_a_renamed_column_is_told_as_doubtful_and_not_read(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = defm(tmp_path, "CODGEO;ABC;F_ABC", "QN06254M;1025;500")
    told = messages(path, catalog, read)
    (doubtful,) = [m for m in told if m.startswith("doubtful: ")]
    assert "column 'F_ABC' looks like 'ABC_F' of 'job_seekers_abc_women_count'" in doubtful
    assert "column: [ABC_F, F_ABC]" in doubtful
    (found,), _ = recognise([path], catalog)
    assert set(read(found).observations["indicator"]) == {"job_seekers_abc_count"}


def test_a_missing_column_is_told_with_the_indicator_and_the_line_to_add(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    told = messages(defm(tmp_path, "CODGEO;ABC", "QN06254M;1025"), catalog, read)
    assert any(m.startswith("missing: no column ABC_H (job_seekers_abc_men_count") and "lacks: [ABC_H]" in m for m in told)


def test_a_blank_says_why_in_the_words_of_the_producer(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = defm(tmp_path, "CODGEO;ABC;NOTE_PE", "QN06254M;;3", "QN06255M;1025;0")
    (found,), _ = recognise([path], catalog)
    rows = read(found).observations.set_index("territory")
    assert (rows.loc["QN06254M", "status"], rows.loc["QN06254M", "note"]) == ("secret", "Effectif inférieur au seuil")
    assert (rows.loc["QN06255M", "status"], rows.loc["QN06255M", "note"]) == ("observed", "")


def test_a_column_is_read_by_its_label_when_only_one_answers(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    meta = "COD_VAR;LIB_VAR;LIB_VAR_LONG\nTXR;Réussite;Taux de réussite au brevet (DNB) des élèves\n"
    path = archive(tmp_path / "DNB_2025_QP24.zip", {"dnb_QP.csv": "CODGEO;TXR\nQN06254M;71,5\n", "meta_dnb_QP.csv": meta})
    (found,), _ = recognise([path], catalog)
    delivery = read(found)
    (row,) = delivery.observations.to_dict("records")
    assert (row["indicator"], row["value"], row["period"]) == ("dnb_success_residents_pct", 71.5, "2025")
    assert any("is read as 'dnb_success_residents_pct' by its label" in f.message for f in delivery.findings)


def test_no_column_is_read_when_two_labels_answer(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    meta = "COD_VAR;LIB_VAR\nA1;Taux de réussite au brevet des filles\nA2;Taux de réussite au brevet des garçons\n"
    path = archive(tmp_path / "DNB_2025_QP24.zip", {"dnb_QP.csv": "CODGEO;A1;A2\nQN06254M;71;60\n", "meta_dnb_QP.csv": meta})
    (found,), _ = recognise([path], catalog)
    delivery = read(found)
    assert delivery.observations.empty
    assert any(m.message.startswith("doubtful: columns A1, A2 all answer") for m in delivery.findings)


def test_two_alternatives_at_once_stop_the_build(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    header = "CODGEO;DISP_TP60_A21;DISP_TP6021"
    path = archive(tmp_path / "revenus_pauvrete_2021_qp24_csv.zip", {"i_QP.csv": f"{header}\nQN06254M;46,2;45\n"})
    (found,), _ = recognise([path], catalog)
    with pytest.raises(CatalogError, match="alternatives exclude each other"):
        read(found)


def test_a_dictionary_that_is_none_is_told_and_the_table_read(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = defm(tmp_path, "CODGEO;ABC", "QN06254M;1025", meta="<html>\n")
    (found,), _ = recognise([path], catalog)
    delivery = read(found)
    assert delivery.observations["value"].tolist() == [1025]
    assert any("has no column COD_VAR" in f.message for f in delivery.findings)


def test_no_described_edition_has_a_new_or_missing_column(official: Path, catalog: Catalog, reference: Reference) -> None:
    paths = [p for p in list_files([official]) if "samples" not in p.parts and p.stat().st_size < 3_000_000]
    told = {}
    for found in recognise(paths, catalog)[0]:
        if found.source.reader in ("wide_table", "school_table"):
            delivery = READERS[found.source.reader](found.file, found.source, found.edition, Context(catalog, reference))
            told[found.edition.id] = [
                f.message for f in delivery.findings if f.message.startswith(("new", "missing", "doubtful"))
            ]
    assert len(told) >= 20
    assert {k: v for k, v in told.items() if v} == {}


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
