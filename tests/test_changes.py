"""What a build changes: editions, figures, statuses; each change once, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pages
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import Project, Said, refused
from qpv import changes, terminal
from qpv.build import build
from qpv.changes import COLUMNS, Kind, edition_changes, figure_changes, summarise
from qpv.errors import WarehouseError
from qpv.vocabulary import THEMES_FR
from qpv.warehouse import Warehouse
from rich.console import Console

BEAU_MARAIS = "QP062056"
RSA = "calais-2024,320,QP062056,qpv,2015,rsa_recipients_count,2015,1273,count,"


def collected(old: Warehouse, new: Warehouse, threshold: float = 0.0, qpv: list[str] | None = None) -> pd.DataFrame:
    tables = list(figure_changes(old, new, threshold, qpv))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


@pytest.fixture
def edited(tmp_path: Path, embedded: Warehouse) -> Callable[..., tuple[Warehouse, Warehouse]]:
    """Build the embedded data with a contract's rows changed; give the old and the new warehouse."""

    def edit(*replacements: tuple[str, str]) -> tuple[Warehouse, Warehouse]:
        pages.copy_data(tmp_path / "data")
        file = tmp_path / "data" / "contracts" / "200090751" / "revenue.csv"
        text = file.read_text("utf-8")
        for before, after in replacements:
            assert text.count(before) == 1
            text = text.replace(before, after)
        file.write_text(text, "utf-8")
        return embedded, Warehouse(build(tmp_path / "data", [], tmp_path / "w").path)

    return edit


Edit = Callable[..., tuple[Warehouse, Warehouse]]


# --- figures -----------------------------------------------------------------------------------------


def test_a_build_compared_with_itself_has_no_change(embedded: Warehouse) -> None:
    assert list(figure_changes(embedded, embedded)) == []
    assert edition_changes(embedded, embedded).empty


def test_a_revised_count_is_one_change_judged_in_per_cent(edited: Edit) -> None:
    old, new = edited((RSA, RSA.replace("1273", "1300")))
    (row,) = collected(old, new, 2).to_dict("records")
    assert (row["kind"], row["theme"], row["territory"], row["period"]) == ("revised", "revenue", BEAU_MARAIS, "2015")
    assert (row["old_value"], row["new_value"], row["difference"], row["unit"]) == (1273, 1300, 27, "count")
    assert row["relative_pct"] == pytest.approx(2.120974)
    assert row["beyond"]
    assert not collected(old, new, 2.2)["beyond"].any()


def test_a_percentage_is_judged_in_points_and_exactly_the_threshold_is_not_beyond(full: Warehouse) -> None:
    table = pd.DataFrame(
        {"indicator": "poverty_rate_pct", "level": "qpv", "territory": "QP062056", "generation": "2015",
         "period": ["2018", "2019"], "edition": "x", "old_value": [61.4, 61.4], "new_value": [61.9, 62.0],
         "old_status": "observed", "new_status": "observed", "old_qualifier": "", "new_qualifier": "", "theme": "revenue"}
    )  # fmt: skip
    judged = changes._judge(table, full, full, 0.5)
    assert judged["difference"].tolist() == [0.5, 0.6], "without the noise of binary numbers"
    assert judged["beyond"].tolist() == [False, True]


def test_from_zero_any_change_of_a_count_is_beyond(edited: Edit) -> None:
    old, new = edited((RSA, RSA.replace("1273", "0")))
    (row,) = collected(new, old, 1000).to_dict("records")
    assert row["relative_pct"] == float("inf")
    assert row["beyond"]
    (record,) = changes.figure_records(figure_changes(new, old))
    assert record["relative_pct"] is None
    json.dumps(record, allow_nan=False)


def test_another_qualifier_is_a_change_of_its_own_kind(edited: Edit) -> None:
    old, new = edited((RSA, RSA + "about"))
    (row,) = collected(old, new, 50).to_dict("records")
    assert (row["kind"], row["old_qualifier"], row["new_qualifier"], row["beyond"]) == ("restated", "", "about", True)


