"""The state of the data as a page: editions read, sources awaited, files not read, remarks."""

from __future__ import annotations

import pandas as pd

from qpv.html import text
from qpv.inventory import SEVERITY_FR, TIERS_FR, UNREAD_FR, Inventory, gain_words, period_words, published_words
from qpv.numbers import DASH, NNBSP, format_number
from qpv.quarter import Quarter, format_date
from qpv.site.frame import Markup, english, filtered_table, named, search_field, shell


def data_page(inventory: Inventory, quarter: Quarter) -> str:
    """Write the state of the data as a page: what :func:`qpv.terminal.print_inventory` says, and the traps."""
    parts = [
        f"""<p>Chaque chiffre des briefs vient d’une des éditions ci-dessous. Un brief n’utilise que celles publiées au plus tard le {text(format_date(quarter.end))}.</p>
{search_field("Filtrer les tableaux")}
<h2>Éditions lues{NNBSP}: {len(inventory.editions)}</h2>
<p class="note">≤{NNBSP}: date supposée, la plus tardive possible. QPV{NNBSP}: quartiers dont une valeur au moins est connue, sur le périmètre de l’édition.
Un fonds de carte ou une liste de lieux n’apporte aucune observation.</p>""",
        _editions(inventory, quarter),
    ]
    if len(inventory.awaited):
        rows = [
            [named(s, s.source, s.landing_page), TIERS_FR[s.tier], gain_words(s.indicators, s.new), s.why or DASH]
            for s in inventory.awaited.itertuples()
        ]
        heads = ["Source", "État", "Apporterait (indicateurs par thème)", "Remarque"]
        caption = "Sources du catalogue dont rien n’a été déposé"
        parts.append(f"<h2>Sources attendues{NNBSP}: {len(rows)}</h2>{filtered_table(heads, rows, caption)}")
    if len(inventory.unread):
        rows = [[f.file, Markup(text(UNREAD_FR[f.reason]) + english(f.message if f.reason == "second" else ""))]
                for f in inventory.unread.itertuples()]  # fmt: skip
        parts.append(
            f"<h2>Fichiers non lus{NNBSP}: {len(rows)}</h2>{filtered_table(['Fichier', 'Raison'], rows, 'Fichiers déposés mais non lus')}"
        )
    if len(inventory.remarks):
        rows = [
            [r.file, DASH if pd.isna(r.line) else str(r.line), SEVERITY_FR[r.severity], Markup(english(r.message))]
            for r in inventory.remarks.itertuples()
        ]  # fmt: skip
        table = filtered_table(["Fichier", "Ligne", "Gravité", "Remarque (en anglais)"], rows, "Remarques faites à la lecture")
        parts.append(f"<h2>Remarques des lecteurs{NNBSP}: {len(rows)}</h2>{table}")
    return shell("data.html", "État des données", quarter, "\n".join(parts))


def _editions(inventory: Inventory, quarter: Quarter) -> str:
    heads = [
        "Édition", "Périodes de référence", "Périmètre", "Publiée", "Lignes lues", "Observations", "QPV", "Sans valeur, avertissements",
    ]  # fmt: skip
    rows = []
    for e in inventory.editions.itertuples():
        counts = [e.rows, e.observations, e.qpv]
        lacking = {"secret": e.secret, "non publié": e.unavailable, "sans objet": e.not_applicable, "avertissements": e.warnings}
        said = f"{NNBSP}; ".join(f"{words}{NNBSP}: {format_number(n)}" for words, n in lacking.items() if n)
        late = "" if e.published.date() <= quarter.end else '<span class="newer">après le trimestre, non utilisée</span>'
        traps = "".join(f"<li>{text(t)}</li>" for t in e.traps.split("|") if t)
        told = f"<details><summary>Pièges</summary><ul>{traps}</ul></details>" if traps else ""
        rows.append(
            [Markup(named(e, e.edition, e.landing_page) + told), period_words(e.periods), e.generation or DASH,
             Markup(text(published_words(e)) + late),
             *(format_number(n) if n else DASH for n in counts), said or DASH]
        )  # fmt: skip
    return filtered_table(heads, rows, "Éditions lues")
