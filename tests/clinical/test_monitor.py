"""The core, through its one door: what is raised, changed and withdrawn by each fact."""

from typing import Any, TypeVar

import pytest

from clinical.monitor import standing, step
from clinical.state import Trial
from protocols import shipped
from schemas.findings import (
    AnyFinding,
    Change,
    CohortRuleFinding,
    EvaluabilityFinding,
    GradeFinding,
    ParticipantRuleFinding,
    QueryFinding,
)
from tests.builders import (
    TRIAL,
    Message,
    adopted,
    adverse_event,
    dose,
    enrolled,
    lab,
    left_trial,
    message,
    read,
    revised,
    tick,
    withdrawn,
)

F = TypeVar("F", bound=AnyFinding)


def told(*messages: Message) -> tuple[Trial, list[Change]]:
    """The trial after the messages, and every change on the way."""
    trial, changes = Trial(TRIAL), list[Change]()
    for position, one in enumerate(messages, start=1):
        trial, made = step(trial, read(one), position)
        changes.extend(made)
    return trial, changes


def begun(*more: Message) -> tuple[Message, ...]:
    """A participant enrolled and dosed on 6 January, then more."""
    return (adopted(), enrolled("P-001"), dose("P-001", on="2026-01-06"), *more)


def of(kind: type[F], trial: Trial) -> list[F]:
    """What stands of one kind, by key."""
    return [finding for _, finding in sorted(standing(trial).items()) if isinstance(finding, kind)]


def grades(trial: Trial) -> dict[str, int | None]:
    return {finding.term: finding.grade for finding in of(GradeFinding, trial)}


def intolerable(trial: Trial) -> list[ParticipantRuleFinding]:
    """What stands of the rule that cohort rules count; other rules may stand beside it."""
    return [one for one in of(ParticipantRuleFinding, trial) if one.rule == "intolerable_toxicity"]


def judged(words: str | None, grade: int = 4, **more: object) -> Message:
    causality = () if words is None else (("AK117", words), ("cetuximab", words))
    return adverse_event(
        "P-001", "Sepsis", grade, causality=causality, data={"serious": True, "criteria": ["life_threatening"]} | more
    )


def haemoglobin(value: str, on: str = "2026-01-20", **more: Any) -> Message:
    return lab("P-001", "HGB", value, unit="g/L", on=on, lower="120", upper="160", **more)


def test_a_value_raises_its_grade_and_a_correction_changes_it() -> None:
    first = haemoglobin("78")
    trial, changes = told(*begun(first, revised(first, value="98")))
    anemia = [c for c in changes if isinstance(c.finding, GradeFinding) and c.finding.term == "Anemia"]
    assert [(c.state, c.finding.grade, c.since) for c in anemia if isinstance(c.finding, GradeFinding)] == [
        ("raised", 3, 4),
        ("changed", 2, 5),
    ]
    assert grades(trial)["Anemia"] == 2


def test_a_correction_that_says_the_same_changes_nothing() -> None:
    first = haemoglobin("78")
    _, changes = told(*begun(first, revised(first, value="78")))
    assert not [c for c in changes if c.since == 5]


def test_a_withdrawn_record_withdraws_its_own_alarm() -> None:
    event = judged("related")
    trial, changes = told(*begun(event, withdrawn(event)))
    withdrawn_kinds = {c.finding.kind for c in changes if c.since == 5 and c.state == "withdrawn"}
    assert withdrawn_kinds == {"grade", "participant_rule", "dose_decision"}
    assert not of(ParticipantRuleFinding, trial)


def test_a_revision_that_arrives_late_changes_nothing() -> None:
    first = haemoglobin("78")
    third = revised(first, revision=3, value="118")
    _, changes = told(*begun(third, revised(first, revision=2, value="60")))
    assert not [c for c in changes if c.since == 5]


