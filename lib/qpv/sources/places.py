"""Lists of territories without a figure: communes with what they belong to, QPV of 2024 with their communes."""

from __future__ import annotations

from typing import Final

import pandas as pd

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.schemas import TERRITORIES
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.figures import left_out
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE, read_text_table
from qpv.territory import departement_of, normalise_code

#: What Insee writes for a commune that belongs to no EPCI.
_NO_EPCI: Final = "ZZZZZZZZZ"
_COMMUNE_COLUMNS: Final = ("CODGEO", "LIBGEO", "DEP", "REG", "EPCI")
_QPV_COLUMNS: Final = ("codeQPV", "lib_qp", "COG", "lib_com", "insee_dep")


@reader("commune_list")
def read_communes(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the communes of a year (Insee): ``CODGEO, LIBGEO, DEP, REG, EPCI``.

    Returns
    -------
    Delivery
        The communes as territories, and in how many the reference geography knows another EPCI or nothing:
        what figures of that year call by a code that is no more has its name from here.

    Raises
    ------
    SourceError
        As :func:`read_text_table`, or if a column lacks, a code is none, or a commune stands twice.
    """
    assert source.table is not None
    frame = _table(raw, source, edition, _COMMUNE_COLUMNS)
    codes, findings = _coded(frame, "CODGEO", "commune", "", raw)
    frame, codes = frame[codes.notna()], codes[codes.notna()].astype(str)
    twice = codes.duplicated()
    if twice.any():
        raise SourceError(f"{raw.name}, line {frame.loc[twice, LINE].iloc[0]}: {codes[twice].iloc[0]} stands twice")
    known = context.reference.epci_of_commune
    epci = frame["EPCI"].str.strip().replace(_NO_EPCI, "")
    bad = ~epci.map(lambda code: not code or normalise_code(code, "epci") == code).astype(bool)
    if bad.any():
        raise SourceError(
            f"{raw.name}, line {frame.loc[bad, LINE].iloc[0]}, column EPCI: {epci[bad].iloc[0][:40]!r} is no SIREN code"
        )
    gone = [c for c in codes if c not in known]
    moved = [c for c, e in zip(codes, epci, strict=True) if c in known and known[c] != e]
    findings.append(
        Finding(
            "info",
            raw.name,
            f"{len(gone)} communes are not in the reference geography, {len(moved)} belong to another EPCI there",
        )
    )
    places = pd.DataFrame(
        {
            "code": codes, "level": "commune", "name": frame["LIBGEO"].str.strip(), "communes": codes, "epci": epci,
            "departement": frame["DEP"].str.strip(), "region": frame["REG"].str.strip(),
        }
    )  # fmt: skip
    return Delivery(territories=_territories(places, edition), findings=findings)


@reader("qpv_list")
def read_qpv(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the QPV of 2024 from a table with one row a QPV and commune: ``codeQPV, lib_qp, COG, lib_com, insee_dep``.

    An arrondissement of Paris, Lyon or Marseille is read as its commune, by its name.  Any figures stay unread: the
    source says why.

    Returns
    -------
    Delivery
        The QPV as territories, each with its communes in the order of the file.

    Raises
    ------
    SourceError
        As :func:`read_text_table`, or if a column lacks, a code is none, or a QPV has two names.
    """
    frame = _table(raw, source, edition, _QPV_COLUMNS)
    codes, findings = _coded(frame, "codeQPV", "qpv", "2024", raw)
    rows: dict[str, dict[str, object]] = {}
    communes: dict[str, dict[str, None]] = {}
    lost = []
    for code, item in zip(codes, frame.to_dict("records"), strict=True):
        if not isinstance(code, str):
            continue
        name = item["lib_qp"].strip()
        if rows.setdefault(code, {"code": code, "name": name})["name"] != name:
            raise SourceError(
                f"{raw.name}, line {item[LINE]}: {code} is called {name[:60]!r} and, before, {rows[code]['name']!r}"
            )
        commune = _commune(item, context)
        if commune is None:
            lost.append(f"{item['COG']} ({code})")
        else:
            communes.setdefault(code, {})[commune] = None
    if lost:
        findings.append(Finding("warning", raw.name, f"{len(lost)} rows without the code of a commune: {', '.join(lost[:5])}"))
    places = pd.DataFrame([{**row, **context.reference.place(list(communes.get(code, {})))} for code, row in rows.items()])
    return Delivery(territories=_territories(places.assign(level="qpv", generation="2024"), edition), findings=findings)


def _commune(item: dict[str, str], context: Context) -> str | None:
    code = normalise_code(item["COG"], "commune")
    if code is None or code in context.reference.epci_of_commune:
        return code
    # One that has been merged into another since keeps its code, as in the outlines.
    return context.reference.commune_named(item["lib_com"], departement_of(code)) or code


def _table(raw: RawFile, source: Source, edition: Edition, columns: tuple[str, ...]) -> pd.DataFrame:
    assert source.table is not None
    frame = read_text_table(raw, source.table, edition)
    lacking = [c for c in columns if c not in frame]
    if lacking:
        raise SourceError(
            f"{raw.name}, line {source.table.header_row}: no column {', '.join(map(repr, lacking))}; found {', '.join(list(frame)[1:9])}"
        )
    return frame


def _coded(frame: pd.DataFrame, key: str, level: str, generation: str, raw: RawFile) -> tuple[pd.Series, list[Finding]]:
    codes = frame[key].map(lambda text: normalise_code(text, level, generation))
    return codes, left_out(frame.loc[codes.isna(), [LINE, key]], key, level, len(frame), raw)


def _territories(places: pd.DataFrame, edition: Edition) -> pd.DataFrame:
    blank = {"generation": "", "aliases": "", "kind": "", "population": None, "longitude": None, "latitude": None}
    blank = {k: v for k, v in blank.items() if k not in places}
    return places.assign(**blank, edition=edition.id)[list(TERRITORIES.columns)].reset_index(drop=True)
