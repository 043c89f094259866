"""Where does the distributed engine keep its facts? In the topics; here they are read as any other ledger is.

A trial lies in one partition of the ledger. Reading it once gives its positions (`streams.kafka.admitted`); they are
remembered by the offset at which each fact stands, so that a second reading fetches and folds nothing again. What
comes later is folded when it is asked for.
"""

import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

import schemas
from clinical.admission import Register
from schemas import AnyFact
from schemas.topics import FINDINGS, KEYS, LEDGER, QUARANTINE
from streams.kafka.admitted import Admitted, admitted
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.records import (
    FormatError,
    LedgerRecord,
    Mark,
    QuarantineRecord,
    Received,
    partition_of,
    quarantine_number,
    read_finding,
    read_key,
)
from streams.ledger.reading import Quarantined
from streams.ledger.sealing import opened

CHUNK = 1_000
"""Facts folded, or read again, in one go."""

LAST = 1 << 62
"""Beyond every position."""

KEYS_FRESH_SECONDS = 1.0
"""How long a look at the keys is believed: a redaction is seen by every reader within it."""


class Standing(NamedTuple):
    """A fact at its position, and the record that it stands in."""

    position: int
    fact: AnyFact | None
    """None where it was not read yet."""
    canonical: bytes
    record: LedgerRecord


def numbered(number: int, one: QuarantineRecord) -> Quarantined:
    """A record of the quarantine's topic as any ledger gives it."""
    return Quarantined(number, one.received, one.address, one.trial, one.source, one.digest, one.path, one.message)


