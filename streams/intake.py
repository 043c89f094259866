"""Bytes → the ledger: every message is accepted at a position, a duplicate, a conflict, or quarantined. Nothing else.

One call of `receive` is one durable transaction. A message never raises and never stops the next one; what raises is
the world (a full disk) or our own mistake, and then nothing of the call was written.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from clinical.admission import Register
from schemas import AnyFact
from streams.admitting import Entering, Known, Message, NoFact, Unusable, judged, ticking
from streams.ledger.sealing import Path, free_text
from streams.ledger.sqlite import Entry, Key, Ledger, Refused

__all__ = [
    "Accepted",
    "Clock",
    "Conflict",
    "Duplicate",
    "Intake",
    "Message",
    "Outcome",
    "Quarantined",
    "Unusable",
    "outcome_line",
    "registered",
    "system_clock",
]

Clock = Callable[[], datetime]
"""What says how late it is."""


def system_clock() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message is the fact at this position, given as it stands in the ledger."""

    address: str
    trial: str
    position: int
    fact: AnyFact


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same was said before, at this position."""

    address: str
    trial: str
    position: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """At this position the same identity says something else; the message is in quarantine under `number`."""

    address: str
    trial: str
    position: int
    number: int
    digest: str
    message: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The message is no fact, or none that the ledger can take; it is in quarantine under `number`."""

    address: str
    number: int
    digest: str
    path: str
    message: str


Outcome = Accepted | Duplicate | Conflict | Quarantined


def outcome_line(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the doors print it."""
    match outcome:
        case Accepted(address, trial, position):
            return {"outcome": "accepted", "address": address, "trial": trial, "position": position}
        case Duplicate(address, trial, position):
            return {"outcome": "duplicate", "address": address, "trial": trial, "position": position}
        case Conflict(address, trial, position, number, digest, message):
            at = {"trial": trial, "position": position, "quarantine": number, "digest": digest}
            return {"outcome": "conflict", "address": address, **at, "message": message}
        case Quarantined(address, number, digest, path, message):
            at = {"quarantine": number, "digest": digest, "path": path}
            return {"outcome": "quarantined", "address": address, **at, "message": message}


@dataclass(slots=True)
class _Batch:
    """What one call will write."""

    now: datetime
    entries: list[Entry] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    by_position: dict[tuple[str, int], Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Held:
    """An outcome that still waits for its number in quarantine: the n-th refused message of the batch."""

    place: int
    conflict: Duplicate | None = None


class Intake:
    """The door of a ledger: the only one who appends to it."""

    def __init__(self, ledger: Ledger, clock: Clock = system_clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._registers: dict[str, Register] = {}
        self._batch = _Batch(clock())

    def receive(self, messages: Sequence[Message | Unusable]) -> tuple[Outcome, ...]:
        """Takes messages in order; gives one outcome each, when all of them are durable."""
        return self._take(messages, ours=False)

    def tick(self, now: datetime) -> tuple[Outcome, ...]:
        """Lets the clock tick, on the hour, in every trial that the system's clock stamps."""
        due = [ticking(self.register(trial), trial, now) for trial in self._ledger.trials()]
        return self._take([tick for tick in due if tick is not None], ours=True)

    def register(self, trial: str) -> Register:
        """The register of a trial; of an unknown one an empty one that nobody keeps, since anyone can name trials."""
        register = self._registers.get(trial)
        if register is None:
            register = registered(self._ledger, trial)
            if register.head:
                self._registers[trial] = register
        return register

    # -- what stands in the ledger, and in the batch

    def key_of(self, register: Register, fact: AnyFact) -> Key | None:
        """The key of a record that was spoken of before, unless it is destroyed."""
        highest = register.highest(fact.key)
        if highest == 0:
            return None
        said = register.said_at(fact.key, fact.revision) or register.said_at(fact.key, highest)
        if said is None:
            return None
        entry = self._batch.by_position.get((fact.trial, said[0]))
        return entry.key if entry else self._ledger.key_at(fact.trial, said[0])

    def texts_at(self, fact: AnyFact, position: int) -> Mapping[Path, str]:
        """The commitments that stand at a position."""
        stored = next(canonical for _, canonical in self._ledger.canonical(fact.trial, position - 1, position))
        return free_text(orjson.loads(stored), type(fact))

    def draw_key(self) -> Key:
        """A new key."""
        return self._ledger.draw_key()

    def entered(self, register: Register, entering: Entering[Key]) -> None:
        """The fact is in the batch, and its register is worth keeping."""
        fact, position = entering.fact, entering.position
        entry = Entry(
            fact.trial,
            position,
            entering.recorded,
            fact.source,
            fact.record,
            fact.revision,
            fact.type,
            fact.subject,
            entering.digest,
            entering.canonical,
            entering.raw,
            entering.key,
        )
        self._batch.entries.append(entry)
        self._batch.by_position[fact.trial, position] = entry
        self._registers[fact.trial] = register

    # -- one call

    def _take(self, messages: Sequence[Message | Unusable], *, ours: bool) -> tuple[Outcome, ...]:
        batch = self._batch = _Batch(self._clock().astimezone(UTC))
        written = False
        try:
            outcomes = [self._one(message, batch, ours=ours) for message in messages]
            numbers = self._ledger.append(batch.entries, batch.refused)
            written = True
        finally:
            if not written:  # the registers are ahead of the ledger: forget them, the ledger knows
                self._registers.clear()
        return tuple(
            _numbered(one, batch.refused[one.place], numbers[one.place]) if isinstance(one, _Held) else one
            for one in outcomes
        )

    def _one(self, message: Message | Unusable, batch: _Batch, *, ours: bool) -> Accepted | Duplicate | _Held:
        told = judged(message, self, batch.now, ours=ours)
        match told:
            case Entering():
                return Accepted(message.address, told.fact.trial, told.position, told.fact)
            case Known():
                return Duplicate(message.address, told.trial, told.position)
            case NoFact():
                return _hold(batch, message, told)


def registered(ledger: Ledger, trial: str) -> Register:
    """The register of a trial as its ledger has it."""
    register = Register()
    for position, recorded, record, type_, subject, revision, digest, fact in ledger.identities(trial):
        register.remember(record, type_, subject, revision, position, recorded, digest)
        if fact is not None:
            register.learn(fact)
    return register


def _hold(batch: _Batch, message: Message | Unusable, told: NoFact) -> _Held:
    at, why = message.address, told.why
    batch.refused.append(Refused(batch.now, at, told.trial, told.source, why.path, why.message, message.raw))
    conflict = None
    if told.trial is not None and told.contradicts is not None:
        conflict = Duplicate(at, told.trial, told.contradicts)
    return _Held(len(batch.refused) - 1, conflict)


def _numbered(held: _Held, refused: Refused, number: int) -> Outcome:
    digest = hashlib.sha256(refused.raw).hexdigest()
    if held.conflict is not None:
        at = held.conflict
        return Conflict(at.address, at.trial, at.position, number, digest, refused.message)
    return Quarantined(refused.address, number, digest, refused.path, refused.message)
