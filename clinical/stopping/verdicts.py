"""Has a group met its stopping rule: officially, certainly, or possibly?

An event is known at once, its absence only when the window has passed. Whoever judges the count among
"those whose outcome is known" therefore judges too many events: simulated for a Pocock rule (p0 = 0.30,
alpha = 0.10, 30 looks) with windows of 42 to 84 days and an enrolment every 10 to 21 days, the type I
error grew from 0.10 to 0.14-0.33. So the participants stand in order of enrolment, a look m always means
the first m enrolled, and three questions are answered side by side:

* **official**: at a look m inside the official run (the longest run from the first enrolled in which
  everybody has had the event or completed the window) the first m had b(m) events or more;
* **certain**: at a look m among the enrolled, the events already known among the first m reach b(m).
  Exactly then the rule will officially stop however the pending participants end, as long as they stay
  evaluable (one who turns out not to be leaves the order, and everybody behind moves up);
* **possible**: at such a look, or at the next one, the known events and all pending among the first m
  reach b(m).

Official implies certain, certain implies possible.

*The next look* is the first beyond those enrolled at which the rule can stop. At it we count persons
who exist: known events and pending ones. Those not yet enrolled are not counted as pending, so "TT" before
a bound of 3 at 3 is not a possible crossing: one more event, in a person who is not in the trial yet,
is what `distance` says. The next look therefore matters only where looks are sparse.

Participants beyond the last look change nothing: the rule has no look that would count them, and no
number here does. Participants who are not evaluable are left out by the caller before this is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from clinical.stopping.boundary import Boundary


class Status(Enum):
    """What is known today about an evaluable participant and the event of one rule."""

    EVENT = "event"
    """Had the event, at any time in the window."""
    COMPLETED = "completed"
    """Completed the window without the event."""
    PENDING = "pending"
    """Still in the window, no event so far."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says about one group, given what is known today."""

    crossed_at: int | None
    """The first look at which the rule has officially stopped the group."""
    certain_at: int | None
    """The first look at which known events alone reach the bound."""
    possible_at: int | None
    """The first look at which known events and pending participants together reach the bound."""
    x: int
    """Participants with the event in the official run."""
    n: int
    """Participants in the official run."""
    bound: int | None
    """The bound at n; None where n is no look, or the rule cannot stop there."""
    distance: int | None
    """Events still missing for the bound at the first look after n where the rule can stop.

    It is that bound less x, never below 0; None after the last such look. It asks for the next look
    only: a group that has crossed already has a distance too.
    """
    enrolled: int
    """Participants enrolled, up to the last look."""
    known_events: int
    """Participants with the event among the enrolled, in the official run or not."""
    pending: int
    """Participants still in their window."""

    @property
    def official(self) -> bool:
        """The protocol's rule says stop."""
        return self.crossed_at is not None

    @property
    def certain(self) -> bool:
        """The rule will say stop, however the pending participants end."""
        return self.certain_at is not None

    @property
    def possible(self) -> bool:
        """The rule would say stop if all pending participants had the event."""
        return self.possible_at is not None


def judge(boundary: Boundary, statuses: Sequence[Status]) -> Verdict:
    """Judge a group from the statuses of its evaluable participants in order of enrolment.

    With a bound of 3 at 3, event-event-event stops officially; pending-event-event is possible and
    not certain; and where the bound at 4 is 3, pending-event-event-event is certain, not yet official.
    """
    counted = statuses[: boundary.looks[-1]]
    events = pending = n = x = 0
    certain_at: int | None = None
    possible_at: int | None = None
    for m, status in enumerate(counted, start=1):
        events += status is Status.EVENT
        pending += status is Status.PENDING
        if not pending:
            n, x = m, events
        bound = boundary.bound_at(m)
        if bound is None:
            continue
        if certain_at is None and events >= bound:
            certain_at = m
        if possible_at is None and events + pending >= bound:
            possible_at = m

    beyond_enrolled = boundary.next_after(len(counted))
    if possible_at is None and beyond_enrolled is not None:
        look, bound = beyond_enrolled
        if events + pending >= bound:
            possible_at = look

    beyond_run = boundary.next_after(n)
    return Verdict(
        # Inside the official run everything is known, so the first certain look there is the official one.
        crossed_at=certain_at if certain_at is not None and certain_at <= n else None,
        certain_at=certain_at,
        possible_at=possible_at,
        x=x,
        n=n,
        bound=boundary.bound_at(n),
        distance=None if beyond_run is None else max(0, beyond_run[1] - x),
        enrolled=len(counted),
        known_events=events,
        pending=pending,
    )
