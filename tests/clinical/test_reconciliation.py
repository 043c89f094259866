"""Values and events that should tell the same story: what is asked, and what closes the question."""

import pytest

from clinical.monitor import standing, step
from clinical.state import Trial
from protocols import shipped
from schemas.findings import QueryFinding
from tests.builders import (
    TRIAL,
    Message,
    adopted,
    adverse_event,
    dose,
    enrolled,
    lab,
    read,
    revised,
    withdrawn,
)

ALT = "Alanine aminotransferase increased"
BASELINE = lab(value="30", on="2026-01-05")
SEVERE = lab(value="410", on="2026-02-02", record="lb/severe")


def asked(*messages: Message, question: str | None = None) -> list[tuple[str, str]]:
    """The questions that stand between values and events: which, and in which words."""
    trial = Trial(TRIAL)
    stands: dict[str, object] = {}
    for position, one in enumerate((adopted(), enrolled(), *messages), start=1):
        trial, changes = step(trial, read(one), position)
        for change in changes:
            stands[change.finding.key] = change.finding
            if change.state == "withdrawn":
                del stands[change.finding.key]
    assert stands == standing(trial)
    names = {"toxicity_without_event", "grade_against_values"} if question is None else {question}
    found = [one for one in standing(trial).values() if isinstance(one, QueryFinding) and one.question in names]
    return [(one.question, one.sentence) for one in sorted(found, key=lambda one: one.key)]


def treated(*messages: Message, question: str | None = None) -> list[tuple[str, str]]:
    return asked(BASELINE, dose(on="2026-01-06"), *messages, question=question)


def test_a_severe_value_without_an_event_is_asked_about_and_the_event_closes_the_question() -> None:
    assert treated(SEVERE) == [
        (
            "toxicity_without_event",
            f"Participant P-001: {ALT} of grade 3 by ALT of 2026-02-02, and no adverse event is reported.",
        )
    ]
    event = adverse_event(term=ALT, grade=3, onset="2026-02-02")
    assert treated(SEVERE, event) == []
    assert treated(event, SEVERE) == []
    assert len(treated(SEVERE, event, withdrawn(event))) == 1
    assert len(treated(SEVERE, event, revised(event, term="Nausea"))) == 1


@pytest.mark.parametrize(
    ("onset", "end", "answers"),
    [
        ("2026-02-16", None, True),
        ("2026-02-17", None, False),
        ("2026-02", None, True),
        ("2026-03", None, False),
        ("2026-01-08", "2026-01-19", True),
        ("2026-01-08", "2026-01-18", False),
        ("2026-01-08", None, True),
    ],
)
def test_an_event_answers_within_the_protocols_days(*, onset: str, end: str | None, answers: bool) -> None:
    event = adverse_event(term=ALT, grade=3, onset=onset, data={"end": end} if end else {})
    assert (treated(SEVERE, event, question="toxicity_without_event") == []) is answers


def test_other_names_of_the_same_toxicity_answer_too() -> None:
    for term in ("Hepatic failure", "alanine aminotransferase increased", "Hepatitis"):
        assert treated(SEVERE, adverse_event(term=term, grade=3, onset="2026-02-02")) == []
    assert len(treated(SEVERE, adverse_event(term="Nausea", grade=3, onset="2026-02-02"))) == 1


def test_several_values_of_one_term_are_one_question() -> None:
    again = lab(value="390", on="2026-02-09", record="lb/again")
    ((_, sentence),) = treated(SEVERE, again)
    assert "ALT of 2026-02-02 to 2026-02-09" in sentence


def test_a_value_that_is_corrected_or_withdrawn_closes_its_question() -> None:
    assert treated(SEVERE, revised(SEVERE, value="41")) == []
    assert treated(SEVERE, withdrawn(SEVERE)) == []
    assert (
        len(
            treated(
                revised(SEVERE, value="41", revision=1) | {"reason": None}, SEVERE | {"revision": 2, "reason": "typo"}
            )
        )
        == 1
    )


