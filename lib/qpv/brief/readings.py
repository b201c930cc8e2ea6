"""What the contract reads in its figures, and what residents said, beside the figures of a theme (S18, S19)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from qpv import tables
from qpv.brief import blocks
from qpv.brief.ledger import Ledger
from qpv.contract.contract import Contract, read_contract
from qpv.contract.entries import Cited, citation
from qpv.contract.readings import KINDS_FR, SUBJECTS_FR, of_place
from qpv.contract.voice import Rank, ties
from qpv.contract.voice import of_place as said_of
from qpv.html import Block, text
from qpv.numbers import NBSP, NNBSP
from qpv.profile import Profile
from qpv.quarter import format_period


def contract_of(profile: Profile) -> Contract | None:
    """Give the contract of the first agglomération of a territory that has one, as of the quarter of the profile."""
    codes = str(profile.place["epci"]).split(" ")
    found = (read_contract(profile.warehouse, code) for code in codes if code)
    contract = next((c for c in found if c is not None), None)
    return None if contract is None else contract.as_of(profile.quarter.end)


def cited(words: str, entry: Cited) -> str:
    """Write an item with where it comes from."""
    return f"<li>{text(words)} <span class='newer'>{text(citation(entry))}</span></li>"


def readings_block(profile: Profile, ledger: Ledger, known: Collection[str] = ()) -> Block:
    """List strengths, fragilities and stakes of a QPV for the theme of its profile, each beside the figures of this brief that it speaks of.

    ``known`` are the ids of the indicators that the brief shows.  Nothing where no contract says anything.
    """
    contract = contract_of(profile)
    if contract is None:
        return Block("")
    codes, theme = [*profile.codes.values(), profile.code], profile.theme
    found = of_place(contract.readings, codes, theme)
    statements = said_of(contract.statements, codes, theme)
    parts = []
    for kind, readings in found.items():
        items = "".join(cited(r.text + _figures(profile, ledger, [i for i in r.indicators if i in known]), r) for r in readings)
        parts.append(f"<h3>{text(KINDS_FR[kind])}</h3><ul class='readings'>{items}</ul>")
    if statements:
        items = "".join(cited(s.text, s) for s in statements)
        parts.append(f"<h3>Ce que disent les habitants</h3><ul class='readings'>{items}</ul>")
    ranks = [r for r in said_of(contract.barometer, codes) if r.theme == theme]
    if ranks:
        said = "; ".join(f"{r.topic}{NNBSP}: rang {r.rank} ({citation(r)})" for r in ranks)
        parts.append(f"<p>Baromètre des priorités des habitants{NNBSP}– {text(said)}.</p>")
    if not parts:
        return Block("")
    note = "<p class='note'>Résumé en nos mots de ce que le contrat écrit, avec le document et la ligne.</p>"
    return Block(f"{''.join(parts)}{note}")


def _figures(profile: Profile, ledger: Ledger, identifiers: Sequence[str]) -> str:
    """Write the latest figures of the QPV that a reading speaks of."""
    said = []
    for identifier in identifiers:
        rows = profile.own(identifier)
        if len(rows):
            indicator, row = profile.catalog.indicator(identifier), rows.iloc[-1]
            ledger.add(row)
            said.append(f"{indicator.short}{NNBSP}: {tables.value_words(row, indicator)}, {format_period(row['period'])}")
    return f" ({'; '.join(said)})" if said else ""


def stakes(profile: Profile) -> Block:
    """List the stakes of a QPV over all themes, and draw the barometer of its residents' priorities."""
    contract = contract_of(profile)
    if contract is None:
        return Block("")
    codes = [*profile.codes.values(), profile.code]
    rows = [[SUBJECTS_FR[t], " ; ".join(r.text for r in found["stake"]), ", ".join(dict.fromkeys(str(r.line) for r in found["stake"]))]
            for t in SUBJECTS_FR for found in [of_place(contract.readings, codes, t)] if "stake" in found]  # fmt: skip
    ranks = said_of(contract.barometer, codes)
    document = next((r.document for r in contract.readings if r.territory in codes), "")
    # The portrait prints on two sheets: the stakes stay short, tables and chart are one click away.
    items = "".join(f"<li><strong>{text(theme)}</strong>{NNBSP}: {text(said)}</li>" for theme, said, _ in rows)
    heads = ["Thème", "Enjeux", f"Lignes de {document}"]
    table = tables.plain_table(heads, rows, "Enjeux que le contrat écrit", "small cards") if rows else ""
    drawn = barometer(ranks, "barometre").html if ranks else ""
    parts = [
        f"<h3>Enjeux que le contrat écrit</h3><ul class='stakes'>{items}</ul>" if rows else "",
        f"<details class='no-print'><summary>Enjeux, avec leurs lignes</summary>{table}</details>" if rows else "",
        f"<details><summary>Baromètre des habitants ({len(ranks)} priorités)</summary>{drawn}</details>" if ranks else "",
    ]
    return Block("".join(parts))


def barometer(ranks: Sequence[Rank], key: str) -> Block:
    """Draw the ranks of residents' priorities, one bar a priority; ties and missing places are said."""
    ordered = sorted(ranks, key=lambda r: (r.sector, r.rank, r.topic))
    several = len({r.sector for r in ordered}) > 1
    labels = [f"{r.topic}, {r.sector}" if several else r.topic for r in ordered]
    source = f"Source : {', '.join(dict.fromkeys(r.document for r in ordered))}, ateliers d’habitants."
    title = "Baromètre des habitants : rang de leurs priorités (1 = la première)"
    notes = [f"{t.sector}{NNBSP}: {' et '.join(t.topics)} sont toutes deux au rang {t.rank} (l.{NBSP}{', '.join(map(str, t.lines))})"
             for t in ties(ordered)]  # fmt: skip
    notes.append("les rangs absents ne sont pas imprimés")
    rows = [[r.topic, r.sector, str(r.rank), citation(r), r.note] for r in ordered]
    data = tables.plain_table(["Priorité", "Secteur", "Rang", "Document et ligne", "Note"], rows, title, "small cards")
    return blocks.bars(
        labels, {"Rang": [float(r.rank) for r in ordered]}, "rank", 0, source, key, title.replace(" :", f"{NNBSP}:"), notes, data
    )


def listing(entries: Iterable[tuple[str, Cited]]) -> str:
    """Write a list of texts with their citations."""
    return f"<ul>{''.join(cited(words, entry) for words, entry in entries)}</ul>"
