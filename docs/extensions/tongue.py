"""Pages under ``fr/`` are in French: they say so to browsers and screen readers, and so do the words of the theme around them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from sphinx.application import Sphinx

#: What the theme and the captions of the index say in English, and its catalogues do not translate for a page alone.
WORDS_FR: Final = {
    "Auto light/dark, in dark mode": "Mode automatique, sombre pour l’instant", "Auto light/dark, in light mode": "Mode automatique, clair pour l’instant",
    "Back to top": "Haut de la page", "Contents": "Sommaire", "Dark mode": "Mode sombre", "Expand": "Déplier", "Explanation": "Explications",
    "Home": "Accueil", "How-to guides": "Guides pratiques", "Light mode": "Mode clair", "Made with": "Fait avec", "Next": "Suivant",
    "On this page": "Sur cette page", "Previous": "Précédent", "Reference": "Référence", "Search": "Rechercher",
    "Skip to content": "Aller au contenu", "Toggle Light / Dark / Auto color theme": "Changer de mode : clair, sombre, automatique",
    "Toggle site navigation sidebar": "Montrer ou cacher la navigation", "Toggle table of contents sidebar": "Montrer ou cacher le sommaire de la page",
}  # fmt: skip
_WHOLE: Final = re.compile(r"(?P<before>>\s*|=\")(?P<words>" + "|".join(map(re.escape, WORDS_FR)) + r")(?P<after>\s*<|\")")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", _language)
    app.connect("build-finished", _translate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _language(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    if page.startswith("fr/"):
        context["language"] = "fr"


def _translate(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        for page in (Path(app.outdir) / "fr").glob("*.html"):
            text = page.read_text("utf-8")
            page.write_text(_WHOLE.sub(lambda m: m["before"] + WORDS_FR[m["words"]] + m["after"], text), "utf-8")
