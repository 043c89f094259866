"""An invented trial: complete, in order, the same for everybody, and one that its own stopping rule notices."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

import pytest

import schemas
from clinical.monitor import step
from clinical.state import Trial
from protocols import shipped, shipped_names
from schemas import (
    AdverseEventReported,
    AnyFact,
    ClockTicked,
    DoseGiven,
    ParticipantDied,
    ParticipantEnrolled,
    ProtocolAdopted,
    TreatmentEnded,
)
from schemas.findings import CohortRuleFinding, QueryFinding
from streams.simulation import SCENARIOS, simulate
from streams.simulation.participant import DURING


def facts(scenario: str = "default", participants: int = 60, name: str = "ak117_hnscc") -> Iterator[AnyFact]:
    for raw in simulate(shipped(name), scenario, participants):
        fact = schemas.parse(raw)
        assert not isinstance(fact, schemas.Refusal), fact
        yield fact


@lru_cache(maxsize=1)
def default() -> tuple[AnyFact, ...]:
    return tuple(facts())


def test_it_begins_with_the_protocol_and_a_simulated_clock() -> None:
    first = default()[0]
    assert isinstance(first, ProtocolAdopted)
    assert first.data.clock == "simulated"


def test_the_clock_ticks_every_hour_of_eighteen_months() -> None:
    ticks = [fact.time for fact in default() if isinstance(fact, ClockTicked)]
    assert {later - earlier for earlier, later in pairwise(ticks)} == {timedelta(hours=1)}
    assert ticks[-1] - ticks[0] > timedelta(days=540)


def test_nothing_is_told_before_it_happened_or_of_somebody_not_enrolled() -> None:
    clock, enrolled = default()[0].time, dict[str | None, datetime]()
    for fact in default():
        if isinstance(fact, ClockTicked):
            clock = fact.time
        assert fact.time <= clock
        if isinstance(fact, ParticipantEnrolled):
            enrolled[fact.subject] = fact.time
        assert fact.subject is None or fact.subject in enrolled
        assert not isinstance(fact, DoseGiven) or fact.time >= enrolled[fact.subject]


def digest(seed: int) -> str:
    return hashlib.sha256(b"\n".join(simulate(shipped("ak117_hnscc"), participants=12, seed=seed))).hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    assert digest(seed=1) == digest(seed=1) != digest(seed=2)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_runs(scenario: str) -> None:
    told = [schemas.parse(raw) for raw in simulate(shipped("ak117_hnscc"), scenario, participants=16)]
    refused = [fact for fact in told if isinstance(fact, schemas.Refusal)]
    assert bool(refused) == (scenario == "dirty")


@pytest.mark.parametrize("name", shipped_names())
def test_every_protocol_can_be_simulated(name: str) -> None:
    assert sum(isinstance(fact, ParticipantEnrolled) for fact in facts(participants=10, name=name)) == 10


def test_a_stopping_rule_crosses_or_comes_near_with_the_default_seed() -> None:
    trial, distances, verdicts = Trial("AK117-HNSCC-II"), set[int](), set[str]()
    for position, fact in enumerate(default(), start=1):
        trial, changes = step(trial, fact, position)
        for change in changes:
            if isinstance(change.finding, CohortRuleFinding) and change.finding.n >= 5:
                verdicts.add(change.finding.verdict)
                distances.add(3 if change.finding.distance is None else change.finding.distance)
    assert "official" in verdicts or min(distances) <= 1


def test_an_intolerable_event_ends_the_treatment_and_a_fatal_one_is_a_death() -> None:
    of_event = {
        fact.subject: fact.data.ended_on
        for fact in default()
        if isinstance(fact, TreatmentEnded) and fact.data.cause == "adverse_event"
    }
    dead = {
        fact.subject for fact in default() if isinstance(fact, ParticipantDied) and fact.data.cause == "adverse_event"
    }
    severe = [f for f in default() if isinstance(f, AdverseEventReported) and (f.data.grade or 0) >= 4]
    assert of_event
    assert {fact.subject for fact in severe} == of_event.keys()
    assert {fact.subject for fact in severe if fact.data.grade == 5} == dead != set()
    for fact in default():
        if isinstance(fact, DoseGiven) and fact.subject in of_event:
            assert fact.data.started[:10] <= of_event[fact.subject]


def test_a_fatal_event_is_one_that_a_laboratory_may_find_too() -> None:
    told = (schemas.parse(raw) for raw in simulate(shipped("ak117_hnscc"), "default", 100, 1))
    fatal = {fact.data.term for fact in told if isinstance(fact, AdverseEventReported) and fact.data.grade == 5}
    assert fatal & set(DURING)


def asked_about_doses(scenario: str) -> list[str]:
    """What is asked about doses at the end of a trial of 16."""
    trial, asked = Trial("AK117-HNSCC-II"), dict[str, str]()
    told = (schemas.parse(raw) for raw in simulate(shipped("ak117_hnscc"), scenario, participants=16))
    for position, fact in enumerate((one for one in told if not isinstance(one, schemas.Refusal)), start=1):
        trial, changes = step(trial, fact, position)
        for change in changes:
            if isinstance(change.finding, QueryFinding) and change.finding.question == "mismatch":
                asked[change.finding.key] = change.finding.sentence
                if change.state == "withdrawn":
                    del asked[change.finding.key]
    return list(asked.values())


def test_a_site_gives_what_the_rules_allow_and_a_careless_one_does_not() -> None:
    assert asked_about_doses("default") == []
    assert asked_about_doses("dirty") != []
