"""What changed with this fact? `step`: the one door into the core.

Rules say what stands; the step compares what stood with what stands, for the few things the fact touched. So nothing
is announced twice, a corrected value withdraws its own alarm, and a replay says what was said live.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from immutables import Map

from clinical import cohort_rules, dosing, evaluability, queries, reconciliation, toxicity
from clinical.course import treatment_of
from clinical.fold import due_by, evolve, is_counted_anew, participant_of, said_last
from clinical.rules import concluding
from clinical.rules.judging import judged
from clinical.state import CohortName, LabPoint, Participant, Said, Trial
from schemas import AnyFact, ClockTicked, ProtocolAdopted
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose
from schemas.facts.participants import Death, EndOfTreatment, Withdrawal
from schemas.findings import AnyFinding, Change, GradeFinding

RecordName = tuple[str, str]
"""A participant and the key of one record."""

AnalyteName = tuple[str, str]
"""A participant and one analyte."""

TREATMENT = frozenset({Dose, EndOfTreatment, Death, Withdrawal})
"""What says when study treatment began and ended."""


class Touched(NamedTuple):
    """What a fact can have changed the conclusions about."""

    records: tuple[RecordName, ...] = ()
    participants: tuple[str, ...] = ()
    cohorts: tuple[CohortName, ...] = ()
    dosed: tuple[str, ...] = ()
    """Participants whose drugs may stand otherwise, or whose doses may be held against something else."""
    doses: tuple[RecordName, ...] = ()
    """Doses that may be held against what stood, where nothing else has moved."""


NOTHING = Touched()
"""What an hour touches in which nothing falls due, and a fact on which no conclusion rests."""


def step(trial: Trial, fact: AnyFact, position: int) -> tuple[Trial, tuple[Change, ...]]:
    """The trial after the fact, and what was raised, changed or withdrawn by it, in order of the findings' keys."""
    after = evolve(trial, fact, position)
    touched = _touched(trial, after, fact)
    if touched is NOTHING:
        return after, ()
    stood = {finding.key: finding for finding in concluded(trial, touched)} if trial.protocol else {}
    stands = {finding.key: finding for finding in concluded(after, touched)}
    if asked := _to_reconcile(trial, after, touched, (*stood.values(), *stands.values())):
        stood |= {finding.key: finding for finding in reconciled(trial, asked)}
        stands |= {finding.key: finding for finding in reconciled(after, asked)}
    return after, tuple(_compared(stood, stands, position))


def standing(trial: Trial) -> dict[str, AnyFinding]:
    """Everything that stands, by key: the slow way, from the whole state. What all changes must add up to."""
    if trial.protocol is None or trial.clock is None:
        return {}
    trial = trial._replace(participants=Map({one.id: _anew(trial, one) for one in trial.participants.values()}))
    analytes = tuple((one.id, analyte) for one in trial.participants.values() for analyte in one.labs)
    found = (*concluded(trial, _everything(trial)), *reconciled(trial, analytes))
    return {finding.key: finding for finding in found}


def _anew(trial: Trial, participant: Participant) -> Participant:
    """The participant with every rule judged again: what the fold keeps must equal it."""
    if trial.clock is None:
        return participant
    done = judged(trial.in_force, participant, trial.clock)
    return participant._replace(judged=Map({one.rule.id: one for one in done}))


def concluded(trial: Trial, touched: Touched) -> Iterator[AnyFinding]:
    """What stands about the things touched."""
    protocol = trial.in_force
    for name, key in touched.records:
        participant = trial.participants.get(name)
        record = participant.records.get(key) if participant else None
        if participant is not None and record is not None and record.said is not None:
            yield from toxicity.conclude(protocol, participant, key, record.said)
            yield from queries.conclude(protocol, participant, key, record.said)
    for name in touched.participants:
        participant = trial.participants.get(name)
        if participant is not None:
            yield from concluding.conclude(protocol, participant, participant.judged.values())
            yield from evaluability.conclude(trial, participant)
    for name in touched.dosed:
        participant = trial.participants.get(name)
        if participant is not None and trial.clock is not None:
            yield from dosing.conclude(protocol, participant, trial.clock)
    for name, key in touched.doses:
        participant = trial.participants.get(name)
        if participant is not None and trial.clock is not None:
            yield from dosing.asked_about(protocol, participant, key, trial.clock)
    for cohort in touched.cohorts:
        yield from cohort_rules.conclude(trial, cohort)


def reconciled(trial: Trial, analytes: Iterable[AnalyteName]) -> Iterator[AnyFinding]:
    """What stands between the values of these analytes and the events that were reported."""
    for name, analyte in analytes:
        participant = trial.participants.get(name)
        if participant is not None and trial.protocol is not None:
            yield from reconciliation.conclude(trial.protocol, participant, analyte)


