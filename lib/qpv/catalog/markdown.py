"""The catalogue as one page of Markdown: every source and indicator, in its producers' words.

Written by ``qpv data catalog``; a test keeps the committed page equal to what this module gives.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from qpv.catalog.catalog import Catalog
from qpv.catalog.indicator import Indicator
from qpv.catalog.source import Edition, Source
from qpv.html import visible
from qpv.numbers import DASH
from qpv.quarter import UNDATED, period_position
from qpv.vocabulary import THEMES_FR, UNITS, Polarity

_INTRO: Final = """# Catalogue

Every source and indicator that the observatory knows: {sources} sources with {editions} editions, {indicators} indicators.
Generated from `data/catalog/` by `qpv data catalog`; edit the YAML, then run the command again. Texts are the French ones
that readers see. The periods of an indicator are those of the editions of its sources, of which one or another may lack
its column; what has been read on this machine is what `qpv data status` says.

{contents}
"""
_TIERS: Final = {
    "read": ("Sources that are read", "Read and checked on the real files."),
    "header": (
        "Sources read from their header alone",
        "A reader exists, written from the header; no whole file has been read yet.",
    ),
    "listed": ("Sources that are only listed", "Known and not read; each says why."),
}
_POLARITY: Final = {
    Polarity.HIGHER: "higher is better", Polarity.LOWER: "lower is better", Polarity.NONE: "no direction is better",
}  # fmt: skip
_AGGREGATION: Final = {"none": "not summable", "sum": "summable", "weighted_mean": "weighted mean"}
#: What Markdown or the HTML within it would take for its own.
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~#])")
_BREAKS: Final = re.compile(r"[ \t]*[\r\n\t]+[ \t]*")


def catalogue_page(catalog: Catalog) -> str:
    """Write the page: sources by tier, then indicators by theme; the same catalogue gives the same bytes."""
    parts, contents = [], []
    for tier, (title, words) in _TIERS.items():
        sources = [s for s in catalog.sources.values() if s.tier == tier]
        if sources:
            contents.append(f"- [{title}](#{_anchor(title)}) ({len(sources)})")
            parts += [f"## {title}", words, *(_source(s, catalog) for s in sources)]
    for theme, title in THEMES_FR.items():
        indicators = [i for i in catalog.of_theme(theme) if i.theme == theme]
        if indicators:
            contents.append(f"- [{title}](#{_anchor(title)}) ({len(indicators)})")
            parts += [f"## {title}", _indicators(indicators, catalog)]
    intro = _INTRO.format(
        sources=len(catalog.sources), editions=len(catalog.editions), indicators=len(catalog.indicators),
        contents="\n".join(contents),
    )  # fmt: skip
    return intro + "\n" + "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Write a text so that neither Markdown, a table of it, nor HTML reads anything into it."""
    one_line = _BREAKS.sub(" ", visible(text))
    return _SPECIAL.sub(r"\\\1", html.escape(one_line, quote=False))


def _anchor(title: str) -> str:
    """Give the anchor that a heading gets: lower case, hyphens, no punctuation."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _source(source: Source, catalog: Catalog) -> str:
    count = len({i.id for i, _ in catalog.columns_of(source.id)})
    facts = [
        f"`{source.id}`", f"licence: {escaped(source.licence)}", _link(source.landing_page),
        f"level: {source.level}" if source.level else "",
        f"perimeters of {source.generation}" if source.generation else "", f"{count} indicators",
    ]  # fmt: skip
    lines = [f"### {escaped(source.producer)}, {escaped(source.dataset)}", " · ".join(filter(None, facts))]
    lines += [escaped(source.why_listed)] if source.why_listed else []
    notes = [escaped(n) for n in source.notes]
    lines += ["\n".join(f"- {n}" for n in notes)] if notes else []
    if source.editions:
        rows = [[f"`{e.id}`", _periods(e, source), _published(e), "<br>".join(map(escaped, e.traps))] for e in source.editions]
        lines.append(_table(["Edition", "Reference periods", "Published", "Traps"], rows))
    return "\n\n".join(lines)


def _link(address: str) -> str:
    """Link an address of the web; show anything else as text."""
    if not re.fullmatch(r"https?://[^\s<>()|\\`]+", address):
        return escaped(address)
    return f"[{escaped(address.split('://', 1)[1])}]({address})"


def _periods(edition: Edition, source: Source) -> str:
    by_period: dict[str, list[str]] = {}
    for block, period in edition.periods.items():
        by_period.setdefault(period, []).append(block)
    if not by_period:
        return "in the file" if source.table and source.table.period_column else DASH
    words = [
        period + ("" if blocks == ["main"] else f" ({escaped(', '.join(blocks))})")
        for period, blocks in sorted(by_period.items(), key=lambda item: _place(item[0]))
    ]
    return "<br>".join(words)


def _place(period: str) -> tuple[bool, float, str]:
    return (period == UNDATED, 0.0 if period == UNDATED else period_position(period), period)


def _published(edition: Edition) -> str:
    day = edition.published
    exact = {"day": f"{day:%Y-%m-%d}", "month": f"{day:%Y-%m}", "year": f"{day:%Y}"}
    return exact.get(edition.published_precision, f"by {day:%Y-%m-%d} (assumed)")


def _indicators(indicators: Sequence[Indicator], catalog: Catalog) -> str:
    rows = [[_name(i), _meaning(i), _rules(i), _origin(i, catalog)] for i in indicators]
    return _table(["Indicator", "Definition", "Unit and rules", "Sources and periods"], rows)


def _name(indicator: Indicator) -> str:
    key = "<br>key figure" if indicator.key else ""
    return f"{escaped(indicator.label)}<br>`{indicator.id}`{key}"


def _meaning(indicator: Indicator) -> str:
    lines = [escaped(indicator.definition), f"Universe: {escaped(indicator.universe)}"]
    if indicator.numerator and indicator.denominator:
        lines.append(f"Quotient: {escaped(indicator.numerator)} / {escaped(indicator.denominator)}")
    lines.append(f"Compared: {escaped(indicator.comparability)}")
    lines += [f"Note: {escaped(w)}" for w in indicator.warnings]
    lines += [f"Break in {b.period}: {escaped(b.reason)}" for b in indicator.breaks]
    return "<br>".join(lines)


def _rules(indicator: Indicator) -> str:
    lines = [UNITS[indicator.unit][2], _POLARITY[indicator.polarity], _AGGREGATION[indicator.aggregation]]
    if indicator.minimum_count:
        lines.append(f"not shown below {indicator.minimum_count}")
    return "<br>".join(lines)


def _origin(indicator: Indicator, catalog: Catalog) -> str:
    """Write the sources with the periods of their editions; of contracts, that they alone give it."""
    periods: dict[str, set[str]] = {}
    for column in indicator.columns:
        dates = [e.periods for e in catalog.sources[column.source].editions]
        found = {d.get(column.block) or d.get("main", "") for d in dates} - {""}
        periods.setdefault(column.source, set()).update(found)
    lines = [f"`{source}`" + _dated(found) for source, found in periods.items()]
    return "<br>".join(lines) or "contracts only"


def _dated(periods: set[str]) -> str:
    shown = ", ".join(sorted(periods, key=_place))
    return f" ({shown})" if shown else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
