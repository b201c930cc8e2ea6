"""Tables of communes, long and wide, known from their headers: read on the producers' own first lines and on damaged ones."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError
from qpv.catalog import Catalog, Long
from qpv.errors import SourceError
from qpv.reference import Reference
from qpv.schemas import OBSERVATIONS, check
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import recognise

Read = Callable[[Path], Delivery]

FILOSOFI = "GEO;GEO_OBJECT;FILOSOFI_MEASURE;UNIT_MEASURE;UNIT_MULT;CONF_STATUS;OBS_STATUS;TIME_PERIOD;OBS_VALUE"
DARES = (
    "Date;Code région;Région;Code département;Département;Code commune;Commune;Type de données;Catégorie;Sexe;Tranche d'âge;"
    "Nombre de demandeurs d'emploi"
)


@pytest.fixture
def read(catalog: Catalog, reference: Reference) -> Read:
    """Read a file under the name that its edition knows; the count of rows, that of a whole file, is not asked of a cut one."""

    def deliver(path: Path) -> Delivery:
        found, findings = recognise([path], catalog)
        assert found, findings
        item = found[0]
        edition = item.edition.model_copy(update={"rows": None})
        delivery = READERS[item.source.reader or ""](item.file, item.source, edition, Context(catalog, reference))
        check(delivery.observations, OBSERVATIONS)
        return delivery

    return deliver


@pytest.fixture
def sample(official: Path, tmp_path: Path, read: Read) -> Callable[[str, str], Delivery]:
    """Read a sample of official lines under the name of the producer's file."""

    def deliver(name: str, known_as: str) -> Delivery:
        shutil.copy(official / "samples" / f"{name}.head.csv", tmp_path / known_as)
        return read(tmp_path / known_as)

    return deliver


def zipped(folder: Path, archive: str, member: str, text: str, encoding: str = "utf-8") -> Path:
    with zipfile.ZipFile(folder / archive, "w") as packed:
        packed.writestr(member, text.encode(encoding))
    return folder / archive


def filosofi(folder: Path, *rows: str, header: str = FILOSOFI) -> Path:
    return zipped(folder, "FILOSOFI_CC_csv.zip", "DS_FILOSOFI_CC_2023_data.csv", "\n".join([header, *rows]) + "\n")


def facts(table: pd.DataFrame) -> dict[tuple[str, str, str], float | str]:
    """Value, or the reason why there is none, by territory, indicator and period."""
    values = table["value"].where(table["value"].notna(), table["status"])
    return dict(zip(zip(table["territory"], table["indicator"], table["period"], strict=True), values, strict=True))


# --- Filosofi by commune, EPCI, département, région, France (Melodi) ------------------------------


def test_one_file_speaks_of_five_levels_and_other_zonings_are_not_read(tmp_path: Path, read: Read) -> None:
    path = filosofi(
        tmp_path,
        '"62498";"COM";"MED_SL";"EUR_YR";"0";"F";"A";"2023";18730', '"200033579";"EPCI";"MED_SL";"EUR_YR";"0";"F";"A";"2023";19000',
        '"62";"DEP";"MED_SL";"EUR_YR";"0";"F";"A";"2023";20100', '"32";"REG";"MED_SL";"EUR_YR";"0";"F";"A";"2023";20500',
        '"FM";"FRANCE";"MED_SL";"EUR_YR";"0";"F";"A";"2023";24330', '"75101";"ARM";"MED_SL";"EUR_YR";"0";"F";"A";"2023";30000',
        '"62498";"COM";"NUM_HH";"HH";"0";"F";"A";"2023";1000',
    )  # fmt: skip
    table = read(path).observations
    assert set(zip(table["level"], table["territory"], table["value"], strict=True)) == {
        ("commune", "62498", 18730), ("epci", "200033579", 19000), ("departement", "62", 20100), ("region", "32", 20500),
        ("france", "FRM", 24330),
    }  # fmt: skip
    assert set(table["indicator"]) == {"median_disposable_income_eur"}
    assert table.loc[table["territory"] == "62498", ["row", "column"]].to_numpy().tolist() == [[2, "MED_SL"]]


def test_a_confidential_cell_is_secret_and_a_free_blank_is_unavailable(tmp_path: Path, read: Read) -> None:
    path = filosofi(
        tmp_path, "62498;COM;PR_MD60;PT;0;C;A;2023;", "62193;COM;PR_MD60;PT;0;F;A;2023;", "62065;COM;PR_MD60;PT;0;F;A;2023;0"
    )
    assert facts(read(path).observations) == {
        ("62498", "poverty_rate_pct", "2023"): "secret", ("62193", "poverty_rate_pct", "2023"): "unavailable",
        ("62065", "poverty_rate_pct", "2023"): 0,
    }  # fmt: skip


