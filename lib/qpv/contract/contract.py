"""All that is written of one contract, checked together: from ``data/contracts/<EPCI>/`` to the warehouse, and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from qpv.catalog import Catalog
from qpv.catalog.fields import Entry
from qpv.contract import abatement, programme, referential, vigilance
from qpv.contract.abatement import Estate, Upkeep
from qpv.contract.entries import Known
from qpv.contract.files import Reading
from qpv.contract.programme import Action, Total
from qpv.contract.referential import Referential
from qpv.contract.vigilance import Case
from qpv.contracts import Contracts
from qpv.errors import CatalogError, WarehouseError
from qpv.reference import Reference
from qpv.rules import Rules, load_rules

#: In a warehouse, one file a contract.
STORED: Final = "contract-{}.json"


class Contract(Entry):
    """What is known of the contract of one EPCI; parts that nobody has written are empty."""

    epci: str
    documents: dict[str, dt.date]
    referential: Referential | None = None
    actions: tuple[Action, ...] = ()
    totals: tuple[Total, ...] = ()
    estates: tuple[Estate, ...] = ()
    upkeep: tuple[Upkeep, ...] = ()
    cases: tuple[Case, ...] = ()
    rules: Rules | None = None


def load_contract(folder: Path, catalog: Catalog, reference: Reference, contracts: Contracts) -> Contract:
    """Read and check the files of one contract, ``folder`` being named after the SIREN code of its EPCI.

    Raises
    ------
    CatalogError
        Naming every fault: file, line, column, value, what was expected.
    """
    reading = Reading(folder, known_names(folder.name, catalog, reference, contracts))
    frame = referential.read_referential(reading)
    actions, totals = programme.read_programme(reading, frame)
    estates, upkeep = abatement.read_abatement(reading)
    cases = vigilance.read_cases(reading)
    rules = None
    if (folder / vigilance.FILE).exists():
        try:
            rules = load_rules(folder / vigilance.FILE, catalog)
        except CatalogError as error:
            for told in str(error).split("\n"):
                reading.fault(vigilance.FILE, 1, "", None, told.removeprefix(f"{vigilance.FILE}: "))
    reading.close()
    return Contract(
        epci=folder.name, documents=_days(contracts), referential=frame, actions=tuple(actions), totals=tuple(totals),
        estates=tuple(estates), upkeep=tuple(upkeep), cases=tuple(cases), rules=rules,
    )  # fmt: skip


def known_names(epci: str, catalog: Catalog, reference: Reference, contracts: Contracts) -> Known:
    """Say what the files of a contract may name."""
    qpv = reference.qpv[reference.qpv["epci"].str.split(" ").map(lambda codes: epci in codes)]
    # Where the reference pairs no QPV of an agglomération, those of which figures were transcribed are known.
    rows = contracts.observations[contracts.observations["level"] == "qpv"]
    codes = {*qpv["code_2024"], *qpv["code_2015"], *rows["territory"]} - {""}
    communes = reference.communes.loc[reference.communes["epci"] == epci, "code"]
    places = contracts.places.loc[contracts.places["level"] != "school", "code"]
    return Known(_days(contracts), frozenset(codes), epci, frozenset(catalog.indicators), frozenset({*communes, *places}))


def _days(contracts: Contracts) -> dict[str, dt.date]:
    return {d.id: d.published for d in contracts.documents.values()}


def load_all(folder: Path, catalog: Catalog, reference: Reference, contracts: Contracts) -> dict[str, Contract]:
    """Read every contract below ``data/contracts``; faults of all of them come in one ``CatalogError``."""
    found, faults = {}, []
    for path in sorted(p for p in folder.iterdir() if p.is_dir() and p.name.isdigit()):
        try:
            found[path.name] = load_contract(path, catalog, reference, contracts)
        except CatalogError as error:
            faults.append(str(error))
    if faults:
        raise CatalogError("\n".join(faults))
    return found


def store(contracts: Mapping[str, Contract], folder: Path) -> None:
    """Write contracts into a build of the warehouse."""
    for epci, contract in contracts.items():
        (folder / STORED.format(epci)).write_text(contract.model_dump_json(exclude_defaults=True, indent=1), "utf-8")


def stored_contract(build: Path, epci: str) -> Contract | None:
    """Give the contract of an EPCI in a build of the warehouse; ``None`` when nothing was written of it.

    Raises
    ------
    WarehouseError
        If what the build holds was written by another version.
    """
    file = build / STORED.format(epci)
    if not file.exists():
        return None
    try:
        return Contract.model_validate_json(file.read_text("utf-8"))
    except ValidationError as error:
        raise WarehouseError(f"{file.name} was written by another version: run 'make data' (or 'qpv data build')") from error
