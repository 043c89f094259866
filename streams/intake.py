"""Bytes → the ledger: every message is accepted at a position, a duplicate, a conflict, or quarantined. Nothing else.

One call of `receive` is one durable transaction. A message never raises and never stops the next one; what raises is
the world (a full disk) or our own mistake, and then nothing of the call was written.

A free text is compared by its commitment under the record's own key. Once that key is destroyed nobody can tell what
the text was: a message sent again is then compared by everything else.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

import schemas
from clinical import admission
from clinical.admission import CLOCK_SOURCE, Register, admit
from schemas import AnyFact, Refusal
from schemas.canonical import canonical, content_digest, wire
from schemas.values import written_instant
from streams.ledger.sealing import commitment, free_text, replace
from streams.ledger.sqlite import Entry, Key, Ledger, Refused

Clock = Callable[[], datetime]
"""What says how late it is."""

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#@+-]{0,119}")


def system_clock() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes as they came, and where from: `facts.ndjson:17`, `labs[3]@1207`."""

    raw: bytes
    address: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Bytes that an importer could make no fact of: they go to quarantine with its reason."""

    raw: bytes
    address: str
    trial: str | None
    path: str
    message: str


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

    def receive(self, messages: Sequence[Message | Unusable]) -> tuple[Outcome, ...]:
        """Takes messages in order; gives one outcome each, when all of them are durable."""
        return self._take([(message, False) for message in messages])

    def tick(self, now: datetime) -> tuple[Outcome, ...]:
        """Lets the clock tick, on the hour, in every trial that the system's clock stamps."""
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        due = [trial for trial in self._ledger.trials() if _owes_a_tick(self.register(trial), hour)]
        return self._take([(_tick(trial, hour), True) for trial in due])

    def _take(self, messages: Sequence[tuple[Message | Unusable, bool]]) -> tuple[Outcome, ...]:
        batch = _Batch(self._clock().astimezone(UTC))
        written = False
        try:
            outcomes = [self._one(message, batch, ours=ours) for message, ours in messages]
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
        if isinstance(message, Unusable):
            return _hold(batch, message, Refusal(message.path, message.message), message.trial, None)
        fact = schemas.parse(message.raw)
        if isinstance(fact, Refusal):
            return _hold(batch, message, fact, *_claims(message.raw))
        register = self.register(fact.trial)
        document, key = self._committed(register, fact, batch)
        digest = content_digest(document)
        verdict = admit(register, fact, digest, batch.now, ours=ours)
        match verdict:
            case Refusal():
                return _hold(batch, message, verdict, fact.trial, fact.source)
            case admission.Conflict(position):
                told = Duplicate(message.address, fact.trial, position)
                return _hold(
                    batch, message, Refusal("revision", admission.OTHER_CONTENT), fact.trial, fact.source, told
                )
            case admission.Duplicate(position):
                return Duplicate(message.address, fact.trial, position)
            case admission.Accepted():
                return self._accept(message, batch, register, fact, document, digest, key, verdict)

    def _accept(
        self,
        message: Message,
        batch: _Batch,
        register: Register,
        fact: AnyFact,
        document: dict[str, Any],
        digest: bytes,
        key: Key | None,
        accepted: admission.Accepted,
    ) -> Accepted:
        trial, position, recorded = fact.trial, accepted.position, accepted.recorded
        document["recordedtime"] = written_instant(recorded)
        kept = canonical(document)
        entry = Entry(
            trial,
            position,
            recorded,
            fact.source,
            fact.record,
            fact.revision,
            fact.type,
            fact.subject,
            digest,
            kept,
            message.raw,
            key or self._key_of(register, fact, batch) or self._ledger.draw_key(),
        )
        batch.entries.append(entry)
        batch.by_position[trial, position] = entry
        register.with_(fact, accepted, digest)
        self._registers[trial] = register
        # What the monitor folds live is what a replay will read: the stamp is ours, and texts are commitments.
        has_text = bool(free_text(document, type(fact)))
        stands = schemas.read(kept) if has_text else fact.model_copy(update={"recordedtime": recorded})
        return Accepted(message.address, trial, position, stands)

    def _committed(self, register: Register, fact: AnyFact, batch: _Batch) -> tuple[dict[str, Any], Key | None]:
        """The fact as the ledger holds it but for its stamp, and the key where one was needed."""
        document = wire(fact)
        document.pop("recordedtime", None)
        texts = free_text(document, type(fact))
        if not texts:
            return document, None
        key = self._key_of(register, fact, batch)
        if key is None and (said := register.said_at(fact.key, fact.revision)) is not None:
            stored = free_text(orjson.loads(self._canonical_at(fact.trial, said[0])), type(fact))
            replace(document, {path: stored.get(path, "") for path in texts})
            return document, None
        key = key or self._ledger.draw_key()
        replace(document, {path: commitment(key.secret, text) for path, text in texts.items()})
        return document, key

    def _key_of(self, register: Register, fact: AnyFact, batch: _Batch) -> Key | None:
        """The key of a record that was spoken of before, unless it is destroyed."""
        highest = register.highest(fact.key)
        if highest == 0:
            return None
        said = register.said_at(fact.key, fact.revision) or register.said_at(fact.key, highest)
        if said is None:
            return None
        entry = batch.by_position.get((fact.trial, said[0]))
        return entry.key if entry else self._ledger.key_at(fact.trial, said[0])

    def _canonical_at(self, trial: str, position: int) -> bytes:
        return next(canonical for _, canonical in self._ledger.canonical(trial, position - 1, position))

    def register(self, trial: str) -> Register:
        """The register of a trial; of an unknown one an empty one that nobody keeps, since anyone can name trials."""
        register = self._registers.get(trial)
        if register is None:
            register = registered(self._ledger, trial)
            if register.head:
                self._registers[trial] = register
        return register


