"""``method.html`` and ``glossary.html``: the rules and the words of the briefs, from the tables that apply them."""

from __future__ import annotations

from collections import Counter
from typing import Final

from qpv.analysis import MINIMUM_PEERS, MINIMUM_YEARS
from qpv.catalog import Catalog
from qpv.comparison import NEAR_YEARS
from qpv.crosswalk import SAME_SHARE, SMALLEST_SHARE
from qpv.crowd import MEDIAN_OF
from qpv.html import text
from qpv.numbers import DASH, NNBSP, format_number, french_spacing
from qpv.overlay import MINIMUM_SHARE, MINIMUM_SHARE_OF_COUNTS, NEAR_METRES
from qpv.preference import STATUS_ORDER
from qpv.quarter import Quarter, format_date
from qpv.selection import PREDECESSOR_SHARE
from qpv.site.frame import filtered_table, search_field, shell
from qpv.tables import plain_table
from qpv.vocabulary import (
    COMPARABLE_QUALIFIERS,
    QUALIFIER_FR,
    STATUS_FR,
    THEMES_FR,
    UNITS,
    Polarity,
    Qualifier,
    Status,
)

#: What a status says of a figure.
STATUS_MEANINGS_FR: Final = {
    Status.OBSERVED: "Publié par son producteur pour ce territoire et cette date.",
    Status.LOW_QUALITY: "Publié, mais le producteur le signale comme moins fiable.",
    Status.PROXY: "Aucun producteur ne le donne pour le quartier : il est porté d’un autre découpage (IRIS, carreaux, points), "
    "avec la part du quartier couverte.",
    Status.TRANSCRIBED: "Recopié d’un document public (contrat de ville, évaluation), avec sa ligne.",
    Status.SECRET: "Retenu : trop peu de personnes ou de logements, ou le chiffre en ferait connaître un autre.",
    Status.UNAVAILABLE: "Le producteur ne l’a pas publié pour ce territoire.",
    Status.NOT_APPLICABLE: "Il ne peut pas exister ici (par exemple un taux sans personne à compter).",
}
QUALIFIER_MEANINGS_FR: Final = {
    Qualifier.EXACT: "La valeur simple du territoire.",
    Qualifier.ABOUT: "Le document l’arrondit ou dit « environ ».",
    Qualifier.MEAN: "La moyenne de plusieurs lieux du territoire.",
    Qualifier.MINIMUM: "La plus basse de plusieurs valeurs.",
    Qualifier.MAXIMUM: "La plus haute de plusieurs valeurs.",
    Qualifier.AT_LEAST: "Une borne : la valeur est au-dessus.",
    Qualifier.AT_MOST: "Une borne : la valeur est au-dessous.",
    Qualifier.DOUBTFUL: "Imprimé, mais contredit par ce qui est publié ou peu vraisemblable.",
}
_POLARITY_FR: Final = {
    Polarity.HIGHER: "plus haut est plus favorable", Polarity.LOWER: "plus bas est plus favorable", Polarity.NONE: "sans jugement",
}  # fmt: skip
_TERMS: Final = (
    ("QPV", "Quartier prioritaire de la politique de la ville : un périmètre fixé par décret, qui ne suit pas les limites des communes."),
    ("Périmètre de 2015, de 2024", "Deux découpages différents, de codes différents (QP062056, QN06254M). Un chiffre mesuré sur l’un n’est pas comparé à un "
     "chiffre mesuré sur l’autre."),
    ("Agglomération", "L’intercommunalité (EPCI) du quartier."),
    ("Édition", "Un fichier publié à une date par un producteur. La même année peut connaître plusieurs éditions."),
    ("Période", "L’année, le trimestre ou le mois dont un chiffre parle ; elle précède la publication, souvent de plusieurs années."),
    ("Écart", "Le chiffre du quartier moins celui d’un territoire de comparaison, au même indicateur et à la même période."),
    ("Rang", "La place parmi les QPV qui ont une valeur ; 1 est le plus favorable, ou le plus élevé pour un indicateur sans jugement."),
    ("Quadrant", "Un point par QPV : le niveau de son écart, et l’évolution de cet écart."),
    ("Médiane des QPV", "La valeur qui partage les QPV de France en deux moitiés égales."),
    ("Point (pt)", "La différence de deux pourcentages : de 40 % à 42 %, il y a 2 points."),
    ("Sources contradictoires (≠)", "Plusieurs sources donnent des valeurs différentes, au-delà de l’arrondi ; toutes sont nommées."),
)  # fmt: skip


