"""Which values show what a rule asks for? Stretches from the first that shows it to the first that no longer does.

Values from before the first dose, and the baseline itself, show no toxicity. What is missing for an answer (a unit, a
limit, the baseline) makes it unknown, and is named; a limit that is not needed is not asked for.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from clinical import toxicity
from clinical.course import span
from clinical.ctcae.terms import plain_name
from clinical.protocol import Protocol
from clinical.rules.bounds import Answer, factor_and_family, in_family, inside
from clinical.rules.levels import Fall, GradeRange, LabSeen, Level, NotAfter, VitalSeen
from clinical.rules.sighting import Sighting
from clinical.rules.truth import Cause, Truth
from clinical.rules.view import View
from clinical.state import LabPoint, Participant
from schemas.facts.medication import Medication
from schemas.facts.vitals import VitalSign
from schemas.values import earliest_day, latest_day

__all__ = [
    "Value",
    "answer",
    "level",
    "may_be_fall",
    "may_be_grade",
    "see_labs",
    "see_vitals",
    "series_of",
    "signs_of",
]


class Value(NamedTuple):
    """One value of a series."""

    key: str
    lab: LabPoint


def see_labs(said: LabSeen, view: View) -> tuple[Sighting, ...]:
    """The stretches of each analyte in which its values show it."""
    return tuple(one for analyte in said.analytes for one in _runs(said, series_of(analyte, view), view))


def see_vitals(said: VitalSeen, view: View) -> tuple[Sighting, ...]:
    """The stretches in which the sign shows it."""
    level = LabSeen(analytes=(said.sign,), value=said.value)
    return tuple(_runs(level, signs_of(said.sign, view), view))


def series_of(analyte: str, view: View) -> list[Value]:
    """The values of an analyte in blood, by time."""
    records = view.participant.records
    found = [
        Value(key, lab)
        for key in view.participant.labs.get(analyte, ())
        if isinstance(lab := records[key].said, LabPoint) and lab.specimen == "blood"
    ]
    found.sort(key=_when)
    return found


def answer(said: LabSeen, one: Value, series: list[Value], view: View) -> tuple[Answer, tuple[str, ...]]:
    """Whether one value shows it, and what is missing for an answer."""
    lab = one.lab
    missing: list[str] = []
    first = view.participant.first_dose
    if first is None or latest_day(lab.collected) < earliest_day(first):
        return "no", ()
    if view.participant.baselines.get(lab.analyte) == one.key or not _proves(said.not_after, lab, view):
        return "no", ()
    for told in _answers(said, one, series, view):
        found, lacking = told
        if found == "no":
            return "no", ()
        missing += [lacking] if found is None else []
    return ("yes", ()) if not missing else (None, tuple(missing))


def _answers(said: LabSeen, one: Value, series: list[Value], view: View) -> Iterator[tuple[Answer, str]]:
    """Each thing that is asked of a value, the cheapest first, with what is missing where there is no answer."""
    lab = one.lab
    yield from level(said, lab)
    if said.fall is not None:
        yield _fell(said.fall, one, series)
    baseline = view.participant.baselines.get(lab.analyte)
    begun = view.participant.records[baseline].said if baseline is not None else None
    if said.times_baseline is not None:
        if isinstance(begun, LabPoint) and begun.unit == lab.unit and begun.value is not None and lab.value is not None:
            yield inside(said.times_baseline, lab.operator, lab.value, begun.value), f"exact {lab.analyte}"
        else:
            yield None, f"baseline of {lab.analyte}"
    if said.baseline is not None:
        if isinstance(begun, LabPoint):
            yield from ((found, f"baseline: {lacking}") for found, lacking in level(said.baseline, begun))
        else:
            yield None, f"baseline of {lab.analyte}"
    if said.grade is not None:
        yield _graded(said.grade, said.term, view.protocol, view.participant, one)


def level(said: Level, lab: LabPoint) -> Iterator[tuple[Answer, str]]:
    """Each thing that is asked of the value itself, with what is missing where there is no answer."""
    if lab.value is None:
        if said.value or said.times_upper_limit or said.times_lower_limit:
            yield None, f"{lab.analyte} as a number"
        return
    exact = f"exact {lab.analyte}" if lab.operator != "=" else f"unit of {lab.analyte}"
    if said.value is not None:
        yield in_family(said.value, lab.analyte, lab.unit, lab.operator, lab.value), exact
    for bounds, limit, name in (
        (said.times_upper_limit, lab.upper_limit, "upper"),
        (said.times_lower_limit, lab.lower_limit, "lower"),
    ):
        if bounds is not None and limit is None:
            yield None, f"{name} limit of {lab.analyte}"
        elif bounds is not None and limit is not None:
            yield inside(bounds, lab.operator, lab.value, limit), f"exact {lab.analyte}"


def _fell(said: Fall, one: Value, series: list[Value]) -> tuple[Answer, str]:
    """Whether it fell by so much from one of the values of the days before it."""
    lab = one.lab
    if lab.value is None or lab.operator not in {"=", "<", "<="}:
        return "no", ""
    found = factor_and_family(lab.analyte, lab.unit, tuple(said.at_least))
    if found is None:
        return None, f"unit of {lab.analyte}"
    least = said.at_least[found[1]] * found[0]
    earliest = span(lab.collected)[0] - timedelta(days=said.within_days)
    other_unit = False
    for other in reversed(series[: series.index(one)]):
        before = other.lab
        if span(before.collected)[0] < earliest:
            break
        if before.value is None or before.operator not in {"=", ">", ">="}:
            continue
        if before.unit != lab.unit:
            other_unit = True
        elif before.value - lab.value >= least:
            return "yes", ""
    return (None, f"{lab.analyte} of the days before in {lab.unit}") if other_unit else ("no", "")


def may_be_fall(said: Fall, one: LabPoint, other: LabPoint) -> bool:
    """Whether one of two values may have fallen so far from the other; at once where their units are not one known."""
    if one.value is None or other.value is None:
        return False
    found = factor_and_family(one.analyte, one.unit, tuple(said.at_least))
    if found is None or one.unit != other.unit:
        return True
    return abs(one.value - other.value) >= said.at_least[found[1]] * found[0]


def may_be_grade(said: LabSeen, protocol: Protocol, participant: Participant, key: str, lab: LabPoint) -> bool:
    """Whether a value may have a grade that is asked for."""
    return said.grade is None or _graded(said.grade, said.term, protocol, participant, Value(key, lab))[0] != "no"


def _graded(
    wanted: GradeRange, term: str | None, protocol: Protocol, participant: Participant, one: Value
) -> tuple[Answer, str]:
    lacking = "no"
    for graded, _, grade, _ in toxicity.grades(protocol, participant, one.key, one.lab):
        if term is not None and plain_name(graded) != plain_name(term):
            continue
        if grade.low is None or grade.high is None:
            lacking = f"grade of {one.lab.analyte}"
            continue
        if wanted.at_least <= grade.low and grade.high <= wanted.at_most:
            return "yes", ""
        if grade.high >= wanted.at_least and grade.low <= wanted.at_most:
            lacking = " and ".join(grade.missing) or f"grade of {one.lab.analyte}"
    return ("no", "") if lacking == "no" else (None, lacking)


def _proves(said: NotAfter | None, lab: LabPoint, view: View) -> bool:
    """Whether nothing that was taken before deprives the value of its meaning."""
    if said is None:
        return True
    for key in view.participant.medications:
        taken = view.participant.records[key].said
        if isinstance(taken, Medication) and taken.purpose == said.purpose:
            last = span(taken.ended or taken.started)[1] + timedelta(days=said.days)
            if span(taken.started)[0] <= span(lab.collected)[1] and span(lab.collected)[0] <= last:
                return False
    return True


def _runs(said: LabSeen, series: list[Value], view: View) -> Iterator[Sighting]:
    """Stretches of values that show it; one that cannot be answered neither begins a stretch nor ends it."""
    running: list[Value] = []
    for one in series:
        found, missing = answer(said, one, series, view)
        if found == "yes":
            running.append(one)
        elif found == "no" and running:
            yield _sighting(running, one.lab.collected)
            running = []
        elif found is None and not running:
            cause = Cause(one.key, one.lab.in_words, one.lab.collected)
            truth = Truth("unknown", (cause,), missing=missing)
            yield Sighting(truth, one.lab.collected, points=(one.lab.collected,), term=one.lab.analyte)
    if running:
        yield _sighting(running, None)


def _sighting(running: list[Value], ended: str | None) -> Sighting:
    causes = tuple(Cause(one.key, one.lab.in_words, one.lab.collected) for one in running)
    points = tuple(one.lab.collected for one in running)
    analyte = running[0].lab.analyte
    return Sighting(Truth("true", causes), points[0], ended, points, ended, ended is not None, analyte)


def signs_of(sign: str, view: View) -> list[Value]:
    """The values of a vital sign, in the form of laboratory values."""
    found = []
    for key in view.participant.signs.get(sign, ()):
        said = view.participant.records[key].said
        if isinstance(said, VitalSign):
            point = LabPoint(sign, "blood", said.measured, "=", said.value, None, said.unit, None, None, None)
            found.append(Value(key, point))
    found.sort(key=_when)
    return found


def _when(one: Value) -> tuple[object, str]:
    return span(one.lab.collected)[0], one.key
