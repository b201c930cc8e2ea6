"""The embedded default: every transcribed figure has its document and line, and is printed there."""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT, SHARED, _need
from qpv.catalog import Catalog
from qpv.contracts import COLUMNS, REGISTERS, Contracts, load_contracts, match_schools
from qpv.errors import CatalogError
from qpv.reference import Reference, fold
from qpv.vocabulary import BRIEF_THEMES

DATA = ROOT / "data" / "contracts"
LENS_LIEVIN, CALAIS = "246200364", "200090751"
Load = Callable[[], Contracts]


@pytest.fixture
def copied(tmp_path: Path, catalog: Catalog, reference: Reference) -> tuple[Path, Load]:
    """A copy of the contracts to damage, and how to load it."""
    folder = tmp_path / "contracts"
    shutil.copytree(DATA, folder)
    return folder, lambda: load_contracts(folder, catalog, reference)


def figure_files(folder: Path) -> list[Path]:
    """The tables of figures; the registers that stand beside them have columns of their own."""
    return sorted(f for f in folder.glob("[0-9]*/*.csv") if f.name not in REGISTERS)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def write(file: Path, rows: list[dict[str, str]], separator: str = ",", encoding: str = "utf-8", end: str = "\n") -> None:
    with file.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=separator, lineterminator=end)
        writer.writeheader()
        writer.writerows(rows)


