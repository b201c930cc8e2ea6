"""The documentation: every command that it prints is run, or named here with the reason, and the site builds alone."""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typed
from bs4 import BeautifulSoup
from qpv.cli.handbook import commands_page, leaves
from qpv.schemas import CROSSWALK, OBSERVATIONS, TERRITORIES
from typed import PAGES, ROOT, Command

#: What no test can run -> why.  A command that is neither run nor here fails the test.
NOT_RUN = {
    r"make briefs$": "all QPV of the contracts: minutes; tests/test_batch.py and others make such runs",
    r"make test\b": "is what runs this",
    r"make (briefs|data).*RAW=folder": "folder stands for the reader's own",
    r"make briefs TERRITORY=62\b": "a département needs the official files",
    r"make briefs TERRITORY=246200364": "all QPV of Lens-Liévin: minutes",
    r"make briefs TERRITORY=QN06254M$": "eleven kinds of brief: the tutorial makes one of them",
    r"make briefs TERRITORY=200090751 THEME=evaluation": "tests/test_contract_briefs.py makes these",
    r"make fetch|qpv data fetch": "asks for the network",
    r"qpv pdf": "needs Chromium; tests/test_pdf.py runs it",
    r"qpv briefs": "the tutorial asks for the same through make",
    r"qpv data diff --threshold": "needs two builds; tests/test_changes.py runs it",
    r"qpv data build": "make data calls it",
    r"rsync ": "needs a server",
    r"systemctl ": "needs systemd of a user",
    r"python3 -m http\.server": "serves until it is stopped",
}
TUTORIALS = [ROOT / "docs" / "fr" / f"{name}.md" for name in ("premier-brief", "premier-trimestre")]
OTHERS = [p for p in PAGES if p not in TUTORIALS]
EVERY = [c for p in PAGES for c in typed.commands(p)]
GROUPS = dict(leaves())
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def reason(command: Command) -> str | None:
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, " ".join(command.words))), None)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh clone with the embedded data; in place of a new environment stands the one that runs the tests."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("fresh") / "qpv"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], check=True, timeout=120)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, what in {"python": "", "qpv": "-m qpv.cli"}.items():
        (programs / name).write_text(f'#!/bin/sh\nPYTHONPATH="{folder}/lib" exec "{sys.executable}" {what} "$@"\n', "utf-8")
        (programs / name).chmod(0o755)
    (folder / ".venv" / ".installed").touch()  # what make asks before it installs
    yield folder


def follow(clone: Path, commands: list[Command]) -> str:
    """Type the commands, one after the other, as they stand; give what they said."""
    said = ""
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command.line], cwd=clone, env={**os.environ, "NO_COLOR": "1", "PATH": f"{clone}/.venv/bin:{os.environ['PATH']}"},
            capture_output=True, text=True, encoding="utf-8", timeout=400, check=False,
        )  # fmt: skip
        # The first build has no earlier one to be compared with, and says so.
        expected = 2 if command.line.endswith("qpv data diff") and "replaced no other" in done.stderr else 0
        assert done.returncode == expected, (command, done.stdout[-2000:], done.stderr[-2000:])
        said += done.stdout
    return said


def test_the_tutorials_followed_on_a_fresh_clone_give_their_briefs(clone: Path) -> None:
    typing = [c for p in TUTORIALS for c in typed.commands(p)]
    assert sum(reason(c) is None for c in typing) >= 6
    assert {c.line for c in typing if reason(c)} == {"make fetch"}
    follow(clone, [c for c in typing if not reason(c)])
    quarter = clone / "outputs" / "2026-T3"
    assert (quarter / "QN06254M" / "revenue.html").stat().st_size > 100_000
    assert (quarter / "QN06225M" / "employment.html").exists()
    assert (quarter / "200090751" / "agglomeration.html").exists()
    assert (quarter / "export-200090751" / "datapackage.json").exists()
    assert "QN06254M/revenue.html" in (quarter / "index.html").read_text("utf-8")


def test_every_other_command_runs_or_is_named_with_a_reason(clone: Path) -> None:
    follow(clone, [Command("README.md", "make data")])  # the pages of reference take it as done
    follow(clone, [c for p in OTHERS for c in dict.fromkeys(typed.commands(p)) if not reason(c)])


