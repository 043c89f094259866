"""When is something said? When every in-sync copy has it: what an agent sends is awaited, in order, by partition.

The producer is idempotent, so that a repeated request is written once; it goes on trying while a broker is away, and
whoever waits for it sets the limit.
"""

import asyncio
from collections.abc import Sequence
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from streams.kafka.connection import Connection
from streams.kafka.records import Outgoing

LARGEST_REQUEST = 18 * 1024 * 1024
"""A message in quarantine can be as large as a raw topic takes, sealed."""


class Publisher:
    """Sends records and gives their offsets once they are acknowledged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer = AIOKafkaProducer(
            **connection.aiokafka(),
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_REQUEST,
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, records: Sequence[Outgoing]) -> list[int]:
        """Sends in order; gives the offsets when all are acknowledged. Raises `KafkaError` where one is refused."""
        sent = [await self._started(record) for record in records]
        return [acknowledged.offset for acknowledged in await asyncio.gather(*sent)]

    async def _started(self, record: Outgoing) -> "asyncio.Future[RecordMetadata]":
        topic, partition, key, value, headers = record
        started: asyncio.Future[RecordMetadata] = await self._producer.send(
            self._connection.topic(topic), value, key, partition=partition, headers=headers
        )
        return started
