"""The evaluation frames of three contracts, entered whole; what is known of each criterion, and what is not scored."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT
from faults import check_told
from qpv.catalog import Catalog
from qpv.contract.contract import Contract, load_all, load_contract, store, stored_contract
from qpv.contract.referential import Criterion, Point, Referential, State, coverage, follow, to_collect
from qpv.contracts import REGISTERS, Contracts
from qpv.errors import CatalogError
from qpv.reference import Reference
from qpv.vocabulary import Polarity

CALAIS, LENS, BETHUNE = "200090751", "246200364", "200072460"


@pytest.fixture(scope="module")
def loaded(catalog: Catalog, reference: Reference, contracts: Contracts) -> dict[str, Contract]:
    return load_all(ROOT / "data" / "contracts", catalog, reference, contracts)


def frame(loaded: dict[str, Contract], epci: str) -> Referential:
    found = loaded[epci].referential
    assert found is not None
    return found


def test_calais_has_5_global_indicators_and_125_criteria_as_the_document_counts_them(
    loaded: dict[str, Contract], seeds: Path
) -> None:
    criteria = frame(loaded, CALAIS).criteria
    lines = (seeds / "003_93b837df615d2655.txt").read_text("utf-8").split("\n")
    arrows = {n: lines[n - 1].count("➤") for n in range(4027, 4077) if "➤" in lines[n - 1]}
    assert Counter(c.line for c in criteria if c.node != "global") == arrows
    assert sum(arrows.values()) == 125
    assert [c.indicator for c in criteria if c.node == "global"] == [
        "median_disposable_income_eur", "unemployment_rate_pct", "census_unemployment_rate_pct", "poverty_rate_pct",
        "dnb_success_pct",
    ]  # fmt: skip
    assert (
        sum(n.kind == "objective" and n.parent != "pilotage" and n.parent != "illettrisme" for n in frame(loaded, CALAIS).nodes)
        == 23
    )


def test_lens_lievin_has_3_pillars_12_ambitions_2_axes(loaded: dict[str, Contract]) -> None:
    kinds = Counter(n.kind for n in frame(loaded, LENS).nodes)
    assert (kinds["pillar"], kinds["ambition"], kinds["axis"]) == (3, 12, 2)
    assert Counter(n.parent for n in frame(loaded, LENS).nodes if n.kind == "ambition") == {"1": 4, "2": 5, "3": 3}
    assert frame(loaded, LENS).choices == (), "no year's choice is printed: none is invented"


def test_bethune_bruay_has_37_indicators_of_10_priorities(loaded: dict[str, Contract], seeds: Path) -> None:
    criteria = frame(loaded, BETHUNE).criteria
    lines = (seeds / "001_3822072f1ba3b923.txt").read_text("utf-8").split("\n")
    assert len(criteria) == 37
    assert list(Counter(c.node for c in criteria).values()) == [4, 3, 2, 4, 3, 5, 5, 2, 5, 4]
    assert all(re.match(r"\s*[-•*]", lines[c.line - 1]) for c in criteria)


def test_every_label_is_short_and_no_sentence_of_its_document(loaded: dict[str, Contract], seeds: Path) -> None:
    texts = {c.epci: "" for c in loaded.values()}
    for epci, file in ((CALAIS, "003_93b837df615d2655"), (LENS, "000_b8da6cd3cbd88006"), (BETHUNE, "001_3822072f1ba3b923")):
        texts[epci] = (seeds / f"{file}.txt").read_text("utf-8").replace("'", "’")
        for entry in (*frame(loaded, epci).nodes, *frame(loaded, epci).criteria):
            assert len(entry.label) <= 90
            assert len(entry.label.split()) < 9 or entry.label not in texts[epci], entry.label


def test_a_contract_comes_back_from_the_warehouse_as_it_went(loaded: dict[str, Contract], tmp_path: Path) -> None:
    store(loaded, tmp_path)
    assert stored_contract(tmp_path, CALAIS) == loaded[CALAIS]
    assert stored_contract(tmp_path, "200000000") is None


def test_registers_are_never_read_as_figures() -> None:
    there = {f.name for f in (ROOT / "data" / "contracts").glob("2*/*.csv")}
    themes = {"demography", "ecology", "education", "employment", "health", "housing", "revenue", "safety"}
    assert {n for n in there if n.removesuffix(".csv") not in themes} <= REGISTERS


# --- what is known of a criterion -----------------------------------------------------------------------


def criterion(**said: object) -> Criterion:
    return Criterion.model_validate(
        {"id": "x", "node": "n", "label": "Critère", "unit": "pct", "document": "d", "line": 1} | said
    )


POINTS = [Point("2019", 46.0), Point("2023", 44.0), Point("2027", 41.0), Point("undated", 10.0)]


def test_direction_is_that_of_the_polarity() -> None:
    found = {p: follow(criterion(), POINTS, 2024, p) for p in Polarity}
    assert {p: f.state for p, f in found.items()} == {
        Polarity.LOWER: State.BETTER, Polarity.HIGHER: State.WORSE, Polarity.NONE: State.MOVED,
    }  # fmt: skip
    assert all((f.baseline, f.latest) == (Point("2023", 44.0), Point("2027", 41.0)) for f in found.values())


def test_a_criterion_without_baseline_is_said_to_be_so_and_not_scored() -> None:
    found = follow(criterion(target=40), [Point("2026", 45.0), Point("2028", 39.0)], 2024, Polarity.LOWER)
    assert (found.baseline, found.latest, found.state) == (None, Point("2028", 39.0), State.NO_BASELINE)
    assert found.target_met is True


def test_a_baseline_alone_and_nothing_at_all_are_two_states() -> None:
    assert follow(criterion(), POINTS[:2], 2024, Polarity.LOWER).state is State.BASELINE
    assert follow(criterion(), [], 2024, Polarity.LOWER).state is State.NO_VALUE
    assert follow(criterion(), POINTS[3:], 2024, Polarity.LOWER).state is State.NO_VALUE, "an undated value counts for nothing"
    assert follow(criterion(nature="qualitative", unit="text"), [], 2024, Polarity.NONE).state is State.QUALITATIVE


def test_a_difference_too_small_to_matter_is_stable() -> None:
    assert follow(criterion(), [Point("2023", 44.0), Point("2027", 43.8)], 2024, Polarity.LOWER, least=0.5).state is State.STABLE


def test_coverage_counts_and_what_lacks_least_comes_first() -> None:
    criteria = [
        criterion(id="a", owner="CCAS", frequency="yearly", target=40),
        criterion(id="b"),
        criterion(id="c", unit="", indicator="i"),
        criterion(id="d", unit="", indicator="printed"),
    ]
    followed = {"a": [follow(criteria[0], POINTS[:2], 2024, Polarity.LOWER)]}
    found = coverage(criteria, followed, {"i", "another"})
    assert (found.criteria, found.baseline, found.recent, found.target, found.owner) == (4, 1, 0, 1, 2)
    assert (found.published, found.text_only) == (1, 1)
    collect = to_collect(criteria, followed, {"i", "another"})
    assert [(c.criterion.id, c.lacking) for c in collect] == [
        ("a", ("une valeur récente",)), ("c", ("une première valeur", "une cible")),
        ("b", ("une première valeur", "un responsable", "un rythme", "une cible")),
        ("d", ("une première valeur", "un responsable", "un rythme", "une cible")),
    ]  # fmt: skip


def test_faults_of_a_frame_are_named_with_their_line(
    tmp_path: Path, catalog: Catalog, reference: Reference, contracts: Contracts
) -> None:
    folder = tmp_path / CALAIS
    folder.mkdir()
    (folder / "referential.yml").write_text(
        "frame:\n- {title: Essai, start: 2024, document: calais-2024, line: 1}\n"
        "nodes:\n- {id: a, kind: pillar, label: Pilier, document: calais-2024, line: 1}\n"
        "- {id: a, kind: pillar, label: Encore, document: calais-2024, line: 1}\n"
        "- {id: b, kind: theme, parent: z, label: Thème, document: calais-2024, line: 1}\n"
        "criteria:\n- {id: x, node: a, label: Rien, document: calais-2024, line: 1}\n"
        "- {id: y, node: a, label: Inconnu, indicator: taux_inconnu, document: calais-2024, line: 1}\n"
        "- {id: z, node: q, label: Ailleurs, unit: count, document: calais-2024, line: 1}\n"
        "milestones:\n- {when: bientôt, label: Point, document: calais-2024, line: 1}\n"
    )
    (folder / "measures.csv").write_text(
        "criterion;territory;period;value;document;line\nz;Calais;2023;3;calais-2024;1\nk;62193;2023;3;calais-2024;1\n"
    )
    with pytest.raises(CatalogError) as error:
        load_contract(folder, catalog, reference, contracts)
    check_told(error.value, CALAIS, (
        ("measures.csv, line 2, territory: 'Calais'", "its SIREN 200090751"),
        ("measures.csv, line 3, criterion: 'k'", "a criterion"),
        ("referential.yml, line 5, id: 'a'", "stands twice"),
        ("referential.yml, line 6, parent: 'z'", "id of a node"),
        ("referential.yml, line 8", "(a register, with 'owner' and 'frequency')"),
        ("referential.yml, line 9, indicator: 'taux_inconnu'", "no such indicator"),
        ("referential.yml, line 10, node: 'q'", "id of a node"),
        ("referential.yml, line 12, when: 'bientôt'", "continuous or a year"),
    ))  # fmt: skip
