"""Files with one row a thing: where a row says where its thing lies, and which rows count."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from qpv.catalog.fields import Entry, French

#: What a column of codes may name; a QPV code belongs to one generation of perimeters.
Coded = Literal["qpv_2024", "qpv_2015", "iris", "commune", "departement", "school"]


class Point(Entry):
    """The columns of a thing's coordinates: two, or one that holds ``latitude, longitude``.

    ``local`` is the legal projection of the département: Lambert-93, overseas its UTM zone.
    """

    x: list[str] = []
    y: list[str] = []
    pair: list[str] = []
    crs: Literal["EPSG:4326", "EPSG:2154", "local"] = "EPSG:4326"

    @model_validator(mode="after")
    def _complete(self) -> Point:
        if bool(self.x and self.y) == bool(self.pair) or bool(self.x) != bool(self.y):
            raise ValueError("give 'x' and 'y', or 'pair'")
        if self.pair and self.crs != "EPSG:4326":
            raise ValueError("'pair' holds degrees: latitude, longitude")
        return self


class Alone(Entry):
    """Keep the rows of a group (a deed of sale) that holds exactly one row which ``where`` keeps."""

    by: list[str]
    where: dict[str, list[str]]


class RowPeriod(Entry):
    """The column that dates a row: by its first four digits, a year or the autumn of a school year.

    ``whole``: the rows are what happens in a year, and one that was not over at publication is not stored.
    """

    column: list[str]
    form: Literal["year", "school_year"] = "year"
    whole: bool = False


class SchoolColumns(Entry):
    """What a row that is a school says of it."""

    name: list[str]
    kind: list[str] = []  # école, collège, lycée…
    priority: list[str] = []  # REP, REP+


class Things(Entry):
    """How a CSV with one row a thing is laid out; a name of a column is a list of alternatives.

    Names of columns are matched whatever their case, accents and punctuation; one that ends in ``*``
    matches the only column that starts like it.  ``codes`` are read before coordinates; of several
    ``points`` the first that the file has.  ``keep`` leaves other rows out altogether; of the rows that
    share a ``key`` the first counts.  The separator is the one that cuts the header into most columns.
    """

    noun: French  # what they are, plural, as notes name them
    codes: dict[Coded, list[str]] = {}
    commune_names: list[str] = []  # where the commune is only named: looked up in the département
    points: list[Point] = []
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    keep: dict[str, list[str]] = {}
    key: list[str] = []
    alone: Alone | None = None
    period: RowPeriod | None = None
    schools: SchoolColumns | None = None

    @model_validator(mode="after")
    def _placed(self) -> Things:
        if not self.codes and not self.points:
            raise ValueError("give 'codes' or 'points': a thing must lie somewhere")
        if self.commune_names and not {"departement", "school"} & set(self.codes):
            raise ValueError("'commune_names' needs the code of a département or of a school")
        if self.schools and "school" not in self.codes:
            raise ValueError("'schools' needs the code of the school")
        return self
