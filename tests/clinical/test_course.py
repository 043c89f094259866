"""How a participant's toxicity ran: what came with treatment, episodes with recovery between, the worst grade."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.course import (
    Observation,
    Step,
    Treatment,
    courses,
    emergence,
    episodes,
    in_order,
    worst,
)
from clinical.monitor import standing, step
from clinical.state import Trial
from schemas import AdverseEventReported
from schemas.findings import GradeFinding
from tests.builders import Message, adopted, adverse_event, dose, enrolled, lab, message, read, revised

TREATED = Treatment("2022-01-01T01:01", "2022-04-30T11:30")


# pharmaverse/admiral 1.5, tests of derive_var_trtemfl: start, end, initial grade, grade; flagged within 10 days of the
# end of treatment, worsening considered.
@pytest.mark.parametrize(
    ("onset", "end", "before", "grade", "flagged"),
    [
        ("2021-12-13T20:15", "2021-12-15T12:45", 1, 1, False),
        ("2021-12-14T20:15", "2021-12-14T22:00", 1, 3, False),
        ("2021-12-30T20:00", "2022-01-14T11:00", 1, 3, True),
        ("2021-12-31T20:15", "2022-01-01T01:23", 1, 1, False),
        ("2022-01-01T12:00", "2022-01-02T23:25", 3, 4, True),
        ("2022-05-10T11:00", "2022-05-10T13:05", 2, 2, True),
        ("2022-05-11T11:00", "2022-05-11T13:05", 2, 2, False),
        (None, None, 3, 4, True),
        ("2021-12-30T09:00", None, 3, 4, True),
        ("2021-12-30T11:00", None, 3, 3, False),
        (None, "2022-01-04T09:00", 3, 4, True),
        (None, "2021-12-24T19:00", 3, 4, False),
        (None, "2022-06-04T09:00", 3, 4, True),
    ],
)
def test_treatment_emergence_follows_the_published_order_of_rules(
    *, onset: str | None, end: str | None, before: int, grade: int, flagged: bool
) -> None:
    steps = (Step(onset, before), Step("2022-01-02", grade))
    found = emergence(onset, end, TREATED, steps=steps, within_days=10)
    assert found.emergent is flagged
    assert found.because


@pytest.mark.parametrize(
    ("onset", "first", "emergent"),
    [
        ("2026-01-06", "2026-01-06", True),
        ("2026-01-06", "2026-01-06T10:00", True),
        ("2026-01-06T09:00", "2026-01-06", True),
        ("2026-01-06T09:00", "2026-01-06T10:00", False),
        ("2026-01-06T10:00", "2026-01-06T10:00", True),
        ("2026-01-05", "2026-01-06", False),
        ("2026-01", "2026-01-06", True),
        ("2026", "2026-12-31", True),
        ("2025-12", "2026-01-06", False),
        ("2026-01-05", "2026-01", True),
        ("2025-12-31", "2026-01", False),
        (None, "2026-01-06", True),
    ],
)
def test_a_partial_date_that_may_lie_under_treatment_counts_as_lying_there(
    *, onset: str | None, first: str, emergent: bool
) -> None:
    assert emergence(onset, None, Treatment(first)).emergent is emergent


@pytest.mark.parametrize(
    ("onset", "emergent"),
    [("2026-05-31", True), ("2026-06-01", False), ("2026-05", True), ("2026-06", False), ("2026", True)],
)
def test_the_window_after_the_last_dose_is_closed_only_where_the_date_leaves_no_other_reading(
    *, onset: str, emergent: bool
) -> None:
    assert emergence(onset, None, Treatment("2026-01-06", "2026-05-01"), within_days=30).emergent is emergent


def test_an_event_that_may_have_ended_under_treatment_did_not_end_before_it() -> None:
    assert emergence(None, "2026-01", Treatment("2026-01-06")).emergent
    assert not emergence(None, "2025-12", Treatment("2026-01-06")).emergent


def test_nothing_is_treatment_emergent_in_somebody_never_treated() -> None:
    found = emergence(None, None, Treatment())
    assert (found.emergent, found.because) == (False, "no dose has been given")


def event(key: str, on: str | None, until: str | None, grade: int | None) -> Observation:
    return Observation(key, "reported", on, until, grade, grade)


def value(key: str, on: str, low: int | None, high: int | None = None) -> Observation:
    return Observation(key, "laboratory", on, on, low, low if high is None else high)


def test_a_second_episode_begins_only_after_documented_recovery() -> None:
    first, again = event("a", "2026-01-05", "2026-01-12", 3), event("b", "2026-02-01", None, 2)
    found = episodes([again, first])
    assert [(one.began, one.ended, one.high, one.keys) for one in found] == [
        ("2026-01-05", "2026-01-12", 3, ("a",)),
        ("2026-02-01", None, 2, ("b",)),
    ]
    going_on = event("a", "2026-01-05", None, 3)
    assert [one.keys for one in episodes([going_on, again])] == [("a", "b")]


def test_events_that_touch_are_one_episode() -> None:
    found = episodes([event("a", "2026-01-05", "2026-01-12", 2), event("b", "2026-01-12", "2026-01-20", 3)])
    assert [(one.began, one.ended, one.high) for one in found] == [("2026-01-05", "2026-01-20", 3)]


def test_a_second_episode_that_may_have_begun_before_the_first_ended_is_the_same_one() -> None:
    assert len(episodes([event("a", "2026-01-05", "2026-01-12", 2), event("b", "2026-01", None, 3)])) == 1
    assert len(episodes([event("a", "2026-01-05", "2026-01-12", 2), event("b", "2026-02", None, 3)])) == 2


def test_values_recover_with_the_first_one_that_is_certainly_below() -> None:
    seen = [value("1", "2026-01-05", 3), value("2", "2026-01-08", 1, 3), value("3", "2026-01-10", 1)]
    seen += [value("4", "2026-01-20", 2, 4)]
    found = episodes(seen, at_least=3)
    assert [(one.began, one.ended, one.low, one.high) for one in found] == [
        ("2026-01-05", "2026-01-10", 3, 3),
        ("2026-01-20", None, 2, 4),
    ]


def test_what_cannot_be_graded_neither_recovers_nor_counts_as_zero() -> None:
    seen = [value("1", "2026-01-05", 3), value("2", "2026-01-08", None), value("3", "2026-01-09", 3)]
    assert len(episodes(seen)) == 1
    assert worst([value("2", "2026-01-08", None)]) == (None, None, ())


def test_the_worst_grade_is_certain_and_possible() -> None:
    assert worst([value("1", "2026-01-05", 2), value("2", "2026-01-06", 1, 4)]) == (2, 4, ("2",))


grades = st.integers(0, 4)
dates = st.sampled_from(["2026", "2026-01", "2026-02", "2026-01-05", "2026-01-09", "2026-02-01", "2026-02-01T10:00"])
events = st.builds(event, st.text("abcdef", min_size=1), st.none() | dates, st.none() | dates, st.none() | grades)


@given(st.lists(events, unique_by=lambda one: one.key), st.integers(1, 4))
def test_every_observation_at_the_grade_lies_in_one_episode(seen: list[Observation], at_least: int) -> None:
    found = episodes(seen, at_least)
    inside = [key for one in found for key in one.keys]
    assert sorted(inside) == sorted(one.key for one in seen if one.high is not None and one.high >= at_least)
    assert list(in_order(seen)) == list(in_order(reversed(seen)))
    assert all(one.ended is not None for one in found[:-1])


def concluded(*messages: Message) -> Iterator[GradeFinding]:
    trial = Trial("AK117-HNSCC-II")
    for position, told in enumerate(messages, start=1):
        trial, _ = step(trial, read(told), position)
    return (finding for finding in standing(trial).values() if isinstance(finding, GradeFinding))


def test_a_course_puts_reported_events_and_values_of_one_term_side_by_side() -> None:
    anaemia = adverse_event(term="anaemia", grade=2, onset="2026-01-20", data={"end": "2026-02-01"})
    told = [
        adopted(),
        enrolled(),
        dose(on="2026-01-06"),
        lab(analyte="HGB", value="75", unit="g/L", lower="120", upper="160", on="2026-01-21"),
        anaemia,
        adverse_event(term="Anemia", grade=3, onset="2026-03"),
    ]
    (course,) = (one for one in courses(concluded(*told)) if one.term.lower() in {"anemia", "anaemia"})
    assert [(one.basis, one.on, one.high) for one in course.observations] == [
        ("reported", "2026-01-20", 2),
        ("laboratory", "2026-01-21", 3),
        ("reported", "2026-03", 3),
    ]
    assert (course.worst.low, course.worst.high) == (3, 3)
    assert [one.ended for one in course.episodes] == ["2026-02-01", None]
    assert course.emergent is not None
    assert course.emergent.emergent


def test_a_grade_followed_within_one_event_shows_how_it_worsened_and_recovered() -> None:
    steps = [
        {"since": "2026-01-03", "grade": 1},
        {"since": "2026-01-20", "grade": 3},
        {"since": "2026-01-25", "grade": 0},
    ]
    steps += [{"since": "2026-02-02", "grade": 2}]
    said = adverse_event(term="Fatigue", grade=3, onset="2026-01-03", data={"course": steps})
    told = [adopted(), enrolled(), dose(on="2026-01-06"), said]
    event = read(said)
    assert isinstance(event, AdverseEventReported)
    (course,) = courses(concluded(*told), {event.key: event.data}, at_least=2)
    assert [(one.on, one.until, one.high) for one in course.observations] == [
        ("2026-01-03", "2026-01-20", 1),
        ("2026-01-20", "2026-01-25", 3),
        ("2026-02-02", None, 2),
    ]
    assert [(one.began, one.ended) for one in course.episodes] == [("2026-01-20", "2026-01-25"), ("2026-02-02", None)]
    assert course.emergent is not None
    assert course.emergent.because == "it began on 2026-01-03, before the first dose, and worsened since from 1 to 3"


@pytest.mark.parametrize(
    ("steps", "emergent"),
    [
        ([("2026-01-02", 3), ("2026-01-05", 1), ("2026-01-10", 2)], True),
        ([("2026-01-02", 1), ("2026-01-05", 3), ("2026-01-10", 2)], False),
        ([("2026-01-10", 2)], True),
        ([("2026-01-02", 2), ("2026-01", 3)], True),
        ([], False),
    ],
)
def test_worse_means_worse_than_at_the_first_dose(*, steps: list[tuple[str, int]], emergent: bool) -> None:
    found = emergence("2026-01-02", None, Treatment("2026-01-06"), steps=[Step(*one) for one in steps])
    assert found.emergent is emergent


def changes_of(*messages: Message) -> list[tuple[int, str, bool | None, str | None]]:
    trial = Trial("AK117-HNSCC-II")
    found: list[tuple[int, str, bool | None, str | None]] = []
    for position, told in enumerate(messages, start=1):
        trial, changes = step(trial, read(told), position)
        found += [
            (position, change.state, change.finding.emergent, change.finding.emergence)
            for change in changes
            if isinstance(change.finding, GradeFinding) and change.finding.basis == "reported"
        ]
    return found


def test_a_first_dose_that_arrives_late_makes_an_event_emergent_and_its_correction_takes_that_back() -> None:
    given = dose(on="2026-01-06")
    told = [adopted(), enrolled(), adverse_event(onset="2026-01-08"), given]
    told += [revised(given, started="2026-01-09"), revised(given, revision=3, started="2026-01-08")]
    found = changes_of(*told)
    assert [(position, state, emergent) for position, state, emergent, _ in found] == [
        (3, "raised", False),
        (4, "changed", True),
        (5, "changed", False),
        (6, "changed", True),
    ]


def test_the_end_of_treatment_closes_the_window_for_later_events() -> None:
    ended = message(
        "TreatmentEnded.v1",
        {"ended_on": "2026-02-01", "cause": "progression"},
        record="ds/P-001",
        time="2026-02-01T00:00:00Z",
        subject="P-001",
    )
    late = adverse_event(onset="2026-02-06")
    found = changes_of(adopted(), enrolled(), dose(on="2026-01-06"), late, ended)
    assert [one[:3] for one in found] == [(4, "raised", True), (5, "changed", False)]
    assert found[-1][3] == "it began on 2026-02-06, more than 30 days after the last dose"
