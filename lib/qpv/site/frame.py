"""What the pages of the site share: head, navigation, foot, and tables that a search field filters."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import qpv
from qpv.brief.blocks import style_sheet
from qpv.html import css_string, script_hashes, text
from qpv.numbers import DASH, NNBSP
from qpv.quarter import Quarter
from qpv.reference import fold

#: The pages around the briefs, in the order of the navigation.
PAGES: Final = {
    "index.html": "Briefs", "changes.html": "Ce qui a changé", "data.html": "État des données",
    "method.html": "Méthode", "glossary.html": "Glossaire", "run.html": "Exécution",
}  # fmt: skip
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src {scripts}; {images}base-uri 'none'; form-action 'none'"
)
#: What a body may begin with: it tells the style sheet that scripts run.
FIRST_SCRIPT: Final = 'document.documentElement.className = "js";'
#: Only the map's layer of the IGN, which a reader must tick, asks for images.
_IMAGES: Final = "img-src data: https://data.geopf.fr; "


class Markup(str):
    """A cell that is HTML already, its data escaped; all others are escaped by the table."""


@cache
def template(name: str) -> str:
    """Read a style sheet or script of the site."""
    return (files("qpv.site") / "template" / name).read_text("utf-8")


def shell(
    name: str, title: str, quarter: Quarter, body: str, *, style: str = "", scripts: Sequence[str] = (), maps: bool = False
) -> str:
    """Put a page together.

    Parameters
    ----------
    name
        The page's own file name, one of ``PAGES``.
    title
        Its heading; plain text.
    body
        What stands below the heading: HTML.
    style, scripts
        Of this page alone; without ``scripts``, which stand below the body, the page gets the one that filters its tables.
    maps
        Whether it has maps, which may ask the IGN for images when a reader wants it.
    """
    below = scripts or [template("filter.js")]
    policy = _POLICY.format(images=_IMAGES if maps else "", scripts=script_hashes([FIRST_SCRIPT, *below]))
    links = "".join(
        f'<li><a href="{page}"{" aria-current=page" if page == name else ""}>{text(words)}</a></li>'
        for page, words in PAGES.items()
    )
    return f"""<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{text(f"{title}, {quarter.label}")}</title>
<style>{style_sheet()}{template("site.css")}{style}{_running_foot(f"{title}, {quarter.label}")}</style></head>
<body><header class="qpv site"><nav aria-label="Pages de l’observatoire"><ul>{links}</ul></nav></header>
<main class="qpv"><header><p class="theme">Trimestre {text(quarter.label)}</p><h1>{text(title)}</h1></header>
{body}
</main><footer class="qpv"><p>Observatoire des QPV, version {text(qpv.__version__)}. Chiffres publics, <a href="https://www.etalab.gouv.fr/licence-ouverte-open-licence/">Licence Ouverte 2.0</a>{NNBSP}; code sous licence MIT. Ces pages se lisent sans connexion.</p></footer>
{"".join(f"<script>{script}</script>" for script in below)}</body></html>
"""


def _running_foot(title: str) -> str:
    looks = "font: 7pt system-ui, Arial, sans-serif; color: #4d5762;"
    number = f'content: counter(page) " / " counter(pages); {looks}'
    return f"@page {{ @bottom-left {{ content: {css_string(f'Observatoire des QPV. {title}.')}; {looks} }} @bottom-right {{ {number} }} }}"


def search_field(label: str) -> str:
    """Write the field that filters every :func:`filtered_table` of the page; the script shows it."""
    return (
        f'<p class="filters no-print" id="filters" hidden><label for="search">{text(label)}{NNBSP}: </label>'
        '<input id="search" type="search" autocomplete="off"></p>'
    )


def filtered_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Write a table whose rows the page's search field filters; the first cell heads its row."""
    body = []
    for row in rows:
        cells = [c if isinstance(c, Markup) else text(c) for c in row]
        words = fold(html.unescape(re.sub(r"<[^>]*>", " ", " ".join(cells))))
        # On a phone a row is a card, where each cell carries the head of its column, and empty ones are left out.
        said = "".join(
            f'<td data-head="{text(h)}"{" class=empty" if c == DASH else ""}>{c}</td>'
            for h, c in zip(heads[1:], cells[1:], strict=True)
        )
        body.append(f'<tr data-words="{text(words)}"><th scope="row">{cells[0]}</th>{said}</tr>')
    header = "".join(f'<th scope="col">{text(h)}</th>' for h in heads)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table class="small stack"><caption>{text(caption)}</caption>'
        f'<thead><tr>{header}</tr></thead><tbody class="qpv-list">{"".join(body)}</tbody></table></div>'
    )


def english(message: str) -> str:
    """Write what the library says in English, for a screen reader to pronounce."""
    return f'<span class="newer" lang="en">{text(message)}</span>' if message else ""


def named(row: Any, identifier: str, address: str) -> Markup:
    """Name a source or an edition of it, with its identifier and, where it is on the web, its page."""
    name = text(f"{row.producer}, {row.dataset}")
    if address.startswith(("https://", "http://")):
        name = f'<a href="{text(address)}" rel="noreferrer">{name}</a>'
    return Markup(f'{name}<span class="newer">{text(identifier)}</span>')
