"""When is something said? When every in-sync copy has it: what an agent sends is awaited, in order, by partition.

The producer is idempotent, so that a repeated request is written once; it goes on trying while a broker is away, and
whoever waits for it sets the limit.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from schemas.topics import Topic
from streams.kafka.connection import Connection
from streams.kafka.records import Outgoing

LARGEST_REQUEST = 18 * 1024 * 1024
"""A message in quarantine can be as large as a raw topic takes, sealed."""

BATCH_BYTES = 256 * 1024
"""What travels together to one partition: less than any topic takes as one message."""


class Publisher:
    """Sends records and gives their offsets once they are acknowledged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer = AIOKafkaProducer(
            **connection.aiokafka(),
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_REQUEST,
            max_batch_size=BATCH_BYTES,
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, records: Sequence[Outgoing]) -> list[int]:
        """Sends in order; gives the offsets when all are acknowledged. Raises `KafkaError` where one is refused.

        Records that follow one another to one partition travel as batches made here: handed over one by one, each
        costs the producer more than twice as much.
        """
        sent: list[asyncio.Future[RecordMetadata]] = []
        counts: list[int] = []
        for place, some in groupby(records, _place):
            for batch in self._batches(some):
                counts.append(batch.record_count())
                sent.append(
                    await self._producer.send_batch(batch, self._connection.topic(place[0]), partition=place[1])
                )
        firsts = [acknowledged.offset for acknowledged in await asyncio.gather(*sent)]
        return [first + number for first, count in zip(firsts, counts, strict=True) for number in range(count)]

    def _batches(self, records: Iterable[Outgoing]) -> Iterator[BatchBuilder]:
        """Full ones, each closed, and the rest."""
        batch = self._producer.create_batch()
        for record in records:
            if not _added(batch, record):
                yield batch
                batch = self._producer.create_batch()
                _added(batch, record)  # an empty one takes a record of any size
        batch.close()
        yield batch


def _place(record: Outgoing) -> tuple[Topic, int]:
    return record.topic, record.partition


def _added(batch: BatchBuilder, record: Outgoing) -> bool:
    """Whether there was room; a batch without room is closed."""
    added = batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
    return added is not None