def test_measures_that_the_file_lacks_are_told_by_name(tmp_path: Path, read: Read) -> None:
    (finding,) = read(filosofi(tmp_path, "62498;COM;MED_SL;EUR;0;F;A;2023;18730")).findings
    assert "PR_MD60 (poverty_rate_pct)" in finding.message
    assert "MED_SL" not in finding.message


@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        (["62498;COM;MED_SL;EUR;0;F;A;2023;18730"] * 2, FILOSOFI, r"line 3: 62498 stands twice for 'MED_SL' in 2023"),
        (["62498;COM;MED_SL;EUR;0;F;A;2023;beaucoup"], FILOSOFI, r"line 2, column MED_SL: 'beaucoup' is neither a number"),
        (["62498;COM;MED_SL;EUR;0;F;A;23;1"], FILOSOFI, r"line 2, column TIME_PERIOD: '23' is no period"),
        (["62498;COM;MED_SL;EUR;0;F;A;2023"], FILOSOFI, r"line 2: 8 cells where the header has 9"),
        (["x"], FILOSOFI.replace("OBS_VALUE", "VALUE"), r"line 1: missing columns 'OBS_VALUE'; found GEO, GEO_OBJECT"),
        (["x"], FILOSOFI.replace("GEO;", "ZONE;", 1), r"line 1: missing columns 'GEO'; found ZONE"),
        ([f"X{n};COM;MED_SL;EUR;0;F;A;2023;1" for n in range(12)], FILOSOFI, r"'X0' is no code of level 'commune', and so in 12"),
    ],
)
def test_a_damaged_long_table_is_refused_by_line_and_column(
    tmp_path: Path, read: Read, rows: list[str], header: str, told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        read(filosofi(tmp_path, *rows, header=header))


def test_a_cut_file_is_told_by_its_count_of_rows(tmp_path: Path, catalog: Catalog, reference: Reference) -> None:
    (item,), _ = recognise([filosofi(tmp_path, "62498;COM;MED_SL;EUR;0;F;A;2023;1")], catalog)
    with pytest.raises(SourceError, match=r"1 rows; edition insee_filosofi_2_2023 has 100000 or more"):
        READERS["long_table"](item.file, item.source, item.edition, Context(catalog, reference))


def test_bytes_of_another_encoding_are_told(tmp_path: Path, read: Read) -> None:
    path = zipped(tmp_path, "FILOSOFI_CC_csv.zip", "DS_FILOSOFI_CC_2023_data.csv", FILOSOFI + "\né;", "latin-1")
    with pytest.raises(SourceError, match="byte 0xe9 is not utf-8-sig"):
        read(path)


def test_an_archive_that_is_none_is_told(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "donnee-data.gouv-2024-geographie2025-produit-le2025-06-04.csv.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(SourceError, match=r"cannot be read .* drop it again"):
        read(path)


def test_a_column_of_levels_goes_with_its_values() -> None:
    with pytest.raises(ValidationError, match="give both or neither"):
        Long(value=["V"], level="GEO_OBJECT")
    with pytest.raises(ValidationError):
        Long(value=[])


# --- Crime, job seekers, building permits ----------------------------------------------------------


def test_crime_that_is_not_told_is_secret_and_no_zero(sample) -> None:
    table = sample("ssmsi_delinquance_sample", "donnee-data.gouv-2024-geographie2025-produit-le2025-06-04.csv").observations
    assert facts(table) == {
        ("11111", "burglaries_per_1000_dwellings", "2024"): 7.9679, ("11111", "sexual_violence_victims_per_1000", "2024"): 1.3785,
    }  # fmt: skip


def test_a_commune_below_the_threshold_of_diffusion_is_secret(official: Path, tmp_path: Path, read: Read) -> None:
    text = (official / "samples/ssmsi_delinquance_sample.head.csv").read_bytes()
    path = tmp_path / "donnee-data.gouv-2024-geographie2025-produit-le2025-06-04.csv.gz"
    path.write_bytes(gzip.compress(text.replace(b"Trafic de stup\xc3\xa9fiants", b"Vols violents sans arme")))
    assert facts(read(path).observations)["11111", "violent_thefts_per_1000", "2024"] == "secret"


def test_job_seekers_are_named_by_sex_and_age_and_shares_are_quotients(tmp_path: Path, read: Read) -> None:
    def row(sex: str, age: str, number: str, code: str = "62498", category: str = "ABC") -> str:
        return f"2024-T4;32;Hauts-de-France;62;Pas-de-Calais;{code};Lens;Brutes;{category};{sex};{age};{number}"

    rows = [
        row("Total", "Total", "3000"), row("Femmes", "Total", "1500"), row("Total", "Moins de 25 ans", "450"),
        row("Total", "50 ans et plus", "0"), row("Total", "Total", "99", category="A"), row("Total", "Total", "9", code="Total"),
    ]  # fmt: skip
    path = tmp_path / "dares_defm_communales-brutes.csv"
    path.write_text("\n".join(["\ufeff" + DARES, *rows]), "utf-8")
    delivery = read(path)
    assert facts(delivery.observations) == {
        ("62498", "job_seekers_abc_quarter_count", "2024-T4"): 3000,
        ("62498", "job_seekers_abc_quarter_women_share_pct", "2024-T4"): 50,
        ("62498", "job_seekers_abc_quarter_under_25_share_pct", "2024-T4"): 15,
        ("62498", "job_seekers_abc_quarter_50_plus_share_pct", "2024-T4"): 0,
    }
    assert [f.message for f in delivery.findings] == ["1 rows left out, no code of level 'commune': Total"]
    women = delivery.observations.set_index("indicator").loc["job_seekers_abc_quarter_women_share_pct"]
    assert (women["column"], women["row"]) == ("Femmes | Total / Total | Total", 3)


def test_permits_are_read_by_year_and_a_share_only_where_both_rows_are(sample) -> None:
    table = sample("sitadel_sample", "sitadel_logements_communes_2026-06.csv").observations
    assert facts(table) == {
        ("78005", "dwellings_authorised_count", "2020"): 10, ("78005", "dwellings_authorised_count", "2021"): 12,
        ("78005", "dwellings_started_count", "2020"): 8, ("78005", "dwellings_started_count", "2021"): 9,
        ("78005", "dwellings_authorised_collective_pct", "2020"): 60,
    }  # fmt: skip


def test_the_year_that_was_not_over_when_the_permits_came_out_is_no_year(official: Path, tmp_path: Path, read: Read) -> None:
    text = (official / "samples/sitadel_sample.head.csv").read_text("utf-8").rstrip("\r\n")
    path = tmp_path / "sitadel_logements_communes_2026-06.csv"
    path.write_text(f'{text}\n"2025";"78005";"Tous Logements";30;20;1;1\n"2026";"78005";"Tous Logements";4;2;1;1\n', "utf-8")
    delivery = read(path)
    found = facts(delivery.observations)
    assert found["78005", "dwellings_authorised_count", "2025"] == 30
    assert ("78005", "dwellings_authorised_count", "2026") not in found, "permits until June are no year's permits"
    assert any(m.startswith("rows of 2026 left out (1): the year was not over") for m in (f.message for f in delivery.findings))


# --- Wide tables --------------------------------------------------------------------------------------


def test_vacancy_of_the_private_stock_and_its_secret(sample) -> None:
    found = facts(sample("lovac_sample", "lovac-opendata-communes.csv").observations)
    assert found["01004", "private_dwellings_vacant_pct", "2025"] == pytest.approx(100 * 15 / 238, abs=1e-6)
    assert found["01004", "private_dwellings_vacant_over_2_years_count", "2025"] == 8
    assert {found["99001", i, "2025"] for _, i, _ in found} == {"secret"}


def test_a_rent_that_comes_from_neighbours_is_of_lower_quality(sample) -> None:
    delivery = sample("carte_loyers_sample", "anil_loyers_appartements_2025.csv")
    table = delivery.observations.set_index(["territory", "indicator"])
    rent, low, high = (f"advertised_rent{i}_eur_per_m2" for i in ("", "_lower", "_upper"))
    assert table.loc[("05066", rent), ["value", "status"]].tolist() == [9.757696, "low_quality"]
    assert table.loc[("95063", rent), ["value", "status"]].tolist() == [19.698221, "observed"]
    assert table.loc[("05066", low), "value"] < table.loc[("05066", rent), "value"] < table.loc[("05066", high), "value"]
    assert "1 rows left out" in delivery.findings[0].message, "a line without a commune"


def test_the_file_name_that_all_years_of_rents_share_is_not_recognised(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "pred-app-mef-dhup.csv").write_text("x")
    assert recognise([tmp_path / "pred-app-mef-dhup.csv"], catalog)[0] == []


def test_the_social_share_mixes_points_and_commas(sample) -> None:
    found = facts(sample("sdes_rpls_sample", "sdes_rpls_communes.csv").observations)
    assert found == {(c, "social_dwellings_published_share_pct", "undated"): v for c, v in
                     [("01001", 7), ("01004", 30), ("01002", 0)]}  # fmt: skip


def test_vacant_dwellings_of_the_census_by_commune(official: Path, tmp_path: Path, read: Read) -> None:
    text = (official / "samples/insee_vacance_sample.head.csv").read_text("utf-8").replace("P21_", "P22_")
    body = text[text.index("CODGEO") :]
    found = facts(read(zipped(tmp_path, "base-cc-logement-2022_csv.zip", "base-cc-logement-2022.CSV", body)).observations)
    assert found["01001", "vacant_dwellings_pct", "2022"] == pytest.approx(100 * 17.4456416337286 / 372.387493855914, abs=1e-6)
    assert found["01001", "main_residences_count", "2022"] == pytest.approx(341.234562)


def test_populations_of_reference(tmp_path: Path, read: Read) -> None:
    text = "REG;Région;DEP;CODARR;CODCAN;CODCOM;COM;Commune;PMUN;PCAP;PTOT\n84;x;01;2;08;001;01001;L'Abergement-Clémenciat;860;16;876\n"
    path = zipped(tmp_path, "populations_reference_2023.zip", "donnees_communes.csv", text)
    assert facts(read(path).observations) == {("01001", "population_count", "2023"): 860}


def test_one_archive_holds_incomes_and_poverty_of_2021(tmp_path: Path, catalog: Catalog, reference: Reference) -> None:
    path = tmp_path / "indic-struct-distrib-revenu-2021-COMMUNES_csv.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("FILO2021_DISP_COM.csv", "CODGEO;LIBGEO;NBMEN21;Q221\n62498;Lens;14000;18000\n")
        packed.writestr("FILO2021_DISP_PAUVRES_COM.csv", "CODGEO;LIBGEO;TP6021\n62498;Lens;33,0\n")
    found, _ = recognise([path], catalog)
    tables = [
        READERS[i.source.reader or ""](
            i.file, i.source, i.edition.model_copy(update={"rows": None}), Context(catalog, reference)
        ).observations
        for i in found
    ]
    assert facts(pd.concat(tables)) == {
        ("62498", "median_disposable_income_eur", "2021"): 18000, ("62498", "poverty_rate_pct", "2021"): 33,
    }  # fmt: skip


# --- Access to care: a workbook ------------------------------------------------------------------------


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """Write the smallest workbook that spreadsheets read, with the header on row 9 as in the producer's."""
    office = "http://schemas.openxmlformats.org"
    main, links = f"{office}/spreadsheetml/2006/main", f"{office}/officeDocument/2006/relationships"

    def cell(value: object) -> str:
        if isinstance(value, float):
            return f"<c><v>{value}</v></c>"
        return "<c/>" if value is None else f'<c t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'

    with zipfile.ZipFile(path, "w") as packed:
        kinds = "".join(
            f'<Override PartName="/xl/{n}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{k}+xml"/>'
            for n, k in [("workbook", "sheet.main"), *((f"s{i}", "worksheet") for i in range(len(sheets)))]
        )
        defaults = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        packed.writestr("[Content_Types].xml", f'<Types xmlns="{office}/package/2006/content-types">{defaults}{kinds}</Types>')
        for folder, targets in [("", ["xl/workbook"]), ("xl/", [f"s{i}" for i in range(len(sheets))])]:
            rels = "".join(
                f'<Relationship Id="r{i}" Type="{links}/{"worksheet" if folder else "officeDocument"}" Target="{t}.xml"/>'
                for i, t in enumerate(targets)
            )
            name = f"{folder}_rels/{'workbook.xml' if folder else ''}.rels"
            packed.writestr(name, f'<Relationships xmlns="{office}/package/2006/relationships">{rels}</Relationships>')
        tabs = "".join(f'<sheet name="{name}" sheetId="{i + 1}" r:id="r{i}"/>' for i, name in enumerate(sheets))
        packed.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets>{tabs}</sheets></workbook>')
        for i, rows in enumerate(sheets.values()):
            lines = [["Indicateur d'accessibilité potentielle localisée (APL)"], *[[None]] * 7, *rows]
            body = "".join(f"<row>{''.join(map(cell, line))}</row>" for line in lines)
            packed.writestr(f"xl/s{i}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>')
    return path


def test_access_to_gps_is_read_from_the_sheet_of_its_year_below_the_units(tmp_path: Path, read: Read) -> None:
    header = [
        "Code commune INSEE",
        "Commune",
        "APL aux médecins généralistes",
        "APL aux médecins généralistes de 65 ans ou moins ",
    ]
    units = [None, None, "En nombre de consultations/visites accessibles par habitant standardisé", None]
    sheets = {"Paramètres": [["x"]], "APL 2022": [header, units, ["59350", "Lille", 5.9, 5.0]],
              "APL 2023": [header, units, ["59350", "Lille", 6.106, 5.2], ["01001", "L'Abergement", None, None]]}  # fmt: skip
    table = read(workbook(tmp_path / "drees_apl_medecins_generalistes.xlsx", sheets)).observations
    assert facts(table) == {
        ("59350", "gp_access_consultations_per_year", "2023"): 6.106, ("01001", "gp_access_consultations_per_year", "2023"): "unavailable",
        ("59350", "gp_65_or_under_access_consultations_per_year", "2023"): 5.2,
        ("01001", "gp_65_or_under_access_consultations_per_year", "2023"): "unavailable",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "column", "indicator"),
    [
        ("drees_apl_infirmieres.xlsx", "APL aux infirmières", "nurse_access_fte_per_100000"),
        ("drees_apl_sages_femmes.xlsx", "APL aux sages-femmes", "midwife_access_fte_per_100000"),
        ("drees_apl_kinesitherapeutes.xlsx", "APL aux kinésithérapeutes", "physiotherapist_access_fte_per_100000"),
        ("drees_apl_chirurgiens_dentistes.xlsx", "APL aux chirurgiens-dentistes", "dentist_access_fte_per_100000"),
    ],
)
def test_the_other_professions_are_counted_in_full_time_posts(
    tmp_path: Path, read: Read, catalog: Catalog, file: str, column: str, indicator: str
) -> None:
    rows: list[list[object]] = [["Code commune INSEE", "Commune", column], [None, None, "En ETP"], ["35238", "Rennes", 125.4]]
    assert facts(read(workbook(tmp_path / file, {"APL 2023": rows})).observations) == {("35238", indicator, "2023"): 125.4}
    assert catalog.indicator(indicator).unit == "per_100000"


def test_a_workbook_without_the_sheet_of_the_year_is_refused(tmp_path: Path, read: Read) -> None:
    with pytest.raises(SourceError, match="no readable sheet 'APL 2023'"):
        read(workbook(tmp_path / "drees_apl_infirmieres.xlsx", {"APL 2024": [["Code commune INSEE"]]}))


# --- Air ------------------------------------------------------------------------------------------------


def air(folder: Path, rows: list[str], header: str = "date_ech,code_qual,lib_qual,type_zone,code_zone") -> Path:
    path = folder / "ind_hdf_2021.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_days_by_class_of_air_and_a_short_year_is_of_lower_quality(tmp_path: Path, read: Read) -> None:
    rows = [f"2023/01/01 00:00:00+00,{n},x,commune,62498" for n in (1, 2, 3, 4, 0, 7)]
    rows += ["2023/01/01 00:00:00+00,2,Moyen,EPCI,200033579", "1/5/2022 12:00:00 AM,6,x,commune,62498"]
    rows += ["1672617600000,2,x,commune,62193"]
    delivery = read(air(tmp_path, rows))
    assert facts(delivery.observations) == {
        (c, f"air_{i}_days_pct", y): v
        for c, y, values in [("62498", "2023", (50, 25, 25)), ("62498", "2022", (0, 0, 100)), ("62193", "2023", (100, 0, 0))]
        for i, v in zip(("good_or_medium", "degraded", "bad"), values, strict=True)
    }
    assert set(delivery.observations["status"]) == {"low_quality"}
    assert "Sur 4\u202fjours connus" in delivery.observations["note"].iloc[0]
    assert [f.message for f in delivery.findings] == ["1 rows left out: no commune"]


def test_a_full_year_is_observed_and_a_day_twice_is_refused(tmp_path: Path, read: Read) -> None:
    day = "2023-01-01,2,Moyen,commune,62498"
    assert set(read(air(tmp_path, [day] * 365)).observations["status"]) == {"observed"}
    with pytest.raises(SourceError, match="commune 62498 has 367 days in 2023: a day stands twice"):
        read(air(tmp_path, [day] * 367))


@pytest.mark.parametrize(
    ("row", "told"),
    [("2023-01-01,9,x,commune,62498", r"line 2, column code_qual: '9' is no class"), ("hier,2,x,c,62498", "'hier' is no date")],
)
def test_a_day_that_cannot_be_read_is_refused(tmp_path: Path, read: Read, row: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        read(air(tmp_path, [row]))
    with pytest.raises(SourceError, match="missing columns code_qual"):
        read(air(tmp_path, [row], header="date_ech,qual,lib_qual,type_zone,code_zone"))
