"""The last output of a notebook: nothing to see, the figures and the record for machines."""

from __future__ import annotations

from typing import Any

from qpv.brief.ledger import Ledger
from qpv.html import RECORD_MIME, Block, script_json, text


class Closing(Block):
    """A block that also gives the record from which the batch learns status, absences and figures."""

    def __init__(self, script: str, record: dict[str, Any]) -> None:
        shown = f"{len(record['figures'])} chiffres dans ce brief."
        super().__init__(script, f'<p class="qpv">{text(shown)}</p>')
        object.__setattr__(self, "record", record)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return super()._repr_mimebundle_(include, exclude) | {RECORD_MIME: self.record}  # type: ignore[attr-defined]


def closing(
    ledger: Ledger,
    kind: str,
    code: str,
    name: str,
    quarter: str,
    missing: list[str],
    degraded: bool,
    registers: list[dict[str, Any]] | None = None,
) -> Closing:
    """Write the figures of a brief, for machines, and its record; ``kind`` is a theme or another kind of brief.

    ``registers`` are the values of a contract that are no figures of the catalogue, see :mod:`qpv.brief.registers`.
    """
    figures = ledger.figures()
    record = {
        "qpv": code, "name": name, "theme": kind, "quarter": quarter, "status": "degraded" if degraded else "ok",
        "missing": missing, "figures": figures, "remarks": ledger.remarks(), "reads": ledger.reads(), "build": ledger.build,
    }  # fmt: skip
    script = f'<script type="application/json" id="qpv-figures">{script_json(figures)}</script>'
    if registers:
        script += f'<script type="application/json" id="qpv-programme">{script_json(registers)}</script>'
    return Closing(script, record)
