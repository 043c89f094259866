"""LEDGER and FINDINGS → the store, one partition: findings up to a mark, then the facts that it covers, then how far.

A mark says that every finding of some ledger offsets stands before it, and at which positions the facts begin that
stand there. So a copy needs no memory of a trial: nothing is shown before its mark, and no finding is ahead of the
facts that it rests on, whoever is killed in between. What the store itself says of how far it has come is where a
copy goes on; a store that was emptied is filled again. Rows written twice, by a restart or by two who copy at once,
are one row.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import orjson

import schemas
from schemas.topics import FINDINGS, LEDGER, QUARANTINE, Topic
from streams.batch import StoredFact
from streams.kafka.records import (
    FormatError,
    LedgerRecord,
    Mark,
    PublishedChange,
    QuarantineRecord,
    Received,
    quarantine_number,
    read_finding,
)
from streams.ledger.kafka import numbered
from streams.rows import fact_row, finding_row, quarantine_row
from streams.store import BoardStore, Row, StoreError

LARGEST_WRITE = 20_000
"""Facts of one write, or as many more as one mark covers."""

COPIED = (FINDINGS, QUARANTINE)
"""What a copy follows; the ledger itself is read where a mark says so."""

LedgerRange = Callable[[int, int], Iterator[Received]]
"""Gives the records of the ledger's partition from one offset up to before another, all of them."""

Told = Callable[[Mapping[str, int], Sequence[Row]], None]
"""Hears after each durable write which trials can be read up to which position, and the rows of the facts."""

T = TypeVar("T")

log = logging.getLogger("tocsin.copy")


class OtherLedgerError(StoreError):
    """The store is the copy of another ledger."""


def claim(store: BoardStore, origin: str) -> None:
    """Makes sure that a store is of this ledger, or empty. Raises OtherLedgerError."""
    others = store.query("SELECT DISTINCT origin FROM progress WHERE origin != {origin:String}", {"origin": origin})
    ours = store.query("SELECT count() AS rows FROM progress WHERE origin = {origin:String}", {"origin": origin})
    foreign = not ours[0]["rows"] and store.query("SELECT count() AS rows FROM facts")[0]["rows"]
    if others or foreign:
        raise OtherLedgerError("the store holds the copy of another ledger: empty it, or name another database")


def reached_of(store: BoardStore, origin: str) -> dict[tuple[Topic, int], int]:
    """How far the copy of a ledger has come: the first offset of each partition that is not in the store."""
    rows = store.query(
        "SELECT topic, number, max(next) AS reached FROM progress "
        "WHERE origin = {origin:String} GROUP BY topic, number",
        {"origin": origin},
    )
    by_name = {topic.name: topic for topic in (LEDGER, *COPIED)}
    return {(by_name[row["topic"]], row["number"]): int(row["reached"]) for row in rows}


@dataclass(slots=True)
class _Covered:
    """What can be written: marks, the findings that stand before them, and where the next record stands."""

    next: int
    bodies: list[bytes] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def take(self, mark: Mark, bodies: Iterable[bytes], following: int) -> None:
        self.marks.append(mark)
        self.bodies += bodies
        self.next = following

    @property
    def facts(self) -> int:
        return sum(mark.next - mark.start for mark in self.marks)


