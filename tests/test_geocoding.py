"""Where the facilities of a contract lie: asked of the geocoding service once, kept, read by the build, shown on a map."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pages
import pytest
from bs4 import BeautifulSoup
from qpv import cli
from qpv.brief import Programme
from qpv.build import build
from qpv.contract.files import Reading
from qpv.contract.sites import Located, Site, geocoded_files, read_located, read_sites
from qpv.download import Settings
from qpv.errors import SourceError
from qpv.fetch import Outcome
from qpv.geocoding import SERVICE, locate
from server import Answer, Bench

CALAIS = "200090751"
DAY = dt.date(2026, 10, 1)
PATH = urlsplit(SERVICE).path
HEAD = "qpv,number,category,place,commune,address,document,line\n"


def settings(bench: Bench) -> Settings:
    return bench.but(origins={"https://data.geopf.fr": bench.site.origin}, attempts=2)


def site(number: int, **said: object) -> Site:
    return Site.model_validate({"qpv": "QP062056", "number": number, "category": "sport", "place": "Piscine Icéo", "commune": "62193",
                                "document": "calais-2024", "line": 1} | said)  # fmt: skip


def place(longitude: float, latitude: float, **properties: object) -> Answer:
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [longitude, latitude]}, "properties": properties}
    return Answer(
        json.dumps({"type": "FeatureCollection", "features": [feature]}).encode(), headers={"Content-Type": "application/json"}
    )


NOTHING = Answer(b'{"type": "FeatureCollection", "features": []}')


def ask(bench: Bench, *sites: Site) -> Outcome:
    (outcome,) = locate(CALAIS, sites, bench.raw, settings(bench), DAY)
    return outcome


def kept(bench: Bench) -> tuple[Located, ...]:
    return read_located(bench.raw / "ign_geocodage" / f"facilities-geocoded-{CALAIS}.csv")


def test_a_place_is_asked_by_name_and_one_with_an_address_by_its_address(bench: Bench) -> None:
    bench.site.say(
        PATH, place(1.88, 50.95, _score=0.9, toponym="piscine icéo"), place(1.87, 50.94, score=0.71, label="1 Rue X 62100 Calais")
    )
    told = ask(bench, site(1), site(2, place="Forum Gambetta", address="1 rue X"))
    assert (told.status, told.message) == ("fetched", "2 of 2 places found")
    asked = [parse_qs(urlsplit(path).query) for path, _ in bench.site.asked]
    assert asked == [
        {"q": ["Piscine Icéo"], "index": ["poi"], "citycode": ["62193"], "limit": ["1"]},
        {"q": ["1 rue X"], "index": ["address"], "citycode": ["62193"], "limit": ["1"]},
    ]
    first, second = kept(bench)
    assert (first.longitude, first.latitude, first.score, first.day, first.sure) == (1.88, 50.95, 0.9, DAY, True)
    assert (second.asked, second.found) == ("1 rue X", "1 Rue X 62100 Calais")


def test_what_was_found_is_not_asked_again_unless_its_name_changed(bench: Bench) -> None:
    bench.site.say(PATH, place(1.88, 50.95, score=0.9), NOTHING)
    assert ask(bench, site(1), site(2)).message == "1 of 2 places found, 1 not or not surely"
    assert len(bench.site.asked) == 2
    assert ask(bench, site(1), site(2)).status == "unchanged"
    assert len(bench.site.asked) == 3, "only what was not found"
    ask(bench, site(1, place="Piscine Ranson"), site(2))
    assert len(bench.site.asked) == 5


def test_an_unsure_answer_is_kept_and_not_drawn(bench: Bench) -> None:
    bench.site.say(PATH, place(1.88, 50.95, score=0.41))
    assert "1 not or not surely" in ask(bench, site(1)).message
    assert [at.sure for at in kept(bench)] == [False]


@pytest.mark.parametrize(
    ("answer", "said"),
    [(Answer(b"<html>maintenance</html>"), "the answer is no list of places"), (Answer(b"", 404), "the server answers 404"),
     (Answer(b"", 500), "the server answers 500"), (place(999.0, 50.95, score=0.9), "no place on earth")],
)  # fmt: skip
def test_a_failure_is_told_and_leaves_what_was_there(bench: Bench, answer: Answer, said: str) -> None:
    bench.site.say(PATH, place(1.88, 50.95, score=0.9), answer)
    told = ask(bench, site(1), site(2))
    assert told.status == "failed" and said in told.message and "1 of 2 places found" in told.message
    assert [at.number for at in kept(bench)] == ["1"]


def test_a_service_that_is_down_is_given_up_after_three_places(bench: Bench) -> None:
    bench.site.say(PATH, Answer(b"", 404))
    assert ask(bench, *(site(n) for n in range(1, 20))).status == "failed"
    assert len(bench.site.asked) == 3


def test_the_command_asks_only_when_it_is_named(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages.copy_data(tmp_path / "data")
    bench.site.say(PATH, place(1.88, 50.95, score=0.9))
    cli.data._fetch(tmp_path / "data", ["facilities"], False, settings(bench))
    assert "153 of 153 places found" in capsys.readouterr().out.replace("\n", " ")
    assert {urlsplit(path).path for path, _ in bench.site.asked} == {PATH}
    assert len(bench.site.asked) == 153


# --- addresses of places, not of persons ------------------------------------------------------------------


def test_the_address_of_a_public_place_is_read_and_that_of_a_person_refused(tmp_path: Path) -> None:
    row = "QP062056,1,sport,Piscine Icéo,62193,1 rue X,calais-2024,1\n"
    (tmp_path / "sites.csv").write_text(HEAD + row)
    reading = Reading(tmp_path)
    assert [s.address for s in read_sites(reading)] == ["1 rue X"] and reading.faults == []
    for head, said in (
        ("domicile", "addresses of persons"),
        ("adresse du contact", "addresses of persons"),
        ("nom", "names of persons"),
    ):
        (tmp_path / "sites.csv").write_text(HEAD.replace("place,", f"place,{head},") + row.replace("Icéo,", "Icéo,x,"))
        reading = Reading(tmp_path)
        assert read_sites(reading) == []
        assert said in str(reading.faults[0]), head
    (tmp_path / "sites.csv").write_text(HEAD + row.replace("1 rue X", "chez Mme Durand 1 rue X"))
    reading = Reading(tmp_path)
    assert read_sites(reading) == []
    assert "a person's name" in str(reading.faults[0])


def test_a_number_that_stands_twice_is_a_fault(tmp_path: Path) -> None:
    row = "QP062056,1,sport,Piscine Icéo,62193,,calais-2024,1\n"
    (tmp_path / "sites.csv").write_text(HEAD + row + row)
    reading = Reading(tmp_path)
    read_sites(reading)
    assert "sites.csv, line 3, number: '1': the number stands twice" in str(reading.faults[0])


# --- the build and the page -------------------------------------------------------------------------------


def test_the_build_reads_coordinates_and_the_programme_draws_them(tmp_path: Path) -> None:
    pages.copy_data(tmp_path / "data")
    raw = tmp_path / "raw" / "ign_geocodage"
    raw.mkdir(parents=True)
    file = raw / f"facilities-geocoded-{CALAIS}.csv"
    file.write_text("qpv,number,asked,longitude,latitude,score,found,day\nQP062056,34,Piscine Icéo,1.887,50.957,0.93,piscine icéo,2026-10-01\n"
                    "QP062056,35,Piste BMX,1.889,50.956,0.2,,2026-10-01\nQP062056,36,Autre question,1.889,50.956,0.9,,2026-10-01\n")  # fmt: skip
    first = build(tmp_path / "data", [tmp_path / "raw"], tmp_path / "warehouse")
    assert [f for f in first.findings if "geocoded" in f.file] == [], "it is no file of the catalogue, and no stranger"
    page = BeautifulSoup(Programme(CALAIS, "2026-T3", tmp_path / "warehouse").facilities().html, "html.parser")
    said = " ".join(page.get_text(" ").split())
    assert page.select_one("[data-map]") is not None
    assert "1 des 153 équipements" in said and "152" in said
    assert not build(tmp_path / "data", [tmp_path / "raw"], tmp_path / "warehouse").fresh
    file.write_text(file.read_text().replace("50.957", "91"))
    with pytest.raises(
        SourceError, match=r"facilities-geocoded-200090751\.csv, line 2, latitude: '91': expected less than or equal to 90"
    ):
        build(tmp_path / "data", [tmp_path / "raw"], tmp_path / "warehouse")


def test_without_coordinates_the_programme_says_so_and_lists_the_places(embedded_folder: Path) -> None:
    said = " ".join(
        BeautifulSoup(Programme(CALAIS, "2026-T3", embedded_folder).facilities().html, "html.parser").get_text(" ").split()
    )
    assert "qpv data fetch facilities" in said
    assert "Piscine Icéo" in said and "Ensemble 60 93" in said


def test_the_first_file_of_an_epci_wins_and_other_files_are_left(tmp_path: Path) -> None:
    paths = [
        tmp_path / "a" / f"facilities-geocoded-{CALAIS}.csv",
        tmp_path / "b" / f"facilities-geocoded-{CALAIS}.csv",
        tmp_path / "x.csv",
    ]
    assert geocoded_files(paths) == ({CALAIS: paths[0]}, [paths[2]])
