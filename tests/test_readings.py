"""What contracts read in their figures, and what residents said: cited, in our own words, with ties kept and no names."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT
from faults import check_told
from qpv.catalog import Catalog
from qpv.contract import renewal
from qpv.contract.calendar import Event, due, next_date
from qpv.contract.contract import Contract, load_all, load_contract, stored_contract
from qpv.contract.readings import KINDS_FR, of_place
from qpv.contract.voice import ties
from qpv.contracts import Contracts
from qpv.errors import CatalogError
from qpv.reference import Reference
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse

CALAIS, LENS = "200090751", "246200364"
BEAU_MARAIS, FORT_NIEULAY = "QN06254M", "QN06253M"
TEXTS = {"calais-2024": "003_93b837df615d2655.txt", "lens-lievin-2024": "000_b8da6cd3cbd88006.txt"}


@pytest.fixture(scope="module")
def loaded(catalog: Catalog, reference: Reference, contracts: Contracts) -> dict[str, Contract]:
    return load_all(ROOT / "data" / "contracts", catalog, reference, contracts)


@pytest.mark.parametrize("qpv", [BEAU_MARAIS, FORT_NIEULAY])
@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_both_qpv_of_calais_have_strengths_fragilities_and_stakes_in_every_theme(
    loaded: dict[str, Contract], qpv: str, theme: str
) -> None:
    found = of_place(loaded[CALAIS].readings, [qpv], theme)
    assert set(found) >= {"strength", "fragility", "stake"}
    assert "opportunity" not in found and "threat" not in found, "the document announces them and prints none"
    assert list(found) == [k for k in KINDS_FR if k in found]


def test_lens_lievin_is_read_at_the_level_of_the_agglomeration(loaded: dict[str, Contract]) -> None:
    readings = loaded[LENS].readings
    assert {r.territory for r in readings} == {LENS}
    assert {r.theme for r in readings} >= set(BRIEF_THEMES)


def test_every_line_exists_in_its_document_and_no_reading_is_one_of_its_sentences(
    loaded: dict[str, Contract], seeds: Path
) -> None:
    for epci in (CALAIS, LENS):
        for entry in (*loaded[epci].readings, *loaded[epci].statements):
            whole = (seeds / TEXTS[entry.document]).read_text("utf-8")
            lines = whole.split("\n")
            assert lines[entry.line - 1].strip(), entry
            assert len(entry.text.split()) < 5 or entry.text.replace("’", "'") not in whole.replace("’", "'"), entry.text


def test_two_third_places_of_beau_marais_are_kept(loaded: dict[str, Contract]) -> None:
    ranks = loaded[CALAIS].barometer
    assert [(r.rank, r.topic) for r in ranks if r.territory == BEAU_MARAIS] == [
        (1, "Tranquillité publique"), (2, "Accès aux soins"), (3, "Cadre de vie"), (3, "Logement et habitat"), (10, "Insertion et emploi"),
    ]  # fmt: skip
    (tie,) = ties(ranks)
    assert (tie.sector, tie.rank, tie.lines) == ("Beau Marais", 3, (1617, 1713))


def test_workshops_have_dates_places_and_participants_where_printed(loaded: dict[str, Contract]) -> None:
    whole, *single = loaded[CALAIS].workshops
    assert (whole.count, whole.participants, whole.date) == (24, 322, None)
    assert [w.date for w in single] == [dt.date(2023, 9, 26), dt.date(2023, 7, 13), dt.date(2023, 7, 20), dt.date(2023, 9, 19)]
    assert sum(w.participants or 0 for w in loaded[LENS].workshops) == 82 + 287 + 151


def test_renewal_keeps_the_two_tables_that_differ(loaded: dict[str, Contract]) -> None:
    found = {(c.qpv, c.operation): (c.convention, c.synthesis) for c in renewal.contradictions(loaded[CALAIS].renewal)}
    assert found == {
        ("QP062056", "rehabilitated"): (889, 649), ("QP062056", "residentialised"): (1208, 1045),
        ("QP062055", "demolished"): (152, 192), ("QP062055", "rehabilitated"): (146, 266), ("QP062055", "residentialised"): (146, 266),
    }, "413 and 18 of the hostel are the 431 of the other table, 40 rebuilt its 20 and 20"  # fmt: skip
    pru = {o.operation: o.count for o in loaded[CALAIS].renewal if o.phase == "PRU 2007"}
    assert (pru["demolished"], pru["rebuilt"]) == (669, 669)
    rehoused = {o.qpv: o.count for o in loaded[CALAIS].renewal if o.operation == "rehoused"}
    assert rehoused == {"QP062056": 139, "QP062055": 239}


def test_facilities_are_60_and_93_in_seven_categories(loaded: dict[str, Contract]) -> None:
    counts = renewal.by_category(loaded[CALAIS].facilities)
    assert {qpv: (sum(c.values()), len(c)) for qpv, c in counts.items()} == {"QP062056": (60, 7), "QP062055": (93, 7)}
    assert counts["QP062055"] == Counter(social=19, institution=19, sport=20, culture=12, employment=11, childhood=9, health=3)


# --- calendar ------------------------------------------------------------------------------------------


def event(**said: object) -> Event:
    return Event.model_validate({"label": "Comité", "rhythm": "yearly", "document": "d", "line": 1} | said)


def test_next_dates_follow_the_rhythm() -> None:
    day = dt.date(2026, 10, 1)
    assert next_date(event(from_day="03-30"), day) == dt.date(2027, 3, 30)
    assert next_date(event(from_day="10-01"), day) == day
    assert next_date(event(rhythm="half_yearly", from_day="03-15"), day) == dt.date(2027, 3, 15)
    assert next_date(event(rhythm="half_yearly", from_day="06-15"), day) == dt.date(2026, 12, 15)
    assert next_date(event(rhythm="quarterly", from_day="01-31"), dt.date(2027, 4, 1)) == dt.date(2027, 4, 30)
    assert next_date(event(rhythm="monthly", from_day="01-31"), dt.date(2027, 2, 1)) == dt.date(2027, 2, 28)
    assert next_date(event(from_day="01-31", until=2026), day) is None
    assert next_date(event(rhythm="once", date="2027-12-31"), day) == dt.date(2027, 12, 31)
    assert next_date(event(rhythm="once", date="2025-12-31"), day) is None
    assert next_date(event(), day) is None, "a rhythm without a day gives no date"


def test_calais_has_its_dates_due_the_soonest_first(loaded: dict[str, Contract]) -> None:
    found = due(loaded[CALAIS].events, dt.date(2026, 9, 30))
    assert [d.day for d in found] == sorted(d.day for d in found)
    by_label = {d.event.label: d for d in found}
    assert by_label["TFPB\u202f: réunion technique d’évaluation"].day == dt.date(2027, 4, 30)
    assert by_label["Évaluation à mi-parcours"].day.year == 2027


def test_past_quarters_see_no_document_of_later(loaded: dict[str, Contract]) -> None:
    before = loaded[CALAIS].as_of(dt.date(2024, 6, 30))
    assert before.readings == () and before.referential is None and not before.written
    assert loaded[CALAIS].as_of(dt.date(2024, 12, 31)).readings == loaded[CALAIS].readings


def test_contracts_are_stored_in_the_warehouse(loaded: dict[str, Contract], embedded: Warehouse) -> None:
    assert stored_contract(embedded.path, CALAIS) == loaded[CALAIS]


def test_faults_of_readings_and_voice_are_named(
    tmp_path: Path, catalog: Catalog, reference: Reference, contracts: Contracts
) -> None:
    folder = tmp_path / CALAIS
    folder.mkdir()
    (folder / "readings.yml").write_text(
        "readings:\n- {territory: QN06254M, theme: education, kind: strength, text: Cité éducative, document: calais-2024, line: 1150}\n"
        "- {territory: QN99999M, theme: education, kind: strength, text: Inconnu, document: calais-2024, line: 1}\n"
        "- {territory: QN06254M, theme: école, kind: atout, text: Essai, document: calais-2024, line: 1}\n"
        f"- {{territory: QN06254M, theme: education, kind: stake, text: {'long ' * 40}, document: calais-2024, line: 1}}\n"
    )
    (folder / "workshops.csv").write_text(
        "territory;place;date;document;line\nQN06254M;salle;31/02/2026;calais-2024;1\nQN06254M;salle;;calais-2024;1\n"
    )
    (folder / "calendar.yml").write_text(
        "events:\n- {label: Point, rhythm: yearly, from_day: '13-40', document: calais-2024, line: 1}\n"
        "- {label: Bilan, rhythm: once, document: calais-2024, line: 1}\n- {label: Suivi, rhythm: parfois, document: calais-2024, line: 1}\n"
    )
    with pytest.raises(CatalogError) as error:
        load_contract(folder, catalog, reference, contracts)
    check_told(error.value, CALAIS, (
        ("readings.yml, line 3, territory: 'QN99999M'", "expected a QPV of this agglomération"),
        ("readings.yml, line 4, theme: 'école'", "expected 'revenue'"),
        ("readings.yml, line 4, kind: 'atout'", "expected 'strength'"),
        ("readings.yml, line 5, text: 'long", "at most 160"),
        ("workshops.csv, line 2, date: '31/02/2026'", "expected a day such as 2026-03-30"),
        ("workshops.csv, line 3, date: a day or a period is needed", ""),
        ("calendar.yml, line 2, from_day: '13-40'", "such as 03-30"),
        ("calendar.yml, line 3", "needs a 'date'"),
        ("calendar.yml, line 4, rhythm: 'parfois'", "expected 'once'"),
    ))  # fmt: skip
