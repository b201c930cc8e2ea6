"""Make the pictures of the documentation: a brief from the embedded data, photographed by Chromium.

``python docs/screenshots.py FOLDER``.  Without Chromium or Playwright it says so and makes none; the site is built all the same.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from qpv.errors import ParameterError
from qpv.pdf import chromium

ROOT = Path(__file__).resolve().parent.parent

#: Name -> page, width, height of the window, and what to bring into view.
PICTURES = {
    "index": ("index.html", 1280, 800, ""),
    "brief": ("QN06254M/revenue.html", 1280, 900, ""),
    "key-figures": ("QN06254M/revenue.html", 1280, 700, "table"),
    "phone": ("QN06254M/revenue.html", 360, 740, ""),
}


def main(folder: Path) -> None:
    """Make the pictures that :data:`PICTURES` lists."""
    try:
        program = chromium()
        from playwright.sync_api import sync_playwright
    except (ImportError, ParameterError) as reason:
        print(f"no pictures: {reason}", file=sys.stderr)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        project = _copy(Path(scratch))  # neither the reader's warehouse nor the official files are touched
        request = ["--territory", "QN06254M", "--theme", "revenue", "--quarter", "2026-T3", "--quiet"]
        subprocess.run(  # noqa: S603  our own command
            [sys.executable, "-m", "qpv.cli", "briefs", *request], cwd=project, check=True, stdout=subprocess.DEVNULL
        )
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            )
            for name, (page, width, height, shown) in PICTURES.items():
                tab = browser.new_page(viewport={"width": width, "height": height})
                tab.goto((project / "outputs" / "2026-T3" / page).as_uri())
                if shown:
                    tab.locator(shown).first.scroll_into_view_if_needed()
                tab.screenshot(path=str(folder / f"{name}.png"))
                tab.close()
            browser.close()


def _copy(folder: Path) -> Path:
    """Copy what a run with the embedded data needs."""
    project = folder / "qpv"
    for part in ("data/catalog", "data/contracts", "data/reference", "notebooks"):
        shutil.copytree(ROOT / part, project / part)
    return project


if __name__ == "__main__":
    main(Path(sys.argv[1]))
