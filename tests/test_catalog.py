"""The catalogue: what is known of each indicator, source and edition, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from qpv.catalog import Catalog
from qpv.errors import CatalogError
from qpv.sources import READERS
from qpv.vocabulary import BRIEF_KINDS, BRIEF_THEMES, DEFAULT_KINDS, THEME_BRIEFS, THEMES_FR, UNITS, Polarity

INDICATOR = {
    "id": "poverty_rate_pct", "theme": "revenue", "label": "Taux de pauvreté", "short": "Pauvreté",
    "definition": "Part des personnes pauvres", "universe": "Ménages ordinaires", "unit": "pct",
    "numerator": "Personnes pauvres", "denominator": "Personnes", "comparability": "À comparer à la même année",
    "columns": [{"source": "insee", "block": "filo", "column": "TP60"}],
}  # fmt: skip
SOURCE = {
    "id": "insee", "producer": "Insee", "dataset": "Revenus des QPV", "landing_page": "https://www.insee.fr/",
    "licence": "Licence Ouverte 2.0", "tier": "read", "reader": "wide_table", "table": {"key": ["CODGEO"]},
    "blocks": {"filo": {"label": "Filosofi"}},
    "editions": [{"id": "insee_2022", "files": r"REVN_2022\.csv", "published": "2022-12-31", "periods": {"filo": "2018"}}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "indicators").mkdir()
    return tmp_path


def load(folder: Path, indicators: list[object], sources: list[object], themes: list[object] | None = None) -> Catalog:
    (folder / "indicators" / "revenue.yml").write_text(yaml.safe_dump(indicators, allow_unicode=True), "utf-8")
    (folder / "sources.yml").write_text(yaml.safe_dump(sources, allow_unicode=True), "utf-8")
    (folder / "themes.yml").write_text(yaml.safe_dump(themes or [], allow_unicode=True), "utf-8")
    return Catalog.load(folder)


def test_a_small_catalogue_loads(folder: Path) -> None:
    catalog = load(folder, [INDICATOR], [SOURCE])
    assert catalog.indicator("poverty_rate_pct").columns[0].column == ["TP60"]
    assert catalog.editions["insee_2022"][0].id == "insee"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": "red"}, ["poverty_rate_pct", "colour", "Extra inputs"]),
        ({"numerator": None}, ["poverty_rate_pct", "a percentage says what is divided by what"]),
        ({"denominator": None}, ["poverty_rate_pct", "a percentage says what is divided by what"]),
        ({"comparability": None}, ["poverty_rate_pct", "comparability", "valid string"]),
        ({"unit": "percent"}, ["poverty_rate_pct", "unit", "'pct'"]),
        ({"theme": "income"}, ["poverty_rate_pct", "theme", "'revenue'"]),
        ({"polarity": "good"}, ["poverty_rate_pct", "polarity", "higher_is_better"]),
        ({"decimals": 7}, ["poverty_rate_pct", "decimals", "less than or equal to 3"]),
        ({"noun": "taux de pauvreté"}, ["poverty_rate_pct", "noun", "pattern"]),
        ({"easy": {"says": "beaucoup sont pauvres", "about": "la pauvreté"}}, ["poverty_rate_pct", "easy.says", "pattern"]),
        ({"label": ""}, ["poverty_rate_pct", "label", "at least 3 characters"]),
        ({"id": "Poverty Rate"}, ["Poverty Rate", "id", "pattern"]),
        ({"columns": [{"source": "insee"}]}, ["poverty_rate_pct", "columns.0", "either 'column' (or a 'label'), or 'numerator'"]),
        ({"columns": [{"source": "insee", "column": "A", "numerator": "B", "denominator": "C"}]}, ["columns.0", "either"]),
        ({"columns": [{"source": "insee", "numerator": "B"}]}, ["columns.0", "either"]),
        ({"columns": [{"source": "insee", "colum": "TP60"}]}, ["poverty_rate_pct", "columns.0.colum", "Extra inputs"]),
    ],
)
def test_a_fault_of_an_indicator_names_file_entry_key_and_expectation(
    folder: Path, change: dict[str, object], told: list[str]
) -> None:
    with pytest.raises(CatalogError) as error:
        load(folder, [INDICATOR | change], [SOURCE])
    assert str(error.value).startswith("revenue.yml: ")
    assert [t for t in told if t not in str(error.value)] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "x"}, ["insee", "url", "Extra inputs"]),
        ({"tier": "maybe"}, ["insee", "tier", "'listed'"]),
        ({"reader": None}, ["insee", "needs a reader"]),
        ({"generation": "2020"}, ["insee", "generation", "'2024'"]),
        ({"table": {"key": ["CODGEO"], "encoding": "cp1252"}}, ["insee", "table.encoding", "latin-1"]),
        ({"table": {}}, ["insee", "table.key", "required"]),
        ({"editions": [{"id": "e", "files": "(", "published": "2022-12-31"}]}, ["insee", "editions.0"]),
        ({"editions": [{"id": "e", "files": "x", "published": "hier"}]}, ["insee", "editions.0.published"]),
        (
            {"editions": [{"id": "e", "files": "x", "published": "2022-12-31", "periods": {"main": "2022-13"}}]},
            ["not a period", "2022-13"],
        ),
    ],
)
def test_a_fault_of_a_source_names_file_entry_key_and_expectation(
    folder: Path, change: dict[str, object], told: list[str]
) -> None:
    with pytest.raises(CatalogError) as error:
        load(folder, [INDICATOR], [SOURCE | change])
    assert str(error.value).startswith("sources.yml: ")
    assert [t for t in told if t not in str(error.value)] == []


def test_all_faults_of_a_file_are_told_at_once(folder: Path) -> None:
    second = INDICATOR | {"id": "gini_index", "unit": "none"}
    with pytest.raises(CatalogError) as error:
        load(folder, [INDICATOR | {"colour": "red"}, second], [SOURCE])
    assert [line.split(": ")[1] for line in str(error.value).split("\n")] == ["poverty_rate_pct", "gini_index"]


def test_an_id_used_twice_is_refused(folder: Path) -> None:
    with pytest.raises(CatalogError, match="indicator 'poverty_rate_pct' is defined twice"):
        load(folder, [INDICATOR, INDICATOR], [SOURCE])
    with pytest.raises(CatalogError, match="source 'insee' is defined twice"):
        load(folder, [INDICATOR], [SOURCE, SOURCE])
    with pytest.raises(CatalogError, match="edition 'insee_2022' is defined twice"):
        load(folder, [INDICATOR], [SOURCE, SOURCE | {"id": "other"}])


def test_a_column_of_an_unknown_source_or_block_is_refused_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(CatalogError, match=r"'poverty_rate_pct': unknown source 'inse'; known: insee"):
        load(folder, [INDICATOR | {"columns": [{"source": "inse", "column": "TP60"}]}], [SOURCE])
    with pytest.raises(CatalogError, match=r"'poverty_rate_pct': source 'insee' has no block 'flo'; known: filo"):
        load(folder, [INDICATOR | {"columns": [{"source": "insee", "block": "flo", "column": "TP60"}]}], [SOURCE])


@pytest.mark.parametrize("text", ["- id: [", "une phrase", "id: x", "null", "- 3"])
def test_a_file_that_is_no_list_of_entries_is_refused_by_name(folder: Path, text: str) -> None:
    (folder / "indicators" / "revenue.yml").write_text(text, "utf-8")
    (folder / "sources.yml").write_text(yaml.safe_dump([SOURCE]), "utf-8")
    with pytest.raises(CatalogError, match=r"^revenue\.yml: "):
        Catalog.load(folder)


def test_a_yaml_tag_runs_nothing(folder: Path) -> None:
    (folder / "indicators" / "revenue.yml").write_text("- !!python/object/apply:os.getcwd []\n", "utf-8")
    with pytest.raises(CatalogError, match=r"^revenue\.yml: cannot be read as YAML"):
        Catalog.load(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no indicators"):
        Catalog.load(tmp_path)


def test_an_unknown_indicator_is_an_error_that_names_it(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="'poverty'"):
        catalog.indicator("poverty")


# --- The real catalogue ----------------------------------------------------------------------


def test_the_real_catalogue_holds_600_indicators_and_survives_json(catalog: Catalog) -> None:
    assert len(catalog.indicators) >= 600
    assert len(catalog.editions) >= 38
    again = Catalog.from_json(catalog.to_json())
    assert again.indicators == catalog.indicators
    assert again.sources == catalog.sources


def test_every_text_of_an_indicator_is_french_and_not_empty(catalog: Catalog) -> None:
    english = re.compile(r"\b(the|of|rate|share|number|with|people|and|income|households)\b", re.IGNORECASE)
    for i in catalog.indicators.values():
        texts = [i.label, i.short, i.definition, i.universe, i.comparability, *i.warnings, *(b.reason for b in i.breaks)]
        texts += [t for t in (i.numerator, i.denominator) if t is not None]
        assert [t for t in texts if not t.strip() or t != t.strip()] == [], i.id
        assert [t for t in texts if english.search(t) or "TODO" in t or "_" in t] == [], i.id


def test_an_entry_without_comparability_is_refused(folder: Path) -> None:
    silent = {key: value for key, value in INDICATOR.items() if key != "comparability"}
    with pytest.raises(CatalogError, match="poverty_rate_pct: comparability: Field required"):
        load(folder, [silent], [SOURCE])


def test_where_a_document_is_silent_the_catalogue_says_so_and_invents_nothing(catalog: Catalog) -> None:
    undefined = catalog.indicator("poverty_rate_undefined_pct")
    assert undefined.denominator == "Le document ne précise pas le dénominateur."
    assert not undefined.columns, "no file gives it: only a contract prints it"
    share = catalog.indicator("late_pupils_6e_share_pct")
    assert (share.numerator, share.denominator) == ("Élèves de 6e qui ont au moins un an de retard", "Élèves de 6e")


def test_every_theme_of_a_brief_has_key_figures_and_one_headline(catalog: Catalog) -> None:
    for theme in THEME_BRIEFS:
        shown = catalog.of_theme(theme)
        keys = [i for i in shown if i.key]
        assert 5 <= len(keys) <= 15, theme
        assert shown[: len(keys)] == keys, "key figures come first"
        assert [i.rank for i in keys] == sorted(i.rank for i in keys)
    assert catalog.of_theme("revenue")[0].id == "median_disposable_income_eur"


def test_the_suffix_of_an_id_agrees_with_the_unit(catalog: Catalog) -> None:
    suffixes = {"_pct": "pct", "_eur": "eur", "_count": "count", "_index": "index", "_points": "points"}
    wrong = [i.id for i in catalog.indicators.values() for s, unit in suffixes.items() if i.id.endswith(s) and i.unit != unit]
    assert wrong == []
    assert {i.unit for i in catalog.indicators.values()} <= set(UNITS)


def test_no_count_is_judged_by_its_direction_unless_the_catalogue_says_so(catalog: Catalog) -> None:
    assert catalog.indicator("population_count").polarity is Polarity.NONE
    assert catalog.indicator("poverty_rate_pct").polarity is Polarity.LOWER
    assert catalog.indicator("median_disposable_income_eur").polarity is Polarity.HIGHER


def test_every_source_that_is_read_has_a_reader_and_editions_with_row_counts(catalog: Catalog) -> None:
    for source in catalog.sources.values():
        if source.tier == "listed":
            assert source.why_listed, source.id
            continue
        assert source.reader in READERS, source.id
        assert source.editions or (source.families and source.tier == "header"), source.id
        assert source.landing_page.startswith("https://"), source.id
        for edition in source.editions:
            assert edition.rows is not None or source.tier == "header", edition.id
            assert set(edition.periods) <= {*source.blocks, "main"}, edition.id


def test_the_poverty_series_breaks_in_2019_and_with_the_method_of_2023(catalog: Catalog) -> None:
    assert [b.period for b in catalog.indicator("poverty_rate_pct").breaks] == ["2019", "2023"]


STRUCTURE = {"key": "parts", "title": "Les revenus", "indicators": ["poverty_rate_pct", "no_such_pct"]}


@pytest.mark.parametrize(
    ("theme", "told"),
    [
        ({"id": "income"}, ["themes.yml: income: id", "'revenue'"]),
        ({"id": "revenue", "map": []}, ["themes.yml: revenue: map", "Extra inputs"]),
        ({"id": "revenue", "communes": ["no_such_pct"]}, ["theme 'revenue': unknown indicator 'no_such_pct'"]),
        ({"id": "revenue", "structures": [STRUCTURE]}, ["theme 'revenue': unknown indicator 'no_such_pct'"]),
        (
            {"id": "revenue", "structures": [STRUCTURE | {"key": "Les parts"}]},
            ["themes.yml: revenue: structures.0.key", "pattern"],
        ),
    ],
)
def test_a_fault_of_a_theme_names_it_and_what_was_expected(folder: Path, theme: dict[str, object], told: list[str]) -> None:
    with pytest.raises(CatalogError) as error:
        load(folder, [INDICATOR], [SOURCE], [theme])
    assert [t for t in told if t not in str(error.value)] == []


def test_a_theme_that_nobody_declared_says_where_to_declare_it(folder: Path) -> None:
    with pytest.raises(CatalogError, match=r"'revenue' has no entry in data/catalog/themes\.yml: add one, then 'make data'"):
        load(folder, [INDICATOR], [SOURCE]).theme("revenue")


def test_every_theme_with_a_brief_is_declared_and_no_drawing_has_two_places(catalog: Catalog) -> None:
    assert list(catalog.themes) == list(THEME_BRIEFS)
    for theme in catalog.themes.values():
        keys = [s.key for s in theme.structures]
        assert len(set(keys)) == len(keys), theme.id
        assert {catalog.indicator(i).unit for s in theme.structures for i in s.indicators} <= {"pct"}


def test_what_a_theme_declares_survives_the_warehouse(catalog: Catalog) -> None:
    assert Catalog.from_json(catalog.to_json()).themes == catalog.themes
    assert catalog.including([]).themes == catalog.themes


def test_a_run_makes_six_themes_and_the_syntheses_unless_it_is_told_which() -> None:
    assert BRIEF_THEMES == ("revenue", "education", "health", "employment", "housing", "ecology")
    assert (*BRIEF_THEMES, "portrait", "agglomeration", "evaluation", "programme", "yearly") == DEFAULT_KINDS
    assert set(BRIEF_KINDS) - set(DEFAULT_KINDS) == set(THEME_BRIEFS) - set(BRIEF_THEMES)


def test_every_theme_has_a_french_name() -> None:
    assert set(THEME_BRIEFS) <= set(THEMES_FR)
    assert all(name[0].isupper() for name in THEMES_FR.values())


def test_the_yaml_is_read_alike_by_the_loader_in_python_and_the_one_in_c():
    for file in sorted((ROOT / "data" / "catalog").rglob("*.yml")):
        text = file.read_text(encoding="utf-8")
        assert yaml.load(text, Loader=yaml.SafeLoader) == yaml.load(text, Loader=yaml.CSafeLoader), file.name


@pytest.mark.parametrize("file", sorted((ROOT / "data" / "catalog").rglob("*.yml")), ids=lambda p: p.name)
def test_no_key_stands_twice_in_an_entry(file: Path) -> None:
    """The loader keeps the last of two silently: a merge of two edits once left both."""

    def doubles(node: yaml.Node) -> list[str]:
        if isinstance(node, yaml.SequenceNode):
            return [found for item in node.value for found in doubles(item)]
        if not isinstance(node, yaml.MappingNode):
            return []
        keys = [key.value for key, _ in node.value]
        twice = [f"line {key.start_mark.line + 1}: {key.value}" for key, _ in node.value if keys.count(key.value) > 1]
        return twice + [found for _, value in node.value for found in doubles(value)]

    assert doubles(yaml.compose(file.read_text("utf-8"), Loader=yaml.CSafeLoader)) == []