def test_a_value_without_a_unit_is_not_gradable_and_not_grade_0() -> None:
    trial, _ = told(*begun(lab("P-001", "HGB", "78", unit=None, lower="120", upper="160")))
    finding = next(f for f in of(GradeFinding, trial) if f.term == "Anemia")
    assert (finding.grade, finding.low, finding.high) == (None, None, None)
    assert finding.why


def test_a_value_below_zero_is_asked_about_and_not_graded() -> None:
    trial, _ = told(*begun(lab(analyte="HGB", value="-75", unit="g/L", lower="120", upper="160")))
    assert grades(trial) == {"Anemia": None, "Hemoglobin increased": None}
    assert [query.question for query in of(QueryFinding, trial)] == ["below_zero"]


def test_an_enrolment_corrected_to_after_the_first_dose_is_asked_about() -> None:
    trial, _ = told(*begun(revised(enrolled("P-001"), enrolled_on="2026-01-07")))
    assert [query.question for query in of(QueryFinding, trial)] == ["dose_without_enrolment"]
    trial, _ = told(*begun(withdrawn(enrolled("P-001"))))
    assert [query.question for query in of(QueryFinding, trial)] == ["dose_without_enrolment"]


def test_two_deaths_and_a_life_after_death_are_asked_about() -> None:
    first, second = (died(on, cause) for on, cause in (("2026-02-01", "progression"), ("2026-02-03", "other")))
    alive = message(
        "SurvivalConfirmed.v1", {"alive_on": "2026-03"}, record="ss/1", time="2026-03-01T00:00:00Z", subject="P-001"
    )
    asked = [query.sentence for query in of(QueryFinding, told(*begun(first, second, alive))[0])]
    assert asked == [
        "Participant P-001: died on 2026-02-01 of progression, and on 2026-02-03 of another cause.",
        "Participant P-001: known alive on 2026-03, after the death on 2026-02-03.",
    ]
    assert not of(QueryFinding, told(*begun(first, second, withdrawn(first)))[0])


def test_a_late_baseline_grades_anew_what_follows_it() -> None:
    """CTCAE v5.0 ALT with an abnormal baseline: 2 x ULN at baseline and 2.5 x ULN later is 1.25 x baseline, grade 0."""
    later = lab("P-001", "ALT", "100", on="2026-01-27", upper="40")
    baseline = lab("P-001", "ALT", "80", on="2026-01-02", upper="40")
    _, changes = told(*begun(later, baseline))
    moved = [c for c in changes if c.since == 5 and c.state == "changed" and isinstance(c.finding, GradeFinding)]
    assert [c.finding.grade for c in moved if isinstance(c.finding, GradeFinding)] == [0]
    assert moved[0].finding.causes == ("laboratory|lb/P-001/ALT/2026-01-27", "laboratory|lb/P-001/ALT/2026-01-02")


def test_a_first_dose_reported_late_makes_the_baseline() -> None:
    drawn = [lab("P-001", "ALT", "80", on="2026-01-02"), lab("P-001", "ALT", "100", on="2026-01-27")]
    early, _ = told(adopted(), enrolled("P-001"), dose("P-001", on="2026-01-06"), *drawn)
    late, _ = told(adopted(), enrolled("P-001"), *drawn, dose("P-001", on="2026-01-06"))
    assert {k: f for k, f in standing(early).items() if f.kind == "grade"} == {
        k: f for k, f in standing(late).items() if f.kind == "grade"
    }


@pytest.mark.parametrize(
    ("words", "stands"),
    [("related", True), ("possible", True), (None, True), ("unlikely", False), ("not_related", False)],
)
def test_grade_4_counts_when_related_or_not_yet_judged(words: str | None, stands: bool) -> None:  # noqa: FBT001
    trial, _ = told(*begun(judged(words)))
    assert bool(intolerable(trial)) is stands


