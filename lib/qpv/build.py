"""Building the warehouse: read everything, check it, write it whole.

A build is made beside the old one and takes its place in one rename, or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

import qpv
from qpv import crosswalk, digests, grid, peers, proxies, secrecy, tallies
from qpv.catalog import Catalog
from qpv.contract.contract import load_all, located, store
from qpv.contract.sites import geocoded_files
from qpv.contracts import Contracts, load_contracts, match_schools
from qpv.dating import dated
from qpv.errors import CatalogError, SourceError
from qpv.expectations import expect
from qpv.publication import publish, reuse, workplace
from qpv.reference import Reference
from qpv.schemas import CROSSWALK, EDITIONS, OBSERVATIONS, SQUARES, TERRITORIES, check, compact, empty, stack
from qpv.sources import READERS, Delivery, Finding
from qpv.sources.base import Context
from qpv.sources.rawfile import list_files
from qpv.sources.recognition import Recognised, recognise
from qpv.vocabulary import ABSENT, THEMES_FR
from qpv.warehouse import TEXT_COLUMNS

if TYPE_CHECKING:
    import geopandas as gpd


Progress = Callable[[str, float], None]
#: So much of the time has passed when all files are read, and when all is put together: see docs/benchmarks.md.
_READ: Final = 0.56
_ASSEMBLED: Final = 0.77
#: Modules that only read the warehouse: a change in them needs no new build.
_NOT_DATA: Final = {
    "analysis", "arrival", "batch", "brief", "changes", "charts", "cli", "comparison", "download", "engine", "export", "fetch", "geocoding", "grammar", "html", "inventory",
    "live_maps", "maps", "markdown", "pdf", "photograph", "plain_words", "profile", "project", "publication", "rules", "screening",
    "selection", "sentences", "similar", "site", "standing", "tables", "terminal",
}  # fmt: skip


@dataclass(frozen=True)
class BuildReport:
    """What a build did: where it lies, whether anything had to be done, and what was noticed."""

    path: Path
    fresh: bool
    observations: int
    findings: list[Finding]


def build(data: Path, raw: Iterable[Path], target: Path, progress: Progress = lambda step, share: None) -> BuildReport:
    """Build the warehouse from embedded, reference and raw data.

    Parameters
    ----------
    data
        The project's ``data`` folder (catalogue, contracts, reference).
    raw
        Folders of official files, the first ones win.
    target
        The warehouse folder; its present build stays in use until the new one is whole.
    progress
        Told of each step as it begins, in French, with the share of the whole (0-1) that lies behind.

    Raises
    ------
    CatalogError, SourceError, WarehouseError
        Naming every fault that was found; the old warehouse is untouched.
    """
    catalog = Catalog.load(data / "catalog")
    reference = Reference.load(data / "reference")
    contracts = load_contracts(data / "contracts", catalog, reference)
    written = load_all(data / "contracts", catalog, reference, contracts)
    places, dropped = geocoded_files(list_files(raw))
    written = located(written, places)
    files, findings = recognise(dropped, catalog)
    catalog = catalog.including([(f.source, f.edition) for f in files if f.edition.unseen])
    digest = _digest(data, files, findings, places)
    finished = reuse(target, digest)
    if finished is not None:
        meta = json.loads((finished / "meta.json").read_text("utf-8"))
        return BuildReport(finished, False, meta["observations"], [Finding(**f) for f in meta["findings"]])

    deliveries, aside = _read_all(files, Context(catalog, reference), progress)
    findings = findings + aside + [f for _, d in deliveries for f in d.findings]
    progress("mise ensemble", _READ)
    tables, noticed = _assemble(catalog, reference, contracts, deliveries)
    findings += noticed
    with workplace(target) as scratch:
        progress("écriture", _ASSEMBLED)
        count = _write(scratch, tables)
        store(written, scratch)
        meta = {
            "version": qpv.__version__, "observations": count, "covered": _covered(reference, tables.observations),
            "findings": [vars(f) for f in findings],
        }  # fmt: skip
        (scratch / "meta.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1), "utf-8")
        finished = publish(target, scratch, digest)
    return BuildReport(finished, True, count, findings)


def _digest(data: Path, files: list[Recognised], findings: list[Finding], places: dict[str, Path]) -> str:
    """Digest all that a build depends on: data, raw files, and the library's own code."""
    total = hashlib.sha256(qpv.__version__.encode())
    parts = [p for sub in ("catalog", "contracts", "reference") for p in sorted((data / sub).rglob("*"))]
    parts += [p for p in sorted(Path(__file__).parent.rglob("*.py")) if not {p.stem, p.parent.name} & _NOT_DATA]
    for path in parts:
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    for item in files:
        total.update(f"{item.edition.id}\0{item.edition.published}\0{item.file.name}\0{item.file.sha256()}\n".encode())
    for epci, file in sorted(places.items()):
        total.update(epci.encode() + b"\0" + file.read_bytes())
    for finding in findings:
        total.update(str(finding).encode())
    return total.hexdigest()[:16]


