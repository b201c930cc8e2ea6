"""Sources: datasets of a producer, how their files are laid out, and their editions."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from qpv.catalog.fields import Entry, French, Identifier, Regex, Text
from qpv.catalog.things import Things
from qpv.quarter import is_period
from qpv.vocabulary import ABSENT, LEVELS, Status

#: What a fetched file may be called: one plain name, with the suffix of a kind of file that is read.
_FILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,110}\.(csv|zip|xlsx?|geojson|gpkg|parquet|gz)", re.IGNORECASE)
_FETCH_KEYS: Final = {
    "direct": {"url"}, "datagouv": {"dataset", "pattern"}, "insee": {"page", "pattern"}, "opendatasoft": {"base", "dataset"},
}  # fmt: skip


def file_name(url: str) -> str:
    """Give what stands after the last slash of an address; nothing says yet that it is a safe name."""
    return unquote(re.split("[?#]", url, maxsplit=1)[0]).rpartition("/")[2]


def is_file_name(value: str) -> bool:
    """Say whether a fetched file may be stored under this name: no folder, no hidden file, a suffix that is read."""
    return bool(_FILE_NAME.fullmatch(value))


def _https(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme != "https" or not parts.hostname or "@" in parts.netloc):
        raise ValueError(f"not an https address: {value!r}")
    return value


def _plain_name(value: str) -> str:
    if value and not is_file_name(value):
        raise ValueError(f"not a plain file name: {value!r}")
    return value


Https = Annotated[str, AfterValidator(_https)]
FileName = Annotated[str, AfterValidator(_plain_name)]


class NoteCode(Entry):
    """What one value of a producer's quality flag means."""

    status: Status
    meaning: French


