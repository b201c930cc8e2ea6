"""``{screenshot} name`` shows a picture that ``docs/screenshots.py`` made, or says that none was made here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Screenshot(SphinxDirective):
    """A picture by its name; its content is what it shows, in words."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"width": directives.length_or_percentage_or_unitless}

    def run(self) -> list[nodes.Node]:
        """Give the picture, or the words alone."""
        words = " ".join(self.content)
        path = Path(self.env.srcdir) / "pictures" / f"{self.arguments[0]}.png"
        self.env.note_dependency(str(path))
        if not path.is_file():
            return [nodes.paragraph("", "", nodes.emphasis("", f"[{words} — image non faite ici : Chromium manque]"))]
        picture = nodes.image(uri=f"/pictures/{path.name}", alt=words, width=self.options.get("width", "100%"))
        picture["candidates"] = {"*": picture["uri"]}
        return [nodes.figure("", picture, nodes.caption("", words))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("screenshot", Screenshot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
