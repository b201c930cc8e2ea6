"""What the tests of recognition share: archives, dated files, and a reader of what was recognised."""

from __future__ import annotations

import datetime as dt
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from qpv.catalog import Catalog
from qpv.reference import Reference
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import Recognised

Read = Callable[[Recognised], Delivery]


def reading(catalog: Catalog, reference: Reference) -> Read:
    """Give what reads a recognised file, with any number of rows."""

    def run(found: Recognised) -> Delivery:
        edition = found.edition.model_copy(update={"rows": None})
        return READERS[found.source.reader or ""](found.file, found.source, edition, Context(catalog, reference))

    return run


def archive(path: Path, members: dict[str, str | bytes], day: tuple[int, int, int] = (2026, 3, 15)) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for name, content in members.items():
            stream.writestr(zipfile.ZipInfo(name, (*day, 0, 0, 0)), content)
    return path


def dated(path: Path, day: dt.date) -> Path:
    at = dt.datetime.combine(day, dt.time(12)).timestamp()
    os.utime(path, (at, at))
    return path


META = (
    "COD_VAR;LIB_VAR;LIB_VAR_LONG;COD_MOD;LIB_MOD;TYPE_VAR;LONG_VAR\n"
    "ABC;DEFM ABC;Nombre de demandeurs d'emploi de catégories A, B, C;;;NUM;5\n"
    "ABC_G;DEFM G;Nombre de demandeurs d'emploi de catégorie G;;;NUM;5\n"
    "NOTE_PE;Note;Qualité;0;Pas de problème;CHAR;1\n"
    "NOTE_PE;Note;Qualité;3;Effectif inférieur au seuil;CHAR;1\n"
)


def defm(folder: Path, header: str, *rows: str, meta: str = META) -> Path:
    text = "\n".join([header, *rows]) + "\n"
    return archive(folder / "DEFM2025_QP24_csv.zip", {"data_DEFM2025_QP.csv": text, "meta_data_DEFM2025_QP.csv": meta})


@pytest.fixture
def read(catalog: Catalog, reference: Reference) -> Read:
    """Read a file that was recognised."""
    return reading(catalog, reference)
