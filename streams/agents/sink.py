"""LEDGER and FINDINGS → the boards' store, distributed: mark by mark, with what is no fact beside it.

How far it has come stands in the store, where it moves last: a restart goes on there, whatever the group's mark says.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from schemas.topics import LEDGER
from streams.kafka import topics
from streams.kafka.copying import COPIED, Copy, claim
from streams.kafka.frame import Offsets, PlaceOf, Run
from streams.kafka.log import Log
from streams.kafka.worker import Agent, Tools
from streams.store import Row
from streams.store.clickhouse import Store

T = TypeVar("T")


class SinkPlace:
    """One partition number, and its copy. The store is written on a thread of its own: it blocks."""

    def __init__(self, copy: Copy, writing: ThreadPoolExecutor) -> None:
        self._copy = copy
        self._writing = writing

    async def take_up(self, committed: Offsets) -> Offsets:  # noqa: ARG002  the store knows better
        """Goes on where the store has come."""
        return await self._written(self._copy.take_up)

    async def handle(self, run: Run) -> Offsets:
        """Writes what a run lets be written."""
        return await self._written(partial(self._copy.take, run.topic, run.records))

    async def tick(self, now: datetime) -> Offsets:  # noqa: ARG002  other places need it
        """Nothing is due here without a record."""
        return {}

    async def _written(self, write: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, write)


def _places(tools: Tools) -> PlaceOf:
    orders = tools.orders
    if orders.store is None:
        raise LookupError("the sink writes into a ClickHouse server, and none is named")
    store, log = Store(orders.store), Log(orders.connection)
    origin, writing = topics.identity(orders.connection), ThreadPoolExecutor(1, thread_name_prefix="store")
    claim(store, origin)

    def told(moved: Mapping[str, int], facts: Sequence[Row]) -> None:
        tools.measures.count("tocsin_facts_stored", "", len(facts))
        for trial, position in moved.items():
            tools.measures.stands("tocsin_stored_position", trial, position)

    def place(number: int) -> SinkPlace:
        read = partial(log.read, LEDGER, number)
        return SinkPlace(Copy(store, origin, number, tools.partitions, read, told), writing)

    return place


SINK = Agent("sink", COPIED, _places)
