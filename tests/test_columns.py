"""Columns that are new, missing, doubtful or named anew: what a reader says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from parcels import Read, archive, defm
from qpv.catalog import Catalog
from qpv.errors import CatalogError
from qpv.reference import Reference
from qpv.sources import READERS
from qpv.sources.base import Context
from qpv.sources.rawfile import list_files
from qpv.sources.recognition import recognise

DATA = Path(__file__).resolve().parent.parent / "data"
REVN = "insee_qpv2015/REVN_2022.csv"


# --- Columns -----------------------------------------------------------------------------------------


def messages(path: Path, catalog: Catalog, read: Read) -> list[str]:
    (found,), _ = recognise([path], catalog)
    return [f.message for f in read(found).findings]


def test_a_new_column_is_told_with_its_label_and_the_line_to_add(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    told = messages(defm(tmp_path, "CODGEO;ABC;ABC_G", "QN06254M;1025;12"), catalog, read)
    (new,) = [m for m in told if m.startswith("new: ")]
    assert "'ABC_G' («\u202fNombre de demandeurs d'emploi de catégorie G\u202f»)" in new
    assert "columns: [{source: insee_qpv2024_defm, column: ABC_G}]" in new


def test_a_renamed_column_is_told_as_doubtful_and_not_read(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = defm(tmp_path, "CODGEO;ABC;F_ABC", "QN06254M;1025;500")
    told = messages(path, catalog, read)
    (doubtful,) = [m for m in told if m.startswith("doubtful: ")]
    assert "column 'F_ABC' looks like 'ABC_F' of 'job_seekers_abc_women_count'" in doubtful
    assert "column: [ABC_F, F_ABC]" in doubtful
    (found,), _ = recognise([path], catalog)
    assert set(read(found).observations["indicator"]) == {"job_seekers_abc_count"}


def test_a_missing_column_is_told_with_the_indicator_and_the_line_to_add(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    told = messages(defm(tmp_path, "CODGEO;ABC", "QN06254M;1025"), catalog, read)
    assert any(m.startswith("missing: no column ABC_H (job_seekers_abc_men_count") and "lacks: [ABC_H]" in m for m in told)


def test_a_blank_says_why_in_the_words_of_the_producer(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = defm(tmp_path, "CODGEO;ABC;NOTE_PE", "QN06254M;;3", "QN06255M;1025;0")
    (found,), _ = recognise([path], catalog)
    rows = read(found).observations.set_index("territory")
    assert (rows.loc["QN06254M", "status"], rows.loc["QN06254M", "note"]) == ("secret", "Effectif inférieur au seuil")
    assert (rows.loc["QN06255M", "status"], rows.loc["QN06255M", "note"]) == ("observed", "")


def test_a_column_is_read_by_its_label_when_only_one_answers(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    meta = "COD_VAR;LIB_VAR;LIB_VAR_LONG\nTXR;Réussite;Taux de réussite au brevet (DNB) des élèves\n"
    path = archive(tmp_path / "DNB_2025_QP24.zip", {"dnb_QP.csv": "CODGEO;TXR\nQN06254M;71,5\n", "meta_dnb_QP.csv": meta})
    (found,), _ = recognise([path], catalog)
    delivery = read(found)
    (row,) = delivery.observations.to_dict("records")
    assert (row["indicator"], row["value"], row["period"]) == ("dnb_success_residents_pct", 71.5, "2025")
    assert any("is read as 'dnb_success_residents_pct' by its label" in f.message for f in delivery.findings)


LABELLED = {
    "EDUC_2024_2025_QP24": ("X;Part des élèves en retard en 6e", "X", "12,5", "late_pupils_6e_share_pct", "2024-2025"),
    "side_2023_QPV2024": ("X;Nombre d'établissements actifs au 31 décembre 2023", "X", "312", "establishments_count", "2023"),
    "side_2022_QPV2024": ("X;Nombre de créations d'établissements en 2022", "X", "41", "establishment_creations_count", "2022"),
}


@pytest.mark.parametrize("folder", LABELLED)
def test_the_bases_whose_headers_nobody_saw_are_read_by_label(tmp_path: Path, catalog: Catalog, read: Read, folder: str) -> None:
    """The inner names are of the form that the producer's other bases have; only labels are relied on."""
    meta, column, cell, indicator, period = LABELLED[folder]
    members = {"base_QP.csv": f"CODGEO;LIBGEO;{column}\nQN06254M;Beau Marais;{cell}\n",
               "meta_base_QP.csv": f"COD_VAR;LIB_VAR\n{meta}\n"}  # fmt: skip
    (found,), _ = recognise([archive(tmp_path / f"{folder}.zip", members)], catalog)
    (row,) = read(found).observations.to_dict("records")
    assert (row["indicator"], row["value"], row["period"]) == (indicator, float(cell.replace(",", ".")), period)
    (tmp_path / "silent").mkdir()
    silent = archive(tmp_path / "silent" / f"{folder}.zip", {"base_QP.csv": members["base_QP.csv"]})
    (found,), _ = recognise([silent], catalog)
    assert read(found).observations.empty, "without its label a column is not guessed"


