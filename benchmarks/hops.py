"""What does each hop cost, of a core and of a disk? Facts through every agent on a real Kafka, one after another.

What `docs/scale.md` counts with. The store is chDB behind ClickHouse's native protocol: what our sink spends is real,
what the store spends is that of the engine inside a bridge of Python.
"""

import os
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.backlog import embedded
from benchmarks.history import messages
from benchmarks.measuring import processor_of, spent
from benchmarks.watched import NOTES, read, summed
from schemas.topics import FINDINGS, KEYS, LEDGER, QUARANTINE, RAW, Topic
from streams.admitting import Message
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.log import Log
from streams.kafka.sending import run_of, send
from streams.monitor import Monitor
from streams.sink import Sink
from streams.store.chdb_store import Store
from tests.clickhouse.servers import Bridge
from tests.kafka.broker import Broker, unavailable
from tests.kafka.trials import spread
from tests.kafka.working import Working

FACTS, TRIALS, PARTITIONS = int(os.environ.get("TOCSIN_BENCH_HOPS", "24000")), 8, 4
PATIENCE = 900.0
READS: dict[str, tuple[Topic, ...]] = {
    "intake": RAW,
    "monitor": (LEDGER,),
    "alerts": (FINDINGS,),
    "sink": (FINDINGS, QUARANTINE),
}


def measure() -> None:
    """Prints microseconds and bytes of one fact; says so where no Kafka can be started."""
    if why := unavailable():
        print(f"hops: not measured, {why}")
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        with Broker(folder / "kafka", heap="512m") as broker, Bridge(folder / "bridge") as bridge:
            Hops(broker, bridge, folder).measure()
        one_process(folder)


class Hops:
    """Facts on their way."""

    def __init__(self, broker: Broker, bridge: Bridge, folder: Path) -> None:
        self._broker, self._bridge, self._folder = broker, bridge, folder
        self._connection = Connection.to(f"{SCHEME}{broker.address}/hops")
        password = folder / "password"
        password.write_text(bridge.server.password)
        self._environment = {
            "TOCSIN_CLICKHOUSE": f"{bridge.server.host}:{bridge.server.port}",
            "TOCSIN_CLICKHOUSE_USER": bridge.server.user,
            "TOCSIN_CLICKHOUSE_PASSWORD_FILE": str(password),
            "TOCSIN_KAFKA_SNAPSHOT_EVERY": "1000000000",
        }

    def measure(self) -> None:
        """Every hop in its turn."""
        topics.create(self._connection, PARTITIONS, 1)
        print(f"hops: {FACTS:,} facts of {TRIALS} trials, µs of a core for each fact, and of the broker meanwhile")
        self._ingest()
        for agent in READS:
            self._hop(agent)
        for what, kept in (("raw topics", RAW), ("ledger and its keys", (LEDGER, KEYS)), ("findings", (FINDINGS,))):
            size = sum(self._size(topic) for topic in kept)
            print(f"  {what:34} {size / FACTS:8,.0f} bytes a fact in one copy")

    def _ingest(self) -> None:
        each = FACTS // TRIALS
        told = [messages(trial) for trial in spread(TRIALS, PARTITIONS)]
        said = [Message(raw, "bench") for _ in range(0, each, 500) for its in told for raw in islice(its, 500)]
        before = processor_of(self._broker.pid)
        took = spent(lambda: sum(1 for _ in send(self._connection, said, run_of(said)[0])))
        self._tell("ingest to raw topics", took.processor, processor_of(self._broker.pid) - before, 1.0)

    def _hop(self, agent: str) -> None:
        notes, state = self._folder / f"{agent}.notes", self._folder / "state"
        wanted = self._standing(READS[agent])
        environment = self._environment | {NOTES: str(notes)}
        worker = Working(agent, self._connection, state, environment=environment, module="benchmarks.watched")
        before, until = processor_of(self._broker.pid), time.monotonic() + PATIENCE
        with worker:
            while sum(note.records for note in read([notes])) < wanted:
                worker.works()
                if time.monotonic() > until:
                    raise TimeoutError(f"{agent} did not come to the end")
                time.sleep(0.2)
        done = summed(read([notes]))
        self._tell(agent, done.processor, processor_of(self._broker.pid) - before, done.counted / wanted)

    def _tell(self, what: str, ours: float, broker: float, share: float) -> None:
        """`share`: how much of all was done in the time of ours."""
        mine, theirs = ours / (FACTS * share) * 1e6, broker / FACTS * 1e6
        print(f"  {what:34} {mine:8,.0f} µs, broker {theirs:,.0f} µs", flush=True)

    def _standing(self, kept: Sequence[Topic]) -> int:
        with closing(Log(self._connection)) as log:
            return sum(log.end(topic, number) for topic in kept for number in range(PARTITIONS))

    def _size(self, topic: Topic) -> int:
        parts = self._broker.folder.glob(f"data/**/{self._connection.topic(topic)}-*/*.log")
        return sum(file.stat().st_size for file in parts)


def one_process(folder: Path) -> None:
    """The sink of the embedded engine into its own store, and what a home occupies."""
    names = spread(TRIALS, PARTITIONS)
    ledger = embedded(folder / "ledger.sqlite", names, FACTS // TRIALS)
    Monitor(ledger).catch_up()
    with closing(Store(folder / "store")) as store:
        took = spent(lambda: Sink(store).catch_up(ledger))
        conclusions = int(store.query("SELECT count() AS n FROM findings")[0]["n"]) / FACTS
    ledger.close()
    print(
        f"  embedded sink into chDB            {took.processor / FACTS * 1e6:8,.0f} µs; {conclusions:.2f} findings each"
    )
    print(f"  boards' store                      {file_sizes(folder / 'store') / FACTS:8,.0f} bytes a fact")
    print(f"  ledger.sqlite, findings in it      {file_sizes(folder / 'ledger.sqlite') / FACTS:8,.0f} bytes a fact")


def file_sizes(path: Path) -> int:
    """The bytes of a file, or of all that lies in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    measure()
