"""How fast is a home on Kafka sent to and read, beside bare clients and the embedded ledger? One run, one machine.

Per second of the clock and, in brackets, per second of our own processor time: on a busy machine the second says more.
"""

import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import kafka.record.default_records as records
from kafka.record import _crc32c

from benchmarks.history import TRIAL, messages
from schemas.topics import LEDGER, RAW
from streams.admitting import Message
from streams.intake import Intake
from streams.kafka import topics
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.records import Outgoing, partition_of
from streams.kafka.sending import run_of, send
from streams.kafka.writer import Writer
from streams.ledger.kafka import KafkaLedger
from streams.ledger.kafka_carrying import KafkaCarrier
from streams.ledger.sqlite_carrying import SqliteCarrier
from streams.moving import move
from tests.kafka.broker import Broker

FACTS = int(os.environ.get("TOCSIN_BENCH_FACTS", "50000"))
PARTITIONS = 4


def told(what: str, count: int, work: Callable[[], object]) -> None:
    """Prints a rate."""
    gc.collect()
    clock, processor = time.perf_counter(), time.process_time()
    work()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(f"{what:52} {count / clock:9,.0f}/s ({count / processor:9,.0f})")


def consume(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def main() -> None:
    machine = f"{platform.platform()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"
    print(f"{machine}; {FACTS:,} facts of one trial")
    said = [Message(raw, "bench") for raw in islice(messages(), FACTS)]
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "broker", heap="512m") as broker:
        connection = Connection.to(f"kafka://{broker.address}")
        topics.create(connection, PARTITIONS, 1)
        sending(connection, said)
        with closing(SqliteCarrier(Path(folder) / "ledger.sqlite")) as embedded:
            intake = Intake(embedded)
            for start in range(0, FACTS, 2_000):
                intake.receive(said[start : start + 2_000])
            reading(connection, embedded)


def sending(connection: Connection, said: list[Message]) -> None:
    partition = partition_of(TRIAL, PARTITIONS)
    bare = [Outgoing(RAW[0], partition, TRIAL.encode(), message.raw, []) for message in said]
    with Writer(connection) as writer:
        told("bare producer, every future checked", FACTS, lambda: writer.send(bare))
    whole = "ingest: nine topics, in order, every one told"
    told(whole, FACTS, lambda: consume(send(connection, said, run_of(said)[0])))


def reading(connection: Connection, embedded: SqliteCarrier) -> None:
    with closing(KafkaCarrier(connection)) as carrier:
        told("move to Kafka, compared", FACTS, lambda: move(embedded, carrier, TRIAL))
    told("embedded ledger: facts", FACTS, lambda: consume(embedded.facts(TRIAL)))
    for checksums in ("checksums in C", "checksums in Python"):
        if checksums == "checksums in Python":
            records.calc_crc32c = _crc32c.crc
        with closing(Log(connection)) as log:
            partition = partition_of(TRIAL, PARTITIONS)
            bare = log.read(LEDGER, partition, 0, FACTS)
            told(f"bare records of the ledger, {checksums}", FACTS, partial(consume, bare))
        with closing(KafkaLedger(connection)) as ledger:
            told(f"ledger on Kafka: facts, {checksums}", FACTS, partial(consume, ledger.facts(TRIAL)))
            told(f"the same again, {checksums}", FACTS, partial(consume, ledger.facts(TRIAL)))


if __name__ == "__main__":
    main()
