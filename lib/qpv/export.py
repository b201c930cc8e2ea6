"""Sharing (S29-S30): the observations of a territory as CSV and Parquet, with a data dictionary that programs check.

The folder is a Frictionless data package: ``datapackage.json`` describes every table, column, unit and source.  What
is withheld in the warehouse stays withheld; files hold territories and counts, never persons.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from qpv.errors import ParameterError
from qpv.html import inert_cell, visible
from qpv.personal import refused_columns
from qpv.quarter import Quarter
from qpv.reference import fold
from qpv.secrecy import WITHHELD, too_few
from qpv.selection import select
from qpv.vocabulary import ABSENT, GENERATIONS, LEVELS, LEVELS_FR, STATUS_FR, THEMES_FR, UNITS, Qualifier, Status
from qpv.warehouse import Warehouse

PACKAGE: Final = "datapackage.json"

#: Column -> (type, description in French, allowed values) of each table.
_Fields = dict[str, tuple[str, str, tuple[str, ...]]]
_LEVELS_SAID: Final = ", ".join(f"{level} = {said}" for level, said in LEVELS_FR.items())
FIELDS: Final[dict[str, _Fields]] = {
    "observations": {
        "territory": ("string", "Code du territoire : QPV, commune (Insee), EPCI (SIREN), département, région, FR ; voir territories", ()),
        "level": ("string", f"Niveau : {_LEVELS_SAID}", LEVELS),
        "generation": ("string", "Génération du périmètre de QPV : 2015 ou 2024 ; vide ailleurs", GENERATIONS),
        "indicator": ("string", "Identifiant de l’indicateur ; voir indicators", ()),
        "period": ("string", "Période de référence : 2019, 2021-T4, 2021-12, 2022-2023 ou undated (année non imprimée)", ()),
        "value": ("number", "Valeur, dans l’unité de l’indicateur ; vide quand le statut dit une absence", ()),
        "unit": ("string", "Unité ; voir indicators", tuple(UNITS)),
        "status": ("string", "Statut : " + ", ".join(f"{s.value} = {said}" for s, said in STATUS_FR.items()), tuple(s.value for s in Status)),
        "qualifier": ("string", "Ce que le chiffre imprimé représente : vide = exact, about = environ, at_least = au moins…",
                      tuple(q.value for q in Qualifier)),
        "edition": ("string", "Livraison dont vient le chiffre ; voir editions", ()),
        "file": ("string", "Fichier ou document lu", ()),
        "row": ("integer", "Ligne dans le fichier ou le document", ()),
        "note": ("string", "Remarque", ()),
    },
    "indicators": {
        "indicator": ("string", "Identifiant", ()), "label": ("string", "Nom en français", ()), "definition": ("string", "Définition", ()),
        "universe": ("string", "Champ", ()), "unit": ("string", "Unité", tuple(UNITS)), "unit_label": ("string", "Unité, en mots", ()),
        "decimals": ("integer", "Décimales utiles", ()), "polarity": ("string", "Sens favorable, ou none", ()),
        "minimum_count": ("integer", "Plus petit effectif diffusé ; vide sans seuil", ()),
    },
    "territories": {
        "code": ("string", "Code", ()), "level": ("string", "Niveau", LEVELS), "generation": ("string", "Génération du périmètre", GENERATIONS),
        "name": ("string", "Nom du territoire", ()), "communes": ("string", "Communes, codes Insee séparés par une espace", ()),
        "epci": ("string", "EPCI, codes SIREN séparés par une espace", ()), "departement": ("string", "Département", ()),
        "region": ("string", "Région", ()),
    },
    "editions": {
        "edition": ("string", "Livraison", ()), "source": ("string", "Source", ()), "producer": ("string", "Producteur", ()),
        "dataset": ("string", "Jeu de données", ()), "landing_page": ("string", "Page du producteur", ()), "licence": ("string", "Licence", ()),
        "published": ("date", "Date de publication, au plus tard", ()),
        "published_precision": ("string", "Précision de cette date", ("day", "month", "year", "assumed")),
    },
}  # fmt: skip
_KEYS: Final = {"indicators": "indicator", "territories": ("level", "code"), "editions": "edition"}


def tables(
    warehouse: Warehouse, territory: str, quarter: Quarter, themes: Sequence[str] = tuple(THEMES_FR)
) -> dict[str, pd.DataFrame]:
    """Gather what is shared of a territory, as of the end of a quarter.

    Parameters
    ----------
    territory
        A QPV, an EPCI (SIREN), a département, ``contracts`` or ``all``.
    themes
        Those whose observations are wanted, by default all.

    Returns
    -------
    dict of pandas.DataFrame
        ``observations, indicators, territories, editions`` with the columns of :data:`FIELDS`: the QPV of both generations,
        their communes, EPCI, département and région, and France.

    Raises
    ------
    UnknownTerritoryError, AmbiguousTerritoryError
        If no QPV answers to ``territory``.
    """
    codes = _around(warehouse, select(warehouse, territory))
    editions = warehouse.editions[warehouse.editions["published"] <= pd.Timestamp(quarter.end)]
    found = []
    for theme in themes:
        rows = warehouse.around(theme, codes)
        # An indicator of several themes is stored with each of them, and given once.
        own = [i for i in rows["indicator"].unique()
               if next(t for t in warehouse.catalog.indicator(i).themes if t in themes) == theme]  # fmt: skip
        found.append(rows[rows["indicator"].isin(own) & rows["edition"].isin(editions["edition"])])
    observations = pd.concat(found, ignore_index=True)
    catalog = warehouse.catalog
    used = sorted(observations["indicator"].unique())
    observations = _without_small_counts(observations, {i: catalog.indicator(i).minimum_count for i in used})
    observations["unit"] = observations["indicator"].map({i: catalog.indicator(i).unit for i in used})
    order = ["indicator", "level", "territory", "period", "edition", "row", "value"]
    known = warehouse.territories
    spoken_of = set(zip(observations["level"].str.removeprefix("qpv_of_"), observations["territory"], strict=True))
    places = known[[place in spoken_of for place in zip(known["level"], known["code"], strict=True)]]
    about = [catalog.indicator(i) for i in used]
    indicators = pd.DataFrame([
        {"indicator": i.id, "label": i.label, "definition": i.definition, "universe": i.universe, "unit": i.unit,
         "unit_label": UNITS[i.unit][2], "decimals": i.decimals, "polarity": i.polarity.value, "minimum_count": i.minimum_count}
        for i in about
    ], columns=list(FIELDS["indicators"]))  # fmt: skip
    whole = {
        "observations": observations.sort_values(order, kind="stable", ignore_index=True),
        "indicators": indicators,
        "territories": places.sort_values(["level", "code"], ignore_index=True),
        "editions": editions[editions["edition"].isin(observations["edition"])].assign(
            published=lambda t: t["published"].dt.strftime("%Y-%m-%d")).sort_values("edition", ignore_index=True),
    }  # fmt: skip
    return {name: _typed(table[list(FIELDS[name])], FIELDS[name]) for name, table in whole.items()}


def _around(warehouse: Warehouse, qpv: list[str]) -> list[str]:
    """Give the codes of QPV, of those of 2015 that they come from, and of all that they lie in."""
    pairs, places = warehouse.crosswalk, warehouse.places("qpv")
    old = pairs.loc[pairs["code_2024"].isin(qpv) & (pairs["code_2015"] != ""), "code_2015"]
    codes = {*qpv, *old, "FR", "FRM"}
    rows = places[places.index.isin(codes)]
    for column in ("communes", "epci", "departement", "region"):
        codes |= {c for said in rows[column] for c in said.split(" ") if c}
    return sorted(codes)


def _without_small_counts(rows: pd.DataFrame, minima: dict[str, int | None]) -> pd.DataFrame:
    """Withhold small counts once more: the build has done so, and what leaves the house is checked twice.

    Figures that a public document prints stay.
    """
    small = np.zeros(len(rows), dtype=bool)
    for indicator, minimum in minima.items():
        if minimum:
            mine = (rows["indicator"] == indicator).to_numpy() & (rows["status"] != Status.TRANSCRIBED).to_numpy()
            small |= mine & too_few(rows["value"].fillna(0).to_numpy(dtype=float), minimum)
    found = rows.copy()
    found.loc[small, "value"] = np.nan
    found.loc[small, "status"] = Status.SECRET.value
    found.loc[small, "note"] = [WITHHELD.format(minima[i]) for i in rows.loc[small, "indicator"]]
    return found


def _typed(table: pd.DataFrame, fields: _Fields) -> pd.DataFrame:
    kinds = {"string": str, "date": str, "integer": "Int64", "number": float}
    texts = [c for c, (kind, _, _) in fields.items() if kind in ("string", "date")]
    plain = table.assign(**{c: table[c].astype(object).where(table[c].notna(), "").astype(str) for c in texts})
    return plain.astype({c: kinds[kind] for c, (kind, _, _) in fields.items() if kind not in ("string", "date")})


def write_package(
    warehouse: Warehouse, territory: str, quarter: Quarter, folder: Path, progress: Callable[[str], None] = lambda message: None
) -> Path:
    """Write the data package of a territory; the folder appears whole, or stays as it was.

    Raises
    ------
    ParameterError
        If ``folder`` holds something that is no export, or a table breaks its own dictionary.
    """
    if folder.exists() and not (folder / PACKAGE).is_file() and any(folder.iterdir()):
        raise ParameterError(f"{folder.name!r} holds other files: give a folder that is new, empty, or an earlier export")
    found = tables(warehouse, territory, quarter)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, table in found.items():
            progress(name)
            (scratch / f"{name}.csv").write_bytes(_csv(table))
        found["observations"].to_parquet(scratch / "observations.parquet", index=False)
        described = json.dumps(describe(found, scratch, territory, quarter), ensure_ascii=False, indent=1)
        (scratch / PACKAGE).write_text(described + "\n", "utf-8")
        faults = check_package(scratch)
        if faults:
            raise ParameterError(f"the export breaks its own dictionary: {'; '.join(faults[:5])}")
        scratch.chmod(0o755)
        aside = scratch.with_name(f"{scratch.name}-old")
        if folder.exists():
            folder.rename(aside)
        scratch.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _csv(table: pd.DataFrame) -> bytes:
    """Write a table as the dictionary says: UTF-8, commas, decimal points, CRLF; no cell that a spreadsheet would run."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False, name=None):
        writer.writerow([_cell(v) for v in row])
    return buffer.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return inert_cell(visible(value))
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def describe(found: dict[str, pd.DataFrame], folder: Path, territory: str, quarter: Quarter) -> dict[str, Any]:
    """Describe the files of an export as a Frictionless data package (version 1 of the specification)."""
    editions = found["editions"]
    sources = [
        {"title": f"{e.producer}, {e.dataset}", **({"path": e.landing_page} if e.landing_page else {})}
        for e in editions.itertuples()
    ]
    resources = [_resource(name, folder / f"{name}.csv", len(table)) for name, table in found.items()]
    resources.append(
        _resource("observations", folder / "observations.parquet", len(found["observations"])) | {"name": "observations-parquet"}
    )
    return {
        "profile": "data-package", "name": f"qpv-{fold(territory)}-{str(quarter).lower()}".replace(" ", "-"),
        "title": f"Observatoire des QPV, {territory}, {quarter.label}",
        "description": "Chiffres publiés au plus tard à la fin du trimestre, avec période, unité, périmètre, statut et source. Les petits effectifs "
                       "ne sont pas diffusés. Aucune donnée sur une personne.",
        "created": f"{quarter.end.isoformat()}T00:00:00Z",
        "licenses": [{"name": "etalab-2.0", "title": "Licence Ouverte 2.0", "path": "https://www.etalab.gouv.fr/licence-ouverte-open-licence"}],
        "sources": list({json.dumps(s, sort_keys=True): s for s in sources}.values()), "resources": resources,
    }  # fmt: skip


