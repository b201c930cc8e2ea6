"""The catalogue: what is known of each indicator, source and edition.

Read from ``data/catalog/indicators/*.yml`` and ``data/catalog/sources.yml`` (safe YAML), checked
by a schema that refuses unknown keys.  Producers' words stay in French: readers see them.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from qpv.errors import CatalogError
from qpv.numbers import french_spacing
from qpv.quarter import is_period
from qpv.vocabulary import LEVELS, THEMES_FR, UNITS, Polarity, Status

#: The safe loader, in C where PyYAML was built with it: ten times faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]
Text = Annotated[str, Field(min_length=3)]
#: A text that readers see: French, spaced as French typography wants it.
French = Annotated[str, Field(min_length=3), AfterValidator(french_spacing)]

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


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Https = Annotated[str, AfterValidator(_https)]
FileName = Annotated[str, AfterValidator(_plain_name)]
Regex = Annotated[str, AfterValidator(_compiles)]

E = TypeVar("E", bound="_Entry")
T = TypeVar("T", "Indicator", "Source", "Edition")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Entry):
    """Where a source holds an indicator: one column, or a quotient of two sums of columns.

    ``column`` lists names in order of preference (producers rename columns between editions); a
    name may be a sum or a difference of columns (``txLsAv49 + txLs49a75``); ``{yy}`` stands for the two digits of the reference year.  ``scale`` multiplies the result
    (100 for proportions written 0-1; quotients of a ``pct`` indicator are scaled by 100).
    """

    source: Identifier
    column: list[str] = []
    numerator: list[str] = []
    denominator: list[str] = []
    block: str = "main"
    scale: float = 1.0
    levels: list[str] = []  # empty: every level that the source delivers

    @field_validator("column", "numerator", "denominator", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _column_or_quotient(self) -> Column:
        if bool(self.column) == bool(self.numerator and self.denominator):
            raise ValueError("give either 'column', or 'numerator' and 'denominator'")
        return self


class Break(_Entry):
    """A break in a series: values before and from ``period`` on are not measured alike."""

    period: str
    reason: French


class Indicator(_Entry):
    """One indicator; every text is French, as the reader of a brief will see it."""

    id: Identifier
    theme: Literal[tuple(THEMES_FR)]  # type: ignore[valid-type]
    also: list[Literal[tuple(THEMES_FR)]] = []  # type: ignore[valid-type]  # themes it also speaks to
    label: French
    short: Annotated[French, Field(max_length=48)]
    definition: French
    universe: French
    numerator: French | None = None
    denominator: French | None = None
    unit: Literal[tuple(UNITS)]  # type: ignore[valid-type]
    decimals: Annotated[int, Field(ge=0, le=3)] = 0
    polarity: Polarity = Polarity.NONE
    aggregation: Literal["none", "sum", "weighted_mean"] = "none"
    minimum_count: int | None = None
    key: bool = False  # among the key figures of its theme's brief
    of_change: bool = False  # measures a change itself: its own change is no news
    rank: int = 100  # order within its theme; the lowest key figure is the headline
    breaks: list[Break] = []
    warnings: list[French] = []
    comparability: French | None = None
    columns: list[Column] = []

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes whose brief shows it, its own first."""
        return (self.theme, *self.also)


class NoteCode(_Entry):
    """What one value of a producer's quality flag means."""

    status: Status
    meaning: French


class Block(_Entry):
    """A group of columns of one origin: its quality flag, if any, and that flag's meanings."""

    label: Text
    note: str | None = None
    meanings: dict[str, NoteCode] = {}


class Table(_Entry):
    """How the file of a source is laid out."""

    format: Literal["csv", "excel"] = "csv"
    separator: str = ";"
    encoding: Literal["utf-8-sig", "latin-1"] = "utf-8-sig"
    sheet: str | None = None
    header_row: Annotated[int, Field(ge=1)] = 1
    key: list[str]
    period_column: str | None = None
    total_code: str | None = None  # the code of the row that holds all QPV together

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Fetch(_Entry):
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


class Edition(_Entry):
    """One delivery of a source: the file, when it was published, and what time it speaks of."""

    id: Identifier
    files: Regex  # on the file's base name, case-insensitive
    member: Regex | None = None  # in an archive: regular expression on the member's name
    published: dt.date
    published_precision: Literal["day", "month", "year", "assumed"] = "day"
    level: Literal[tuple(LEVELS)] | None = None  # type: ignore[valid-type]  # else the source's
    periods: dict[str, str] = {}  # block -> reference period
    rows: tuple[int, int] | None = None
    traps: list[French] = []
    fetch: Fetch | None = None  # else the source's

    @field_validator("periods")
    @classmethod
    def _are_periods(cls, value: dict[str, str]) -> dict[str, str]:
        for period in value.values():
            if not is_period(period):
                raise ValueError(f"not a period: {period!r}")
        return value