def test_a_value_of_a_grade_that_is_not_certain_is_not_asked_about() -> None:
    between, above = (lab(analyte="LIPASET", value=value, upper="60", on="2026-02-02") for value in ("200", "301"))
    assert treated(between) == []
    assert len(treated(above)) == 1


def test_what_the_participant_came_with_is_no_toxicity_of_the_treatment() -> None:
    came = lab(analyte="LYM", value="0.4", unit="10^9/L", lower="1", upper="4", on="2026-01-05")
    as_before = lab(analyte="LYM", value="0.3", unit="10^9/L", lower="1", upper="4", on="2026-02-02")
    worse = lab(analyte="LYM", value="0.1", unit="10^9/L", lower="1", upper="4", on="2026-02-03")
    given = dose(on="2026-01-06")
    assert asked(came, given, as_before) == []
    assert len(asked(came, given, as_before, worse)) == 1


def test_a_value_before_the_first_dose_is_asked_about_until_the_dose_says_so() -> None:
    early = lab(value="410", on="2026-01-03")
    assert len(asked(early)) == 1
    assert asked(early, dose(on="2026-01-06")) == []


def test_a_grade_below_what_the_values_reach_is_asked_about() -> None:
    event = adverse_event(term=ALT, grade=2, onset="2026-02-01", data={"end": "2026-02-20"})
    assert treated(SEVERE, event) == [
        (
            "grade_against_values",
            "Participant P-001: Alanine aminotransferase increased has grade 2, but ALT of 2026-02-02 is grade 3.",
        )
    ]
    assert treated(SEVERE, event, revised(event, grade=3)) == []
    assert treated(SEVERE, event, revised(SEVERE, value="180")) == []


def test_a_second_event_of_the_higher_grade_answers_for_the_value() -> None:
    mild = adverse_event(term=ALT, grade=2, onset="2026-02-01", data={"end": "2026-02-20"})
    severe = adverse_event(term=ALT, grade=3, onset="2026-02-02", data={"end": "2026-02-05"})
    assert treated(SEVERE, mild, severe) == []


def test_a_grade_above_what_any_value_reaches_is_asked_about_where_values_alone_decide() -> None:
    event = adverse_event(term=ALT, grade=3, onset="2026-02-01", data={"end": "2026-02-20"})
    low = lab(value="100", on="2026-02-05")
    assert treated(low, event) == [
        (
            "grade_against_values",
            "Participant P-001: Alanine aminotransferase increased has grade 3, but no ALT during it is above grade 1.",
        )
    ]
    transfused = adverse_event(term="Anemia", grade=3, onset="2026-02-01", data={"end": "2026-02-20"})
    assert (
        treated(lab(analyte="HGB", value="95", unit="g/L", lower="120", upper="160", on="2026-02-05"), transfused) == []
    )


def test_values_outside_the_event_do_not_speak_against_its_grade() -> None:
    event = adverse_event(term=ALT, grade=3, onset="2026-02-01", data={"end": "2026-02-20"})
    for on in ("2026-01-31", "2026-02-20", "2026-03-01"):
        assert treated(lab(value="100", on=on), event) == []
    recovered = adverse_event(term=ALT, grade=3, onset="2026-02-01", data={"outcome": "recovered"})
    assert treated(lab(value="100", on="2026-02-05"), recovered) == []


def test_a_protocol_without_reconciliation_asks_nothing() -> None:
    text = shipped("ak117_hnscc")
    begin, end = text.index("reconciliation:"), text.index("causality:")
    trial = Trial(TRIAL)
    for position, one in enumerate((adopted(text[:begin] + text[end:]), enrolled(), dose(), SEVERE), start=1):
        trial, _ = step(trial, read(one), position)
    assert not [one for one in standing(trial).values() if isinstance(one, QueryFinding)]
