"""Who counts in which cohort? The counters of each cohort rule, by enrolment, with one participant as now known."""

from bisect import bisect_left, insort

from clinical import evaluability
from clinical.cohort_rules import scopes
from clinical.protocol import CohortRule
from clinical.state import Cohort, CohortName, Participant, Place, Trial

__all__ = ["counted"]


def counted(trial: Trial, participant: Participant) -> Trial:
    """The counters of every cohort with the participant as now known."""
    cohorts = trial.cohorts
    for rule in trial.in_force.cohort_rules:
        for scope in scopes(trial.in_force, rule):
            name = (rule.id, scope)
            cohort = _with_member(trial, rule, name, cohorts[name], participant)
            if cohort is not cohorts[name]:
                cohorts = cohorts.set(name, cohort)
    return trial if cohorts is trial.cohorts else trial._replace(cohorts=cohorts)


def _with_member(trial: Trial, rule: CohortRule, name: CohortName, cohort: Cohort, participant: Participant) -> Cohort:
    belongs = participant.enrolment is not None and name[1] in {"pooled", participant.enrolment.group}
    known = participant.id in cohort.standings
    if not belongs or participant.enrolment is None:
        return _without(cohort, participant.id) if known else cohort
    place = Place(participant.enrolment.enrolled_on, participant.enrolled_at, participant.id)
    standing = evaluability.stands(trial, rule, participant)
    if known and place in _near(cohort, place):
        if cohort.standings[participant.id] == standing:
            return cohort
        return Cohort(cohort.places, cohort.standings.set(participant.id, standing))
    if known:
        cohort = _without(cohort, participant.id)
    places = list(cohort.places)
    insort(places, place)
    return Cohort(tuple(places), cohort.standings.set(participant.id, standing))


def _near(cohort: Cohort, place: Place) -> tuple[Place, ...]:
    number = bisect_left(cohort.places, place)
    return cohort.places[number : number + 1]


def _without(cohort: Cohort, name: str) -> Cohort:
    places = tuple(place for place in cohort.places if place.participant != name)
    return Cohort(places, cohort.standings.delete(name))
