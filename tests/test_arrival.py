"""What came against what is there: no cut file, message or other table takes the place of a good one, and the old one is kept."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pytest
from parcels import archive, dated
from qpv.arrival import check_arrival, keep_old
from qpv.catalog import Catalog
from qpv.errors import FetchError
from qpv.fetch import Outcome, fetch, orders
from qpv.sources.rawfile import list_files
from qpv.sources.recognition import recognise
from server import DIRECT, TABLE, Answer, Bench, digest

IPS = "education/ips-ecoles-ap2022.csv"
EXPORT = "/api/explore/v2.1/catalog/datasets/fr-en-ips-ecoles-ap2022/exports/csv"
MESSAGE = b"message;code\nservice indisponible;503\n"


def fetch_ips(bench: Bench, catalog: Catalog) -> Outcome:
    (outcome,) = fetch(orders(catalog, ["depp_ips_ecoles"]), bench.raw, bench.settings)
    return outcome


def cut_at_a_line(content: bytes, share: float) -> bytes:
    return content[: content.index(b"\n", int(len(content) * share)) + 1]


# --- A file of the catalogue -------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.33, 0.9, 0.97])
def test_a_csv_cut_at_the_end_of_a_line_never_replaces_the_whole_one(
    bench: Bench, catalog: Catalog, official: Path, share: float
) -> None:
    whole = (official / IPS).read_bytes()
    bench.site.say(EXPORT, Answer(whole))
    assert fetch_ips(bench, catalog).status == "fetched"
    kept = bench.raw / "depp_ips_ecoles" / "fr-en-ips-ecoles-ap2022.csv"
    bench.site.say(EXPORT, Answer(cut_at_a_line(whole, share), length=False))
    outcome = fetch_ips(bench, catalog)
    assert outcome.status == "failed"
    assert "edition depp_ips_ecoles_2022 has at least" in outcome.message
    assert digest(kept) == digest(official / IPS)
    assert [p.name for p in kept.parent.iterdir()] == [kept.name], "nothing is left of what came"


@pytest.mark.parametrize("before", [True, False])
def test_a_message_that_looks_like_a_table_is_no_delivery(bench: Bench, catalog: Catalog, official: Path, before: bool) -> None:
    bench.site.say(EXPORT, Answer((official / IPS).read_bytes()), Answer(MESSAGE, length=False))
    first = fetch_ips(bench, catalog) if before else bench.site.answers[EXPORT].pop(0)
    outcome = fetch_ips(bench, catalog)
    assert outcome.status == "failed"
    assert "no column 'uai' or 'UAI' in what came; found code, message" in outcome.message
    kept = bench.raw / "depp_ips_ecoles" / "fr-en-ips-ecoles-ap2022.csv"
    assert kept.exists() is before
    assert first


def test_what_an_archive_holds_is_checked_too(tmp_path: Path, catalog: Catalog) -> None:
    source = catalog.sources["insee_bpe_communes"]
    path = archive(tmp_path / "DS_BPE_CSV_FR.zip", {"DS_BPE_2025_data.csv": '"GEO";"OBS_VALUE"\n' + "62193;1\n" * 50})
    with pytest.raises(FetchError, match=r"50 rows came; edition insee_bpe_communes_2025 has at least 100000"):
        check_arrival(path, tmp_path / "none.zip", source)
    other = archive(tmp_path / "a/DS_BPE_CSV_FR.zip", {"avis.csv": "a;b\n1;2\n"}) if (tmp_path / "a").mkdir() is None else path
    with pytest.raises(FetchError, match="expected one member like"):
        check_arrival(other, tmp_path / "none.zip", source)


def test_a_cut_gzip_file_is_found_out(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "geo-dvf-2024.csv.gz"
    content = gzip.compress(b"id_mutation,date_mutation\n" + b"".join(b"2024-%d,2024-01-02\n" % n for n in range(5000)))
    path.write_bytes(content)
    (found,) = check_arrival(path, tmp_path / "none", catalog.sources["dgfip_dvf"])
    assert found.edition.id == "dgfip_dvf_2024"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FetchError, match="cut short or damaged"):
        check_arrival(path, tmp_path / "none", catalog.sources["dgfip_dvf"])


# --- Against the file that is there ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (cut_at_a_line(TABLE, 0.5), "rows came where the file that is there has 2000"),
        (MESSAGE, "lacks 3 of the 3 columns of the file that is there"),
        (TABLE.replace(b"LIBGEO;TP60", b"A;B"), "lacks 2 of the 3 columns"),
    ],
)
def test_what_is_far_less_than_the_file_that_is_there_is_refused(bench: Bench, body: bytes, told: str) -> None:
    bench.site.say("/table.csv", Answer(), Answer(body, length=False))
    bench.fetch(DIRECT)
    outcome = bench.fetch(DIRECT)
    assert (outcome.status, told in outcome.message) == ("failed", True), outcome
    assert bench.file().read_bytes() == TABLE


def test_columns_whose_year_moved_on_are_the_same_columns(tmp_path: Path, catalog: Catalog) -> None:
    for folder, year in (("old", 18), ("new", 21)):
        (tmp_path / folder).mkdir()
        archive(
            tmp_path / folder / "base_cc_comparateur_csv.zip",
            {"base_cc_comparateur.CSV": f"CODGEO;P{year}_POP;P{year}_LOG;MED{year}\n" + "62193;1;2;3\n" * 34_900},
        )
    old, new = (tmp_path / folder / "base_cc_comparateur_csv.zip" for folder in ("old", "new"))
    (found,) = check_arrival(new, old, catalog.sources["insee_comparateur"])
    assert found.source.id == "insee_comparateur"


def test_a_new_edition_under_the_same_name_leaves_the_old_one_beside_it(bench: Bench) -> None:
    later = TABLE + b"QP999999;Quartier nouveau;40,0\r\n"
    bench.site.say("/table.csv", Answer(), Answer(later))
    bench.fetch(DIRECT)
    outcome = bench.fetch(DIRECT)
    today = f"{dt.datetime.now(dt.UTC).date()}"
    assert (outcome.status, outcome.message) == ("fetched", f"the earlier file is kept in {today}/")
    assert bench.file().read_bytes() == later
    assert bench.file(f"{today}/table.csv").read_bytes() == TABLE
    records = bench.manifest()
    assert records[f"insee_x/{today}/table.csv"]["sha256"] == digest(bench.file(f"{today}/table.csv"))
    assert records["insee_x/table.csv"]["sha256"] == digest(bench.file())


def test_a_third_edition_on_the_same_day_loses_neither_of_the_others(tmp_path: Path) -> None:
    kept = []
    for n in range(3):
        (tmp_path / "t.csv").unlink(missing_ok=True)
        (tmp_path / "t.csv").write_text(f"{n}")
        kept.append(keep_old(tmp_path / "t.csv", dt.date(2026, 3, 1)))
    assert [p.read_text() for p in kept] == ["0", "1", "2"]
    assert [p.parent.name for p in kept] == ["2026-03-01", "2026-03-01_2", "2026-03-01_3"]


def test_of_a_file_and_the_one_kept_beside_it_the_newer_is_read_and_nobody_is_warned(tmp_path: Path, catalog: Catalog) -> None:
    for folder, day in (("", dt.date(2026, 9, 1)), ("2026-03-01", dt.date(2026, 3, 1))):
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / "dares_defm_communales-brutes.csv"
        path.write_text(f"Date;Code commune\n{day}\n")
        dated(path, day)
    (found,), (finding,) = recognise(list_files([tmp_path]), catalog)
    assert found.file.path.parent == tmp_path
    assert (finding.kind, finding.severity) == ("second", "info")


def test_the_directory_of_last_year_stays_an_edition_of_its_own(tmp_path: Path, catalog: Catalog) -> None:
    for folder, day in (("", dt.date(2027, 2, 1)), ("2026-03-01", dt.date(2026, 3, 1))):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "fr-en-annuaire-education.csv").write_text("identifiant\n")
        dated(tmp_path / folder / "fr-en-annuaire-education.csv", day)
    found, _ = recognise(list_files([tmp_path]), catalog)
    assert [f.edition.id for f in found] == ["depp_annuaire_2026", "depp_annuaire_2027"]


def test_a_hidden_folder_holds_no_delivery(tmp_path: Path) -> None:
    (tmp_path / "depp_x" / ".incoming").mkdir(parents=True)
    (tmp_path / "depp_x" / ".incoming" / "REVN_2022.csv").write_text("CODGEO\n")
    assert list_files([tmp_path]) == []
