"""Parity of access (S22): the share of inhabitants of QPV in each measure, beside their share of job seekers."""

from __future__ import annotations

import pandas as pd

from qpv import tables
from qpv.brief import blocks
from qpv.brief.contract_page import notice
from qpv.brief.ledger import Ledger
from qpv.contract import parity
from qpv.grammar import inside
from qpv.html import Block, join
from qpv.numbers import NBSP, NNBSP, format_number
from qpv.profile import Profile
from qpv.quarter import format_period


def access(panel: Profile, rows: pd.DataFrame, ledger: Ledger) -> Block:
    """Draw the share of inhabitants of QPV in each measure of the département of an EPCI, beside their share of job seekers.

    ``rows`` are observations (:data:`qpv.schemas.OBSERVATIONS`) of the measures and of the reference, see :mod:`qpv.contract.parity`.
    """
    catalog = panel.catalog
    departements = {p.code for p in panel.comparators["departement"]}
    rows = rows[(rows["level"] == "departement") & rows["territory"].isin(departements) & rows["value"].notna()]
    found = parity.parity(rows)
    if not found:
        return Block("<h3>Parité d’accès</h3>" + notice("Aucune part des habitants de QPV dans les mesures n’est connue."))
    for item in found:
        ledger.add(item.row, item.reference)
    reference = float(found[0].reference["value"])
    under = [p for p in found if p.under]
    labels = [catalog.indicator(p.indicator).short.split(f"{NNBSP}: ")[-1] for p in found]
    document, when = f"{found[0].row['edition']}, l.{NBSP}{found[0].row['row']}", format_period(str(found[0].row["period"]))
    departement = str(found[0].row["territory"])
    place = inside("departement", panel.warehouse.names("departement").get(departement, departement))
    named = ", ".join(
        f"{label} ({format_number(float(p.row['value']), 1)}{NNBSP}%)" for label, p in zip(labels, found, strict=True) if p.under
    )
    notes = [f"{len(found)} mesures, à comparer à {format_number(reference, 1)}{NNBSP}% des demandeurs d’emploi du département",
             f"sous la parité{NNBSP}: {named}" if under else "aucune mesure n’est sous la parité"]  # fmt: skip
    data = [[label, f"{format_number(float(p.row['value']), 1)}{NNBSP}%", format_number(p.gap, 1, signed=True), "oui" if p.under else "non"]
            for label, p in zip(labels, found, strict=True)]  # fmt: skip
    table = tables.plain_table(
        ["Mesure", "Habitants de QPV", "Écart (pt)", "Sous la parité"], data, "Parité d’accès", "small cards"
    )
    return join(
        Block("<h3>Parité d’accès</h3>"),
        blocks.bars(
            [*labels, "Demandeurs d’emploi (référence)"],
            {"Habitants de QPV": [*(float(p.row["value"]) for p in found), reference]},
            "pct",
            1,
            f"Source : France Travail, {document}. {when}. Observatoire des QPV, {panel.quarter.label}.",
            "parite",
            f"Part des habitants de QPV dans chaque mesure, {place}",
            notes,
            table,
        ),
    )
