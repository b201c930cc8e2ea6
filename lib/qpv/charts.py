"""Charts: matplotlib to SVG, text as text, French numbers, direct labels, source inside.

Sparing on purpose: no pyplot, no tight boxes, few ticks and artists (they dominate the cost of a
brief), and the same data give the same bytes.
"""

from __future__ import annotations

import io
import itertools
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from qpv.catalog import Indicator
from qpv.html import text, visible
from qpv.numbers import NNBSP, format_difference, format_number, format_value
from qpv.quarter import format_period, period_position, short_period
from qpv.vocabulary import UNITS, Polarity

#: Safe for colour-blind readers (Okabe-Ito, darkened for contrast on white); the QPV is always blue.
OWN: Final = "#0b5fa5"
OTHERS: Final = ("#b5500b", "#4a4a4a", "#00735c", "#8a4f86", "#7a6a00")
INK: Final = "#1d2733"
FAINT: Final = "#d5dae0"
MUTED: Final = "#5b6672"

_STYLE: Final[Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "qpv", "text.parse_math": False, "font.size": 10.5,
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "axes.edgecolor": MUTED, "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED, "axes.unicode_minus": True,
    "axes.spines.top": False, "axes.spines.right": False, "path.simplify": True,
}  # fmt: skip
#: A drawing for a phone is shown at 1.2 of its size: it may write smaller, and still as large as the page does.
_PHONE: Final[Any] = _STYLE | {"font.size": 9.5}
#: What tells lines apart where no name stands at their end: the marker, and the sign that stands for it in words.
_MARKERS: Final = (("s", "■"), ("^", "▲"), ("v", "▼"), ("D", "◆"), ("*", "★"))


@dataclass(frozen=True)
class Series:
    """A line of an evolution chart: one territory, its periods and values."""

    name: str
    periods: Sequence[str]
    values: Sequence[float]
    own: bool = False
    status: str = ""
    decimals: Sequence[int] = ()  # of each value as it is shown; empty: as the indicator has

    def shown(self, number: int, indicator: Indicator) -> int:
        """Give the decimals of a value."""
        return self.decimals[number] if self.decimals else indicator.decimals


def evolution(series: Sequence[Series], indicator: Indicator, source: str, key: str, *, phone: bool = False) -> str:
    """Draw values over time, the QPV beside its comparators; breaks of the series are marked.

    For a ``phone``, which has no room at the line ends, names and last values stand above, from the highest to the lowest.
    """
    with mpl.rc_context(_PHONE if phone else _STYLE):
        figure, axes = _phone_canvas(2.4, len(series), left=0.2) if phone else _canvas(7.6, 3.6, right=0.66)
        positions = {p: period_position(p) for s in series for p in s.periods}
        labels: list[tuple[float, str, str]] = []
        others = itertools.cycle(zip(OTHERS, _MARKERS, strict=True))
        for item in series:
            colour, (marker, sign) = (OWN, ("o", "●")) if item.own else next(others)
            x = [positions[p] for p in item.periods]
            for stretch in _stretches(x, indicator):
                axes.plot([x[n] for n in stretch], [item.values[n] for n in stretch], color=colour, linewidth=2.4 if item.own else 1.4,
                          marker=marker if phone else "o", markersize=5 if item.own or phone else 3.5,
                          solid_capstyle="round")  # fmt: skip
            last = format_value(item.values[-1], indicator.unit, item.shown(-1, indicator))
            words = f"{sign} {_shorten(item.name, 34)}" if phone else _shorten(item.name, 22)
            labels.append((float(item.values[-1]), f"{words}  {last}", colour))
        if positions:
            low, high = min(positions.values()), max(positions.values())
            margin = max(0.35, 0.04 * (high - low))
            axes.set_xlim(low - margin, high + margin)
        for cut in indicator.breaks:
            at = period_position(cut.period) - 0.5
            if positions and low < at + 0.5 <= high:
                axes.axvline(at, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
                axes.annotate("rupture de série", (at, 1.0), xycoords=("data", "axes fraction"), fontsize=8.5,
                              color=MUTED, ha="center", va="bottom")  # fmt: skip
        _value_axis(axes, indicator)
        _time_axis(axes, positions, *((5, 0.035) if phone else (7,)))
        if phone:
            _labels_above(figure, [(words, colour) for _, words, colour in sorted(labels, reverse=True)])
        else:
            _direct_labels(axes, labels)
        return _svg(figure, key, source, phone=phone)


#: A name may come to lie on a zero line: the line passes behind it.
_OVER_LINES: Final = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9}


