"""How bad was a reported event? Which grades a severity leaves open, and whether the event was fatal."""

from clinical.ctcae.terms import term_grades
from schemas.facts.adverse_events import AdverseEvent

SEVERITY_BOUNDS = {"mild": (1, 1), "moderate": (2, 2), "severe": (3, 4), "fatal": (5, 5)}
"""The grades that a severity leaves open: CTCAE's own words for grades 1 to 5, where severe covers 3 and 4."""


def is_fatal(event: AdverseEvent) -> bool:
    """A fatal event, whichever field says so: grade 5, the outcome, or the severity."""
    return event.grade == 5 or event.outcome == "fatal" or event.severity == "fatal"


def possible_grades(ctcae: str, event: AdverseEvent) -> frozenset[int]:
    """The grades that an event without a grade can have: of its severity, or any but death; and of its term."""
    low, high = SEVERITY_BOUNDS.get(event.severity or "", (1, 4))
    left = frozenset(range(low, high + 1))
    return left & (term_grades(ctcae, event.term) or left) or left
