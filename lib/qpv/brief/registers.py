"""Every value of a contract's registers that a brief shows, for machines: what, where, when, how much, unit, document, line.

Figures of the catalogue stand in ``qpv-figures``; these are of no indicator.  Sums and shares of a page are of rows listed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from qpv.contract.contract import Contract
from qpv.contract.entries import Cited
from qpv.contract.programme import MONEY
from qpv.vocabulary import EVALUATION, PROGRAMME, YEARLY

#: Kind of brief -> the registers that it shows.
SHOWN: Final = {
    EVALUATION: ("measures", "abatement", "upkeep"),
    PROGRAMME: ("actions", "totals", "renewal", "facilities"),
    YEARLY: ("actions", "totals", "workshops", "barometer"),
}
_COUNTS: Final = ("count", "carriers", "beneficiaries", "women", "men")


def _value(
    register: str, what: str, measure: str, territory: str, period: object, value: float, unit: str, entry: Cited
) -> dict[str, Any]:
    return {"register": register, "what": what, "measure": measure, "territory": territory, "period": str(period), "value": float(value),
            "unit": unit, "document": entry.document, "line": entry.line}  # fmt: skip


def _actions(contract: Contract) -> Iterator[dict[str, Any]]:
    for a in contract.actions:
        for name in (*_COUNTS, "cost_eur", *MONEY):
            value = getattr(a, name)
            if value is not None:
                yield _value("actions", a.label, name, a.territory, a.year, value, "count" if name in _COUNTS else "eur", a)


def _totals(contract: Contract) -> Iterator[dict[str, Any]]:
    for t in contract.totals:
        unit = {"projects": "count", "share_pct": "pct"}.get(t.measure, "eur")
        yield _value("totals", t.scope, t.measure, t.territory, t.year, t.value, unit, t)


def _measures(contract: Contract) -> Iterator[dict[str, Any]]:
    if contract.referential is None:
        return
    criteria = {c.id: c for c in contract.referential.criteria}
    for m in contract.referential.measures:
        yield _value(
            "measures", criteria[m.criterion].label, m.criterion, m.territory, m.period, m.value, criteria[m.criterion].unit, m
        )


def _abatement(contract: Contract) -> Iterator[dict[str, Any]]:
    for e in contract.estates:
        for name, unit in (("dwellings", "count"), ("abated", "count"), ("tax_eur", "eur")):
            if getattr(e, name) is not None:
                yield _value("abatement", e.landlord, name, e.qpv, e.year, getattr(e, name), unit, e)


def _upkeep(contract: Contract) -> Iterator[dict[str, Any]]:
    for u in contract.upkeep:
        for name in ("inside", "outside"):
            yield _value("upkeep", f"{u.label}, {u.landlord}", name, contract.epci, u.year, getattr(u, name), u.unit, u)


def _renewal(contract: Contract) -> Iterator[dict[str, Any]]:
    for o in contract.renewal:
        what = ", ".join(x for x in (o.phase, o.sector, o.state, o.version) if x)
        yield _value("renewal", what, o.operation, o.qpv, "", o.count, "count", o)


def _facilities(contract: Contract) -> Iterator[dict[str, Any]]:
    for f in contract.facilities:
        yield _value("facilities", f.category, "count", f.qpv, "", f.count, "count", f)


def _workshops(contract: Contract) -> Iterator[dict[str, Any]]:
    for w in contract.workshops:
        when = w.date.isoformat() if w.date else w.period
        yield _value("workshops", w.place, "count", w.territory, when, w.count, "count", w)
        if w.participants is not None:
            yield _value("workshops", w.place, "participants", w.territory, when, w.participants, "count", w)


def _barometer(contract: Contract) -> Iterator[dict[str, Any]]:
    for r in contract.barometer:
        yield _value("barometer", f"{r.topic}, {r.sector}", "rank", r.territory, "", r.rank, "rank", r)


_OF: Final = {
    "actions": _actions, "totals": _totals, "measures": _measures, "abatement": _abatement, "upkeep": _upkeep, "renewal": _renewal, "facilities": _facilities,
    "workshops": _workshops, "barometer": _barometer,
}  # fmt: skip


def values_of(contract: Contract, registers: Iterable[str]) -> list[dict[str, Any]]:
    """List the values of some registers; a value without a period has the empty one, for the document prints none."""
    return [value for name in registers for value in _OF[name](contract)]
