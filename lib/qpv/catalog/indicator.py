"""Indicators: what a figure means, and where each source holds it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from qpv.catalog.fields import Entry, French, Identifier, Regex
from qpv.vocabulary import THEMES_FR, UNITS, Polarity

#: A singular noun with its article, so that a sentence may be made around it: "le taux de pauvreté".
_NOUN = r"^(le |la |l’)\S"


class Tally(Entry):
    """One figure of a territory made of many rows that are things: dwellings, schools, stops, sales.

    ``where`` keeps rows (column -> accepted values; a value that ends in ``*`` accepts all that starts like
    it, ``*`` alone all but blanks); ``among`` keeps the rows that a share is a share of; ``of`` is the column
    that is summed, averaged, or whose median is taken, or the quotient of two (``price / surface``); a
    ``ratio`` is the sum of ``of`` over the sum of ``over``; ``within`` are metres around the territory, for
    things with coordinates.  `` | `` stands between alternative names of a column.
    Of areas a share is one of the surface and a mean is weighted by it; of lines ``km`` is summed.
    """

    kind: Literal["count", "share", "sum", "mean", "median", "ratio"]
    of: str | None = None
    over: str | None = None
    where: dict[str, list[str]] = {}
    among: dict[str, list[str]] = {}
    within: Annotated[int, Field(ge=0, le=2000)] = 0

    @model_validator(mode="after")
    def _complete(self) -> Tally:
        if (self.of is None) == (self.kind in ("sum", "mean", "median", "ratio")):
            raise ValueError("'of' names the column of a sum, mean, median or ratio, and stands with no other kind")
        if (self.over is None) == (self.kind == "ratio"):
            raise ValueError("'over' names the divisor of a ratio, and stands with no other kind")
        if self.among and self.kind != "share":
            raise ValueError("'among' is the base of a share, and stands with no other kind")
        return self


class Column(Entry):
    """Where a source holds an indicator: one column, a quotient of two sums of columns, or a tally of rows.

    ``column`` lists names in order of preference (producers rename columns between editions); a
    name may be a sum or a difference of columns (``txLsAv49 + txLs49a75``); ``{yy}`` stands for the two
    digits of the reference year.  Where no name fits, ``label`` is looked for in what the producer's dictionary
    says of each column, and only one column may answer.  ``scale`` multiplies the result (100 for
    proportions written 0-1; quotients of a ``pct`` indicator are scaled by 100).
    """

    source: Identifier
    column: list[str] = []
    numerator: list[str] = []
    denominator: list[str] = []
    tally: Tally | None = None
    label: Regex | None = None
    block: str = "main"
    scale: float = 1.0
    levels: list[str] = []  # empty: every level that the source delivers

    @field_validator("column", "numerator", "denominator", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Column:
        quotient = bool(self.numerator and self.denominator)
        if [bool(self.column or self.label), quotient, self.tally is not None].count(True) != 1:
            raise ValueError("give either 'column' (or a 'label'), or 'numerator' and 'denominator', or 'tally'")
        return self


class Break(Entry):
    """A break in a series: values before and from ``period`` on are not measured alike."""

    period: str
    reason: French


class Part(Entry):
    """That an indicator is one of the parts of a whole: ``by`` names the breakdown (sex, age…).

    The parts of a breakdown are all in the catalogue and make up the whole: counts add up to a count, shares to
    a share, or to 100 % of what the whole counts.
    """

    whole: Identifier
    by: Identifier


class Easy(Entry):
    """An indicator in words that anybody reads: what its figure says, and what moves when it changes.

    ``says`` follows the place ("Dans le quartier …, {amount} des habitants vivent…"): ``{amount}`` stands for a rounded
    number, or for a share in words ("plus de la moitié"), always plural.
    """

    says: Annotated[French, Field(pattern=r"^[^{}]*\{amount\}[^{}]*$", max_length=110)]
    about: Annotated[French, Field(pattern=_NOUN, max_length=60)]


class Indicator(Entry):
    """One indicator; every text is French, as the reader of a brief will see it."""

    id: Identifier
    theme: Literal[tuple(THEMES_FR)]  # type: ignore[valid-type]
    also: list[Literal[tuple(THEMES_FR)]] = []  # type: ignore[valid-type]  # themes it also speaks to
    label: French
    short: Annotated[French, Field(max_length=48)]
    noun: Annotated[French, Field(pattern=_NOUN)] | None = None  # the label within a sentence, with its article
    easy: Easy | None = None
    definition: French
    universe: French
    numerator: French | None = None  # a percentage says both, or what the document leaves open
    denominator: French | None = None
    comparability: French  # what it may be compared with, and what not
    unit: Literal[tuple(UNITS)]  # type: ignore[valid-type]
    decimals: Annotated[int, Field(ge=0, le=3)] = 0
    polarity: Polarity = Polarity.NONE
    aggregation: Literal["none", "sum", "weighted_mean"] = "none"
    minimum_count: Annotated[int, Field(ge=1, le=1000)] | None = None  # smaller counts, and their rates, are not shown
    counted_by: Identifier | None = None  # of a rate: the indicator that counts its numerator
    base: Identifier | None = None  # of a rate: the indicator that counts its denominator, the weight of a mean
    part_of: Part | None = None
    bounds: tuple[float | None, float | None] | None = None  # plausible values; else those of the unit (expectations)
    key: bool = False  # among the key figures of its theme's brief
    of_change: bool = False  # measures a change itself: its own change is no news
    rank: int = 100  # order within its theme; the lowest key figure is the headline
    breaks: list[Break] = []
    warnings: list[French] = []
    columns: list[Column] = []

    @model_validator(mode="after")
    def _says_of_what(self) -> Indicator:
        if self.unit == "pct" and not (self.numerator and self.denominator):
            raise ValueError("a percentage says what is divided by what: give 'numerator' and 'denominator'")
        return self

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes whose brief shows it, its own first."""
        return (self.theme, *self.also)
