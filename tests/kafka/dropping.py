"""A worker to which not everything is delivered: what `python -m tests.kafka.dropping worker …` runs is `tocsin`.

Of some deliveries the beginning, the end, or all is lost, as a group under rebalance was seen to lose them.
"""

from collections.abc import Sequence
from random import Random

from schemas.topics import Topic
from streams.kafka.frame import Frame
from streams.kafka.records import Received
from tocsin.command_line import main

CHANCE = Random(7)

whole = Frame.receive


async def cut(self: Frame, topic: Topic, partition: int, records: Sequence[Received]) -> None:
    """Delivers a part of what should be delivered."""
    size = len(records)
    kept = CHANCE.choice((records, records, records[size // 2 :], records[: size // 2], ()))
    if kept:
        await whole(self, topic, partition, kept)


if __name__ == "__main__":
    Frame.receive = cut  # type: ignore[method-assign]
    main()
