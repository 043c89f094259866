"""Do laboratory values and reported events tell the same story? Toxicity that nobody reported, grades that values deny.

Both are questions that close themselves: when the event arrives, when the grade or the value is corrected.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from clinical import toxicity
from clinical.ctcae import names_of_toxicity, only_values_grade
from clinical.ctcae.terms import plain_name
from clinical.protocol import Protocol, Reconciliation
from clinical.rules.view import events_of
from clinical.state import LabPoint, Participant, Said
from schemas.facts.adverse_events import AdverseEvent
from schemas.findings import QueryFinding
from schemas.values import earliest_day, latest_day

UNREPORTED, CONTRADICTED = "toxicity_without_event", "grade_against_values"
DIRECTIONS = ("low", "high")
DEATH = 5
OVER = frozenset({"recovered", "recovered_with_sequelae"})


class Value(NamedTuple):
    """One result, graded under one term."""

    key: str
    lab: LabPoint
    term: str
    direction: str
    low: int
    high: int


def conclude(protocol: Protocol, participant: Participant, analyte: str) -> Iterator[QueryFinding]:
    """The questions that stand about one analyte of one participant."""
    asked = protocol.reconciliation
    if asked is None:
        return
    values = tuple(_values(protocol, participant, analyte))
    for direction in DIRECTIONS:
        names = names_of_toxicity(analyte, direction)
        events = [(key, event) for key, event in events_of(participant) if plain_name(event.term) in names]
        seen = [value for value in values if value.direction == direction]
        yield from _unreported(protocol, asked, participant, seen, events)
        for key, event in events:
            yield from _contradicted(protocol, asked, participant, analyte, seen, (key, event), events)


def bearing(participant: Participant, said: Said | None, *, severe: bool) -> Iterator[str]:
    """The analytes whose questions a record may bear upon: of an event, of a severe value, of a value with an event."""
    match said:
        case AdverseEvent():
            yield from (analyte for analyte in participant.labs if _is_about(said.term, analyte))
        case LabPoint(analyte=analyte):
            if severe or any(_is_about(event.term, analyte) for _, event in events_of(participant)):
                yield analyte


@lru_cache(maxsize=16_384)
def _is_about(term: str, analyte: str) -> bool:
    name = plain_name(term)
    return any(name in names_of_toxicity(analyte, direction) for direction in DIRECTIONS)


def _values(protocol: Protocol, participant: Participant, analyte: str) -> Iterator[Value]:
    for key in participant.labs.get(analyte, ()):
        lab = participant.records[key].said
        if isinstance(lab, LabPoint):
            for term, direction, grade, _ in toxicity.grades(protocol, participant, key, lab):
                if grade.low is not None and grade.high is not None:
                    yield Value(key, lab, term, direction, grade.low, grade.high)


def _unreported(
    protocol: Protocol,
    asked: Reconciliation,
    participant: Participant,
    values: list[Value],
    events: list[tuple[str, AdverseEvent]],
) -> Iterator[QueryFinding]:
    """One question per term: which values certainly reach the grade, are new, and have no event."""
    for term in sorted({value.term for value in values}):
        graded = [value for value in values if value.term == term]
        before = _at_baseline(participant, graded)
        alone = [
            value
            for value in graded
            if value.low >= max(asked.grade_at_least, before + 1)
            and not _surely_before_treatment(participant, value)
            and not any(_answers(event, value, asked) for _, event in events)
        ]
        if alone:
            alone.sort(key=lambda value: (value.lab.collected, value.key))
            first, worst = alone[0].lab.collected, max(value.low for value in alone)
            last = f" to {alone[-1].lab.collected}" if len(alone) > 1 else ""
            wrong = (
                f"{term} of grade {worst} by {alone[0].lab.analyte} of {first}{last}, and no adverse event is reported"
            )
            yield _question(protocol, participant, UNREPORTED, f"{participant.id}|{term}", alone, wrong)


def _contradicted(
    protocol: Protocol,
    asked: Reconciliation,
    participant: Participant,
    analyte: str,
    values: list[Value],
    one: tuple[str, AdverseEvent],
    events: list[tuple[str, AdverseEvent]],
) -> Iterator[QueryFinding]:
    """One question per event: a value during it that is certainly worse, or none that comes near."""
    key, event = one
    grade = event.grade
    inside = [value for value in values if _surely_during(event, value)]
    if grade is None or not inside:
        return
    others = [other for name, other in events if name != key]
    worse = [
        value
        for value in inside
        if value.low > grade
        and not any(_answers(other, value, asked) and (other.grade or 5) >= value.low for other in others)
    ]
    reached = max(value.high for value in inside)
    if worse:
        worst = max(worse, key=lambda value: (value.low, value.lab.collected, value.key))
        wrong = f"{event.term} has grade {grade}, but {analyte} of {worst.lab.collected} is grade {worst.low}"
        yield _question(protocol, participant, CONTRADICTED, f"{key}|{analyte}", worse, wrong, key)
    elif reached < grade < DEATH and _is_term_of(event, inside[0]) and only_values_grade(protocol.ctcae, event.term):
        wrong = f"{event.term} has grade {grade}, but no {analyte} during it is above grade {reached}"
        yield _question(protocol, participant, CONTRADICTED, f"{key}|{analyte}", inside, wrong, key)


def _at_baseline(participant: Participant, values: list[Value]) -> int:
    """The grade that the participant came with: what is no worse is no toxicity of the treatment."""
    baselines = {participant.baselines.get(value.lab.analyte) for value in values}
    return max((value.low for value in values if value.key in baselines), default=0)


def _surely_before_treatment(participant: Participant, value: Value) -> bool:
    first = participant.first_dose
    return first is not None and latest_day(value.lab.collected) < earliest_day(first)


def _answers(event: AdverseEvent, value: Value, asked: Reconciliation) -> bool:
    """Whether an event may be the one that a value speaks of: unknown and partial dates may be near."""
    slack = timedelta(days=asked.within_days)
    sampled = value.lab.collected
    begun = event.onset is None or earliest_day(event.onset) <= latest_day(sampled) + slack
    return begun and (event.end is None or latest_day(event.end) + slack >= earliest_day(sampled))


def _surely_during(event: AdverseEvent, value: Value) -> bool:
    """Whether a sample was certainly taken between onset and end, the last day not included: by then it was over."""
    if event.onset is None or (event.end is None and event.outcome in OVER):
        return False
    first, last = earliest_day(value.lab.collected), latest_day(value.lab.collected)
    return first >= latest_day(event.onset) and (event.end is None or last < earliest_day(event.end))


def _is_term_of(event: AdverseEvent, value: Value) -> bool:
    return plain_name(event.term) == plain_name(value.term)


def _question(
    protocol: Protocol,
    participant: Participant,
    name: str,
    about: str,
    values: list[Value],
    wrong: str,
    event: str | None = None,
) -> QueryFinding:
    causes = tuple(dict.fromkeys(value.key for value in sorted(values, key=lambda one: (one.lab.collected, one.key))))
    return QueryFinding(
        key=f"query|{name}|{about}",
        rule=name,
        version=protocol.version,
        participant=participant.id,
        scope=participant.group,
        causes=causes if event is None else (event, *causes),
        sentence=f"Participant {participant.id}: {wrong}.",
        question=name,
    )
