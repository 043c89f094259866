"""How did each toxicity of one participant run? Worst grade, grade over time, episodes, and whether it came with
treatment: what `clinical.course` concludes from the grades that stand at the cut.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any

from clinical.course import Course, Observation, courses
from dashboards.panels import Row
from schemas.facts.adverse_events import AdverseEvent
from schemas.findings import GradeFinding


def toxicities(facts: Sequence[Row], changes: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry for each term that is or may be above grade 0, the worst first.

    `facts` are the participant's, `changes` those of the findings about the participant, both by position.
    """
    known = courses(_standing(changes), dict(_events(facts)))
    shown = [course for course in known if course.worst.high]
    shown.sort(key=lambda course: (-(course.worst.low or 0), -(course.worst.high or 0), course.term.lower()))
    return [_told(course) for course in shown]


def _standing(changes: Sequence[Row]) -> Iterator[GradeFinding]:
    newest = {change["key"]: change for change in changes if change["kind"] == "grade"}
    for change in newest.values():
        if change["state"] != "withdrawn":
            said = json.loads(change["body"])
            told = {name: said[name] for name in GRADE_FIELDS & said.keys()}
            yield GradeFinding(**told | {name: tuple(said[name]) for name in ("causes", "missing")})


GRADE_FIELDS = {field.name for field in fields(GradeFinding)}
"""What a grade finding consists of; on the wire stands more beside it."""


def _events(facts: Sequence[Row]) -> Iterator[tuple[str, AdverseEvent]]:
    for row in facts:
        if row["fact"] == "AdverseEventReported":
            yield f"{row['source']}|{row['record']}", AdverseEvent.model_validate_json(row["data"])


def _told(course: Course) -> dict[str, Any]:
    return {
        "term": course.term,
        "low": course.worst.low,
        "high": course.worst.high,
        "basis": sorted({one.basis for one in course.observations}, reverse=True),
        "moves": list(_moves(course.observations)),
        "episodes": course.episodes,
        "emergent": course.emergent,
    }


def _moves(observations: Iterable[Observation]) -> Iterator[Observation]:
    """The observations at which the grade is another than at the one before."""
    graded = [one for one in observations if one.high is not None]
    yield from graded[:1]
    for before, one in pairwise(graded):
        if (one.low, one.high, one.basis) != (before.low, before.high, before.basis):
            yield one