def test_a_causality_not_yet_given_is_marked_so() -> None:
    trial, _ = told(*begun(judged(None)))
    (rule,) = intolerable(trial)
    assert rule.causality == "not yet given"
    assert "causality not yet given and counted as related" in rule.sentence


def test_one_drug_judged_unrelated_leaves_the_other_not_yet_given() -> None:
    trial, _ = told(*begun(adverse_event("P-001", "Sepsis", 4, causality=(("AK117", "not_related"),))))
    assert [rule.causality for rule in intolerable(trial)] == ["not yet given"]


def test_grade_3_does_not_meet_the_rule_and_a_fatal_outcome_does() -> None:
    assert not intolerable(told(*begun(judged("related", 3)))[0])
    assert intolerable(told(*begun(judged("related", 3, outcome="fatal")))[0])


def test_a_severity_is_not_a_grade_and_leaves_the_rule_open() -> None:
    trial, _ = told(*begun(adverse_event("P-001", "Rash", None, data={"severity": "severe"})))
    (grade,) = of(GradeFinding, trial)
    assert (grade.grade, grade.low, grade.high, grade.missing) == (None, 3, 4, ("ctcae_grade",))
    assert {(rule.verdict, rule.missing) for rule in intolerable(trial)} == {("unknown", ("grade of Rash",))}


def test_a_death_of_an_adverse_event_counts_until_a_fatal_event_is_judged() -> None:
    died = message(
        "ParticipantDied.v1",
        {"died_on": "2026-01-20", "cause": "adverse_event"},
        record="dd/P-001",
        time="2026-01-20T08:00:00Z",
        subject="P-001",
    )
    fatal = judged("not_related", 5, outcome="fatal", criteria=["death"])
    trial, _ = told(*begun(died))
    assert intolerable(trial)
    assert {q.question for q in of(QueryFinding, trial)} == {"death_of_an_event_without_one"}
    trial, _ = told(*begun(died, fatal))
    assert not intolerable(trial)
    assert not of(QueryFinding, trial)


def test_the_window_is_completed_by_a_tick_and_by_nothing_else() -> None:
    """First dose on 6 January, window 42 days: complete at the start of 17 February."""
    trial, _ = told(*begun(tick("2026-02-16T23:00:00Z")))
    assert [e.status for e in of(EvaluabilityFinding, trial)] == ["pending"]
    trial, changes = told(*begun(tick("2026-02-16T23:00:00Z"), tick("2026-02-17T00:00:00Z")))
    assert [e.status for e in of(EvaluabilityFinding, trial)] == ["completed"]
    assert {c.finding.kind for c in changes if c.since == 5} == {"evaluability", "cohort_rule"}


def test_an_event_after_the_window_is_the_participants_and_not_the_groups() -> None:
    trial, _ = told(*begun(tick("2026-03-01T00:00:00Z"), judged("related") | {"time": "2026-03-01T00:00:00Z"}))
    assert [e.status for e in of(EvaluabilityFinding, trial)] == ["event"]
    late = adverse_event("P-001", "Sepsis", 4, onset="2026-02-17", causality=(("AK117", "related"),))
    trial, _ = told(*begun(tick("2026-03-01T00:00:00Z"), late))
    assert intolerable(trial)
    assert [e.status for e in of(EvaluabilityFinding, trial)] == ["completed"]


def test_who_leaves_inside_the_window_gives_the_place_to_the_next() -> None:
    trial, _ = told(*begun(left_trial("P-001", on="2026-01-20")))
    assert [e.status for e in of(EvaluabilityFinding, trial)] == ["not_evaluable"]
    group = next(f for f in of(CohortRuleFinding, trial) if f.scope == "1")
    assert group.enrolled == 0


def in_turn(number: int) -> tuple[Message, Message, Message]:
    name = f"P-{number:03d}"
    return (
        enrolled(name, on=f"2026-01-{number:02d}"),
        dose(name, on=f"2026-01-{number:02d}"),
        adverse_event(name, "Sepsis", 4, onset="2026-01-25", causality=(("AK117", "related"),)),
    )