def _read_all(
    files: list[Recognised], context: Context, progress: Progress
) -> tuple[list[tuple[Recognised, Delivery]], list[Finding]]:
    """Read every file.  One that the catalogue describes must hold; one that nobody described is set aside with its fault."""
    deliveries, faults, aside = [], [], []
    sizes = [item.file.path.stat().st_size for item in files]
    for n, item in enumerate(files):
        progress(item.file.name, _READ * sum(sizes[:n]) / max(1, sum(sizes)))
        name = item.source.reader or ""
        if name not in READERS:
            faults.append(f"source {item.source.id!r}: no reader {name!r}; known: {', '.join(sorted(READERS))}")
            continue
        try:
            delivery = READERS[name](item.file, item.source, item.edition, context)
            _refuse_nothing(item, delivery, context.catalog)
            table, noticed = expect(compact(delivery.observations), item.source, item.edition, context.catalog)
            deliveries.append((item, replace(delivery, observations=table, findings=delivery.findings + noticed)))
        except (SourceError, CatalogError) as error:
            if isinstance(error, CatalogError) and not item.edition.unseen:
                raise
            if item.edition.unseen:
                told = str(error).removeprefix(f"{item.file.name}: ").removeprefix(f"{item.file.name}, ")
                aside.append(Finding("warning", item.file.name, f"set aside, nothing of it is read: {told}", kind="unknown"))
            else:
                faults.append(str(error))
    if faults:
        raise SourceError("\n".join(faults))
    return deliveries, aside


def _refuse_nothing(item: Recognised, delivery: Delivery, catalog: Catalog) -> None:
    """Raise ``SourceError`` for a table of figures of which none was read."""
    expected = bool(catalog.columns_of(item.source.id)) and item.source.reader in ("wide_table", "long_table")
    if expected and delivery.observations.empty:
        told = "; ".join(f.message for f in delivery.findings if f.severity == "warning")[:600]
        raise SourceError(
            f"{item.file.name}: not one figure was read ({told or 'no row of its level'}); is it the file of another level?"
        )


def _withhold(
    deliveries: list[tuple[Recognised, Delivery]], contracts: Contracts, catalog: Catalog, reference: Reference
) -> list[tuple[Recognised, Delivery]]:
    """Apply statistical secrecy to all that is published together: read and counted, not yet carried.

    What contracts print is public: it stays, and counts as known when others are withheld.
    """
    schools = {school: commune for _, d in deliveries for school, commune in d.schools.items()}
    tables = [contracts.observations, *(d.observations for _, d in deliveries)]
    _, *tables = secrecy.protect(tables, catalog, reference, schools)
    return [(item, replace(d, observations=t)) for (item, d), t in zip(deliveries, tables, strict=True)]


@dataclass(frozen=True)
class _Tables:
    observations: pd.DataFrame
    territories: pd.DataFrame
    crosswalk: pd.DataFrame
    editions: pd.DataFrame
    geometry: gpd.GeoDataFrame | None
    squares: pd.DataFrame
    catalog: Catalog  # with the editions that were met


