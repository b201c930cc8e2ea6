"""The guard: no file that people edit may hold data on a person (GDPR; contrat de Calais, l. 6128-6132).

A contract follows places, actions and counts.  A column that could hold a person's name, birth, home, contact or
number is refused by its head, before a row is read; a text that names, dates or locates somebody, by its form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from qpv.reference import fold

_BIRTH: Final = {"naissance", "naiss", "birth", "birthdate", "birthday", "dob", "ddn", "born"}
_NAME: Final = {"prenom", "prenoms", "surname", "firstname", "lastname", "forename", "patronyme", "identite", "civilite"}
_NAMED: Final = {"nom", "noms", "name", "names"}
_PERSON: Final = {
    "famille", "family", "first", "last", "beneficiaire", "beneficiaires", "habitant", "habitants", "resident", "residents", "personne",
    "person", "participant", "participants", "usager", "usagers", "eleve", "eleves", "enfant", "parent", "jeune", "contact", "referent",
    "locataire", "demandeur", "allocataire", "patient", "usage",
}  # fmt: skip
_HOME: Final = {"adresse", "adresses", "address", "domicile", "rue", "street", "voie"}
_CONTACT: Final = {"mail", "email", "courriel", "tel", "telephone", "phone", "portable", "mobile"}
_NUMBER: Final = {"nir", "matricule", "ine", "securite"}

#: What a text may show of a person -> how to recognise it.
_FORMS: Final = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.[A-Za-z]{2,}"),
    "a telephone number": re.compile(r"(?<!\d)(?:\+33\s?|0)[1-9](?:[\s.-]?\d{2}){4}(?!\d)"),
    "a person's name": re.compile(r"(?:^|[\s(«])(?:M\.|Mr|Mme|Mlle|Monsieur|Madame|Mademoiselle)\s+(?!la |le |les )[A-ZÀ-Ý]"),
    "a date of birth": re.compile(r"\bnée?\s+le\s+\d", re.IGNORECASE),
    "a social security number": re.compile(r"(?<!\d)[12]\s?\d{2}\s?(?:0[1-9]|1[0-2])\s?\d[\dAB]\s?\d{3}\s?\d{3}(?!\d)"),
}


def refused_column(head: str) -> str:
    """Say what data on a person a column seems to hold; ``""`` when none.

    Examples
    --------
    >>> refused_column("Date de naissance")
    'dates of birth'
    >>> refused_column("nom du quartier"), refused_column("cost_eur")
    ('', '')
    """
    words = set(fold(head.replace("_", " ")).split())
    if words & _BIRTH:
        return "dates of birth"
    if words & _NAME or (words & _NAMED and (len(words) == 1 or words & _PERSON)):
        return "names of persons"
    if words & _HOME:
        return "addresses of persons"
    if words & _CONTACT:
        return "contacts of persons"
    return "numbers of persons" if words & _NUMBER else ""


def shown_person(value: str) -> str:
    """Say what a text shows of a person; ``""`` when nothing does.

    Examples
    --------
    >>> shown_person("Atelier du 12 juillet, 25 personnes")
    ''
    >>> shown_person("proposé par Mme Durand")
    "a person's name"
    """
    return next((what for what, form in _FORMS.items() if form.search(value)), "")


def refused_columns(heads: Iterable[str]) -> dict[str, str]:
    """Give the columns that are refused, with what each seems to hold."""
    return {head: what for head in heads for what in [refused_column(head)] if what}
