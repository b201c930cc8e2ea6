"""Safe HTML: everything that comes from data is escaped here, once."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Final

#: The kind of output that the brief's exporter takes; JupyterLab takes ``text/html``.
BRIEF_MIME: Final = "application/vnd.qpv.brief+html"
RECORD_MIME: Final = "application/vnd.qpv.record+json"

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


@dataclass(frozen=True)
class Block:
    """A piece of a brief: what the HTML file shows, and what JupyterLab shows if that differs."""

    html: str
    lab: str = ""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return {"text/html": self.lab or f'<div class="qpv">{self.html}</div>', BRIEF_MIME: self.html}

    def _repr_html_(self) -> str:
        return self.lab or f'<div class="qpv">{self.html}</div>'


def join(*blocks: Block) -> Block:
    """Put blocks one below the other."""
    lab = "".join(b.lab or f'<div class="qpv">{b.html}</div>' for b in blocks)
    return Block("\n".join(b.html for b in blocks), lab)