def quadrant(
    points: pd.DataFrame, names: dict[str, str], own: str, indicator: Indicator, source: str, key: str, against: str,
    numbers: Sequence[str] = (), *, phone: bool = False,
) -> str:  # fmt: skip
    """Draw level of the gap × change of the gap, one point a QPV (S3); ``numbers`` are written beside the points.

    Axes are turned so that to the right is always to the QPV's disadvantage and up always means
    that the gap widens; the numbers keep their own sign.  On a ``phone`` the QPV is named above.
    """
    mine = points["territory"] == own
    adverse = indicator.polarity is not Polarity.NONE
    side = f"écart avec {_shorten(against, 60)}" + (" → défavorable" if adverse else "")
    side = _in_lines(side, 42) if phone else side
    called = textwrap.wrap(f"◆ {visible(names.get(own, own))}", 44) if phone and mine.any() else []
    with mpl.rc_context(_PHONE if phone else _STYLE):
        if phone:
            figure, axes = _phone_canvas(2.8, len(called), left=0.27, bottom_pt=46 + 12 * (1 + side.count("\n")))
        else:
            figure, axes = _canvas(7.4, 4.6, left=0.155, bottom=0.17)
        axes.axhline(0, color=INK, linewidth=1)
        axes.axvline(0, color=INK, linewidth=1)
        axes.plot(points.loc[~mine, "gap"], points.loc[~mine, "change"], linestyle="", marker="o", markersize=5,
                  color=MUTED, alpha=0.55 if len(points) < 60 else 0.25, markeredgewidth=0)  # fmt: skip
        axes.plot(points.loc[mine, "gap"], points.loc[mine, "change"], linestyle="", marker="D", markersize=9, color=OWN)
        for limits, setter in ((points["gap"], axes.set_xlim), (points["change"], axes.set_ylim)):
            low, high = min(0.0, limits.min()), max(0.0, limits.max())
            pad = 0.12 * (high - low or 1)
            setter(low - pad, high + pad)
        if indicator.polarity is Polarity.HIGHER:
            axes.invert_xaxis()
            axes.invert_yaxis()
        middle = sum(axes.get_xlim()) / 2
        for row in () if phone else points[mine].itertuples():
            right = (row.gap > middle) != axes.xaxis_inverted()
            axes.annotate(_shorten(names.get(row.territory, row.territory), 30), (row.gap, row.change), color=OWN, fontweight="bold",
                          xytext=(-9 if right else 9, 7), textcoords="offset points", ha="right" if right else "left", bbox=_OVER_LINES)  # fmt: skip
        for words, row in zip(numbers, points.itertuples(), strict=False):
            axes.annotate(words, (row.gap, row.change), xytext=(4, 3), textcoords="offset points", fontsize=8, color=INK)
        _labels_above(figure, [(line, OWN) for line in called])
        up, down = ("l’écart se creuse ↑", "l’écart se réduit ↓") if adverse else ("hausse relative", "baisse relative")
        for y, words, va in ((0.985, up, "top"), (0.015, down, "bottom")):
            axes.annotate(words, (0.99, y), xycoords="axes fraction", ha="right", va=va, fontsize=9, color=MUTED)
        axes.set_xlabel(side)
        axes.set_ylabel("évolution de l’écart")
        for axis, most in ((axes.xaxis, 4 if phone else 5), (axes.yaxis, 5)):
            axis.set_major_locator(MaxNLocator(most))
            axis.set_major_formatter(
                FuncFormatter(lambda v, _: format_difference(v, indicator.unit, _tick_decimals(v, indicator)))
            )
        return _svg(figure, key, source, phone=phone)


