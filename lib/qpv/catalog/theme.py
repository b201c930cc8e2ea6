"""Themes: what the brief of a theme shows beside its key figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qpv.catalog.fields import Entry, French, Identifier
from qpv.vocabulary import THEMES_FR


class Structure(Entry):
    """Shares of one whole in their order, drawn as bars: the QPV, and its commune or EPCI where the same figures exist.

    ``key`` names the drawing within the page.
    """

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
    title: French
    indicators: Annotated[list[Identifier], Field(min_length=2)]


class Theme(Entry):
    """What the brief of one theme shows of its own.

    ``structures`` and ``nearest`` make its own block: shares as bars, then, under the title that ``nearest`` gives, a table
    of all figures of the theme, each at the nearest level where it exists.  ``communes`` are the indicators that the
    third map shows over the communes of the agglomération, the first of them that three communes have; without one it shows
    the second key figure over the QPV of the département.  Where squares around the QPV hold one of ``squares``, it shows these.
    """

    id: Literal[tuple(THEMES_FR)]  # type: ignore[valid-type]
    communes: list[Identifier] = []
    squares: list[Identifier] = []
    structures: list[Structure] = []
    nearest: French | None = None

    @property
    def named(self) -> list[str]:
        """Every indicator that it names."""
        return [*self.communes, *self.squares, *(i for s in self.structures for i in s.indicators)]