def test_added_and_removed_figures_lack_the_other_side(edited: Edit) -> None:
    old, new = edited((RSA, RSA.replace(",2015,1273", ",2016,1273")))
    added, removed = collected(old, new).to_dict("records")
    assert (added["kind"], added["period"], added["old_status"], added["new_value"]) == ("added", "2016", "", 1273)
    assert (removed["kind"], removed["period"], removed["new_status"], removed["old_value"]) == ("removed", "2015", "", 1273)
    assert pd.isna(added["old_value"])
    assert pd.isna(added["difference"])


def test_another_line_of_the_same_statement_is_no_change(edited: Edit) -> None:
    old, new = edited((RSA, RSA.replace(",320,", ",999,")))
    assert list(figure_changes(old, new)) == []


def test_a_second_statement_on_a_fact_leaves_the_first_alone(edited: Edit) -> None:
    """A contract may say two things on one fact; adding one above the other must not pair them crosswise."""
    old, new = edited((RSA, RSA.replace(",320,", ",1,").replace("1273", "1500") + ",,\n" + RSA))
    (row,) = collected(old, new).to_dict("records")
    assert (row["kind"], row["new_value"]) == ("added", 1500)


def test_the_reverse_comparison_tells_the_reverse(edited: Edit) -> None:
    old, new = edited((RSA, RSA.replace("1273", "1300")), ("rsa_recipients_count,2021,1308,", "rsa_recipients_count,2020,1308,"))
    there, back = collected(old, new), collected(new, old)
    swapped = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED}
    assert Counter(back["kind"]) == Counter(swapped.get(k, k) for k in there["kind"])
    assert there["kind"].tolist() == ["revised", "added", "removed"]


def test_only_the_asked_qpv_are_compared(edited: Edit) -> None:
    old, new = edited(
        (RSA, RSA.replace("1273", "1300")),
        ("QP062055,qpv,2015,rsa_recipients_count,2015,651", "QP062055,qpv,2015,rsa_recipients_count,2015,700"),
        ("62193,commune,,rsa_recipients_count,2015,7254", "62193,commune,,rsa_recipients_count,2015,7300"),
    )
    assert set(collected(old, new)["territory"]) == {BEAU_MARAIS, "QP062055", "62193"}
    assert set(collected(old, new, qpv=[BEAU_MARAIS])["territory"]) == {BEAU_MARAIS}
    assert collected(old, new, qpv=[]).empty


def test_a_figure_that_speaks_to_several_themes_changes_once(full: Warehouse) -> None:
    """Against a warehouse without figures, each observation is removed once, whatever its themes."""
    table = collected(full, _Without(full), qpv=[BEAU_MARAIS])
    assert set(table["kind"]) == {"removed"}
    own = [full.observations(t, [("level", "==", "qpv"), ("territory", "==", BEAU_MARAIS)]).assign(file_of=t) for t in THEMES_FR]
    seen = pd.concat(own)
    themes = {i.id: i.theme for i in full.catalog.indicators.values()}
    assert len(table) == (seen["indicator"].map(themes) == seen["file_of"]).sum() < len(seen)


def test_an_indicator_that_moved_to_another_theme_is_still_the_same(embedded: Warehouse, tmp_path: Path) -> None:
    """Each build is read where it has the figures: in education before, in employment after."""
    pages.copy_data(tmp_path / "data")
    file = tmp_path / "data" / "catalog" / "indicators" / "education.yml"
    entries = yaml.safe_load(file.read_text("utf-8"))
    (moved,) = [e for e in entries if e["id"] == "neet_16_25_share_pct"]
    assert (moved["theme"], moved["also"]) == ("education", ["employment"])
    moved |= {"theme": "employment", "also": ["education"]}
    file.write_text(yaml.safe_dump(entries, allow_unicode=True), "utf-8")
    after = Warehouse(build(tmp_path / "data", [], tmp_path / "w").path)
    assert len(embedded.observations("education", [("indicator", "==", "neet_16_25_share_pct")])) > 0
    assert list(figure_changes(embedded, after)) == []


