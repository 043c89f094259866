"""What does a rule look at? One participant under one protocol at one instant, and the rules judged before it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from clinical.protocol import Protocol
from clinical.rules.language import Condition
from clinical.rules.sighting import Sighting
from clinical.rules.truth import Judged
from clinical.state import Participant
from schemas.facts.adverse_events import AdverseEvent

__all__ = ["Sees", "View", "drugs_of", "events_of"]

Sees = Mapping[str, Callable[[Any, "View"], tuple[Sighting, ...]]]
"""What each operator comes to."""


class View:
    """What one rule looks at. Beside its answers it gathers `due`: the next instant that may change any of them.

    `above` are the rules above it in the file: those it may stand on."""

    __slots__ = ("above", "acted_on", "due", "judged", "names_drugs", "now", "participant", "protocol", "sees")

    def __init__(
        self,
        sees: Sees,
        protocol: Protocol,
        participant: Participant,
        now: datetime,
        *,
        acted_on: tuple[str, ...],
        names_drugs: bool,
        judged: Mapping[str, Judged],
        above: tuple[str, ...] = (),
    ) -> None:
        self.sees = sees
        self.protocol = protocol
        self.participant = participant
        self.now = now
        self.acted_on = acted_on
        self.names_drugs = names_drugs
        self.judged = judged
        self.above = above
        self.due: datetime | None = None

    def see(self, condition: Condition) -> tuple[Sighting, ...]:
        """What the condition comes to; nothing where it is false."""
        return self.sees[condition.operator](condition.said, self)

    def wait(self, moment: datetime) -> bool:
        """Whether the moment is still to come; then the answer may change with it."""
        if moment <= self.now:
            return False
        if self.due is None or moment < self.due:
            self.due = moment
        return True


def events_of(participant: Participant) -> Iterator[tuple[str, AdverseEvent]]:
    """The adverse events that stand."""
    for key in participant.events:
        said = participant.records[key].said
        if isinstance(said, AdverseEvent):
            yield key, said


def drugs_of(protocol: Protocol, participant: Participant) -> tuple[str, ...]:
    """The study drugs that the participant's group receives."""
    group = protocol.groups.get(participant.enrolment.group) if participant.enrolment else None
    return tuple(group.drugs) if group else ()
