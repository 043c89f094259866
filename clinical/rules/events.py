"""Which reported events does a rule mean, and when? Terms, grades over time, seriousness, drugs that are suspected.

What nobody said is not assumed: an event without a grade, a seriousness that nobody stated, are unknown. Only a
causality not yet given is counted, as related, and marked so (ICH E2A II.A).
"""

from collections.abc import Iterator
from typing import Literal

from clinical.causality import by_drug, related_to_any, strongest
from clinical.course import span, steps_of
from clinical.ctcae.terms import plain_name
from clinical.rules.language import Died, EventSeen
from clinical.rules.levels import GradeRange
from clinical.rules.sighting import Sighting
from clinical.rules.terms import is_meant
from clinical.rules.truth import Cause, Truth
from clinical.rules.view import View, events_of
from clinical.severity import is_fatal, possible_grades
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.participants import Death

__all__ = ["recovered_to", "see_deaths", "see_events"]

OVER = frozenset({"recovered", "recovered_with_sequelae"})
ANY_GRADE = GradeRange()
Given = Literal["given", "not yet given"]


def see_events(said: EventSeen, view: View) -> tuple[Sighting, ...]:
    """The events that are meant, each from when to when its grade is in the range."""
    return tuple(
        one
        for key, event in events_of(view.participant)
        if is_meant(said, event.term, event.system_organ_class, view.protocol.ctcae, view.protocol.term_sets)
        for one in _stretches(said, key, event, view)
    )


def see_deaths(said: Died, view: View) -> tuple[Sighting, ...]:
    """Deaths of one of the causes."""
    if said.unless_fatal_event and any(is_fatal(event) for _, event in events_of(view.participant)):
        return ()
    return tuple(_death(key, death, view) for key, death in _deaths(view) if death.cause in said.causes)


def _deaths(view: View) -> Iterator[tuple[str, Death]]:
    for key in view.participant.courses:
        said = view.participant.records[key].said
        if isinstance(said, Death):
            yield key, said


def _death(key: str, death: Death, view: View) -> Sighting:
    of = {"adverse_event": "an adverse event", "unknown": "unknown cause", "other": "another cause"}
    words = f"death of {of.get(death.cause, death.cause)}"
    if death.cause in {"adverse_event", "unknown"} and not any(is_fatal(e) for _, e in events_of(view.participant)):
        words += ", no fatal event reported"
    causality: Given = "given" if death.cause in {"progression", "other"} else "not yet given"
    cause = Cause(key, words, death.died_on, view.acted_on if causality == "not yet given" else (), causality)
    return Sighting(Truth("true", (cause,)), began=death.died_on, grade=5)


def _stretches(said: EventSeen, key: str, event: AdverseEvent, view: View) -> Iterator[Sighting]:
    missing: list[str] = []
    for asked, answer, name in (
        (said.serious, event.serious, "seriousness"),
        (said.infusion_related, event.infusion_related, "relation to infusion"),
    ):
        if asked is not None and answer is None:
            missing.append(f"{name} of {event.term}")
        elif asked is not None and answer is not asked:
            return
    drugs: tuple[str, ...] = view.acted_on
    causality: Given = "given"
    if said.related_to != "not_asked":
        attributed = _attributed(said, event, view)
        if attributed is None:
            return
        drugs, causality = attributed
    for began, ended, grade, sure in _graded(said, event, view.protocol.ctcae):
        words = event.term + (", fatal" if is_fatal(event) and grade == 5 else f", grade {grade}" if grade else "")
        if not sure:
            words = f"{event.term}, reported without a grade" + (f" ({event.severity})" if event.severity else "")
        lacks = (*missing, *(() if sure else (f"grade of {event.term}",)))
        cause = Cause(key, words, began, drugs, causality)
        yield Sighting(
            Truth("unknown" if lacks else "true", (cause,), missing=tuple(lacks)),
            began=began,
            ended=ended,
            recovered=recovered_to(1, event, began),
            over=ended is not None or event.outcome in OVER,
            term=plain_name(event.term),
            grade=grade,
        )


def _attributed(said: EventSeen, event: AdverseEvent, view: View) -> tuple[tuple[str, ...], Given] | None:
    """The drugs suspected, and whether that was judged; None: related to none of those that are asked for."""
    policy = view.protocol.causality
    judged = by_drug(policy, event, view.acted_on)
    if said.related_to == "all" and "not related" in judged.values():
        return None
    relation = strongest(judged.values()) if view.names_drugs else related_to_any(policy, event, view.acted_on)
    if relation == "not related":
        return None
    drugs = tuple(drug for drug, judgement in judged.items() if judgement != "not related")
    if said.related_to == "all" and "not yet given" in judged.values():
        relation = "not yet given"
    return drugs, "given" if relation == "related" else "not yet given"


def _graded(said: EventSeen, event: AdverseEvent, ctcae: str) -> Iterator[tuple[str | None, str | None, int, bool]]:
    """From when to when the grade is in the range, which grade, and whether that is sure."""
    span_of = said.grade or ANY_GRADE
    if said.grade is None:
        yield event.onset, event.end, 5 if is_fatal(event) else event.grade or 0, True
        return
    if is_fatal(event):
        if span_of.at_most == 5:
            yield event.onset, event.end, 5, True
        return
    if event.grade is None:
        possible = possible_grades(ctcae, event)
        inside = {grade for grade in possible if span_of.at_least <= grade <= span_of.at_most}
        sure = inside == possible
        if inside and (sure or said.ungraded == "unknown"):
            yield event.onset, event.end, min(inside) if sure else 0, sure
        return
    yield from _followed(span_of, event, event.grade)


def _followed(
    wanted: GradeRange, event: AdverseEvent, worst: int
) -> Iterator[tuple[str | None, str | None, int, bool]]:
    """By the grade over time, where the source follows it; neighbouring grades of the range are one stretch."""
    steps = steps_of(event)
    inside = [wanted.at_least <= step.grade <= wanted.at_most for step in steps]
    if not any(inside):
        if wanted.at_least <= worst <= wanted.at_most:
            yield event.onset, event.end, worst, True
        return
    began: str | None = None
    grade = 0
    for number, step in enumerate(steps):
        if inside[number]:
            began, grade = (began, max(grade, step.grade)) if grade else (step.since, step.grade)
        elif grade:
            yield began, step.since, grade, True
            began, grade = None, 0
    if grade:
        yield began, event.end, grade, True


def recovered_to(grade: int, event: AdverseEvent, since: str | None) -> str | None:
    """When the event had come down to this grade, after `since`; None: not yet, or nobody knows when."""
    begin = span(since)[0]
    for step in steps_of(event):
        if step.grade <= grade and span(step.since)[0] >= begin and step.since != since:
            return step.since
    if event.end is not None and event.outcome not in {"fatal", "not_recovered"}:
        return event.end
    return None
