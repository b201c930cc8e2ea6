"""From an executed notebook to one HTML file: no code, no chrome, no request to any host."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import nbformat
from nbconvert.exporters import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

import qpv
from qpv.brief.blocks import style_sheet
from qpv.html import BRIEF_MIME, OUTLINES_MIME, RECORD_MIME, css_string, script_hashes
from qpv.maps import defs, leaflet_css, leaflet_js
from qpv.quarter import Quarter
from qpv.vocabulary import AGGLOMERATION, BRIEF_KINDS_FR


def record_of(notebook: nbformat.NotebookNode) -> dict[str, Any] | None:
    """Give the record that the notebook's last cell wrote, or ``None`` when it wrote none."""
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if RECORD_MIME in data:
                return dict(data[RECORD_MIME])
    return None


def to_html(notebook: nbformat.NotebookNode) -> str:
    """Write the brief of an executed notebook as one self-contained page."""
    record = record_of(notebook) or {}
    name, theme = record.get("name", "Brief"), BRIEF_KINDS_FR.get(record.get("theme", ""), "")
    when = f", {Quarter.parse(record['quarter']).label}" if record.get("quarter") else ""
    title = f"{name} – {theme}{when}"
    about: dict[str, Any] = {
        "title": title, "kind": record.get("theme", ""), "style": leaflet_css() + style_sheet() + _running_foot(title), "leaflet": leaflet_js(),
        "mime": BRIEF_MIME, "version": qpv.__version__, "script": _page_script(record.get("theme", "")), "outlines": defs(_outlines(notebook)),
    }  # fmt: skip
    # Named, not linked: the page is sent by mail, the notebook stays in the folder of the run.
    about["notebook"] = f"{record['qpv']}-{record['theme']}.ipynb" if record else ""
    about["scripts"] = script_hashes([about["leaflet"], about["script"]])
    # A page without a map has no layer of the IGN to ask for.
    about["maps"] = any(
        "data-map=" in o.get("data", {}).get(BRIEF_MIME, "") for c in notebook.cells for o in c.get("outputs", [])
    )
    page, _ = _exporter().from_notebook_node(notebook, resources={"qpv": about})
    return str(page)


def _running_foot(title: str) -> str:
    """Say on each printed page which brief it is of, where its sources are, and its number."""
    said = css_string(f"{title}. Observatoire des QPV ; sources en fin de document.")
    looks = "font: 7pt system-ui, Arial, sans-serif; color: #4d5762;"
    number = f'content: counter(page) " / " counter(pages); {looks}'
    return f"@page {{ @bottom-left {{ content: {said}; {looks} }} @bottom-right {{ {number} }} }}"


def _outlines(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Gather the outlines that the maps name, each once."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    return {name: d for o in outputs for name, d in o.get("data", {}).get(OUTLINES_MIME, {}).items()}


@cache
def _page_script(kind: str) -> str:
    """The script of all pages, and the one that only this kind of brief has."""
    template = files("qpv.brief") / "template"
    names = ["brief.js", "agglomeration.js"] if kind == AGGLOMERATION else ["brief.js"]
    return "\n".join((template / name).read_text("utf-8") for name in names)


class _BriefExporter(TemplateExporter):
    """nbconvert's exporter without the passes of its HTML exporter, which rewrite the page."""

    file_extension = ".html"
    output_mimetype = "text/html"
    template_extension = ".html.j2"


def _prose(source: str) -> str:
    """Turn a notebook's prose into HTML: raw HTML is shown as text, headings carry no anchor sign."""
    renderer = IPythonRenderer(escape=True, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))


@cache
def _exporter() -> _BriefExporter:
    return _BriefExporter(
        template_name="qpv-brief", extra_template_basedirs=[str(files("qpv.brief") / "template")], filters={"prose": _prose}
    )