class Block(Entry):
    """A group of columns of one origin: its quality flag, if any, and that flag's meanings.

    ``blank`` is what an empty cell means in a row whose flag says that its figures are published.
    """

    label: Text
    note: list[str] = []  # names of the flag's column in different editions
    meanings: dict[str, NoteCode] = {}
    blank: NoteCode | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Block:
        if self.blank and (not self.note or self.blank.status not in ABSENT):
            raise ValueError("'blank' is the absence that an empty cell stands for, and needs the flag 'note'")
        return self

    @field_validator("note", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Long(Entry):
    """That each row of a table is one (territory, measure, period), as in the files of Insee's Melodi.

    A measure is called by the values of its columns (``measure``), and by the column of the number where several
    (``value``) hold one, joined by `` | ``: ``MED_SL``, ``Femmes | Total``, ``Collectif | LOG_AUT``; so indicators name
    it as their ``column``, ``numerator`` or ``denominator``.  ``where`` keeps the rows with these values.  ``level`` is
    the column that says what kind of territory a row speaks of, ``levels`` its values in our words; rows of any other
    kind are not read.  ``period_prefix`` is what the file leaves out (``20`` where years have two digits).
    """

    measure: list[str] = []
    value: Annotated[list[str], Field(min_length=1)]
    where: dict[str, list[str]] = {}
    level: str | None = None
    levels: dict[str, Literal[tuple(LEVELS)]] = {}  # type: ignore[valid-type]
    period_prefix: Annotated[str, Field(pattern=r"^(\d{2})?$")] = ""

    @field_validator("measure", "value", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _complete(self) -> Long:
        if (self.level is None) != (not self.levels):
            raise ValueError("'level' names a column and 'levels' its values: give both or neither")
        return self


class Table(Entry):
    """How the file of a source is laid out; ``{year}`` in ``sheet`` stands for the year of the main period."""

    format: Literal["csv", "excel", "parquet"] = "csv"
    separator: str = ";"
    encoding: Literal["utf-8-sig", "latin-1"] = "utf-8-sig"
    sheet: str | None = None
    header_row: Annotated[int, Field(ge=1)] = 1
    key: list[str]
    period_column: str | None = None
    total_code: str | None = None  # the code of the row that holds all QPV together
    all_qpv: Literal["FR", "FRM"] = "FR"  # what that row, or the file of all QPV, covers: France or its mainland
    whole_years: bool = False  # counts of what happens in a year: one that was not over at publication is not stored
    long: Long | None = None  # one row a measure; else one row a territory

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _dated_by_rows(self) -> Table:
        if self.whole_years and not (self.long and self.period_column):
            raise ValueError("'whole_years' is for a long table whose rows have a period: give 'long' and 'period_column'")
        return self


class Fetch(Entry):
    """Where a file comes from; dated addresses are resolved when it is fetched (``qpv.fetch``).

    ``direct``: the file at ``url``.  ``datagouv``: the resource of ``dataset`` (slug or id) whose title
    or address matches ``pattern``; of several, the last modified.  ``insee``: the one file that the
    page links to and whose name matches.  ``opendatasoft``: the CSV export of ``dataset`` of the
    portal ``base``, headed by technical names or by ``labels``.
    """

    kind: Literal["direct", "datagouv", "insee", "opendatasoft"]
    url: Https = ""
    base: Https = ""
    dataset: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$", max_length=200)] = ""
    page: Annotated[str, Field(pattern=r"^([0-9]{5,9})?$")] = ""
    pattern: Regex = ""
    labels: bool = False
    name: FileName = ""  # the name to store under, where the address does not end in one

    @model_validator(mode="after")
    def _complete(self) -> Fetch:
        wanted = _FETCH_KEYS[self.kind]
        given = {key for key in ("url", "base", "dataset", "page", "pattern", "labels") if getattr(self, key)}
        if self.kind == "opendatasoft":
            given -= {"labels"}
        if given != wanted:
            raise ValueError(
                f"kind {self.kind!r} takes {', '.join(sorted(wanted))}; found {', '.join(sorted(given)) or 'nothing'}"
            )
        if self.url and not self.name and not is_file_name(file_name(self.url)):
            raise ValueError(f"the address ends in {file_name(self.url)!r}, which is no file name: give 'name'")
        return self


#: What the level is called in the names of the files of Insee's bases.
LEVEL_NAMES: Final = {
    "QP": "qpv", "QPV": "qpv", "COM": "commune", "EPCI": "epci", "IRIS": "iris", "DEP": "departement", "REG": "region",
    "ENSQP": "qpv_of_france", "FR": "france", "FRANCE": "france",
}  # fmt: skip
_YEAR: Final = re.compile(r"\(\?P<(year|yy)>")
_TEMPLATE: Final = re.compile(r"\{year([+-]\d)?\}")


def _at_year(template: str, year: int) -> str:
    """Fill ``{year}``, ``{year-1}``… in the template of a period."""
    return _TEMPLATE.sub(lambda found: str(year + int(found[1] or 0)), template)


class Family(Entry):
    """Editions that nobody has described yet: what the names of their files say.

    The pattern of the file (or of the archive, or of the member) has the group ``year``, four digits, or ``yy``, the last two, and
    may have the groups ``level`` (:data:`LEVEL_NAMES`) and ``part`` (a département, an urban area: each part is an edition of its own).  A file that always has the same name is ``dated_by`` itself:
    the year is that of the day on which it was written.  ``periods`` gives the period of each block from
    that year (``{year}-12``, ``{year-1}-{year}``); a block without one stays undated, which is shown
    and never compared.  ``alone`` is the name of a member that says all this by itself, and is known out of its archive;
    any member is known in a folder that has the name of its archive.  ``lag``: by the end of which year after that one such an edition has come out.
    """

    files: Regex
    member: Regex | None = None
    alone: Regex | None = None
    level: Literal[tuple(LEVELS)] | None = None  # type: ignore[valid-type]
    periods: dict[str, str] = {}
    lag: Annotated[int, Field(ge=0, le=9)] = 2
    dated_by: Literal["name", "file"] = "name"
    rows: tuple[int, int] | None = None
    lacks: list[str] = []
    traps: list[French] = []

    @model_validator(mode="after")
    def _has_year(self) -> Family:
        named = self.dated_by == "name"
        if named and not _YEAR.search(f"{self.files} {self.member or ''}"):
            raise ValueError("'files' or 'member' must hold the group (?P<year>…)")
        if named and self.alone and not _YEAR.search(self.alone):
            raise ValueError("'alone' must hold the group (?P<year>…)")
        for template in self.periods.values():
            if not is_period(_at_year(template, 2020)):
                raise ValueError(f"not the template of a period: {template!r}")
        return self

    def periods_of(self, year: int) -> dict[str, str]:
        """Give the period of each block in the edition of a year."""
        return {block: _at_year(template, year) for block, template in self.periods.items()}


class Borrowed(Entry):
    """Columns that a source has in common with another one, so that no indicator names them twice.

    ``blocks`` maps the other's blocks to ours (empty: all of them, to ``main``).  ``names`` says how ours
    are written: ``{name}`` is the other's name, ``{stem}`` that name without its year (``{yy}``).
    """

    source: Identifier
    blocks: dict[str, str] = {}
    names: Annotated[list[str], Field(min_length=1)] = ["{name}"]


class Sums(Entry):
    """What adds up in a table, within what its producer's rounding allows (checked by ``qpv.expectations``).

    ``total``: by how much the row of all territories together may miss the sum of the rows, for counts that
    may be summed.  ``parts``: by how much the parts of a breakdown may miss their whole, in each row.
    """

    total: Annotated[float, Field(ge=0)] | None = None
    parts: dict[Identifier, Annotated[float, Field(ge=0)]] = {}


class Edition(Entry):
    """One delivery of a source: the file, when it was published, and what time it speaks of.

    ``lacks`` are columns that this edition is known not to have: their absence is no news.
    """

    id: Identifier
    files: Regex  # on the file's base name, case-insensitive
    member: Regex | None = None  # in an archive: regular expression on the member's name
    published: dt.date
    published_precision: Literal["day", "month", "year", "assumed"] = "day"
    level: Literal[tuple(LEVELS)] | None = None  # type: ignore[valid-type]  # else the source's
    periods: dict[str, str] = {}  # block -> reference period
    rows: tuple[int, int] | None = None
    sums: Sums | None = None  # else the source's
    traps: list[French] = []
    lacks: list[str] = []
    sha256: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = []  # of the table once seen: known under any name
    dated_by: Literal["", "name", "file"] = ""  # made from a family while reading, never written in the catalogue
    fetch: Fetch | None = None  # else the source's

    @property
    def unseen(self) -> bool:
        """Whether nobody has described it: the name of its file, or its date, says all that is known."""
        return self.dated_by != ""

    @field_validator("periods")
    @classmethod
    def _are_periods(cls, value: dict[str, str]) -> dict[str, str]:
        for period in value.values():
            if not is_period(period):
                raise ValueError(f"not a period: {period!r}")
        return value


class Source(Entry):
    """One dataset of one producer."""

    id: Identifier
    producer: French
    dataset: French
    landing_page: str
    licence: Text
    tier: Literal["read", "header", "listed"]
    why_listed: str | None = None
    reader: str | None = None
    level: Literal[tuple(LEVELS)] | None = None  # type: ignore[valid-type]
    generation: Literal["2015", "2024", ""] = ""
    priority: int = 50  # between official sources that disagree, the lower number is preferred
    table: Table | None = None
    things: Things | None = None
    blocks: dict[str, Block] = {}
    editions: list[Edition] = []
    families: list[Family] = []
    like: list[Borrowed] = []
    unread: list[Regex] = []  # columns that are known and that no indicator reads: no news either
    sums: Sums | None = None
    notes: list[str] = []
    fetch: Fetch | None = None

    @model_validator(mode="after")
    def _readable(self) -> Source:
        if self.tier != "listed" and not self.reader:
            raise ValueError(f"tier {self.tier!r} needs a reader")
        return self
