"""What is known after one more fact? `evolve`: one match over every fact, the compiler names the one forgotten.

A fact touches its participant, the counters of its cohorts, and nothing else. A correction replaces what its record
said; a revision that arrives late, below the one that stands, changes nothing.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TypeVar, assert_never

from immutables import Map

from clinical import evaluability
from clinical.cohort_rules import scopes
from clinical.protocol import CohortRule, read_protocol
from clinical.rules.judging import judge, up_to_the_hour
from clinical.rules.reading import read_by
from clinical.state import EMPTY, Adjudged, Cohort, CohortName, Keys, LabPoint, Participant, Place, Record, Said, Trial
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
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose, Omission
from schemas.facts.imaging import TumourAssessment
from schemas.facts.labs import LabResult
from schemas.facts.medication import Medication
from schemas.facts.participants import Death, EndOfTreatment, Enrolment, Withdrawal
from schemas.facts.vitals import VitalSign
from schemas.values import earliest_day, latest_day

T = TypeVar("T")

COURSE = frozenset({Enrolment, Death, Withdrawal})
"""What decides who counts in a denominator, beside the first dose and the rules about the participant."""
HOUR = timedelta(hours=1)


def evolve(trial: Trial, fact: AnyFact, position: int) -> Trial:
    """The trial after this fact, accepted at this position."""
    match fact:
        case LabResulted():
            return _held(trial, fact, position, _point(fact.data))
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
        after = _counted(_scheduled(after, None, judged), judged)
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
        after = _counted(_scheduled(after, was, judged), judged)
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
    changed = _indexed(participant, key, Record(fact.revision, position, said), old)
    changed = _judged(trial, changed, read_by(trial.in_force, participant, changed, key))
    after = Trial(trial.id, position, trial.participants.set(changed.id, changed), *trial[3:])  # faster than _replace
    if changed.waits is not participant.waits or changed.first_dose != participant.first_dose:
        after = _scheduled(after, participant, changed)
    return _counted(after, changed) if is_counted_anew(after, participant, changed, key) else after


def _indexed(participant: Participant, key: str, record: Record, old: Record | None) -> Participant:
    """The participant with the record, and every index that its kind belongs to."""
    records = participant.records.set(key, record)
    match record.said if record.said is not None else old.said if old else None:
        case LabPoint() as lab:
            labs = participant.labs.set(lab.analyte, _listed(participant.labs.get(lab.analyte, ()), key, record, old))
            after = Participant(participant.id, records, labs, *participant[3:])  # many times faster than _replace
            return _with_lab(after, key, lab, old)
        case AdverseEvent():
            return participant._replace(records=records, events=_member(participant.events, key, record))
        case Dose():
            doses = _member(participant.doses, key, record)
            return _with_dose(participant._replace(records=records, doses=doses), record, old)
        case VitalSign(sign=sign):
            return participant._replace(records=records, signs=_with_sign(participant.signs, key, record, old, sign))
        case Omission():
            omissions = _member(participant.omissions, key, record)
            return participant._replace(records=records, omissions=omissions)
        case Medication():
            medications = _member(participant.medications, key, record)
            return participant._replace(records=records, medications=medications)
        case TumourAssessment():
            return participant._replace(records=records, scans=_member(participant.scans, key, record))
        case Adjudged():
            adjudications = _member(participant.adjudications, key, record)
            return participant._replace(records=records, adjudications=adjudications)
        case Enrolment() | EndOfTreatment() | Death() | Withdrawal():
            courses = _member(participant.courses, key, record)
            return _with_course(participant._replace(records=records, courses=courses))
        case _:
            return participant._replace(records=records)


def _member(keys: Keys, key: str, record: Record) -> Keys:
    if record.said is not None:
        return keys.set(key, None)
    return keys.delete(key) if key in keys else keys


def _listed(keys: tuple[str, ...], key: str, record: Record, old: Record | None) -> tuple[str, ...]:
    if old is not None:
        keys = tuple(other for other in keys if other != key)
    return (*keys, key) if record.said is not None else keys


def _with_sign(
    signs: Map[str, tuple[str, ...]], key: str, record: Record, old: Record | None, sign: str
) -> Map[str, tuple[str, ...]]:
    before = old.said.sign if old is not None and isinstance(old.said, VitalSign) else sign
    if before != sign:
        signs = signs.set(before, tuple(other for other in signs.get(before, ()) if other != key))
    return signs.set(sign, _listed(signs.get(sign, ()), key, record, old))


def _with_lab(after: Participant, key: str, lab: LabPoint, old: Record | None) -> Participant:
    """The baselines as they are with a laboratory record: only a candidate, or the change of a record, moves one."""
    if old is None:
        return _with_baseline(after, lab.analyte) if _is_candidate(after, lab) else after
    if isinstance(old.said, LabPoint) and old.said.analyte != lab.analyte:
        without = tuple(other for other in after.labs[old.said.analyte] if other != key)
        after = _with_baseline(after._replace(labs=after.labs.set(old.said.analyte, without)), old.said.analyte)
    return _with_baseline(after, lab.analyte)


def _with_baseline(participant: Participant, analyte: str) -> Participant:
    """The baseline of an analyte: its last number at or before the first dose."""
    best: tuple[str, int, str] | None = None
    for key in participant.labs.get(analyte, ()):
        record = participant.records[key]
        if isinstance(record.said, LabPoint) and _is_candidate(participant, record.said):
            rank = (record.said.collected, record.position, key)
            best = rank if best is None else max(best, rank)
    if best is None:
        if analyte not in participant.baselines:
            return participant
        return participant._replace(baselines=participant.baselines.delete(analyte))
    return participant._replace(baselines=participant.baselines.set(analyte, best[2]))


def _is_candidate(participant: Participant, lab: LabPoint) -> bool:
    """Whether a result may be a baseline: an exact number in blood, drawn at or before the first dose.

    On the day of the first dose a draw counts as before it, unless both times are known and say otherwise.
    """
    first = participant.first_dose
    if first is None or lab.value is None or lab.operator != "=" or lab.specimen != "blood":
        return False
    drawn, dosed = latest_day(lab.collected), earliest_day(first)
    if drawn != dosed or len(lab.collected) == 10 or len(first) == 10:
        return drawn <= dosed
    return lab.collected <= first


def _with_dose(after: Participant, record: Record, old: Record | None) -> Participant:
    """The first dose, which decides baselines and the window, as it is with this dose."""
    if old is None and isinstance(record.said, Dose) and after.first_dose is not None:
        first: str | None = min(after.first_dose, record.said.started, key=_when)
    else:
        started = [said.started for dose in after.doses if isinstance(said := after.records[dose].said, Dose)]
        first = min(started, key=_when, default=None)
    if first == after.first_dose:
        return after
    after = after._replace(first_dose=first)
    for analyte in after.labs:
        after = _with_baseline(after, analyte)
    return after


def _when(partial: str) -> tuple[date, str]:
    return earliest_day(partial), partial


def _with_course(participant: Participant) -> Participant:
    """Enrolment, death and withdrawal as they stand: of two records of one kind, the later accepted."""
    enrolment: Enrolment | None = None
    death: Death | None = None
    withdrawal: Withdrawal | None = None
    enrolled_at = 0
    for record in sorted((participant.records[key] for key in participant.courses), key=lambda one: one.position):
        match record.said:
            case Enrolment() as enrolment:
                enrolled_at = enrolled_at or record.position
            case Death() as death:
                pass
            case Withdrawal() as withdrawal:
                pass
    return participant._replace(enrolment=enrolment, death=death, withdrawal=withdrawal, enrolled_at=enrolled_at)


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


def _counted(trial: Trial, participant: Participant) -> Trial:
    """The counters of every cohort with the participant as now known."""
    cohorts = trial.cohorts
    for rule in trial.in_force.cohort_rules:
        for scope in scopes(trial.in_force, rule):
            name = (rule.id, scope)
            cohort = _with_member(trial, rule, name, cohorts[name], participant)
            if cohort is not cohorts[name]:
                cohorts = cohorts.set(name, cohort)
    return trial if cohorts is trial.cohorts else trial._replace(cohorts=cohorts)


def _with_member(trial: Trial, rule: CohortRule, name: CohortName, cohort: Cohort, participant: Participant) -> Cohort:
    belongs = participant.enrolment is not None and name[1] in {"pooled", participant.enrolment.group}
    known = participant.id in cohort.standings
    if not belongs or participant.enrolment is None:
        return _without(cohort, participant.id) if known else cohort
    place = Place(participant.enrolment.enrolled_on, participant.enrolled_at, participant.id)
    standing = evaluability.stands(trial, rule, participant)
    if known and place in _near(cohort, place):
        if cohort.standings[participant.id] == standing:
            return cohort
        return Cohort(cohort.places, cohort.standings.set(participant.id, standing))
    if known:
        cohort = _without(cohort, participant.id)
    places = list(cohort.places)
    insort(places, place)
    return Cohort(tuple(places), cohort.standings.set(participant.id, standing))


def _near(cohort: Cohort, place: Place) -> tuple[Place, ...]:
    number = bisect_left(cohort.places, place)
    return cohort.places[number : number + 1]


def _without(cohort: Cohort, name: str) -> Cohort:
    places = tuple(place for place in cohort.places if place.participant != name)
    return Cohort(places, cohort.standings.delete(name))


def _point(result: LabResult) -> LabPoint:
    return LabPoint(
        result.analyte,
        result.specimen,
        result.collected,
        result.operator,
        result.value,
        result.coded,
        result.unit,
        result.lower_limit,
        result.upper_limit,
        result.fasting,
    )
