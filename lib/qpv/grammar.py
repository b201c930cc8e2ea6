"""French around names: articles, contractions, elision.

A name is data and never changed, but for the article that melts into the word before it:
``Le Havre`` → ``du Havre``, ``au Havre``; ``Arras`` → ``d’Arras``; ``Pas-de-Calais`` → ``du Pas-de-Calais``.
"""

from __future__ import annotations

import re
from typing import Final

_VOWEL: Final = re.compile(r"[aeiouœæàâäéèêëîïôöùûü]", re.IGNORECASE)
#: A y that is heard as a vowel: ``d’Yvetot``, but ``de Yaoundé``.
_VOCALIC_Y: Final = re.compile(r"y[^aeiouéè’'-]", re.IGNORECASE)
_DE: Final = {"le": "du ", "les": "des "}
_A: Final = {"le": "au ", "les": "aux "}

#: The article of a département or région is part of French, not of its name; those not listed take ``l’``
#: before a vowel, else ``la``.
_MASCULINE: Final = frozenset({
    "Calvados", "Cantal", "Cher", "Doubs", "Finistère", "Gard", "Gers", "Jura", "Loir-et-Cher", "Loiret", "Lot",
    "Lot-et-Garonne", "Maine-et-Loire", "Morbihan", "Nord", "Pas-de-Calais", "Puy-de-Dôme", "Bas-Rhin", "Haut-Rhin",
    "Rhône", "Tarn", "Tarn-et-Garonne", "Territoire de Belfort", "Val-de-Marne", "Val-d'Oise", "Var", "Vaucluse",
    "Centre-Val de Loire", "Grand Est",
})  # fmt: skip
_PLURAL: Final = frozenset({
    "Alpes-de-Haute-Provence", "Hautes-Alpes", "Alpes-Maritimes", "Ardennes", "Bouches-du-Rhône", "Côtes-d'Armor",
    "Landes", "Hautes-Pyrénées", "Pyrénées-Atlantiques", "Pyrénées-Orientales", "Deux-Sèvres", "Vosges", "Yvelines",
    "Hauts-de-Seine", "Hauts-de-France", "Pays de la Loire", "Terres australes et antarctiques françaises",
})  # fmt: skip
_WITHOUT: Final = frozenset({
    "Paris", "Mayotte", "Saint-Pierre-et-Miquelon", "Saint-Barthélemy", "Saint-Martin", "Wallis et Futuna", "La Réunion",
})  # fmt: skip
_ELIDED: Final = frozenset({"Hérault", "Yonne"})
_INTERCOMMUNAL: Final = {
    "CA": "la communauté d’agglomération", "CC": "la communauté de communes", "CU": "la communauté urbaine",
}  # fmt: skip


def of(name: str) -> str:
    """Put ``de`` before a name or a noun with its article: ``du Havre``, ``d’Arras``, ``des Ulis``, ``de la part``."""
    article, rest = _parted(name)
    if article in _DE:
        return _DE[article] + rest
    return f"d’{name}" if not article and _begins_with_a_vowel(name) else f"de {name}"


def at(name: str) -> str:
    """Put ``à`` before the name of a town: ``à Calais``, ``au Havre``, ``aux Ulis``, ``à La Rochelle``."""
    article, rest = _parted(name)
    return _A[article] + rest if article in _A else f"à {name}"


def in_quarter(name: str) -> str:
    """Say where a neighbourhood is meant: ``dans le quartier Beau Marais``, ``au Fort Nieulay``, ``dans les quartiers Nord``."""
    word, _, rest = name.partition(" ")
    if word.casefold() in ("quartier", "quartiers") and rest:
        return f"dans {'les quartiers' if word.casefold() == 'quartiers' else 'le quartier'} {rest}"
    return at(name) if _parted(name)[0] else f"dans le quartier {name}"


def territory(level: str, name: str) -> str:
    """Name a territory with its article: ``Calais``, ``la communauté d’agglomération de Lens - Liévin``, ``le Pas-de-Calais``."""
    if level == "epci":
        kind, _, rest = name.partition(" ")
        if kind in _INTERCOMMUNAL and rest:
            return f"{_INTERCOMMUNAL[kind]} {rest}"
        return f"la {name}" if kind == "Métropole" else f"l’intercommunalité {name}"
    if level == "france":
        return f"la {name}"
    if level not in ("departement", "region") or name in _WITHOUT:
        return name
    if name in _MASCULINE:
        return f"le {name}"
    if name in _PLURAL:
        return f"les {name}"
    return f"l’{name}" if name in _ELIDED or _begins_with_a_vowel(name) else f"la {name}"


def inside(level: str, name: str) -> str:
    """Say that something is in a territory: ``à Calais``, ``dans le Pas-de-Calais``, ``en France``, ``à La Réunion``."""
    if level == "commune" or name in _WITHOUT:
        return at(name)
    return f"en {name}" if level == "france" else f"dans {territory(level, name)}"


def than(place: str) -> str:
    """Put ``que`` before a place: ``qu’à Calais``, ``que dans le Pas-de-Calais``."""
    return f"qu’{place}" if _begins_with_a_vowel(place) else f"que {place}"


def _parted(name: str) -> tuple[str, str]:
    """Split an article from a name; ``L’Isle`` and ``La Rochelle`` keep theirs in every form."""
    match = re.match(r"(les?|la) (?=\S)|(l)['’](?=\S)", name, re.IGNORECASE)
    return ((match[1] or match[2]).casefold(), name[match.end() :]) if match else ("", name)


def _begins_with_a_vowel(name: str) -> bool:
    return bool(_VOWEL.match(name) or _VOCALIC_Y.match(name))
