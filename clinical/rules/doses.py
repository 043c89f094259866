"""What of the treatment does a rule read? When doses were given, how long none was, and when it was over."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from clinical.course import span
from clinical.rules.decisions import decided
from clinical.rules.language import Delayed, Ended, Treated
from clinical.rules.sighting import Sighting, instant, written
from clinical.rules.truth import FALSE, TRUE, Cause, Truth
from clinical.rules.view import View
from schemas.facts.dosing import Dose, DoseReason, Omission
from schemas.facts.participants import Death, EndOfTreatment, Withdrawal

__all__ = ["dosed_on", "left_on", "see_delays", "see_ends", "see_treated"]


def dosed_on(view: View, drugs: Iterable[str] | None) -> list[datetime]:
    """When doses of these drugs began, in order; None: of any drug."""
    return sorted(span(dose.started)[0] for _, dose in _doses(view) if drugs is None or dose.drug in drugs)


def left_on(view: View) -> datetime | None:
    """When the participant died or left the trial: after it nothing more is heard."""
    return min((span(on)[0] for on in _left(view)), default=None)


def see_delays(said: Delayed, view: View) -> tuple[Sighting, ...]:
    """The gaps of each drug that are too long, the running one included."""
    return tuple(one for drug in view.acted_on for one in _gaps(said, drug, view))


def see_treated(said: Treated, view: View) -> tuple[Sighting, ...]:
    """From the day after the limit on, where treatment was not over before."""
    first = view.participant.first_dose
    if first is None:
        return ()
    reached = span(first)[0].replace(hour=0, minute=0) + timedelta(days=said.more_than_days)
    over = _over(view, None)
    if over is not None and over < reached:
        return ()
    key = min((key for key, dose in _doses(view) if dose.started == first), default=None)
    causes = (Cause(key, f"first dose on {first}", first),) if key else ()
    return _due(view, causes, reached, said.pending_for_days, began=written(reached), ended=None)


def see_ends(said: Ended, view: View) -> tuple[Sighting, ...]:
    """Ends for one of the reasons."""
    found = []
    for key in view.participant.courses:
        match view.participant.records[key].said:
            case EndOfTreatment(ended_on=on, drug=None, cause=cause) if cause in said.causes:
                words = f"treatment ended on {on}: {cause.replace('_', ' ')}"
            case Withdrawal(withdrew_on=on, cause=cause) if cause in said.causes:
                words = f"left the trial on {on}: {cause.replace('_', ' ')}"
            case _:
                continue
        found.append(Sighting(Truth("true", (Cause(key, words, on),)), began=on))
    return tuple(found)


def _gaps(said: Delayed, drug: str, view: View) -> Iterator[Sighting]:
    given = sorted(
        ((span(dose.started)[0], key, dose) for key, dose in _doses(view) if dose.drug == drug), key=lambda one: one[:2]
    )
    longest = timedelta(days=said.more_than_days + 1)
    for number, (on, key, dose) in enumerate(given):
        too_late = _day(on) + longest
        if number + 1 < len(given):
            following, _, late = given[number + 1]
            if following < too_late:
                continue
            truth = _for_cause(said, drug, _reasons(drug, on, following, view) | {late.reason})
            if truth.verdict != "false" and not _is_stopped(drug, too_late, view):
                words = f"{drug} given on {dose.started}, and then not before {late.started}"
                because = truth._replace(causes=(Cause(key, words, dose.started, (drug,)),))
                since = instant(too_late)
                yield Sighting(because, dose.started, late.started, recovered=late.started, over=True, since=since)
            continue
        over = _over(view, drug)
        cause = Cause(key, f"no {drug} after {dose.started}", dose.started, (drug,))
        truth = _for_cause(said, drug, _reasons(drug, on, None, view))
        if truth.verdict == "false" or (over is not None and over < too_late):
            continue
        if view.wait(too_late - timedelta(days=said.pending_for_days)) or _is_stopped(drug, too_late, view):
            continue
        if truth.verdict == "true":
            yield from _due(view, (cause,), too_late, said.pending_for_days, began=dose.started, ended=None)
        elif not view.wait(too_late):
            yield Sighting(truth._replace(causes=(cause,)), dose.started, since=instant(too_late))


def _is_stopped(drug: str, too_late: datetime, view: View) -> bool:
    """Whether a rule above has stopped the drug for good before a gap was too long: nobody waits for its doses."""
    judged = (view.judged[name] for name in view.above if name in view.judged)
    for reason in decided(view.protocol, view.participant, judged, view.now):
        if reason.drug == drug and reason.state == "stopped" and span(reason.since)[0] < too_late:
            return True
        if reason.drug == drug and reason.at_most is not None:
            view.wait(reason.at_most)
    return False


def _for_cause(said: Delayed, drug: str, reasons: set[DoseReason | None]) -> Truth:
    """Whether the gap has a reason that counts; without any reason nobody knows."""
    known = {reason for reason in reasons if reason is not None}
    if not known:
        return Truth("unknown", missing=(f"why no {drug} was given",))
    return FALSE if known <= set(said.except_reasons) else TRUE


def _due(
    view: View, causes: tuple[Cause, ...], moment: datetime, days: int, *, began: str, ended: str | None
) -> tuple[Sighting, ...]:
    """Something that comes with time: false, pending for its last days, then true."""
    if view.wait(moment - timedelta(days=days)):
        return ()
    truth = Truth("pending", causes, until=moment) if view.wait(moment) else Truth("true", causes)
    return (Sighting(truth, began, ended, since=instant(moment)),)


def _reasons(drug: str, begin: datetime, end: datetime | None, view: View) -> set[DoseReason | None]:
    """Why doses of the drug were left out in a gap."""
    return {
        omitted.reason
        for key in view.participant.omissions
        if isinstance(omitted := view.participant.records[key].said, Omission)
        and omitted.drug == drug
        and begin <= span(omitted.due)[0]
        and (end is None or span(omitted.due)[0] <= end)
    }


def _doses(view: View) -> Iterator[tuple[str, Dose]]:
    for key in view.participant.doses:
        said = view.participant.records[key].said
        if isinstance(said, Dose):
            yield key, said


def _left(view: View) -> Iterator[str]:
    for key in view.participant.courses:
        match view.participant.records[key].said:
            case Death(died_on=on) | Withdrawal(withdrew_on=on):
                yield on


def _over(view: View, drug: str | None) -> datetime | None:
    """When treatment with a drug, or with all of them, was over."""
    ends = list(_left(view))
    for key in view.participant.courses:
        said = view.participant.records[key].said
        if isinstance(said, EndOfTreatment) and said.drug in {None, drug}:
            ends.append(said.ended_on)
    return min((span(on)[0] for on in ends), default=None)


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0)