def _resource(name: str, file: Path, rows: int) -> dict[str, Any]:
    content = file.read_bytes()
    text = file.suffix == ".csv"
    # The reference program counts no bytes of a Parquet file and would call it changed: there they stand under names of our own.
    size, digest = ("bytes", "hash") if text else ("x-bytes", "x-hash")
    described = {
        "name": name, "path": file.name, "format": file.suffix[1:], "mediatype": "text/csv" if text else "application/vnd.apache.parquet",
        size: len(content), digest: f"sha256:{hashlib.sha256(content).hexdigest()}", "rows": rows, "schema": _schema(name),
    }  # fmt: skip
    if text:
        described |= {"profile": "tabular-data-resource", "encoding": "utf-8",
                      "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "header": True}}  # fmt: skip
    return described


def _schema(name: str) -> dict[str, Any]:
    fields = []
    for column, (kind, said, allowed) in FIELDS[name].items():
        field: dict[str, Any] = {"name": column, "type": kind, "description": said}
        values = [v for v in allowed if v]
        if values:  # an empty cell is a missing value, which the specification lets pass
            field["constraints"] = {"enum": values}
        fields.append(field)
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if name in _KEYS:
        schema["primaryKey"] = _KEYS[name] if isinstance(_KEYS[name], str) else list(_KEYS[name])
    if name == "observations":
        schema["foreignKeys"] = [
            {"fields": c, "reference": {"resource": r, "fields": c}}
            for c, r in (("indicator", "indicators"), ("edition", "editions"))
        ]
    return schema


def check_package(folder: Path) -> list[str]:
    """Check an export against its own dictionary: files, hashes, columns, types, allowed values, keys, absences; every fault."""
    package = json.loads((folder / PACKAGE).read_text("utf-8"))
    faults, values = [], {}
    for resource in package["resources"]:
        content = (folder / resource["path"]).read_bytes()
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != resource.get("hash", resource.get("x-hash")):
            faults.append(f"{resource['path']}: not the file that was described")
        if resource["format"] != "csv":
            continue
        lines = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
        values[resource["name"]] = lines
        faults += [f"{resource['path']}: {fault}" for fault in _rows_faults(lines, resource)]
    for key in (k for r in package["resources"] for k in r["schema"].get("foreignKeys", [])):
        known = {row[key["reference"]["fields"]] for row in values[key["reference"]["resource"]]}
        lost = {row[key["fields"]] for row in values["observations"]} - known
        if lost:
            faults.append(f"observations.csv: {key['fields']} {sorted(lost)[0]!r} is in no row of {key['reference']['resource']}")
    return list(dict.fromkeys(faults))


def _rows_faults(lines: list[dict[str, str]], resource: dict[str, Any]) -> list[str]:
    """Say what is wrong with the rows of one table."""
    fields, faults = resource["schema"]["fields"], []
    if len(lines) != resource["rows"]:
        faults.append(f"{len(lines)} rows, {resource['rows']} described")
    if lines and list(lines[0]) != [f["name"] for f in fields]:
        return [*faults, f"columns {', '.join(lines[0])}: not those described"]
    faults += [
        f"column {c!r} may hold {what}" for c, what in refused_columns([f["name"] for f in fields if f["name"] != "name"]).items()
    ]
    key = resource["schema"].get("primaryKey", [])
    keys = (
        Counter(tuple(line[c] for c in ([key] if isinstance(key, str) else key)) for line in lines)
        if key
        else Counter[tuple[str, ...]]()
    )
    faults += [f"{', '.join(k)}: the key stands {n} times" for k, n in keys.items() if n > 1][:3]
    faults += ["a row without its key"] * any("" in k for k in keys)
    for field in fields:
        seen = {line[field["name"]] for line in lines} - {""}
        if field["type"] == "date":
            faults += [f"{field['name']} {v!r}: not a date" for v in sorted(seen) if not re.fullmatch(r"\d{4}-\d\d-\d\d", v)][:3]
        allowed = set(field.get("constraints", {}).get("enum", seen))
        faults += [f"{field['name']} {v!r}: not one of the values described" for v in sorted(seen - allowed)[:3]]
        if field["type"] in ("number", "integer"):
            faults += [f"{field['name']} {v!r}: not a number" for v in sorted(seen) if not _is_number(v)][:3]
    if resource["name"] == "observations":
        absent = {s.value for s in ABSENT}
        faults += [f"row {n}: a value without a present status, or the reverse" for n, line in enumerate(lines, 2)
                   if (line["value"] == "") != (line["status"] in absent)][:3]  # fmt: skip
    return faults


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
