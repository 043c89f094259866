"""Which rules must be judged again, now that one record says something else?

A new laboratory value bears on a rule that stands, and on one that it may make true: a rule that is false stays false
under a value that shows none of what the rule asks for. Most values are ordinary, so this is what makes a rule cheap.
"""

from decimal import Decimal
from functools import lru_cache

from clinical.protocol import Protocol
from clinical.rules.bounds import in_family, inside
from clinical.rules.index import NONE, Index, Names
from clinical.rules.levels import LabSeen, Level
from clinical.rules.values import level, may_be_fall, may_be_grade
from clinical.state import Adjudged, LabPoint, Participant, Record, Said
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose, Omission
from schemas.facts.imaging import TumourAssessment
from schemas.facts.medication import Medication
from schemas.facts.participants import Death, EndOfTreatment, Enrolment, Withdrawal
from schemas.facts.vitals import VitalSign

__all__ = ["read_by"]


def read_by(protocol: Protocol, was: Participant, now: Participant, key: str) -> Names:
    """The rules that read what the record says, or what it said before, or a baseline that moved with it."""
    index = protocol.index
    said = now.records[key].said
    if isinstance(said, Enrolment) and len(now.records) == 1:
        return index.on_nothing
    if was.first_dose != now.first_dose:
        return index.on_first_dose.union(*map(index.on_lab, now.labs), *map(index.on_sign, now.signs))
    if isinstance(said, Dose) and key not in was.records:
        return frozenset(name for name in index.on_doses if _may_move(index, now, name))
    if isinstance(said, LabPoint) and key not in was.records and was.baselines is now.baselines:
        return _under_new_value(protocol, was, now, key, said)
    if isinstance(said, VitalSign) and key not in was.records:
        return _under_new_sign(index, was, said)
    if isinstance(said, EndOfTreatment | Death | Withdrawal) and key not in was.records:
        return index.on_ends | {*was.judged, *was.waits}  # who leaves begins nothing else, and may end what stands
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
        case TumourAssessment():
            return index.on_scans
        case Adjudged(rule=rule):
            return index.on_verdict(rule)
        case Enrolment() | EndOfTreatment() | Death() | Withdrawal():
            return index.everything
        case _:
            return NONE


def _may_move(index: Index, now: Participant, name: str) -> bool:
    """Whether one more dose can move a rule: a delay begins anew; else only what stands, or what it needs is there."""
    return (
        name in now.judged
        or name in now.waits
        or name in index.on_delays
        or (name in index.on_medicines_after and bool(now.medications))
        or (name in index.on_doses_between and bool(now.events))
    )


def _under_new_value(protocol: Protocol, was: Participant, now: Participant, key: str, lab: LabPoint) -> Names:
    """The rules on a new value: those that stand, and those that it may make true."""
    index = protocol.index
    names = index.on_lab(lab.analyte)
    if not names:
        return names
    shown, asked = _shown_by(
        index, lab.analyte, lab.operator, lab.value, lab.coded, lab.unit, lab.lower_limit, lab.upper_limit
    )
    found = {name for name in names if name in shown or name in was.judged or name in was.waits}
    found.update(name for name, said in asked if name not in found and _may_show(said, protocol, now, key, lab))
    return frozenset(found)


def _under_new_sign(index: Index, was: Participant, said: VitalSign) -> Names:
    """The rules on a new vital sign: those that stand, and those of which it may show what they ask."""
    names = index.on_sign(said.sign)
    shown = names and _shown_by_sign(index, said.sign, said.value, said.unit)
    return frozenset(name for name in names if name in shown or name in was.judged or name in was.waits)


@lru_cache(maxsize=4096)
def _shown_by_sign(index: Index, sign: str, value: Decimal, unit: str | None) -> Names:
    return frozenset(
        name for name, asked in index.asked_of_sign(sign) if in_family(asked.value, sign, unit, "=", value) != "no"
    )


@lru_cache(maxsize=16_384)
def _shown_by(
    index: Index,
    analyte: str,
    operator: str,
    value: Decimal | None,
    coded: str | None,
    unit: str | None,
    lower: Decimal | None,
    upper: Decimal | None,
) -> tuple[Names, tuple[tuple[str, LabSeen], ...]]:
    """The rules of which a value may show what they ask by number or limit; and what rules ask in another way."""
    lab = LabPoint(analyte, "blood", "", operator, value, coded, unit, lower, upper, None)
    asked = index.asked_of(analyte)
    by_level = [(name, said) for name, said in asked if said.value or said.times_upper_limit or said.times_lower_limit]
    shown = frozenset(name for name, said in by_level if all(found != "no" for found, _ in level(said, lab)))
    return shown, tuple(one for one in asked if one not in by_level)


def _may_show(said: LabSeen, protocol: Protocol, now: Participant, key: str, lab: LabPoint) -> bool:
    """Whether a value may show a fall, a rise over baseline, or a grade, from a baseline as it is asked for."""
    if said.fall is not None:
        return any(
            other is not lab and isinstance(other, LabPoint) and may_be_fall(said.fall, lab, other)
            for key in now.labs.get(lab.analyte, ())
            for other in (now.records[key].said,)
        )
    baseline = now.baselines.get(lab.analyte)
    begun = now.records[baseline].said if baseline is not None else None
    if said.grade is not None and not may_be_grade(said, protocol, now, key, lab):
        return False
    if said.baseline is not None and isinstance(begun, LabPoint) and _is_denied(said.baseline, begun):
        return False
    if said.times_baseline is None or not isinstance(begun, LabPoint) or begun.value is None or lab.value is None:
        return True
    return begun.unit != lab.unit or inside(said.times_baseline, lab.operator, lab.value, begun.value) != "no"


def _is_denied(said: Level, lab: LabPoint) -> bool:
    return any(found == "no" for found, _ in level(said, lab))
