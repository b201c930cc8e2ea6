"""A row of the key-figure table: one indicator, the QPV, and all it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pandas as pd

from qpv import analysis
from qpv.analysis import Change, Figure, Gap, Rank, Refusal
from qpv.catalog import Indicator
from qpv.crowd import MEDIAN_OF
from qpv.numbers import NNBSP, french_spacing
from qpv.profile import COMPARISON_LEVELS, Profile
from qpv.quarter import UNDATED, format_period
from qpv.similar import NEAREST as SIMILAR
from qpv.vocabulary import ABSENT, STATUS_FR, Status

#: The name of that median where two dates are compared.
MEDIAN_AT_BOTH_DATES: Final = "la médiane des QPV de France connus aux deux dates"

#: Scopes of the peers, from near to far.
SCOPES: Final = ("epci", "departement", "similar", "france")

#: How many QPV must have the figure for a rank in a scope, itself included; elsewhere three do.  "Of France" is said only
#: of a figure that France has, not of the few places that were measured; similar QPV are a group when half of them have it.
_LEAST: Final = {"france": MEDIAN_OF, "similar": SIMILAR // 2 + 1}

#: In which order a comparator is sought: the agglomération is what a contrat de ville asks about.
NEAREST: Final = ("epci", "commune", "departement", "region", "france")

#: A comparison older than this beside the QPV's latest figure gives way to another comparator's.
NEAR_YEARS: Final = 2


#: What a reader must know of a value that is not plainly a producer's; the contract's last, see :func:`_with_sources`.
STATUS_CAUTIONS: Final = {
    Status.LOW_QUALITY: "le producteur signale une qualité moindre",
    Status.PROXY: "valeur approchée",
    Status.TRANSCRIBED: "valeur reprise du contrat de ville",
}


@dataclass(frozen=True)
class Cell:
    """The figure of a comparator, at the period of the row or at its own."""

    level: str
    name: str
    row: pd.Series = field(repr=False)
    same_period: bool


@dataclass(frozen=True)
class KeyFigure:
    """Everything that a brief says of one indicator."""

    indicator: Indicator
    own: pd.Series | None = field(repr=False)  # the figure that is compared
    latest: pd.Series | None = field(repr=False)  # a more recent one, without comparator
    absence: pd.Series | None = field(repr=False)  # why there is no figure
    cells: dict[str, Cell] = field(repr=False)
    gap: Gap | None
    gap_level: str
    gap_name: str
    median_of_peers: float | None
    all_qpv: pd.Series | None = field(repr=False)  # what a producer or a contract says of all QPV of France
    ranks: dict[str, Rank]  # by scope, itself included
    medians: dict[str, float]  # by scope, where there is a rank; of similar QPV without itself
    own_change: Change | Refusal
    gap_change: Change | Refusal
    change_level: str  # the comparator of the change: the nearest with two dates
    change_name: str
    peer_change: Change | Refusal  # of the gap with the median of the QPV of France
    contradictions: pd.DataFrame = field(repr=False)
    undated: pd.DataFrame = field(repr=False)  # printed without a year, and unlike the dated figure

    @property
    def known(self) -> bool:
        """Whether the QPV itself has a dated figure."""
        return self.own is not None

    @property
    def gap_over_time(self) -> tuple[Change | Refusal, str]:
        """How the gap moved beside a territory, failing that beside the median of the QPV of France; with the name of either."""
        if isinstance(self.gap_change, Refusal) and isinstance(self.peer_change, Change) and self.indicator.unit != "count":
            return self.peer_change, MEDIAN_AT_BOTH_DATES
        return self.gap_change, self.change_name


def key_figure(profile: Profile, indicator: Indicator) -> KeyFigure:
    """Assemble what is known of an indicator for the QPV of a profile.

    The row stands at the latest period for which the QPV and its EPCI both have a figure, unless it
    is more than ``NEAR_YEARS`` older than the QPV's latest; failing that its commune, département,
    région, France; failing that at the most recent common period, or the QPV's latest.
    """
    mine = profile.own(indicator.id)
    levels = {level: profile.of_level(indicator.id, level) for level in COMPARISON_LEVELS}
    level = _comparator_level(mine, levels)
    own = latest = None
    if len(mine):
        latest = mine.iloc[-1]
        own = mine[mine["period"].isin(_common(mine, levels[level]))].iloc[-1] if level else latest
    if own is not None:
        levels["france"] = profile.of_level(indicator.id, "france", own["period"])
    cells = {n: cell for n in COMPARISON_LEVELS if (cell := _cell(profile, levels[n], n, own)) is not None}
    gap: Gap | None = None
    gap_change: Change | Refusal = Refusal("aucun des territoires autour du quartier n’a ce chiffre à la même date")
    own_change: Change | Refusal = Refusal("le quartier n’a aucune valeur datée")
    peer_change = own_change
    change_level = level
    ranks: dict[str, Rank] = {}
    middle: dict[str, float] = {}
    median = None
    if own is not None:
        series = dict(zip(mine["period"], mine["value"], strict=True))
        own_change = _with_sources(analysis.change(series, indicator, mine["generation"]), indicator, mine)
        for scope in SCOPES:
            peers = profile.peers(indicator.id, own["period"], own["generation"], scope)
            place = analysis.rank(float(own["value"]), peers, indicator.polarity)
            if place is not None and place.count >= _LEAST.get(scope, 0):
                ranks[scope] = place
                others = peers.drop(own["territory"], errors="ignore") if scope == "similar" else peers
                middle[scope] = float(others.median())
        median = profile.crowd.medians(indicator.id, own["generation"]).get(own["period"])
        own_change = _because_of_perimeter(profile, own_change, own)
        peer_change = _peer_change(profile, indicator, own["generation"], mine)
        if level and indicator.unit != "count":  # a part is no gap away from its whole
            gap = analysis.gap(_figure(own, indicator), _figure(cells[level].row, indicator), indicator)
            gap_change, change_level = _gap_change(mine, levels, indicator, level)
            if isinstance(own_change, Change):  # else the perimeter is told with it
                gap_change = _because_of_perimeter(profile, gap_change, own)
    rows = profile.rows_of_qpv()
    rows = rows[rows["indicator"] == indicator.id]
    absent = rows[rows["status"].isin([s.value for s in ABSENT])].sort_values("position")
    moved = own is not None and latest is not None and latest["period"] != own["period"]
    return KeyFigure(
        indicator=indicator,
        own=own,
        latest=latest if moved else None,
        absence=absent.iloc[-1] if own is None and len(absent) else None,
        cells=cells,
        gap=gap,
        gap_level=level,
        gap_name=cells[level].name if level in cells else "",
        median_of_peers=median,
        all_qpv=_at_or_latest(profile.of_level(indicator.id, "qpv_of_france"), own),
        ranks=ranks,
        medians=middle,
        own_change=own_change,
        gap_change=gap_change,
        change_level=change_level,
        change_name=cells[change_level].name if change_level in cells else "",
        peer_change=peer_change,
        contradictions=_contradictions(profile, rows, cells),
        undated=_undated(rows, own),
    )


def quadrant_input(profile: Profile, indicator: Indicator) -> tuple[pd.DataFrame, str, str]:
    """Gather the points of a quadrant: the QPV of the EPCI (else of the département, else of France).

    Returns the table ``territory, period, own, other``, the name of the comparator, and the scope.
    The comparator is the nearest territory with two dates; failing that, the median of all QPV of
    France with a figure at that date, which is said in the name.
    """
    mine = profile.own(indicator.id)
    generation = str(mine["generation"].iloc[-1]) if len(mine) else "2015"
    rows = profile.of_all_qpv(indicator.id, generation)
    if not analysis.far_apart(rows["period"].unique()):
        return pd.DataFrame(columns=["territory", "period", "own", "other"]), "", ""
    # A QPV is only ever set against a territory that holds it.
    for level, scopes in (("epci", ("epci",)), ("departement", ("departement",)), ("region", ("departement",)),
                          ("france", ("departement", "france"))):  # fmt: skip
        series = profile.of_level(indicator.id, level).set_index("period")["value"]
        if len(series.index.intersection(rows["period"])) > 1:
            table, scope = _shared(profile, rows, series, generation, indicator, scopes)
            if scope:
                return table, profile.comparators[level][0].name, scope
    wide = ("departement", "france")
    table, scope = _shared(profile, rows, profile.crowd.medians(indicator.id, generation), generation, indicator, wide)
    span = analysis.quadrant(table, indicator)
    if not isinstance(span, Refusal):
        same = profile.crowd.medians(indicator.id, generation, span[1:3])
        table, scope = _shared(profile, rows, same, generation, indicator, wide)
    return table, MEDIAN_AT_BOTH_DATES, scope


def _shared(
    profile: Profile, rows: pd.DataFrame, other: pd.Series, generation: str, indicator: Indicator, scopes: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Take the nearest scope in which a quadrant can be drawn; ``""`` if there is none."""
    table = rows[["territory", "period"]].assign(own=rows["value"], other=rows["period"].map(other))
    for scope in scopes:
        codes = profile.peer_codes.get((scope, generation), frozenset())
        part = table if scope == "france" else table[table["territory"].isin(codes)]
        if not isinstance(analysis.quadrant(part, indicator), Refusal):
            return part, scope
    return table.iloc[:0], ""


