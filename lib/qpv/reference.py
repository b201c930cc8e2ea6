"""The reference geography: communes, EPCI, départements, régions, and the QPV of the contracts.

Committed under ``data/reference`` (see its README for origins and licences); needs no download.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd

from qpv.errors import CatalogError
from qpv.territory import departement_of

_ARRONDISSEMENT: Final = re.compile(r"( (et )?\d+(er|e|eme)?)+( arrondissements?)?$")


def fold(name: str) -> str:
    """Reduce a name to what two spellings share: no accents, case or punctuation; ``st`` = saint."""
    plain = unicodedata.normalize("NFKD", name.replace("œ", "oe").replace("Œ", "oe"))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    words = re.sub(r"[^a-z0-9]+", " ", plain).split()
    return " ".join({"st": "saint", "ste": "sainte"}.get(w, w) for w in words)


@dataclass(frozen=True)
class Reference:
    """The reference tables, all columns text but population and coordinates.

    ``communes``: code, name, departement, region, epci, population, longitude, latitude (EPSG:4326,
    the GeoNames point of the place, absent for the smallest).  ``epci``: code, name, population.
    ``departements``: code, name, region.  ``regions``: code, name.  ``qpv``: the QPV of the
    embedded contracts with their 2015 and 2024 codes.
    """

    communes: pd.DataFrame
    epci: pd.DataFrame
    departements: pd.DataFrame
    regions: pd.DataFrame
    qpv: pd.DataFrame

    @classmethod
    def load(cls, folder: Path) -> Reference:
        """Read the tables of ``data/reference``.

        Raises
        ------
        CatalogError
            If a table is missing or unreadable.
        """
        numbers = {"population": float, "longitude": float, "latitude": float}
        tables = {}
        for name in ("communes.csv.gz", "epci.csv", "departements.csv", "regions.csv", "qpv.csv"):
            try:
                header = pd.read_csv(folder / name, nrows=0).columns
                types = {c: numbers.get(c, str) for c in header}
                table = pd.read_csv(folder / name, dtype=types, keep_default_na=False, na_values={c: [""] for c in numbers})
            except (OSError, ValueError) as error:
                raise CatalogError(f"reference table {name}: cannot be read ({error})") from error
            tables[name.split(".")[0]] = table
        return cls(**tables)

    @cached_property
    def _commune_by_name(self) -> dict[tuple[str, str], str]:
        return {(r.departement, fold(r.name_)): r.code for r in
                self.communes.rename(columns={"name": "name_"}).itertuples()}  # fmt: skip

    @cached_property
    def epci_of_commune(self) -> dict[str, str]:
        """EPCI code by commune code."""
        return dict(zip(self.communes["code"], self.communes["epci"], strict=True))

    @cached_property
    def region_of_departement(self) -> dict[str, str]:
        """Région code by département code."""
        return dict(zip(self.departements["code"], self.departements["region"], strict=True))

    def commune_named(self, name: str, departement: str) -> str | None:
        """Find the code of a commune by its name within a département; ``None`` if unknown.

        An arrondissement (``Lyon 9ème arrondissement``) is read as its commune.
        """
        whole = _ARRONDISSEMENT.sub("", fold(name))
        return self._commune_by_name.get((departement, whole))

    def epcis_of(self, communes: list[str]) -> list[str]:
        """Give the EPCI of some communes, in order, each once."""
        found = (self.epci_of_commune.get(c, "") for c in communes)
        return list(dict.fromkeys(e for e in found if e))

    def place(self, communes: list[str]) -> dict[str, str]:
        """Give the columns ``communes epci departement region`` of a territory made of communes."""
        departement = departement_of(communes[0]) if communes else ""
        return {
            "communes": " ".join(communes),
            "epci": " ".join(self.epcis_of(communes)),
            "departement": departement,
            "region": self.region_of_departement.get(departement, ""),
        }
