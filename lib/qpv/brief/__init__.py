"""Briefs: the pages that notebooks build, and their export to one HTML file."""

from qpv.brief.agglomeration import Agglomeration
from qpv.brief.page import Brief
from qpv.brief.portrait import Portrait

__all__ = ["Agglomeration", "Brief", "Portrait"]