class Source(_Entry):
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
    blocks: dict[str, Block] = {}
    editions: list[Edition] = []
    notes: list[str] = []
    fetch: Fetch | None = None

    @model_validator(mode="after")
    def _readable(self) -> Source:
        if self.tier != "listed" and not self.reader:
            raise ValueError(f"tier {self.tier!r} needs a reader")
        return self


class Catalog:
    """All indicators and sources, by id.

    Parameters
    ----------
    indicators, sources
        Validated entries; ids are unique and every column names a known source and block.

    Raises
    ------
    CatalogError
        If an id is used twice or a column names an unknown source or block.
    """

    def __init__(self, indicators: list[Indicator], sources: list[Source]) -> None:
        self.indicators = _unique(indicators, "indicator")
        self.sources = _unique(sources, "source")
        _unique([e for s in sources for e in s.editions], "edition")
        for indicator in indicators:
            for column in indicator.columns:
                source = self.sources.get(column.source)
                if source is None:
                    raise CatalogError(
                        f"indicator {indicator.id!r}: unknown source {column.source!r}; known: {', '.join(sorted(self.sources))}"
                    )
                if column.block != "main" and column.block not in source.blocks:
                    raise CatalogError(
                        f"indicator {indicator.id!r}: source {source.id!r} has no block "
                        f"{column.block!r}; known: {', '.join(sorted(source.blocks)) or 'none'}"
                    )

    @classmethod
    def load(cls, folder: Path) -> Catalog:
        """Read and check the catalogue in ``folder``.

        Raises
        ------
        CatalogError
            Naming file, entry, key and what was expected.
        """
        indicators: list[Indicator] = []
        files = sorted((folder / "indicators").glob("*.yml"))
        if not files:
            raise CatalogError(f"no indicators in {folder / 'indicators'}: expected *.yml files")
        for file in files:
            indicators += _entries(file, Indicator)
        return cls(indicators, _entries(folder / "sources.yml", Source))

    def to_json(self) -> str:
        """Write the whole catalogue, for :meth:`from_json`."""
        content = {
            "indicators": [i.model_dump(mode="json") for i in self.indicators.values()],
            "sources": [s.model_dump(mode="json") for s in self.sources.values()],
        }
        return json.dumps(content, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Catalog:
        """Read what :meth:`to_json` wrote."""
        content = json.loads(text)
        return cls(
            [Indicator.model_validate(i) for i in content["indicators"]],
            [Source.model_validate(s) for s in content["sources"]],
        )

    def indicator(self, identifier: str) -> Indicator:
        """Give one indicator, or raise ``CatalogError`` when the id is unknown."""
        try:
            return self.indicators[identifier]
        except KeyError:
            raise CatalogError(f"unknown indicator {identifier!r}") from None

    def of_theme(self, theme: str) -> list[Indicator]:
        """Give the indicators of a theme, in the order in which a brief shows them."""
        found = [i for i in self.indicators.values() if theme in i.themes]
        return sorted(found, key=lambda i: (not i.key, i.rank, i.id))

    def columns_of(self, source: str) -> list[tuple[Indicator, Column]]:
        """Give every (indicator, column) that reads from a source."""
        return self._by_source.get(source, [])

    @cached_property
    def _by_source(self) -> dict[str, list[tuple[Indicator, Column]]]:
        found: dict[str, list[tuple[Indicator, Column]]] = {}
        for indicator in self.indicators.values():
            for column in indicator.columns:
                found.setdefault(column.source, []).append((indicator, column))
        return found

    @cached_property
    def editions(self) -> dict[str, tuple[Source, Edition]]:
        """Every edition with its source, by edition id."""
        return {e.id: (s, e) for s in self.sources.values() for e in s.editions}


def _entries(file: Path, kind: type[E]) -> list[E]:
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  _LOADER is a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogError(f"{file.name}: cannot be read as YAML: {error}") from error
    if not isinstance(raw, list):
        raise CatalogError(f"{file.name}: expected a list of entries, found {type(raw).__name__}")
    entries, faults = [], []
    for position, item in enumerate(raw, start=1):
        try:
            entries.append(kind.model_validate(item))
        except ValidationError as error:
            name = item.get("id", f"entry {position}") if isinstance(item, dict) else position
            faults += [f"{file.name}: {name}: {'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors()]
    if faults:
        raise CatalogError("\n".join(faults))
    return entries


def _unique(entries: list[T], noun: str) -> dict[str, T]:
    found: dict[str, T] = {}
    for entry in entries:
        if entry.id in found:
            raise CatalogError(f"{noun} {entry.id!r} is defined twice")
        found[entry.id] = entry
    return found
