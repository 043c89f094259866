"""What did people say, see and give beside? Verdicts on rules, tumours, medicines still taken after the last dose."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from clinical.course import span
from clinical.rules.bounds import inside
from clinical.rules.doses import dosed_on
from clinical.rules.language import Adjudicated, Taken, TumourSeen
from clinical.rules.sighting import Sighting, instant, written
from clinical.rules.steroids import as_prednisone
from clinical.rules.truth import Cause, Truth
from clinical.rules.view import View
from clinical.state import Adjudged
from schemas.facts.imaging import TumourAssessment
from schemas.facts.medication import Medication

__all__ = ["last_word", "see_adjudicated", "see_taken", "see_tumours"]


def last_word(view: View, rule: str) -> tuple[str, int, Adjudged] | None:
    """The last verdict on a rule about this participant: its record, its position, and what was said."""
    found: tuple[str, int, Adjudged] | None = None
    for key in view.participant.adjudications:
        record = view.participant.records[key]
        if isinstance(record.said, Adjudged) and record.said.rule == rule and (not found or record.position > found[1]):
            found = (key, record.position, record.said)
    return found


def see_adjudicated(said: Adjudicated, view: View) -> tuple[Sighting, ...]:
    """The last verdict, where it is this one."""
    found = last_word(view, said.rule)
    if found is None or found[2].verdict != said.verdict or (said.because and found[2].because not in said.because):
        return ()
    key, _, word = found
    words = f"adjudicated as {word.verdict}" + (f" ({word.because})" if word.because else "")
    return (Sighting(Truth("true", (Cause(key, words, word.on),)), began=word.on),)


def see_taken(said: Taken, view: View) -> tuple[Sighting, ...]:
    """Whether it is taken, or too much of it, so many days after the last dose; until then, as far as it is known.

    The last is every dose after which none was given for so long: one that is given all the same undoes nothing.
    """
    return tuple(one for day in _ends(said, view) for one in _taken_at(said, day, view))


def _ends(said: Taken, view: View) -> Iterator[datetime]:
    """The days so long after a dose of the drugs that the rule acts on, if none of them was given until then."""
    dosed = dosed_on(view, view.acted_on)
    for number, dose in enumerate(dosed):
        day = dose.replace(hour=0, minute=0) + timedelta(days=said.days_after_last_dose)
        if number + 1 == len(dosed) or dosed[number + 1] >= day:
            yield day


def _taken_at(said: Taken, day: datetime, view: View) -> tuple[Sighting, ...]:
    courses = tuple(_taken_on(said, day, view))
    if not courses:
        return ()
    causes = tuple(Cause(key, _words(course), course.started) for key, course in courses)
    truth = Truth("true", causes)
    if said.daily_prednisone_mg is not None:
        doses = [as_prednisone(course.name, course.dose, course.unit) for _, course in courses]
        known = sum((dose for dose in doses if dose is not None), Decimal(0))
        operator = ">=" if None in doses else "="
        found = inside(said.daily_prednisone_mg, operator, known)
        if found == "no":
            return ()
        if found is None:
            missing = sorted(f"dose of {c.name}" for (_, c), dose in zip(courses, doses, strict=True) if dose is None)
            truth = Truth("unknown", causes, missing=tuple(missing))
    if view.wait(day) and truth.verdict == "true":
        truth = Truth("pending", causes, until=day)
    return (Sighting(truth, began=written(day), since=instant(day)),)


def see_tumours(said: TumourSeen, view: View) -> tuple[Sighting, ...]:
    """Target lesions in one of the organs."""
    organs = {organ.casefold() for organ in said.organs}
    scans = [
        (key, scan)
        for key in view.participant.scans
        if isinstance(scan := view.participant.records[key].said, TumourAssessment)
    ]
    if not scans:
        return (Sighting(Truth("unknown", missing=("tumour assessment",))),)
    found = []
    for key, scan in scans:
        if any((one.organ or "").casefold() in organs and one.state != "absent" for one in scan.targets):
            words = f"tumour in the {' or '.join(said.organs).lower()}, scan of {scan.assessed}"
            found.append(Sighting(Truth("true", (Cause(key, words, scan.assessed),)), began=scan.assessed))
    return tuple(found)


def _taken_on(said: Taken, day: datetime, view: View) -> Iterator[tuple[str, Medication]]:
    for key in sorted(view.participant.medications):
        taken = view.participant.records[key].said
        if not isinstance(taken, Medication) or taken.purpose != said.purpose or span(taken.started)[0] > day:
            continue
        if taken.ended is None or span(taken.ended)[1] >= day:
            yield key, taken


def _words(taken: Medication) -> str:
    dose = f" {taken.dose} {taken.unit or ''}".rstrip() if taken.dose is not None else ""
    return f"{taken.name}{dose} since {taken.started}"
