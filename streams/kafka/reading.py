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

LONGEST_POLL_MS = 25
"""How long a fetch may wait at the broker: what is asked next on the same connection waits behind it."""

Place = tuple[Topic, int]
"""A partition of a topic."""


class Reader:
    """Reads any partition, one range at a time, and knows the marks of one group.

    One client reads. Another is never assigned anything and is only asked for offsets: its questions wait behind no
    fetch, and it knows all topics, while one that reads knows the topic that it reads.

    Example: `async for records in reader.between(LEDGER, 3, 0, 1207): …`
    """

    def __init__(self, connection: Connection, group: str) -> None:
        self._connection = connection
        shared = connection.aiokafka() | {"enable_auto_commit": False}
        reading = {"max_partition_fetch_bytes": 4_000_000, "fetch_max_wait_ms": LONGEST_POLL_MS}
        self._reads = AIOKafkaConsumer(**shared, **reading, auto_offset_reset="none")
        self._asks = AIOKafkaConsumer(**shared, group_id=group)
        self._reading = asyncio.Lock()
        self._stands: tuple[TopicPartition, int] | None = None
        """What `_reads` gives next, if nobody asks for something else."""

    async def __aenter__(self) -> Self:
        await self._reads.start()
        await self._asks.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._asks.stop()
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
        kept = topic.retention == "unlimited"
        at = start if kept else max(start, (await self._firsts([(topic, partition)]))[topic, partition])
        there = self._name(topic, partition)
        while at < end:
            async with self._reading:
                records, at = await self._some(there, at, end, kept=kept)
            if records:
                yield records  # outside the lock: whoever handles them may read another range first

    async def _some(
        self, there: TopicPartition, at: int, end: int, *, kept: bool
    ) -> tuple[list[ConsumerRecord[bytes, bytes]], int]:
        """Records from `at` on, and where to go on; none where the broker had none yet."""
        if self._stands != (there, at):
            self._reads.assign([there])
            self._reads.seek(there, at)
        self._stands = None
        fetched = await self._reads.getmany(there, timeout_ms=WAIT_MS, max_records=CHUNK)
        records = [record for record in fetched.get(there, []) if record.offset < end]
        if kept and records and records[-1].offset - at + 1 != len(records):
            raise LostError(f"{there.topic}[{there.partition}]: between {at} and {records[-1].offset} some are gone")
        following = at + len(records) if kept else min(end, await self._reads.position(there))
        if following < end:
            self._stands = (there, following)
        else:
            self._reads.pause(there)  # else it goes on fetching what nobody asked for
        return records, following

    async def ends(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """The offset after the last record of each."""
        named = {self._name(*place): place for place in places}
        if not named:
            return {}
        return {named[there]: end for there, end in (await self._asks.end_offsets(list(named))).items()}

    async def committed(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """Up to where the group's own mark stands in each; at first where the topic begins."""
        asked = list(places)
        firsts = await self._firsts(place for place in asked if place[0].retention != "unlimited")
        marks = await asyncio.gather(*(self._asks.committed(self._name(*place)) for place in asked))
        return {place: max(mark or 0, firsts.get(place, 0)) for place, mark in zip(asked, marks, strict=True)}

    async def _firsts(self, places: Iterable[Place]) -> Mapping[Place, int]:
        named = {self._name(*place): place for place in places}
        if not named:
            return {}
        return {named[there]: first for there, first in (await self._asks.beginning_offsets(list(named))).items()}

    def _name(self, topic: Topic, partition: int) -> TopicPartition:
        return TopicPartition(self._connection.topic(topic), partition)
