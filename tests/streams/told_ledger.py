"""What would the ledger of these messages hold? A ledger in memory: facts stamped in order, findings by `step`."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from clinical.monitor import step
from clinical.state import Trial
from schemas import AnyFact
from schemas.findings import Change, written
from streams.batch import Batch, StoredFact
from tests.builders import TRIAL, Message, read


@dataclass(frozen=True, slots=True)
class Refused:
    number: int
    received: datetime
    address: str
    trial: str | None
    source: str | None
    digest: str
    path: str
    message: str


@dataclass
class ToldLedger:
    """Facts of one trial; each was recorded one minute after the one before, from noon of the given day."""

    trial: str = TRIAL
    first_recorded: datetime = datetime(2026, 1, 2, 12, tzinfo=UTC)
    batches: list[Batch] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    _state: Trial | None = None

    def tell(self, *messages: Message) -> Batch:
        """Accepts the messages, in order, as one batch."""
        facts: list[StoredFact] = []
        changes: list[tuple[str, Change]] = []
        state = self._state or Trial(self.trial)
        for message in messages:
            position = state.position + 1
            recorded = self.first_recorded + timedelta(minutes=position)
            fact = read(message | {"trial": self.trial, "recordedtime": recorded.isoformat()})
            state, made = step(state, fact, position)
            facts.append(StoredFact(self.trial, position, fact, recorded))
            changes.extend((self.trial, change) for change in made)
        self._state = state
        self.batches.append(Batch(tuple(facts), tuple(changes)))
        return self.batches[-1]

    def refuse(self, address: str, path: str, message: str, source: str | None = None) -> Batch:
        """Quarantines something."""
        number = len(self.refused) + 1
        digest = hashlib.sha256(address.encode()).hexdigest()
        self.refused.append(Refused(number, self.first_recorded, address, self.trial, source, digest, path, message))
        self.batches.append(Batch(quarantined=(self.refused[-1],)))
        return self.batches[-1]

    @property
    def changes(self) -> list[Change]:
        return [change for batch in self.batches for _, change in batch.changes]

    def trials(self) -> Iterable[str]:
        return [self.trial] if self._state else []

    def facts(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, AnyFact]]:
        for batch in self.batches:
            for stored in batch.facts:
                if stored.trial == trial and after < stored.position <= (until or 1 << 62):
                    yield stored.position, stored.fact

    def published_up_to(self, trial: str) -> int:  # noqa: ARG002
        return self._state.position if self._state else 0

    def published(self, trial: str, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        made = tuple(change for change in self.changes if change.since > after)
        for number, (change, body) in enumerate(zip(made, written(trial, made), strict=True)):
            yield change.since, number, body

    def quarantined(self, after: int = 0) -> Iterator[Refused]:
        yield from (one for one in self.refused if one.number > after)
