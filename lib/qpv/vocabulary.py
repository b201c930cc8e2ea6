"""The closed vocabularies of the data model: levels, statuses, qualifiers, units, themes.

Values are stored in English; the ``*_FR`` tables hold what a reader of a brief sees.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """How a value came to be known, or why it is not known."""

    OBSERVED = "observed"
    LOW_QUALITY = "low_quality"
    PROXY = "proxy"
    TRANSCRIBED = "transcribed"
    SECRET = "secret"  # noqa: S105  a status, no password
    UNAVAILABLE = "unavailable"
    NOT_APPLICABLE = "not_applicable"


PRESENT: Final = (Status.OBSERVED, Status.LOW_QUALITY, Status.PROXY, Status.TRANSCRIBED)
ABSENT: Final = (Status.SECRET, Status.UNAVAILABLE, Status.NOT_APPLICABLE)

STATUS_FR: Final = {
    Status.OBSERVED: "observé",
    Status.LOW_QUALITY: "qualité moindre",
    Status.PROXY: "approché",
    Status.TRANSCRIBED: "repris du contrat",
    Status.SECRET: "non diffusé (secret ou qualité)",
    Status.UNAVAILABLE: "non publié",
    Status.NOT_APPLICABLE: "sans objet",
}


class Qualifier(StrEnum):
    """What the printed number stands for, when it is not the plain value of the territory."""

    EXACT = ""
    ABOUT = "about"
    MEAN = "mean"
    MINIMUM = "min"
    MAXIMUM = "max"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    DOUBTFUL = "doubtful"  # printed, but at odds with what is published: shown, never compared


#: Qualifiers whose value may stand as "the" value of the territory and be compared.
COMPARABLE_QUALIFIERS: Final = (Qualifier.EXACT, Qualifier.ABOUT, Qualifier.MEAN)

QUALIFIER_FR: Final = {
    Qualifier.EXACT: "",
    Qualifier.ABOUT: "environ",
    Qualifier.MEAN: "moyenne",
    Qualifier.MINIMUM: "minimum",
    Qualifier.MAXIMUM: "maximum",
    Qualifier.AT_LEAST: "au moins",
    Qualifier.AT_MOST: "au plus",
    Qualifier.DOUBTFUL: "douteux",
}

LEVELS_FR: Final = {
    "qpv": "QPV",
    "sector": "secteur",
    "school": "établissement scolaire",
    "iris": "IRIS",
    "commune": "commune",
    "epci": "intercommunalité",
    "departement": "département",
    "region": "région",
    "france": "France",
    "qpv_of_commune": "QPV de la commune",
    "qpv_of_epci": "QPV de l’intercommunalité",
    "qpv_of_departement": "QPV du département",
    "qpv_of_region": "QPV de la région",
    "qpv_of_france": "QPV de France",
    "other": "autre territoire",
}
LEVELS: Final = tuple(LEVELS_FR)

#: 2015 = perimeters of 2015-2023 (``QP062056``); 2024 = perimeters since 2024 (``QN06254M``);
#: "" = the territory has no QPV perimeter.
GENERATIONS: Final = ("2015", "2024", "")

THEMES_FR: Final = {
    "revenue": "Revenus et pauvreté",
    "education": "Éducation",
    "health": "Santé et accès aux droits",
    "employment": "Emploi et activité",
    "housing": "Logement et cadre de vie",
    "ecology": "Transition écologique",
    "demography": "Population",
}
#: The six themes whose briefs a run makes unless it is told which; portrait, agglomeration and index put these together.
BRIEF_THEMES: Final = ("revenue", "education", "health", "employment", "housing", "ecology")
#: Themes whose briefs are made where they are asked for by name.
ASKED_THEMES: Final = ("demography",)
#: All themes that have a notebook.
THEME_BRIEFS: Final = (*BRIEF_THEMES, *ASKED_THEMES)
#: Briefs over all themes, with a notebook each: of one QPV; of all QPV of one EPCI.
PORTRAIT: Final = "portrait"
AGGLOMERATION: Final = "agglomeration"
#: Briefs on the contract of one EPCI, with a notebook each; only where something is written of it.
EVALUATION: Final = "evaluation"
PROGRAMME: Final = "programme"
YEARLY: Final = "yearly"
CONTRACT_KINDS: Final = (EVALUATION, PROGRAMME, YEARLY)
#: Briefs of one EPCI; all others are of one QPV.
EPCI_KINDS: Final = (AGGLOMERATION, *CONTRACT_KINDS)
#: All that a notebook is there for, with its French name.
BRIEF_KINDS_FR: Final = {t: THEMES_FR[t] for t in THEME_BRIEFS} | {
    PORTRAIT: "Portrait",
    AGGLOMERATION: "Agglomération",
    EVALUATION: "Évaluation du contrat",
    PROGRAMME: "Programme du contrat",
    YEARLY: "Rapport annuel",
}
BRIEF_KINDS: Final = tuple(BRIEF_KINDS_FR)
#: What a run makes unless it is told which.
DEFAULT_KINDS: Final = tuple(kind for kind in BRIEF_KINDS if kind not in ASKED_THEMES)


class Polarity(StrEnum):
    """Which direction is the better one; ``NONE`` forbids words and colours of judgement."""

    HIGHER = "higher_is_better"
    LOWER = "lower_is_better"
    NONE = "none"


#: Unit of a value -> (suffix after a number, unit of a difference, words in a definition).
UNITS: Final = {
    "pct": ("%", "pt", "pour cent"),
    "eur": ("€", "€", "euros"),
    "eur_per_month": ("€/mois", "€/mois", "euros par mois"),
    "eur_per_m2": ("€/m²", "€/m²", "euros par mètre carré"),
    "count": ("", "", "nombre"),
    "index": ("", "", "indice"),
    "ratio": ("", "", "rapport"),
    "rank": ("", "", "rang"),
    "points": ("pt", "pt", "points"),
    "mark_20": ("/20", "pt", "note sur 20"),
    "years": ("ans", "ans", "années"),
    "months": ("mois", "mois", "mois"),
    "days": ("jours", "jours", "jours"),
    "minutes": ("min", "min", "minutes"),
    "per_1000": ("‰", "pt ‰", "pour mille"),
    "per_10000": ("pour 10 000", "pour 10 000", "pour dix mille"),
    "per_100000": ("pour 100 000", "pour 100 000", "pour cent mille"),
    "m2": ("m²", "m²", "mètres carrés"),
    "m2_per_inhabitant": ("m²/hab.", "m²/hab.", "mètres carrés par habitant"),
    "ha": ("ha", "ha", "hectares"),
    "km": ("km", "km", "kilomètres"),
    "km2": ("km²", "km²", "kilomètres carrés"),
    "inhabitants_per_km2": ("hab./km²", "hab./km²", "habitants par kilomètre carré"),
    "celsius": ("°C", "°C", "degrés Celsius"),
    "kg_per_inhabitant": ("kg/hab.", "kg/hab.", "kilogrammes par habitant"),
    "tonnes": ("t", "t", "tonnes"),
    "tco2": ("t CO₂", "t CO₂", "tonnes équivalent CO₂"),
    "kwh_per_m2": ("kWh/m²", "kWh/m²", "kilowattheures par mètre carré"),
    "gwh": ("GWh", "GWh", "gigawattheures"),
    "ug_per_m3": ("µg/m³", "µg/m³", "microgrammes par mètre cube"),
    "consultations_per_year": ("consult./an", "consult./an", "consultations par an et habitant"),
}
