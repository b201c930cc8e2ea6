"""A brief shown from any notebook: the blocks of its own notebook, in the same order, with interactive maps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import nbformat
from IPython.display import HTML, Markdown

from qpv import brief
from qpv.errors import ParameterError
from qpv.quarter import Quarter
from qpv.vocabulary import BRIEF_KINDS, THEME_BRIEFS
from qpv.warehouse import Warehouse

#: A call of a block in a notebook of briefs: all that such a notebook holds after the cell that makes the brief.
_CALL: Final = re.compile(r'brief\.([a-z]\w*)\((?:"(\w+)")?\)')


def parts(
    warehouse: Warehouse, notebooks: Path, territory: str, kind: str, quarter: Quarter, blocks: Sequence[str] = ()
) -> list[HTML | Markdown]:
    """Give what the brief shows, as IPython displays it; the notebook of the kind says what and in which order.

    Its calls are read, not run: nothing but blocks of the brief is ever called.

    Parameters
    ----------
    notebooks
        The folder of the notebooks of briefs.
    territory
        A QPV, or an EPCI for a kind that is of one.
    blocks
        Only these, by the name of their call; prose is then left out.

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError, WarehouseError
        If the kind, a block or the territory is unknown, or the notebook is not there.
    """
    if kind not in BRIEF_KINDS:
        raise ParameterError(f"unknown kind of brief {kind!r}: expected one of {', '.join(BRIEF_KINDS)}")
    file = notebooks / f"{kind}.ipynb"
    if not file.is_file():
        raise ParameterError(f"no notebook {file.name!r} in {notebooks.name!r}, which says what the brief shows")
    cells = [c for c in nbformat.read(file, as_version=4).cells if "parameters" not in c.metadata.get("tags", [])]
    calls = {c.id: _CALL.findall(c.source)[-1] for c in cells if c.cell_type == "code" and _CALL.search(c.source)}
    known = list(dict.fromkeys(name for name, _ in calls.values()))
    strange = [name for name in blocks if name not in known]
    if strange:
        raise ParameterError(f"unknown block {strange[0]!r} of {kind!r}: expected one of {', '.join(known)}")
    made: Any = (
        brief.Brief(kind, territory, str(quarter), warehouse.path)
        if kind in THEME_BRIEFS
        else getattr(brief, kind.capitalize())(territory, str(quarter), warehouse.path)
    )
    shown: list[HTML | Markdown] = []
    for cell in cells:
        if cell.cell_type == "markdown" and not blocks:
            shown.append(Markdown(cell.source))
        elif cell.id in calls:
            name, given = calls[cell.id]
            block = getattr(made, name)(*filter(None, [given]))  # called even when not shown: later blocks tell of earlier ones
            if not blocks or name in blocks:
                shown.append(HTML(block._repr_html_()))
    return shown