def test_every_reason_is_still_needed() -> None:
    lines = [" ".join(c.words) for c in EVERY]
    assert [p for p in NOT_RUN if not any(re.search(p, line) for line in lines)] == []


@pytest.mark.parametrize("command", list(dict.fromkeys(EVERY + [c for p in PAGES for c in typed.mentions(p)])), ids=str)
def test_a_printed_command_exists_with_its_options(command: Command) -> None:
    if "…" in command.line:
        command = Command(command.page, command.line.replace("…", "").replace("[SOURCE]", "insee_comparateur"))
    words = command.words
    program = Path(words[0]).name
    if program == "make":
        targets, variables = [w for w in words[1:] if "=" not in w], [w.split("=")[0] for w in words[1:] if "=" in w]
        assert all(re.search(rf"^(?:[a-z]+ )*{t}(?: [a-z]+)*:", MAKEFILE, re.MULTILINE) for t in targets), command
        assert all(re.search(rf"^{v} \?=|\$\({v}\)", MAKEFILE, re.MULTILINE) for v in variables), command
    elif program == "qpv":
        path = ("qpv", *words[1:3]) if ("qpv", *words[1:3]) in GROUPS else ("qpv", *words[1:2])
        known = {o for p in GROUPS[path].params for o in p.opts}
        assert {w.split("=")[0] for w in words if w.startswith("--")} <= known | {"--help"}, command


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "fr" / "commandes.md").read_text("utf-8")
    assert page == commands_page(), "run: python -m qpv.cli.handbook docs/fr/commandes.md"


@pytest.mark.parametrize(
    ("title", "schema"), [("Observations", OBSERVATIONS), ("Territories", TERRITORIES), ("Crosswalk", CROSSWALK)]
)
def test_the_data_model_names_the_columns_of_the_schema_in_their_order(title: str, schema: object) -> None:
    page = (ROOT / "docs" / "data-model.md").read_text("utf-8")
    section = page.split(f"## {title}", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(schema.columns)


# --- the site ----------------------------------------------------------------------------------------


class _Requests(html.parser.HTMLParser):
    """What a page loads, as opposed to what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loads = tag in ("script", "img", "iframe", "source", "video", "audio", "embed") or (
            tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "search", "index", "author")
        )
        self.found += [v for k, v in given.items() if loads and k in ("src", "href", "srcset") and v]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` builds it, without pictures that somebody made before."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--builder", "html", "docs", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_the_site_loads_nothing_from_any_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 20
    for page in pages:
        seen = _Requests()
        seen.feed(page.read_text("utf-8"))
        assert [u for u in seen.found if re.match(r"(https?:)?//", u)] == [], page.name
    styles = [p for p in site.rglob("*.css") if re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", p.read_text("utf-8"))]
    assert styles == []


def test_a_page_says_in_which_language_it_is(site: Path) -> None:
    assert '<html class="no-js" lang="fr"' in (site / "fr" / "premier-brief.html").read_text("utf-8")
    assert '<html class="no-js" lang="en"' in (site / "data-model.html").read_text("utf-8")


def test_the_words_around_a_french_page_are_french(site: Path) -> None:
    page = BeautifulSoup((site / "fr" / "premier-brief.html").read_text("utf-8"), "html.parser")
    for element in page.select("script, style, .sidebar-tree a"):  # other pages keep their own titles
        element.decompose()
    said = {t.strip() for t in page.find_all(string=True)} | {
        e.get(a) for e in page.find_all() for a in ("aria-label", "placeholder")
    }
    assert {"Sur cette page", "Suivant", "Aller au contenu", "Rechercher"} <= said
    english = {"Back to top", "Contents", "Expand", "Home", "Next", "On this page", "Previous", "Search", "Skip to content"}
    assert english & said == set()
    assert "On this page" in (site / "data-model.html").read_text("utf-8")


def test_every_page_of_the_docs_is_reached_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text("utf-8")
    pages = [p.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for p in (ROOT / "docs").rglob("*.md")]
    assert [p for p in pages if p != "index.html" and f'href="{p}"' not in first] == []


def test_the_makefile_builds_the_site_with_warnings_as_errors() -> None:
    assert "sphinx --quiet --fail-on-warning" in MAKEFILE
