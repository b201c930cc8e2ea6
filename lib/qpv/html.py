"""Safe HTML: everything that comes from data is escaped here, once."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

#: The kind of output that the brief's exporter takes; JupyterLab takes ``text/html``.
BRIEF_MIME: Final = "application/vnd.qpv.brief+html"
RECORD_MIME: Final = "application/vnd.qpv.record+json"
#: Outlines that the maps of a block name, by id; the exporter writes each once a page.
OUTLINES_MIME: Final = "application/vnd.qpv.outlines+json"

#: The variable that is set while a batch runs: its notebooks show still maps, since nobody looks at them live.
STILL: Final = "QPV_STILL_MAPS"

#: Controls and direction marks that could disguise a label.
_INVISIBLE: Final = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def text(value: object) -> str:
    """Escape a text for HTML content and attributes, without control or direction marks."""
    return html.escape(visible(value), quote=True)


def visible(value: object) -> str:
    """Give a text without control or direction marks."""
    return _INVISIBLE.sub("", str(value))


def inert_cell(value: object) -> object:
    """Keep a spreadsheet from reading a text as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def script_json(value: object) -> str:
    """Write JSON that is inert inside a ``<script>`` element."""
    dumped = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=False)
    return dumped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_hashes(scripts: Iterable[str]) -> str:
    """Name scripts for a page's Content-Security-Policy: a script that data smuggled in is none of them, and does not run."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def css_string(value: object) -> str:
    """Write a text as a CSS string, inert within a ``<style>`` element."""
    inner = "".join(c if c.isalnum() or c in " ,.–-’·()" else f"\\{ord(c):x} " for c in visible(value))
    return f'"{inner}"'


@dataclass(frozen=True)
class Block:
    """A piece of a brief: what the HTML file shows, and what JupyterLab shows if that differs.

    ``outlines`` are paths that the maps of the HTML name, by id.
    """

    html: str
    lab: str = ""
    outlines: dict[str, str] = field(default_factory=dict)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude
        shared = {OUTLINES_MIME: self.outlines} if self.outlines else {}
        return {"text/html": self._repr_html_(), BRIEF_MIME: self.html} | shared

    def _repr_html_(self) -> str:
        return self.lab or f'<div class="qpv">{self.html}</div>'


def join(*blocks: Block) -> Block:
    """Put blocks one below the other."""
    outlines = {name: d for b in blocks for name, d in b.outlines.items()}
    return Block("\n".join(b.html for b in blocks), "".join(b._repr_html_() for b in blocks), outlines)
