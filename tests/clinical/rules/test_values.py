"""Laboratory values in rules: at the bound, in every unit family, censored, without a limit, against baseline."""

import pytest

from tests.builders import Message, dose, enrolled, lab, revised
from tests.clinical.rules.told import is_so, taken, verdict

HB_BELOW_8 = (
    "{lab: {analytes: [HGB], value: {g/dL: {less_than: '8'}, g/L: {less_than: '80'}, mmol/L: {less_than: '4.9'}}}}"
)
ALT_OVER_3 = "{lab: {analytes: [ALT, AST], times_upper_limit: {more_than: '3', at_most: '8'}}}"


def haemoglobin(value: str, unit: str | None = "g/L", on: str = "2026-01-20", **data: str) -> Message:
    return lab("P-001", "HGB", value, unit=unit, on=on, lower=None, upper=None, data=dict(data))


@pytest.mark.parametrize(
    ("value", "unit", "stands"),
    [
        ("79", "g/L", "true"),
        ("80", "g/L", "false"),
        ("7.9", "g/dL", "true"),
        ("8.0", "g/dL", "false"),
        ("4.8", "mmol/L", "true"),
        ("4.9", "mmol/L", "false"),
        ("79", None, "unknown"),
        ("79", "unheard of", "unknown"),
    ],
)
def test_a_number_is_asked_for_in_the_family_of_its_own_unit(value: str, unit: str | None, stands: str) -> None:
    """CTCAE v5.0 Anemia prints 8.0 g/dL, 80 g/L and 4.9 mmol/L: no conversions of each other (ctcae pitfall 7)."""
    assert is_so(HB_BELOW_8, haemoglobin(value, unit)) == stands


@pytest.mark.parametrize(
    ("operator", "value", "stands"), [("<", "80", "true"), ("<", "90", "unknown"), (">", "80", "false")]
)
def test_a_censored_value_counts_only_where_its_bound_decides(operator: str, value: str, stands: str) -> None:
    assert is_so(HB_BELOW_8, haemoglobin(value, operator=operator)) == stands


@pytest.mark.parametrize(("value", "stands"), [("120", "false"), ("121", "true"), ("320", "true"), ("321", "false")])
def test_multiples_are_of_the_laboratorys_own_limit_and_exact_at_both_bounds(value: str, stands: str) -> None:
    """Hepatitis hold of the PD-1 labels: more than 3 to 8 times the upper limit, here 40 U/L."""
    assert is_so(ALT_OVER_3, lab(value=value, on="2026-01-20")) == stands


def test_a_limit_that_is_missing_is_named() -> None:
    found = verdict(ALT_OVER_3, lab(value="121", on="2026-01-20", upper=None))
    assert found is not None
    assert (found.verdict, found.missing) == ("unknown", ("upper limit of ALT",))
    assert "not known: upper limit of ALT" in found.sentence


def test_what_came_before_treatment_is_no_toxicity_of_it() -> None:
    assert is_so(ALT_OVER_3, lab(value="200", on="2026-01-05")) == "false"
    late = (enrolled("P-002"), lab("P-002", value="200", on="2026-01-20"), dose("P-002", on="2026-01-21"))
    assert is_so(ALT_OVER_3, *late) == "false"


def test_a_value_is_compared_with_the_baseline_and_the_baseline_with_its_own_limits() -> None:
    """Started with grade 2 (more than 3 to 5 times the limit): a rise by half over baseline (PD-1 labels)."""
    rule = (
        "{lab: {analytes: [ALT], times_baseline: {at_least: '1.5'},"
        " baseline: {times_upper_limit: {more_than: '3', at_most: '5'}}}}"
    )
    begun = lab(value="130", on="2026-01-05", upper="40")
    assert is_so(rule, begun, lab(value="195", on="2026-01-20")) == "true"
    assert is_so(rule, begun, lab(value="194", on="2026-01-20")) == "false"
    assert is_so(rule, revised(begun, value="100"), lab(value="195", on="2026-01-20")) == "false"
    assert is_so(rule, lab(value="195", on="2026-01-20")) == "unknown"


def test_a_fall_is_measured_from_any_value_of_the_days_before() -> None:
    rule = "{lab: {analytes: [HGB], fall: {at_least: {g/dL: '2', g/L: '20'}, within_days: 7}}}"
    assert is_so(rule, haemoglobin("110", on="2026-01-20"), haemoglobin("90", on="2026-01-27")) == "true"
    assert is_so(rule, haemoglobin("110", on="2026-01-20"), haemoglobin("91", on="2026-01-27")) == "false"
    assert is_so(rule, haemoglobin("110", on="2026-01-20"), haemoglobin("90", on="2026-01-28")) == "false"
    late = (haemoglobin("90", on="2026-01-27"), haemoglobin("110", on="2026-01-20"))
    assert is_so(rule, *late) == "true"


def test_a_fall_between_two_units_is_not_known_and_not_absent() -> None:
    rule = "{lab: {analytes: [HGB], fall: {at_least: {g/dL: '2', g/L: '20'}, within_days: 7}}}"
    other = haemoglobin("12.0", "g/dL", on="2026-01-21")
    found = verdict(rule, other, haemoglobin("98", on="2026-01-27"))
    assert found is not None
    assert (found.verdict, found.missing) == ("unknown", ("HGB of the days before in g/L",))
    seen = haemoglobin("118", on="2026-01-22")
    assert is_so(rule, other, seen, haemoglobin("98", on="2026-01-27")) == "true"
    assert is_so(rule, other, haemoglobin("98", on="2026-01-29")) == "false"


def test_a_grade_that_is_a_range_leaves_the_rule_open() -> None:
    """CTCAE v5.0 Hyponatremia: 125 to 129 mmol/L is grade 2 or 3, by symptoms."""
    rule = "{lab: {analytes: [SODIUM], grade: {at_least: 3}, term: Hyponatremia}}"
    sodium = lab("P-001", "SODIUM", "127", unit="mmol/L", on="2026-01-20", lower="135", upper="145")
    assert is_so(rule, sodium) == "unknown"
    assert is_so(rule, revised(sodium, value="122")) == "true"


def test_a_hold_ends_with_a_value_that_shows_recovery_but_not_after_a_transfusion() -> None:
    hold = (
        "hold: {resume: {words: at least 9 g/dL, labs: [{analytes: [HGB], value: {g/L: {at_least: '90'}},"
        " not_after: {purpose: transfusion, days: 7}}]}}"
    )
    blood = taken("transfusion", "red cells", "2026-01-21", "2026-01-21")
    history = (haemoglobin("74"), blood, haemoglobin("95", on="2026-01-28"))
    held = verdict(HB_BELOW_8, *history, action=hold)
    assert held is not None
    assert (held.met_on, held.recovered) == ("2026-01-20", None)
    free = verdict(HB_BELOW_8, *history, haemoglobin("91", on="2026-01-29"), action=hold)
    assert free is not None
    assert free.recovered == "2026-01-29"
    again = verdict(
        HB_BELOW_8, *history, haemoglobin("91", on="2026-01-29"), haemoglobin("70", on="2026-02-03"), action=hold
    )
    assert again is not None
    assert (again.met_on, again.recovered, again.occurrence) == ("2026-02-03", None, 2)
