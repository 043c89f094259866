"""The bare calculator: one JSON object in, one out; what is missing is said, never guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.ctcae import calculate_grade, term_grades
from clinical.ctcae.terms import terms


def graded(**request: Any) -> tuple[Any, Any, Any]:
    answer = calculate_grade({"ctcae": "5.0", **request})
    assert "error" not in answer, answer
    return answer["grade"], answer["low"], answer["high"]


def test_the_dictionaries_are_whole() -> None:
    """NCI workbooks: 837 terms in version 5.0, 850 in 6.0."""
    assert (len(terms("5.0")), len(terms("6.0"))) == (837, 850)
    assert term_grades("5.0", "hypermagnesaemia") == frozenset({1, 3, 4, 5})


def test_a_creatinine_of_exactly_one_and_a_half_times_the_limit_is_grade_1() -> None:
    """In binary floats 1.8 > 1.5 * 1.2, which would be grade 2."""
    assert graded(term="Creatinine increased", value="1.8", uln="1.2") == (1, 1, 1)
    assert graded(term="Creatinine increased", value=1.8, uln=1.2) == (1, 1, 1)


def test_a_unit_outside_the_families_is_unknown_and_never_rescaled_by_its_prefix() -> None:
    for unit in ("mg/L", "kg/L", "10^9", None, ""):
        assert graded(term="Anemia", value="78", unit=unit, lln="120") == (None, None, None)
    assert graded(term="Anemia", value="78", unit="G/L", lln="120") == (3, 3, 3)


def test_without_a_lower_limit_a_count_may_still_be_grade_4() -> None:
    assert graded(term="Platelet count decreased", value="24", unit="10^9/L") == (4, 4, 4)
    assert graded(term="Platelet count decreased", value="100", unit="10^9/L") == (None, 0, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<0.5", (4, 4, 4)),
        ("<0.6", (None, 3, 4)),
        (">0.4", (None, 0, 4)),
        (">=1.9", (0, 0, 0)),
        ("<=0.5", (None, 3, 4)),
    ],
)
def test_a_censored_value_is_graded_only_if_its_bound_decides(value: str, expected: tuple[Any, Any, Any]) -> None:
    assert graded(term="Neutrophil count decreased", value=value, unit="10^9/L", lln="1.8") == expected


def test_a_name_used_both_ways_needs_its_direction() -> None:
    assert graded(term="potassium", direction="high", value="6.1", unit="mmol/L") == (3, 3, 3)
    assert graded(term="Potassium", direction="low", value="2.4", unit="mEq/L") == (4, 4, 4)
    assert calculate_grade({"ctcae": "5.0", "term": "Potassium", "value": "2.4", "unit": "mmol/L"})["why"]


def test_a_term_that_the_version_no_longer_has_is_not_graded() -> None:
    answer = calculate_grade({"ctcae": "6.0", "term": "Platelet count decreased", "value": "24", "unit": "10^9/L"})
    assert answer["grade"] is None
    assert "Thrombocytopenia" in answer["why"]


def test_a_baseline_of_unknown_status_leaves_both_criteria_open() -> None:
    answer = calculate_grade(
        {
            "ctcae": "5.0",
            "term": "Alanine aminotransferase increased",
            "value": 100,
            "uln": 40,
            "baseline": {"value": 80},
        }
    )
    assert (answer["grade"], answer["low"], answer["high"]) == (None, 0, 1)
    assert "baseline_uln" in answer["missing"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ctcae": "4.0"},
        {"term": None},
        {"value": "many"},
        {"value": True},
        {"value": "NaN"},
        {"direction": "up"},
        {"lnn": 1},
        {"facts": {"symptom": True}},
        {"facts": {"symptoms": "yes"}},
        {"baseline": {"value": 1, "upper": 2}},
        {"baseline": 4},
        {"value": "-1"},
        {"value": "5,2"},
        {"value": ""},
        {"value": "<"},
        {"value": "inf"},
        {"value": "1e60"},
        {"uln": "<5"},
        {"lln": -1},
        {"age": -4},
        {"percent_change": "-100.1"},
    ],
)
def test_an_unknown_parameter_or_impossible_input_is_an_error_on_its_line(wrong: dict[str, Any]) -> None:
    answer = calculate_grade({"id": 7, "ctcae": "5.0", "term": "Anemia", "value": 78, "unit": "g/L"} | wrong)
    assert answer.keys() == {"id", "error"}
    assert answer["id"] == 7


def test_names_of_choices_match_in_any_case() -> None:
    assert graded(term="POTASSIUM", direction="HIGH", value="6.1", unit="MMOL/L") == (3, 3, 3)
    high = {"value": 80, "indicator": "HIGH"}
    assert graded(term="alanine Aminotransferase increased", value=119, uln=40, baseline=high) == (0, 0, 0)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {
            "ctcae": st.sampled_from(["5.0", "6.0"]) | anything,
            "term": st.sampled_from(["Anemia", "Hyponatremia"]) | anything,
        },
        optional=dict.fromkeys(("id", "value", "unit", "lln", "uln", "baseline", "facts", "direction"), anything),
    )
)
def test_no_input_raises(request: dict[str, Any]) -> None:
    answer = calculate_grade(request)
    assert "error" in answer or {"grade", "low", "high"} <= answer.keys()


numbers = st.decimals(min_value=0, max_value=1000, places=2)


@given(numbers, numbers, numbers)
def test_a_lower_haemoglobin_never_has_a_lower_grade(one: Any, other: Any, lln: Any) -> None:
    worse, better = sorted((one, other))
    first = graded(term="Anemia", value=str(worse), unit="g/L", lln=str(lln))
    second = graded(term="Anemia", value=str(better), unit="g/L", lln=str(lln))
    if lln >= 100:
        assert first[0] >= second[0]


@given(numbers, numbers)
def test_grams_per_litre_and_per_decilitre_agree(value: Any, lln: Any) -> None:
    in_litres = graded(term="Anemia", value=str(value), unit="g/L", lln=str(lln))
    assert in_litres == graded(term="Anemia", value=str(value / 10), unit="g/dL", lln=str(lln / 10))