def _comparator_level(mine: pd.DataFrame, levels: dict[str, pd.DataFrame]) -> str:
    """Choose the nearest comparator with a recent common period, else the one with the most recent."""
    latest = {
        n: mine[mine["period"].isin(_common(mine, levels[n]))]["position"].max() for n in NEAREST if _common(mine, levels[n])
    }
    if not latest:
        return ""
    bound = mine["position"].max() - NEAR_YEARS
    return next((n for n in NEAREST if latest.get(n, -1.0) >= bound), max(latest, key=lambda n: latest[n]))


def shown_decimals(row: pd.Series, indicator: Indicator) -> int:
    """Give the decimals of a value: the indicator's, but no more than a document prints."""
    transcribed = row["status"] == Status.TRANSCRIBED
    return min(indicator.decimals, analysis.printed_decimals(float(row["value"]))) if transcribed else indicator.decimals


def _with_sources(change: Change | Refusal, indicator: Indicator, *ends: pd.DataFrame) -> Change | Refusal:
    """Add how many decimals the ends have as printed, and a caution when an end of a change is no plain figure of a producer, or the ends differ in that.

    A proxy and a published figure are not measured alike: no change is said between them.
    """
    if isinstance(change, Refusal):
        return change
    found = [rows.loc[rows["period"].isin((change.start, change.end)), "status"] for rows in ends]
    if any(s.eq(Status.PROXY.value).nunique() > 1 for s in found):
        return Refusal("l’une des dates est approchée (proxy), l’autre mesurée : elles ne se comparent pas")
    words = [w for status, w in STATUS_CAUTIONS.items() if any((s == status.value).any() for s in found)]
    if any(s.eq(Status.TRANSCRIBED.value).nunique() > 1 for s in found):
        words[-1:] = ["l’une des dates est reprise d’un contrat, l’autre d’un producteur"]
    first, last = (
        min(shown_decimals(r, indicator) for rows in ends for _, r in rows[rows["period"] == period].iterrows())
        for period in (change.start, change.end)
    )
    return replace(change, caution=f"{NNBSP}; ".join(filter(None, [change.caution, *words])), decimals=(first, last))


