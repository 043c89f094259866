"""What runs one agent? A Faust app of its own, in a process of its own, until it is told to stop.

Faust gives the group, the assignment, the fetch, the flow control and the stream; `frame` makes sure of the rest. No
table stands in the app, nothing is acknowledged through it, and its web server is off.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faust
from faust.types import TP, EventT
from mode.supervisors import CrashingSupervisor

from schemas.topics import Topic
from streams.holding import Hold, HomeBusyError
from streams.kafka import topics
from streams.kafka.chunked import NEEDED_BY_BOTH, NEEDED_BY_RUNS, EventConsumer, RunConsumer, changed
from streams.kafka.connection import Connection
from streams.kafka.frame import Frame, PlaceOf
from streams.kafka.leaving import FAILED, REFUSED, LeavesOnError, Watch, say
from streams.kafka.measures import Measures
from streams.kafka.publishing import Publisher
from streams.kafka.reading import Reader
from streams.kafka.snapshots import Snapshots
from streams.kafka.telling import tell
from streams.kafka.topics import Found
from streams.store.server import Server

COMMIT_SECONDS = 1.0
TICK_SECONDS = 1.0
LOOK_SECONDS = 2.0
SETTLE_SECONDS = 2.0
"""How long a partition that is taken away is waited for, so that less of it is done again elsewhere."""

EVENTS_AT_A_TIME = 500
EVENTS_WITHIN_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Orders:
    """How a worker is to work."""

    connection: Connection
    replica: str
    """Its name in the group: the same one after a restart, and no other worker's."""
    state: Path
    """A folder that the workers of a machine share: alerts are written there, and what only shortens a restart."""
    replication: int
    session_seconds: float
    """After so long without a sign of life, its partitions go to another."""
    snapshot_every: int
    """How many facts are folded before a snapshot is worth while."""
    metrics: tuple[str, int] | None = None
    """Where Prometheus may ask; None: nowhere."""
    store: Server | None = None
    """The boards' store: only the sink needs one."""
    by_event: bool = False
    """Event by event, as Faust does by itself, instead of by fetched runs."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What an agent works with."""

    orders: Orders
    partitions: int
    reader: Reader
    publisher: Publisher
    measures: Measures
    watch: Watch
    snapshots: Snapshots


@dataclass(frozen=True, slots=True)
class Agent:
    """One arrow: what it reads, and what it does with each partition number."""

    name: str
    reads: tuple[Topic, ...]
    places: Callable[[Tools], PlaceOf]


def run(agent: Agent, orders: Orders, parent: int | None = None) -> None:
    """Works until SIGTERM or SIGINT. Ends the process by itself where it cannot go on; `parent` gone is such a case."""
    tell(agent.name)
    with LeavesOnError(agent.name, lambda: False):
        _refuse(agent, [f"{part} of Faust is not what our marks were proved on" for part in changed(NEEDED_BY_BOTH)])
        problems, ledger = topics.look(orders.connection, orders.replication)
        _refuse(agent, [str(problem) for problem in problems])
    if ledger is None:
        raise LookupError("no ledger, and no problem with it")
    by_event = orders.by_event or _falls_back(agent)
    measures = Measures(agent.name, "events" if by_event else "runs")
    if orders.metrics is not None:
        try:
            measures.served(*orders.metrics)
        except OSError as error:
            _refuse(agent, [f"{orders.metrics[0]}:{orders.metrics[1]}: no place for metrics ({error.strerror})"])
    _own(agent, orders)
    asyncio.run(_Worker(agent, orders, measures, ledger, by_event=by_event, parent=parent).work())


def _own(agent: Agent, orders: Orders) -> None:
    """One name belongs to one worker: two of them would throw each other out of the group for ever."""
    orders.state.mkdir(parents=True, exist_ok=True)
    try:
        Hold(orders.state, f"tocsin worker {agent.name} --id {orders.replica}", f"{agent.name}-{orders.replica}.lock")
    except HomeBusyError as error:
        say(f"{agent.name} does not start: {error}")
        raise SystemExit(FAILED) from None


def _falls_back(agent: Agent) -> bool:
    parts = changed(NEEDED_BY_RUNS)
    for part in parts:
        say(f"{agent.name}: {part} of Faust has changed: EVENT BY EVENT from now on, some twenty times slower")
    return bool(parts)


def _refuse(agent: Agent, why: list[str]) -> None:
    for line in why:
        say(f"{agent.name} does not start: {line}")
    if why:
        raise SystemExit(REFUSED)


