"""All that is written of one contract, checked together: from ``data/contracts/<EPCI>/`` to the warehouse, and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from qpv.catalog import Catalog
from qpv.catalog.fields import Entry
from qpv.contract import abatement, calendar, opinions, programme, readings, referential, renewal, sites, vigilance, voice
from qpv.contract.abatement import Estate, Upkeep
from qpv.contract.calendar import Event
from qpv.contract.entries import Cited, Known
from qpv.contract.files import Reading as Files
from qpv.contract.opinions import Opinion
from qpv.contract.programme import Action, Total
from qpv.contract.readings import Reading
from qpv.contract.referential import Referential
from qpv.contract.renewal import Facilities, Operation
from qpv.contract.sites import Located, Site
from qpv.contract.vigilance import Case
from qpv.contract.voice import Rank, Statement, Workshop
from qpv.contract.withheld import Withheld, protect_actions, protect_measures
from qpv.contracts import Contracts
from qpv.digests import CONTRACT
from qpv.errors import CatalogError, WarehouseError
from qpv.reference import Reference
from qpv.rules import Rules, load_rules
from qpv.warehouse import Warehouse, pointed


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
    readings: tuple[Reading, ...] = ()
    workshops: tuple[Workshop, ...] = ()
    barometer: tuple[Rank, ...] = ()
    statements: tuple[Statement, ...] = ()
    renewal: tuple[Operation, ...] = ()
    facilities: tuple[Facilities, ...] = ()
    events: tuple[Event, ...] = ()
    withheld: tuple[Withheld, ...] = ()  # small counts of persons, without their values
    opinions: tuple[Opinion, ...] = ()
    sites: tuple[Site, ...] = ()
    located: tuple[Located, ...] = ()  # where the sites lie, which no document says

    def as_of(self, day: dt.date) -> Contract:
        """Keep what documents published by a day support, so that the brief of a past quarter can be made again."""

        def kept(entries: tuple[Cited, ...]) -> tuple[Cited, ...]:
            return tuple(e for e in entries if self.documents.get(e.document, day) <= day)

        lists = {name: kept(getattr(self, name)) for name in _LISTS}
        # An opinion may be annexed after the document that it comes with was first published.
        lists["opinions"] = tuple(o for o in lists["opinions"] if isinstance(o, Opinion) and o.date <= day)
        frame = self.referential
        if frame is not None and self.documents.get(frame.frame.document, day) > day:
            frame = None
        if frame is not None:
            frame = frame.model_copy(update={"measures": kept(frame.measures), "choices": kept(frame.choices)})
        return self.model_copy(update=lists | {"referential": frame})

    def cited(self) -> set[str]:
        """Name the documents that entries of the contract cite."""
        found = {entry.document for name in _LISTS for entry in getattr(self, name)}
        frame = self.referential
        if frame is not None:
            found |= {
                e.document
                for e in (frame.frame, *frame.nodes, *frame.criteria, *frame.milestones, *frame.choices, *frame.measures)
            }
        return found

    def hides(self, action: Action, column: str) -> bool:
        """Say whether a count of an action is known and withheld."""
        return any(
            (w.kind, w.column, w.what, w.territory, w.period, w.document, w.line)
            == ("actions", column, action.label, action.territory, action.year, action.document, action.line)
            for w in self.withheld
        )

    @property
    def written(self) -> bool:
        """Whether anything was written of this contract."""
        return self.referential is not None or any(getattr(self, name) for name in _LISTS)


#: The parts of a contract that are lists of entries.
_LISTS: Final = (
    "actions", "totals", "estates", "upkeep", "cases", "readings", "workshops", "barometer", "statements", "renewal", "facilities", "events",
    "opinions", "sites", "withheld",
)  # fmt: skip


def load_contract(folder: Path, catalog: Catalog, reference: Reference, contracts: Contracts) -> Contract:
    """Read and check the files of one contract, ``folder`` being named after the SIREN code of its EPCI.

    Raises
    ------
    CatalogError
        Naming every fault: file, line, column, value, what was expected.
    """
    reading = Files(folder, known_names(folder.name, catalog, reference, contracts))
    frame = referential.read_referential(reading)
    actions, totals = programme.read_programme(reading, frame)
    estates, upkeep = abatement.read_abatement(reading)
    cases = vigilance.read_cases(reading)
    rules = None
    if (folder / vigilance.FILE).exists():
        try:
            rules = load_rules(folder / vigilance.FILE, catalog)
        except CatalogError as error:
            for line in str(error).split("\n"):
                reading.fault(vigilance.FILE, 1, "", None, line.removeprefix(f"{vigilance.FILE}: "))
    workshops, ranks, statements = voice.read_voice(reading)
    operations, facilities = renewal.read_renewal(reading)
    said, index = opinions.read_opinions(reading), sites.read_sites(reading)
    told, events = readings.read_readings(reading), calendar.read_calendar(reading)
    reading.close()
    public = {d.id for d in contracts.documents.values() if d.public}
    actions, hidden = protect_actions(actions, public)
    if frame is not None:
        measures, more = protect_measures(frame.measures, frame.criteria, public, folder.name)
        frame, hidden = frame.model_copy(update={"measures": tuple(measures)}), hidden + more
    return Contract(
        epci=folder.name, documents=_days(contracts), referential=frame, actions=tuple(actions), totals=tuple(totals),
        estates=tuple(estates), upkeep=tuple(upkeep), cases=tuple(cases), rules=rules,
        readings=tuple(told), workshops=tuple(workshops), barometer=tuple(ranks), statements=tuple(statements),
        renewal=tuple(operations), facilities=tuple(facilities), events=tuple(events),
        opinions=tuple(said), sites=tuple(index), withheld=tuple(hidden),
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


def located(contracts: Mapping[str, Contract], files: Mapping[str, Path]) -> dict[str, Contract]:
    """Add to contracts where their sites lie, from the files of the geocoding service; see :mod:`qpv.contract.sites`.

    Raises
    ------
    SourceError
        Naming every fault of a file.
    """
    return {
        epci: c.model_copy(update={"located": sites.read_located(files[epci])}) if epci in files else c
        for epci, c in contracts.items()
    }


def store(contracts: Mapping[str, Contract], folder: Path) -> None:
    """Write contracts into a build of the warehouse."""
    for epci, contract in contracts.items():
        (folder / CONTRACT.format(epci)).write_text(contract.model_dump_json(exclude_defaults=True, indent=1), "utf-8")


def read_contract(warehouse: Warehouse, epci: str) -> Contract | None:
    """Give the contract of an EPCI, as :func:`stored_contract`, and note that a brief has read it."""
    warehouse.reads.contracts.add(epci)
    return stored_contract(warehouse.path, epci)


def is_written(warehouse: Path, epci: str) -> bool:
    """Say whether anything is written of the contract of an EPCI, in the build of a warehouse folder that is in use."""
    found = stored_contract(warehouse / (pointed(warehouse) or ""), epci)
    return found is not None and found.written


def stored_contract(build: Path, epci: str) -> Contract | None:
    """Give the contract of an EPCI in a build of the warehouse; ``None`` when nothing was written of it.

    Raises
    ------
    WarehouseError
        If what the build holds was written by another version.
    """
    file = build / CONTRACT.format(epci)
    if not file.exists():
        return None
    try:
        return Contract.model_validate_json(file.read_text("utf-8"))
    except ValidationError as error:
        raise WarehouseError(f"{file.name} was written by another version: run 'make data' (or 'qpv data build')") from error