def _to_reconcile(before: Trial, after: Trial, touched: Touched, found: Iterable[AnyFinding]) -> Iterable[AnalyteName]:
    """The analytes whose story may have changed: of an event touched, and of a value that is severe or has an event."""
    policies = [one.reconciliation for one in (before.protocol, after.protocol) if one and one.reconciliation]
    if not policies or not touched.records:
        return ()
    least = min(policy.grade_at_least for policy in policies)
    severe = {one.causes[0] for one in found if type(one) is GradeFinding and (one.low or 0) >= least}
    asked: dict[AnalyteName, None] = {}
    for name, key in touched.records:
        for trial in (before, after):
            participant = trial.participants.get(name)
            if participant is not None and (record := participant.records.get(key)) is not None:
                for analyte in reconciliation.bearing(participant, record.said, severe=key in severe):
                    asked[name, analyte] = None
    return asked


def _compared(stood: dict[str, AnyFinding], stands: dict[str, AnyFinding], position: int) -> Iterator[Change]:
    for key in sorted(stood | stands if stood else stands):
        before, now = stood.get(key), stands.get(key)
        if now is None:
            assert before is not None
            yield Change("withdrawn", position, before)
        elif before is None:
            yield Change("raised", position, now)
        elif before != now:
            yield Change("changed", position, now)


def _touched(before: Trial, after: Trial, fact: AnyFact) -> Touched:
    name = participant_of(after, fact)
    if name is not None and after.participants is not before.participants:
        return _touched_by_record(before, after, name, fact.key)
    if isinstance(fact, ClockTicked):
        names = due_by(before, fact.time) if after.due is not before.due else ()
        due = tuple(name for name in dict.fromkeys(names) if _has_moved(before, after, name))
        if not due and after.cohorts is before.cohorts:
            return NOTHING
        return Touched(participants=due, cohorts=_changed_cohorts(before, after), dosed=due)
    if isinstance(fact, ProtocolAdopted):
        return _both(_everything(before), _everything(after))
    return NOTHING


def _has_moved(before: Trial, after: Trial, name: str) -> bool:
    """Whether time said something of the participant: what a rule waited for came, or the window ended."""
    was, now = before.participants[name], after.participants[name]
    if was is not now or before.clock is None or after.clock is None:
        return True
    end = evaluability.window_end(after.in_force, now)
    return end is not None and before.clock.date() < end <= after.clock.date()


def _touched_by_record(before: Trial, after: Trial, name: str, key: str) -> Touched:
    was, now = before.participants.get(name) or Participant(name), after.participants[name]
    said = said_last(was, now, key)
    records = tuple([(name, touched) for touched in _touched_records(was, now, key, said)])
    participants = (name,) if is_counted_anew(after, was, now, key) else ()
    dosed = (name,) if participants or type(said) is EndOfTreatment else ()
    doses = ((name, key),) if isinstance(said, Dose) and not dosed else ()
    return Touched(records, participants, _changed_cohorts(before, after), dosed, doses)


def _touched_records(was: Participant, now: Participant, key: str, said: Said | None) -> Iterable[str]:
    """The record itself, and those whose meaning rests on it."""
    if was.enrolment is not now.enrolment or was.death is not now.death or was.first_dose != now.first_dose:
        return now.records
    if isinstance(said, LabPoint):
        moved = _moved_baselines(was, now, key, said)
        return dict.fromkeys((key, *(other for analyte in moved for other in now.labs.get(analyte, ()))))
    if isinstance(said, AdverseEvent):
        return dict.fromkeys((key, *now.courses))
    if type(said) in TREATMENT and treatment_of(was) != treatment_of(now):
        return dict.fromkeys((key, *now.events))
    return (key,)


def _moved_baselines(was: Participant, now: Participant, key: str, lab: LabPoint) -> Iterable[str]:
    """The analytes whose baseline is another record now, or the same record saying something else."""
    if was.baselines is now.baselines:
        return (lab.analyte,) if now.baselines.get(lab.analyte) == key else ()
    both = {*was.baselines, *now.baselines}
    return [a for a in both if was.baselines.get(a) != now.baselines.get(a) or now.baselines.get(a) == key]


def _changed_cohorts(before: Trial, after: Trial) -> tuple[CohortName, ...]:
    if before.cohorts is after.cohorts:
        return ()
    return tuple(name for name in after.cohorts if before.cohorts.get(name) is not after.cohorts[name])


def _everything(trial: Trial) -> Touched:
    return Touched(
        records=tuple((one.id, key) for one in trial.participants.values() for key in one.records),
        participants=tuple(trial.participants),
        cohorts=tuple(trial.cohorts),
        dosed=tuple(trial.participants),
    )


def _both(one: Touched, other: Touched) -> Touched:
    return Touched(
        records=tuple(dict.fromkeys(one.records + other.records)),
        participants=tuple(dict.fromkeys(one.participants + other.participants)),
        cohorts=tuple(dict.fromkeys(one.cohorts + other.cohorts)),
        dosed=tuple(dict.fromkeys(one.dosed + other.dosed)),
    )
