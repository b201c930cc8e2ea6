"""Small counts of persons in the registers of a contract: withheld, and told by nothing that stays."""

from __future__ import annotations

import json
from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from qpv.brief import Evaluation, Yearly
from qpv.build import build
from qpv.contract.programme import Action
from qpv.contract.referential import Criterion, Measure
from qpv.contract.withheld import protect_actions, protect_measures

CALAIS = "200090751"
A, B, C = "QN06253M", "QN06254M", "QN06255M"


def action(document: str = "registre", **counts: int) -> Action:
    return Action.model_validate({"year": "2025", "territory": A, "label": "Atelier", "theme": "health", "note": "dont une femme",
                                  "document": document, "line": 3} | counts)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "hidden"),
    [({"beneficiaries": 12, "women": 1, "men": 11}, {"women", "men"}),
     ({"beneficiaries": 12, "women": 1}, {"women"}),
     ({"beneficiaries": 12, "women": 10}, {"women"}),  # two men, which the total would tell
     ({"beneficiaries": 12, "women": 6, "men": 5}, {"women", "men"}),  # one of unknown sex
     ({"beneficiaries": 4, "women": 4, "men": 0}, {"beneficiaries", "women", "men"}),
     ({"women": 1, "men": 11}, {"women"}),
     ({"beneficiaries": 12, "women": 12, "men": 0}, set()),  # a zero names nobody
     ({"beneficiaries": 10, "women": 5, "men": 5}, set())],
)  # fmt: skip
def test_no_sex_of_fewer_than_five_is_kept_nor_told_by_the_total(given: dict[str, int], hidden: set[str]) -> None:
    (kept,), listed = protect_actions([action(**given)], {"calais-2024"})
    assert {w.column for w in listed} == hidden
    assert {c: getattr(kept, c) for c in given} == {c: None if c in hidden else v for c, v in given.items()}
    assert kept.note == ("" if hidden else "dont une femme"), "a note may say what was withheld"
    public = action("calais-2024", **given)
    assert protect_actions([public], {"calais-2024"}) == ([public], []), "what a public document prints stays"


def criterion(identifier: str, **said: str) -> Criterion:
    return Criterion.model_validate(
        {"id": identifier, "node": "n", "label": "Essai", "unit": "count", "document": "d", "line": 1} | said
    )


def values(given: dict[str, int], document: str = "registre", **said: str) -> dict[str, float]:
    rows = [
        Measure(criterion="c", territory=t, period="2025", value=v, document=document, line=n + 1)
        for n, (t, v) in enumerate(given.items())
    ]
    kept, _ = protect_measures(rows, [criterion("c", **said)], {"calais-2024"}, CALAIS)
    return {m.territory: m.value for m in kept}


def test_a_count_of_a_qpv_counts_persons_unless_the_frame_says_otherwise() -> None:
    assert values({A: 2}) == {}
    assert values({A: 2}, counts="other") == {A: 2}
    assert values({A: 2}, unit="pct") == {A: 2}
    assert values({A: 0, B: 5}) == {A: 0, B: 5}
    assert values({CALAIS: 2}) == {CALAIS: 2}
    assert values({CALAIS: 2}, counts="persons") == {}
    assert values({A: 2}, "calais-2024") == {A: 2}


def test_a_withheld_qpv_is_not_told_by_the_agglomeration_less_the_others() -> None:
    assert values({A: 2, B: 13, C: 40, CALAIS: 55}) == {C: 40, CALAIS: 55}
    assert values({A: 2, CALAIS: 55}) == {}
    assert values({A: 2, B: 3, C: 40, CALAIS: 45}) == {C: 40, CALAIS: 45}
    assert values({A: 2, B: 13}) == {B: 13}, "nothing is told without a total"


def test_registers_show_no_small_count_and_say_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pages.copy_data(data)
    folder = data / "contracts"
    with (folder / "documents.yml").open("a", encoding="utf-8") as file:
        file.write(
            "- id: registre-2025\n  text: registre.csv\n  title: Registre\n  publisher: Essai\n  published: 2026-01-31\n  priority: 40\n"
        )
    with (folder / CALAIS / "measures.csv").open("a", encoding="utf-8") as file:
        file.write(f"education-parcours-18,{B},2025,2,,registre-2025,7\n")
    heads = (folder / CALAIS / "actions.csv").read_text("utf-8").partition("\n")[0].split(",")
    row = dict.fromkeys(heads, "") | {"year": "2025", "territory": B, "label": "Atelier", "theme": "health", "part": "whole", "document": "registre-2025",
                                      "line": "8", "beneficiaries": "37", "women": "1", "men": "36"}  # fmt: skip
    with (folder / CALAIS / "actions.csv").open("a", encoding="utf-8") as file:
        file.write(",".join(row.values()) + "\n")
    build(data, [], data / "warehouse")
    for stored in (data / "warehouse").rglob(f"*{CALAIS}*.json"):
        assert '"women": 1' not in stored.read_text("utf-8")
    evaluation = Evaluation(CALAIS, "2026-T3", data / "warehouse")
    soup = BeautifulSoup(evaluation.states().html, "html.parser")
    rows = [" ".join(r.get_text(" ").split()) for r in soup.find_all("tr") if "automutilation" in r.get_text()]
    assert rows and all("secret statistique (moins de 5)" in r for r in rows), rows
    yearly = Yearly(CALAIS, "2026-T3", data / "warehouse")
    (shown,) = [r for r in BeautifulSoup(yearly.actions().html, "html.parser").find_all("tr") if "Atelier" in r.get_text()]
    cells = [" ".join(c.get_text().split()) for c in shown.find_all(["th", "td"])]
    assert cells[1:-1] == ["37", "secret statistique (moins de 5)", "secret statistique (moins de 5)"]
    for brief in (evaluation, yearly):
        (script,) = BeautifulSoup(brief.close().html, "html.parser").find_all("script", id="qpv-programme")
        ours = {r["measure"]: r["value"] for r in json.loads(script.string) if r["document"] == "registre-2025"}
        assert ours == ({"beneficiaries": 37} if brief is yearly else {})