def bars(
    labels: Sequence[str], values: Mapping[str, Sequence[float | str]], unit: str, decimals: int, source: str, key: str
) -> str:
    """Draw horizontal bars: one group a label, one bar a territory.

    A text in place of a number says why there is none, and is drawn as such.
    """
    with mpl.rc_context(_STYLE):
        count, groups = len(values), len(labels)
        figure, axes = _canvas(7.4, 0.9 + 0.27 * groups * count + 0.16 * groups, left=0.42, right=0.88, top_pt=26)
        height, colours = 0.8 / count, [OWN, *OTHERS]
        tops = [v for vs in values.values() for v in vs if not isinstance(v, str)]
        largest = max(tops, default=1.0) or 1.0
        for n, (name, numbers) in enumerate(values.items()):
            y = np.arange(groups) + (n - (count - 1) / 2) * height
            shown = [0.0 if isinstance(v, str) else v for v in numbers]
            axes.barh(y, shown, height=height * 0.9, color=colours[n % len(colours)], label=_shorten(name, 40))
            for at, value in zip(y, numbers, strict=True):
                absent = isinstance(value, str)
                words = str(value) if absent else format_value(float(value), unit, decimals)
                axes.text(max(0.0, 0.0 if absent else float(value)) + 0.012 * largest, at, words, va="center", fontsize=9,
                          color=MUTED if absent else INK)  # fmt: skip
        axes.set_yticks(np.arange(groups), [_in_lines(label, 38) for label in labels])
        axes.invert_yaxis()
        axes.set_xlim(min(0.0, *tops, 0.0), largest * 1.12)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        if count > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=count, frameon=False, fontsize=9.5,
                        borderaxespad=0.2, handlelength=1.2)  # fmt: skip
        return _svg(figure, key, source)


def narrow_bars(
    labels: Sequence[str], values: Mapping[str, Sequence[float | str]], unit: str, decimals: int, source: str, key: str
) -> str:
    """Draw :func:`bars` for a phone: each label above its bars, words as large as those of the page."""
    heads = [textwrap.wrap(visible(label), 42) for label in labels]
    rows = sum(0.19 * len(lines) + 0.22 * len(values) + 0.12 for lines in heads)
    top = 0.05 + (0.1 + 0.2 * len(values) if len(values) > 1 else 0)
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(3.9, top + rows + 0.5, left=0.01, right=0.99, bottom_pt=34, top_pt=72 * top)
        numbers = [v for vs in values.values() for v in vs if not isinstance(v, str)]
        largest = max(numbers, default=1.0) or 1.0
        at, colours = 0.0, [OWN, *OTHERS]
        for n, lines in enumerate(heads):
            for line in lines:
                axes.text(0, at + 0.1, line, va="center", fontsize=9.5, color=INK)
                at += 0.19
            for colour, value in zip(itertools.cycle(colours), (vs[n] for vs in values.values()), strict=False):
                absent = isinstance(value, str)
                shown = 0.0 if isinstance(value, str) else float(value)
                axes.barh(at + 0.1, shown, height=0.18, color=colour)
                words = str(value) if absent else format_value(shown, unit, decimals)
                axes.text(
                    max(0.0, shown) + 0.012 * largest, at + 0.1, words, va="center", fontsize=9.5, color=MUTED if absent else INK
                )
                at += 0.22
            at += 0.12
        axes.set_ylim(at, 0)
        axes.set_xlim(min(0.0, *numbers, 0.0), largest * 1.42)
        axes.set_axis_off()
        if len(values) > 1:
            marks = [
                Patch(color=colour, label=_shorten(name, 40))
                for colour, name in zip(itertools.cycle(colours), values, strict=False)
            ]
            axes.legend(handles=marks, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=9.5, borderaxespad=0.6,
                        borderpad=0, labelspacing=0.2, handlelength=1.2)  # fmt: skip
        return _svg(figure, key, source, phone=True)


