"""Files that grow: one more session, the next census, a base cut short, an edition that names one thing twice."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from qpv.build import build
from qpv.catalog import Catalog
from qpv.expectations import expect
from qpv.reference import Reference
from qpv.sources import READERS
from qpv.sources.base import Context
from qpv.sources.recognition import recognise
from qpv.warehouse import Warehouse

ROOT = Path(__file__).resolve().parent.parent


def test_one_more_session_of_the_college_results_is_read_and_dated_by_its_file(official: Path, tmp_path: Path) -> None:
    head, *rows = (official / "education/ivac-colleges.csv").read_text("utf-8-sig").splitlines()
    last = [re.sub(r"^([^;]*;)2024;", r"\g<1>2025;", row) for row in rows if row.split(";")[1] == "2024"]
    assert len(rows) + len(last) > 26_000, "more than the edition of 2024 could have had"
    raw = tmp_path / "raw"
    raw.mkdir()
    name = "fr-en-indicateurs-valeur-ajoutee-colleges.csv"
    (raw / name).write_text("\n".join([head, *rows, *last]) + "\n", "utf-8")
    report = build(ROOT / "data", [raw], tmp_path / "warehouse")
    table = Warehouse(tmp_path / "warehouse").observations("education").astype({"edition": str, "period": str})
    table = table[table["edition"].str.startswith("depp_ivac")]
    assert set(table.loc[table["edition"] == "depp_ivac_colleges_2024", "period"]) == {"2022", "2023", "2024"}
    assert set(table.loc[table["edition"] == "depp_ivac_colleges_2024_to_2025", "period"]) == {"2025"}
    assert sum("its rows of 2025 are later" in f.message for f in report.findings) == 1


def test_the_next_census_needs_no_new_columns_but_an_edition_with_its_periods(
    official: Path, tmp_path: Path, catalog: Catalog, reference: Reference
) -> None:
    with zipfile.ZipFile(official / "iris_commune/base_cc_comparateur_csv.zip") as archive:
        member = next(n for n in archive.namelist() if not n.lower().startswith("meta"))
        header, rest = archive.read(member).decode("utf-8-sig").split("\n", 1)
    shifted = re.sub(r"(?<=P)1[38](?=_)|(?<=[A-Z0])(1[89]|20)(?=;|\r|$)", lambda year: str(int(year[0]) + 3), header)
    assert "P21_POP" in shifted
    assert "MED22" in shifted
    path = tmp_path / "base_cc_comparateur_csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, f"{shifted}\n{rest}")
    (found,), _ = recognise([path], catalog)
    periods = {"filo": "2022", "rp": "2021", "rp_2013": "2016", "etab": "2021-12", "vital": "2023"}
    edition = found.edition.model_copy(update={"id": "insee_comparateur_2025", "periods": periods})
    delivery = READERS["wide_table"](found.file, found.source, edition, Context(catalog, reference))
    assert [f.message for f in delivery.findings] == []
    calais = delivery.observations[delivery.observations["territory"] == "62193"].set_index(["indicator", "period"])
    assert calais.loc[("population_count", "2021"), "column"] == "P21_POP"
    assert calais.loc[("median_disposable_income_eur", "2022"), "column"] == "MED22"


def test_an_edition_that_names_one_thing_twice_is_set_aside_and_the_rest_is_built(tmp_path: Path, catalog: Catalog) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    with zipfile.ZipFile(raw / "revenus_pauvrete_2022_qp24_csv.zip", "w") as archive:
        archive.writestr("indic-revenu-disponible-qp24-2022_QP.csv", "CODGEO;DISP_TP60_A22;DISP_TP6022\nQN06254M;46,2;46,2\n")
    report = build(ROOT / "data", [raw], tmp_path / "warehouse")
    (finding,) = [f for f in report.findings if "set aside" in f.message]
    assert "alternatives exclude each other" in finding.message


def test_a_base_that_nobody_described_and_that_was_cut_short_is_told(
    official: Path, tmp_path: Path, catalog: Catalog, reference: Reference
) -> None:
    whole = (official / "insee_qpv2015/REVN_2022.csv").read_bytes()
    for count, told in ((39, 1), (len(whole.splitlines()) - 1, 0)):
        path = tmp_path / "REVN_2031.csv"
        path.write_bytes(b"\n".join(whole.splitlines()[: count + 1]) + b"\n\n")
        (found,), _ = recognise([path], catalog)
        delivery = READERS["wide_table"](found.file, found.source, found.edition, Context(catalog, reference))
        _, findings = expect(delivery.observations, found.source, found.edition, catalog)
        few = [f.message for f in findings if "cut short or an extract" in f.message]
        assert len(few) == told, few
        if told:
            assert few[0].startswith("39 territories of level 'qpv', where a base of this level holds 1,200 or more")
