"""IRIS: their names and communes from Insee's table, their outlines where dropped."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import pandas as pd

from qpv.catalog import Edition, Source, Table
from qpv.errors import SourceError
from qpv.schemas import TERRITORIES
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.contours import WGS84, read_outlines
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import read_text_table
from qpv.territory import normalise_code

_LAYOUT: Final = Table(key="CODE_IRIS")  # type: ignore[arg-type]  # one name, made a list
#: Kinds of IRIS as Insee writes them (TYP_IRIS).
_KINDS: Final = {"H": "habitat", "A": "activité", "D": "divers", "Z": "commune non découpée"}


@reader("iris_list")
def read_iris_list(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the IRIS of France (Insee): ``CODE_IRIS, LIB_IRIS, TYP_IRIS, DEPCOM``; names and communes only.

    A commune that is not divided is one IRIS of its own (code ending in 0000).

    Raises
    ------
    SourceError
        As :func:`read_text_table`, or if a column lacks or an IRIS stands twice.
    """
    del source
    frame = read_text_table(raw, _LAYOUT, edition)
    lacking = [c for c in ("LIB_IRIS", "TYP_IRIS", "DEPCOM") if c not in frame]
    if lacking:
        raise SourceError(f"{raw.name}: missing columns {', '.join(lacking)}; found {', '.join(list(frame)[1:9])}")
    codes = frame["CODE_IRIS"].map(lambda text: normalise_code(text, "iris"))
    findings = _left_out(frame.loc[codes.isna(), "CODE_IRIS"], raw)
    frame = frame.assign(CODE_IRIS=codes)[codes.notna()]
    twice = frame.loc[frame["CODE_IRIS"].duplicated(), "CODE_IRIS"]
    if len(twice):
        raise SourceError(f"{raw.name}: IRIS {twice.iloc[0]} stands twice")
    return Delivery(territories=_places(frame["CODE_IRIS"], frame["LIB_IRIS"], frame["TYP_IRIS"], edition, context),
                    findings=findings)  # fmt: skip


@reader("iris_contours")
def read_iris_contours(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read outlines of IRIS (IGN-Insee): ``code_iris, nom_iris, insee_com``, in capitals or not.

    Raises
    ------
    SourceError
        If the outlines cannot be read, a column lacks, or an IRIS stands twice.
    """
    del source
    outlines, findings = read_outlines(raw, edition, [])
    outlines = outlines.rename(columns={c: c.lower() for c in outlines if c != outlines.geometry.name})
    lacking = [c for c in ("code_iris", "nom_iris", "insee_com") if c not in outlines]
    if lacking:
        raise SourceError(f"{raw.name}: expected columns code_iris, nom_iris, insee_com; missing {', '.join(lacking)}")
    codes = outlines["code_iris"].astype(str).map(lambda text: normalise_code(text, "iris"))
    findings += _left_out(outlines.loc[codes.isna(), "code_iris"].astype(str), raw)
    kept = outlines[codes.notna()]
    code = codes[codes.notna()].astype(str)
    if code.duplicated().any():
        raise SourceError(f"{raw.name}: IRIS {code[code.duplicated()].iloc[0]} stands twice")
    kinds = kept["typ_iris"] if "typ_iris" in kept else pd.Series("", index=kept.index)
    geometry = gpd.GeoDataFrame(
        {"code": code.to_numpy(), "level": "iris", "generation": ""}, geometry=kept.geometry.to_numpy(), crs=WGS84
    )
    return Delivery(
        territories=_places(code, kept["nom_iris"].astype(str), kinds.astype(str), edition, context),
        geometry=geometry, findings=findings,
    )  # fmt: skip


def _left_out(codes: pd.Series, raw: RawFile) -> list[Finding]:
    if codes.empty:
        return []
    return [Finding("warning", raw.name, f"{len(codes)} rows left out, no code of an IRIS: {', '.join(codes.head(5))}")]


def _places(codes: pd.Series, names: pd.Series, kinds: pd.Series, edition: Edition, context: Context) -> pd.DataFrame:
    communes = codes.str[:5]
    known = {c: context.reference.place([c]) for c in communes.unique()}
    places = pd.DataFrame([known[c] for c in communes])
    return places.assign(
        code=codes.to_numpy(), level="iris", generation="", name=names.str.strip().to_numpy(), aliases="",
        kind=kinds.str.strip().map(lambda k: _KINDS.get(k, "")).to_numpy(), population=None, longitude=None,
        latitude=None, edition=edition.id,
    )[list(TERRITORIES.columns)]  # fmt: skip
