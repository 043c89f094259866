"""Does what an agent sends stand where it is told to stand, in order, however large and wherever it goes?"""

import asyncio

from schemas.topics import FINDINGS, QUARANTINE
from streams.kafka.connection import Connection
from streams.kafka.publishing import BATCH_BYTES, Publisher
from streams.kafka.records import Outgoing
from tests.kafka.working import standing


def sent(kafka: Connection, records: list[Outgoing]) -> list[int]:
    async def work() -> list[int]:
        async with Publisher(kafka) as publisher:
            return await publisher.send(records)

    return asyncio.run(work())


def record(number: int, partition: int = 0, size: int = 10) -> Outgoing:
    value = f"{number}".encode().ljust(size, b".")
    return Outgoing(FINDINGS, partition, b"T-1", value, [("at", str(number).encode())])


def test_what_is_sent_stands_at_the_offsets_that_are_told_in_its_order(kafka: Connection) -> None:
    """Some to one partition, some to another, to another topic between them, and one larger than a batch."""
    records = [record(number, partition=number // 100 % 2) for number in range(500)]
    records.insert(250, Outgoing(QUARANTINE, 1, None, b"{}", []))
    records += [record(500, size=BATCH_BYTES + 1), *(record(number, size=2_000) for number in range(501, 1_000))]
    offsets = sent(kafka, records)
    stands = {topic: standing(kafka, topic) for topic in (FINDINGS, QUARANTINE)}
    for one, offset in zip(records, offsets, strict=True):
        found = stands[one.topic][one.partition][offset]
        assert (found.key, found.value, list(found.headers)) == (one.key, one.value, one.headers)
    assert sum(len(found) for topic in stands.values() for found in topic.values()) == len(records)


def test_nothing_to_send_is_nothing_sent(kafka: Connection) -> None:
    assert sent(kafka, []) == []
