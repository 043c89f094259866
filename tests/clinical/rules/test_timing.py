"""Time in rules: durations that wait, gaps that nobody can fill, windows, recurrences, treatment that does not help."""

import pytest

from tests.builders import Message, adverse_event, dose, lab, left_trial, revised
from tests.clinical.rules.told import is_so, taken, temperature, verdict

NEUTROPENIA = "{lab: {analytes: [NEUT], value: {10^9/L: {less_than: '0.5'}}}}"
LASTING = f"{{lasting: {{what: {NEUTROPENIA}, more_than_days: 7, no_value_for_days: 4}}}}"
SEVERE = "{lasting: {what: {event: {grade: {at_least: 3}, related_to: not_asked}}, more_than_hours: 72}}"


def neutrophils(value: str, on: str) -> Message:
    return lab("P-001", "NEUT", value, unit="10^9/L", on=on, lower="1.8", upper="7.5")


def test_grade_4_neutropenia_waits_for_its_eighth_day_unless_a_value_above_comes() -> None:
    """Dose-limiting: below 0.5 for more than 7 days (DLT texts, stopping rules P15)."""
    low = (neutrophils("0.4", "2026-01-20"), neutrophils("0.3", "2026-01-23"))
    found = verdict(LASTING, *low, now="2026-01-25")
    assert found is not None
    assert (found.verdict, found.until) == ("pending", "2026-01-27")
    assert is_so(LASTING, *low, neutrophils("0.6", "2026-01-26"), now="2026-01-30") == "false"
    assert is_so(LASTING, *low, neutrophils("0.4", "2026-01-26"), now="2026-01-27") == "true"


def test_the_first_value_above_ends_it_and_seven_days_are_not_more_than_seven() -> None:
    low = tuple(neutrophils("0.4", f"2026-01-{day}") for day in (20, 23, 26))
    assert is_so(LASTING, *low, neutrophils("1.0", "2026-01-27")) == "false"
    assert is_so(LASTING, *low, neutrophils("1.0", "2026-01-28")) == "true"


def test_a_gap_in_the_values_leaves_it_unknown_and_says_so() -> None:
    found = verdict(LASTING, neutrophils("0.4", "2026-01-20"), neutrophils("0.4", "2026-01-29"))
    assert found is not None
    assert (found.verdict, found.missing) == ("unknown", ("NEUT between its values since 2026-01-20",))
    assert is_so(LASTING, neutrophils("0.4", "2026-01-20"), now="2026-01-23") == "pending"
    assert is_so(LASTING, neutrophils("0.4", "2026-01-20"), now="2026-01-24") == "unknown"


def test_without_a_policy_on_gaps_the_last_value_is_carried_forward() -> None:
    carried = f"{{lasting: {{what: {NEUTROPENIA}, more_than_days: 7}}}}"
    assert is_so(carried, neutrophils("0.4", "2026-01-20"), now="2026-01-27") == "true"


def test_an_event_lasts_from_its_grade_to_its_end() -> None:
    event = adverse_event(term="Fatigue", grade=3, onset="2026-01-20")
    assert is_so(SEVERE, event, now="2026-01-22") == "pending"
    assert is_so(SEVERE, event, now="2026-01-23") == "true"
    assert is_so(SEVERE, revised(event, end="2026-01-23", outcome="recovered")) == "false"
    assert is_so(SEVERE, revised(event, end="2026-01-24", outcome="recovered")) == "true"
    assert is_so(SEVERE, revised(event, outcome="recovered")) == "unknown"
    course = [
        {"since": "2026-01-20", "grade": 2},
        {"since": "2026-01-21", "grade": 3},
        {"since": "2026-01-24", "grade": 1},
    ]
    assert is_so(SEVERE, revised(event, course=course)) == "false"


def test_nobody_knows_how_it_went_on_after_the_participant_left() -> None:
    assert is_so(SEVERE, adverse_event(term="Fatigue", onset="2026-01-20"), left_trial(on="2026-01-21")) == "unknown"


WINDOW = (
    "{together: {within_days: 30, first_leads: true, parts: ["
    "{lab: {analytes: [ALT, AST], times_upper_limit: {at_least: '3'}}},"
    "{lab: {analytes: [BILI], times_upper_limit: {at_least: '2'}}}]}}"
)


@pytest.mark.parametrize(
    ("bilirubin_on", "stands"),
    [("2026-01-19", "unknown"), ("2026-01-20", "true"), ("2026-02-19", "true"), ("2026-02-20", "unknown")],
)
def test_two_values_of_hys_law_lie_in_one_window_with_the_transaminase_first(bilirubin_on: str, stands: str) -> None:
    """ALT or AST at least 3 times the limit, bilirubin at least 2 times, not necessarily on one day (FDA, 30 days)."""
    alt = lab(value="120", on="2026-01-20")
    assert is_so(WINDOW, alt, lab("P-001", "BILI", "42", unit="umol/L", on=bilirubin_on, upper="21")) == stands


def test_a_normal_value_inside_the_window_answers_what_a_missing_one_leaves_open() -> None:
    alt = lab(value="120", on="2026-01-20")
    found = verdict(WINDOW, alt)
    assert found is not None
    assert found.missing == ("BILI within 30 days of 2026-01-20",)
    assert is_so(WINDOW, alt, lab("P-001", "BILI", "15", unit="umol/L", on="2026-01-21", upper="21")) == "false"


