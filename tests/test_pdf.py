"""Briefs as PDF: tagged, with bookmarks and numbers, one failure never the end of the others."""

from __future__ import annotations

import builtins
import os
import re
import shutil
import subprocess
from pathlib import Path

import pages
import pytest
from pages import Run
from projects import Project
from qpv import pdf
from qpv.errors import ParameterError
from qpv.pdf import Outcome, Sheet
from qpv.quarter import Quarter

NOW = Quarter(2026, 3)


@pytest.fixture
def briefs(grande_residence: Run, tmp_path: Path, chromium: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of a quarter with two briefs."""
    monkeypatch.setenv(pdf.VARIABLE, chromium)
    for record in grande_residence.records:
        page = tmp_path / record.qpv / f"{record.theme}.html"
        page.parent.mkdir(exist_ok=True)
        shutil.copy(grande_residence.path(record.theme), page)
    (tmp_path / "index.html").write_text("no brief", "utf-8")
    return tmp_path


def printed(folder: Path) -> dict[str, str]:
    return {o.sheet.page.stem: o.status for o in pdf.print_sheets(pdf.sheets(folder), NOW)}


def test_each_brief_becomes_a_tagged_pdf_with_bookmarks_beside_it(briefs: Path) -> None:
    assert printed(briefs) == {"health": "made", "revenue": "made"}
    for theme in ("health", "revenue"):
        content = (briefs / pages.GRANDE_RESIDENCE / f"{theme}.pdf").read_bytes()
        assert content.startswith(b"%PDF-")
        assert b"/StructTreeRoot" in content
        assert b"/MarkInfo" in content
        assert b"/Lang (fr" in content
        assert b"/Outlines" in content
        assert content.count(b"/Title (En bref)") == 1, "a heading is a bookmark"
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", content)) <= 6
    assert not list(briefs.rglob("*.tmp"))


def test_the_pages_of_a_pdf_hold_the_words_of_the_brief_and_their_numbers(briefs: Path) -> None:
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not here")
    printed(briefs)
    file = briefs / pages.GRANDE_RESIDENCE / "revenue.pdf"
    said = subprocess.run([tool, "-layout", str(file), "-"], capture_output=True, check=True).stdout.decode()
    assert "Grande Résidence" in said
    assert "En bref" in said
    sheets = [s for s in said.split("\f") if s.strip()]
    for number, sheet in enumerate(sheets, start=1):
        assert f"{number}/{len(sheets)}" in "".join(sheet.split())


def test_the_same_page_gives_the_same_bytes_and_bears_the_end_of_the_quarter(briefs: Path) -> None:
    (sheet,) = pdf.sheets(briefs, themes=["revenue"])
    pdf.print_sheets([sheet], NOW)
    first = sheet.pdf.read_bytes()
    sheet.pdf.unlink()
    pdf.print_sheets([sheet], NOW)
    assert sheet.pdf.read_bytes() == first
    assert b"/CreationDate (D:20260930000000" in first
    assert b"/ID (node00000001)" in first, "cells are named by their rank, not by numbers of the browser's memory"


def test_cells_are_renamed_by_rank_and_so_are_the_headers_they_point_to() -> None:
    content = b"/ID (node00000082) /ID (node00000093) /Headers [(node00000082) (node00000093)] (node) (node0000008)"
    assert pdf.renumbered(content) == (
        b"/ID (node00000001) /ID (node00000002) /Headers [(node00000001) (node00000002)] (node) (node0000008)"
    )


def test_only_missing_or_older_pdf_are_made(briefs: Path) -> None:
    printed(briefs)
    assert printed(briefs) == {"health": "kept", "revenue": "kept"}
    health, revenue = pdf.sheets(briefs)
    late = revenue.pdf.stat().st_mtime_ns + 1_000_000_000
    os.utime(revenue.page, ns=(late, late))
    health.pdf.unlink()
    assert printed(briefs) == {"health": "made", "revenue": "made"}


def test_nothing_to_do_needs_no_browser(briefs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed(briefs)
    monkeypatch.setenv(pdf.VARIABLE, "no-such-browser")
    assert printed(briefs) == {"health": "kept", "revenue": "kept"}


def test_one_that_fails_is_named_and_the_others_are_made(briefs: Path) -> None:
    sheets = [Sheet(briefs / "gone.html"), *pdf.sheets(briefs)]
    outcomes = pdf.print_sheets(sheets, NOW)
    assert [o.status for o in outcomes] == ["failed", "made", "made"]
    assert "ERR_FILE_NOT_FOUND" in outcomes[0].message
    assert "\n" not in outcomes[0].message


def test_a_pdf_that_cannot_be_written_leaves_the_old_one(briefs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sheet,) = pdf.sheets(briefs, themes=["revenue"])
    sheet.pdf.write_bytes(b"old")
    os.utime(sheet.pdf, ns=(0, 0))
    monkeypatch.setattr(pdf, "_printed", lambda *given: (_ for _ in ()).throw(pdf.PrintError("Chromium gave no whole PDF")))
    (outcome,) = pdf.print_sheets([sheet], NOW)
    assert (outcome.status, outcome.message) == ("failed", "Chromium gave no whole PDF")
    assert sheet.pdf.read_bytes() == b"old"


def test_a_browser_killed_by_one_brief_is_started_anew(briefs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, seen = pdf._printed, []

    def kill_first(browser, page: Path, quarter: Quarter) -> bytes:
        seen.append(page.stem)
        if len(seen) == 1:
            browser.close()
        return whole(browser, page, quarter)

    monkeypatch.setattr(pdf, "_printed", kill_first)
    assert printed(briefs) == {"health": "failed", "revenue": "made"}


def test_sheets_are_those_of_the_asked_qpv_and_themes(briefs: Path) -> None:
    assert [s.page.stem for s in pdf.sheets(briefs)] == ["health", "revenue"], "the index is no brief"
    assert [s.page.stem for s in pdf.sheets(briefs, themes=["health"])] == ["health"]
    with pytest.raises(ParameterError, match="no brief to print"):
        pdf.sheets(briefs, codes=["QN06254M"])


def test_a_missing_playwright_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("playwright"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ParameterError, match=r"PDF need Playwright.*pip install playwright"):
        pdf.print_sheets([Sheet(tmp_path / "x.html")], NOW)


def test_a_missing_chromium_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(pdf.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ParameterError, match=r"apt install chromium.*QPV_CHROMIUM"):
        pdf.chromium()
    monkeypatch.setenv(pdf.VARIABLE, "no-such-browser")
    with pytest.raises(ParameterError, match="'no-such-browser', which is no program"):
        pdf.chromium()


def test_a_chromium_that_does_not_start_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 3\n", "utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv(pdf.VARIABLE, str(broken))
    with pytest.raises(ParameterError, match="does not start") as told:
        pdf.print_sheets([Sheet(tmp_path / "x.html")], NOW)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("written", [b"(D:20251121134500+00'00')", b"(D:20251121134500Z)", b"(D:20251121134500)"])
def test_dates_are_replaced_in_place(written: bytes) -> None:
    content = b"%PDF-1.4 /CreationDate " + written + b" after"
    told = pdf.dated(content, NOW)
    assert len(told) == len(content)
    assert told.startswith(b"%PDF-1.4 /CreationDate (D:20260930000000")
    assert told.endswith(b") after")


def test_outcomes_are_reported_one_by_one(briefs: Path) -> None:
    told: list[Outcome] = []
    outcomes = pdf.print_sheets(pdf.sheets(briefs), NOW, told.append)
    assert told == outcomes


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def project(briefs: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with two briefs made."""
    found = Project(pages.copy_project(tmp_path_factory.mktemp("project") / "main"))
    assert found.qpv("data", "build", "--raw", "data/raw", "--quiet").code == 0
    shutil.copytree(briefs, found.root / "outputs" / "2026-T3")
    return found


def test_the_command_prints_what_is_stale_and_says_how_many(project: Project) -> None:
    first = project.qpv("pdf", "--quarter", "2026-T3", "--territory", pages.GRANDE_RESIDENCE)
    assert (first.code, first.out.splitlines()[-1]) == (0, "2 PDF écrits, 0 à jour, 0 échecs")
    again = project.qpv("pdf", "--quarter", "2026-T3")
    assert (again.code, again.out.splitlines()[-1]) == (0, "0 PDF écrits, 2 à jour, 0 échecs")


def test_the_command_names_the_brief_that_failed_and_ends_with_1(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pdf._printed

    def refuse(browser, page: Path, quarter: Quarter) -> bytes:
        if page.stem == "health":
            raise pdf.PrintError("Chromium gave no whole PDF")
        return whole(browser, page, quarter)

    monkeypatch.setattr(pdf, "_printed", refuse)
    said = project.qpv("pdf", "--quarter", "2026-T3")
    assert said.code == 1
    assert said.err.strip() == "échec : QN06225M health : Chromium gave no whole PDF"
    assert said.out.splitlines()[-1] == "1 PDF écrits, 0 à jour, 1 échecs"
    assert (project.root / "outputs" / "2026-T3" / "QN06225M" / "revenue.pdf").exists()


def test_the_command_refuses_a_quarter_without_briefs_in_one_line(project: Project) -> None:
    said = project.qpv("pdf", "--quarter", "2025-T1")
    assert said.code == 2
    assert said.err.splitlines() == ["erreur : no brief to print in '2025-T1': make them first ('make briefs' or 'qpv briefs')"]


def test_the_command_says_what_to_install_when_chromium_is_missing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pdf.VARIABLE, "no-such-browser")
    said = project.qpv("pdf", "--quarter", "2026-T3")
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "no-such-browser" in line
