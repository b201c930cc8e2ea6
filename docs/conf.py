"""The documentation site: Sphinx reads these pages, offline, and no page of it asks any host for anything."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE / "extensions")]

project = "Observatoire QPV"
html_title = "Observatoire QPV"
language = "en"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "screenshot", "tongue"]
exclude_patterns = ["extensions", "pictures"]

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

myst_heading_anchors = 3
# Headings of the catalogue repeat from theme to theme, and pages are read on the forge too.
suppress_warnings = ["myst.header"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
