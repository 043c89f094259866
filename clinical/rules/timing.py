"""When did things happen beside each other? Inside one window, for so long, again after recovery, although treated."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from clinical.course import span
from clinical.rules.doses import dosed_on, left_on
from clinical.rules.language import Again, Condition, Despite, Lasting, Together
from clinical.rules.levels import LabSeen, VitalSeen
from clinical.rules.sighting import Sighting, begins, episodes, in_order, instant, written
from clinical.rules.truth import TRUE, Truth, both, either
from clinical.rules.values import series_of, signs_of
from clinical.rules.view import View
from schemas.facts.medication import Medication

__all__ = ["see_again", "see_despite", "see_lasting", "see_together"]

FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001  as dates of sources: without a zone


class Stay(NamedTuple):
    """From when to when something was so."""

    begin: datetime
    end: datetime
    by_hour: bool
    """Whether its hours are known."""


def see_together(said: Together, view: View) -> tuple[Sighting, ...]:
    """Each sighting of the first part that has all the others near enough."""
    first, *others = said.parts
    anchors = view.see(first)
    if not anchors:
        return ()
    seen = [(part, view.see(part)) for part in others]
    found = []
    for anchor in anchors:
        near = [_near(said, anchor, part, those, view) for part, those in seen]
        truth = both((anchor.truth, *(truth for truth, _ in near)))
        if truth.verdict != "false":
            latest = [since for _, since in near if since is not None]
            since = max((anchor.since or anchor.began or "", *latest)) or None
            found.append(anchor._replace(truth=truth, since=since))
    return tuple(found)


def _near(
    said: Together, anchor: Sighting, part: Condition, seen: tuple[Sighting, ...], view: View
) -> tuple[Truth, str | None]:
    """Whether one of the sightings is near enough to the anchor, and since when; unknown where nobody measured it."""
    close = [one for one in in_order(seen) if _is_near(said, anchor, one)]
    truth = either(one.truth for one in close)
    if truth.verdict == "true":
        return truth, next((one.since or one.began for one in close if one.truth.verdict == "true"), None)
    unmeasured = tuple(
        f"{code} within {said.words} of {anchor.began}" for code in _unmeasured(said, anchor, part, view)
    )
    if truth.verdict == "false" and unmeasured:
        return Truth("unknown", missing=unmeasured), None
    return truth, None


def _unmeasured(said: Together, anchor: Sighting, part: Condition, view: View) -> Iterator[str]:
    """What the part asks for, may not be left out, and was not measured inside the window."""
    for condition in part.said if part.operator == "any_of" else (part,):
        match condition.said:
            case LabSeen(analytes=analytes, if_not_measured="unknown"):
                measured = [one for analyte in analytes for one in series_of(analyte, view)]
                name = " or ".join(analytes)
            case VitalSeen(sign=sign, if_not_measured="unknown"):
                measured, name = signs_of(sign, view), sign
            case _:
                continue
        days = (one.lab.collected for one in measured)
        if not any(_is_near(said, anchor, Sighting(TRUE, began=on, points=(on,))) for on in days):
            yield name


def _is_near(said: Together, anchor: Sighting, other: Sighting) -> bool:
    """Whether some time of the one lies near enough to some time of the other, in days."""
    return any(_is_close(said, a, b) for a in _times(anchor) for b in _times(other))


def _is_close(said: Together, anchor: Stay, other: Stay) -> bool:
    a_begin, a_end, b_begin, b_end = (_day(moment) for moment in (*anchor[:2], *other[:2]))
    if said.first_leads and b_end < a_begin:
        return False
    within = timedelta(days=said.days)
    if said.within_hours is not None and anchor.by_hour and other.by_hour:
        (a_begin, a_end, _), (b_begin, b_end, _) = anchor, other
        within = timedelta(hours=said.within_hours)
    return b_begin - a_end <= within and a_begin - b_end <= within


def _times(one: Sighting) -> Iterator[Stay]:
    """When it was so: the times of its values, or from its beginning to its end."""
    if one.points:
        for point in one.points:
            first, last = span(point)
            yield Stay(first, first, first == last)
    else:
        begin, begun = span(one.began) if one.began is not None else (datetime.min, datetime.min)  # noqa: DTZ901  as sources, without a zone
        end, ended = span(one.ended) if one.ended is not None else (FOREVER, FOREVER)
        yield Stay(begin, end, begin == begun and end == ended)


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0)


def see_lasting(said: Lasting, view: View) -> tuple[Sighting, ...]:
    """What lasts long enough; what may still, until the day on which it has; what nobody can tell."""
    return tuple(
        found for one in view.see(said.what) if one.truth.verdict != "false" and (found := _lasts(said, one, view))
    )


def _lasts(said: Lasting, one: Sighting, view: View) -> Sighting | None:
    if one.began is None:
        return _open(one, f"onset of {one.term}")
    start, length = _counted_from(said, one, view), timedelta(days=said.days)
    enough = start + length
    reached = one._replace(since=instant(enough))
    shown = bool(one.points) and span(one.points[-1])[0] >= enough
    carried = said.carried_forward or shown or not one.points
    if one.ended is not None:
        lasted = span(one.ended)[0 if carried else 1] - start
        if lasted < length or (lasted == length and not said.at_least):
            return None
        if not carried:
            return _unseen(said, one)
        return reached if _is_followed(said, one, enough, span(one.ended)[0]) else _gap(one)
    if one.over:
        return _open(one, f"end of {one.term}")
    if shown:
        return reached if _is_followed(said, one, enough, None) else _gap(one)
    left = left_on(view)
    if left is not None and left < enough:
        return _open(one, f"what became of {one.term} after {written(left)}")
    if said.no_value_for_days is not None and one.points:
        known_until = span(one.points[-1])[0] + timedelta(days=said.no_value_for_days)
        if known_until < enough and not view.wait(known_until):
            return _gap(one)
        if not _is_followed(said, one, enough, None):
            return _gap(one)
    if said.pending_for_days is not None and view.wait(enough - timedelta(days=said.pending_for_days)):
        return None
    if view.wait(enough):
        pending = both((one.truth, Truth("pending", until=enough)))
        return one._replace(truth=pending)
    return reached if carried else _unseen(said, one)


def _counted_from(said: Lasting, one: Sighting, view: View) -> datetime:
    """Its beginning, or the first dose after it that was the last for so long; a later one undoes nothing."""
    start = begins(one)
    for dosed in dosed_on(view, view.acted_on) if said.counted_from == "last_dose" else ():
        if dosed >= start + timedelta(days=said.days):
            break
        start = max(start, dosed)
    return start


def _is_followed(said: Lasting, one: Sighting, enough: datetime, ended: datetime | None) -> bool:
    """Whether no stretch without a value, up to the length asked for, was too long to know what it was in it."""
    if said.no_value_for_days is None or not one.points:
        return True
    longest = timedelta(days=said.no_value_for_days)
    times = [span(point)[0] for point in one.points] + ([ended] if ended is not None else [])
    return all(later - earlier <= longest for earlier, later in pairwise(times) if earlier < enough)


def _unseen(said: Lasting, one: Sighting) -> Sighting:
    length = f"{said.more_than_days} days" if said.more_than_days is not None else f"{said.more_than_hours} h"
    return _open(one, f"{one.term} {length} after {one.began}")


def _gap(one: Sighting) -> Sighting:
    return _open(one, f"{one.term} between its values since {one.began}")


def _open(one: Sighting, missing: str) -> Sighting:
    return one._replace(truth=both((one.truth, Truth("unknown", missing=(missing,)))))


def see_despite(said: Despite, view: View) -> tuple[Sighting, ...]:
    """What goes on while such a medicine is taken."""
    found = []
    for one in view.see(said.what):
        begun = [start for start, end in _taken(said, view) if _goes_on(one, start, end)]
        if begun:
            first = min(begun)
            later = first if one.began is None or first > begins(one) else None
            found.append(one._replace(since=written(later) if later else one.since))
    return tuple(found)


def _taken(said: Despite, view: View) -> Iterator[tuple[datetime, datetime]]:
    for key in view.participant.medications:
        taken = view.participant.records[key].said
        if isinstance(taken, Medication) and taken.purpose in said.medication:
            yield span(taken.started)[0], span(taken.ended)[1] if taken.ended else FOREVER


def _goes_on(one: Sighting, start: datetime, end: datetime) -> bool:
    ended = span(one.ended)[0] if one.ended else FOREVER
    return begins(one) <= end and start < ended


def see_again(said: Again, view: View) -> tuple[Sighting, ...]:
    """The sightings of the n-th episode, and of later ones where they count too."""
    seen = view.see(said.what)
    groups = [[one for one in seen if one.term == term] for term in sorted({one.term for one in seen})]
    return tuple(one for group in (groups if said.by_term else [list(seen)]) for one in _nth(said, group, view))


def _nth(said: Again, seen: list[Sighting], view: View) -> Iterator[Sighting]:
    """Only what certainly happened makes the next time the n-th: what is open is open about its own time only."""
    sure = episodes(one for one in seen if one.truth.verdict == "true")
    for number, episode in enumerate(sure, start=1):
        if number < said.number or (number > said.number and not said.later_too):
            continue
        before = sure[number - 2] if number > 1 else []
        if said.not_lower and before and max(e.grade for e in episode) < max(e.grade for e in before):
            continue
        if said.after_dose and before and not _dosed_between(before, episode, view):
            continue
        yield from episode
    if len(sure) + 1 >= said.number and (len(sure) + 1 == said.number or said.later_too):
        yield from (one for one in seen if one.truth.verdict != "true")


def _dosed_between(before: list[Sighting], episode: list[Sighting], view: View) -> bool:
    """Whether a drug that the rule acts on was given after recovery and not after the new beginning."""
    recovered = max(span(one.recovered)[0] for one in before if one.recovered is not None)
    return any(recovered <= dosed <= begins(episode[0]) for dosed in dosed_on(view, view.acted_on))
