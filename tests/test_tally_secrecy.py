"""What is counted here tells no more than what is read: totals, shares and complements of things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qpv.build import build
from qpv.catalog import Catalog
from qpv.reference import Reference
from qpv.vocabulary import PRESENT
from qpv.warehouse import Warehouse
from things import BEAU_MARAIS, CALAIS_EPCI, DNB, RPLS, count, dwelling, lines, read, unbounded, value

COUNT, SHARE = "social_dwellings_count", "social_dwellings_fg_share_pct"
SHOWN = [s.value for s in PRESENT]
ROOT = Path(__file__).resolve().parent.parent
#: Two EPCI of Pas-de-Calais, and one that reaches into Somme.
EPCIS = [CALAIS_EPCI, "200072460", "246200364"]
Table = Callable[[dict[str, tuple[int, int]]], pd.DataFrame]


@pytest.fixture
def dwellings(tmp_path: Path, catalog: Catalog, reference: Reference) -> Table:
    """Give what counts dwellings: commune -> (poorly labelled, others)."""
    free = unbounded(catalog)

    def make(communes: dict[str, tuple[int, int]]) -> pd.DataFrame:
        rows = [d for c, (bad, good) in communes.items() for d in [dwelling("", c, "F")] * bad + [dwelling("", c, "A")] * good]
        path = tmp_path / "rpls-2025-01.csv"
        path.write_text(lines(RPLS, rows), "utf-8")
        return count(read(path, free, reference), free, reference)

    return make


def communes_of(reference: Reference, epci: str) -> list[str]:
    return sorted(c for c, of in reference.epci_of_commune.items() if of == epci)


def determined(table: pd.DataFrame, reference: Reference, numerators: bool = False) -> list[str]:
    """List the communes whose withheld count (or whose withheld share) follows from all that is shown, solved at once."""
    rows = table[table["status"].isin(SHOWN)]
    counts = rows[rows["indicator"] == COUNT].set_index(["level", "territory"])["value"]
    shown = counts
    if numerators:
        shares = rows[rows["indicator"] == SHARE].set_index(["level", "territory"])["value"]
        shown = (shares * counts.reindex(shares.index)).dropna()
    hidden = table[
        (table["status"] == "secret") & (table["level"] == "commune") & (table["indicator"] == (SHARE if numerators else COUNT))
    ]
    unknown = sorted(hidden["territory"])
    at = {c: n for n, c in enumerate(unknown)}
    of = {"epci": reference.epci_of_commune.get, "departement": lambda c: c[:2], "region": lambda c: "32"}
    equations = []
    for level, code in shown.index:
        if level in of:
            row = np.zeros(len(unknown))
            row[[at[c] for c in unknown if of[level](c) == code]] = 1
            equations.append(row)
    if not unknown or not equations:
        return []
    _, strength, directions = np.linalg.svd(np.array(equations))
    free = directions[int((strength > 1e-9).sum()) :]
    moves = np.abs(free).max(axis=0) if len(free) else np.zeros(len(unknown))
    return [c for c in unknown if moves[at[c]] < 1e-9]


def test_a_small_commune_takes_the_total_of_its_epci_with_it(dwellings: Table, reference: Reference) -> None:
    """Three dwellings in one commune of Calais, 20 and more in each other: the sum of the EPCI would tell the three."""
    first, *others = communes_of(reference, CALAIS_EPCI)
    lens = communes_of(reference, "200072460") + communes_of(reference, "246200364")
    table = dwellings({first: (0, 3)} | dict.fromkeys(others, (0, 20)) | dict.fromkeys(lens, (0, 50)))
    assert value(table, first, COUNT)["status"] == "secret"
    epci = value(table, CALAIS_EPCI, COUNT)
    assert (epci["status"], pd.isna(epci["value"])) == ("secret", True)
    assert epci["note"] == value(table, first, COUNT)["note"], "the note does not tell which of the two is small"
    assert value(table, "62", COUNT)["status"] == "secret", "the département with its other EPCI would tell as well"
    assert value(table, others[0], COUNT)["value"] == 20
    assert value(table, "200072460", COUNT)["status"] == "observed"


def test_two_small_communes_hide_each_other_unless_both_are_one(dwellings: Table, reference: Reference) -> None:
    first, second, *others = communes_of(reference, CALAIS_EPCI)
    rest = dict.fromkeys(others, (0, 20))
    assert value(dwellings({first: (0, 3), second: (0, 4)} | rest), CALAIS_EPCI, COUNT)["status"] == "observed"
    assert value(dwellings({first: (0, 1), second: (0, 1)} | rest), CALAIS_EPCI, COUNT)["status"] == "secret"


def test_the_epci_of_a_departement_tell_together_what_no_sum_of_communes_tells(dwellings: Table, reference: Reference) -> None:
    """Two small communes hide each other in Lens; the one of Calais would be the rest of the département without them."""
    calais, lens = communes_of(reference, CALAIS_EPCI), communes_of(reference, "200072460")
    table = dwellings(dict.fromkeys(calais[1:] + lens[2:], (0, 20)) | {calais[0]: (0, 3), lens[0]: (0, 4), lens[1]: (0, 5)})
    assert value(table, "200072460", COUNT)["status"] == "observed"
    assert value(table, "62", COUNT)["status"] == "secret"
    assert determined(table, reference) == []


def test_the_share_of_a_total_does_not_tell_the_share_of_its_one_small_part(dwellings: Table, reference: Reference) -> None:
    """97 of 100 dwellings with a bad label: three have a good one, and the EPCI less the others would say so."""
    first, *others = communes_of(reference, CALAIS_EPCI)
    table = dwellings({first: (97, 3)} | dict.fromkeys(others, (20, 30)))
    assert value(table, first, COUNT)["value"] == 100
    assert value(table, first, SHARE)["status"] == "secret"
    assert value(table, CALAIS_EPCI, SHARE)["status"] == "secret"
    assert value(table, others[0], SHARE)["value"] == 40
    assert determined(table, reference, numerators=True) == []


def test_a_school_is_not_what_its_commune_has_more_than_the_others(
    tmp_path: Path, catalog: Catalog, reference: Reference
) -> None:
    free, path = unbounded(catalog), tmp_path / "fr-en-dnb-par-etablissement.csv"
    rows = [
        {"Session": 2021, "Numero d'etablissement": f"062{n:04}A", "Type d'etablissement": "COLLEGE", "Patronyme": str(n),
         "Commune": "62193", "Inscrits": present, "Presents": present, "Admis": admitted}
        for n, (present, admitted) in enumerate([(80, 60), (90, 70), (9, 8)])
    ]  # fmt: skip
    path.write_text(lines(DNB, rows), "utf-8")
    table = count(read(path, free, reference), free, reference)
    for indicator in ("dnb_candidates_all_series_count", "dnb_success_all_series_pct"):
        assert value(table, "0620002A", indicator)["status"] == "secret"
        assert value(table, "62193", indicator)["status"] == "secret"
        assert value(table, "0620001A", indicator)["status"] == "observed"


sizes = st.one_of(st.just(0), st.integers(0, 12), st.integers(11, 40))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_count_and_no_share_of_things_can_be_computed_back(
    dwellings: Table, reference: Reference, data: st.DataObject
) -> None:
    wanted = [*EPCIS, next(e for e in sorted(set(reference.epci_of_commune.values()))
                           if {c[:2] for c in communes_of(reference, e)} == {"62", "80"})]  # fmt: skip
    communes = [c for e in wanted for c in (communes_of(reference, e)[:3] + communes_of(reference, e)[-2:])]
    table = dwellings({communes[0]: (12, 12)} | {c: (data.draw(sizes), data.draw(sizes)) for c in dict.fromkeys(communes)})
    rows = table[table["status"].isin(SHOWN) & (table["indicator"] == COUNT)]
    assert not ((rows["value"] > 0) & (rows["value"] < 11)).any()
    assert determined(table, reference) == []
    assert determined(table, reference, numerators=True) == []


def test_a_build_protects_what_it_counts(tmp_path: Path, reference: Reference) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    first, *others = communes_of(reference, CALAIS_EPCI)
    rows = [dwelling("", first)] * 3 + [d for c in others for d in [dwelling("", c)] * 80] + [dwelling(BEAU_MARAIS)] * 200
    (raw / "rpls-2025-01.csv").write_text(lines(RPLS, rows), "utf-8")
    build(ROOT / "data", [raw], tmp_path / "warehouse")
    table = Warehouse(tmp_path / "warehouse").observations("housing")
    table = table[(table["indicator"] == COUNT) & table["edition"].str.startswith("sdes_rpls_dwellings")]
    status = table.set_index(table["territory"].astype(str))["status"].astype(str)
    assert status[[first, CALAIS_EPCI, others[0]]].tolist() == ["secret", "secret", "observed"]
