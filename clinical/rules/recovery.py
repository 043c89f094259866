"""Has a participant recovered from what made a rule true? The criteria of its hold; whichever is met first."""

from collections.abc import Iterator

from clinical.course import span
from clinical.rules.events import recovered_to
from clinical.rules.levels import LabSeen
from clinical.rules.people import last_word
from clinical.rules.rule import ParticipantRule, Resume
from clinical.rules.sighting import Sighting, begins
from clinical.rules.values import answer, series_of
from clinical.rules.view import View
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.medication import Medication

__all__ = ["recovered_on"]


def recovered_on(rule: ParticipantRule, stretch: list[Sighting], view: View) -> str | None:
    """When one of the criteria was first met for all of the stretch; None: not yet, or the rule holds nothing."""
    if rule.holds is None:
        return None
    return min(_met(rule.holds.resume, rule.id, stretch, view), key=lambda day: span(day)[0], default=None)


def _met(resume: Resume, rule: str, stretch: list[Sighting], view: View) -> Iterator[str]:
    if resume.grade_at_most is not None and (day := _came_down(resume.grade_at_most, stretch, view)):
        yield day
    if resume.labs and (day := _measured(resume.labs, stretch, view)):
        yield day
    if resume.medication is not None:
        since = min(begins(one) for one in stretch)
        for key in view.participant.medications:
            said = view.participant.records[key].said
            if isinstance(said, Medication) and said.purpose == resume.medication and span(said.started)[1] >= since:
                yield said.started
    word = last_word(view, rule) if resume.adjudicated else None
    if word is not None and word[2].verdict == "confirmed" and word[2].because in resume.adjudicated:
        yield word[2].on


def _came_down(grade: int, stretch: list[Sighting], view: View) -> str | None:
    """The last of the days on which the events came down to the grade."""
    days: list[str] = []
    for one in stretch:
        for cause in one.truth.causes:
            said = view.participant.records[cause.key].said
            if isinstance(said, AdverseEvent):
                met = recovered_to(grade, said, one.began)
                if met is None:
                    return None
                days.append(met)
    return max(days, key=lambda day: span(day)[0], default=None)


def _measured(criteria: tuple[LabSeen, ...], stretch: list[Sighting], view: View) -> str | None:
    """The day by which, of each analyte that held, a value after the last that held showed recovery."""
    last = {one.term: one.points[-1] for one in stretch if one.points}
    if not last:
        begun = max((one.began or "" for one in stretch), default="")
        last = {analyte: begun for wanted in criteria for analyte in wanted.analytes}
    days = [_first_after(criteria, analyte, held, view) for analyte, held in last.items()]
    if not days or None in days:
        return None
    return max((day for day in days if day is not None), key=lambda day: span(day)[0])


def _first_after(criteria: tuple[LabSeen, ...], analyte: str, held: str, view: View) -> str | None:
    series = series_of(analyte, view)
    after = [one for one in series if span(one.lab.collected)[0] > span(held)[0]]
    for one in after:
        if any(analyte in wanted.analytes and answer(wanted, one, series, view)[0] == "yes" for wanted in criteria):
            return one.lab.collected
    return None
