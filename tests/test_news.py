"""What changed since the quarter or build before, as the briefs show it: which figures, how, and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pages
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from qpv import site
from qpv.batch import Record
from qpv.build import build
from qpv.news import COLUMNS, Kind, News, Reason, what_changed
from qpv.quarter import Quarter
from qpv.site.changes import _editions
from qpv.warehouse import Warehouse

NOW = Quarter(2026, 3)
BEAU_MARAIS = "QN06254M"
RSA = "calais-2024,320,QP062056,qpv,2015,rsa_recipients_count,2015,1273,count,"

Edit = Callable[..., News]


@pytest.fixture
def edited(tmp_path: Path, embedded: Warehouse) -> Edit:
    """Build the embedded data with rows of Calais' contract changed; say what changed for Beau Marais."""

    def edit(*replacements: tuple[str, str], quarter: Quarter = NOW, documents: tuple[str, str] | None = None) -> News:
        pages.copy_data(tmp_path / "data")
        changed = [(tmp_path / "data" / "contracts" / "200090751" / "revenue.csv", replacements)]
        if documents:
            changed.append((tmp_path / "data" / "contracts" / "documents.yml", (documents,)))
        for file, pairs in changed:
            text = file.read_text("utf-8")
            for before, after in pairs:
                assert text.count(before) == 1
                text = text.replace(before, after)
            file.write_text(text, "utf-8")
        new = Warehouse(build(tmp_path / "data", [], tmp_path / "w").path)
        return what_changed(embedded, new, [BEAU_MARAIS], quarter)

    return edit


def only(news: News) -> dict:
    (row,) = news.figures.to_dict("records")
    return row


def test_a_build_compared_with_itself_tells_nothing(embedded: Warehouse) -> None:
    news = what_changed(embedded, embedded, [BEAU_MARAIS], NOW)
    assert news.figures.empty
    assert list(news.figures.columns) == COLUMNS
    assert set(news.counts.values()) == {0}


def test_a_corrected_count_is_revised_and_told_for_the_qpv_of_2024(edited: Edit) -> None:
    row = only(edited((RSA, RSA.replace("1273", "1300"))))
    assert (row["qpv"], row["territory"], row["generation"]) == (BEAU_MARAIS, "QP062056", "2015")
    assert (row["kind"], row["old_value"], row["new_value"], row["difference"]) == (Kind.REVISED, 1273, 1300, 27)
    assert row["reason"] in (Reason.FILE_REPLACED, Reason.CORRECTED)
    assert row["old_edition"] == row["new_edition"] == "calais-2024"


def test_another_qualifier_restates_a_figure(edited: Edit) -> None:
    row = only(edited((RSA, RSA + "about")))
    assert (row["kind"], row["old_qualifier"], row["new_qualifier"]) == (Kind.RESTATED, "", "about")


def test_a_figure_of_another_year_is_new_and_its_old_one_removed(edited: Edit) -> None:
    news = edited((RSA, RSA.replace(",2015,1273", ",2016,1273")))
    assert {r["kind"]: r["period"] for r in news.figures.to_dict("records")} == {Kind.REMOVED: "2015", Kind.NEW: "2016"}
    removed = news.figures[news.figures["kind"] == Kind.REMOVED].iloc[0]
    assert (removed["new_status"], removed["new_edition"]) == ("", "")
    assert pd.isna(removed["new_published"])


def test_a_figure_that_no_brief_prefers_is_no_news(edited: Edit) -> None:
    """A second, later line on the same fact stands behind the first."""
    news = edited((RSA, RSA.replace(",320,", ",999,").replace("1273", "1500") + ",,\n" + RSA))
    assert news.figures.empty


def test_what_the_quarter_could_not_know_is_no_news(edited: Edit) -> None:
    """The contract of Calais is of 2024: for a brief of 2021 its correction changes nothing."""
    news = edited((RSA, RSA.replace("1273", "1300")), quarter=Quarter(2021, 4))
    assert news.figures.empty


def test_another_qpv_is_not_told_of(embedded: Warehouse, edited: Edit) -> None:
    news = edited((RSA, RSA.replace("1273", "1300")))
    assert what_changed(news.old, news.new, ["QN06253M"], NOW).figures.empty


@pytest.fixture(scope="module")
def official_news(embedded: Warehouse, full: Warehouse) -> News:
    """The first drop of official files, for Beau Marais."""
    return what_changed(embedded, full, [BEAU_MARAIS], NOW)


def test_the_first_official_files_bring_new_figures_each_with_its_edition(official_news: News) -> None:
    new = official_news.figures[official_news.figures["kind"] == Kind.NEW]
    assert len(new) > 500
    assert set(new["reason"]) == {Reason.EDITION_IN}
    entered = set(official_news.editions.loc[official_news.editions["change"] == "in", "edition"])
    assert set(new["new_edition"]) <= entered


