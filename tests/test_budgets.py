"""Hard cases keep to the bounds: the heaviest pages of France, and how soon each kind of page can be used."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from pages import EVERY, QUARTER, Gallery, Run
from qpv import batch
from qpv.brief.schools import NEAREST
from visits import Visit, busy

#: The QPV of the métropole du Grand Paris share it with 171 others; this one lies in Paris, known by its arrondissements.
PARIS, GRAND_PARIS, MARSEILLE = "QN07510M", "200054781", "200054807"


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory, full_folder: Path) -> Run:
    """The pages that weigh most of a sample of Paris, Marseille, Lyon, Seine-Saint-Denis and overseas."""

    def make(outputs: Path) -> Run:
        kinds = ["revenue", "education", "portrait"]
        tasks = [*batch.plan([PARIS], kinds, QUARTER, pages.NOTEBOOKS, full_folder, outputs),
                 *batch.plan([], ["agglomeration"], QUARTER, pages.NOTEBOOKS, full_folder, outputs, [GRAND_PARIS, MARSEILLE])]  # fmt: skip
        records = batch.run(tasks, jobs=2)
        assert [r.error for r in records if r.error] == []
        return Run(outputs / str(QUARTER), full_folder, records)

    return pages._once(tmp_path_factory, "run-hard", make)


def page_of(run: Run, name: str) -> Path:
    return run.folder / f"{name}.html"


@pytest.mark.parametrize("kind", ["revenue", "education", "portrait"])
def test_brief_among_the_172_qpv_of_grand_paris_keeps_to_its_weight(hard: Run, kind: str) -> None:
    assert 100_000 < page_of(hard, f"{PARIS}/{kind}").stat().st_size <= pages.BUDGETS[kind].bytes


@pytest.mark.parametrize(("epci", "count"), [(MARSEILLE, 66), (GRAND_PARIS, 172)])
def test_agglomeration_weighs_at_most_600_kb_and_22_kb_a_qpv(hard: Run, epci: str, count: int) -> None:
    """Each QPV brings some 49 figures, each of them whole in ``qpv-figures``, which alone take 12 kB; files to keep, 2 kB, and the drawings for phones as much."""
    assert page_of(hard, f"{epci}/agglomeration").stat().st_size <= 600_000 + 22_000 * count


def test_brief_of_paris_shows_the_nearest_colleges_paris_first_and_counts_the_others(hard: Run) -> None:
    soup = BeautifulSoup(page_of(hard, f"{PARIS}/education").read_text("utf-8"), "html.parser")
    (table,) = [t for t in soup.find_all("table") if "position sociale et valeur ajoutée" in t.caption.get_text()]
    where = [r.find_all("td")[0].get_text() for r in table.tbody.find_all("tr")]
    assert where == ["Paris (commune du quartier)"] * NEAREST
    assert "565 autres collèges de l’agglomération ne sont pas montrés" in pages.visible(soup)
    codes = {f["territory"] for f in pages.figures(soup) if f["level"] == "school"}
    assert 0 < len(codes) <= NEAREST


# --- time to interactive -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_page_is_ready_within_two_seconds_on_a_processor_four_times_slower(visit: Visit, gallery: Gallery, name: str) -> None:
    assert 0.02 < busy(visit, gallery.path(name)) <= 2


@pytest.mark.parametrize(
    "name", [f"{PARIS}/education", f"{PARIS}/portrait", f"{MARSEILLE}/agglomeration", f"{GRAND_PARIS}/agglomeration"]
)
def test_heavy_page_is_ready_within_two_seconds_too(visit: Visit, hard: Run, name: str) -> None:
    assert 0.02 < busy(visit, page_of(hard, name)) <= 2