class _Without(Warehouse):
    """A build whose catalogue has moved every indicator away: nothing of what the other has is there."""

    def __init__(self, like: Warehouse) -> None:
        super().__init__(like.path)
        self.catalog = type(like.catalog)([], [])


STATEMENT = st.tuples(st.sampled_from(["2018", "2019"]), st.sampled_from(["observed", "proxy"]), st.sampled_from([1.0, 2.0, 3.0]))


@settings(max_examples=60, deadline=None)
@given(st.lists(STATEMENT, max_size=8), st.lists(STATEMENT, max_size=8))
def test_matching_leaves_exactly_what_is_not_said_alike(before: list, after: list) -> None:
    def table(rows: list) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=["period", "status", "value"]).astype({"period": str, "status": str, "value": float})
        fixed = dict.fromkeys(["indicator", "level", "territory", "generation", "edition", "qualifier"], "x")
        frame = frame.assign(**fixed, row=range(len(frame)))
        return frame.astype(dict.fromkeys(fixed, str)).astype(dict.fromkeys([*fixed, "period", "status"], "category"))

    found = changes._compare(table(before), table(after))
    olds = found[found["old_status"] != ""][["period", "old_status", "old_value"]].itertuples(index=False, name=None)
    news = found[found["new_status"] != ""][["period", "new_status", "new_value"]].itertuples(index=False, name=None)
    assert Counter(olds) == Counter(before) - Counter(after)
    assert Counter(news) == Counter(after) - Counter(before)
    by_period = found.groupby("period")[["old_status", "new_status"]].agg(lambda s: (s == "").any())
    assert not (by_period["old_status"] & by_period["new_status"]).any(), "what can be paired is paired"


# --- editions, from an official file and a changed copy ----------------------------------------------


