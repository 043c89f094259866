"""Where CTCAE grading goes wrong in practice: one claim per pitfall (reference table ctcae.md, part c)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.ctcae import VERSIONS, Baseline, Facts, Grade, Measurement, calculate_grade, grade, term_grades, terms_for
from clinical.ctcae.table import Block, table
from clinical.units import KINDS

_NUMBERS = {"lln", "uln", "percent_change", "age"}


def of(
    version: str, term: str, value: str, unit: str | None = None, direction: str | None = None, **more: object
) -> Grade:
    known = {name: Decimal(it) if name in _NUMBERS and isinstance(it, str) else it for name, it in more.items()}
    return grade(version, term, Measurement(Decimal(value), unit, **known), direction)  # type: ignore[arg-type]


def bounds(found: Grade) -> tuple[int | None, int | None, int | None, tuple[str, ...]]:
    return found.grade, found.low, found.high, found.missing


HIGH = Baseline(Decimal(80), indicator="high")


def test_a_low_baseline_is_abnormal_but_takes_the_arm_of_the_limit() -> None:
    low = Baseline(Decimal(4), Decimal(5), Decimal(40))
    assert of("5.0", "ALT", "41", uln="40", baseline=low).grade == 1


def test_a_value_that_falls_below_its_high_baseline_is_grade_0_though_above_the_limit() -> None:
    assert of("5.0", "Alanine aminotransferase increased", "60", uln="40", baseline=HIGH).grade == 0
    assert of("6.0", "Alanine aminotransferase increased", "79.9", uln="40", baseline=HIGH).grade == 0


def test_a_high_baseline_against_itself_is_grade_0_in_version_5_and_1_in_version_6() -> None:
    for term in ("ALT", "AST", "GGT", "Bilirubin"):
        assert of("5.0", term, "80", uln="40", baseline=HIGH).grade == 0
        assert of("6.0", term, "80", uln="40", baseline=HIGH).grade == 1
    assert of("6.0", "ALP", "80", uln="40", baseline=HIGH).grade == 0


def test_the_status_of_a_baseline_comes_from_its_own_limits() -> None:
    """pharmaverse/admiral issue 2492: limits differ by laboratory and date."""
    elsewhere = Baseline(Decimal(50), None, Decimal(60))
    assert of("5.0", "ALT", "60", uln="40", baseline=elsewhere).grade == 1


def test_without_a_baseline_the_arm_of_the_limit_decides() -> None:
    assert bounds(of("5.0", "ALT", "130", uln="40")) == (2, 2, 2, ())
    assert bounds(of("6.0", "Creatinine", "1.3", uln="1.2")) == (1, 1, 1, ())


def test_creatinine_rises_inside_the_normal_range_count_in_version_5_only() -> None:
    normal = Baseline(Decimal("0.5"), Decimal("0.4"), Decimal("1.2"))
    assert of("5.0", "Creatinine increased", "0.9", uln="1.2", baseline=normal).grade == 2
    assert of("6.0", "Creatinine increased", "0.9", uln="1.2", baseline=normal).grade == 0
    below = Baseline(Decimal("0.5"), Decimal("0.6"), Decimal("1.2"))
    assert of("6.0", "Creatinine increased", "0.9", uln="1.2", baseline=below).grade == 2


def test_grade_3_on_a_baseline_above_five_times_the_limit_needs_review() -> None:
    very_high = Baseline(Decimal(240), None, Decimal(40))
    found = of("6.0", "ALT", "720", uln="40", baseline=very_high)
    assert found.grade == 3
    assert found.note is not None
    assert "review" in found.note
    assert of("6.0", "ALT", "1000", uln="40", baseline=very_high).note is None
    assert of("6.0", "ALT", "720", uln="60", baseline=Baseline(Decimal(200), None, Decimal(40))).note is None


@pytest.mark.parametrize(
    ("term", "direction", "us", "si", "grades"),
    [
        ("Magnesium", "low", ("0.9", "mg/dL"), ("0.370", "mmol/L"), (2, 3)),
        ("Glucose", "low", ("30", "mg/dL"), ("1.665", "mmol/L"), (3, 4)),
        ("Hemoglobin", "low", ("7.99", "g/dL"), ("4.96", "mmol/L"), (3, 2)),
        ("Calcium", "high", ("11.51", "mg/dL"), ("2.872", "mmol/L"), (2, 1)),
    ],
)
def test_a_value_is_graded_in_the_family_in_which_it_was_reported(
    term: str, direction: str, us: tuple[str, str], si: tuple[str, str], grades: tuple[int, int]
) -> None:
    found = [of("5.0", term, *pair, direction, lln="0", uln="0").grade for pair in (us, si)]
    assert tuple(found) == grades


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        *[(unit, "0.49") for unit in ("10^9/L", "GI/L", "G/L", "THOU/uL", "K/uL", "10^3/uL", "x10E9/L", "10*9/L")],
        *[(unit, "0.49") for unit in ("x 10^9/L", "×10⁹/L", "10³/µL", "10**3/uL", "10^3/mm3", "k/µl", "10^3/mcL")],
        *[(unit, "490") for unit in ("/uL", "/mm3", "10^3/mL", "cells/µL", "10^6/L", "cells/mm³", "/MCL")],
    ],
)
def test_units_of_cells_match_in_any_spelling(unit: str, value: str) -> None:
    assert of("5.0", "Neutrophil count decreased", value, unit).grade == 4


def test_a_milliequivalent_is_a_millimole_of_potassium_and_half_one_of_calcium() -> None:
    assert of("5.0", "Hyperkalemia", "6.0", "mEq/L").grade == 2
    assert of("5.0", "Hypercalcemia", "6.2", "mEq/L").grade == 2
    assert of("5.0", "Hypercalcemia", "6.21", "mEq/L").grade == 3


def test_ionized_calcium_is_never_graded_as_corrected() -> None:
    assert of("5.0", "Calcium", "1.2", "mmol/L", "low").grade == 4
    assert of("5.0", "Calcium", "1.2", "mmol/L", "low", lln="1.1", facts=Facts(ionized=True)).grade == 0
    assert of("5.0", "Hypocalcemia", "1.2", "mmol/L", lln="1.1", analyte="CAION").grade == 0
    assert of("5.0", "Ionized calcium", "0.85", "mmol/L", "low").grade == 3


@pytest.mark.parametrize("thousandths", range(100, 3000, 37))
def test_a_multiple_of_a_limit_is_exact(thousandths: int) -> None:
    limit = Decimal(thousandths) / 1000
    for factor, expected in (("1.5", 1), ("3", 2), ("6", 3)):
        edge = limit * Decimal(factor)
        just_above = edge + Decimal("1e-25")
        assert grade("5.0", "Creatinine increased", Measurement(edge, uln=limit)).grade == expected
        assert grade("5.0", "Creatinine increased", Measurement(just_above, uln=limit)).grade == expected + 1


def test_a_missing_unit_is_not_gradable_and_never_grade_0() -> None:
    for version in VERSIONS:
        for block in table(version).blocks.values():
            if block.unit is not None and not any(family == "-" for family, _ in block.variants):
                found = grade(version, block.term, Measurement(Decimal(50), lln=Decimal(1), uln=Decimal(100)))
                assert bounds(found) == (None, None, None, ("unit",)), block.term


def test_multiples_of_a_limit_need_no_unit() -> None:
    assert of("5.0", "Lipase increased", "61", uln="60").grade == 1
    assert of("5.0", "INR increased", "1.3", facts=Facts(anticoagulation=False)).grade == 1
    assert of("5.0", "Acidosis", "7.2").grade == 3


def test_missing_limits_are_asymmetric() -> None:
    platelets = "Platelet count decreased"
    assert bounds(of("5.0", platelets, "24", "10^9/L")) == (4, 4, 4, ())
    assert bounds(of("5.0", platelets, "100", "10^9/L")) == (None, 0, 1, ("lln",))
    assert bounds(of("5.0", "Hyperkalemia", "7.1", "mmol/L")) == (4, 4, 4, ())
    assert bounds(of("5.0", "ALT", "100")) == (None, 0, 4, ("uln",))


def test_only_the_limit_that_the_criterion_reads_is_used() -> None:
    assert of("5.0", "Anemia", "119", "g/L", lln="120", uln="100").grade == 1
    assert of("5.0", "Anemia", "119", "g/L", lln="120").grade == 1


def test_an_upgrade_raises_an_abnormal_value_and_says_nothing_of_a_normal_one() -> None:
    admitted = Facts(hospitalized=True)
    assert of("5.0", "Hyperkalemia", "5.2", "mmol/L", uln="5", facts=admitted).grade == 3
    assert of("5.0", "Hyperkalemia", "4.2", "mmol/L", uln="5", facts=admitted).grade == 0
    assert of("5.0", "Hyperkalemia", "7.2", "mmol/L", uln="5", facts=admitted).grade == 4


def test_anemia_has_no_numeric_grade_4() -> None:
    assert of("5.0", "Anaemia", "1", "g/L", lln="120").grade == 3
    assert of("5.0", "Anaemia", "60", "g/L", lln="120", facts=Facts(life_threatening=True)).grade == 4


def test_a_hole_between_printed_ranges_is_rounded_half_up_and_says_so() -> None:
    found = of("5.0", "Hyponatremia", "129.5", "mmol/L", lln="135")
    assert (found.grade, found.note is not None) == (1, True)
    assert of("5.0", "Hyponatremia", "130", "mmol/L", lln="135").note is None
    assert of("6.0", "Hyponatremia", "129.5", "mmol/L", facts=Facts(symptoms=True)).grade == 3


def test_a_rise_in_qtc_of_more_than_60_ms_is_grade_3_though_the_interval_is_normal() -> None:
    before = Baseline(Decimal(370))
    for version in VERSIONS:
        term = "Electrocardiogram QT corrected interval prolonged"
        assert of(version, term, "440", "msec", baseline=before).grade == 3
        assert of(version, term, "430", "msec", baseline=before).grade == 0


def test_a_fall_in_ejection_fraction_counts_in_percentage_points() -> None:
    before = Baseline(Decimal(65))
    assert of("5.0", "Ejection fraction decreased", "54", "%", baseline=before).grade == 2
    assert bounds(of("6.0", "Left ventricular dysfunction", "45", "%", baseline=Baseline(Decimal(47))))[:3] == (
        None, 0, 2,
    )  # fmt: skip


def test_the_same_neutrophil_count_is_one_grade_lower_in_version_6() -> None:
    assert of("5.0", "Neutrophils", "0.3", "10^9/L", "low").grade == 4
    assert of("6.0", "Neutrophils", "0.3", "10^9/L", "low").grade == 3
    assert of("6.0", "Neutrophils", "1.6", "10^9/L", "low", lln="2").grade == 0


def test_platelets_are_graded_by_name_in_both_versions() -> None:
    assert of("5.0", "Platelets", "20", "10^9/L", "low").grade == 4
    assert of("6.0", "Platelets", "20", "10^9/L", "low").grade == 3


def test_a_diastolic_pressure_is_graded_on_its_own_scale() -> None:
    assert of("5.0", "Hypertension", "95", "mmHg").grade == 0
    assert of("5.0", "Hypertension", "95", "mmHg", analyte="DIABP").grade == 2
    assert of("5.0", "Diastolic blood pressure", "95", "mmHg").grade == 2


def test_a_term_without_numbers_is_never_graded_by_a_value() -> None:
    for term in ("Hypotension", "Nausea", "Acute kidney injury", "no such term"):
        found = of("5.0", term, "50")
        assert bounds(found) == (None, None, None, ())
        assert found.why


def test_a_bare_figure_for_fibrinogen_is_the_size_of_the_fall() -> None:
    request = {"ctcae": "5.0", "term": "Fibrinogen decreased", "value": "1.9", "unit": "g/L", "lln": "2"}
    for change, expected in (("30", 2), (-30, 2), ("-80", 4), ("+80", 1)):
        assert calculate_grade({**request, "percent_change": change})["grade"] == expected


def test_a_weight_is_graded_by_its_change_alone() -> None:
    assert calculate_grade({"ctcae": "5.0", "term": "Weight loss", "percent_change": "-10"})["grade"] == 2
    assert calculate_grade({"ctcae": "5.0", "term": "Weight loss", "percent_change": "10"})["grade"] == 0
    lost = {"ctcae": "5.0", "term": "Weight loss", "value": "70", "unit": "kg", "baseline": {"value": "80"}}
    assert calculate_grade(lost)["grade"] == 2
    assert "error" in calculate_grade({**lost, "value": "-7"})
    assert calculate_grade({**lost, "value": "-7", "unit": "%"})["grade"] == 1


def test_an_unknown_value_is_not_graded() -> None:
    answer = calculate_grade({"ctcae": "5.0", "term": "Anemia", "unit": "g/L", "lln": 120})
    assert (answer["grade"], answer["low"], answer["high"], answer["missing"]) == (None, None, None, ["value"])


def test_a_test_code_names_its_terms_for_its_own_specimen() -> None:
    assert terms_for("5.0", "PLAT", "BLOOD") == (("Platelet count decreased", "low"),)
    assert terms_for("6.0", "PLAT") == (("Thrombocytopenia", "low"), ("Thrombocytosis", "high"))
    assert terms_for("5.0", "GLUC", "URINE") == ()
    assert terms_for("5.0", "PROT24H", "URINE") == (("Proteinuria", "high"),)
    assert terms_for("5.0", "CK") != () == terms_for("6.0", "CK")
    assert terms_for("5.0", "DIABP") == (("Hypertension", "high"),)
    assert terms_for("5.0", "NOSUCH") == ()


values = st.decimals(min_value=0, max_value=2000, places=3)
limits = st.none() | st.decimals(min_value="0.1", max_value=200, places=2)
truths = st.none() | st.booleans()
known_facts = st.builds(Facts, *[truths] * len(Facts._fields))
baselines = st.none() | st.builds(Baseline, limits, limits, limits, st.sampled_from([None, "low", "normal", "high"]))
units = st.sampled_from([None, "g/L", "g/dL", "mmol/L", "mg/dL", "10^9/L", "/uL", "%", "mmHg", "C", "ms", "mL/min"])
every_block = st.sampled_from([block for version in VERSIONS for block in table(version).blocks.values()])


@given(
    every_block,
    values,
    units,
    limits,
    limits,
    baselines,
    known_facts,
    st.sampled_from(["=", "<", "<=", ">", ">="]),
)
def test_every_answer_is_a_grade_that_exists_or_bounds_in_order(
    block: object,
    value: Decimal,
    unit: str,
    lln: Decimal,
    uln: Decimal,
    baseline: Baseline,
    facts: Facts,
    operator: str,
) -> None:
    version, term = block.version, block.term  # type: ignore[attr-defined]
    found = grade(version, term, Measurement(value, unit, lln, uln, operator, baseline, facts=facts))
    exists = (term_grades(version, term) or frozenset()) | {0}
    if found.grade is None:
        assert found.why
        assert (found.low is None) == (found.high is None)
        assert found.low is None or (found.high is not None and found.low < found.high)
    else:
        assert found.low == found.grade == found.high
    assert {found.low, found.high} - {None} <= exists
    assert 5 not in (found.low, found.high)


# Outside the stated baseline arms every criterion is monotone: a worse value never has a lower grade.
monotone = [
    block
    for version in VERSIONS
    for block in table(version).blocks.values()
    if not any(name.startswith("baseline_") for name in block.reads)
    and block.term not in {"Bone marrow hypocellular", "Sinusoidal obstruction syndrome", "Premature delivery"}
]


@given(st.sampled_from(monotone), values, values, units, known_facts)
def test_a_worse_value_never_has_a_lower_grade(
    block: object, one: Decimal, other: Decimal, unit: str, facts: Facts
) -> None:
    version, term, direction = block.version, block.term, block.direction  # type: ignore[attr-defined]
    better, worse = sorted((one, other), reverse=direction == "low")
    lln, uln = (Decimal(5000), Decimal(6000)) if direction == "low" else (Decimal(0), Decimal("0.001"))
    found = [
        grade(version, term, Measurement(each, unit, lln, uln, facts=facts, percent_change=Decimal(0)))
        for each in (better, worse)
    ]
    if all(each.low is not None for each in found):
        assert found[0].low <= found[1].low  # type: ignore[operator]
        assert found[0].high <= found[1].high  # type: ignore[operator]


@given(st.sampled_from(["Anemia", "Hemoglobin increased", "Hypoalbuminemia"]), values, limits, limits)
def test_grams_per_decilitre_and_per_litre_agree(term: str, value: Decimal, lln: Decimal, uln: Decimal) -> None:
    low, high = (None if limit is None else limit / 10 for limit in (lln, uln))
    in_litres = grade("5.0", term, Measurement(value, "g/L", lln, uln))
    assert in_litres == grade("5.0", term, Measurement(value / 10, "g/dL", low, high))


factors = [
    (block, family, spelling, factor)
    for version in VERSIONS
    for block in table(version).blocks.values()
    if block.unit is not None
    for family, groups in KINDS[block.unit].items()
    if len(groups) > 1 or len(groups[0][0]) > 1
    for spellings, factor in groups
    for spelling in (spellings[0], spellings[-1].upper())
]


@given(st.sampled_from(factors), values, limits, limits, baselines, known_facts)
def test_units_of_one_family_agree_exactly(
    unit: tuple[Block, str, str, Decimal],
    value: Decimal,
    lln: Decimal | None,
    uln: Decimal | None,
    baseline: Baseline | None,
    facts: Facts,
) -> None:
    """Pitfall 8: a value in another unit of the family, with limits and baseline in that unit, has the same grade."""
    block, family, spelling, factor = unit

    def times(number: Decimal | None) -> Decimal | None:
        return None if number is None else number * factor

    other = None
    if baseline is not None:
        other = Baseline(times(baseline.value), times(baseline.lln), times(baseline.uln), baseline.indicator)
    first = grade(block.version, block.term, Measurement(value, family, lln, uln, "=", baseline, facts=facts))
    second = Measurement(value * factor, spelling, times(lln), times(uln), "=", other, facts=facts)
    assert bounds(grade(block.version, block.term, second)) == bounds(first)


@given(values, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["1", "0.001", "50"]))
def test_a_censored_value_contains_every_exact_value_it_allows(value: Decimal, operator: str, step: str) -> None:
    censored = grade("5.0", "Hyperkalemia", Measurement(value, "mmol/L", None, Decimal(5), operator))
    exact = value + (Decimal(step) if operator.startswith(">") else -Decimal(step))
    found = grade("5.0", "Hyperkalemia", Measurement(exact, "mmol/L", None, Decimal(5)))
    assert censored.low is not None
    assert censored.high is not None
    assert found.grade is not None
    assert censored.low <= found.grade <= censored.high
