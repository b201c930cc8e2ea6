"""An indicator is a YAML entry and no code; a source is a YAML entry and at most one module."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import qpv.sources
from qpv.build import build
from qpv.sources import READERS
from qpv.warehouse import Warehouse

DATA = Path(__file__).resolve().parent.parent / "data"

INDICATOR = """
- id: blood_donors_count
  theme: health
  label: Nombre de donneurs de sang
  short: Donneurs de sang
  definition: Personnes ayant donné leur sang au moins une fois dans l’année.
  universe: Habitants de 18 à 70 ans
  comparability: À rapporter à la population avant de comparer.
  unit: count
  aggregation: sum
  columns:
    - {source: %s, column: DONNEURS}
"""

SOURCE = """
- id: blood_service
  producer: Service du sang
  dataset: Donneurs par quartier
  landing_page: https://example.org/donneurs
  licence: Licence Ouverte 2.0
  tier: read
  reader: %s
  level: qpv
  generation: "2024"
  table: {key: [CODE]}
  editions:
    - {id: blood_service_2025, files: 'donneurs_2025\\.(csv|tally)', published: 2026-01-31, periods: {main: "2025"}, rows: [1, 9]}
"""

MODULE = '''
"""Tallies of blood donors: a code and a number on each line."""

import pandas as pd

from qpv.sources.base import Delivery, reader


@reader("blood_tally")
def read_blood_tally(raw, source, edition, context):
    """Read one line a QPV."""
    (indicator, column), = context.catalog.columns_of(source.id)
    rows = [line.split() for line in raw.read_bytes().decode().splitlines()]
    return Delivery(pd.DataFrame([
        {"territory": code, "level": "qpv", "generation": "2024", "indicator": indicator.id, "period": "2025",
         "value": float(number), "status": "observed", "qualifier": "", "edition": edition.id, "file": raw.name,
         "row": line, "column": "", "note": ""}
        for line, (code, number) in enumerate(rows, start=1)
    ]))
'''


@pytest.fixture
def data(tmp_path: Path) -> Path:
    shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("raw", "warehouse"))
    (tmp_path / "raw").mkdir()
    return tmp_path / "data"


def add(data: Path, source: str | None, indicator: str) -> None:
    if source:
        with (data / "catalog/sources.yml").open("a", encoding="utf-8") as stream:
            stream.write(source)
    with (data / "catalog/indicators/health.yml").open("a", encoding="utf-8") as stream:
        stream.write(indicator)


def figures(data: Path, tmp_path: Path) -> list[tuple[str, str, float]]:
    build(data, [tmp_path / "raw"], tmp_path / "warehouse")
    rows = Warehouse(tmp_path / "warehouse").observations("health")
    rows = rows[rows["indicator"] == "blood_donors_count"]
    return list(rows[["territory", "period", "value"]].itertuples(index=False, name=None))


def test_an_indicator_of_a_known_source_is_a_yaml_entry_and_no_code(data: Path, tmp_path: Path) -> None:
    add(data, None, INDICATOR % "insee_qpv2015_revn, block: cnam")
    text = "CODGEO;TP60;DONNEURS\nQP062056;46;31\n" + "".join(f"QP062{n:03};40;1\n" for n in range(100, 999))
    rows = text + "".join(f"QP059{n:03};40;1\n" for n in range(100, 560))
    (tmp_path / "raw/REVN_2022.csv").write_text(rows)
    assert ("QP062056", "2021", 31.0) in figures(data, tmp_path)


def test_a_source_that_is_a_table_is_a_yaml_entry_and_no_code(data: Path, tmp_path: Path) -> None:
    add(data, SOURCE % "wide_table", INDICATOR % "blood_service")
    (tmp_path / "raw/donneurs_2025.csv").write_text("CODE;DONNEURS\nQN06254M;31\n")
    assert figures(data, tmp_path) == [("QN06254M", "2025", 31.0)]


def test_a_source_of_a_new_kind_is_one_module_and_a_yaml_entry(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/blood.py").write_text(MODULE)
    monkeypatch.setattr(qpv.sources, "__path__", [*qpv.sources.__path__, str(tmp_path / "modules")])
    add(data, SOURCE % "blood_tally", INDICATOR % "blood_service")
    (tmp_path / "raw/donneurs_2025.tally").write_text("QN06254M 31\nQN06255M 12\n")
    try:
        qpv.sources.discover()
        assert figures(data, tmp_path) == [("QN06254M", "2025", 31.0), ("QN06255M", "2025", 12.0)]
    finally:
        READERS.pop("blood_tally", None)
