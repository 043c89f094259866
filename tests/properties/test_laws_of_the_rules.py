"""Laws of the rules about participants: a worse value is never better, and the order of reports does not matter."""

import pickle
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.monitor import standing, step
from clinical.rules.judging import judged
from clinical.state import Trial
from schemas.findings import ParticipantRuleFinding
from tests.builders import TRIAL, Message, adopted, adverse_event, dose, enrolled, lab, read, tick

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = st.integers(7, 120).map(lambda n: f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}")

WORSE_LOW = {
    "HGB": ("g/L", ("120", "160"), ["130", "100", "85", "79", "60"]),
    "PLAT": ("10^9/L", ("150", "400"), ["200", "74", "49", "24", "5"]),
    "NEUT": ("10^9/L", ("1.8", "7.5"), ["3", "1.4", "0.9", "0.4", "0.1"]),
    "MG": ("mmol/L", ("0.7", "1.05"), ["0.8", "0.5", "0.39", "0.29", "0.1"]),
}
"""Values that grow worse, with unit and limits."""
WORSE_HIGH = {
    "ALT": ("U/L", ("5", "40"), ["30", "100", "130", "330", "900"]),
    "BILI": ("umol/L", ("3", "21"), ["10", "30", "40", "60", "90"]),
    "CREAT": ("umol/L", ("50", "100"), ["80", "140", "200", "400", "700"]),
}
LADDERS = WORSE_LOW | WORSE_HIGH
STOPS = frozenset({"discontinue", "end_treatment"})


def folded(history: list[Message]) -> Trial:
    trial = Trial(TRIAL)
    for position, one in enumerate(history, start=1):
        trial, _ = step(trial, read(one), position)
    return trial


def strength(trial: Trial) -> int:
    """How strongly the protocol acts on the worst of its rules: 3 a stop that is true, 2 a hold, 1 something open."""
    found = 0
    for one in judged(trial.in_force, trial.participants["P-001"], NOW):
        actions = {action.name for action in one.rule.actions}
        if one.truth.verdict == "true":
            found = max(found, 3 if actions & STOPS else 2)
        elif one.truth.verdict != "false":
            found = max(found, 1)
    return found


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(LADDERS)), st.sampled_from(["1", "2"]), DAYS)
def test_a_worse_value_never_makes_what_the_rules_demand_weaker(analyte: str, group: str, on: str) -> None:
    unit, (lower, upper), ladder = LADDERS[analyte]
    begun = [adopted(), enrolled(group=group), dose()]
    begun.insert(2, lab(analyte=analyte, value=ladder[0], unit=unit, on="2026-01-05", lower=lower, upper=upper))
    strengths = [
        strength(folded([*begun, lab(analyte=analyte, value=value, unit=unit, on=on, lower=lower, upper=upper)]))
        for value in ladder
    ]
    assert all(milder <= worse for milder, worse in pairwise(strengths)), strengths


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["Sepsis", "Colitis", "Pneumonitis", "Rash acneiform", "Myocarditis"]), st.sampled_from("12"), DAYS
)
def test_a_worse_grade_never_makes_what_the_rules_demand_weaker(term: str, group: str, on: str) -> None:
    begun = [adopted(), enrolled(group=group), dose()]
    strengths = [strength(folded([*begun, adverse_event(term=term, grade=grade, onset=on)])) for grade in range(1, 5)]
    assert all(milder <= worse for milder, worse in pairwise(strengths)), strengths


VALUES = st.builds(
    lambda analyte, number, on: lab(
        analyte=analyte,
        value=LADDERS[analyte][2][number],
        unit=LADDERS[analyte][0],
        on=on,
        lower=LADDERS[analyte][1][0],
        upper=LADDERS[analyte][1][1],
    ),
    st.sampled_from(sorted(LADDERS)),
    st.integers(0, 4),
    DAYS,
)
EVENTS = st.builds(
    lambda term, grade, on, end: adverse_event(term=term, grade=grade, onset=on, data={"end": end}),
    st.sampled_from(["Sepsis", "Colitis", "Rash acneiform", "Fatigue"]),
    st.sampled_from([None, 1, 2, 3, 4]),
    DAYS,
    st.none() | DAYS,
)
DOSES = st.builds(lambda drug, on: dose(drug=drug, on=on), st.sampled_from(["AK117", "cetuximab"]), DAYS)

HISTORIES = st.lists(VALUES | EVENTS | DOSES, max_size=10, unique_by=lambda one: one["record"])


def rules_that_stand(trial: Trial) -> dict[str, Any]:
    return {key: one for key, one in standing(trial).items() if isinstance(one, ParticipantRuleFinding)}


@settings(max_examples=60, deadline=None)
@given(
    HISTORIES,
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_independent_facts_are_reported_does_not_matter(facts: list[Message], chance: Any) -> None:
    shuffled = list(facts)
    chance.shuffle(shuffled)
    begun, end = [adopted(), enrolled(), dose()], tick("2026-06-01T00:00:00Z")
    assert rules_that_stand(folded([*begun, *facts, end])) == rules_that_stand(folded([*begun, *shuffled, end]))


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_a_deadline_is_found_by_the_tick_that_passes_it_and_by_no_later_fact(facts: list[Message]) -> None:
    """Ticks one by one, or one that passes all: the same stands at the end."""
    begun = [adopted(), enrolled(), dose(), *facts]
    small = [tick(f"2026-{month:02d}-{day:02d}T00:00:00Z") for month in range(1, 6) for day in range(2, 29, 3)]
    end = tick("2026-06-01T00:00:00Z")
    assert rules_that_stand(folded([*begun, *small, end])) == rules_that_stand(folded([*begun, end]))


@settings(max_examples=40, deadline=None)
@given(HISTORIES, st.integers(0, 10))
def test_a_snapshot_and_the_rest_equal_the_whole(facts: list[Message], cut: int) -> None:
    history = [adopted(), enrolled(), dose(), *facts, tick("2026-06-01T00:00:00Z")]
    trial = pickle.loads(pickle.dumps(folded(history[: cut + 1])))
    for position, one in enumerate(history[cut + 1 :], start=cut + 2):
        trial, _ = step(trial, read(one), position)
    assert standing(trial) == standing(folded(history))