class KafkaLedger:
    """The ledger of an installation on Kafka. Any thread may read; whoever reads far behind holds nobody up."""

    def __init__(self, connection: Connection) -> None:
        self._log = Log(connection)
        self._partitions = self._log.partitions()
        self._folds: dict[str, _Fold] = {}
        self._keys: dict[int, _Keys] = {}
        self._page = _Page("", 0, [], 0.0)

    def close(self) -> None:
        """Closes every connection: nobody may be reading."""
        self._log.close()

    def trials(self) -> tuple[str, ...]:
        """The trials that have a ledger, by name: those of which a first fact was accepted."""
        return tuple(sorted(trial for number in range(self._partitions) for trial in self._trials_in(number)))

    def head(self, trial: str) -> int:
        """The last position of a trial; 0 where there is none."""
        fold = self._fold(trial)
        end = fold.end()
        while fold.advance(end):
            pass
        return len(fold.offsets)

    def canonical(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The canonical bytes of the facts of a trial, in order: those there are when it is asked."""
        for standing in self._standing(trial, after, until):
            yield standing.position, standing.canonical

    def facts(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, AnyFact]]:
        """The facts of a trial in order, with their positions."""
        for position, fact, canonical, _ in self._standing(trial, after, until):
            yield position, fact if fact is not None else schemas.read(canonical)

    def records(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, LedgerRecord]]:
        """The records in which the facts of a trial stand, in order of their positions."""
        for standing in self._standing(trial, after, until):
            yield standing.position, standing.record

    def position_at(self, trial: str, instant: datetime) -> int:
        """What was known at an instant: the last position recorded by then. The stamps never go backwards."""
        self.head(trial)
        return bisect_right(self._fold(trial).recorded, instant)

    def raw(self, trial: str, position: int) -> bytes | None:
        """The message as it came; None once its record is redacted."""
        page = self._around(trial, position)
        if not page.start < position <= page.start + len(page.standing):
            return None
        record = page.standing[position - page.start - 1].record
        secret = self._secrets(partition_of(trial, self._partitions)).secret(record.key, page.read_at)
        return None if secret is None else record.opened(secret)

    def opened(self, trial: str, position: int) -> dict[str, str] | None:
        """The free text of a fact by its path, such as `data.verbatim`; None once its record is redacted."""
        raw = self.raw(trial, position)
        return None if raw is None else opened(raw, f"{trial}: position {position}")

    def secret_of(self, trial: str, name: bytes) -> bytes | None:
        """What a key of a trial's records is now; None once it is destroyed."""
        return self._secrets(partition_of(trial, self._partitions)).secret(name, time.monotonic())

    def published(self, trial: str, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Every change as it was published: position, ordinal, canonical bytes. What was sent twice stands once."""
        changes, up_to = self._published(trial)
        for position in sorted(changes):
            if after < position <= up_to:
                yield from ((position, ordinal, body) for ordinal, body in enumerate(changes[position]))

    def published_up_to(self, trial: str) -> int:
        """The position up to which every change is published, as the marks say."""
        return self._published(trial)[1]

    def quarantined(self, after: int = 0) -> Iterator[Quarantined]:
        """The messages in quarantine, in order of their numbers. What was sent twice stands once."""
        known: set[tuple[str, str]] = set()
        for number, one in sorted(self._in_quarantine(), key=itemgetter(0)):
            if (one.address, one.digest) in known:
                continue
            known.add((one.address, one.digest))
            if number > after:
                yield numbered(number, one)

    def quarantined_raw(self, number: int) -> bytes | None:
        """A message in quarantine as it came; None once its key is destroyed."""
        offset, partition = divmod(number - 1, self._partitions)
        if offset >= self._log.end(QUARANTINE, partition):
            raise LookupError(f"not in quarantine: {number}")
        (record,) = self._log.read(QUARANTINE, partition, offset, offset + 1)
        one = QuarantineRecord.read(record)
        secret = self._secrets(partition).secret(one.key, time.monotonic())
        return None if secret is None else one.opened(secret)

    # -- how it is read

    def _fold(self, trial: str) -> "_Fold":
        return self._folds.setdefault(trial, _Fold(self._log, trial, partition_of(trial, self._partitions)))

    def _secrets(self, partition: int) -> "_Keys":
        return self._keys.setdefault(partition, _Keys(self._log, partition))

    def _standing(self, trial: str, after: int, until: int | None) -> Iterator[Standing]:
        """Positions `after` + 1 up to `until`: those whose place is known, then as far as the end was when asked."""
        fold = self._fold(trial)
        end, last = fold.end(), LAST if until is None else until
        while after < last:
            known = min(len(fold.offsets), last)
            if after < known:
                yield from fold.again(after, known)
                after = known
                continue
            page = fold.advance(end)
            if not page and len(fold.offsets) <= after:  # else another thread folded to the end meanwhile
                return
            for standing in page:
                if standing.position == after + 1 <= last:  # else another thread folded on meanwhile: it is read again
                    yield standing
                    after += 1

    def _around(self, trial: str, position: int) -> "_Page":
        """A position among its neighbours, as whoever asks for one asks for those next; it may be beyond the last."""
        start = max(0, position - 1) // CHUNK * CHUNK
        page = self._page
        if (page.trial, page.start) != (trial, start) or position > start + len(page.standing):
            read_at = time.monotonic()
            page = self._page = _Page(trial, start, list(self._standing(trial, start, start + CHUNK)), read_at)
        return page

    def _trials_in(self, number: int) -> set[str]:
        """The trials of a partition: each is looked at until its first fact."""
        found: set[str] = set()
        for record in self._log.read(LEDGER, number, 0, self._log.end(LEDGER, number)):
            trial = (record.key or b"").decode(errors="replace")
            if trial not in found and partition_of(trial, self._partitions) == number:
                read = _ledger_record(record)
                if read is not None and isinstance(admitted(Register(), record.offset, read), Admitted):
                    found.add(trial)
        return found

    def _published(self, trial: str) -> tuple[dict[int, list[bytes]], int]:
        """The changes of a trial by position, in the order of their first sending, and how far they are complete."""
        number = partition_of(trial, self._partitions)
        self.head(trial)
        offsets = self._fold(trial).offsets
        changes: dict[int, dict[bytes, None]] = {}
        covered = 0
        for record in self._log.read(FINDINGS, number, 0, self._log.end(FINDINGS, number)):
            said = read_finding(record)
            if isinstance(said, Mark):
                covered = max(covered, said.next) if said.start <= covered else covered
            elif said.trial == trial:
                changes.setdefault(bisect_left(offsets, said.at) + 1, {})[said.body] = None
        return {position: list(bodies) for position, bodies in changes.items()}, bisect_left(offsets, covered)

    def _in_quarantine(self) -> Iterator[tuple[int, QuarantineRecord]]:
        for number in range(self._partitions):
            for record in self._log.read(QUARANTINE, number, 0, self._log.end(QUARANTINE, number)):
                yield quarantine_number(number, record.offset, self._partitions), QuarantineRecord.read(record)


class _Page(NamedTuple):
    """Facts that were read together."""

    trial: str
    start: int
    standing: list[Standing]
    read_at: float


@dataclass
class _Fold:
    """Where the facts of one trial stand in its partition, as far as it was read."""

    log: Log
    trial: str
    partition: int
    register: Register = field(default_factory=Register)
    offsets: list[int] = field(default_factory=list)
    """Of each position, from 1."""
    recorded: list[datetime] = field(default_factory=list)
    """The stamp of each position."""
    restamped: dict[int, bytes] = field(default_factory=dict)
    """The canonical bytes of the few positions whose record carries another stamp."""
    _next: int = 0
    _reading: Iterator[Received] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self) -> int:
        return self.log.end(LEDGER, self.partition)

    def advance(self, end: int) -> list[Standing]:
        """Folds the next facts before offset `end`; none where there are no more."""
        with self._lock:
            found: list[Standing] = []
            while self._next < end and len(found) < CHUNK:
                if self._reading is None:
                    self._reading = self.log.read(LEDGER, self.partition, self._next, end)
                for record in self._reading:
                    self._next = record.offset + 1
                    found.extend(self._folded(record))
                    if len(found) == CHUNK:
                        return found
                self._reading = None
            return found

    def again(self, after: int, until: int) -> Iterator[Standing]:
        """Reads positions `after` + 1 up to `until` again, which were folded before."""
        position = after + 1
        for record in self.log.read(LEDGER, self.partition, self.offsets[after], self.offsets[until - 1] + 1):
            if record.offset == self.offsets[position - 1]:
                read = LedgerRecord.read(record)
                yield Standing(position, None, self.restamped.get(position, read.canonical), read)
                position += 1

    def _folded(self, record: Received) -> Iterator[Standing]:
        if record.key != self.trial.encode() or (read := _ledger_record(record)) is None:
            return
        told = admitted(self.register, record.offset, read)
        if isinstance(told, Admitted) and self.register.recorded is not None:
            self.offsets.append(told.offset)
            self.recorded.append(self.register.recorded)
            if told.canonical is not read.canonical:
                self.restamped[told.position] = told.canonical
            yield Standing(told.position, told.fact, told.canonical, read)


class _Keys:
    """The keys of a partition, as they are now."""

    def __init__(self, log: Log, partition: int) -> None:
        self._log = log
        self._partition = partition
        self._secrets: dict[bytes, bytes] = {}
        self._next = 0
        self._looked = float("-inf")
        self._lock = threading.Lock()

    def secret(self, name: bytes, read_at: float) -> bytes | None:
        """The secret of a key that a record names which was read then; None once it is destroyed."""
        with self._lock:
            if self._looked < max(read_at, time.monotonic() - KEYS_FRESH_SECONDS):
                self._look()
            return self._secrets.get(name)

    def _look(self) -> None:
        self._looked, end = time.monotonic(), self._log.end(KEYS, self._partition)
        for record in self._log.read(KEYS, self._partition, self._next, end):
            name, secret = read_key(record)
            if secret is None:
                self._secrets.pop(name, None)
            else:
                self._secrets[name] = secret
        self._next = end


def _ledger_record(record: Received) -> LedgerRecord | None:
    try:
        return LedgerRecord.read(record)
    except FormatError:
        return None
