"""Where does each group stand against its stopping boundary? Three verdicts side by side; people decide."""

from collections.abc import Iterator
from typing import Literal

from clinical.protocol import CohortRule, Protocol, in_words
from clinical.state import Cohort, CohortName, Trial
from clinical.stopping.boundary import Boundary, pocock
from clinical.stopping.verdicts import Status, Verdict, judge
from schemas.findings import CohortRuleFinding

BOUNDARIES = {"pocock": pocock}
"""The families of boundaries, by the protocol's word."""


def boundary_of(rule: CohortRule) -> Boundary:
    """The boundary that the protocol's parameters give, calibrated exactly."""
    return BOUNDARIES[rule.method](rule.p0, rule.alpha, rule.looks.numbers())


def scopes(protocol: Protocol, rule: CohortRule) -> tuple[str, ...]:
    """The scopes of a rule: each group, or all together."""
    return ("pooled",) if rule.scope == "pooled" else tuple(protocol.groups)


def conclude(trial: Trial, name: CohortName) -> Iterator[CohortRuleFinding]:
    """The finding of one rule in one scope. It stands from the adoption of the protocol on."""
    rule_id, scope = name
    rule = next((rule for rule in trial.in_force.cohort_rules if rule.id == rule_id), None)
    cohort = trial.cohorts.get(name)
    if rule is None or cohort is None:
        return
    counted = counted_in_order(cohort, rule.looks.up_to)
    verdict = judge(boundary_of(rule), [status for status, _ in counted])
    yield CohortRuleFinding(
        key=f"cohort_rule|{rule_id}|{scope}",
        rule=rule_id,
        version=trial.in_force.version,
        scope=scope,
        causes=tuple(key for status, keys in counted if status is Status.EVENT for key in keys),
        sentence=_sentence(trial.in_force, rule, scope, verdict),
        verdict=_strongest(verdict),
        official=verdict.official,
        certain=verdict.certain,
        possible=verdict.possible,
        x=verdict.x,
        n=verdict.n,
        bound=verdict.bound,
        distance=verdict.distance,
        enrolled=verdict.enrolled,
        events=verdict.known_events,
        pending=verdict.pending,
    )


def counted_in_order(cohort: Cohort, most: int) -> list[tuple[Status, tuple[str, ...]]]:
    """The evaluable participants in order of enrolment, up to the last look: beyond it nobody changes anything."""
    counted: list[tuple[Status, tuple[str, ...]]] = []
    for place in cohort.places:
        standing = cohort.standings[place.participant]
        if standing.status is not None:
            counted.append((standing.status, standing.causes))
            if len(counted) == most:
                break
    return counted


def _strongest(verdict: Verdict) -> Literal["below", "possible", "certain", "official"]:
    if verdict.official:
        return "official"
    if verdict.certain:
        return "certain"
    return "possible" if verdict.possible else "below"


def _sentence(protocol: Protocol, rule: CohortRule, scope: str, verdict: Verdict) -> str:
    group = protocol.groups[scope].name if scope in protocol.groups else "All groups"
    had = f"{verdict.x} of {verdict.n} evaluable participants in order of enrolment had {in_words(rule.counts)}"
    counts = f"{group}: {had}"
    pending = f", {verdict.pending} still in the window" if verdict.pending else ""
    if verdict.official:
        return f"{counts}{pending}; the boundary was reached at {verdict.crossed_at}. The protocol says: {rule.advice}."
    if verdict.certain:
        return f"{counts}{pending}; known events already reach the boundary at {verdict.certain_at}."
    if verdict.possible:
        return f"{counts}{pending}; if every pending participant had it, the boundary would be reached."
    return f"{counts}{pending}; the boundary is not reached."