def test_the_population_of_2020_has_the_columns_of_the_thematic_bases(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = tmp_path / "data_pop_QPV24.csv"
    path.write_text("CODGEO;LIBGEO;POP_MUN\nQN06254M;Beau Marais;6 490\n", "utf-8")
    (found,), _ = recognise([path], catalog)
    (row,) = read(found).observations.to_dict("records")
    assert (row["indicator"], row["value"], row["period"]) == ("population_count", 6490, "2020")


def test_no_column_is_read_when_two_labels_answer(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    meta = "COD_VAR;LIB_VAR\nA1;Taux de réussite au brevet des filles\nA2;Taux de réussite au brevet des garçons\n"
    path = archive(tmp_path / "DNB_2025_QP24.zip", {"dnb_QP.csv": "CODGEO;A1;A2\nQN06254M;71;60\n", "meta_dnb_QP.csv": meta})
    (found,), _ = recognise([path], catalog)
    delivery = read(found)
    assert delivery.observations.empty
    assert any(m.message.startswith("doubtful: columns A1, A2 all answer") for m in delivery.findings)


def test_two_alternatives_at_once_stop_the_build(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    header = "CODGEO;DISP_TP60_A21;DISP_TP6021"
    path = archive(tmp_path / "revenus_pauvrete_2021_qp24_csv.zip", {"i_QP.csv": f"{header}\nQN06254M;46,2;45\n"})
    (found,), _ = recognise([path], catalog)
    with pytest.raises(CatalogError, match="alternatives exclude each other"):
        read(found)


def test_a_dictionary_that_is_none_is_told_and_the_table_read(tmp_path: Path, catalog: Catalog, read: Read) -> None:
    path = defm(tmp_path, "CODGEO;ABC", "QN06254M;1025", meta="<html>\n")
    (found,), _ = recognise([path], catalog)
    delivery = read(found)
    assert delivery.observations["value"].tolist() == [1025]
    assert any("has no column COD_VAR" in f.message for f in delivery.findings)


def test_no_described_edition_has_a_new_or_missing_column(official: Path, catalog: Catalog, reference: Reference) -> None:
    paths = [p for p in list_files([official]) if "samples" not in p.parts and p.stat().st_size < 3_000_000]
    told = {}
    for found in recognise(paths, catalog)[0]:
        if found.source.reader in ("wide_table", "school_table"):
            delivery = READERS[found.source.reader](found.file, found.source, found.edition, Context(catalog, reference))
            told[found.edition.id] = [
                f.message for f in delivery.findings if f.message.startswith(("new", "missing", "doubtful"))
            ]
    assert len(told) >= 20
    assert {k: v for k, v in told.items() if v} == {}
