"""Errors that a person can act upon.

Each message names the value, what was expected and what to do.  The command line turns any
``QpvError`` into one line on standard error and exit code 2.
"""

from __future__ import annotations


class QpvError(Exception):
    """Base of every error that the observatory raises on purpose."""


class ParameterError(QpvError):
    """A parameter (quarter, theme, territory…) is not one of the values allowed."""


class UnknownTerritoryError(ParameterError):
    """No territory answers to this code or name."""


class AmbiguousTerritoryError(ParameterError):
    """Several territories answer to this name."""


class CatalogError(QpvError):
    """The catalogue, the contracts or the reference tables break their own rules."""


class SourceError(QpvError):
    """A raw file was recognised but cannot be trusted as it is."""


class FetchError(QpvError):
    """A file could not be fetched, or what came is not the file; what was there remains."""


class WarehouseError(QpvError):
    """The warehouse is missing, incomplete or of another version."""


class ComparisonError(QpvError):
    """Two figures cannot honestly be compared."""
