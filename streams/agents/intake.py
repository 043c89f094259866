"""RAW → LEDGER or quarantine, distributed: one worker has one partition number of every family, and its ledger.

What admission knows is a fold of the ledger to its end. A run is parsed, admitted, and its keys, facts and refusals are
acknowledged before the raw messages are marked. Where another writer shows in the ledger's offsets, this one leaves:
what both wrote is told apart by whoever folds the ledger, and the messages come again.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from clinical.admission import Register
from schemas import AnyFact, Refusal
from schemas.topics import KEYS, LEDGER, RAW, Topic
from streams.admitting import Entering, Known, Message, NoFact, Unusable, admitted, parsed_of, ticking
from streams.kafka import raw
from streams.kafka.admitted import Admitted, Partition
from streams.kafka.frame import Offsets, PlaceOf, Run
from streams.kafka.log import LostError
from streams.kafka.reading import Reader
from streams.kafka.records import (
    FormatError,
    LedgerRecord,
    Outgoing,
    QuarantineRecord,
    Received,
    RecordKey,
    partition_of,
    read_key,
)
from streams.kafka.sequence import Sequencer
from streams.kafka.worker import Agent, Tools
from streams.ledger.sealing import COMMITTED, Path, free_text

FAMILY_OF: Mapping[Topic, str] = {topic: family for family, topic in raw.BY_FAMILY.items()}

LET_GO_EVERY = timedelta(seconds=5)
"""How often windows that wait in vain are looked for."""

Record = tuple[str, str]
"""A trial, and the key of one of its records."""


@dataclass(slots=True)
class Texts:
    """Which key each record with free text has, and what stands for its texts. No secret is among it."""

    keys: dict[Record, bytes] = field(default_factory=dict)
    said: dict[tuple[str, int], dict[Path, str]] = field(default_factory=dict)
    """By trial and position."""

    def learn(self, fact: AnyFact, position: int, canonical: bytes, key: bytes) -> bool:
        """Takes up a fact of the ledger; gives whether it holds free text."""
        if COMMITTED.encode() not in canonical:
            return False
        self.keys[fact.trial, fact.key] = key
        self.said[fact.trial, position] = free_text(orjson.loads(canonical), type(fact))
        return True


class Secrets:
    """The keys of records with free text. They are read when one is needed, and never kept beyond the process."""

    def __init__(self, reader: Reader, partition: int) -> None:
        self._reader = reader
        self._partition = partition
        self._next = 0
        self._secrets: dict[bytes, bytes] = {}

    def forget(self) -> None:
        """Others may have written keys meanwhile."""
        self._next = 0
        self._secrets.clear()

    def keep(self, key: RecordKey) -> None:
        """A key that was drawn here."""
        self._secrets[key.name] = key.secret

    def get(self, name: bytes | None) -> RecordKey | None:
        """The key of this name, unless it is destroyed."""
        secret = self._secrets.get(name) if name is not None else None
        return None if name is None or secret is None else RecordKey(name, secret)

    async def refresh(self, wanted: Container[bytes]) -> None:
        """Reads on in the keys' topic: what is wanted is kept, what was destroyed is gone."""
        place = (KEYS, self._partition)
        end = (await self._reader.ends([place]))[place]
        async for records in self._reader.between(*place, self._next, end):
            for record in records:
                self._take(record, wanted)
        self._next = max(self._next, end)

    def _take(self, record: Received, wanted: Container[bytes]) -> None:
        try:
            name, secret = read_key(record)
        except FormatError:
            return  # none of ours: no record names it
        if secret is None:
            self._secrets.pop(name, None)
        elif name in wanted:
            self._secrets[name] = secret


@dataclass(slots=True)
class _Batch:
    """What one run writes."""

    now: datetime
    keys: list[Outgoing] = field(default_factory=list)
    facts: list[Outgoing] = field(default_factory=list)
    refused: list[Outgoing] = field(default_factory=list)


