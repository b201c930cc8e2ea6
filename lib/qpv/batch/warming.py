"""What all briefs of a run have in common, computed once before the first of them."""

from __future__ import annotations

from collections.abc import Collection

import matplotlib.font_manager
import nbformat

from qpv.brief.export import to_html
from qpv.errors import QpvError
from qpv.profile import load_profile
from qpv.vocabulary import BRIEF_THEMES, THEME_BRIEFS
from qpv.warehouse import opened


def warm(warehouse: str, quarter: str, kinds: Collection[str], codes: Collection[str]) -> None:
    """Open the build, read the figures of all QPV for the themes of the run, and prepare charts and pages.

    Without a warehouse, or a QPV to begin with, there is nothing to prepare: each brief will say what is wrong.
    """
    to_html(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Titre")]))
    matplotlib.font_manager.findfont("DejaVu Sans")
    themes = [kind for kind in THEME_BRIEFS if kind in kinds]
    if len(themes) < len(set(kinds)):  # the other kinds go through the six
        themes = [kind for kind in THEME_BRIEFS if kind in {*BRIEF_THEMES, *themes}]
    try:
        store = opened(warehouse)
        store.geometry("qpv", [])
        for theme in themes:
            for code in codes:
                profile = load_profile(store, code, theme, quarter)
                for generation in ("2024", "2015"):
                    profile.similar(generation)
                profile.crowd.prepare()
    except QpvError:
        return
