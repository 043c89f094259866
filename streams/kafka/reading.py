"""What stands in a partition between two offsets, and how far has a group come? Asked past the group's own consumer.

A worker reads its ledger from the start or from where a delivery is missing; that belongs to no group. How far its
group has come can be asked without joining it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.topics import Topic
from streams.kafka.connection import Connection
from streams.kafka.log import LostError

CHUNK = 5_000
"""Records read at a time."""

WAIT_MS = 500
"""How long one read may wait for the broker."""

Place = tuple[Topic, int]
"""A partition of a topic."""


class Reader:
    """Reads any partition, one range at a time, and knows the marks of one group.

    Example: `async for records in reader.between(LEDGER, 3, 0, 1207): …`
    """

    def __init__(self, connection: Connection, group: str) -> None:
        self._connection = connection
        shared = connection.aiokafka() | {"enable_auto_commit": False}
        self._reads = AIOKafkaConsumer(**shared, auto_offset_reset="none", max_partition_fetch_bytes=4_000_000)
        self._marks = AIOKafkaConsumer(**shared, group_id=group)
        self._reading = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._reads.start()
        await self._marks.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._marks.stop()
        await self._reads.stop()

    async def between(
        self, topic: Topic, partition: int, start: int, end: int
    ) -> AsyncIterator[list[ConsumerRecord[bytes, bytes]]]:
        """The records from `start` to before `end`, in order.

        Raises `LostError` where one of a topic that is kept for ever is missing. Of other topics the broker may have
        let go of some.
        """
        if start >= end:
            return
        async with self._reading:
            kept = topic.retention == "unlimited"
            at = start if kept else max(start, await self._first(topic, partition))
            there = self._name(topic, partition)
            self._reads.assign([there])
            self._reads.seek(there, at)
            while at < end:
                fetched = await self._reads.getmany(there, timeout_ms=WAIT_MS, max_records=CHUNK)
                records = [record for record in fetched.get(there, []) if record.offset < end]
                if kept and records and records[-1].offset - at + 1 != len(records):
                    raise LostError(f"{there.topic}[{partition}]: between {at} and {records[-1].offset} some are gone")
                at = min(end, await self._reads.position(there)) if not kept else at + len(records)
                if records:
                    yield records

    async def ends(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """The offset after the last record of each."""
        named = {self._name(*place): place for place in places}
        if not named:
            return {}
        return {named[there]: end for there, end in (await self._reads.end_offsets(list(named))).items()}

    async def committed(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """Up to where the group's own mark stands in each; at first where the topic begins."""
        return {place: await self._committed(*place) for place in places}

    async def _committed(self, topic: Topic, partition: int) -> int:
        mark = await self._marks.committed(self._name(topic, partition))
        first = 0 if topic.retention == "unlimited" else await self._first(topic, partition)
        return max(mark or 0, first)

    async def _first(self, topic: Topic, partition: int) -> int:
        there = self._name(topic, partition)
        return int((await self._reads.beginning_offsets([there]))[there])

    def _name(self, topic: Topic, partition: int) -> TopicPartition:
        return TopicPartition(self._connection.topic(topic), partition)
