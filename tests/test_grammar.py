"""French around names: what melts together, what is elided, and what stays as it is."""

from __future__ import annotations

import pytest
from qpv.grammar import at, in_quarter, inside, of, territory, than
from qpv.warehouse import Warehouse


@pytest.mark.parametrize(
    ("name", "with_de", "with_a"),
    [
        ("Calais", "de Calais", "à Calais"), ("Arras", "d’Arras", "à Arras"), ("Le Havre", "du Havre", "au Havre"),
        ("Les Ulis", "des Ulis", "aux Ulis"), ("La Rochelle", "de La Rochelle", "à La Rochelle"),
        ("L'Haÿ-les-Roses", "de L'Haÿ-les-Roses", "à L'Haÿ-les-Roses"), ("Lens", "de Lens", "à Lens"),
        ("Lestrem", "de Lestrem", "à Lestrem"), ("Évreux", "d’Évreux", "à Évreux"), ("Yvetot", "d’Yvetot", "à Yvetot"),
        ("Harnes", "de Harnes", "à Harnes"), ("Œuilly", "d’Œuilly", "à Œuilly"), ("Le", "de Le", "à Le"), ("", "de ", "à "),
    ],
)  # fmt: skip
def test_a_town_melts_with_the_word_before_it(name, with_de, with_a):
    assert (of(name), at(name)) == (with_de, with_a)


@pytest.mark.parametrize(
    ("noun", "with_de"),
    [("le taux d’emploi", "du taux d’emploi"), ("la part des étrangers", "de la part des étrangers"),
     ("l’espérance de vie", "de l’espérance de vie"), ("les écarts", "des écarts")],
)  # fmt: skip
def test_a_noun_melts_through_its_article(noun, with_de):
    assert of(noun) == with_de


@pytest.mark.parametrize(
    ("level", "name", "named", "where"),
    [
        ("commune", "Le Havre", "Le Havre", "au Havre"),
        ("epci", "CA de Lens - Liévin", "la communauté d’agglomération de Lens - Liévin",
         "dans la communauté d’agglomération de Lens - Liévin"),
        ("epci", "CU d'Arras", "la communauté urbaine d'Arras", "dans la communauté urbaine d'Arras"),
        ("epci", "Métropole Européenne de Lille", "la Métropole Européenne de Lille", "dans la Métropole Européenne de Lille"),
        ("epci", "Rennes Métropole", "l’intercommunalité Rennes Métropole", "dans l’intercommunalité Rennes Métropole"),
        ("departement", "Pas-de-Calais", "le Pas-de-Calais", "dans le Pas-de-Calais"),
        ("departement", "Ain", "l’Ain", "dans l’Ain"), ("departement", "Yonne", "l’Yonne", "dans l’Yonne"),
        ("departement", "Hérault", "l’Hérault", "dans l’Hérault"), ("departement", "Haute-Garonne", "la Haute-Garonne", "dans la Haute-Garonne"),
        ("departement", "Yvelines", "les Yvelines", "dans les Yvelines"), ("departement", "Paris", "Paris", "à Paris"),
        ("departement", "La Réunion", "La Réunion", "à La Réunion"), ("departement", "Mayotte", "Mayotte", "à Mayotte"),
        ("region", "Hauts-de-France", "les Hauts-de-France", "dans les Hauts-de-France"),
        ("region", "Île-de-France", "l’Île-de-France", "dans l’Île-de-France"),
        ("region", "Centre-Val de Loire", "le Centre-Val de Loire", "dans le Centre-Val de Loire"),
        ("france", "France", "la France", "en France"),
        ("france", "France métropolitaine", "la France métropolitaine", "en France métropolitaine"),
    ],
)  # fmt: skip
def test_a_territory_has_its_article(level, name, named, where):
    assert (territory(level, name), inside(level, name)) == (named, where)


def test_of_a_departement_is_said_as_people_say_it():
    said = {n: of(territory("departement", n)) for n in ("Pas-de-Calais", "Ain", "Ardennes", "Somme", "Paris", "Oise")}
    assert list(said.values()) == ["du Pas-de-Calais", "de l’Ain", "des Ardennes", "de la Somme", "de Paris", "de l’Oise"]


@pytest.mark.parametrize(
    ("name", "where"),
    [("Beau Marais", "dans le quartier Beau Marais"), ("Le Fort Nieulay", "au Fort Nieulay"), ("Les Courbes", "aux Courbes"),
     ("La Plaine", "à La Plaine"), ("Quartier Est", "dans le quartier Est"), ("Quartiers Nord", "dans les quartiers Nord"),
     ("Quartier", "dans le quartier Quartier"), ("Lestoile", "dans le quartier Lestoile")],
)  # fmt: skip
def test_a_neighbourhood_is_said_with_the_word_that_its_name_allows(name, where):
    assert in_quarter(name) == where


def test_than_is_elided():
    assert (than("à Calais"), than("en France"), than("dans le Nord")) == ("qu’à Calais", "qu’en France", "que dans le Nord")


def test_every_departement_and_region_has_a_sound_article(embedded: Warehouse):
    for level in ("departement", "region"):
        for name in embedded.names(level).values():
            said = territory(level, name)
            assert said.endswith(name)
            assert not said.startswith(("la A", "la E", "la I", "la O", "la Î", "le A", "le I")), said