def test_fever_beside_neutropenia_on_the_same_or_the_next_day() -> None:
    """Febrile neutropenia: below 1.0 with a single temperature of 38.3 °C, within 24 hours."""
    rule = (
        "{together: {within_days: 1, parts: [{lab: {analytes: [NEUT], value: {10^9/L: {less_than: '1.0'}}}},"
        "{vital: {sign: TEMP, value: {C: {at_least: '38.3'}, F: {at_least: '100.9'}}, if_not_measured: no}}]}}"
    )
    low = neutrophils("0.9", "2026-01-20")
    assert is_so(rule, low) == "false"
    assert is_so(rule, low, temperature("38.3", "2026-01-21T07:30")) == "true"
    assert is_so(rule, low, temperature("101", "2026-01-20", "F")) == "true"
    assert is_so(rule, low, temperature("38.2", "2026-01-20")) == "false"
    assert is_so(rule, low, temperature("39", "2026-01-22")) == "false"


RASH = "{again: {number: 2, what: {event: {terms: [Rash acneiform], grade: {at_least: 3}}}}}"


def test_a_second_time_needs_documented_recovery_between() -> None:
    first = adverse_event(term="Rash acneiform", onset="2026-01-20", data={"end": "2026-01-30"})
    second = adverse_event(term="Rash acneiform", onset="2026-02-10")
    assert is_so(RASH, first) == "false"
    assert is_so(RASH, first, second) == "true"
    assert is_so(RASH, revised(first, end=None), second) == "false"
    assert is_so(RASH, revised(first, end="2026-02-11"), second) == "false"


def test_an_improvement_to_grade_2_is_no_recovery_and_one_to_grade_1_is() -> None:
    steps = [("2026-01-20", 3), ("2026-01-25", 2), ("2026-02-10", 3)]
    event = adverse_event(term="Rash acneiform", onset="2026-01-20", data={"course": _course(steps)})
    assert is_so(RASH, event) == "false"
    steps[1] = ("2026-01-25", 1)
    assert is_so(RASH, revised(event, course=_course(steps))) == "true"


def _course(steps: list[tuple[str, int]]) -> list[dict[str, object]]:
    return [{"since": since, "grade": grade} for since, grade in steps]


def test_the_same_event_as_bad_as_before_after_another_dose() -> None:
    """Re-challenge (stopping rules P35): same term, same or higher grade, a dose between."""
    rule = (
        "{again: {number: 2, by_term: true, not_lower: true, after_dose: true, what: {event: {grade: {at_least: 2}}}}}"
    )
    first = adverse_event(term="Colitis", grade=3, onset="2026-01-20", data={"end": "2026-01-30"})
    again = adverse_event(term="Colitis", grade=3, onset="2026-02-10")
    other = adverse_event(term="Pneumonitis", grade=3, onset="2026-02-10")
    given = dose(on="2026-02-03")
    assert is_so(rule, first, again) == "false"
    assert is_so(rule, first, given, again) == "true"
    assert is_so(rule, first, given, revised(again, grade=2)) == "false"
    assert is_so(rule, first, given, other) == "false"


def test_something_goes_on_although_it_is_treated() -> None:
    rule = "{despite: {what: {event: {terms: [Diarrhea], grade: {at_least: 3}}}, medication: [antidiarrhoeal]}}"
    event = adverse_event(term="Diarrhea", grade=3, onset="2026-01-20", data={"end": "2026-01-25"})
    assert is_so(rule, event) == "false"
    assert is_so(rule, event, taken("antidiarrhoeal", "loperamide", "2026-01-21")) == "true"
    assert is_so(rule, event, taken("antidiarrhoeal", "loperamide", "2026-01-25")) == "false"
    assert is_so(rule, event, taken("steroid", "prednisone", "2026-01-21")) == "false"


def test_a_value_that_is_not_carried_forward_needs_one_at_the_end_of_the_length() -> None:
    """Febrile neutropenia: 38.0 °C *for more than an hour* is seen by two temperatures, never by one."""
    high = "{vital: {sign: TEMP, value: {C: {at_least: '38.0'}}}}"
    hour = f"{{lasting: {{what: {high}, more_than_hours: 1, carried_forward: false}}}}"
    first, late = temperature("38.1", "2026-01-20T10:00"), temperature("38.0", "2026-01-20T11:30")
    soon = temperature("37.9", "2026-01-20T10:50")
    assert is_so(hour, first, now="2026-01-20") == "pending"
    assert is_so(hour, first) == "unknown"
    assert is_so(hour, first, late) == "true"
    assert is_so(hour, first, soon, late) == "unknown"
    assert is_so(hour, first, soon) == "false"
    assert is_so(hour, temperature("38.1", "2026-01-20")) == "unknown"


@pytest.mark.parametrize(
    ("fever", "count", "so"),
    [
        ("2026-01-20T10:00", "2026-01-21T10:00", "true"),
        ("2026-01-20T10:00", "2026-01-21T10:01", "false"),
        ("2026-01-21T10:01", "2026-01-20T10:00", "false"),
        ("2026-01-20T10:00", "2026-01-21", "true"),
        ("2026-01-20T10:00", "2026-01-22", "false"),
    ],
)
def test_hours_count_where_both_are_known_and_days_where_not(fever: str, count: str, so: str) -> None:
    high = "{vital: {sign: TEMP, value: {C: {at_least: '38.3'}}}}"
    few = NEUTROPENIA.replace("}}}}", "}}, if_not_measured: no}}")
    beside = f"{{together: {{within_hours: 24, parts: [{high}, {few}]}}}}"
    assert is_so(beside, temperature("38.5", fever), neutrophils("0.4", count)) == so
