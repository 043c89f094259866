"""LEDGER → FINDINGS, distributed: each fact is folded once, and what it changed is published before its mark.

The memory of a partition is a cache of the ledger. What the group has marked is folded in silence; every fact beyond
owes its findings. Published twice, by a restart or by two workers at once, a change is the same bytes under the same
id. The mark comes after the findings of a run in the same partition of the same producer, so it never stands before
them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from clinical.fold import evolve
from clinical.monitor import step
from clinical.state import EMPTY, Trial
from schemas import Refusal
from schemas.findings import Change, written
from schemas.topics import LEDGER
from streams.kafka.admitted import Admitted, Partition
from streams.kafka.code import code_version
from streams.kafka.frame import Offsets, PlaceOf, Run
from streams.kafka.records import Mark, Outgoing, PublishedChange, QuarantineRecord, Received, RecordKey, address
from streams.kafka.worker import Agent, Tools

TOGETHER = 200
"""Participants in one piece of a snapshot."""


@dataclass(slots=True)
class Evaluation:
    """What a run of the ledger says."""

    findings: list[PublishedChange] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    refused: list[tuple[Received, str | None, Refusal]] = field(default_factory=list)
    """Records that only a writer who should no longer write can have written."""


class Memory:
    """What is known after a ledger partition, up to `next`: of admission, and of every trial."""

    def __init__(self, number: int, partitions: int) -> None:
        self.ledger = Partition(number, partitions)
        self.trials: dict[str, Trial] = {}
        self._restored = ""

    @property
    def next(self) -> int:
        """The offset of the first record that was not folded yet."""
        return self.ledger.next

    def fold(self, records: Iterable[Received]) -> None:
        """Takes up records whose findings are published already."""
        for record in records:
            told = self.ledger.fold(record)
            if isinstance(told, Admitted):
                self.trials[told.trial] = evolve(self._known(told.trial), told.fact, told.position)

    def evaluate(self, records: Iterable[Received]) -> Evaluation:
        """Takes up records, and says what each changed."""
        said = Evaluation()
        for record in records:
            told = self.ledger.fold(record)
            if isinstance(told, Admitted):
                said.first.setdefault(told.trial, told.position)
                state, changes = step(self._known(told.trial), told.fact, told.position)
                self.trials[told.trial] = state
                said.findings.extend(_published(told, state, changes))
                continue
            said.dropped.append(told.offset)
            if told.why is not None:
                said.refused.append((record, told.trial, told.why))
        return said

    def pieces(self) -> Iterator[object]:
        """What a snapshot holds: each piece is read back in a moment."""
        yield self.ledger
        for trial in self.trials.values():
            yield trial._replace(participants=EMPTY)
            participants = list(trial.participants.values())
            for start in range(0, len(participants), TOGETHER):
                yield participants[start : start + TOGETHER]

    def restore(self, piece: object) -> None:
        """Takes up the next piece of a snapshot."""
        match piece:
            case Partition():
                self.ledger = piece
            case Trial():
                self._restored = piece.id
                self.trials[piece.id] = piece
            case list():
                trial = self.trials[self._restored]
                participants = trial.participants.update((one.id, one) for one in piece)
                self.trials[trial.id] = trial._replace(participants=participants)
            case _:
                raise TypeError(f"no piece of a snapshot: {type(piece)}")

    def _known(self, trial: str) -> Trial:
        return self.trials.get(trial) or Trial(trial)


class MonitorPlace:
    """One partition of the ledger, and what was concluded from it."""

    def __init__(self, number: int, tools: Tools) -> None:
        self._number = number
        self._tools = tools
        self._memory = Memory(number, tools.partitions)

    async def take_up(self, committed: Offsets) -> Offsets:
        """Folds the ledger up to the group's mark, in silence."""
        memory, until = self._memory, committed[LEDGER]
        if not memory.next:
            async for piece in self._tools.snapshots.load(self._number, until):
                memory.restore(piece)
                self._tools.watch.beat()
        async for records in self._tools.reader.between(LEDGER, self._number, memory.next, until):
            memory.fold(records)
            self._tools.watch.beat()
        return {LEDGER: memory.next}

    async def handle(self, run: Run) -> Offsets:
        """Publishes what a run changed, and then its mark."""
        start = self._memory.next
        said = self._memory.evaluate(run.records)
        mark = Mark(start, self._memory.next, said.first, tuple(said.dropped))
        await self._quarantine(said)
        told = [one.outgoing(self._number) for one in said.findings]
        await self._tools.publisher.send([*told, mark.outgoing(self._number)])
        self._measure(said)
        return {LEDGER: self._memory.next}

    async def tick(self, now: datetime) -> Offsets:  # noqa: ARG002  other places need it
        """Nothing is owed here without a record: time passes in the ledger. It is a moment for a snapshot."""
        self._tools.snapshots.offer(self._number, self._memory.next, self._memory.pieces)
        return {}

    async def _quarantine(self, said: Evaluation) -> None:
        """A record that is no fact of its trial is for a person to see. Its text stands in it as a commitment."""
        keys, messages = list[Outgoing](), list[Outgoing]()
        for record, trial, why in said.refused:
            key, now = RecordKey.draw(), datetime.now(UTC)
            place, raw = address(record), record.value or b""
            refused = QuarantineRecord.of(now, place, trial, None, why.path, why.message, raw, key)
            keys.append(key.outgoing(self._number))
            messages.append(refused.outgoing(self._number))
        if keys:
            await self._tools.publisher.send(keys)
            await self._tools.publisher.send(messages)

    def _measure(self, said: Evaluation) -> None:
        self._tools.measures.count("tocsin_quarantined", "ledger", len(said.refused))
        self._tools.measures.count("tocsin_findings_published", "", len(said.findings))
        for trial in said.first:
            self._tools.measures.stands("tocsin_evaluated_position", trial, self._memory.trials[trial].position)


def _published(told: Admitted, state: Trial, changes: Sequence[Change]) -> Iterator[PublishedChange]:
    for change, body in zip(changes, written(told.trial, changes), strict=True):
        yield PublishedChange(told.trial, body, told.offset, code_version(), state.in_force.hears(change.finding.kind))


def _places(tools: Tools) -> PlaceOf:
    return lambda number: MonitorPlace(number, tools)


MONITOR = Agent("monitor", (LEDGER,), _places)
