"""What would stand in the topics? The facts of an embedded ledger as the records that a writer would send."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from streams.kafka import topics
from streams.kafka.connection import Connection
from streams.kafka.records import LedgerRecord, Outgoing, RecordKey, partition_of
from streams.kafka.writer import Place, Writer
from streams.ledger.sqlite import Ledger


@dataclass(frozen=True)
class Stored:
    """A record as a broker gives it back."""

    value: bytes | None = b"{}"
    key: bytes | None = b"T-1"
    headers: Iterable[tuple[str, bytes | None]] = ()
    topic: str = "tocsin.ledger"
    partition: int = 3
    offset: int = field(default=1207)


def stored(sent: Outgoing, offset: int = 1207) -> Stored:
    """A record that was sent, as it comes back."""
    return Stored(sent.value, sent.key, tuple(sent.headers), sent.topic.name, sent.partition, offset)


def in_a_row(sent: Sequence[Outgoing]) -> Iterator[Stored]:
    """Records that were sent to one partition, as they come back."""
    for offset, one in enumerate(sent):
        yield replace(stored(one), offset=offset)


def key_of(ledger: Ledger, trial: str, position: int) -> RecordKey | None:
    """The key of a fact under a name of its own; None where it is destroyed."""
    key = ledger.key_at(trial, position)
    return None if key is None else RecordKey(hashlib.sha256(key.secret).digest()[:16], key.secret)


def tell(connection: Connection, ledger: Ledger, trial: str) -> list[Place]:
    """Writes a trial's keys and facts as an intake would; gives the places of the facts."""
    partition = partition_of(trial, topics.partitions_of(connection))
    keys = dict.fromkeys(key_of(ledger, trial, position) for position, _ in ledger.canonical(trial))
    with Writer(connection) as writer:
        writer.send([key.outgoing(partition) for key in keys if key is not None])
        return writer.send([record.outgoing(partition) for record in ledger_records(ledger, trial)])


def ledger_records(ledger: Ledger, trial: str) -> list[LedgerRecord]:
    """The facts of a trial as records of the ledger's topic, in order."""
    records = []
    for identity, (position, kept) in zip(ledger.identities(trial), ledger.canonical(trial), strict=True):
        raw, key = ledger.raw(trial, position), key_of(ledger, trial, position)
        if raw is None or key is None:
            raise LookupError(f"{trial}: position {position} is redacted")
        records.append(LedgerRecord.of(trial, kept, identity.digest, raw, key))
    return records