def test_a_new_figure_is_the_one_of_the_official_file(official_news: News) -> None:
    """Filosofi 2019: 61 % poor in Beau Marais (perimeter of 2015); and no change is told twice."""
    rows = official_news.figures
    assert not rows.duplicated(["qpv", "indicator", "territory", "period"]).any()
    told = rows[(rows["indicator"] == "poverty_rate_pct") & (rows["period"] == "2019") & (rows["territory"] == "QP062056")]
    (observed,) = told.to_dict("records")
    facts = official_news.new.observations("revenue", [("territory", "==", "QP062056"), ("indicator", "==", "poverty_rate_pct")])
    said = facts[(facts["period"] == "2019") & (facts["edition"] == observed["new_edition"])]["value"]
    assert observed["new_value"] in set(said)


def test_taking_the_official_files_away_is_the_reverse(embedded: Warehouse, full: Warehouse, official_news: News) -> None:
    back = what_changed(full, embedded, [BEAU_MARAIS], NOW)
    assert back.counts[Kind.REMOVED] >= official_news.counts[Kind.NEW] - back.counts[Kind.WITHHELD]
    gone = back.figures[back.figures["kind"] == Kind.REMOVED]
    assert set(gone["reason"]) == {Reason.EDITION_OUT}


# --- the page ----------------------------------------------------------------------------------------


def soup_of(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "html.parser")


def words(page: str) -> str:
    return " ".join(soup_of(page).main.get_text(" ").split())


def test_the_page_tells_old_and_new_value_edition_and_reason(edited: Edit) -> None:
    news = edited((RSA, RSA.replace("1273", "1300")))
    said = words(site.changes_page(news, NOW, [BEAU_MARAIS]))
    assert "1 chiffre révisé, pour 1 quartier." in said
    assert "1 273 1 300 +27" in said.replace("\u202f", " ")
    assert "calais-2024 (publiée au plus tard le" in said
    assert "périmètre de 2015, QP062056" in said


def test_no_guessed_day_of_publication_is_printed_as_exact(official_news: News) -> None:
    guessed = official_news.editions[official_news.editions["new_published_precision"] == "year"]
    assert len(guessed)
    told = _editions(official_news)
    for edition in guessed.itertuples():
        row = told.split(edition.edition)[1].split("</tr>")[0]
        assert f"{edition.new_published:%Y}" in row
        assert "décembre" not in row


def test_the_page_tells_new_figures_by_theme_and_edition(official_news: News) -> None:
    said = words(site.changes_page(official_news, NOW, [BEAU_MARAIS]))
    assert "chiffres nouveaux" in said
    assert "édition nouvellement lue" in said
    assert "insee_qpv2015" in said


def test_an_edition_published_since_the_quarter_before_brings_its_figures(full: Warehouse) -> None:
    """Insee published the base of 2022 on employment in 2023: what briefs show before and after is told from one build."""
    published = full.editions.set_index("edition").at["insee_qpv2015_ipro_2022", "published"]
    quarter = Quarter(published.year, (published.month + 2) // 3)
    news = what_changed(full, full, [BEAU_MARAIS], quarter, quarter.before)
    new = news.figures[news.figures["new_edition"] == "insee_qpv2015_ipro_2022"]
    assert len(new)
    assert set(new["reason"]) == {Reason.PUBLISHED}
    assert (new["new_published"] > pd.Timestamp(quarter.before.end)).all()
    assert what_changed(full, full, [BEAU_MARAIS], quarter).figures.empty


def test_a_date_that_was_corrected_is_not_called_a_publication(edited: Edit) -> None:
    of_calais = "published: 2024-12-31\n  published_precision: year\n  priority: 10"
    news = edited(documents=(of_calais, of_calais.replace("2024-12-31", "2026-12-15")))
    told = what_changed(news.old, news.new, [BEAU_MARAIS], NOW, NOW.before).figures
    assert set(told["reason"]) == {Reason.REDATED}


def test_without_a_build_before_the_page_compares_the_quarters_and_says_so(embedded: Warehouse, tmp_path: Path) -> None:
    site.write_index([Record(BEAU_MARAIS, "revenue", "ok")], NOW, embedded, tmp_path)
    said = words((tmp_path / "changes.html").read_text("utf-8"))
    assert "il n’y en a pas de précédentes que l’on puisse lire" in said
    assert "replaced no other that is known" in said
    assert "Aucun chiffre n’a changé depuis le T2\u00a02026." in (tmp_path / "index.html").read_text("utf-8")


def test_the_index_of_a_rebuilt_warehouse_tells_what_changed(tmp_path: Path) -> None:
    """Two builds in one folder: the pointer remembers the first."""
    pages.copy_data(tmp_path / "data")
    build(tmp_path / "data", [], tmp_path / "w")
    file = tmp_path / "data" / "contracts" / "200090751" / "revenue.csv"
    file.write_text(file.read_text("utf-8").replace(RSA, RSA.replace("1273", "1300")), "utf-8")
    build(tmp_path / "data", [], tmp_path / "w")
    site.write_index([Record(BEAU_MARAIS, "revenue", "ok")], NOW, Warehouse(tmp_path / "w"), tmp_path / "out")
    assert "1 chiffre révisé" in words((tmp_path / "out" / "index.html").read_text("utf-8"))
    assert "1 chiffre révisé" in words((tmp_path / "out" / "changes.html").read_text("utf-8"))
