"""What is known after one more fact? `evolve`: one match over every fact, the compiler names the one forgotten.

A fact touches its participant, the counters of its cohorts, and nothing else. A correction replaces what its record
said; a revision that arrives late, below the one that stands, changes nothing.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import TypeVar, assert_never

from immutables import Map

from clinical import evaluability
from clinical.cohort_rules import scopes
from clinical.counting import counted
from clinical.protocol import read_protocol
from clinical.records import indexed, point
from clinical.rules.judging import judge, up_to_the_hour
from clinical.rules.reading import read_by
from clinical.state import EMPTY, Adjudged, Cohort, Participant, Record, Said, Trial
from schemas import (
    AccessGranted,
    AccessRevoked,
    AdverseEventReported,
    AlertAcknowledged,
    AlertEscalated,
    AlertSent,
    AnyFact,
    ClockTicked,
    DataCutDeclared,
    DecisionRecorded,
    DoseGiven,
    DoseOmitted,
    FindingAdjudicated,
    LabResulted,
    MedicationTaken,
    NewTherapyStarted,
    ParticipantDied,
    ParticipantEnrolled,
    ParticipantScreened,
    ParticipantWithdrew,
    ProtocolAdopted,
    RecordWithdrawn,
    SurvivalConfirmed,
    TreatmentEnded,
    TumourAssessed,
    ViewServed,
    VitalSignMeasured,
)
from schemas.facts.dosing import Dose
from schemas.facts.participants import Death, Enrolment, Withdrawal

T = TypeVar("T")

COURSE = frozenset({Enrolment, Death, Withdrawal})
"""What decides who counts in a denominator, beside the first dose and the rules about the participant."""
HOUR = timedelta(hours=1)


def evolve(trial: Trial, fact: AnyFact, position: int) -> Trial:
    """The trial after this fact, accepted at this position."""
    match fact:
        case LabResulted():
            return _held(trial, fact, position, point(fact.data))
        case FindingAdjudicated():
            return _adjudicated(trial, fact, position)
        case ProtocolAdopted():
            return _adopted(trial, fact, position)
        case ClockTicked():
            return _ticked(trial, fact.time, position)
        case (
            ParticipantEnrolled()
            | TreatmentEnded()
            | ParticipantDied()
            | SurvivalConfirmed()
            | NewTherapyStarted()
            | ParticipantWithdrew()
            | AdverseEventReported()
            | DoseGiven()
            | DoseOmitted()
            | VitalSignMeasured()
            | TumourAssessed()
            | MedicationTaken()
        ):
            return _held(trial, fact, position, fact.data)
        case RecordWithdrawn():
            return _held(trial, fact, position, None)
        case (
            ParticipantScreened()
            | DataCutDeclared()
            | DecisionRecorded()
            | AlertSent()
            | AlertAcknowledged()
            | AlertEscalated()
            | ViewServed()
            | AccessGranted()
            | AccessRevoked()
        ):
            return trial._replace(position=position)  # kept in the ledger: no finding rests on it yet
        case _:
            assert_never(fact)


def is_counted_anew(trial: Trial, was: Participant, now: Participant, key: str) -> bool:
    """Whether rules about the participant, and who counts in a denominator, can have moved with a record."""
    if now.judged is not was.judged or now.first_dose != was.first_dose:
        return True
    said = said_last(was, now, key)
    return type(said) in COURSE or (isinstance(said, Dose) and evaluability.reads_dose(trial, was, now, key))


def said_last(was: Participant, now: Participant, key: str) -> Said | None:
    """What a record says now, or said before it was withdrawn."""
    said = now.records[key].said
    if said is None and key in was.records:
        return was.records[key].said
    return said


def due_by(trial: Trial, now: datetime) -> Iterator[str]:
    """The participants about whom time says something after the trial's clock and not after now, in order."""
    for hour in _due_hours(trial, now):
        yield from sorted(trial.due[hour])


def _due_hours(trial: Trial, now: datetime) -> list[datetime]:
    if trial.clock is None or not trial.due:
        return []
    first, last = up_to_the_hour(trial.clock), up_to_the_hour(now)
    hours = (last - first) // HOUR
    if hours > len(trial.due):
        return sorted(hour for hour in trial.due if first < hour <= last)
    return [hour for number in range(1, hours + 1) if (hour := first + number * HOUR) in trial.due]


def _adopted(trial: Trial, fact: ProtocolAdopted, position: int) -> Trial:
    """A protocol in force, or an amendment: cohorts are counted anew, under its rules."""
    protocol = read_protocol(fact.data.protocol)
    clock = max(fact.time, trial.clock) if trial.clock else fact.time
    names = [(rule.id, scope) for rule in protocol.cohort_rules for scope in scopes(protocol, rule)]
    after = trial._replace(
        position=position,
        protocol=protocol,
        clock=clock,
        cohorts=EMPTY.update({name: Cohort() for name in names}),
        due=EMPTY,
    )
    for participant in sorted(after.participants.values(), key=lambda one: one.id):
        judged = _judged(after, participant._replace(judged=EMPTY, waits=EMPTY), protocol.index.everything)
        after = after._replace(participants=after.participants.set(judged.id, judged))
        after = counted(_scheduled(after, None, judged), judged)
    return after