def registered(ledger: Ledger, trial: str) -> Register:
    """The register of a trial as its ledger has it."""
    register = Register()
    for position, recorded, record, type_, subject, revision, digest, fact in ledger.identities(trial):
        register.remember(record, type_, subject, revision, position, recorded, digest)
        if fact is not None:
            register.learn(fact)
    return register


def _hold(
    batch: _Batch,
    message: Message | Unusable,
    why: Refusal,
    trial: str | None,
    source: str | None,
    conflict: Duplicate | None = None,
) -> _Held:
    batch.refused.append(Refused(batch.now, message.address, trial, source, why.path, why.message, message.raw))
    return _Held(len(batch.refused) - 1, conflict)


def _numbered(held: _Held, refused: Refused, number: int) -> Outcome:
    digest = hashlib.sha256(refused.raw).hexdigest()
    if held.conflict is not None:
        at = held.conflict
        return Conflict(at.address, at.trial, at.position, number, digest, refused.message)
    return Quarantined(refused.address, number, digest, refused.path, refused.message)


def _claims(raw: bytes) -> tuple[str | None, str | None]:
    """The trial and the source that a message claims, where that can be read at all: it is only shown to people."""
    if len(raw) > schemas.LARGEST_MESSAGE:
        return None, None
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(document, dict):
        return None, None
    return _identifier(document.get("trial")), _identifier(document.get("source"))


def _identifier(value: object) -> str | None:
    return value if isinstance(value, str) and IDENTIFIER.fullmatch(value) else None


def _owes_a_tick(register: Register, hour: datetime) -> bool:
    return register.clock == "system" and register.ticked is not None and register.ticked < hour


def _tick(trial: str, hour: datetime) -> Message:
    instant = written_instant(hour)
    record = f"clock/{instant}"
    document = {
        "specversion": "1.0",
        "id": record,
        "source": CLOCK_SOURCE,
        "type": "tocsin.ClockTicked.v1",
        "time": instant,
        "trial": trial,
        "record": record,
        "revision": 1,
        "data": {},
    }
    return Message(canonical(document), f"{CLOCK_SOURCE}:{instant}")
