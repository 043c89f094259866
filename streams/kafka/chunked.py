"""How does Faust hand over what it fetched: event by event, or a whole fetched run at once?

Faust pays some 200 µs for each event that it hands to an agent. `RunConsumer` hands it each fetched run of a partition
as one message whose value is the list of records: group, assignment, fetch, flow control and stream stay Faust's, and
the price is paid per run. It stands on private parts of Faust and aiokafka, all of them listed here with the hash of
their source: where one that runs need has changed, the worker says so and goes on event by event; where one that both
ways need has changed, it does not start.
"""

import hashlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiokafka
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faust.transport import conductor, consumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

LARGEST_RUN = 5_000
"""Records of one message: what is folded, published and awaited together."""

LONGEST_POLL_MS = 25
"""How long a fetch may wait at the broker. A partition that was read meanwhile is not in that fetch: what comes there
waits for the fetch to return (Faust's own 1.5 s showed as findings that came a second and a half late)."""

NEEDED_BY_BOTH: Mapping[str, Callable[..., object]] = {
    "driver.Consumer._new_consumer_thread": driver.Consumer._new_consumer_thread,  # noqa: SLF001
    "driver.AIOKafkaConsumerThread._create_worker_consumer": driver.AIOKafkaConsumerThread._create_worker_consumer,  # noqa: SLF001
    "driver.AIOKafkaConsumerThread._commit": driver.AIOKafkaConsumerThread._commit,  # noqa: SLF001
    "consumer.ThreadDelegateConsumer._commit": consumer.ThreadDelegateConsumer._commit,  # noqa: SLF001
    "aiokafka.AIOKafkaConsumer.__init__": aiokafka.AIOKafkaConsumer.__init__,
    "aiokafka.AIOKafkaConsumer.start": aiokafka.AIOKafkaConsumer.start,
}
"""Our own mark is committed by `_commit`; the assignor and the longest poll are set between `__init__` and `start`."""

NEEDED_BY_RUNS: Mapping[str, Callable[..., object]] = {
    "consumer.Consumer.getmany": consumer.Consumer.getmany,
    "consumer.Consumer._wait_next_records": consumer.Consumer._wait_next_records,  # noqa: SLF001
    "consumer.Consumer.perform_seek": consumer.Consumer.perform_seek,
    "consumer.Consumer._drain_messages": consumer.Consumer._drain_messages,  # noqa: SLF001
    "consumer.Consumer.on_buffer_full": consumer.Consumer.on_buffer_full,
    "consumer.Consumer.on_buffer_drop": consumer.Consumer.on_buffer_drop,
    "driver.Consumer._to_message": driver.Consumer._to_message,  # noqa: SLF001
    "driver.AIOKafkaConsumerThread._fetch_records": driver.AIOKafkaConsumerThread._fetch_records,  # noqa: SLF001
    "conductor.ConductorCompiler.build": conductor.ConductorCompiler.build,
    "aiokafka.Fetcher.fetched_records": Fetcher.fetched_records,
}
"""`RunConsumer.getmany` does what `getmany` does, but for the slices; the rest is what it calls and who calls it."""

SOURCES: Mapping[str, str] = {
    "driver.Consumer._new_consumer_thread": "0870ec53dea75083995e3565c0f0a25a",
    "driver.AIOKafkaConsumerThread._create_worker_consumer": "c2701bfc3e6f6cad95c2be36d6a255a8",
    "driver.AIOKafkaConsumerThread._commit": "932852ce7a23f658804273d0296de6af",
    "consumer.ThreadDelegateConsumer._commit": "a20eec84e4b2ed5072f6c6ab7707ac03",
    "aiokafka.AIOKafkaConsumer.__init__": "01506f316191f7c99c785bec915756d1",
    "aiokafka.AIOKafkaConsumer.start": "2f1ba70443327538800d348e61042cde",
    "consumer.Consumer.getmany": "4b168d84882a70d6e3e2f9804430a63b",
    "consumer.Consumer._wait_next_records": "6218e1969a636b3ff504ad1b8e7ad58a",
    "consumer.Consumer.perform_seek": "0e8c130ff4b0afd82c0be9c5fd831316",
    "consumer.Consumer._drain_messages": "44a2500309e83c630493f6828af50166",
    "consumer.Consumer.on_buffer_full": "c8961679e0bcdce5c23b07143d687ec8",
    "consumer.Consumer.on_buffer_drop": "4b57e8a418d5ad9c58632b13b58b377a",
    "driver.Consumer._to_message": "7c24f6511b2fcef7cbfe73526e78de03",
    "driver.AIOKafkaConsumerThread._fetch_records": "39a2c6c79fc1455a199629912b533458",
    "conductor.ConductorCompiler.build": "837cf521368c1ee4b22c235a2b137f66",
    "aiokafka.Fetcher.fetched_records": "be4348896b9b66afe048de954e2be91c",
}
"""The first half of the SHA-256 of the source of each part, as it was when the crash tests last passed."""


def source_hash(part: Callable[..., object]) -> str:
    """What the source of a part hashes to."""
    return hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:32]


def changed(parts: Mapping[str, Callable[..., object]], sources: Mapping[str, str] = SOURCES) -> tuple[str, ...]:
    """The parts that are not what they were."""
    return tuple(name for name, part in parts.items() if source_hash(part) != sources.get(name))


class _Thread(driver.AIOKafkaConsumerThread):
    """Faust's consumer, with the assignor and the poll that we need."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        made = super()._create_worker_consumer(transport)
        # One partition number of all topics belongs to one worker: only the range assignor does that.
        made._partition_assignment_strategy = [RangePartitionAssignor]  # noqa: SLF001
        made._fetch_max_wait_ms = LONGEST_POLL_MS  # noqa: SLF001
        return made


class EventConsumer(driver.Consumer):
    """Hands over event by event, as Faust does; marks are committed past Faust's own acknowledgements."""

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def commit_marks(self, marks: Mapping[TP, int]) -> bool:
        """Commits the next offset of each partition. False: a rebalance came in between, and nothing is committed."""
        return await self._commit(marks)


class RunConsumer(EventConsumer):
    """Hands over each fetched run of a partition as one message, made of its last record."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """What was fetched: at most `LARGEST_RUN` records of one partition in each message."""
        fetched, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        if not self.flow_active:
            await self._fetched_again()
            return
        for partition, records in fetched.items():
            for start in range(0, len(records), LARGEST_RUN):
                if not self.flow_active or self.app.consumer_generation_id != generation:
                    return
                if active is None or partition in active or partition in self._buffered_partitions:
                    run = records[start : start + LARGEST_RUN]
                    message: Any = self._to_message(partition, run[-1])
                    message.value = run
                    yield partition, message

    async def _fetched_again(self) -> None:
        """What was fetched is thrown away, so it is fetched again; what is missing even then is read from the topic."""
        try:
            await self.perform_seek()
        except (KafkaError, TimeoutError) as error:
            self.log.warning("cannot go back to what is committed: %s", type(error).__name__)
