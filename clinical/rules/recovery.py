"""Has a participant recovered from what made a rule true? The resume criteria of a hold; whichever is met first."""

from clinical.course import span
from clinical.rules.events import recovered_to
from clinical.rules.rule import Resume
from clinical.rules.sighting import Sighting
from clinical.rules.view import View
from schemas.facts.adverse_events import AdverseEvent

__all__ = ["recovered_on"]


def recovered_on(resume: Resume, stretch: list[Sighting], view: View) -> str | None:
    """When one criterion was met for everything in the stretch; None: not yet."""
    return min((met for met in (_came_down(resume, stretch, view),) if met is not None), default=None)


def _came_down(resume: Resume, stretch: list[Sighting], view: View) -> str | None:
    """The last of the days on which the events came down to the grade."""
    if resume.grade_at_most is None:
        return None
    days: list[str] = []
    for one in stretch:
        for cause in one.truth.causes:
            said = view.participant.records[cause.key].said
            if isinstance(said, AdverseEvent):
                met = recovered_to(resume.grade_at_most, said, one.began)
                if met is None:
                    return None
                days.append(met)
    return max(days, key=lambda day: span(day)[0], default=None)
