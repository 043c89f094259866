"""Does a participant count in the denominator of a cohort rule: with the event, without it, not yet, or not at all?

The window begins with the day of the first dose, day 1, and is complete at the start of the day after its last.
Never is the denominator "those whose outcome happens to be known" (stopping rules 1.3).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from clinical.protocol import CohortRule, Evaluable, Protocol, in_words
from clinical.rules.truth import Cause
from clinical.state import Participant, Standing, Trial
from clinical.stopping.verdicts import Status
from schemas.facts.dosing import Dose
from schemas.facts.participants import EndOfTreatment
from schemas.findings import EvaluabilityFinding
from schemas.values import earliest_day, latest_day

WORDS: dict[Status | None, Literal["event", "completed", "pending", "not_evaluable"]] = {
    Status.EVENT: "event",
    Status.COMPLETED: "completed",
    Status.PENDING: "pending",
    None: "not_evaluable",
}


def window_end(protocol: Protocol, participant: Participant) -> date | None:
    """The day on which the toxicity window is complete: the day after its last. None before the first dose."""
    if participant.first_dose is None:
        return None
    return latest_day(participant.first_dose) + timedelta(days=protocol.windows.toxicity_days)


def stands(trial: Trial, rule: CohortRule, participant: Participant) -> Standing:
    """What the participant counts as for the rule, at the trial's clock."""
    protocol = trial.in_force
    end = window_end(protocol, participant)
    counted = participant.judged.get(rule.counts)
    inside = _causes_inside(counted.truth.causes, participant, end) if counted else ()
    if counted and counted.truth.verdict == "true" and inside:
        return Standing(Status.EVENT, end, "had the event", tuple(cause.key for cause in inside))
    left = _left_inside(participant, end)
    if left is not None:
        return _after_leaving(rule, participant, end, left)
    if end is None:
        return Standing(Status.PENDING, None, "has had no dose yet", ())
    if trial.clock is not None and trial.clock.date() >= end:
        if counted and counted.truth.verdict in {"pending", "unknown"} and inside:
            because = "completed the toxicity window, but whether the event happened in it is not known yet"
            return Standing(Status.PENDING, end, because, tuple(cause.key for cause in inside))
        if rule.evaluable is not None and (lacking := _lacking(protocol, rule.evaluable, participant, end)):
            return Standing(None, end, lacking, tuple(sorted(participant.doses)))
        return Standing(Status.COMPLETED, end, f"completed {protocol.windows.toxicity_days} days without the event", ())
    return Standing(Status.PENDING, end, "is in the toxicity window", ())


def reads_dose(trial: Trial, was: Participant, now: Participant, key: str) -> bool:
    """Whether a dose that came after the end of the window, or was corrected, lies in it and is counted."""
    end = window_end(trial.in_force, now)
    if end is None or trial.clock is None or trial.clock.date() < end:
        return False
    said = [record.said for one in (was, now) if (record := one.records.get(key)) is not None]
    inside = any(isinstance(dose, Dose) and earliest_day(dose.started) < end for dose in said)
    return inside and any(rule.evaluable is not None for rule in trial.in_force.cohort_rules)


def conclude(trial: Trial, participant: Participant) -> Iterator[EvaluabilityFinding]:
    """One finding for each cohort rule, for every enrolled participant."""
    if participant.enrolment is None:
        return
    for rule in trial.in_force.cohort_rules:
        standing = stands(trial, rule, participant)
        counts = "does not count" if standing.status is None else f"counts as {WORDS[standing.status]}"
        yield EvaluabilityFinding(
            key=f"evaluability|{rule.id}|{participant.id}",
            rule=rule.id,
            version=trial.in_force.version,
            participant=participant.id,
            scope=participant.enrolment.group,
            causes=standing.causes,
            sentence=f"Participant {participant.id} {standing.because} and {counts} for the rule {in_words(rule.id)}.",
            status=WORDS[standing.status],
            until=standing.until.isoformat() if standing.until else None,
        )


def _causes_inside(found: tuple[Cause, ...], participant: Participant, end: date | None) -> tuple[Cause, ...]:
    """The causes that began inside the window, as far as their dates allow: an unknown date may be inside."""
    if not found or participant.first_dose is None or end is None:
        return found
    begin = earliest_day(participant.first_dose)
    return tuple(
        cause for cause in found if cause.on is None or (latest_day(cause.on) >= begin and earliest_day(cause.on) < end)
    )


def _lacking(protocol: Protocol, asked: Evaluable, participant: Participant, end: date) -> str | None:
    """How much less than is asked for was received, in words; None: enough, or the group receives none of it."""
    group = protocol.groups.get(participant.enrolment.group) if participant.enrolment else None
    regimen = group.drugs.get(asked.drug) if group else None
    if regimen is None:
        return None
    planned = -(-protocol.windows.toxicity_days // regimen.every_days)
    doses = [said for key in participant.doses if isinstance(said := participant.records[key].said, Dose)]
    given = sum(1 for dose in doses if dose.drug == asked.drug and earliest_day(dose.started) < end and dose.given > 0)
    if given * 100 >= planned * asked.planned_doses_percent_at_least:
        return None
    return f"received {given} of the {planned} doses of {asked.drug} that the window plans"


def _left_inside(participant: Participant, end: date | None) -> str | None:
    """`death` or `withdrawal`, where the participant was lost to the window before it was complete."""
    if participant.death is not None and (end is None or earliest_day(participant.death.died_on) < end):
        return "death"
    if participant.withdrawal is not None and (end is None or earliest_day(participant.withdrawal.withdrew_on) < end):
        return "withdrawal"
    return None


def _after_leaving(rule: CohortRule, participant: Participant, end: date | None, left: str) -> Standing:
    because = "died of another cause inside the window" if left == "death" else "left the trial inside the window"
    ended = (key for key in participant.courses if not isinstance(participant.records[key].said, EndOfTreatment))
    keys = tuple(sorted(ended))
    if left == "withdrawal" or rule.unrelated_death == "not_evaluable":
        return Standing(None, end, because, keys)
    return Standing(Status.EVENT if rule.unrelated_death == "event" else Status.COMPLETED, end, because, keys)