def _assemble(
    catalog: Catalog, reference: Reference, contracts: Contracts, deliveries: list[tuple[Recognised, Delivery]]
) -> tuple[_Tables, list[Finding]]:
    order = {e.id: place for place, (_, e) in enumerate(catalog.editions.values())}
    shapes = sorted((order[item.edition.id], n) for n, (item, d) in enumerate(deliveries) if d.geometry is not None)
    outlines = [deliveries[n][1].geometry for _, n in shapes]
    geometry = None
    if outlines:
        # Of two outlines for one territory the first edition of the catalogue wins.
        geometry = pd.concat(outlines, ignore_index=True).drop_duplicates(["level", "code"], ignore_index=True)
    # What is counted here can tell as much as what was read: secrecy comes after it, and before anything is carried.
    deliveries, remarks = dated(tallies.counted(catalog, reference, deliveries, geometry))
    catalog = catalog.including([(r.source, r.edition) for r, _ in deliveries if r.edition.id not in catalog.editions])
    deliveries = _withhold(deliveries, contracts, catalog, reference)
    official = pd.concat([d.territories for _, d in deliveries] or [empty(TERRITORIES)], ignore_index=True)
    schools = _merge(official[official["level"] == "school"])
    renamed = match_schools(contracts.places, schools)
    places = contracts.places[~contracts.places["code"].isin(renamed)]
    observations = [d.observations for _, d in deliveries if len(d.observations)]
    observations += proxies.carried(catalog, deliveries, geometry)
    iris = proxies.iris_seen(observations, official.loc[official["level"] == "iris", "code"])
    transcribed = contracts.observations.assign(territory=contracts.observations["territory"].replace(renamed))
    table = stack([transcribed, *observations])
    territories = check(_territories(reference, [places, official, iris], table), TERRITORIES)
    pairs, findings = _crosswalk(reference, deliveries, geometry, territories)
    tables = _Tables(
        observations=table,
        territories=territories,
        crosswalk=check(pairs, CROSSWALK),
        editions=check(_editions(contracts, deliveries, table), EDITIONS),
        geometry=geometry,
        squares=check(grid.near_qpv(catalog, deliveries, geometry), SQUARES),
        catalog=catalog,
    )
    return tables, remarks + findings


def _crosswalk(
    reference: Reference,
    deliveries: list[tuple[Recognised, Delivery]],
    geometry: gpd.GeoDataFrame | None,
    territories: pd.DataFrame,
) -> tuple[pd.DataFrame, list[Finding]]:
    """Pair the QPV of both generations: the official table, else their outlines, else what contracts declare."""
    pairs, findings = empty(CROSSWALK), []
    if geometry is not None:
        measured = crosswalk.overlap(geometry)
        pairs = pd.concat([measured, crosswalk.alone(geometry, measured)], ignore_index=True)
    known = territories.loc[territories["level"] == "qpv", "code"]
    for item, delivery in deliveries:
        if delivery.passage is not None:
            pairs, texts = crosswalk.follow(delivery.passage, pairs, known)
            findings += [Finding("info", item.file.name, text) for text in texts]
    return crosswalk.combine(pairs, crosswalk.declared(reference.qpv)), findings


def _territories(reference: Reference, others: list[pd.DataFrame], observations: pd.DataFrame) -> pd.DataFrame:
    """Put all places together; what the contracts declare comes before what contours say."""
    names = list(TERRITORIES.columns)
    seen = observations.loc[observations["level"] == "qpv", ["territory", "generation"]].drop_duplicates().astype(str)
    bare = pd.DataFrame({"code": seen["territory"], "generation": seen["generation"], "level": "qpv",
                         "name": "QPV " + seen["territory"].astype(str)})  # fmt: skip
    qpv = reference.qpv
    stated = []
    for generation in ("2024", "2015"):
        stated.append(
            pd.DataFrame(
                {"code": qpv[f"code_{generation}"], "generation": generation, "level": "qpv", "name": qpv["name"],
                 "aliases": qpv["aliases"], "communes": qpv["communes"], "epci": qpv["epci"],
                 "edition": "reference"}
            )
        )  # fmt: skip
    communes, departements = reference.communes, reference.departements
    stated += [
        communes.assign(level="commune", communes=communes["code"], edition="reference"),
        reference.epci.assign(level="epci", epci=reference.epci["code"], edition="reference"),
        departements.assign(level="departement", departement=departements["code"], edition="reference"),
        reference.regions.assign(level="region", region=reference.regions["code"], edition="reference"),
        pd.DataFrame({"code": ["FR", "FRM"], "level": "france", "name": ["France", "France métropolitaine"],
                      "edition": "reference"}),
    ]  # fmt: skip
    table = pd.concat([*(t.reindex(columns=names) for t in [*stated, *others]), bare.reindex(columns=names)],
                      ignore_index=True)  # fmt: skip
    table = _merge(table)
    numbers = ["population", "longitude", "latitude"]
    table[numbers] = table[numbers].astype(float)
    first = table["communes"].str.split(" ").str[0]
    known = {c: reference.place([c]) if c else {"departement": "", "region": ""} for c in first.unique()}
    place = first.map(known.get)
    for column in ("departement", "region"):
        table[column] = table[column].where(table[column] != "", place.map(lambda p, c=column: p[c]))
    return table[names]


