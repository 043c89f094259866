"""What was seen, from when to when? Every condition comes to sightings; none is the answer *no*.

Dates are as precise as the source knew them. An instant without an hour is the beginning of its day, and durations are
counted from there: from the 5th to the 12th are seven days.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from clinical.course import span
from clinical.rules.truth import Truth, both, either

__all__ = ["Sighting", "begins", "episodes", "in_order", "instant", "merged", "truth_of", "written"]


class Sighting(NamedTuple):
    """One stretch of time in which something is so, or may be."""

    truth: Truth
    """Whether it is so; never false."""
    began: str | None = None
    """When it began, as precisely as it is known; None: nobody knows, or it has no beginning."""
    ended: str | None = None
    """When it was over; None: it goes on, or nobody knows."""
    points: tuple[str, ...] = ()
    """When a value showed it, in order; empty for what lasts by itself, such as an event."""
    recovered: str | None = None
    """When recovery from it was documented; None: not yet."""
    over: bool = False
    """Whether it is known to be over, be the day known or not."""
    term: str = ""
    """The term or the analyte it is about."""
    grade: int = 0
    """The worst grade, where it has one."""
    since: str | None = None
    """When it became true, where that is later than its beginning."""


def truth_of(seen: Iterable[Sighting]) -> Truth:
    """Whether any of it is so."""
    return either(one.truth for one in seen)


def begins(one: Sighting) -> datetime:
    """The first instant at which it may have begun."""
    return span(one.began)[0]


def in_order(seen: Iterable[Sighting]) -> list[Sighting]:
    """By time, then by record: the order in which facts came does not matter."""
    return sorted(seen, key=lambda one: (begins(one), [cause.key for cause in one.truth.causes]))


def episodes(seen: Iterable[Sighting]) -> list[list[Sighting]]:
    """Stretches with documented recovery between: what begins before everything earlier recovered belongs to it."""
    found: list[list[Sighting]] = []
    for one in in_order(seen):
        if found and not all(_recovered_before(earlier, one) for earlier in found[-1]):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def merged(carrier: Sighting, truths: Sequence[Truth]) -> Sighting | None:
    """The carrier where all of the truths hold too; None where one of them does not."""
    truth = both((carrier.truth, *truths))
    return None if truth.verdict == "false" else carrier._replace(truth=truth)


def written(moment: datetime) -> str:
    """An instant as dates are written: a day where it is the beginning of one."""
    return moment.strftime("%Y-%m-%d" if moment == datetime.combine(moment, datetime.min.time()) else "%Y-%m-%dT%H:%M")


def instant(moment: datetime) -> str:
    """An instant that time alone has made, with its hour: the beginning of a day is not some time of that day."""
    return moment.strftime("%Y-%m-%dT%H:%M")


def after(partial: str | None, days: float) -> datetime:
    """So many days after the beginning of a date."""
    return span(partial)[0] + timedelta(days=days)


def _recovered_before(earlier: Sighting, later: Sighting) -> bool:
    if earlier.recovered is None or later.began is None:
        return False
    return span(earlier.recovered)[0] <= span(later.began)[0] and earlier.began != later.began
