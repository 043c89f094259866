"""What of the treatment does a rule read? When doses were given, how long none was, and when it was over."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from clinical.course import span
from clinical.rules.language import Delayed, Ended, Treated
from clinical.rules.sighting import Sighting, written
from clinical.rules.truth import Cause, Truth
from clinical.rules.view import View
from schemas.facts.dosing import Dose, Omission
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
    longest = timedelta(days=said.more_than_days)
    for number, (on, key, dose) in enumerate(given):
        too_late = _day(on) + longest + timedelta(days=1)
        if number + 1 < len(given):
            following, _, late = given[number + 1]
            excused = late.reason in said.except_reasons or _is_excused(said, drug, on, following, view)
            if following >= too_late and not excused:
                words = f"{drug} given on {dose.started}, and then not before {late.started}"
                truth = Truth("true", (Cause(key, words, dose.started, (drug,)),))
                since = written(too_late)
                yield Sighting(truth, dose.started, late.started, recovered=late.started, over=True, since=since)
            continue
        over = _over(view, drug)
        if (over is None or over >= too_late) and not _is_excused(said, drug, on, None, view):
            cause = Cause(key, f"no {drug} after {dose.started}", dose.started, (drug,))
            yield from _due(view, (cause,), too_late, said.pending_for_days, began=dose.started, ended=None)


def _due(
    view: View, causes: tuple[Cause, ...], moment: datetime, days: int, *, began: str, ended: str | None
) -> tuple[Sighting, ...]:
    """Something that comes with time: false, pending for its last days, then true."""
    if view.wait(moment - timedelta(days=days)):
        return ()
    truth = Truth("pending", causes, until=moment) if view.wait(moment) else Truth("true", causes)
    return (Sighting(truth, began, ended, since=written(moment)),)


def _is_excused(said: Delayed, drug: str, begin: datetime, end: datetime | None, view: View) -> bool:
    """Whether doses were left out in the gap, and all of them for reasons that do not count."""
    reasons = [
        omitted.reason
        for key in view.participant.omissions
        if isinstance(omitted := view.participant.records[key].said, Omission)
        and omitted.drug == drug
        and begin <= span(omitted.due)[0]
        and (end is None or span(omitted.due)[0] <= end)
    ]
    return bool(reasons) and all(reason in said.except_reasons for reason in reasons)


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
