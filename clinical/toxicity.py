"""Which grade does each record have? A value is graded by CTCAE, a reported event keeps the grade it was given.

One finding stands for every gradable record and term, grade 0 and *not gradable* included.
"""

from collections.abc import Iterable, Iterator

from clinical import ctcae
from clinical.course import emergence, steps_of, treatment_of
from clinical.protocol import Protocol
from clinical.severity import SEVERITY_BOUNDS
from clinical.state import LabPoint, Participant, Said
from schemas.facts.adverse_events import AdverseEvent
from schemas.findings import GradeFinding
from schemas.values import latest_day


def conclude(protocol: Protocol, participant: Participant, key: str, said: Said) -> Iterable[GradeFinding]:
    """The grades of one record."""
    match said:
        case LabPoint():
            return _laboratory(protocol, participant, key, said)
        case AdverseEvent():
            return (_reported(protocol, participant, key, said),)
        case _:
            return ()


def grades(
    protocol: Protocol, participant: Participant, key: str, lab: LabPoint
) -> Iterator[tuple[str, str, ctcae.Grade, tuple[str, ...]]]:
    """The terms that a laboratory result can grade, each with its direction, its grade and the records it rests on."""
    terms = ctcae.terms_for(protocol.ctcae, lab.analyte, lab.specimen)
    if not terms:
        return
    baseline_key, baseline = _baseline_for(participant, key, lab)
    if baseline_key == key and protocol.grading.baseline_record == "not_graded":
        return
    causes = (key,) if baseline is None or baseline_key is None else (key, baseline_key)
    if lab.value is not None and lab.value < 0:
        yield from ((term, direction, IMPOSSIBLE, (key,)) for term, direction in terms)
        return
    measurement = ctcae.Measurement(
        lab.value,
        lab.unit,
        lab.lower_limit,
        lab.upper_limit,
        lab.operator,
        baseline,
        facts=FASTING[lab.fasting],
        analyte=lab.analyte,
    )
    for term, direction in terms:
        yield term, direction, ctcae.grade(protocol.ctcae, term, measurement, direction), causes


def _laboratory(protocol: Protocol, participant: Participant, key: str, lab: LabPoint) -> Iterator[GradeFinding]:
    scope = participant.group
    result = lab.in_words
    for term, _, grade, causes in grades(protocol, participant, key, lab):
        yield GradeFinding(
            key=f"grade|{key}|{term}",
            rule=f"ctcae/{protocol.ctcae}",
            version=protocol.version,
            participant=participant.id,
            scope=scope,
            causes=causes,
            sentence=_sentence(result, protocol, term, grade),
            term=term,
            basis="laboratory",
            on=lab.collected,
            grade=grade.grade,
            low=grade.low,
            high=grade.high,
            missing=grade.missing,
            why=grade.why,
            note=grade.note,
        )


IMPOSSIBLE = ctcae.Grade(None, None, None, ("value",), "a value below zero is impossible")

FASTING = {known: ctcae.Facts(fasting=known) for known in (None, True, False)}
"""What a laboratory can say beside the value."""


def _baseline_for(participant: Participant, key: str, lab: LabPoint) -> tuple[str | None, ctcae.Baseline | None]:
    """The baseline a result is compared with, and its key. None for the baseline itself and what came before it.

    A baseline in another unit cannot be compared with: the laboratory's limits decide, as without a baseline.
    """
    baseline_key = participant.baselines.get(lab.analyte)
    if baseline_key is None or baseline_key == key:
        return baseline_key, None
    said = participant.records[baseline_key].said
    if not isinstance(said, LabPoint) or said.unit != lab.unit or _before(lab.collected, said.collected):
        return baseline_key, None
    return baseline_key, ctcae.Baseline(said.value, said.lower_limit, said.upper_limit)


def _before(collected: str, baseline: str) -> bool:
    return latest_day(collected) < latest_day(baseline) or (
        len(collected) > 10 < len(baseline) and collected < baseline
    )


def _sentence(result: str, protocol: Protocol, term: str, grade: ctcae.Grade) -> str:
    if grade.grade is not None:
        return f"{result}: CTCAE {protocol.ctcae} {term}, grade {grade.grade}."
    if grade.low is None and grade.high is None:
        return f"{result}: CTCAE {protocol.ctcae} {term} cannot be graded: {grade.why}."
    return f"{result}: CTCAE {protocol.ctcae} {term}, grade {grade.low} to {grade.high}: {grade.why}."


def _reported(protocol: Protocol, participant: Participant, key: str, event: AdverseEvent) -> GradeFinding:
    """The grade that was reported. A severity is no grade: it gives bounds, and says so."""
    low, high = (event.grade, event.grade) if event.grade else SEVERITY_BOUNDS.get(event.severity or "", (None, None))
    missing: tuple[str, ...] = ()
    why = None
    if event.grade is None:
        missing = ("ctcae_grade",)
        why = f"reported as {event.severity}, without a CTCAE grade" if event.severity else "reported without a grade"
    when = f", onset {event.onset}" if event.onset else ", onset unknown"
    came = emergence(
        event.onset,
        event.end,
        treatment_of(participant),
        steps=steps_of(event),
        within_days=protocol.windows.safety_follow_up_days,
    )
    graded = f"grade {event.grade}" if event.grade else f"not graded ({why})"
    return GradeFinding(
        key=f"grade|{key}|reported",
        rule="reported",
        version=protocol.version,
        participant=participant.id,
        scope=participant.group,
        causes=(key,),
        sentence=f"{event.term} was reported{when}, {graded}.",
        term=event.term,
        basis="reported",
        on=event.onset,
        until=event.end,
        grade=event.grade,
        low=low,
        high=high,
        missing=missing,
        why=why,
        emergent=came.emergent,
        emergence=came.because,
    )
