"""What waits for a monitor? The facts of some trials in a ledger's topic, as an intake would have written them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import orjson

from benchmarks.history import messages
from schemas.canonical import canonical, content_digest
from streams.kafka.connection import Connection
from streams.kafka.records import LedgerRecord, RecordKey, partition_of
from streams.kafka.writer import Writer
from streams.ledger.sqlite import Entry, Key, Ledger
from tests.kafka.trials import spread

TOGETHER = 5_000


def trials(number: int, partitions: int) -> tuple[str, ...]:
    """Trials such that every partition has as many."""
    return spread(number, partitions)


def records(trial: str, count: int) -> Iterator[LedgerRecord]:
    """The first facts of a trial, stamped and sealed; all under one key, which costs a reader nothing."""
    key, stamp = RecordKey.draw(), ""
    for raw in islice(messages(trial), count):
        document = orjson.loads(raw)
        said = content_digest(document)
        if not stamp or "ClockTicked" in document["type"]:
            stamp = document["time"]  # as intake stamps under a simulated clock
        yield LedgerRecord.of(trial, canonical(document | {"recordedtime": stamp}), said, raw, key)


def write(connection: Connection, names: Sequence[str], each: int, partitions: int) -> None:
    """Writes the facts of all trials, taking turns."""
    told = [records(name, each) for name in names]
    with Writer(connection) as writer:
        for _ in range(0, each, TOGETHER):
            for name, its in zip(names, told, strict=True):
                number = partition_of(name, partitions)
                writer.send([record.outgoing(number) for record in islice(its, TOGETHER)])


def embedded(file: Path, names: Sequence[str], each: int) -> Ledger:
    """The same facts in a ledger of the embedded engine; what is sealed is as long as the message was."""
    ledger = Ledger(file)
    for name in names:
        key, told = ledger.draw_key(), records(name, each)
        for start in range(0, each, TOGETHER):
            some = enumerate(islice(told, TOGETHER), start + 1)
            ledger.append([_entry(record, position, key) for position, record in some])
    return ledger


def _entry(record: LedgerRecord, position: int, key: Key) -> Entry:
    said = orjson.loads(record.canonical)
    identity = (said["source"], said["record"], said["revision"], said["type"], said.get("subject"))
    stamp = datetime.fromisoformat(said["recordedtime"])
    return Entry(record.trial, position, stamp, *identity, record.digest, record.canonical, record.canonical, key)
