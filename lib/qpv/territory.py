"""Codes of territories: what a valid one looks like at each level."""

from __future__ import annotations

import re
from typing import Final

_PATTERNS: Final = {
    ("qpv", "2015"): re.compile(r"QP(\d{3}|02[AB])\d{3}"),
    ("qpv", "2024"): re.compile(r"QN(\d{3}|02[AB])\d{2}[A-Z]"),
    ("iris", ""): re.compile(r"(\d{5}|2[AB]\d{3})\d{4}"),
    ("commune", ""): re.compile(r"\d{5}|2[AB]\d{3}"),
    ("epci", ""): re.compile(r"\d{9}"),
    ("departement", ""): re.compile(r"\d{2}|2[AB]|9[78]\d"),
    ("region", ""): re.compile(r"\d{2}"),
    ("france", ""): re.compile(r"FRM?"),
    ("school", ""): re.compile(r"\d{7}[A-Z]|school:[0-9AB]{5}:[a-z0-9-]+"),
}
#: How the codes of arrondissements begin, and the commune that they make up.
_ARRONDISSEMENTS: Final = {"751": "75056", "6938": "69123", "132": "13055"}
_WIDTHS: Final = {"commune": 5, "iris": 9, "departement": 2, "region": 2}
#: How producers write "France métropolitaine" and "France" in place of a code.
_FRANCE: Final = {"1": "FRM", "METRO": "FRM", "FM": "FRM", "METRODOM": "FR", "FRANCE": "FR", "FE": "FR"}
#: How Insee writes "all QPV" in place of a code.
_ALL_QPV: Final = {"00", "0", "ENSEMBLE", "ENSQP", "FR"}


def generation_of(code: str) -> str:
    """Tell the perimeter generation of a QPV code: ``2015``, ``2024``, or ``""`` for no QPV."""
    for level, generation in _PATTERNS:
        if level == "qpv" and _PATTERNS[level, generation].fullmatch(code):
            return generation
    return ""


def normalise_code(text: str, level: str, generation: str = "") -> str | None:
    """Give the code as this level writes it, or ``None`` when it cannot be one.

    Mends what spreadsheets break: lost leading zeros (``1053`` → ``01053``) and floats
    (``1053.0``); départements of three characters (``062`` → ``62``).
    """
    code = text.strip().upper().removesuffix(".0")
    if level == "france":
        code = _FRANCE.get(code, code)
    if level == "qpv_of_france":
        return "FR" if code in _ALL_QPV else None
    if level == "departement" and len(code) == 3 and code.startswith("0"):
        code = code[1:]
    if level in _WIDTHS and code.isdigit():
        code = code.zfill(_WIDTHS[level])
    pattern = _PATTERNS.get((level, generation if level == "qpv" else ""))
    return code if pattern is not None and pattern.fullmatch(code) else None


def departement_of(commune: str) -> str:
    """Give the département of a commune code (``97411`` → ``974``)."""
    return commune[:3] if commune.startswith(("97", "98")) else commune[:2]


def whole_commune(code: str) -> str:
    """Give the commune of an arrondissement of Paris, Lyon or Marseille; any other code as it is."""
    return next((commune for start, commune in _ARRONDISSEMENTS.items() if code.startswith(start)), code)