@pytest.fixture(scope="module")
def deliveries(official: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Warehouse]:
    """The revenues of 2022 as published, then with one rate raised by 1.2 points and one made secret."""
    folder = tmp_path_factory.mktemp("deliveries")
    text = (official / "insee_qpv2015" / "REVN_2022.csv").read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    rate = rows[0].index("TP60")
    built = []
    for change in (False, True):
        for row in rows if change else []:
            row[rate] = {"QP062056": "62,6", "QP062055": "ns"}.get(row[0], row[rate])
        raw = folder / f"raw-{change}"
        raw.mkdir()
        with (raw / "REVN_2022.csv").open("w", encoding="utf-8-sig", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows(rows)
        built.append(Warehouse(build(ROOT / "data", [raw], folder / f"w-{change}").path))
    return built[0], built[1]


def test_another_file_of_one_edition_is_a_replacement(deliveries: tuple[Warehouse, Warehouse], embedded: Warehouse) -> None:
    (row,) = edition_changes(*deliveries).to_dict("records")
    assert (row["change"], row["edition"], row["old_observations"]) == ("replaced", "insee_qpv2015_revn_2022", 33800)
    assert row["old_sha256"] != row["new_sha256"]
    for pair, change in (((embedded, deliveries[0]), "in"), ((deliveries[0], embedded), "out")):
        (row,) = edition_changes(*pair).to_dict("records")
        assert (row["change"], row["edition"]) == (change, "insee_qpv2015_revn_2022")
        assert row["producer"] == "Insee"


def test_another_date_of_publication_is_told(embedded: Warehouse) -> None:
    moved = Warehouse(embedded.path)
    dates = moved.editions["published"].where(moved.editions["edition"] != "calais-2024", pd.Timestamp("2025-01-15"))
    moved.editions = moved.editions.assign(published=dates)
    (row,) = edition_changes(embedded, moved).to_dict("records")
    assert (row["change"], row["edition"]) == ("redated", "calais-2024")


def test_a_secret_and_a_revision_are_the_only_figures_that_change(deliveries: tuple[Warehouse, Warehouse]) -> None:
    revised, restated = collected(*deliveries, 0.5).to_dict("records")
    assert (revised["kind"], revised["territory"], revised["indicator"]) == ("revised", BEAU_MARAIS, "poverty_rate_pct")
    assert (revised["old_value"], revised["new_value"], revised["difference"]) == (61.4, 62.6, 1.2)
    assert (restated["kind"], restated["territory"]) == ("restated", "QP062055")
    assert (restated["old_status"], restated["new_status"]) == ("observed", "secret")
    assert pd.isna(restated["new_value"])


def test_the_terminal_tells_it_in_french(deliveries: tuple[Warehouse, Warehouse]) -> None:
    old, new = deliveries
    stream = io.StringIO()
    summary = summarise(figure_changes(old, new, 0.5), 20)
    console = Console(file=stream, width=140, highlight=False)
    terminal.print_changes(edition_changes(old, new), summary, (old.catalog, new.catalog), new.names("qpv"), console)
    told = " ".join(stream.getvalue().replace("\u202f", " ").split())
    assert "remplacée : insee_qpv2015_revn_2022 (Insee, Revenus" in told
    assert "Chiffres changés : 2" in told
    assert "Beau Marais (QP062056)" in told
    assert "61,4 % → 62,6 % +1,2 pt" in told
    before, after = terminal.change_words(summary.first.iloc[1].to_dict(), new.catalog.indicator("poverty_rate_pct"))
    assert before.endswith("\u202f% (observé)")
    assert after == "non diffusé (secret ou qualité)"
    assert summary.by_qpv.to_dict() == {"QP062055": 1, BEAU_MARAIS: 1}


def test_values_that_round_alike_are_shown_with_more_decimals(full: Warehouse) -> None:
    row = {"kind": "revised", "old_status": "observed", "new_status": "observed", "old_qualifier": "", "new_qualifier": "",
           "old_value": 61.41, "new_value": 61.44}  # fmt: skip
    before, after = terminal.change_words(row, full.catalog.indicator("poverty_rate_pct"))
    assert (before.replace("\u202f", " "), after.replace("\u202f", " ")) == ("61,41 %", "61,44 %")


def test_the_first_are_of_qpv_and_revisions_come_before_what_is_only_there_once(full: Warehouse, embedded: Warehouse) -> None:
    summary = summarise(figure_changes(embedded, full), 7)
    assert len(summary.first) == 7
    assert set(summary.first["level"]) == {"qpv"}
    assert summary.counts["added"].sum() > 3_000_000
    assert summary.total == summary.counts.to_numpy().sum()


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose contract was corrected after a first build."""
    found = Project(pages.copy_project(tmp_path_factory.mktemp("project") / "main"))
    found.qpv("data", "build", "--raw", "data/raw")
    file = found.root / "data" / "contracts" / "200090751" / "revenue.csv"
    file.write_text(file.read_text("utf-8").replace(RSA, RSA.replace("1273", "1300")), "utf-8")
    found.qpv("data", "build", "--raw", "data/raw")
    return found


def plain(said: Said) -> str:
    assert (said.code, said.err) == (0, "")
    return " ".join(said.out.replace("\u202f", " ").split())


def test_the_command_shows_the_change_and_ends_with_zero(project: Project) -> None:
    told = plain(project.qpv("data", "diff"))
    assert "Chiffres changés : 1" in told
    assert "1 273 → 1 300 +27 calais-2024" in told
    same = plain(project.qpv("data", "diff", "--threshold", "3"))
    assert "révisés en deçà" in same
    assert "1 273" not in same


def test_all_changes_go_to_json_and_csv(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "sortie" / "changements.csv"
    said = project.qpv("data", "diff", "--json", "--csv", str(file), "--threshold", "99")
    assert said.code == 0
    (record,) = [json.loads(line) for line in said.out.splitlines()]
    assert (record["record"], record["kind"], record["new_value"], record["beyond"]) == ("figure", "revised", 1300, False)
    content = file.read_bytes().decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(content, newline=""))
    assert list(row) == COLUMNS
    assert (row["territory"], row["old_value"], row["difference"], row["new_qualifier"]) == (BEAU_MARAIS, "1273.0", "27.0", "")
    assert [p.name for p in file.parent.iterdir()] == ["changements.csv"]


def test_a_csv_that_cannot_be_written_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert "'x.csv' cannot be written" in refused(project.qpv("data", "diff", "--csv", str(tmp_path / "file" / "x.csv")))


def test_a_threshold_that_is_no_number_is_refused(project: Project) -> None:
    assert "threshold inf" in refused(project.qpv("data", "diff", "--threshold", "inf"))


def test_a_text_that_a_spreadsheet_would_compute_is_made_inert(tmp_path: Path) -> None:
    from qpv.cli.data import _written

    table = pd.DataFrame([dict.fromkeys(COLUMNS, "=1+1")])
    list(_written([table], tmp_path / "x.csv"))
    assert (tmp_path / "x.csv").read_text("utf-8-sig").splitlines()[1] == ",".join(["'=1+1"] * len(COLUMNS))


def test_a_csv_takes_its_place_only_when_whole(tmp_path: Path) -> None:
    from qpv.cli.data import _written

    (tmp_path / "x.csv").write_text("old", "utf-8")
    writing = _written([pd.DataFrame([dict.fromkeys(COLUMNS, "a")])] * 2, tmp_path / "x.csv")
    next(writing)
    writing.close()
    assert [(p.name, p.read_text("utf-8")) for p in tmp_path.iterdir()] == [("x.csv", "old")]


def test_nothing_changed_is_said_so(project: Project, tmp_path: Path) -> None:
    """A build of another library or catalogue may hold the very same figures."""
    copy = Project(tmp_path / "main")
    shutil.copytree(project.root, copy.root)
    current, previous = (copy.warehouse / "CURRENT").read_text("ascii").split()
    shutil.rmtree(copy.warehouse / previous)
    shutil.copytree(copy.warehouse / current, copy.warehouse / previous)
    assert "Aucune édition et aucun chiffre n’ont changé." in plain(copy.qpv("data", "diff"))


def test_an_unknown_previous_build_is_told_with_two(project: Project, tmp_path: Path) -> None:
    first = Project(pages.copy_project(tmp_path / "first"))
    assert "qpv data build" in refused(first.qpv("data", "diff"))
    first.qpv("data", "build", "--raw", "data/raw")
    assert "replaced no other that is known" in refused(first.qpv("data", "diff"))
    gone = Project(tmp_path / "gone")
    shutil.copytree(project.root, gone.root)
    shutil.rmtree(gone.warehouse / (gone.warehouse / "CURRENT").read_text("ascii").split()[1])
    assert "is no longer there" in refused(gone.qpv("data", "diff"))


def test_a_build_of_a_version_with_other_keys_is_refused_by_name(embedded: Warehouse, tmp_path: Path) -> None:
    shutil.copytree(embedded.path, tmp_path / "older")
    (tmp_path / "older" / "catalog.json").write_text('{"indicators": [{"id": "x", "nature": "y"}], "sources": []}', "utf-8")
    with pytest.raises(WarehouseError, match="'older' has no catalogue that this version reads"):
        list(figure_changes(Warehouse(tmp_path / "older"), embedded))


def test_a_build_that_lost_a_table_is_refused_by_name(embedded: Warehouse, tmp_path: Path) -> None:
    shutil.copytree(embedded.path, tmp_path / "cut")
    (tmp_path / "cut" / "observations-health.parquet").unlink()
    with pytest.raises(WarehouseError, match=r"lacks 'observations-health\.parquet': run 'make data'"):
        list(figure_changes(Warehouse(tmp_path / "cut"), embedded))
