"""Messages → raw topics: every one is acknowledged before its place is told, and the order of the file goes with it.

A file is one run, named by its content (`streams.kafka.sequence`). Whoever is cut off sends it again as a whole: what
had arrived is a duplicate, and what had not is taken in its turn. What becomes of a message is said later, by intake.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from schemas.topics import RAW
from streams.admitting import Message, Unusable
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.raw import BY_FAMILY, family_of, outgoing, partition_for
from streams.kafka.records import Outgoing
from streams.kafka.sequence import Turn
from streams.kafka.writer import Place, Writer

WINDOW, WINDOW_BYTES = 1_000, 16 * 1024 * 1024
"""How much is on its way at a time: the same for every attempt, since a window is known by its number."""

ROOM = 16 * 1024
"""What a message may need beside its bytes: headers, and what a broker adds."""

LARGEST = min(topic.largest for topic in RAW) - ROOM
"""Bytes of the largest message that a raw topic takes."""


def run_of(messages: Iterable[Message | Unusable]) -> tuple[str, int]:
    """The name of a run, a digest of what it sends in order and how; and how many messages it has."""
    digest, count = hashlib.sha256(b"%d %d " % (WINDOW, WINDOW_BYTES)), 0  # other windows are another run
    for message in messages:
        digest.update(len(message.raw).to_bytes(8, "big") + message.raw)
        count += 1
    return digest.hexdigest()[:32], count


def send(connection: Connection, messages: Iterable[Message | Unusable], run: str) -> Iterator[dict[str, Any]]:
    """Sends messages in order; gives for each where it stands, or why it was not sent. Raises `KafkaError`."""
    with closing(Log(connection)) as log:
        lanes = [Lane(run, number, reached=standing(log, number)) for number in range(log.partitions())]
    with Writer(connection) as writer:
        for block in _blocks(messages):
            yield from sent(writer, lanes, block)
        writer.send([end for lane in lanes for end in lane.ends()])


@dataclass
class Lane:
    """How far a run has come in one partition."""

    run: str
    partition: int
    window: int = 0
    reached: dict[str, int] = field(default_factory=dict)
    """The last offset in each family that comes before what is sent next: of the run, or of those before it."""
    wrote: set[str] = field(default_factory=set)
    """The families to which the run wrote."""

    def next_window(self, messages: Sequence[Message | Unusable]) -> list[tuple[str, Outgoing]]:
        """The messages of a window, each with its family."""
        after, size = dict(self.reached), len(messages)
        window = []
        for index, message in enumerate(messages):
            family, turn = family_of(message), Turn(self.run, self.window, index, size, after if index == 0 else {})
            window.append((family, outgoing(message, family, self.partition, turn.headers())))
        self.window += 1
        return window

    def arrived(self, family: str, offset: int) -> None:
        """Takes up an acknowledgement."""
        self.wrote.add(family)
        self.reached[family] = max(offset, self.reached.get(family, -1))

    def ends(self) -> Iterator[Outgoing]:
        """What ends the run, in every family that it wrote to."""
        turn = Turn(self.run, self.window, 0, 0, dict(self.reached))
        for family in sorted(self.wrote):
            yield end_of_run(family, self.partition, turn)


def standing(log: Log, partition: int) -> dict[str, int]:
    """The last offset in each family of a partition that has any."""
    ends = {family: log.end(topic, partition) for family, topic in BY_FAMILY.items()}
    return {family: end - 1 for family, end in ends.items() if end}


def end_of_run(family: str, partition: int, turn: Turn) -> Outgoing:
    """A record without a value: it says that everything before it was sent, and is no message."""
    return outgoing(Message(b"", ""), family, partition, turn.headers())._replace(key=turn.run.encode(), value=None)


def sent(writer: Writer, lanes: Sequence[Lane], block: Sequence[Message | Unusable]) -> Iterator[dict[str, Any]]:
    """Sends one block: in each partition it is one window."""
    by_partition: dict[int, list[Message | Unusable]] = {}
    order: list[int | None] = []
    for message in block:
        partition = partition_for(message, len(lanes)) if len(message.raw) <= LARGEST else None
        order.append(partition)
        if partition is not None:
            by_partition.setdefault(partition, []).append(message)
    windows = {partition: lanes[partition].next_window(messages) for partition, messages in by_partition.items()}
    written = iter(writer.send([record for window in windows.values() for _, record in window]))
    places: dict[int, list[Place]] = {number: [next(written) for _ in window] for number, window in windows.items()}
    for number, window in windows.items():
        for (family, _), place in zip(window, places[number], strict=True):
            lanes[number].arrived(family, place.offset)
    following = {number: iter(found) for number, found in places.items()}
    for message, partition in zip(block, order, strict=True):
        if partition is None:
            why = f"longer than {LARGEST} bytes: no topic takes it"
            yield {"outcome": "not_sent", "address": message.address, "path": "", "message": why}
        else:
            yield {"outcome": "sent", "address": message.address} | next(following[partition])._asdict()


def _blocks(messages: Iterable[Message | Unusable]) -> Iterator[list[Message | Unusable]]:
    block: list[Message | Unusable] = []
    size = 0
    for message in messages:
        if block and (len(block) == WINDOW or size + len(message.raw) > WINDOW_BYTES):
            yield block
            block, size = [], 0
        block.append(message)
        size += len(message.raw)
    if block:
        yield block
