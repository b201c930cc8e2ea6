"""``changes.html``: what the briefs of a run show that those of the quarter before did not, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import pandas as pd

from qpv.catalog import Indicator
from qpv.html import text
from qpv.inventory import published_words
from qpv.news import Kind, News, Reason
from qpv.numbers import DASH, NBSP, NNBSP, format_difference, format_number, format_value
from qpv.quarter import Quarter, format_date, format_period
from qpv.site.frame import english, filtered_table, search_field, shell
from qpv.tables import plain_table
from qpv.vocabulary import QUALIFIER_FR, STATUS_FR, THEMES_FR, Qualifier, Status

#: What is listed line by line, for a QPV and for the page; beyond it is counted.  New figures are told by edition.
_PER_PLACE: Final = 40
_PER_PAGE: Final = 2000

#: Singular and plural of a kind, after a number.
_KINDS_FR: Final = {
    Kind.REVISED: ("chiffre révisé", "chiffres révisés"),
    Kind.WITHHELD: ("chiffre qui n’est plus diffusé", "chiffres qui ne sont plus diffusés"),
    Kind.REMOVED: ("chiffre retiré", "chiffres retirés"),
    Kind.RESTATED: ("statut changé", "statuts changés"),
    Kind.NEW: ("chiffre nouveau", "chiffres nouveaux"),
}
_REASONS_FR: Final = {
    Reason.EDITION_IN: "édition nouvellement lue",
    Reason.EDITION_OUT: "édition qui n’est plus lue",
    Reason.FILE_REPLACED: "même édition, fichier remplacé",
    Reason.PUBLISHED: "édition publiée depuis",
    Reason.REDATED: "date de publication corrigée : l’édition entre dans le trimestre ou en sort",
    Reason.OTHER_EDITION: "une autre des éditions lues est préférée",
    Reason.CORRECTED: "même fichier : lecture, catalogue ou règle de l’observatoire corrigés",
}
_EDITIONS_FR: Final = {
    "in": "entrée", "out": "sortie", "replaced": "fichier remplacé (autre empreinte SHA-256)", "redated": "redatée",
}  # fmt: skip


def counts_words(news: News) -> str:
    """Say in one sentence how much changed: ``Depuis le T2 2026 : 12 chiffres révisés, 1 chiffre nouveau.``."""
    told, since = _counted(news.counts), f"depuis le {news.since.label}"
    return text(f"{since[0].upper()}{since[1:]}{NNBSP}: {told}." if told else f"Aucun chiffre n’a changé {since}.")


def _counted(counts: Mapping[Kind, int]) -> str:
    return ", ".join(f"{format_number(n)}{NBSP}{_KINDS_FR[k][n > 1]}" for k, n in counts.items() if n)


def changes_page(news: News, quarter: Quarter, codes: Sequence[str], why: str = "") -> str:
    """Write what changed for the QPV of a run.

    Parameters
    ----------
    news
        From the quarter before.
    codes
        The QPV of the run.
    why
        Why the older side is read from the same build, as the library says it; empty where it is not.
    """
    return shell("changes.html", "Ce qui a changé", quarter, _told(news, quarter, codes, why))


def _told(news: News, quarter: Quarter, codes: Sequence[str], why: str) -> str:
    many = len(codes) > 1
    then, now = format_date(news.since.end), format_date(quarter.end)
    builds = (
        f"Données {news.new.path.name} aux deux dates{NNBSP}: il n’y en a pas de précédentes que l’on puisse lire, une correction de leur "
        "lecture ne se verrait pas."
        if news.old.path == news.new.path
        else f"Données {news.new.path.name}, qui ont remplacé {news.old.path.name}."
    )
    parts = [
        f"""<p>Les chiffres {f"des {format_number(len(codes))} quartiers" if many else "du quartier"} de la page d’accueil, tels que les briefs du {text(quarter.label)} les