def test_a_third_toxicity_among_three_stops_the_group() -> None:
    """Pocock, p0 0.30, alpha 0.10, 30 looks: the bound at 3 is 3 (Ivanova, Qaqish and Schell 2005, calibrated)."""
    trial, changes = told(adopted(), *in_turn(1), *in_turn(2))
    group = next(f for f in of(CohortRuleFinding, trial) if f.scope == "1")
    assert (group.verdict, group.x, group.n) == ("below", 2, 2)
    trial, changes = told(adopted(), *in_turn(1), *in_turn(2), *in_turn(3))
    group = next(f for f in of(CohortRuleFinding, trial) if f.scope == "1")
    assert (group.verdict, group.official, group.certain, group.possible) == ("official", True, True, True)
    assert (group.x, group.n, group.bound) == (3, 3, 3)
    assert len(group.causes) == 3
    other = next(f for f in of(CohortRuleFinding, trial) if f.scope == "2")
    assert (other.verdict, other.enrolled) == ("below", 0)
    assert changes


def test_a_participant_with_two_events_is_counted_once() -> None:
    second = adverse_event("P-001", "Colitis", 4, onset="2026-01-26", causality=(("AK117", "related"),))
    trial, _ = told(adopted(), *in_turn(1), second)
    group = next(f for f in of(CohortRuleFinding, trial) if f.scope == "1")
    assert group.x == 1


def test_a_causality_downgraded_later_takes_the_crossing_back() -> None:
    *start, event = in_turn(3)
    unrelated = [{"drug": drug, "investigator": "not_related"} for drug in ("AK117", "cetuximab")]
    trial, changes = told(
        adopted(), *in_turn(1), *in_turn(2), *start, event, revised(event, "reviewed", causality=unrelated)
    )
    group = next(f for f in of(CohortRuleFinding, trial) if f.scope == "1")
    assert group.verdict == "possible"
    verdicts = [
        c.finding.verdict for c in changes if isinstance(c.finding, CohortRuleFinding) and c.finding.scope == "1"
    ]
    assert "official" in verdicts


def test_an_amendment_is_judged_by_its_own_rules() -> None:
    from protocols import shipped

    amended = (
        shipped("ak117_hnscc")
        .replace('version: "1"', 'version: "2"')
        .replace("assumed: 4, reason", "assumed: 3, reason")
    )
    trial, changes = told(*begun(judged("related", 3), adopted(amended, revision=2, reason="amendment 1")))
    assert [rule.version for rule in intolerable(trial)] == ["2"]
    assert all(finding.version == "2" for finding in standing(trial).values())
    assert changes


