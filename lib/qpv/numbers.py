"""Numbers as French producers write them, and as French readers expect them.

Parsing is strict: a cell is a number, a known mark of absence, or an error that names it.
"""

from __future__ import annotations

import math
import re
from typing import Final

from qpv.vocabulary import UNITS, Status

NNBSP: Final = "\u202f"  # narrow no-break space: between thousands, before € % ; : ! ?
NBSP: Final = "\u00a0"
MINUS: Final = "\u2212"
DASH: Final = "–"

_SPACES: Final = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_GROUPED: Final = re.compile(r"^[+-]?\d{1,3}( \d{3})+([.,]\d+)?$")
_PLAIN: Final = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$")

#: Marks of absence that producers write in a cell, with their meaning.
ABSENCE_MARKS: Final = {
    "": Status.UNAVAILABLE,
    "s": Status.SECRET,  # secret statistique (Insee, LOVAC)
    "c": Status.SECRET,  # confidentiel
    "ns": Status.SECRET,  # non significatif: withheld because too few were counted
    "nd": Status.UNAVAILABLE,  # non disponible (Insee)
    "n/d": Status.UNAVAILABLE,
    "nc": Status.UNAVAILABLE,  # non communiqué, non connu: the producer does not say why
    "na": Status.UNAVAILABLE,  # not available (files written by R and pandas)
    "n/a": Status.UNAVAILABLE,
    "nan": Status.UNAVAILABLE,
    "-": Status.UNAVAILABLE,
    "..": Status.UNAVAILABLE,
    "so": Status.NOT_APPLICABLE,  # sans objet
    "///": Status.NOT_APPLICABLE,  # Insee: no result by the nature of things
    "#num !": Status.UNAVAILABLE,  # the producer's spreadsheet had no result (RPLS by IRIS)
    "#num!": Status.UNAVAILABLE,
}
#: A number that stands for no value: Géoclip's exports, and rasters.  Exactly this one; -9999.5 is a number.
NO_VALUE: Final = -9999.0


_BEFORE_SIGN: Final = re.compile(r"(?<=\S) (?=[%‰€;:!?»])")
_AFTER_QUOTE: Final = re.compile(r"« ")


def french_spacing(text: str) -> str:
    """Put the narrow no-break spaces of French typography before ``% € ; : ! ? »`` and after ``«``."""
    return _AFTER_QUOTE.sub(f"«{NNBSP}", _BEFORE_SIGN.sub(NNBSP, text))


def parse_number(text: str) -> float:
    """Read one number written the French or the English way.

    Accepts ``6 490`` with any kind of space (U+202F, U+00A0), ``12,5``, ``95.328`` (a point is a
    decimal point, never a thousands separator), ``61.2%``, ``1E-05``, a true minus sign.

    Raises
    ------
    ValueError
        If the text is not a finite number; the message shows the text.
    """
    cleaned = text
    if not _PLAIN.match(text):  # most cells need no cleaning, and there are millions
        cleaned = _SPACES.sub(" ", text.replace(MINUS, "-")).strip()
        cleaned = cleaned.removesuffix("%").removesuffix("€").strip()
        if _GROUPED.match(cleaned):
            cleaned = cleaned.replace(" ", "")
        if not _PLAIN.match(cleaned):
            raise ValueError(f"not a number: {text!r}")
    value = float(cleaned.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(f"not a finite number: {text!r}")
    return value


def parse_cell(text: str) -> tuple[float | None, Status]:
    """Read a cell as ``(value, status)``; a mark of absence gives ``(None, its status)``.

    Raises
    ------
    ValueError
        If the text is neither a number nor a known mark of absence.
    """
    mark = ABSENCE_MARKS.get(text.strip().casefold())
    if mark is not None:
        return None, mark
    value = parse_number(text)
    return (None, Status.UNAVAILABLE) if value == NO_VALUE else (value, Status.OBSERVED)


def rounded(value: float, decimals: int = 0) -> float:
    """Round half away from zero, as readers do by hand and as :func:`format_number` writes."""
    scale = 10**decimals
    # Binary floats fall a hair short of what was printed (1.005, 2.675): nudge by one part in 10^9.
    return math.copysign(math.floor(abs(value) * scale * (1 + 1e-12) + 0.5 + 1e-9) / scale, value)


def format_number(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Write a number in French: ``12 190``, ``61,4``, ``−1,3``; ``+`` too when ``signed``.

    Rounds half away from zero, as readers do by hand, and never writes a negative zero.
    """
    magnitude = abs(rounded(value, decimals))
    body = f"{magnitude:,.{decimals}f}".replace(",", NNBSP).replace(".", ",")
    if magnitude == 0:
        return body
    if value < 0:
        return f"{MINUS}{body}"
    return f"+{body}" if signed else body


def format_value(value: float, unit: str, decimals: int = 0, *, signed: bool = False) -> str:
    """Write a value with its unit: ``12 190 €``, ``61,4 %``."""
    suffix = UNITS[unit][0]
    number = format_number(value, decimals, signed=signed)
    return f"{number}{NNBSP}{suffix}" if suffix else number


def format_difference(value: float, unit: str, decimals: int = 0) -> str:
    """Write a difference with its own unit, always signed: ``+1,3 pt``, ``−2 870 €``."""
    suffix = UNITS[unit][1]
    number = format_number(value, decimals, signed=True)
    return f"{number}{NNBSP}{suffix}" if suffix else number
