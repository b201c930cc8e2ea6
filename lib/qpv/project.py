"""The project folder: where data, notebooks and outputs lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qpv.errors import ParameterError


@dataclass(frozen=True)
class Project:
    """Paths of a checkout."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """Find the project that holds ``start``.

        Raises
        ------
        ParameterError
            If no parent folder has ``data/catalog`` and ``notebooks``.
        """
        for folder in [start.resolve(), *start.resolve().parents]:
            if (folder / "data" / "catalog").is_dir() and (folder / "notebooks").is_dir():
                return cls(folder)
        raise ParameterError(
            "not in the observatory's folder: no data/catalog and notebooks here or above; cd into a checkout of the project, "
            "for the installed package holds neither data nor notebooks"
        )

    @property
    def data(self) -> Path:
        """Catalogue, contracts, reference, raw files, warehouse."""
        return self.root / "data"

    @property
    def notebooks(self) -> Path:
        """One notebook a theme."""
        return self.root / "notebooks"

    @property
    def warehouse(self) -> Path:
        """Built data."""
        return self.data / "warehouse"

    @property
    def outputs(self) -> Path:
        """One folder a quarter."""
        return self.root / "outputs"

    def raw(self, given: str | None) -> list[Path]:
        """Give the folders of raw files: the ones given (``:``-separated), else the defaults.

        Raises
        ------
        ParameterError
            If a given folder does not exist.
        """
        if not given:
            return [p for p in (self.data / "raw", self.root.parent / "shared" / "official") if p.is_dir()]
        folders = [self.root / p for p in given.split(":") if p]
        for folder in folders:
            if not folder.is_dir():
                raise ParameterError(f"RAW folder {folder.name!r} does not exist: give the folder of the official files")
        return folders