class _Worker:
    """One agent at work."""

    def __init__(
        self, agent: Agent, orders: Orders, measures: Measures, ledger: Found, *, by_event: bool, parent: int | None
    ) -> None:
        self._agent = agent
        self._orders = orders
        self._measures = measures
        self._ledger = ledger
        self._by_event = by_event
        self._names: Mapping[str, Topic] = {orders.connection.topic(topic): topic for topic in agent.reads}
        self._app: Any = None
        self._stop = asyncio.Event()
        self._alarmed: frozenset[str] = frozenset()
        self._watch = Watch(agent.name, self._crashed, self._alarm, parent=parent)
        self._guard = LeavesOnError(agent.name, self._stop.is_set)

    async def work(self) -> None:
        """From the first connection to the end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop_soon)
        self._watch.start()
        group = self._orders.connection.group(self._agent.name)
        with self._guard:
            connection = self._orders.connection
            async with Reader(connection, group) as reader, Publisher(connection) as publisher:
                snapshots = Snapshots(
                    self._own_folder(), self._ledger.identity, self._measures, self._orders.snapshot_every
                )
                seen = (self._measures, self._watch)
                tools = Tools(self._orders, self._ledger.partitions, reader, publisher, *seen, snapshots)
                places = self._agent.places(tools)
                self._frame = Frame(self._agent.reads, places, reader, self._watch, self._measures)
                await self._working(self._made(group))

    def _crashed(self) -> bool:
        return self._app is not None and bool(self._app.crashed)

    def _stop_soon(self) -> None:
        self._stop.set()
        self._watch.stopping()

    def _own_folder(self) -> Path:
        return self._orders.state / f"{self._agent.name}-{self._orders.replica}"

    async def _working(self, app: Any) -> None:
        self._app = app
        await app.start()
        timers = (
            (COMMIT_SECONDS, self._commit),
            (TICK_SECONDS, lambda: self._frame.tick(datetime.now(UTC))),
            (LOOK_SECONDS, self._frame.look),
        )
        tasks = [asyncio.create_task(self._every(*timer)) for timer in timers]
        await self._stop.wait()
        self._frame.stop()
        for task in tasks:
            task.cancel()
        await self._frame.settle(SETTLE_SECONDS)
        await self._commit()
        await app.stop()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        with self._guard:
            while True:
                await asyncio.sleep(seconds)
                await work()

    async def _commit(self) -> None:
        epoch, marks = self._frame.owed_marks()
        if marks:
            named = {TP(self._orders.connection.topic(topic), number): mark for (topic, number), mark in marks.items()}
            with self._watch.working("committing"):
                committed = await self._app.consumer.commit_marks(named)
            if committed:
                self._frame.committed(epoch, marks)

    def _alarm(self) -> None:
        """Says, once, that a partition stands still; and once that it moves again."""
        stuck = frozenset(self._measures.stuck())
        for hop in sorted(stuck - self._alarmed):
            say(f"{self._agent.name} ALARM: {hop} stands still, and something is owed")
        for hop in sorted(self._alarmed - stuck):
            say(f"{self._agent.name}: {hop} moves again")
        self._alarmed = stuck

    # -- Faust

    def _made(self, group: str) -> Any:
        orders = self._orders
        app: Any = faust.App(
            group,
            **orders.connection.faust(),
            consumer_group_instance_id=f"{self._agent.name}-{orders.replica}",
            datadir=str(orders.state),
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            stream_wait_empty=False,
            stream_buffer_maxsize=4096 if self._by_event else 8,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=4_000_000 // len(self._agent.reads),
            broker_session_timeout=orders.session_seconds,
            broker_heartbeat_interval=orders.session_seconds / 4,
            broker_request_timeout=30,
            broker_max_poll_interval=3600,
            producer_request_timeout=30,
            agent_supervisor=CrashingSupervisor,
        )
        app.transport.Consumer = EventConsumer if self._by_event else RunConsumer
        read = app.topic(*self._names, key_serializer="raw", value_serializer="raw", acks=False)
        app.agent(read, name=self._agent.name, concurrency=1)(self._events if self._by_event else self._runs)
        app.on_partitions_revoked.connect(self._revoked)
        app.on_partitions_assigned.connect(self._assigned)
        return app

    async def _runs(self, stream: Any) -> None:
        """Each message is a fetched run: its value is the list of records."""
        with self._guard:
            async for event in stream.noack().events():
                message = event.message
                await self._frame.receive(self._names[message.topic], message.partition, message.value)

    async def _events(self, stream: Any) -> None:
        """Each message is one record; those that come together are handled together."""
        with self._guard:
            async for events in stream.noack().noack_take(EVENTS_AT_A_TIME, within=EVENTS_WITHIN_SECONDS):
                for (topic, partition), records in _by_partition(events).items():
                    await self._frame.receive(self._names[topic], partition, records)

    async def _revoked(self, _: Any, revoked: set[TP], **__: Any) -> None:
        with self._guard:
            if revoked:
                await self._frame.settle(SETTLE_SECONDS)
                await asyncio.wait([asyncio.ensure_future(self._commit())], timeout=SETTLE_SECONDS)
            self._frame.revoked()

    async def _assigned(self, _: Any, assigned: set[TP], **__: Any) -> None:
        with self._guard:
            self._frame.assigned({(tp.topic, tp.partition) for tp in assigned}, self._orders.connection.topic)


def _by_partition(events: list[EventT[Any]]) -> dict[tuple[str, int], list[Any]]:
    grouped: dict[tuple[str, int], list[Any]] = {}
    for event in events:
        grouped.setdefault((event.message.topic, event.message.partition), []).append(event.message)
    return grouped
