"""What every page promises: weight, silence, the same bytes.

The pages are those of six real quartiers (see ``pages.GALLERY``); a new kind of page needs a line there.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pages
import pytest
from pages import EVERY, KINDS, MADE, Gallery
from visits import Visit, opened, unfold


@pytest.mark.parametrize("name", EVERY)
def test_page_keeps_to_its_weight(gallery: Gallery, name: str) -> None:
    assert 10_000 < gallery.path(name).stat().st_size <= pages.budget(name).bytes


@pytest.mark.parametrize("name", MADE)
def test_brief_holds_one_copy_of_leaflet_and_each_outline_once(gallery: Gallery, name: str) -> None:
    page = gallery.path(name).read_text("utf-8")
    assert page.count("(c) 2010-2022 Vladimir Agafonkin") == page.count(".leaflet-pane,") == 1
    twice = [i for i, n in Counter(re.findall(r'\sid="([^"]+)"', page)).items() if n > 1]
    assert twice == []


@pytest.mark.parametrize("name", EVERY)
def test_page_allows_itself_nothing_but_what_it_holds(gallery: Gallery, name: str) -> None:
    (policy,) = gallery.soup(name).find_all("meta", {"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    # The IGN's layer, which a reader of a map asks for by a tick, is the only host that any page names.
    maps = gallery.soup(name).select(".map[data-map]")
    # A brief draws the pictures that a reader saves; the pages around it have none but a map's.
    pictures = {"img-src": "data: https://data.geopf.fr" if maps else "data:"} if maps or name in MADE else {}
    allowed = rules.pop("script-src").split()
    assert {directive: rules[directive] for directive in rules if not directive.startswith(("default", "base", "form"))} == {
        "style-src": "'unsafe-inline'", **pictures
    }  # fmt: skip
    # Each script is named by its hash: one that a label smuggled in would not run.
    held = [s.string for s in gallery.soup(name).find_all("script") if s.get("type") != "application/json"]
    named = [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in held]
    assert named
    assert set(named) <= set(allowed)
    assert all(word.startswith("'sha256-") for word in allowed)


@pytest.mark.parametrize("name", EVERY)
def test_page_unfolded_and_scrolled_asks_for_nothing_and_reports_no_error(visit: Visit, gallery: Gallery, name: str) -> None:
    path = gallery.path(name)
    unfold(opened(visit, path))
    visit.page.mouse.wheel(0, 100_000)
    visit.page.wait_for_timeout(100)
    assert visit.asked == [path.as_uri()]
    assert visit.troubles == []


def test_only_the_tick_of_the_ign_layer_asks_for_anything_and_only_of_the_ign(visit: Visit, gallery: Gallery) -> None:
    path = gallery.path(KINDS[0])
    unfold(opened(visit, path))
    assert visit.asked == [path.as_uri()]
    visit.page.locator(".ground input").first.check()
    visit.page.wait_for_timeout(500)
    hosts = {url.split("/")[2] for url in visit.asked[1:]}
    assert hosts == {"data.geopf.fr"}
    assert not [t for t in visit.troubles if "Content Security Policy" in t]


AGAIN = """
import sys
from pathlib import Path
from qpv import batch
from qpv.quarter import Quarter
notebooks, warehouse, outputs = map(Path, sys.argv[1:4])
tasks = batch.plan([sys.argv[4]], sys.argv[6:], Quarter(2026, 3), notebooks, warehouse, outputs, [sys.argv[5]])
assert [r.error for r in batch.run(tasks, jobs=1)] == [None] * len(tasks)
"""


def test_another_process_with_other_hashes_and_one_job_gives_the_same_bytes(gallery: Gallery, tmp_path: Path) -> None:
    """The gallery was made by two jobs at once, with the hash seed of this process."""
    themes, contract = ["revenue", "education", "portrait"], ["evaluation", "programme", "yearly"]
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    arguments = [str(pages.NOTEBOOKS), str(gallery.warehouse), str(tmp_path), pages.BEAU_MARAIS, pages.LENS, *themes, *contract]
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, *arguments], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for name in (*(f"{pages.BEAU_MARAIS}/{theme}" for theme in themes), *(f"{pages.LENS}/{kind}" for kind in contract)):
        assert (tmp_path / str(pages.QUARTER) / f"{name}.html").read_bytes() == gallery.path(name).read_bytes()
