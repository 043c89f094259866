"""What stands in a partition between two offsets? A reader without a group, for whoever reads a range and is done.

A client of kafka-python serves one thread at a time, so each range that is being read has a client of its own; when
the range is read to its end the client waits for the next one.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from schemas.topics import LEDGER, Topic
from streams.kafka.client import reached
from streams.kafka.connection import Connection
from streams.kafka.records import Received
from streams.kafka.topics import NoTopicsError

SILENCE_SECONDS = 60
"""How long a broker may give nothing of a range that it has, before it counts as down."""

FETCHING = {
    "max_partition_fetch_bytes": 2 * 1024 * 1024,
    "max_poll_records": 2_000,
    "fetch_max_wait_ms": 10,  # whoever waits behind an unanswered fetch waits that long
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # a range that is no longer there is an error, not another range
}


class LostError(LookupError):
    """A record is missing from a partition that keeps everything."""


class Log:
    """The partitions of an installation, for reading."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._idle: list[KafkaConsumer] = []
        self._all: list[KafkaConsumer] = []
        self._lock = threading.Lock()

    def partitions(self) -> int:
        """How many partitions every topic has. Raises NoTopicsError."""
        with self._consumer() as consumer:
            found = consumer.partitions_for_topic(self.connection.topic(LEDGER))
        if not found:
            raise NoTopicsError(self.connection)
        return len(found)

    def end(self, topic: Topic, partition: int) -> int:
        """The offset after the last record."""
        place = self._place(topic, partition)
        with self._consumer() as consumer:
            ends: dict[TopicPartition, int] = consumer.end_offsets([place])
            return ends[place]

    def read(self, topic: Topic, partition: int, start: int, stop: int) -> Iterator[Received]:
        """The records from offset `start` up to before `stop`. Raises KafkaError, or LostError where one is missing."""
        place = self._place(topic, partition)
        expected, last_heard = start, time.monotonic()
        with self._consumer() as consumer:
            consumer.assign([place])
            consumer.seek(place, start)
            while expected < stop:
                records = consumer.poll(timeout_ms=1_000).get(place, ())
                for record in records:
                    if record.offset >= stop:
                        return
                    if record.offset != expected and topic.retention != "compacted":
                        raise LostError(f"{place.topic}[{partition}]@{expected} is missing")
                    expected = record.offset + 1
                    yield record
                if records:
                    last_heard = time.monotonic()
                elif topic.retention == "compacted" and consumer.position(place) > expected:
                    expected = consumer.position(place)  # the last records of the range were cleaned away
                elif time.monotonic() > last_heard + SILENCE_SECONDS:
                    raise KafkaTimeoutError(f"{place.topic}[{partition}]@{expected}: the broker gives nothing")

    def close(self) -> None:
        """Closes every client, also of ranges that were not read to their end."""
        with self._lock:
            for consumer in self._all:
                consumer.close(autocommit=False)
            self._all.clear()
            self._idle.clear()

    def _place(self, topic: Topic, partition: int) -> TopicPartition:
        return TopicPartition(self.connection.topic(topic), partition)

    @contextmanager
    def _consumer(self) -> Iterator[KafkaConsumer]:
        with self._lock:
            consumer = self._idle.pop() if self._idle else None
        if consumer is None:
            consumer = reached(KafkaConsumer, self.connection, group_id=None, **FETCHING)
            with self._lock:
                self._all.append(consumer)
        try:
            yield consumer
        finally:
            with self._lock:
                if consumer in self._all:  # else all was closed while a range was still being read
                    consumer.unsubscribe()
                    self._idle.append(consumer)
