"""Briefs: the pages that notebooks build, and their export to one HTML file."""

from qpv.brief.agglomeration import Agglomeration
from qpv.brief.evaluation import Evaluation
from qpv.brief.page import Brief
from qpv.brief.portrait import Portrait
from qpv.brief.programme import Programme
from qpv.brief.yearly import Yearly

__all__ = ["Agglomeration", "Brief", "Evaluation", "Portrait", "Programme", "Yearly"]
