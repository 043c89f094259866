"""When is a record written? When every copy that is in sync has it: until then its sender waits.

For commands, which send from one thread and block. Agents send by the producer of their event loop.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from kafka import KafkaProducer

from schemas.topics import TOPICS
from streams.kafka.client import reached
from streams.kafka.connection import Connection
from streams.kafka.records import Outgoing

DELIVERY_SECONDS = 60
"""How long the brokers may take to acknowledge a record, retries included."""

SENDING = {
    "acks": "all",
    "enable_idempotence": True,
    "max_request_size": max(topic.largest for topic in TOPICS) + 1024 * 1024,
    "batch_size": 256 * 1024,
    "linger_ms": 5,
    "request_timeout_ms": 15_000,
    "delivery_timeout_ms": DELIVERY_SECONDS * 1_000,
    "max_block_ms": DELIVERY_SECONDS * 1_000,
    "allow_auto_create_topics": False,
}


class Place(NamedTuple):
    """Where a record was written."""

    topic: str
    partition: int
    offset: int


class Writer:
    """Sends records and waits for every one. Raises `kafka.errors.KafkaError` where one was not acknowledged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer = reached(KafkaProducer, connection, **SENDING)

    def begin(self, record: Outgoing) -> Any:
        """Hands over one record; gives the future of its `Place`-like answer."""
        topic, partition, key, value, headers = record
        name = self._connection.topic(topic)
        return self._producer.send(name, key=key, value=value, headers=headers, partition=partition)

    def send(self, records: Sequence[Outgoing]) -> list[Place]:
        """Writes records, in order within a partition; gives their places when all are acknowledged."""
        sent = [self.begin(record) for record in records]
        answers = [future.get(timeout=2 * DELIVERY_SECONDS) for future in sent]
        return [Place(answer.topic, answer.partition, answer.offset) for answer in answers]

    def close(self) -> None:
        """Lets go of the brokers; what was begun and never waited for may be lost."""
        self._producer.close(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
