"""Rows of periods that came after an edition are not shown as of a day on which nobody had them."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from qpv.build import build
from qpv.catalog import Catalog
from qpv.dating import dated
from qpv.reference import Reference
from qpv.sources import READERS
from qpv.sources.base import Context
from qpv.sources.recognition import recognise
from qpv.warehouse import Warehouse
from things import DNB, lines

ROOT = Path(__file__).resolve().parent.parent


def results(session: int) -> list[dict[str, object]]:
    return [
        {"Session": session, "Numero d'etablissement": f"062{n:04}A", "Type d'etablissement": "COLLEGE", "Patronyme": str(n),
         "Commune": "62193", "Inscrits": 100, "Presents": 100, "Admis": 60}
        for n in range(4000)
    ]  # fmt: skip


def test_a_session_of_2025_in_a_file_that_the_catalogue_knows_to_2021_is_published_when_the_file_came(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    path = raw / "fr-en-dnb-par-etablissement.csv"
    path.write_text(lines(DNB, results(2020) + results(2021) + results(2025)), "utf-8")
    os.utime(path, (dt.datetime(2026, 3, 5).timestamp(),) * 2)
    report = build(ROOT / "data", [raw], tmp_path / "warehouse")
    warehouse = Warehouse(tmp_path / "warehouse")
    table = warehouse.observations("education").astype({"edition": str, "period": str})
    table = table[table["edition"].str.startswith("depp_dnb_etablissements")]
    assert table.groupby("edition")["period"].agg(lambda p: sorted(set(p))).to_dict() == {
        "depp_dnb_etablissements_2021": ["2020", "2021"], "depp_dnb_etablissements_2021_to_2025": ["2025"]
    }  # fmt: skip
    published = warehouse.editions.set_index("edition")["published"].astype(str).str[:10]
    assert published["depp_dnb_etablissements_2021"] == "2022-12-31"
    assert published["depp_dnb_etablissements_2021_to_2025"] == "2026-03-05"
    assert warehouse.catalog.editions["depp_dnb_etablissements_2021_to_2025"][1].published_precision == "assumed"
    assert any("its rows of 2025 are later than edition depp_dnb_etablissements_2021" in f.message for f in report.findings)


@pytest.mark.parametrize("name", ["education/ips-colleges-ap2022.csv", "education/ivac-colleges.csv"])
def test_an_official_file_is_wholly_of_its_edition(official: Path, catalog: Catalog, reference: Reference, name: str) -> None:
    (found,), _ = recognise([official / name], catalog)
    delivery = READERS[found.source.reader or ""](found.file, found.source, found.edition, Context(catalog, reference))
    ((_, same),), findings = dated([(found, delivery)])
    assert same is delivery
    assert findings == []
    older = found.edition.model_copy(update={"periods": {"main": "2021"}, "published": dt.date(2022, 1, 1)})
    (_, (later, rest)), (finding,) = dated([(type(found)(found.source, older, found.file), delivery)])
    assert later.edition.published >= dt.date(2023, 1, 1)
    assert set(rest.observations["edition"]) == {later.edition.id}
    assert finding.severity == "warning"
