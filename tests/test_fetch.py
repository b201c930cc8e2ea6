"""Fetching: where a file lies today, what is done when it fails, and what the command says."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pages
import pytest
import typer
from pydantic import ValidationError
from qpv import cli
from qpv.catalog import Catalog, Fetch
from qpv.errors import FetchError, ParameterError
from qpv.fetch import Outcome, fetch, orders
from qpv.sources.rawfile import list_files
from server import DATASET, DIRECT, HOSTS, INSEE, OLD, PAGE, TABLE, Answer, Bench, dataset, digest, order

ROOT = Path(__file__).resolve().parent.parent


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
    export = "/api/explore/v2.1/catalog/datasets/fr-en-ips-{}-ap{}/exports/csv"
    years = {"colleges": 2023, "ecoles": 2022}
    for school in ("colleges", "ecoles"):
        bench.site.say(
            export.format(school, years[school]), Answer((official / "education" / f"ips-{school}-ap2022.csv").read_bytes())
        )
    names = ["depp_ips_colleges", "depp_ips_ecoles"]
    cli.data._fetch(project / "data", names, False, bench.settings)
    assert "depp_ips_colleges : nouveau : fr-en-ips-colleges-ap2023.csv\n" in (said := capsys.readouterr()).out
    assert "2 nouveaux, 0 inchangés, 0 échecs" in said.out
    bench.site.say(export.format("ecoles", 2022), Answer(PAGE))
    with pytest.raises(typer.Exit) as ending:
        cli.data._fetch(project / "data", names, False, bench.settings)
    said = capsys.readouterr()
    assert ending.value.exit_code == 1
    assert "depp_ips_colleges : inchangé" in said.out
    assert "0 nouveaux, 1 inchangés, 1 échecs" in said.out
    assert said.err.startswith("depp_ips_ecoles : échec : ")
    assert said.err.count("\n") == 1
    kept = project / "data" / "raw" / "depp_ips_ecoles" / "fr-en-ips-ecoles-ap2022.csv"
    assert digest(kept) == digest(official / "education" / "ips-ecoles-ap2022.csv")


def test_for_machines_the_command_writes_an_object_a_file_and_the_counts(
    bench: Bench, project: Path, official: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = "/api/explore/v2.1/catalog/datasets/fr-en-ips-colleges-ap2023/exports/csv"
    bench.site.say(export, Answer((official / "education" / "ips-colleges-ap2022.csv").read_bytes()))
    with pytest.raises(typer.Exit):
        cli.data._fetch(project / "data", ["depp_ips_colleges", "depp_ips_ecoles"], False, bench.settings, as_json=True)
    said = capsys.readouterr()
    there, failed, end = [json.loads(line) for line in said.out.splitlines()]
    assert (there["edition"], there["status"], there["file"]) == (
        "depp_ips_colleges", "fetched", "fr-en-ips-colleges-ap2023.csv",
    )  # fmt: skip
    assert (failed["edition"], failed["status"], failed["landing_page"][:8]) == ("depp_ips_ecoles", "failed", "https://")
    assert end == {"event": "end", "fetched": 1, "unchanged": 0, "failed": 1}
    assert said.err == ""


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
