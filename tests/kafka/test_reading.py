"""Does a worker read any range of its topics, also one inside another, and know how far its group has come?"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import KEYS, LEDGER, RAW, Topic
from streams.kafka import reading
from streams.kafka.connection import Connection
from streams.kafka.reading import Reader
from streams.kafka.records import Outgoing
from streams.kafka.writer import Writer
from tests.kafka.fixtures import PARTITIONS

GROUP = "readers"


def written(connection: Connection, topic: Topic, number: int) -> list[bytes]:
    values = [f"{topic.name} {n}".encode() for n in range(number)]
    with Writer(connection) as writer:
        writer.send([Outgoing(topic, 0, str(n).encode(), value, []) for n, value in enumerate(values)])
    return values


def reads(connection: Connection, work: Callable[[Reader], Awaitable[None]]) -> None:
    async def working() -> None:
        async with Reader(connection, GROUP) as reader:
            await asyncio.wait_for(work(reader), 60)

    asyncio.run(working())


async def values(reader: Reader, topic: Topic, start: int, end: int) -> list[bytes]:
    return [record.value async for records in reader.between(topic, 0, start, end) for record in records]


def test_a_range_is_read_while_another_one_is_being_handled(kafka: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """An intake that handles what was not delivered asks for keys meanwhile: neither may wait for the other."""
    monkeypatch.setattr(reading, "CHUNK", 3)
    facts, keys = written(kafka, LEDGER, 10), written(kafka, KEYS, 5)

    async def work(reader: Reader) -> None:
        seen = list[bytes]()
        async for records in reader.between(LEDGER, 0, 1, 9):
            seen += [record.value for record in records]
            assert await values(reader, KEYS, 0, 5) == keys
        assert seen == facts[1:9]

    reads(kafka, work)


def test_ranges_that_are_read_at_once_are_each_whole(kafka: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK", 3)
    facts, keys = written(kafka, LEDGER, 20), written(kafka, KEYS, 20)

    async def work(reader: Reader) -> None:
        asked = [(LEDGER, 0, 20), (KEYS, 4, 17), (LEDGER, 7, 8), (LEDGER, 3, 3)]
        said = await asyncio.gather(*(values(reader, *one) for one in asked))
        assert said == [facts, keys[4:17], facts[7:8], []]

    reads(kafka, work)


def test_marks_are_those_of_the_group_and_at_first_where_the_topic_begins(kafka: Connection) -> None:
    written(kafka, RAW[0], 7)
    places = [(topic, number) for topic in RAW for number in range(PARTITIONS)]

    async def work(reader: Reader) -> None:
        assert await reader.committed(places) == dict.fromkeys(places, 0)
        async with AIOKafkaConsumer(**kafka.aiokafka(), group_id=GROUP) as other:
            there = TopicPartition(kafka.topic(RAW[0]), 0)
            other.assign([there])
            await other.commit({there: 4})
        assert await reader.committed(places) == dict.fromkeys(places, 0) | {(RAW[0], 0): 4}
        assert await reader.ends(places) == dict.fromkeys(places, 0) | {(RAW[0], 0): 7}

    reads(kafka, work)