class Copy:
    """The copy of one partition number."""

    def __init__(
        self,
        store: BoardStore,
        origin: str,
        number: int,
        partitions: int,
        ledger: LedgerRange,
        told: Told | None = None,
    ) -> None:
        self._store = store
        self._origin = origin
        self._number = number
        self._partitions = partitions
        self._ledger = ledger
        self._told = told
        self._open: list[bytes] = []
        """Findings whose mark has not come yet."""
        self._next: dict[Topic, int] = {}
        self._latest: dict[str, tuple[int, datetime]] = {}
        """The last position written of each trial, and its stamp."""

    def take_up(self) -> dict[Topic, int]:
        """Where to go on in each topic: as the store says."""
        reached = reached_of(self._store, self._origin)
        self._next = {topic: reached.get((topic, self._number), 0) for topic in (LEDGER, *COPIED)}
        self._open.clear()
        self._latest.clear()
        return {topic: self._next[topic] for topic in COPIED}

    @property
    def reached(self) -> int:
        """The first offset of the ledger that is not in the store."""
        return self._next[LEDGER]

    def take(self, topic: Topic, records: Iterable[Received]) -> dict[Topic, int]:
        """Writes what can be written of records that follow on those before; gives where a restart would go on."""
        if topic == QUARANTINE:
            self._quarantine(list(records))
        else:
            self._findings(records)
        return {topic: self._next[topic]}

    def _quarantine(self, records: Sequence[Received]) -> None:
        rows = []
        for record in records:
            if (read := _read(record, QuarantineRecord.read)) is not None:
                number = quarantine_number(self._number, record.offset, self._partitions)
                rows.append(quarantine_row(numbered(number, read)))
        self._store.insert("quarantine", rows)
        self._reached({QUARANTINE: records[-1].offset + 1})

    def _findings(self, records: Iterable[Received]) -> None:
        covered = _Covered(self._next[FINDINGS])
        for record in records:
            match _read(record, read_finding):
                case PublishedChange(body=body):
                    self._open.append(body)
                case Mark() as mark:
                    covered.take(mark, self._open, record.offset + 1)
                    self._open.clear()
            if covered.facts >= LARGEST_WRITE:
                self._write(covered)
                covered = _Covered(covered.next)
        if covered.marks:
            self._write(covered)

    def _write(self, covered: _Covered) -> None:
        reached = self._contiguous(covered.marks)
        self._store.insert("findings", [finding_row(orjson.loads(body), body) for body in covered.bodies])
        facts = [fact_row(fact) for fact in self._facts(covered.marks)]
        self._store.insert("facts", facts)
        self._reached({LEDGER: reached, FINDINGS: covered.next})
        if self._told is not None:
            moved: dict[str, int] = {}
            for row in facts:
                moved[row["trial"]] = max(row["position"], moved.get(row["trial"], 0))
            self._told(moved, facts)

    def _contiguous(self, marks: Iterable[Mark]) -> int:
        """How far the ledger is covered. A mark may say again what another said; none may leave anything out."""
        reached = self._next[LEDGER]
        for mark in marks:
            if mark.start > reached:
                raise LookupError(f"tocsin.ledger[{self._number}]: nothing is said of {reached} to {mark.start - 1}")
            reached = max(reached, mark.next)
        return reached

    def _facts(self, marks: Sequence[Mark]) -> Iterator[StoredFact]:
        """The facts that the marks cover, each at its position."""
        for together in _runs(marks):
            records = self._ledger(together[0].start, together[-1].next)
            for mark in together:
                yield from self._of_mark(mark, islice(records, mark.next - mark.start))
            next(records, None)  # the range has come to its end: its reader can serve the next one

    def _of_mark(self, mark: Mark, records: Iterable[Received]) -> Iterator[StoredFact]:
        following, dropped = dict(mark.first), {*mark.dropped}
        for record in records:
            if record.offset not in dropped:
                read = LedgerRecord.read(record)
                position = following[read.trial]
                following[read.trial] += 1
                fact = schemas.read(read.canonical)
                if fact.recordedtime is None:
                    raise LookupError(f"{read.trial}: position {position} has no stamp")
                yield StoredFact(read.trial, position, fact, self._stamp(read.trial, position, fact.recordedtime))

    def _stamp(self, trial: str, position: int, own: datetime) -> datetime:
        """When a fact was recorded: never before the one before it, whatever a second writer's clock showed."""
        last, recorded = self._latest.get(trial) or (0, own)
        if last != position - 1:
            recorded = self._stored_stamp(trial, position - 1) or own
        self._latest[trial] = (position, max(own, recorded))
        return self._latest[trial][1]

    def _stored_stamp(self, trial: str, position: int) -> datetime | None:
        rows = self._store.query(
            "SELECT recorded FROM facts WHERE trial = {trial:String} AND position = {position:UInt64} LIMIT 1",
            {"trial": trial, "position": position},
        )
        return datetime.fromisoformat(rows[0]["recorded"]).replace(tzinfo=UTC) if rows else None

    def _reached(self, next_: Mapping[Topic, int]) -> None:
        place = {"origin": self._origin, "number": self._number}
        self._store.insert("progress", [place | {"topic": topic.name, "next": at} for topic, at in next_.items()])
        self._next.update(next_)


def _runs(marks: Iterable[Mark]) -> Iterator[list[Mark]]:
    """Marks of which each begins where the one before ends."""
    together: list[Mark] = []
    for mark in marks:
        if together and mark.start != together[-1].next:
            yield together
            together = []
        together.append(mark)
    if together:
        yield together


def _read(record: Received, read: Callable[[Received], T]) -> T | None:
    """What a record says; None where none of us wrote it: somebody must look at it, and nothing waits for that."""
    try:
        return read(record)
    except FormatError as error:
        log.error("left out: %s", error)
        return None
