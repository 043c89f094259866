"""Which rules must be judged again, now that one record says something else?"""

from clinical.rules.index import NONE, Index, Names
from clinical.state import Adjudged, LabPoint, Participant, Record, Said
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose, Omission
from schemas.facts.medication import Medication
from schemas.facts.participants import Death, EndOfTreatment, Enrolment, Withdrawal
from schemas.facts.vitals import VitalSign

__all__ = ["read_by"]


def read_by(index: Index, was: Participant, now: Participant, key: str) -> Names:
    """The rules that read what the record says, or what it said before, or a baseline that moved with it."""
    if was.first_dose != now.first_dose:
        return index.everything
    found = _reading(index, now.records[key]) | _reading(index, was.records.get(key))
    if was.baselines is not now.baselines:
        for analyte, _ in {*was.baselines.items()} ^ {*now.baselines.items()}:
            found |= index.on_lab(analyte)
    return found


def _reading(index: Index, record: Record | None) -> Names:
    said: Said | None = record.said if record is not None else None
    match said:
        case LabPoint(analyte=analyte):
            return index.on_lab(analyte)
        case AdverseEvent(term=term, system_organ_class=body_system):
            return index.on_event(term, body_system)
        case Dose():
            return index.on_doses
        case Omission():
            return index.on_omissions
        case Medication():
            return index.on_medication
        case VitalSign(sign=sign):
            return index.on_sign(sign)
        case Adjudged(rule=rule):
            return index.on_verdict(rule)
        case Enrolment() | EndOfTreatment() | Death() | Withdrawal():
            return index.everything
        case _:
            return NONE
