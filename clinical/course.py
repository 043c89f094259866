"""How did a participant's toxicity run? Per term: grade over time, worst grade, episodes, what came with treatment.

Functions of small arguments; `courses` puts them together from the grade findings of one participant. Dates are as
precise as the source knew them, and where they leave a choice the choice is conservative: what may have come under
treatment counts as having come under it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from clinical.ctcae.terms import plain_name
from clinical.state import Participant
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose
from schemas.facts.participants import Death, EndOfTreatment, Withdrawal
from schemas.findings import GradeFinding
from schemas.values import earliest_day, latest_day

__all__ = [
    "Course",
    "Emergence",
    "Episode",
    "Observation",
    "Step",
    "Treatment",
    "Worst",
    "courses",
    "emergence",
    "episodes",
    "in_order",
    "span",
    "steps_of",
    "treatment_of",
    "worst",
]


NO_EVENTS: Mapping[str, AdverseEvent] = MappingProxyType({})

BEFORE_ALL, AFTER_ALL = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001  sources give no zone with a date


class Observation(NamedTuple):
    """One grade of one term, as one record gives it: a reported event lasts, a value holds where it was measured."""

    key: str
    """The record."""
    basis: Literal["laboratory", "reported"]
    on: str | None
    """The onset, or the day of the sample; None: nobody knows."""
    until: str | None
    """The end of a reported event; None: it goes on, or nobody knows. Of a value: the day of the sample."""
    low: int | None
    """The lowest grade it can be; None: nothing can be said."""
    high: int | None
    """The highest grade it can be."""


class Worst(NamedTuple):
    """The worst grade: certainly `low`, possibly `high`, and the records of which `high` is said."""

    low: int | None
    high: int | None
    keys: tuple[str, ...]


class Episode(NamedTuple):
    """A stretch without documented recovery. The next episode of the term begins after one."""

    began: str | None
    """The onset as the record has it; None: nobody knows."""
    ended: str | None
    """The day on which recovery was documented; None: not yet."""
    low: int
    """The worst grade that is certain."""
    high: int
    """The worst grade that is possible."""
    keys: tuple[str, ...]
    """The records it consists of, in order of time."""


class Treatment(NamedTuple):
    """When study treatment was given, as precisely as it is known."""

    first: str | None = None
    """The start of the first dose; None: no dose yet."""
    last: str | None = None
    """The end, or else the start, of the last dose; None: treatment goes on, or no dose yet."""


class Step(NamedTuple):
    """A grade of an event, and since when."""

    since: str | None
    grade: int


class Emergence(NamedTuple):
    """Whether an event is treatment-emergent, and why."""

    emergent: bool
    because: str


class Course(NamedTuple):
    """One term of one participant."""

    term: str
    observations: tuple[Observation, ...]
    """The grade over time."""
    worst: Worst
    episodes: tuple[Episode, ...]
    emergent: Emergence | None
    """That of its first reported event that is emergent, or else of the first; None: no event was reported."""


def courses(
    findings: Iterable[GradeFinding], events: Mapping[str, AdverseEvent] = NO_EVENTS, at_least: int = 1
) -> tuple[Course, ...]:
    """The courses of one participant, by term: reported events and values of one term stand side by side.

    `events`, by record: where a source followed the grade within one event, each of its steps is an observation.
    Episodes are those of the reported events, where there are any, and else those of the values.
    """
    by_term: dict[str, list[GradeFinding]] = {}
    for finding in findings:
        by_term.setdefault(plain_name(finding.term), []).append(finding)
    return tuple(_course(by_term[name], events, at_least) for name in sorted(by_term))


def steps_of(event: AdverseEvent) -> tuple[Step, ...]:
    """The grades of an event over time, where its source followed them; in order of time."""
    return tuple(sorted((Step(one.since, one.grade) for one in event.course), key=lambda one: span(one.since)))


def treatment_of(participant: Participant) -> Treatment:
    """When study treatment began; and when it was last given, once it is known to be over."""
    said = [participant.records[key].said for key in participant.courses]
    over = any(
        isinstance(one, Death | Withdrawal) or (isinstance(one, EndOfTreatment) and one.drug is None) for one in said
    )
    doses = [participant.records[key].said for key in participant.doses] if over else []
    given = [dose.ended or dose.started for dose in doses if isinstance(dose, Dose)]
    return Treatment(participant.first_dose, max(given, key=_last, default=None))


def in_order(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """By time, as far as it is known: an unknown onset first, then by the earliest reading of the date."""
    return tuple(sorted(observations, key=lambda one: (span(one.on)[0], one.key)))


def worst(observations: Iterable[Observation]) -> Worst:
    """The worst grade; what cannot be graded at all is not counted as 0, it is not counted."""
    graded = [one for one in observations if one.high is not None]
    if not graded:
        return Worst(None, None, ())
    high = max(one.high for one in graded if one.high is not None)
    low = max((one.low for one in graded if one.low is not None), default=None)
    return Worst(low, high, tuple(one.key for one in in_order(graded) if one.high == high))


def episodes(observations: Iterable[Observation], at_least: int = 1) -> tuple[Episode, ...]:
    """Stretches at a grade or above it. A new one begins only after recovery was documented.

    Recovery is documented by the end of every event of the stretch, or by a value that is certainly below. An event
    without an end has not recovered, so what comes later belongs to it. A value that may be at the grade neither begins
    a certain episode nor ends one; it begins a possible one, whose `low` says so.
    """
    found: list[Episode] = []
    running: list[Observation] = []
    for one in in_order(observations):
        if running and (over := _over_before(running, one)) is not None:
            found.append(_episode(running, over))
            running = []
        if one.high is None:
            continue
        if one.high >= at_least:
            running.append(one)
        elif running and one.basis == "laboratory" and all(each.basis == "laboratory" for each in running):
            found.append(_episode(running, one.on))
            running = []
    if running:
        ends = [each.until for each in running if each.basis == "reported"]
        found.append(_episode(running, max(ends, key=_last) if ends and all(ends) else None))
    return tuple(found)


def emergence(
    onset: str | None,
    end: str | None,
    treatment: Treatment,
    *,
    steps: Sequence[Step] = (),
    within_days: int | None = None,
) -> Emergence:
    """Whether an event came or worsened under treatment; the first of these that applies decides, in this order.

    Not treated; over before treatment; onset unknown; onset under treatment, or up to `within_days` after its end;
    began before and worsened since (a higher grade in `steps` than at the first dose). The order is that of the PHUSE
    white paper WP-087 and of `derive_var_trtemfl` in pharmaverse/admiral 1.5.
    """
    if treatment.first is None:
        return _no("no dose has been given")
    first = treatment.first
    if end is not None and _surely_before(end, first):
        return _no(f"it was over on {end}, before the first dose on {first}")
    if onset is None:
        return _yes("its onset is unknown, so it may have come under treatment")
    if _surely_before(onset, first):
        return _worsened(onset, first, steps)
    if within_days is not None and treatment.last is not None and _days_after(treatment.last, onset) > within_days:
        return _no(f"it began on {onset}, more than {within_days} days after the last dose")
    if _surely_before(first, onset) or (len(onset) >= 10 and onset[:10] == first[:10]):
        return _yes(f"it began on {onset}, on or after the first dose on {first}")
    return _yes(f"it began in {onset}, perhaps on or after the first dose on {first}")


def _course(findings: Sequence[GradeFinding], events: Mapping[str, AdverseEvent], at_least: int) -> Course:
    observed = in_order(one for finding in findings for one in _observed(finding, events.get(finding.causes[0])))
    reported = tuple(one for one in observed if one.basis == "reported")
    told = {finding.causes[0]: finding for finding in findings if finding.emergent is not None}
    said = [
        Emergence(bool(told[one.key].emergent), told[one.key].emergence or "") for one in reported if one.key in told
    ]
    emergent = next((one for one in said if one.emergent), said[0] if said else None)
    return Course(findings[0].term, observed, worst(observed), episodes(reported or observed, at_least), emergent)


def _observed(finding: GradeFinding, event: AdverseEvent | None) -> Iterator[Observation]:
    key = finding.causes[0]
    steps = steps_of(event) if event is not None else ()
    if not steps:
        yield Observation(key, finding.basis, finding.on, finding.until, finding.low, finding.high)
    for step, after in zip(steps, (*steps[1:], Step(finding.until, 0)), strict=bool(steps)):
        if step.grade:
            yield Observation(key, finding.basis, step.since, after.since, step.grade, step.grade)


def _yes(because: str) -> Emergence:
    return Emergence(emergent=True, because=because)


def _no(because: str) -> Emergence:
    return Emergence(emergent=False, because=because)


def _worsened(onset: str, first: str, steps: Sequence[Step]) -> Emergence:
    earlier = [step.grade for step in steps if step.since is None or _surely_before(step.since, first)]
    later = max((step.grade for step in steps if step.since and not _surely_before(step.since, first)), default=0)
    if later and not earlier:
        return _yes(f"it began on {onset}, and nobody knows its grade at the first dose; it was {later} since")
    if later and later > earlier[-1]:
        return _yes(f"it began on {onset}, before the first dose, and worsened since from {earlier[-1]} to {later}")
    return _no(f"it began on {onset}, before the first dose on {first}, and did not worsen since")


def _over_before(running: Sequence[Observation], one: Observation) -> str | None:
    """The end of a stretch of reported events, where all of it ended before this observation began."""
    ends = [each.until for each in running if each.basis == "reported"]
    if not ends or not all(ends):
        return None
    last = max((end for end in ends if end is not None), key=_last)
    return last if one.on is not None and _surely_before(last, one.on) else None


def _episode(running: Sequence[Observation], ended: str | None) -> Episode:
    low = max(one.low or 0 for one in running)
    high = max(one.high or 0 for one in running)
    return Episode(running[0].on, ended, low, high, tuple(one.key for one in running))


@lru_cache(maxsize=16_384)
def span(partial: str | None) -> tuple[datetime, datetime]:
    """The first and the last instant that a date can mean."""
    if partial is None:
        return BEFORE_ALL, AFTER_ALL
    if len(partial) > 10:
        instant = datetime.fromisoformat(partial)
        return instant, instant
    return datetime.combine(earliest_day(partial), time.min), datetime.combine(latest_day(partial), time.max)


def _last(partial: str | None) -> datetime:
    return span(partial)[1]


def _surely_before(one: str, other: str) -> bool:
    return span(one)[1] < span(other)[0]


def _days_after(last: str, onset: str) -> int:
    """How many days certainly lie between the end of treatment and an onset."""
    return (earliest_day(onset) - latest_day(last)) // timedelta(days=1)
