"""Which edition a raw file is: by name, by content, in an archive or not."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from pathlib import Path

import pytest
from parcels import Read, archive, dated
from qpv.catalog import Catalog
from qpv.errors import SourceError
from qpv.sources.rawfile import MAX_MEMBERS, list_files, tables_in
from qpv.sources.recognition import recognise

DATA = Path(__file__).resolve().parent.parent / "data"
REVN = "insee_qpv2015/REVN_2022.csv"


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


def test_every_official_file_that_is_no_sample_is_read(official: Path, catalog: Catalog) -> None:
    paths = [p for p in list_files([official]) if "samples" not in p.parts]
    found, findings = recognise(paths, catalog)
    assert {p.name for p in paths} == {f.file.path.name for f in found}
    assert {f.source.tier for f in found} == {"read"}
    assert [str(f) for f in findings if f.kind == "unknown"] == []


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
