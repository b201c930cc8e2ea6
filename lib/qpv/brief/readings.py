"""What the contract reads in its figures, and what residents said, beside the figures of a theme (S18, S19)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from qpv import tables
from qpv.brief import blocks
from qpv.brief.ledger import Ledger
from qpv.contract.contract import Contract, read_contract
from qpv.contract.entries import Cited, citation
from qpv.contract.readings import KINDS_FR, SUBJECTS_FR, Reading, of_place
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


_NOTE: Final = "<p class='note'>Résumé en nos mots de ce que le contrat écrit, avec le document et la ligne.</p>"

#: What an agglomération is measured on, in words that say which.
_OF_EPCI: Final = {"qpv_of_epci": "dans ses QPV", "epci": "dans l’agglomération"}


def readings_block(profile: Profile, ledger: Ledger, known: Collection[str] = ()) -> Block:
    """List strengths, fragilities and stakes of a QPV for the theme of its profile, each beside the figures of this brief that it speaks of.

    What the contract says of the whole agglomération follows, under a heading of its own: it is true of the QPV together,
    not of this one.  ``known`` are the ids of the indicators that the brief shows.  Nothing where no contract says anything.
    """
    contract = contract_of(profile)
    if contract is None:
        return Block("")
    codes = [*profile.codes.values(), profile.code]
    parts = _said(
        contract, codes, profile.theme, "h3", lambda r: _figures(profile, ledger, [i for i in r.indicators if i in known])
    )
    own = f"{''.join(parts)}{_NOTE}" if parts else ""
    return Block(f"{own}{agglomeration_block(profile, ledger, contract).html}")


def agglomeration_block(profile: Profile, ledger: Ledger, contract: Contract | None = None) -> Block:
    """List what a contract says of its agglomération for the theme of a profile, of a QPV or of the EPCI itself.

    Beside each reading stand the latest figures of the QPV of the agglomération together and of the agglomération; those that
    editions contradict are left to the tables, which say so.  ``contract`` is the one of the profile, when it was read already.
    """
    contract = contract or contract_of(profile)
    if contract is None:
        return Block("")
    epci = contract.epci
    parts = _said(contract, [epci], profile.theme, "h4", lambda r: _figures_of_epci(profile, ledger, epci, r.indicators))
    if not parts:
        return Block("")
    title = "Ce que le contrat écrit" if profile.code == epci else "À l’échelle de l’agglomération"
    return Block(f"<div class='at-epci'><h3>{title}</h3>{''.join(parts)}{_NOTE}</div>")


def _said(contract: Contract, codes: Sequence[str], theme: str, level: str, figures: Callable[[Reading], str]) -> list[str]:
    """Write readings, statements and priorities of some territories for a theme; ``level`` is the tag of their headings."""
    parts = []
    for kind, readings in of_place(contract.readings, codes, theme).items():
        items = "".join(cited(r.text + figures(r), r) for r in readings)
        parts.append(f"<{level}>{text(KINDS_FR[kind])}</{level}><ul class='readings'>{items}</ul>")
    statements = said_of(contract.statements, codes, theme)
    if statements:
        items = "".join(cited(s.text, s) for s in statements)
        parts.append(f"<{level}>Ce que disent les habitants</{level}><ul class='readings'>{items}</ul>")
    ranks = [r for r in said_of(contract.barometer, codes) if r.theme == theme]
    if ranks:
        said = "; ".join(f"{r.topic}{NNBSP}: rang {r.rank} ({citation(r)})" for r in ranks)
        parts.append(f"<p>Baromètre des priorités des habitants{NNBSP}– {text(said)}.</p>")
    return parts


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


def _figures_of_epci(profile: Profile, ledger: Ledger, epci: str, identifiers: Sequence[str]) -> str:
    """Write the latest figures, of the QPV together and of the agglomération, that a reading speaks of."""
    said = []
    for identifier in identifiers:
        indicator, values = profile.catalog.indicator(identifier), []
        for level, where in _OF_EPCI.items():
            rows = profile.history(identifier, level, [epci])
            rows = rows[~rows["contradicted"]]
            if len(rows):
                row = rows.iloc[-1]
                ledger.add(row)
                values.append(f"{tables.value_words(row, indicator)} {where}, {format_period(row['period'])}")
        if values:
            said.append(f"{indicator.short}{NNBSP}: {f'{NNBSP}; '.join(values)}")
    return f" ({f'{NNBSP}; '.join(said)})" if said else ""


def stakes(profile: Profile) -> Block:
    """List the stakes of a QPV over all themes, and draw the barometer of its residents' priorities."""
    contract = contract_of(profile)
    if contract is None:
        return Block("")
    codes = [*profile.codes.values(), profile.code]
    ranks = said_of(contract.barometer, codes)
    drawn = barometer(ranks, "barometre").html if ranks else ""
    parts = [
        _stakes(contract, codes, "Enjeux que le contrat écrit"),
        _stakes(contract, [contract.epci], "Enjeux que le contrat écrit à l’échelle de l’agglomération"),
        f"<details><summary>Baromètre des habitants ({len(ranks)} priorités)</summary>{drawn}</details>" if ranks else "",
    ]
    return Block("".join(parts))


def _stakes(contract: Contract, codes: Sequence[str], title: str) -> str:
    """Write the stakes of some territories, short; the portrait prints on two sheets: their lines are one click away."""
    found = {t: kinds["stake"] for t in SUBJECTS_FR for kinds in [of_place(contract.readings, codes, t)] if "stake" in kinds}
    if not found:
        return ""
    rows = [[SUBJECTS_FR[t], " ; ".join(r.text for r in own), ", ".join(dict.fromkeys(str(r.line) for r in own))]
            for t, own in found.items()]  # fmt: skip
    document = next(r.document for r in contract.readings if r.territory in codes)
    items = "".join(f"<li><strong>{text(theme)}</strong>{NNBSP}: {text(said)}</li>" for theme, said, _ in rows)
    table = tables.plain_table(["Thème", "Enjeux", f"Lignes de {document}"], rows, title, "small cards")
    folded = f"<details class='no-print'><summary>{text(title.replace(' que le contrat écrit', ''))}, avec leurs lignes</summary>{table}</details>"
    return f"<h3>{text(title)}</h3><ul class='stakes'>{items}</ul>{folded}"


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
