"""The QPV that resemble the one of a brief: who they are, by what, and how they were found."""

from __future__ import annotations

from collections.abc import Sequence

from qpv.brief.ledger import Ledger
from qpv.comparison import KeyFigure
from qpv.html import Block, text
from qpv.numbers import NNBSP, format_number, format_value
from qpv.profile import Profile
from qpv.quarter import format_period
from qpv.similar import NEAREST, TRAITS
from qpv.tables import plain_table


def similar_qpv(profile: Profile, figures: Sequence[KeyFigure], ledger: Ledger) -> Block:
    """List the similar QPV with their four traits and the method, or say why there are none.

    The group is that of the perimeters on which the first known figure was measured.
    """
    generation = next((str(f.own["generation"]) for f in figures if f.own is not None), "")
    if not generation:
        return Block("")
    group = profile.similar(generation)
    if not group.codes:
        return Block(f"<p class='note'>Pas de comparaison avec des QPV semblables{NNBSP}: {text(group.reason)}.</p>")
    own = profile.codes[generation]
    shown = [own, *group.codes]
    facts = profile.warehouse.peers("demography", profile.editions["edition"], TRAITS)
    facts = facts[facts["territory"].isin(shown) & (facts["period"] == facts["indicator"].map(group.periods))]
    ledger.add_all(facts)
    places, communes = profile.warehouse.places("qpv"), profile.warehouse.communes["name"]
    indicators = [profile.catalog.indicator(t) for t in TRAITS]
    rows = []
    for code in shown:
        # A commune that has merged since is named by the département alone.
        towns = [communes.get(c, "") for c in places.at[code, "communes"].split(" ")]
        where = ", ".join([*filter(None, towns), str(places.at[code, "departement"])])
        name = f"{places.at[code, 'name']} ({'ce quartier' if code == own else code})"
        rows.append([name, where, *(format_value(group.traits.at[code, i.id], i.unit, i.decimals) for i in indicators)])
    heads = ["QPV", "Où", *(f"{i.short}, {format_period(group.periods[i.id])}" for i in indicators)]
    said = (
        f"Ces {NEAREST} QPV sont, parmi les {format_number(len(group.traits))} QPV de France dont les quatre chiffres sont connus "
        f"(périmètres de {generation}), les plus proches de ce quartier par le nombre d’habitants, la part des moins de 25 ans, celle "
        "des 60 ans et plus et celle des ménages d’une personne. Méthode : chaque chiffre (la population en logarithme) est centré et "
        "réduit sur tous ces QPV ; la distance est euclidienne. Ni le revenu ni l’emploi n’y entrent : ce sont eux que l’on compare. "
        f"Un rang parmi les semblables demande au moins {NEAREST // 2} d’entre eux au même millésime."
    )
    said = said.replace(" :", f"{NNBSP}:").replace(" ;", f"{NNBSP};")
    caption = "QPV semblables par la taille, l’âge et les ménages, du plus proche au moins proche"
    return Block(
        f"<details><summary>Les {NEAREST} QPV semblables et la méthode</summary><p>{text(said)}</p>{plain_table(heads, rows, caption, 'small')}</details>"
    )
