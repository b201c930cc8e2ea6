"""What the entries of a contract's files are made of: numbers as French spreadsheets write them, codes, lines, documents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from qpv.catalog.fields import Entry
from qpv.numbers import parse_number
from qpv.quarter import is_period
from qpv.vocabulary import THEMES_FR

#: The smallest count of persons in a register that is shown, and what stands in its place; see :mod:`qpv.contract.withheld`.
MINIMUM_PERSONS: Final = 5
SECRET_FR: Final = f"secret statistique (moins de\u00a0{MINIMUM_PERSONS})"


@dataclass(frozen=True)
class Known:
    """What entries may name: documents and their days, QPV codes, indicators, labels of other territories."""

    documents: Mapping[str, dt.date]
    qpv: frozenset[str]
    epci: str
    indicators: frozenset[str]
    territories: frozenset[str] = field(default_factory=frozenset)


def _known(value: str, info: ValidationInfo, what: str, where: str) -> str:
    known = info.context
    if isinstance(known, Known) and value not in getattr(known, what):
        raise ValueError(where)
    return value


def _document(value: str, info: ValidationInfo) -> str:
    return _known(value, info, "documents", "no such document; give an id of documents.yml, or describe the document there")


def _qpv(value: str, info: ValidationInfo) -> str:
    return _known(
        value, info, "qpv", "no QPV of this agglomération has this code; codes are like QN06254M (2024) or QP062056 (2015)"
    )


def _indicator(value: str, info: ValidationInfo) -> str:
    return _known(
        value, info, "indicators", "no such indicator in data/catalog/indicators; give its id, or leave it empty (register)"
    )


def _territory(value: str, info: ValidationInfo) -> str:
    known = info.context
    if isinstance(known, Known) and value not in known.qpv | {known.epci} | known.territories:
        raise ValueError(f"expected a QPV of this agglomération, its SIREN {known.epci}, or a sector of places/")
    return value


def _period(value: str) -> str:
    if not is_period(value):
        raise ValueError("expected 2019, 2021-T4, 2021-12, 2022-2023 or undated")
    return value


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_number(value)
    except ValueError:
        raise ValueError("expected a number, for instance 12500 or 1 234,50") from None


def _whole(value: Any) -> Any:
    number = _number(value)
    if isinstance(number, float) and not number.is_integer():
        raise ValueError("expected a whole number")
    return int(number) if isinstance(number, float) else number


def _words(value: Any) -> Any:
    """A code of digits may come as a number from YAML."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


DocumentId = Annotated[str, AfterValidator(_document)]
QpvCode = Annotated[str, BeforeValidator(_words), AfterValidator(_qpv)]
IndicatorId = Annotated[str, AfterValidator(_indicator)]
#: A QPV of the agglomération, the agglomération itself, or a sector of ``places/``.
Territory = Annotated[str, BeforeValidator(_words), AfterValidator(_territory)]
Period = Annotated[str, BeforeValidator(_words), AfterValidator(_period)]
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Money = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False, ge=0)]
Share = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False, ge=0, le=100)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Line = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Year = Annotated[int, BeforeValidator(_whole), Field(ge=2000, le=2040)]

Theme: TypeAlias = Literal[tuple(THEMES_FR)]  # type: ignore[valid-type]


class Cited(Entry):
    """An entry that a public document supports: which one, and the line in its text version."""

    document: DocumentId
    line: Line


C = TypeVar("C", bound=Cited)


def citation(entry: Cited) -> str:
    """Write where an entry comes from, as briefs write it."""
    return f"{entry.document}, l.\u00a0{entry.line}"


def published_by(entries: Iterable[C], documents: Mapping[str, dt.date], day: dt.date) -> tuple[C, ...]:
    """Keep the entries whose document was published by a day."""
    return tuple(e for e in entries if e.document not in documents or documents[e.document] <= day)