def spread(
    rows: Sequence[tuple[str, dict[str, float]]], unit: str, decimals: int, source: str, key: str, *, phone: bool = False
) -> str:
    """Draw distributions, one line a territory: D1 to D9 thin, Q1 to Q3 thick, the median marked.

    Each row gives a name and some of ``D1, Q1, Q2, Q3, D9``; what is absent is not drawn.  On a ``phone`` names stand above lines.
    """
    with mpl.rc_context(_PHONE if phone else _STYLE):
        if phone:
            figure, axes = _phone_canvas(0.66 * len(rows), 0, left=0.04)
        else:
            figure, axes = _canvas(7.4, 0.95 + 0.52 * len(rows), left=0.38, right=0.97, bottom_pt=44)
        for n, (name, marks) in enumerate(rows):
            colour = OWN if n == 0 else OTHERS[(n - 1) % len(OTHERS)]
            for low, high, width in (("D1", "D9", 1.5), ("Q1", "Q3", 9)):
                if low in marks and high in marks:
                    axes.plot([marks[low], marks[high]], [n, n], color=colour, linewidth=width, alpha=0.45 if width > 2 else 1,
                              solid_capstyle="butt")  # fmt: skip
            if "Q2" in marks:
                axes.plot([marks["Q2"]], [n], marker="D", markersize=7, color=colour)
                axes.annotate(format_value(marks["Q2"], unit, decimals), (marks["Q2"], n), xytext=(0, 9),
                              textcoords="offset points", ha="center", fontsize=9, color=INK)  # fmt: skip
            for mark in ("D1", "D9"):
                if mark in marks:
                    axes.plot([marks[mark]], [n], marker="|", markersize=9, color=colour)
            if phone:
                axes.annotate(_shorten(name, 44), (0.01, n - 0.55), xycoords=("axes fraction", "data"), color=colour, va="center")
        axes.set_yticks([] if phone else range(len(rows)), [] if phone else [_shorten(name, 32) for name, _ in rows])
        axes.set_ylim(len(rows) - 0.6 if phone else len(rows) - 0.4, -0.75)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.xaxis.set_major_locator(MaxNLocator(4 if phone else 6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: format_value(v, unit, decimals)))
        return _svg(figure, key, source, phone=phone)


def _stretches(x: Sequence[float], indicator: Indicator) -> list[list[int]]:
    """Cut a line at the breaks of its series: what is not measured alike is not joined."""
    cuts = sorted(period_position(b.period) for b in indicator.breaks)
    groups: dict[int, list[int]] = {}
    for n, at in enumerate(x):
        groups.setdefault(sum(at >= cut for cut in cuts), []).append(n)
    return list(groups.values())


def _canvas(
    width: float, height: float, *, left: float = 0.10, right: float = 0.97, bottom: float = 0.0,
    bottom_pt: float = 46, top_pt: float = 16,
) -> tuple[Figure, Axes]:  # fmt: skip
    figure = Figure(figsize=(width, height))
    FigureCanvasSVG(figure)
    low = bottom or bottom_pt / 72 / height
    return figure, figure.add_axes((left, low, right - left, 1 - low - top_pt / 72 / height))


def _phone_canvas(height: float, lines: int, *, left: float, bottom_pt: float = 46) -> tuple[Figure, Axes]:
    """Give axes so many inches high, with room for lines of words above, a mark of a break and half a number at the right end."""
    top = 13 * lines + 18
    return _canvas(3.9, height + (bottom_pt + top) / 72, left=left, right=0.92, bottom_pt=bottom_pt, top_pt=top)


def _labels_above(figure: Figure, labels: Sequence[tuple[str, str]]) -> None:
    for n, (words, colour) in enumerate(labels):
        figure.text(0.01, 1 - (13 * n + 2) / 72 / figure.get_figheight(), words, color=colour, va="top",
                    fontweight="bold" if colour == OWN else "normal")  # fmt: skip


def _tick_decimals(value: float, indicator: Indicator) -> int:
    return 0 if float(value).is_integer() else max(1, indicator.decimals)


def _value_axis(axes: Axes, indicator: Indicator) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: format_value(v, indicator.unit, _tick_decimals(v, indicator))))
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)


