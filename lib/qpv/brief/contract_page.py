"""What the briefs of a contract share: the agglomération, its contract as of a quarter, its figures, head, sources, end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from qpv import tables
from qpv.brief import blocks
from qpv.brief.closing import closing
from qpv.brief.ledger import Ledger
from qpv.brief.registers import SHOWN, values_of
from qpv.contract.contract import Contract, read_contract
from qpv.errors import ParameterError
from qpv.html import Block, text
from qpv.numbers import DASH, NNBSP
from qpv.panel import load_panel, qpv_of
from qpv.profile import Profile
from qpv.quarter import format_date
from qpv.vocabulary import BRIEF_KINDS_FR, BRIEF_THEMES
from qpv.warehouse import Warehouse


class ContractBrief:
    """A brief on the contract of an agglomération in the making; its kinds add their blocks.

    Parameters
    ----------
    epci
        SIREN code of the EPCI, or its name.
    quarter
        ``YYYY-Tn``: only editions and documents published by its end are read.
    warehouse
        The warehouse folder.

    Raises
    ------
    ParameterError, UnknownTerritoryError, WarehouseError
        If a parameter is not allowed, no EPCI with QPV answers, nothing is written of its contract, or there is no warehouse.
    """

    kind = ""

    def __init__(self, epci: str, quarter: str, warehouse: str | Path) -> None:
        self.store = Warehouse(warehouse)
        self.panel: Profile = load_panel(self.store, epci, BRIEF_THEMES[0], quarter)
        self.code = str(self.panel.place["code"])
        contract = read_contract(self.store, self.code)
        if contract is None or not contract.written:
            raise ParameterError(
                f"nothing is written of the contract of {self.code}: fill data/contracts/{self.code}/ (see docs/contracts.md)"
            )
        self.contract: Contract = contract.as_of(self.panel.quarter.end)
        self.ledger = Ledger(self.panel)
        self.names: dict[str, str] = {}  # of QPV, communes, sectors and the agglomération itself, by code
        for level in ("qpv", "commune", "sector"):
            self.names |= self.store.places(level)["name"].to_dict()
        self.names[self.code] = str(self.panel.place["name"])

    @cached_property
    def panels(self) -> dict[str, Profile]:
        """The figures of all themes."""
        others = {t: load_panel(self.store, self.code, t, str(self.panel.quarter)) for t in BRIEF_THEMES[1:]}
        return {BRIEF_THEMES[0]: self.panel, **others}

    def observations(self, theme: str, indicators: list[str]) -> pd.DataFrame:
        """Give the observations of some indicators everywhere, of editions published by the end of the quarter.

        Columns: :data:`qpv.schemas.OBSERVATIONS`.
        """
        rows = self.store.observations(theme, [("indicator", "in", indicators)])
        return rows[rows["edition"].isin(self.panel.editions["edition"])]

    def head(self) -> Block:
        """Name the contract, its agglomération and its QPV, and the date of the brief."""
        qpv = qpv_of(self.store, self.code)
        generation = "2024" if self.panel.perimeter_known else "2015"
        frame = self.contract.referential
        facts = [("Code", self.code), (f"QPV du périmètre de {generation}", str(int((qpv["generation"] == generation).sum())))]
        if frame is not None:
            facts.insert(0, ("Contrat", frame.frame.title))
        facts.append(("Données", f"publiées au plus tard le {format_date(self.panel.quarter.end)} ({self.panel.quarter.label})"))
        items = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in facts)
        label = f"{BRIEF_KINDS_FR[self.kind]} · {self.panel.quarter.label}"
        return blocks.with_style(f"<header><p class='theme'>{text(label)}</p><h1>{text(self.panel.place['name'])}</h1>"
                                 f"<dl class='facts'>{items}</dl></header>")  # fmt: skip

    def sources(self) -> Block:
        """Name the documents of the contract, the editions that were used, and the limits."""
        editions = self.store.editions.set_index("edition")
        cited = self.contract.cited() | set(self.ledger.editions())
        used = sorted(
            d
            for d in cited & set(self.contract.documents)
            if d in editions.index and self.contract.documents[d] <= self.panel.quarter.end
        )
        rows = [
            [d, f"{editions.at[d, 'producer']}, {editions.at[d, 'dataset']}", format_date(editions.at[d, "published"].date())]
            for d in used
        ]
        table = tables.plain_table(
            ["Nom", "Document", "Publié au plus tard"], rows, "Documents cités, avec leur ligne", "small sources"
        )
        return Block(f"{table}{blocks.sources(self.panel, self.ledger).html}")

    def _close(self, missing: list[str], degraded: bool) -> Any:
        name, quarter = str(self.panel.place["name"]), str(self.panel.quarter)
        values = values_of(self.contract, SHOWN[self.kind])
        return closing(self.ledger, self.kind, self.code, name, quarter, missing, degraded, values)


def known_columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]], list[str]]:
    """Leave out the columns in which no row has anything, and give their heads: a column of dashes says nothing."""
    kept = [n for n in range(len(heads)) if n == 0 or not rows or any(r[n] not in ("", DASH) for r in rows)]
    return [heads[n] for n in kept], [[r[n] for n in kept] for r in rows], [h for n, h in enumerate(heads) if n not in kept]


def notice(words: str) -> str:
    """Write something that a reader must know first."""
    return f"<p class='notice'>{text(words)}</p>"


def count_words(count: int, total: int, what: str) -> str:
    """Write a part of a whole: ``3 des 130 critères : …``."""
    return f"{what}{NNBSP}: {count} sur {total}"
