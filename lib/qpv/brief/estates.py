"""The abatement of property tax (S25): dwellings and tax by landlord and QPV, management in the QPV and outside, next deadlines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from qpv import tables
from qpv.contract import abatement
from qpv.contract.abatement import Estate, Upkeep
from qpv.contract.contract import Contract
from qpv.contract.entries import citation
from qpv.html import Block, text
from qpv.numbers import DASH, NBSP, NNBSP, format_number, format_value
from qpv.quarter import format_date
from qpv.vocabulary import UNITS

_NONE: Final = "Les indicateurs de gestion en QPV et hors QPV ne sont pas imprimés : à saisir."


def estates(contract: Contract, names: Mapping[str, str], day: dt.date) -> Block:
    """Show the abatement that a contract prints, and what is due after a day; nothing where it prints none.

    Parameters
    ----------
    names
        Names of QPV by code.
    """
    if not contract.estates:
        return Block("")
    dates = [d for n in (day.year - 1, day.year) for d in abatement.deadlines(n) if d.day > day]
    items = "".join(
        f"<li>{text(format_date(d.day))}{NNBSP}: {text(d.what)} <span class='newer'>l.{NBSP}{d.line}</span></li>" for d in dates
    )
    return Block(
        f"<h3>Abattement de TFPB</h3>{_dwellings(contract.estates, names)}{_upkeep(contract.upkeep)}"
        f"<p>Prochaines échéances{NNBSP}:</p><ul>{items}</ul>"
    )


def _dwellings(rows: Sequence[Estate], names: Mapping[str, str]) -> str:
    heads = ["QPV", "Bailleur", "Année", "Logements", "Avec abattement", "TFPB estimée par an", "Document et ligne"]
    cells = [[names.get(e.qpv, e.qpv), e.landlord, str(e.year), format_number(e.dwellings), format_number(e.abated),
              DASH if e.tax_eur is None else f"{format_number(e.tax_eur)}{NNBSP}€", citation(e)] for e in rows]  # fmt: skip
    return tables.plain_table(heads, cells, "Logements et taxe estimée", "small cards")


def _upkeep(rows: Sequence[Upkeep]) -> str:
    """Set the QPV against the rest of each landlord's stock: it is to have at least as much (l. 7833)."""
    if not rows:
        return f"<p class='note'>{text(_NONE)}</p>"
    heads = ["Indicateur de gestion", "Bailleur", "Année", "En QPV", "Hors QPV", "Au moins autant en QPV", "Document et ligne"]
    cells = [[u.label, u.landlord, str(u.year), _amount(u.inside, u.unit), _amount(u.outside, u.unit), "oui" if u.as_much else "non",
              citation(u)] for u in rows]  # fmt: skip
    return tables.plain_table(heads, cells, "Gestion en QPV et hors QPV", "small cards")


def _amount(value: float, unit: str) -> str:
    decimals = 0 if value.is_integer() else 2
    return format_value(value, unit, decimals) if unit in UNITS else f"{format_number(value, decimals)} {unit}".rstrip()