def _time_axis(axes: Axes, positions: dict[str, float], most: int, letter: float = 0.0) -> None:
    """Write the periods themselves below the axis, at most so many, the last one always; ``letter``: its part of the axis."""
    periods = sorted(positions, key=lambda p: -positions[p])
    shown = periods[:: -(-len(periods) // most) or 1]
    kept = shown[:1]
    for period in shown[1:]:
        room = letter * len(short_period(period)) * (positions[periods[0]] - positions[periods[-1]])
        if positions[kept[-1]] - positions[period] > max(0.3, room):
            kept.append(period)
    axes.set_xticks([positions[p] for p in kept], [short_period(p) for p in kept])


def _direct_labels(axes: Axes, labels: list[tuple[float, str, str]]) -> None:
    """Write the names at the line ends, pushed apart so that none covers another."""
    low, high = axes.get_ylim()
    step = (high - low) * 0.075
    placed: list[float] = []
    for value, words, colour in sorted(labels):
        at = max(value, placed[-1] + step) if placed else value
        placed.append(at)
        axes.annotate(words, (1.015, at), xycoords=("axes fraction", "data"), color=colour, va="center", fontsize=9.5,
                      annotation_clip=False)  # fmt: skip


def _shorten(name: str, length: int) -> str:
    name = visible(name)
    return name if len(name) <= length else f"{name[: length - 1].rstrip(' -–')}…"


def _in_lines(name: str, width: int) -> str:
    """Break a label rather than cut it: what stands last may be what tells it from the next."""
    return "\n".join(textwrap.wrap(visible(name), width)[:3])


def _svg(figure: Figure, key: str, source: str, *, phone: bool = False) -> str:
    """Write the figure as an inline SVG whose ids cannot meet those of another chart, its source inside in full."""
    lines = textwrap.wrap(visible(source), 58 if phone else 118)
    size = 8 if phone else 7.5
    height = 72 * figure.get_figheight()
    # The axes leave room for two lines; more of them reach below the figure, and the drawing with them.
    below = size * 1.45 * max(0, len(lines) - 2)
    figure.text(
        0.01, 0.012 - below / height, "\n".join(lines), fontsize=size, color=MUTED, ha="left", va="bottom", linespacing=1.25
    )
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}, transparent=True)
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.S)
    drawing = re.sub(
        r'<g id="(?:figure|axes|patch|text|line2d|matplotlib|xtick|ytick|PathCollection|legend)[^"]*">', "<g>", drawing
    )
    # A thousand points look alike: their group says once how.
    alike = r'<g (clip-path="[^"]+")>((?:\s*<use [^>]*(style="[^"]*")/>){20,})'
    drawing = re.sub(alike, lambda m: f"<g {m[1]} {m[3]}>{m[2].replace(m[3], '')}", drawing)
    drawing = re.sub(r'\bid="', f'id="{key}-', drawing)
    drawing = re.sub(r'xlink:href="#', f'href="#{key}-', drawing)
    drawing = re.sub(r"url\(#", f"url(#{key}-", drawing)
    box = f"0 0 {72 * figure.get_figwidth():g} {height + below:g}"
    drawing = re.sub(
        r"<svg [^>]*>", f'<svg class="chart" viewBox="{box}" role="img" aria-labelledby="{key}-t">', drawing, count=1
    )
    return re.sub(r"\n\s*", "\n", drawing)


def titled(drawing: str, key: str, title: str) -> str:
    """Give an SVG the title that a screen reader reads."""
    head, sep, rest = drawing.partition(">")
    return f'{head}{sep}<title id="{key}-t">{text(title)}</title>{rest}'


def data_table(series: Sequence[Series], indicator: Indicator) -> tuple[list[str], list[list[str]]]:
    """Give header and rows of the table that says the same as an evolution chart."""
    periods = sorted({p for s in series for p in s.periods}, key=period_position)
    unit = UNITS[indicator.unit][0]
    rows = []
    for period in periods:
        cells = [format_period(period)]
        for item in series:
            known = {
                p: format_number(v, item.shown(n, indicator))
                for n, (p, v) in enumerate(zip(item.periods, item.values, strict=True))
            }
            cells.append(known.get(period, "–"))
        rows.append(cells)
    return ["Période", *(f"{s.name}{NNBSP}({unit})" if unit else s.name for s in series)], rows
