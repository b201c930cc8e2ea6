from qpv.profile import load_profile, select


def test_the_embedded_data_cover_the_qpv_of_both_contracts(embedded):
    assert len(select(embedded, "contracts")) >= 21


def test_beau_marais_median_income_2019_is_12190_from_the_official_files(full):
    row = load_profile(full, "QN06254M", "revenue", "2026-T3").own("median_disposable_income_eur").set_index("period").loc["2019"]
    assert (row["value"], row["status"]) == (12190, "observed")
