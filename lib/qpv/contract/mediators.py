"""Coverage by health mediators (S23): the regional health agency wants one for every 10,000 inhabitants of QPV."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pandas as pd

#: Inhabitants of QPV for one mediator (ARS Hauts-de-France; contrat de Calais, l. 8540).
PER_MEDIATOR: Final = 10_000

INHABITANTS: Final = "population_count"
POSTS: Final = "health_mediator_posts_count"
NOT_COVERED: Final = "qpv_inhabitants_without_health_mediator_count"
TO_RECRUIT: Final = "health_mediators_to_recruit_count"


@dataclass(frozen=True)
class Coverage:
    """A département: inhabitants of QPV, posts open, inhabitants not covered, posts to recruit as printed and by the rule."""

    code: str
    inhabitants: int | None
    posts: int
    not_covered: int
    to_recruit: int
    line: int

    @property
    def by_rule(self) -> int:
        """Posts that the rule asks for: one for each 10,000 inhabitants not covered, begun ones included."""
        return math.ceil(self.not_covered / PER_MEDIATOR)


def coverage(rows: pd.DataFrame) -> list[Coverage]:
    """Read the table of départements from observations of one document.

    Only départements of which posts, inhabitants not covered and posts to recruit are all known.
    """
    found = []
    for code, of in rows[rows["level"].isin(["departement", "qpv_of_departement"])].groupby("territory", sort=True):
        values = {str(r["indicator"]): r for _, r in of.sort_values("edition", kind="stable").iterrows()}
        if {POSTS, NOT_COVERED, TO_RECRUIT} <= values.keys():
            people = values.get(INHABITANTS)
            posts, rest, recruit = (int(values[i]["value"]) for i in (POSTS, NOT_COVERED, TO_RECRUIT))
            inhabitants = None if people is None else int(people["value"])
            found.append(Coverage(str(code), inhabitants, posts, rest, recruit, int(values[POSTS]["row"])))
    return sorted(found, key=lambda c: c.line)


def total(table: Iterable[Coverage]) -> Coverage:
    """Add départements up; inhabitants are known only where they all are."""
    rows = list(table)
    people = [r.inhabitants for r in rows]
    known = [p for p in people if p is not None]
    return Coverage("", sum(known) if len(known) == len(people) else None, sum(r.posts for r in rows), sum(r.not_covered for r in rows),
                    sum(r.to_recruit for r in rows), 0)  # fmt: skip


def contradiction(rows: pd.DataFrame) -> tuple[int, int] | None:
    """Give the posts that the région's figure notes and those that its départements add up to, where the two differ."""
    region = rows[(rows["level"] == "region") & (rows["indicator"] == POSTS)]
    table = coverage(rows)
    if region.empty or not table:
        return None
    noted, added = int(region["value"].iloc[0]), total(table).posts
    return (noted, added) if noted != added else None
