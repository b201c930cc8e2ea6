"""The QPV observatory: honest briefs on French priority neighbourhoods."""

from __future__ import annotations

__version__ = "0.1.0"
