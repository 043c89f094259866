"""How is a record made unreadable? By destroying every key under which anything of it was sealed, and nothing else.

The ledger, its positions and its digests stay as they are. A record that stands twice in its partition was sealed
twice, perhaps under two keys: all of them go. What is left of a destroyed key on the brokers' disks goes with the
compaction of its topic, and the message as it came with the retention of its raw topic.
"""

import orjson

from schemas.topics import LEDGER
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.records import FormatError, LedgerRecord, partition_of, tombstone
from streams.kafka.writer import Writer


def redact(connection: Connection, trial: str, source: str, record: str) -> int:
    """Makes everything sealed about a record unreadable for good; gives how many keys it was sealed under."""
    log = Log(connection)
    try:
        partition = partition_of(trial, log.partitions())
        names = _keys_of(log, partition, trial, source, record)
    finally:
        log.close()
    with Writer(connection) as writer:
        writer.send([tombstone(name, partition) for name in names])
    return len(names)


def _keys_of(log: Log, partition: int, trial: str, source: str, record: str) -> list[bytes]:
    names = dict[bytes, None]()
    for found in log.read(LEDGER, partition, 0, log.end(LEDGER, partition)):
        if found.key == trial.encode() and record.encode() in (found.value or b""):
            try:
                kept = LedgerRecord.read(found)
                said = orjson.loads(kept.canonical)
            except (FormatError, orjson.JSONDecodeError):
                continue
            if isinstance(said, dict) and (said.get("source"), said.get("record")) == (source, record):
                names[kept.key] = None
    return list(names)