class IntakePlace:
    """One partition number: its raw topics, and the ledger that it writes. It is the shelf that admission asks."""

    def __init__(self, number: int, tools: Tools) -> None:
        self._number = number
        self._tools = tools
        self._ledger = Partition(number, tools.partitions)
        self._texts = Texts()
        self._secrets = Secrets(tools.reader, number)
        self._sequencer = Sequencer({})
        self._drawn: dict[bytes, RecordKey] = {}
        self._looked = datetime.min.replace(tzinfo=UTC)

    async def take_up(self, committed: Offsets) -> Offsets:
        """Folds the ledger to its end; the raw topics begin again where the group has come."""
        place = (LEDGER, self._number)
        if not self._ledger.next:
            end = (await self._tools.reader.ends([place]))[place]
            async for piece in self._tools.snapshots.load(self._number, end):
                self._restore(piece)
                self._tools.watch.beat()
        while self._ledger.next < (end := (await self._tools.reader.ends([place]))[place]):
            async for records in self._tools.reader.between(*place, self._ledger.next, end):
                self._fold(records)
                self._tools.watch.beat()
        self._secrets.forget()
        self._sequencer = Sequencer({FAMILY_OF[topic]: offset for topic, offset in committed.items()})
        return committed

    async def handle(self, run: Run) -> Offsets:
        """Takes the messages whose turn it is."""
        family = FAMILY_OF[run.topic]
        await self._take([due for record in run.records for due in self._sequencer.receive(family, record)])
        return self._done()

    async def tick(self, now: datetime) -> Offsets:
        """Lets the hour strike in every trial of the system's clock, and lets go of windows that wait in vain."""
        registers = self._ledger.registers.items()
        due = [tick for trial, register in list(registers) if (tick := ticking(register, trial, now)) is not None]
        if due:
            batch = _Batch(now)
            for tick in due:
                self._one(tick, parsed_of(tick), batch, ours=True)
            await self._write(batch)
        if now - self._looked > LET_GO_EVERY:
            self._looked = now
            await self._let_go()
        self._tools.snapshots.offer(self._number, self._ledger.next, lambda: (self._ledger, self._texts))
        return self._done()

    # -- what admission asks

    def register(self, trial: str) -> Register:
        """What admission knows of a trial; of an unknown one an empty register."""
        return self._ledger.registers.get(trial) or Register()

    def key_of(self, register: Register, fact: AnyFact) -> RecordKey | None:  # noqa: ARG002  a shelf may need it
        """The key of a record with free text, unless it is destroyed. Another record may have a key for each fact."""
        return self._secrets.get(self._texts.keys.get((fact.trial, fact.key)))

    def texts_at(self, fact: AnyFact, position: int) -> Mapping[Path, str]:
        """The commitments that stand at a position."""
        return self._texts.said.get((fact.trial, position), {})

    def draw_key(self) -> RecordKey:
        """A new key: written with the first fact under it, and never again, since it may be destroyed meanwhile."""
        key = RecordKey.draw()
        self._drawn[key.name] = key
        return key

    def entered(self, register: Register, entering: Entering[RecordKey]) -> None:
        """The next message may already speak of it."""
        fact = entering.fact
        self._ledger.registers[fact.trial] = register
        if self._texts.learn(fact, entering.position, entering.canonical, entering.key.name):
            self._secrets.keep(entering.key)

    # -- inside

    def _restore(self, piece: object) -> None:
        match piece:
            case Partition():
                self._ledger = piece
            case Texts():
                self._texts = piece
            case _:
                raise TypeError(f"no piece of a snapshot: {type(piece)}")

    def _fold(self, records: Iterable[Received]) -> None:
        for record in records:
            told = self._ledger.fold(record)
            if isinstance(told, Admitted):
                self._texts.learn(told.fact, told.position, told.canonical, told.record.key)

    async def _take(self, due: Sequence[Received]) -> None:
        if not due:
            return
        parsed = [(message, parsed_of(message)) for message in map(raw.read, due)]
        if any((fact.trial, fact.key) in self._texts.keys for _, fact in parsed if not isinstance(fact, Refusal)):
            await self._secrets.refresh(set(self._texts.keys.values()))
        batch = _Batch(datetime.now(UTC))
        for message, fact in parsed:
            self._one(message, fact, batch)
        await self._write(batch)

    def _one(self, message: Message | Unusable, fact: AnyFact | Refusal, batch: _Batch, *, ours: bool = False) -> None:
        told = self._elsewhere(fact) or admitted(message, fact, self, batch.now, ours=ours)
        match told:
            case Entering():
                trial, key = told.fact.trial, told.key
                kept = LedgerRecord.of(trial, told.canonical, told.digest, message.raw, key)
                if self._drawn.pop(key.name, None):
                    batch.keys.append(key.outgoing(self._number))
                batch.facts.append(kept.outgoing(self._number))
                self._count("accepted")
            case Known():
                self._count("duplicate")
            case NoFact(trial, source, why, contradicts):
                key = RecordKey.draw()
                said = (trial, source, why.path, why.message)
                refused = QuarantineRecord.of(batch.now, message.address, *said, message.raw, key)
                batch.keys.append(key.outgoing(self._number))
                batch.refused.append(refused.outgoing(self._number))
                self._count("quarantined" if contradicts is None else "conflict")

    def _elsewhere(self, fact: AnyFact | Refusal) -> NoFact | None:
        """A trial has one partition: a message in another would enter a ledger that nobody else looks for there."""
        if isinstance(fact, Refusal):
            return None
        right = partition_of(fact.trial, self._tools.partitions)
        if right == self._number:
            return None
        wrong = (
            f"it lies in partition {self._number}; messages of this trial belong into {right}: their key is the trial"
        )
        return NoFact(fact.trial, fact.source, Refusal("trial", wrong))

    async def _write(self, batch: _Batch) -> None:
        """Keys before what is sealed with them; facts without a gap after what was folded."""
        send, ledger = self._tools.publisher.send, self._ledger
        self._drawn.clear()
        await send(batch.keys)
        offsets = await send([*batch.facts, *batch.refused])
        written, expected = offsets[: len(batch.facts)], ledger.next + len(batch.facts)
        if written != list(range(ledger.next, expected)):
            raise LostError(f"the ledger's partition {self._number} has another writer: {ledger.next}, {written[:1]}")
        ledger.next = expected

    async def _let_go(self) -> None:
        """A window of which every message was taken before, by another run, waits for nothing."""
        for run, number, records in list(self._sequencer.windows()):
            if all(self._is_told(record) for record in records):
                await self._take(self._sequencer.let_go(run, number))

    def _is_told(self, record: Received) -> bool:
        fact = parsed_of(raw.read(record))
        return isinstance(fact, Refusal) or self.register(fact.trial).said_at(fact.key, fact.revision) is not None

    def _done(self) -> Offsets:
        held = sum(1 for _ in self._sequencer.held())
        self._tools.measures.stands("tocsin_intake_held_messages", str(self._number), held)
        return {raw.BY_FAMILY[family]: offset for family, offset in self._sequencer.committable().items()}

    def _count(self, outcome: str) -> None:
        self._tools.measures.count("tocsin_intake_messages", outcome)


def _places(tools: Tools) -> PlaceOf:
    return lambda number: IntakePlace(number, tools)


INTAKE = Agent("intake", RAW, _places)