@pytest.mark.parametrize(
    ("event", "question", "mended"),
    [
        ({"serious": True}, "serious_without_criterion", {"serious": False}),
        ({"serious": False, "criteria": ["hospitalisation"]}, "criterion_without_serious", {"serious": True}),
        ({"serious": False, "outcome": "fatal"}, "fatal_but_not_serious", {"serious": True}),
        ({"grade": 5, "outcome": "recovered"}, "grade_contradicts_outcome", {"outcome": "fatal"}),
        ({"grade": 3, "outcome": "fatal"}, "grade_contradicts_outcome", {"grade": 5}),
        ({"onset": "2026-02", "end": "2026-01-31"}, "ends_before_it_begins", {"end": "2026-02-02"}),
        ({"outcome": "fatal"}, "fatal_event_without_death", {"outcome": "recovered"}),
        ({"grade": 5, "outcome": "fatal"}, "fatal_event_without_death", {"outcome": "recovered", "grade": 4}),
        ({"term": "Fevr"}, "term_not_of_the_dictionary", {"term": "Fever"}),
        ({"term": "Alopecia", "grade": 3}, "grade_not_of_the_term", {"grade": 2}),
        ({"term": "Hypermagnesaemia", "grade": 2}, "grade_not_of_the_term", {"grade": 3}),
        ({"grade": None}, "no_grade", {"grade": 3}),
        ({"course": [{"since": "2026-01-09", "grade": 4}]}, "grade_against_course", {"grade": 4}),
        ({"grade": 4, "severity": "mild"}, "grade_against_severity", {"severity": "severe"}),
        ({"grade": 4, "serious": False}, "life_threatening_but_not_serious", {"serious": True}),
        ({"grade": 4}, "life_threatening_but_not_serious", {"grade": 3}),
    ],
)
def test_what_contradicts_itself_becomes_a_query_until_it_is_mended(
    event: dict[str, object], question: str, mended: dict[str, Any]
) -> None:
    said = adverse_event("P-001", "Sepsis", 3, data=event)
    said = said | {"data": {name: value for name, value in said["data"].items() if value is not None}}
    trial, _ = told(*begun(said))
    assert question in {query.question for query in of(QueryFinding, trial)}
    trial, changes = told(*begun(said, revised(said, **mended)))
    assert question not in {query.question for query in of(QueryFinding, trial)}
    assert [change.state for change in changes if question in change.finding.key] == ["raised", "withdrawn"]


def died(on: str, cause: str) -> Message:
    data = {"died_on": on, "cause": cause}
    return message("ParticipantDied.v1", data, record=f"dd/{on}", time=f"{on}T00:00:00Z", subject="P-001")


def test_a_death_of_an_adverse_event_asks_for_a_fatal_event_until_one_is_reported() -> None:
    death = died("2026-02-01", "adverse_event")
    fatal = adverse_event("P-001", "Sepsis", 5, onset="2026-01-30", data={"outcome": "fatal"})
    questions = [
        {query.question for query in of(QueryFinding, told(*begun(death, *more))[0])} for more in ((), (fatal,))
    ]
    assert questions == [{"death_of_an_event_without_one"}, set()]


def test_a_grade_4_that_a_value_alone_can_give_need_not_be_serious() -> None:
    trial, _ = told(*begun(adverse_event("P-001", "Neutrophil count decreased", 4, onset="2026-01-08")))
    assert not of(QueryFinding, trial)


def test_a_term_of_another_version_or_of_a_laboratory_is_asked_about_with_the_term_that_is_meant() -> None:
    for term, meant in (("Thrombocytopenia", "Platelet count decreased"), ("K high", "Hyperkalemia"), ("Kuru", None)):
        trial, _ = told(*begun(adverse_event("P-001", term, 3)))
        (query,) = of(QueryFinding, trial)
        assert query.question == "term_not_of_the_dictionary"
        assert ("may be meant" in query.sentence) is (meant is not None)
        assert meant is None or meant in query.sentence


def test_preferred_terms_are_no_question_where_the_protocol_has_events_reported_so() -> None:
    text = shipped("cdiscpilot01").replace("CDISCPILOT01", TRIAL)
    for event in (
        adverse_event("P-001", "APPLICATION SITE ERYTHEMA", None, data={"severity": "mild"}),
        adverse_event("P-001", "APPLICATION SITE ERYTHEMA", 2),
        adverse_event("P-001", "APPLICATION SITE ERYTHEMA", None),
    ):
        trial, _ = told(adopted(text), enrolled("P-001", group="Pbo"), event)
        assert not of(QueryFinding, trial)
    trial, _ = told(adopted(text), enrolled("P-001", group="Pbo"), adverse_event("P-001", "ALOPECIA", 3))
    assert [query.question for query in of(QueryFinding, trial)] == ["grade_not_of_the_term"]


def test_dates_that_may_be_in_order_raise_no_query() -> None:
    trial, _ = told(*begun(adverse_event("P-001", "Sepsis", 3, data={"onset": "2026-01", "end": "2026-01-02"})))
    assert not of(QueryFinding, trial)
