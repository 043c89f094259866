"""What does a participant's file hold? Records, each kind with its own index; baselines, the first dose, the stay.

A record is put in with what it says now and what it said before; nothing here judges or concludes.
"""

from datetime import date

from immutables import Map

from clinical.state import Adjudged, Keys, LabPoint, Participant, Record
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose, Omission
from schemas.facts.imaging import TumourAssessment
from schemas.facts.labs import LabResult
from schemas.facts.medication import Medication
from schemas.facts.participants import Death, EndOfTreatment, Enrolment, Withdrawal
from schemas.facts.vitals import VitalSign
from schemas.values import earliest_day, latest_day

__all__ = ["indexed", "point"]


def indexed(participant: Participant, key: str, record: Record, old: Record | None) -> Participant:
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


def point(result: LabResult) -> LabPoint:
    """A laboratory result as far as it is looked up."""
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