montrent (éditions publiées au plus tard le {text(now)}), comparés à ceux du {text(news.since.label)} (éditions publiées au plus tard le
{text(then)}). Un chiffre du périmètre de 2015 compte s’il est montré pour le quartier qui lui succède.</p>
<p><strong>{text(_sentence(news))}</strong></p>
<p class="note">{text(builds)} {english(why) if why else ""}</p>""",
        search_field("Filtrer les tableaux") if len(news.editions) or len(news.figures) else "",
        _editions(news),
        _by_theme(news),
    ]
    if len(news.figures):
        parts += ["<h2>Par quartier</h2>", *_places(news)]
    return "\n".join(parts)


def _sentence(news: News) -> str:
    told = _counted(news.counts)
    if not told:
        return "Aucun chiffre montré pour ces quartiers n’a changé."
    touched = news.figures["qpv"].nunique()
    return f"{told[0].upper()}{told[1:]}, pour {format_number(touched)}{NBSP}quartier{'s' if touched > 1 else ''}."


def _editions(news: News) -> str:
    if news.editions.empty:
        return "<h2>Éditions</h2><p>Aucune édition n’est entrée, sortie, remplacée ou redatée.</p>"
    rows = []
    for e in news.editions.itertuples():
        known = ((e.old_published, e.old_published_precision), (e.new_published, e.new_published_precision))
        days = [
            DASH if pd.isna(day) else published_words(SimpleNamespace(published=day, published_precision=precision))
            for day, precision in known
        ]
        counts = [DASH if pd.isna(n) else format_number(n) for n in (e.old_observations, e.new_observations)]
        rows.append(
            [f"{e.producer}, {e.dataset} ({e.edition})", _EDITIONS_FR[e.change], _arrow(*days), _arrow(*counts)]
        )  # fmt: skip
    heads = ["Édition", "Ce qui lui est arrivé", "Publiée", "Observations"]
    return (
        f"<h2>Éditions{NNBSP}: {len(rows)}</h2>{filtered_table(heads, rows, 'Éditions entrées, sorties, remplacées ou redatées')}"
    )


def _arrow(before: str, after: str) -> str:
    """Write what a thing was and is; what has come in or gone out has one of both."""
    return after if before in (after, DASH) else before if after == DASH else f"{before} → {after}"


def _by_theme(news: News) -> str:
    if news.figures.empty:
        return ""
    facts = news.figures.drop_duplicates(["indicator", "territory", "generation", "period"])
    counts = pd.crosstab(facts["theme"], facts["kind"])
    kinds = [k for k in Kind if k in counts]
    rows = [
        [THEMES_FR[t], *(format_number(counts.at[t, k]) if counts.at[t, k] else DASH for k in kinds)]
        for t in THEMES_FR
        if t in counts.index
    ]
    heads = ["Thème", *(_KINDS_FR[k][1].capitalize() for k in kinds)]
    return f"<h2>Par thème</h2>{plain_table(heads, rows, 'Chiffres changés par thème', 'small')}"


def _places(news: News) -> list[str]:
    """Write a section a QPV, in the order of the index; lines beyond the limits are counted."""
    names = {**news.old.names("qpv"), **news.new.names("qpv")}
    grouped = list(news.figures.groupby("qpv", sort=False))
    open_all = " open" if len(grouped) <= 5 else ""
    room, sections = _PER_PAGE, []
    for code, figures in grouped:
        other = figures[figures["kind"] != Kind.NEW]
        listed = other.head(min(_PER_PLACE, room))
        room -= len(listed)
        told = _counted({k: int((figures["kind"] == k).sum()) for k in Kind})
        beyond = len(other) - len(listed)
        sections.append(
            f'<section class="place" id="{text(code)}"><h3>{text(names.get(code, code))} ({text(code)})</h3><p>{text(told)}.</p>'
            f"<details{open_all}><summary>Lesquels, et pourquoi</summary>{_lines(news, listed, names.get(code, code))}"
            + (f"<p class='note'>… et {format_number(beyond)} autres, que la commande <code>qpv data diff --csv</code> donne.</p>" if beyond else "")
            + f"{_new(news, figures[figures['kind'] == Kind.NEW])}</details></section>"
        )  # fmt: skip
    return sections


def _lines(news: News, figures: pd.DataFrame, name: str) -> str:
    if figures.empty:
        return ""
    rows = []
    for row in figures.to_dict("records"):
        indicator = _indicator(news, row["indicator"])
        moved = DASH if math.isnan(row["difference"]) else format_difference(row["difference"], row["unit"], indicator.decimals)
        before, after = said_words(row, indicator)
        rows.append([
            indicator.label, THEMES_FR[row["theme"]], _period(row["period"]) + _perimeter(row), before, after, moved, _why(news, row),
        ])  # fmt: skip
    heads = ["Indicateur", "Thème", "Période", "Avant", "Maintenant", "Écart", "Pourquoi"]
    return filtered_table(heads, rows, f"Chiffres changés, {name}")


def _indicator(news: News, identifier: str) -> Indicator:
    return news.new.catalog.indicators.get(identifier) or news.old.catalog.indicators[identifier]


def _period(period: str) -> str:
    return format_period(period)


def _perimeter(row: Mapping[str, Any]) -> str:
    return f" (périmètre de 2015, {row['territory']})" if row["generation"] == "2015" else ""


def said_words(row: Mapping[str, Any], indicator: Indicator) -> tuple[str, str]:
    """Write what was shown before and what is now; with more decimals than usual where they would look alike."""
    for decimals in range(indicator.decimals, indicator.decimals + 7):
        before, after = (_said(row, side, decimals) for side in ("old", "new"))
        if before != after:
            break
    return before, after


def _said(row: Mapping[str, Any], side: str, decimals: int) -> str:
    status, value = row[f"{side}_status"], row[f"{side}_value"]
    if not status:
        return "rien"
    if math.isnan(value):
        return STATUS_FR[Status(status)]
    qualifier = QUALIFIER_FR[Qualifier(row[f"{side}_qualifier"])]
    words = " ".join(filter(None, [qualifier, format_value(value, row["unit"], decimals)]))
    return words if row["old_status"] == row["new_status"] else f"{words} ({STATUS_FR[Status(status)]})"


def _why(news: News, row: Mapping[str, Any]) -> str:
    """Give the reason, and the editions of both sides with their dates."""
    before, after = (_edition(row[f"{side}_edition"], row[f"{side}_published"]) for side in ("old", "new"))
    editions = after if before == after else " → ".join(filter(None, [before, after]))
    return f"{_REASONS_FR[Reason(row['reason'])]}{NNBSP}: {editions}"


def _edition(edition: str, published: pd.Timestamp) -> str:
    return f"{edition} (publiée au plus tard le {format_date(published.date())})" if edition else ""


def _new(news: News, figures: pd.DataFrame) -> str:
    """Tell new figures by theme and edition: which indicators, at which periods, why."""
    items = []
    for (theme, edition, reason), rows in figures.groupby(["theme", "new_edition", "reason"], sort=False):
        shorts = list(dict.fromkeys(_indicator(news, i).short for i in rows["indicator"]))
        listed = ", ".join(shorts[:8]) + (f" et {len(shorts) - 8} autres indicateurs" if len(shorts) > 8 else "")
        periods = sorted(rows["period"].unique())
        span = ", ".join(_period(p) for p in periods[:6]) + ("…" if len(periods) > 6 else "")
        count = f"{format_number(len(rows))}{NBSP}{_KINDS_FR[Kind.NEW][len(rows) > 1]}"
        source = _edition(edition, rows["new_published"].iloc[0])
        items.append(
            f"<li>{text(f'{THEMES_FR[theme]}{NNBSP}: {count}, {listed} ({span}) – {_REASONS_FR[Reason(reason)]}{NNBSP}: {source}')}</li>"
        )
    return f"<ul>{''.join(items)}</ul>" if items else ""
