"""Theme briefs: the page that a notebook builds, and its export to one HTML file."""

from qpv.brief.page import Brief

__all__ = ["Brief"]
