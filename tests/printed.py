"""A page printed on A4, read back: what stands on which sheet."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from playwright.sync_api import Page
from pypdf import PdfReader

#: Charts and rows of tables with the words that paper shows of them: what is folded or only for the screen is not.
_PIECES = """() => {
  const words = box => {
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
      const {data, parentElement} = walker.currentNode;
      if (data.trim() && parentElement.checkVisibility() && !parentElement.closest('style, script, title, desc')) found.push(data);
    }
    return found;
  };
  const charts = [...document.querySelectorAll('figure')].filter(f => f.querySelector('svg.chart'));
  return {charts: charts.map(words), rows: [...document.querySelectorAll('tbody tr')].filter(r => r.checkVisibility()).map(words)};
}"""

#: For each map that stands still on paper: its box, and how many of its shapes can be seen in it.
_MAPS = """() => [...document.querySelectorAll('svg.map-print')].map(svg => {
  const frame = svg.getBoundingClientRect();
  const seen = [...svg.querySelectorAll('use, circle')].map(s => s.getBoundingClientRect()).filter(r =>
    r.width > .5 && r.height > .5 && r.right > frame.left && r.left < frame.right && r.bottom > frame.top && r.top < frame.bottom);
  return {display: getComputedStyle(svg).display, width: frame.width, height: frame.height, shapes: seen.length};
})"""


@dataclass(frozen=True)
class Still:
    """A map as it is printed."""

    display: str
    width: float
    height: float
    shapes: int


@dataclass(frozen=True)
class Printed:
    """The sheets of a printed page, and the pieces that none of them may cut."""

    pdf: bytes
    sheets: list[str]  # the words of each sheet, run together
    charts: list[list[str]]
    rows: list[list[str]]
    maps: list[Still]

    def cut(self, pieces: Iterable[list[str]]) -> list[str]:
        """Name the pieces that no single sheet holds whole."""
        return [" ".join(p)[:80] for p in pieces if not any(all(run_together(w) in s for w in p) for s in self.sheets)]

    def without_foot(self, *words: str) -> list[str]:
        """Name the sheets whose foot lacks some words, or the sheet's number."""
        numbers = [f"{n}/{len(self.sheets)}" for n in range(1, len(self.sheets) + 1)]
        wanted = [run_together(w) for w in words]
        return [n for n, s in zip(numbers, self.sheets, strict=True) if not all(w in s for w in (*wanted, n))]


def run_together(words: str) -> str:
    """Leave out spaces and hyphens, and take ligatures apart, as no two printers agree on them."""
    return "".join(c for c in unicodedata.normalize("NFKC", words) if not c.isspace() and c not in "\u00ad\u2010-")


def printed(page: Page) -> Printed:
    """Print an open page on A4."""
    page.emulate_media(media="print")
    pieces = page.evaluate(_PIECES)
    maps = [Still(**m) for m in page.evaluate(_MAPS)]
    page.emulate_media(media="null")
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    sheets = [run_together(sheet.extract_text()) for sheet in PdfReader(io.BytesIO(pdf)).pages]
    return Printed(pdf, sheets, pieces["charts"], pieces["rows"], maps)