def pick(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


# --- What the documents say ------------------------------------------------------------------


def test_at_least_900_figures_are_embedded_each_with_its_document_and_line(contracts: Contracts) -> None:
    table = contracts.observations
    assert len(table) >= 900
    assert set(table["edition"]) == set(contracts.documents)
    assert (table["row"] >= 1).all()
    assert (table["status"] == "transcribed").all()
    assert table["value"].notna().all()


def test_no_row_is_lost_between_the_files_and_the_table(contracts: Contracts) -> None:
    rows = [r for f in figure_files(DATA) for r in rows_of(f)]
    key = ["edition", "row", "indicator", "territory"]
    assert Counter((r["document"], int(r["line"]), r["indicator"], r["territory"]) for r in rows) == Counter(
        contracts.observations[key].itertuples(index=False, name=None)
    )


@pytest.mark.parametrize(("generation", "period", "people"), [("2024", "2024", 55_000), ("2015", "2014", 47_800)])
def test_the_19_qpv_of_lens_lievin_add_up_to_the_printed_population(
    contracts: Contracts, generation: str, period: str, people: int
) -> None:
    qpv = pick(contracts.observations, indicator="population_count", level="qpv", edition="lens-lievin-2024")
    qpv = pick(qpv, generation=generation, period=period)
    assert qpv["territory"].nunique() == len(qpv) == 19
    assert qpv["value"].sum() == people
    total = pick(
        contracts.observations, indicator="population_count", level="qpv_of_epci", period=period, edition="lens-lievin-2024"
    )
    assert total["value"].tolist() == [people]


def test_fort_nieulay_keeps_its_undated_43_percent_beside_the_46_percent_of_2019(contracts: Contracts) -> None:
    poverty = pick(contracts.observations, indicator="poverty_rate_pct", territory="QP062055")
    assert {("undated", 43.0, 1754), ("2019", 46.0, 1813)} <= set(
        poverty[["period", "value", "row"]].itertuples(index=False, name=None)
    )


def test_college_gagarine_has_an_ips_of_76_1_and_a_value_added_of_15(contracts: Contracts) -> None:
    school = pick(contracts.observations, territory="school:62587:youri-gagarine").set_index("indicator")
    assert school.loc["ips_college_index", ["value", "period"]].tolist() == [76.1, "2022-2023"]
    assert school.loc["dnb_success_value_added_points", ["value", "period"]].tolist() == [15.0, "2022"]
    place = pick(contracts.places, code="school:62587:youri-gagarine").iloc[0]
    henin_carvin = "246200299"  # the college lies beyond the border of the contract that cites it
    assert (place["communes"], place["epci"], place["departement"]) == ("62587", henin_carvin, "62")


def test_beau_marais_went_from_1273_to_1308_rsa_recipients(contracts: Contracts) -> None:
    rsa = pick(contracts.observations, indicator="rsa_recipients_count", territory="QP062056").set_index("period")["value"]
    assert rsa["2015"] == 1273
    assert rsa["2021"] == 1308


def test_notes_are_short(contracts: Contracts) -> None:
    assert contracts.observations["note"].str.len().max() < 200


def test_no_sentence_of_the_documents_is_copied(contracts: Contracts, seeds: Path) -> None:
    printed = " | ".join(fold((seeds / d.text).read_text("utf-8")) for d in contracts.documents.values())
    notes = {r.get("note") or r.get("reason") or "" for f in DATA.glob("*/*.csv") for r in rows_of(f)}
    words = [fold(note).split() for note in notes]
    runs = {" ".join(w[i : i + 10]) for w in words for i in range(len(w) - 9)}
    assert len(runs) > 100
    assert [run for run in runs if f" {run} " in printed] == []


@pytest.mark.parametrize("epci", [LENS_LIEVIN, CALAIS])
@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_both_pilot_territories_have_figures_for_each_brief(epci: str, theme: str) -> None:
    assert len(rows_of(DATA / epci / f"{theme}.csv")) > 0


def test_one_place_has_one_name(contracts: Contracts) -> None:
    names: dict[str, set[tuple[str, ...]]] = {}
    for file in (DATA / "places").glob("*.csv"):
        for row in rows_of(file):
            names.setdefault(row["code"], set()).add((row["level"], row["name"], row["commune"], row["kind"]))
    assert {code: sorted(n) for code, n in names.items() if len(n) > 1} == {}
    assert set(contracts.places["code"]) == set(names)


def test_one_place_has_one_value_for_a_line_of_a_document(contracts: Contracts) -> None:
    key = ["edition", "row", "territory", "level", "generation", "indicator", "period", "qualifier"]
    twins = contracts.observations[contracts.observations.duplicated([*key, "value"], keep=False)]
    assert twins[key].to_numpy().tolist() == []


def test_a_school_is_matched_with_the_official_one_of_the_same_commune_and_kind(contracts: Contracts) -> None:
    official = pd.DataFrame(
        [
            ("0622096G", "College Youri Gagarine", "62587", "college"),
            ("0620000A", "Ecole Youri Gagarine", "62587", "ecole"),
            ("0590000B", "College Youri Gagarine", "59350", "college"),
        ],
        columns=["code", "name", "communes", "kind"],
    )
    places = contracts.places[contracts.places["code"] == "school:62587:youri-gagarine"]
    assert match_schools(places, official) == {"school:62587:youri-gagarine": "0622096G"}
    twice = pd.concat([official, official.assign(code="0629999Z")])
    assert match_schools(places, twice) == {}, "two official schools of one name: none may be chosen"


# --- What analysts do to the files -----------------------------------------------------------


def test_a_file_saved_from_a_french_spreadsheet_reads_the_same(copied: tuple[Path, Load], contracts: Contracts) -> None:
    folder, load = copied
    for file in figure_files(folder):
        rows = [{**r, "value": r["value"].replace(".", ",")} for r in rows_of(file)]
        write(file, rows, separator=";", encoding="utf-8-sig", end="\r\n")
    assert any("," in r["value"] for r in rows_of_semicolon(folder / LENS_LIEVIN / "education.csv"))
    pd.testing.assert_frame_equal(load().observations, contracts.observations)


def rows_of_semicolon(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


def test_empty_rows_and_columns_of_a_spreadsheet_are_left_out(copied: tuple[Path, Load], contracts: Contracts) -> None:
    folder, load = copied
    file = folder / CALAIS / "revenue.csv"
    blank = dict.fromkeys(COLUMNS, "")
    write(file, [{**r, "": "", " ": ""} for r in [*rows_of(file), blank, blank]])
    assert len(load().observations) == len(contracts.observations)


@pytest.mark.parametrize(
    ("where", "extra", "said"),
    [("200090751/revenue.csv", {"nom de l’habitant": "x"}, "revenue.csv, line 1: 'nom de l’habitant': a column of names of persons is refused"),
     ("200090751/revenue.csv", {"Date de naissance": "x"}, "line 1: 'Date de naissance': a column of dates of birth is refused"),
     ("places/education.csv", {"adresse": "x"}, "education.csv, line 1: 'adresse': a column of addresses of persons is refused"),
     ("200090751/revenue.csv", {"note": "signalé par Mme Durand"}, "revenue.csv, line 2, note: a person's name: no file of a contract")],
)  # fmt: skip
def test_figures_and_places_hold_nothing_on_persons(
    copied: tuple[Path, Load], where: str, extra: dict[str, str], said: str
) -> None:
    folder, load = copied
    rows = rows_of(folder / where)
    rows[0] |= extra
    write(folder / where, [dict.fromkeys(extra, "") | r for r in rows])
    with pytest.raises(CatalogError) as error:
        load()
    assert said in str(error.value)


FAULTS = [
    ("document", "calais-2023", "'calais-2023'"),
    ("document", "", "''"),
    ("line", "", "line number"),
    ("line", "L320", "'L320'"),
    ("indicator", "rsa_count", "'rsa_count'"),
    ("unit", "pct", "'count'"),
    ("level", "quartier", "'quartier'"),
    ("generation", "2014", "'2014'"),
    ("period", "en 2015", "'en 2015'"),
    ("period", "", "period ''"),
    ("qualifier", "plus de", "'plus de'"),
    ("territory", "QP62056", "'QP62056'"),
    ("territory", "QN06254M", "'QN06254M'"),
    ("territory", "", "territory ''"),
    ("value", "", "value ''"),
    ("value", "1273 ménages", "'1273 ménages'"),
    ("value", "s", "value 's'"),
]


@pytest.mark.parametrize(("column", "text", "shown"), FAULTS, ids=[f"{c}={t or 'blank'}" for c, t, _ in FAULTS])
def test_a_fault_is_named_with_its_file_line_and_value(copied: tuple[Path, Load], column: str, text: str, shown: str) -> None:
    folder, load = copied
    file = folder / CALAIS / "revenue.csv"
    rows = rows_of(file)
    assert rows[0]["territory"] == "QP062056"
    rows[0][column] = text
    write(file, rows)
    with pytest.raises(CatalogError) as error:
        load()
    assert str(error.value).startswith("200090751/revenue.csv, line 2: ")
    assert shown in str(error.value)
    assert "\n" not in str(error.value)


def test_all_faults_of_all_files_are_reported_at_once(copied: tuple[Path, Load]) -> None:
    folder, load = copied
    for name, line in (("revenue", 0), ("health", 3), ("housing", 10)):
        rows = rows_of(folder / CALAIS / f"{name}.csv")
        rows[line]["value"] = "beaucoup"
        write(folder / CALAIS / f"{name}.csv", rows)
    with pytest.raises(CatalogError) as error:
        load()
    lines = str(error.value).split("\n")
    assert [line.partition(": ")[0] for line in lines] == [
        "200090751/health.csv, line 5",
        "200090751/housing.csv, line 12",
        "200090751/revenue.csv, line 2",
    ]


def test_a_place_that_no_file_declares_is_a_fault(copied: tuple[Path, Load]) -> None:
    folder, load = copied
    file = folder / LENS_LIEVIN / "education.csv"
    write(file, [{**r, "territory": r["territory"].replace("youri-gagarine", "gagarine")} for r in rows_of(file)])
    with pytest.raises(CatalogError, match="'school:62587:gagarine' is in no file of places/"):
        load()


def test_a_row_with_more_cells_than_the_header_is_a_fault(copied: tuple[Path, Load]) -> None:
    folder, load = copied
    file = folder / CALAIS / "revenue.csv"
    lines = file.read_text("utf-8").splitlines()
    lines[1] = lines[1].replace('"CAF.data, 2015 et 2021"', "CAF.data, 2015 et 2021")
    file.write_text("\n".join(lines), "utf-8")
    with pytest.raises(CatalogError, match=r"revenue\.csv, line 2"):
        load()


def test_a_lacking_column_is_named(copied: tuple[Path, Load]) -> None:
    folder, load = copied
    file = folder / CALAIS / "revenue.csv"
    write(file, [{k: v for k, v in r.items() if k != "unit"} for r in rows_of(file)])
    with pytest.raises(CatalogError, match=r"revenue\.csv, line 1: missing columns unit"):
        load()


def test_a_file_saved_in_windows_encoding_is_refused_by_name(copied: tuple[Path, Load]) -> None:
    folder, load = copied
    file = folder / CALAIS / "education.csv"
    file.write_bytes(file.read_text("utf-8").replace("’", "'").replace("œ", "oe").encode("cp1252", "replace"))
    with pytest.raises(CatalogError, match=r"education\.csv.*UTF-8"):
        load()


def test_a_place_with_an_unknown_commune_is_a_fault(copied: tuple[Path, Load]) -> None:
    folder, load = copied
    file = folder / "places" / "education.csv"
    write(file, [{**r, "commune": r["commune"].replace("62587", "62999")} for r in rows_of(file)])
    with pytest.raises(CatalogError, match=r"places/education\.csv, line \d+.*62999"):
        load()


# --- Against the documents themselves --------------------------------------------------------

GROUPED = re.compile(r"\d{1,3}(?:[ .]\d{3})+(?:,\d+)?")
PLAIN = re.compile(r"\d+(?:[.,]\d+)?")
WORDS = {
    "un": 1, "une": 1, "première": 1, "deux": 2, "trois": 3, "troisième": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7,
    "huit": 8, "neuf": 9, "dix": 10, "onze": 11, "douze": 12, "quinze": 15, "vingt": 20, "quart": 25, "moitié": 50,
    "cinquantaine": 50, "double": 2,
}  # fmt: skip


def numbers_in(text: str) -> set[float]:
    text = re.sub("[\u00a0\u2007\u2009\u202f]", " ", text)
    found = {float(m.replace(" ", "").replace(".", "").replace(",", ".")) for m in GROUPED.findall(text)}
    found |= {float(m.replace(",", ".")) for m in PLAIN.findall(text)}
    return found | {float(WORDS[w]) for w in re.findall(r"\w+", text.casefold()) if w in WORDS}


def test_each_figure_is_printed_on_the_line_that_it_cites(contracts: Contracts, seeds: Path) -> None:
    lines = {d.id: (seeds / d.text).read_text("utf-8").split("\n") for d in contracts.documents.values()}
    table = contracts.observations
    on_line, near, nowhere = 0, 0, []
    for o in table.itertuples():
        text = lines[o.edition]
        if abs(o.value) in numbers_in(text[o.row - 1]):
            on_line += 1
        elif abs(o.value) in numbers_in("\n".join(text[max(0, o.row - 3) : o.row + 2])):
            near += 1
        else:
            nowhere.append(f"{o.edition} line {o.row}: {o.indicator} {o.value:g}")
    assert nowhere == []
    assert on_line / len(table) >= 0.99, f"{near} figures stand only near their line"


def test_every_figure_handed_over_is_kept_or_excluded_with_a_reason() -> None:
    handed = _need(SHARED / "contracts" / "figures.csv", "the table of transcribed figures")
    documents = {"000": "lens-lievin-2024", "003": "calais-2024", "004": "lens-lievin-evaluation-2022"}
    themes = {*BRIEF_THEMES, "demography", "safety"}
    wanted = Counter(
        (documents[r["document"][:3]], int(r["line"]), float(r["value"]))
        for r in rows_of(handed)
        if r["document"][:3] in documents and r["theme"] in themes
    )
    assert wanted.total() == 1380
    kept = [r for f in figure_files(DATA) for r in rows_of(f)]
    excluded = [r for f in (DATA / "excluded").glob("*.csv") for r in rows_of(f)]
    assert [r for r in excluded if len(r["reason"].strip()) < 5] == []
    known = Counter((r["document"], int(r["line"]), float(r["value"])) for r in [*kept, *excluded])
    assert sorted((wanted - known).elements()) == []