def _ticked(trial: Trial, now: datetime, position: int) -> Trial:
    """Time passed: about whom it says something is judged and counted anew, nobody else."""
    hours, due = _due_hours(trial, now), trial.due
    names = tuple(dict.fromkeys(name for hour in hours for name in sorted(due[hour])))
    for hour in hours:
        due = due.delete(hour)
    after = trial._replace(position=position, clock=now, due=due)
    for name in names:
        was = after.participants[name]
        judged = _judged(after, was, _due_rules(was, up_to_the_hour(now)))
        if judged is not was:
            after = after._replace(participants=after.participants.set(name, judged))
        after = counted(_scheduled(after, was, judged), judged)
    return after


def _due_rules(participant: Participant, now: datetime) -> frozenset[str]:
    return frozenset(name for name, due in participant.waits.items() if due <= now)


def _judged(trial: Trial, participant: Participant, names: frozenset[str]) -> Participant:
    """The participant with these rules judged anew, and those that stand on one that moved."""
    if not names or trial.clock is None:
        return participant
    protocol, wanted = trial.in_force, set(names)
    done, waits = participant.judged, participant.waits
    for rule in protocol.participant_rules:
        if rule.id not in wanted:
            continue
        now = judge(protocol, rule, participant, trial.clock, done)
        waits = _with(waits, rule.id, now.due)
        stands = now._replace(due=None) if now.truth.verdict != "false" else None
        if stands != done.get(rule.id):
            done = _with(done, rule.id, stands)
            wanted |= protocol.index.on_rules[rule.id]
    if done is participant.judged and waits is participant.waits:
        return participant
    return participant._replace(judged=done, waits=waits)


def _with(known: Map[str, T], name: str, one: T | None) -> Map[str, T]:
    """The map with what is now said under a name; the same map where that is what it says."""
    if known.get(name) == one:
        return known
    return known.set(name, one) if one is not None else known.delete(name)


def participant_of(trial: Trial, fact: AnyFact) -> str | None:
    """The participant that a fact is about; a verdict on a rule names the participant in the key of the finding."""
    if isinstance(fact, FindingAdjudicated):
        return trial.adjudged.get(fact.key) or (told[1] if (told := _rule_and_participant(fact)) else None)
    return fact.subject or trial.adjudged.get(fact.key)


def _rule_and_participant(fact: FindingAdjudicated) -> tuple[str, str] | None:
    kind, _, rest = fact.data.finding.partition("|")
    rule, _, name = rest.partition("|")
    return (rule, name) if kind == "participant_rule" and name else None


def _adjudicated(trial: Trial, fact: FindingAdjudicated, position: int) -> Trial:
    """A person's verdict on a rule about a participant; any other is kept in the ledger, and changes nothing."""
    name, told = participant_of(trial, fact), _rule_and_participant(fact)
    if name is None or name not in trial.participants:
        return trial._replace(position=position)
    said = Adjudged(told[0], fact.data.verdict, fact.data.because, f"{fact.time:%Y-%m-%d}") if told else None
    after = trial._replace(adjudged=trial.adjudged.set(fact.key, name))
    return _held(after, fact, position, said if told and told[1] == name else None)


def _held(trial: Trial, fact: AnyFact, position: int, said: Said | None) -> Trial:
    """What a record now says of its participant; None: it was withdrawn."""
    name = participant_of(trial, fact)
    if name is None:
        return trial._replace(position=position)
    participant = trial.participants.get(name) or Participant(name)
    key = fact.key
    old = participant.records.get(key)
    if old is not None and old.revision >= fact.revision:
        return trial._replace(position=position)
    changed = indexed(participant, key, Record(fact.revision, position, said), old)
    changed = _judged(trial, changed, read_by(trial.in_force, participant, changed, key))
    after = Trial(trial.id, position, trial.participants.set(changed.id, changed), *trial[3:])  # faster than _replace
    if changed.waits is not participant.waits or changed.first_dose != participant.first_dose:
        after = _scheduled(after, participant, changed)
    return counted(after, changed) if is_counted_anew(after, participant, changed, key) else after


def _scheduled(trial: Trial, was: Participant | None, participant: Participant) -> Trial:
    """The hours at which a tick must look at the participant: the window's end, and what its rules wait for."""
    moments = set[datetime]()
    if was is None or was.waits is not participant.waits:
        moments = set(participant.waits.values()) - (set(was.waits.values()) if was is not None else set())
    if was is None or was.first_dose != participant.first_dose:
        end = evaluability.window_end(trial.in_force, participant)
        moments |= {datetime.combine(end, time.min)} if end else set()
    due = trial.due
    for moment in moments:
        hour = moment.replace(minute=0, second=0, microsecond=0)
        hour = hour if hour == moment else hour + HOUR
        due = due.set(hour, due.get(hour, EMPTY).set(participant.id, None))
    return trial if due is trial.due else trial._replace(due=due)
