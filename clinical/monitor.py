"""What changed with this fact? `step`: the one door into the core.

Rules say what stands; the step compares what stood with what stands, for the few things the fact touched. So nothing
is announced twice, a corrected value withdraws its own alarm, and a replay says what was said live.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from clinical import cohort_rules, evaluability, participant_rules, queries, reconciliation, toxicity
from clinical.course import treatment_of
from clinical.fold import due_by, evolve, is_judged_anew
from clinical.state import EMPTY, CohortName, LabPoint, Participant, Trial
from schemas import AnyFact, ClockTicked, ProtocolAdopted
from schemas.findings import AnyFinding, Change, GradeFinding

RecordName = tuple[str, str]
"""A participant and the key of one record."""

AnalyteName = tuple[str, str]
"""A participant and one analyte."""


class Touched(NamedTuple):
    """What a fact can have changed the conclusions about."""

    records: tuple[RecordName, ...] = ()
    participants: tuple[str, ...] = ()
    cohorts: tuple[CohortName, ...] = ()


def step(trial: Trial, fact: AnyFact, position: int) -> tuple[Trial, tuple[Change, ...]]:
    """The trial after the fact, and what was raised, changed or withdrawn by it, in order of the findings' keys."""
    after = evolve(trial, fact, position)
    touched = _touched(trial, after, fact)
    stood = {finding.key: finding for finding in concluded(trial, touched)} if trial.protocol else {}
    stands = {finding.key: finding for finding in concluded(after, touched)}
    asked = tuple(_to_reconcile(trial, after, touched, (*stood.values(), *stands.values())))
    stood |= {finding.key: finding for finding in reconciled(trial, asked)}
    stands |= {finding.key: finding for finding in reconciled(after, asked)}
    return after, tuple(_compared(stood, stands, position))


def standing(trial: Trial) -> dict[str, AnyFinding]:
    """Everything that stands, by key: the slow way, from the whole state. What all changes must add up to."""
    if trial.protocol is None:
        return {}
    analytes = tuple((one.id, analyte) for one in trial.participants.values() for analyte in one.labs)
    found = (*concluded(trial, _everything(trial)), *reconciled(trial, analytes))
    return {finding.key: finding for finding in found}


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
            yield from participant_rules.conclude(protocol, participant)
            yield from evaluability.conclude(trial, participant)
    for cohort in touched.cohorts:
        yield from cohort_rules.conclude(trial, cohort)


def reconciled(trial: Trial, analytes: Iterable[AnalyteName]) -> Iterator[AnyFinding]:
    """What stands between the values of these analytes and the events that were reported."""
    for name, analyte in analytes:
        participant = trial.participants.get(name)
        if participant is not None and trial.protocol is not None:
            yield from reconciliation.conclude(trial.protocol, participant, analyte)


def _to_reconcile(before: Trial, after: Trial, touched: Touched, found: Iterable[AnyFinding]) -> Iterator[AnalyteName]:
    """The analytes whose story may have changed: of an event touched, and of a value that is severe or has an event."""
    if not touched.records:
        return
    if after.in_force.reconciliation is None and (before.protocol is None or before.protocol.reconciliation is None):
        return
    least = min(
        each.reconciliation.grade_at_least for each in (before.protocol, after.protocol) if each and each.reconciliation
    )
    severe = {one.causes[0] for one in found if isinstance(one, GradeFinding) and (one.low or 0) >= least}
    asked: dict[AnalyteName, None] = {}
    for name, key in touched.records:
        for trial in (before, after):
            participant = trial.participants.get(name)
            if participant is not None and (record := participant.records.get(key)) is not None:
                found_in = reconciliation.bearing(participant, record.said, severe=key in severe)
                asked.update(((name, analyte), None) for analyte in found_in)
    yield from asked


def _compared(stood: dict[str, AnyFinding], stands: dict[str, AnyFinding], position: int) -> Iterator[Change]:
    for key in sorted(stood | stands):
        before, now = stood.get(key), stands.get(key)
        if now is None:
            assert before is not None
            yield Change("withdrawn", position, before)
        elif before is None:
            yield Change("raised", position, now)
        elif before != now:
            yield Change("changed", position, now)


def _touched(before: Trial, after: Trial, fact: AnyFact) -> Touched:
    if isinstance(fact, ProtocolAdopted):
        return _both(_everything(before), _everything(after))
    cohorts = _changed_cohorts(before, after)
    if isinstance(fact, ClockTicked):
        return Touched(participants=tuple(due_by(before, fact.time)), cohorts=cohorts)
    if fact.subject is None or after.participants is before.participants:
        return Touched()
    name, key = fact.subject, fact.key
    was, now = before.participants.get(name) or Participant(name), after.participants[name]
    return Touched(
        records=tuple((name, touched) for touched in _touched_records(was, now, key)),
        participants=(name,) if is_judged_anew(was, now, key) else (),
        cohorts=cohorts,
    )


def _touched_records(was: Participant, now: Participant, key: str) -> Iterable[str]:
    """The record itself, and those whose meaning rests on it."""
    if was.enrolment is not now.enrolment or was.death is not now.death or was.first_dose != now.first_dose:
        return now.records
    touched = [key]
    if key in now.events or key in was.events:
        touched.extend(now.courses)
    elif _is_of_treatment(key, was, now) and treatment_of(was) != treatment_of(now):
        touched.extend(now.events)
    for analyte in _moved_baselines(was, now, key):
        touched.extend(now.labs.get(analyte, EMPTY))
    return touched if len(touched) == 1 else dict.fromkeys(touched)


def _is_of_treatment(key: str, was: Participant, now: Participant) -> bool:
    return any(key in kept for kept in (was.doses, now.doses, was.courses, now.courses))


def _moved_baselines(was: Participant, now: Participant, key: str) -> Iterator[str]:
    """The analytes whose baseline is another record now, or the same record saying something else."""
    if was.baselines is now.baselines:
        said = now.records[key].said
        if isinstance(said, LabPoint) and now.baselines.get(said.analyte) == key:
            yield said.analyte
        return
    yield from (a for a in now.baselines if was.baselines.get(a) != now.baselines[a] or now.baselines[a] == key)
    yield from (a for a in was.baselines if a not in now.baselines)


def _changed_cohorts(before: Trial, after: Trial) -> tuple[CohortName, ...]:
    if before.cohorts is after.cohorts:
        return ()
    return tuple(name for name in after.cohorts if before.cohorts.get(name) is not after.cohorts[name])


def _everything(trial: Trial) -> Touched:
    return Touched(
        records=tuple((one.id, key) for one in trial.participants.values() for key in one.records),
        participants=tuple(trial.participants),
        cohorts=tuple(trial.cohorts),
    )


def _both(one: Touched, other: Touched) -> Touched:
    return Touched(
        records=tuple(dict.fromkeys(one.records + other.records)),
        participants=tuple(dict.fromkeys(one.participants + other.participants)),
        cohorts=tuple(dict.fromkeys(one.cohorts + other.cohorts)),
    )