def method_page(catalog: Catalog, quarter: Quarter) -> str:
    """Write the rules behind a brief, with the bounds that the library applies."""
    minimums = Counter(i.minimum_count for i in catalog.indicators.values() if i.minimum_count)
    kept = ", ".join(f"{low} pour {format_number(n)} indicateurs" for low, n in sorted(minimums.items()))
    sections = [
        ("Ce qu’un brief utilise", [
            f"Un brief du {quarter.label} n’utilise que ce qui était publié au plus tard le {format_date(quarter.end)}. Quand le jour n’est pas connu, "
            "la date la plus tardive possible est retenue.",
            f"Le catalogue décrit {format_number(len(catalog.indicators))} indicateurs et {format_number(len(catalog.sources))} sources. Rien n’est estimé "
            "pour combler un manque : une absence est dite, avec sa nature (voir le glossaire).",
        ]),
        ("Quel chiffre est montré", [
            "Celui de la dernière période connue à la fois pour le quartier et pour son agglomération, sauf s’il a plus de "
            f"{NEAR_YEARS} ans de retard sur le dernier chiffre du quartier.",
            f"Entre plusieurs chiffres du même fait, dans cet ordre : {', '.join(STATUS_FR[s] for s in STATUS_ORDER)} ; puis la valeur simple avant une borne ; "
            "puis la source la plus directe (officielle avant contrat) ; puis l’édition publiée en dernier. Les autres sont gardés, et nommés s’ils diffèrent.",
        ]),
        ("Comparer", [
            "Un écart n’est calculé qu’à indicateur et période égaux, avec l’agglomération, à défaut la commune, le département, la région, la France. "
            "Un effectif n’a pas d’écart : une partie ne se compare pas à son tout.",
            f"Une évolution demande au moins {MINIMUM_YEARS} ans entre deux dates du même périmètre : sous la commune, l’Insee interdit de lire l’évolution "
            "entre deux millésimes consécutifs. Une rupture de série est évitée, ou dite. Les euros sont courants.",
            "Trop petit pour être dit : moins de la moitié de la dernière décimale montrée, d’un demi-point pour un pourcentage, d’un pour cent ailleurs.",
            f"Un rang demande au moins {MINIMUM_PEERS} QPV, la médiane des QPV de France au moins {MEDIAN_OF}.",
        ]),
        ("Périmètres", [
            "Les périmètres de 2015 et de 2024 sont deux découpages. Un chiffre de 2015 est montré pour le quartier de 2024 dont l’ancien périmètre couvre au moins "
            f"{_percent(PREDECESSOR_SHARE)} de la surface, et le brief le dit.",
            f"Deux périmètres sont les mêmes à partir de {_percent(SAME_SHARE)} des deux surfaces ; sous {_percent(SMALLEST_SHARE)} de recouvrement, un quartier "
            "est nouveau, ou a pris fin.",
        ]),
        ("Chiffres approchés", [
            f"Points : dans le quartier ou à {format_number(NEAR_METRES)} m au plus de son bord. Taux d’IRIS ou de carreaux : moyenne pondérée, si "
            f"{_percent(MINIMUM_SHARE)} de la surface au moins est couverte ; effectifs : {_percent(MINIMUM_SHARE_OF_COUNTS)}.",
            "Un chiffre approché ne tient jamais la place d’un chiffre publié pour le même quartier, indicateur et période.",
        ]),
        ("Secret statistique", [
            "Les producteurs protègent leurs fichiers ; les mêmes seuils sont tenus ici pour ce qui est lu et calculé. Un effectif non nul sous le seuil n’est pas "
            f"montré, ni le taux qui en dépend, ni ce qui permettrait de le recalculer. Seuils : {kept}.",
            "Zéro ne désigne personne et reste montré. Les chiffres des contrats, documents publics, restent tels qu’imprimés.",
        ]),
        ("Ce qui est refusé", [
            "Une valeur impossible (une part de 140 %, un effectif négatif) arrête la lecture de son fichier. Une valeur peu vraisemblable est montrée comme "
            "« douteuse » et n’est jamais comparée.",
        ]),
    ]  # fmt: skip
    body = "".join(
        f"<h2>{text(head)}</h2>{''.join(f'<p>{text(french_spacing(p))}</p>' for p in said)}" for head, said in sections
    )
    return shell(
        "method.html", "Méthode", quarter, f'{body}<p>Les mots sont expliqués dans le <a href="glossary.html">glossaire</a>.</p>'
    )


def _percent(share: float) -> str:
    return f"{format_number(100 * share)} %"


def glossary_page(catalog: Catalog, quarter: Quarter) -> str:
    """Write what the words, statuses, qualifiers and units of the briefs mean, and define their key figures."""
    terms = "".join(f"<dt>{text(t)}</dt><dd>{text(french_spacing(d))}</dd>" for t, d in _TERMS)
    statuses = [[STATUS_FR[s], french_spacing(STATUS_MEANINGS_FR[s])] for s in Status]
    qualifiers = [
        [QUALIFIER_FR[q] or DASH, french_spacing(QUALIFIER_MEANINGS_FR[q]), "oui" if q in COMPARABLE_QUALIFIERS else "non"]
        for q in Qualifier
    ]
    indicators = [i for i in catalog.indicators.values() if i.key]
    themes = list(THEMES_FR)
    rows = [
        [i.label, THEMES_FR[i.theme], i.definition, i.universe, UNITS[i.unit][2], _POLARITY_FR[i.polarity]]
        for i in sorted(indicators, key=lambda i: (themes.index(i.theme), i.rank, i.id))
    ]
    heads = ["Indicateur", "Thème", "Définition", "Champ", "Unité", "Sens"]
    body = f"""<h2>Mots</h2><dl class="terms">{terms}</dl>
<h2>Statuts d’un chiffre</h2>{plain_table(["Statut", "Ce qu’il dit"], statuses, "Statuts", "small")}
<h2>Nuances d’une valeur</h2>{plain_table(["Nuance", "Ce qu’elle dit", "Comparée"], qualifiers, "Nuances", "small")}
<h2>Chiffres clés{NNBSP}: {len(rows)}</h2>{search_field("Filtrer les chiffres clés")}
{filtered_table(heads, rows, "Chiffres clés des briefs")}"""
    return shell("glossary.html", "Glossaire", quarter, body)
