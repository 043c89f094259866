"""How soon does a fact become a finding? From its sending to a raw topic until an outside consumer has the finding.

An intake and a monitor are at work; facts come one by one at an even pace, each as a request over HTTP would send it.
"""

import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from kafka import KafkaConsumer, TopicPartition

from benchmarks.history import messages
from benchmarks.measuring import processor_of
from schemas.topics import FINDINGS
from streams.admitting import Message
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.posting import Door
from streams.ledger.kafka import KafkaLedger
from tests.kafka.broker import Broker, unavailable
from tests.kafka.trials import spread
from tests.kafka.working import Working

TRIALS, PARTITIONS = 4, 4
BEFORE = 200
"""Facts that each trial has when measuring begins."""
FACTS = int(os.environ.get("TOCSIN_BENCH_EVENTS", "1000"))
RATE = 50
"""Facts a second."""
UNCOUNTED = 100
"""Facts at the beginning, while everything warms up."""
AIM_P50_MS, AIM_P99_MS = 25, 100
PATIENCE = 300.0


def measure() -> None:
    """Prints the distribution, and what the workers used meanwhile; says so where no Kafka can be started."""
    if why := unavailable():
        print(f"raw to finding: not measured, {why}")
        return
    with TemporaryDirectory() as name, Broker(Path(name) / "kafka", heap="512m") as broker, ExitStack() as opened:
        connection = Connection.to(f"{SCHEME}{broker.address}")
        topics.create(connection, PARTITIONS, 1)
        state = Path(name) / "state"
        workers = [opened.enter_context(Working(agent, connection, state)) for agent in ("intake", "monitor")]
        door = opened.enter_context(closing(Door(connection, "bench")))
        told = [messages(trial) for trial in spread(TRIALS, PARTITIONS)]
        for its in told:
            door.post([Message(raw, "bench") for raw in islice(its, BEFORE)])
        _wait_until_evaluated(connection)
        pids = [worker.process.pid for worker in workers if worker.process is not None]
        used, begun = [processor_of(pid) for pid in pids], time.monotonic()
        sent, seen = _play(connection, door, told)
        share = [(processor_of(pid) - one) / (time.monotonic() - begun) for pid, one in zip(pids, used, strict=True)]
    _tell(sent, seen, share)


def _tell(sent: dict[str, float], seen: dict[str, float], share: list[float]) -> None:
    counted = list(sent)[UNCOUNTED:]
    times = sorted((seen[name] - sent[name]) * 1000 for name in counted if name in seen)
    at = statistics.quantiles(times, n=100)
    print(f"raw to finding     {len(times):,} of {len(counted):,} facts at {RATE} a second, {PARTITIONS} partitions")
    print(f"  p50 {at[49]:.1f} ms (aim: at most {AIM_P50_MS}), p90 {at[89]:.1f} ms, p99 {at[98]:.1f} ms ", end="")
    print(f"(aim: at most {AIM_P99_MS}), the slowest {times[-1]:.0f} ms")
    print(f"  intake used {share[0]:.0%} of a core, monitor {share[1]:.0%}")


def _play(connection: Connection, door: Door, told: list[Iterator[bytes]]) -> tuple[dict[str, float], dict[str, float]]:
    """When each laboratory record was sent, and when the first finding about it was seen."""
    sent, seen = dict[str, float](), dict[str, float]()
    watching = threading.Event()
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(connection, seen, watching, ended), daemon=True)
    watcher.start()
    watching.wait(PATIENCE)
    begin = time.monotonic()
    for number in range(FACTS):
        raw = next(told[number % TRIALS])
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        now = time.monotonic()
        door.post([Message(raw, "bench")])
        if b"LabResulted" in raw:
            document = orjson.loads(raw)
            sent[f"{document['trial']}|{document['source']}|{document['record']}"] = now
    until = time.monotonic() + 10
    while len(seen.keys() & sent.keys()) < len(sent) and time.monotonic() < until:
        time.sleep(0.05)
    ended.set()
    watcher.join()
    return sent, seen


def _watch(connection: Connection, seen: dict[str, float], watching: threading.Event, ended: threading.Event) -> None:
    """Notes when the first finding that a record caused arrives; everything there is before does not count."""
    options = {"enable_auto_commit": False, "fetch_max_wait_ms": 500, "fetch_min_bytes": 1}
    consumer = KafkaConsumer(group_id=None, **options, **connection.kafka_python())
    places = [TopicPartition(connection.topic(FINDINGS), number) for number in range(PARTITIONS)]
    consumer.assign(places)
    consumer.seek_to_end(*places)
    for place in places:
        consumer.position(place)
    watching.set()
    while not ended.is_set():
        for records in consumer.poll(timeout_ms=200).values():
            now = time.monotonic()
            for record in records:
                if record.value is not None:
                    said = orjson.loads(record.value)
                    for cause in said["causes"][:1]:
                        seen.setdefault(f"{said['trial']}|{cause}", now)
    consumer.close()


def _wait_until_evaluated(connection: Connection) -> None:
    until = time.monotonic() + PATIENCE
    with closing(KafkaLedger(connection)) as ledger:
        while any(ledger.published_up_to(trial) < BEFORE for trial in spread(TRIALS, PARTITIONS)):
            if time.monotonic() > until:
                raise TimeoutError("what was told before is not evaluated")
            time.sleep(0.2)


if __name__ == "__main__":
    measure()