def _because_of_perimeter(profile: Profile, change: Change | Refusal, own: pd.Series) -> Change | Refusal:
    """Add to a refusal what the perimeter has to do with it: a new QPV, or figures on the other perimeter."""
    if isinstance(change, Change):
        return change
    if profile.relation == "new":
        return Refusal(f"{change.reason}{NNBSP}; le quartier est nouveau en 2024, sans périmètre de 2015 auquel le comparer")
    others = [code for generation, code in profile.codes.items() if generation != own["generation"]]
    if profile.relation == "redrawn" and len(profile.history(own["indicator"], "qpv", others)):
        return Refusal(f"{change.reason}{NNBSP}; les autres chiffres portent sur un périmètre différent (2015 ou 2024)")
    return change


def _gap_change(
    mine: pd.DataFrame, levels: dict[str, pd.DataFrame], indicator: Indicator, first: str
) -> tuple[Change | Refusal, str]:
    """Answer Q1 with the nearest comparator that allows it; else say why the first one does not."""
    series = dict(zip(mine["period"], mine["value"], strict=True))
    refusal = None
    for level in [first, *(n for n in NEAREST if n != first)]:
        reference = dict(zip(levels[level]["period"], levels[level]["value"], strict=True))
        result = analysis.gap_change(series, reference, indicator, mine["generation"])
        if isinstance(result, Change):
            return _with_sources(result, indicator, mine, levels[level]), level
        refusal = refusal or result
    assert refusal is not None
    return refusal, first