def _merge(places: pd.DataFrame) -> pd.DataFrame:
    """Make one row of all that is said of a place; of two statements the first wins."""
    merged = places.replace("", pd.NA).groupby(["level", "code"], as_index=False, sort=True).first()
    text = [c for c in merged if c not in ("population", "longitude", "latitude")]
    merged[text] = merged[text].astype(object).where(merged[text].notna(), "").astype(str)
    return merged


def _editions(contracts: Contracts, deliveries: list[tuple[Recognised, Delivery]], observations: pd.DataFrame) -> pd.DataFrame:
    absent = observations["status"].isin([s.value for s in ABSENT])
    counts, absences = observations["edition"].value_counts(), observations.loc[absent, "edition"].value_counts()
    rows = [
        {
            "edition": d.id, "source": "contracts", "producer": d.publisher, "dataset": d.title, "landing_page": "",
            "licence": "Document public ; chiffres repris avec leur ligne", "published": d.published,
            "published_precision": d.published_precision, "priority": 100 + d.priority, "generation": "", "file": d.text,
            "sha256": "", "traps": "",
        }
        for d in contracts.documents.values()
    ] + [
        {
            "edition": r.edition.id, "source": r.source.id, "producer": r.source.producer, "dataset": r.source.dataset,
            "landing_page": r.source.landing_page, "licence": r.source.licence, "published": r.edition.published,
            "published_precision": r.edition.published_precision, "priority": r.source.priority,
            "generation": r.source.generation, "file": r.file.name, "sha256": r.file.sha256(),
            "traps": "|".join(r.edition.traps),
        }
        for r, _ in deliveries
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table["observations"] = table["edition"].map(counts).fillna(0)
    table["absences"] = table["edition"].map(absences).fillna(0)
    return table.sort_values("edition", ignore_index=True)


def _write(folder: Path, tables: _Tables) -> int:
    """Write the tables; observations in one file a theme, sorted by level and territory."""
    observations, catalog = tables.observations, tables.catalog
    themes = {i: catalog.indicator(i).themes for i in observations["indicator"].unique()}
    order = ["level", "territory", "indicator", "period", "edition", "row"]
    # Row groups are skipped by the bounds of a column of plain texts, not by those of a dictionary.
    plain = ["level", "territory", "indicator"]
    written = 0
    of_rows, of_peers = {}, {}
    for theme in THEMES_FR:
        shown = observations["indicator"].isin([i for i, of in themes.items() if theme in of])
        part = observations[shown].sort_values(order, ignore_index=True)
        part = check(part, OBSERVATIONS)
        figures = peers.rank_figures(part, tables.editions, peers.indicators_of(catalog, theme))
        peers.write(figures, folder / f"peers-{theme}.arrow")
        of_peers[theme] = digests.of_peers(folder / f"peers-{theme}.arrow", figures["edition"].unique(), tables.editions)
        of_rows[theme] = digests.of_rows(part, tables.editions)
        part = part.assign(**{c: part[c].cat.remove_unused_categories() for c in TEXT_COLUMNS}).astype(dict.fromkeys(plain, str))
        part.to_parquet(folder / f"observations-{theme}.parquet", index=False, row_group_size=20_000)
        written += len(part)
    (folder / "catalog.json").write_text(catalog.to_json(), "utf-8")
    tables.territories.to_parquet(folder / "territories.parquet", index=False, row_group_size=5_000)
    tables.crosswalk.to_parquet(folder / "crosswalk.parquet", index=False)
    tables.editions.to_parquet(folder / "editions.parquet", index=False)
    if tables.geometry is not None:
        tables.geometry.sort_values(["level", "code"], ignore_index=True).to_parquet(
            folder / "geometry.parquet", index=False, write_covering_bbox=True, row_group_size=500
        )
    tables.squares.to_parquet(folder / "squares.parquet", index=False, row_group_size=2_000)
    of_rows["squares"] = digests.of_rows(tables.squares.rename(columns={"qpv": "territory"}), tables.editions)
    digests.write(folder, of_rows, of_peers, catalog)
    return written


def _covered(reference: Reference, observations: pd.DataFrame) -> list[str]:
    """List the QPV of the embedded contracts that have a figure, on either perimeter."""
    known = set(observations.loc[observations["level"] == "qpv", "territory"].unique())
    pairs = zip(reference.qpv["code_2024"], reference.qpv["code_2015"], strict=True)
    return sorted(new for new, old in pairs if known & {new, old})