def _peer_change(profile: Profile, indicator: Indicator, generation: str, mine: pd.DataFrame) -> Change | Refusal:
    """Answer Q1 beside the median of the QPV of France, of the same QPV at both dates."""
    series = dict(zip(mine["period"], mine["value"], strict=True))
    found = analysis.gap_change(series, dict(profile.crowd.medians(indicator.id, generation)), indicator, mine["generation"])
    if isinstance(found, Refusal):
        return found
    same = profile.crowd.medians(indicator.id, generation, (found.start, found.end))
    return analysis.gap_change(series, dict(same), indicator, mine["generation"])


def is_missing(figure: KeyFigure) -> bool:
    """Tell whether a key figure counts as missing in the brief."""
    return not figure.known and (figure.absence is None or figure.absence["status"] != Status.NOT_APPLICABLE)


def why_missing(profile: Profile, figure: KeyFigure) -> str:
    """Say, in French, why the QPV has no value: not published, not dropped, or not to be had."""
    if figure.absence is not None:
        when = format_period(figure.absence["period"])
        return f"{STATUS_FR[Status(figure.absence['status'])]} par le producteur pour ce quartier ({when})"
    if len(figure.undated):
        return "imprimé sans année, donc ni comparé ni dessiné"
    read = set(profile.editions["source"])
    sources = [profile.catalog.sources[c.source] for c in figure.indicator.columns]
    own = [s for s in sources if s.level == "qpv"]
    if profile.relation == "new" and own and all(s.generation == "2015" for s in own):
        return "mesuré sur les périmètres de 2015 seulement, avant que ce quartier n’existe"
    own = [s for s in own if profile.relation != "new" or s.generation != "2015"]
    if profile.relation == "redrawn" and profile.partly and own and all(s.generation == "2015" for s in own):
        names = ", ".join(p.code for p in profile.partly)
        return f"mesuré sur les périmètres de 2015 seulement{NNBSP}; {names} n’en couvre{'nt' if len(profile.partly) > 1 else ''} qu’une petite partie"
    lacking = [s for s in own if s.id not in read]
    if lacking:
        names = french_spacing(" ; ".join(dict.fromkeys(f"{s.producer}, {s.dataset}" for s in lacking)))
        return f"fichier officiel absent à cette date{NNBSP}: {names}"
    if own:
        return "le quartier n’est pas dans le fichier officiel"
    return "aucune source lue ne le mesure à l’échelle du quartier"


def _contradictions(profile: Profile, rows: pd.DataFrame, cells: dict[str, Cell]) -> pd.DataFrame:
    """Gather the dated figures that sources contradict: the QPV's, and the comparators' that are shown."""
    found = [rows[rows["contradicted"] & (rows["period"] != UNDATED)]]
    facts = profile.observations
    for cell in cells.values():
        if cell.row["contradicted"]:
            same = (facts["level"] == cell.level) & (facts["territory"] == cell.row["territory"])
            found.append(facts[same & (facts["indicator"] == cell.row["indicator"]) & (facts["period"] == cell.row["period"])])
    return pd.concat(found)


def _undated(rows: pd.DataFrame, own: pd.Series | None) -> pd.DataFrame:
    """Keep the undated figures that differ from the one shown by more than rounding."""
    loose = rows[(rows["period"] == UNDATED) & rows["comparable"] & rows["value"].notna()]
    return loose if own is None else loose[(loose["value"] - own["value"]).abs() > max(0.5, 0.01 * abs(own["value"]))]


def _common(mine: pd.DataFrame, other: pd.DataFrame) -> set[str]:
    return set(mine["period"]) & set(other["period"]) if len(mine) and len(other) else set()


def _cell(profile: Profile, rows: pd.DataFrame, level: str, own: pd.Series | None) -> Cell | None:
    if rows.empty:
        return None
    names = {p.code: p.name for p in profile.comparators[level]}
    row = _at_or_latest(rows, own)
    assert row is not None
    same = own is not None and row["period"] == own["period"]
    return Cell(level, names.get(row["territory"], row["territory"]), row, same)


def _at_or_latest(rows: pd.DataFrame, own: pd.Series | None) -> pd.Series | None:
    """Give the row of the QPV's period, else the most recent one."""
    same = rows[rows["period"] == own["period"]] if own is not None else rows.iloc[:0]
    return same.iloc[-1] if len(same) else rows.iloc[-1] if len(rows) else None


def _figure(row: pd.Series, indicator: Indicator) -> Figure:
    decimals = shown_decimals(row, indicator)
    return Figure(row["indicator"], row["territory"], row["generation"], row["period"], float(row["value"]), decimals)
