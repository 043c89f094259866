"""How fast is the distributed engine, beside what it is built on and beside the embedded one? On a real Kafka.

* A monitor drains a backlog; beside it a Faust agent that only consumes and decodes the same topic, and a replay of the
  same facts from an embedded ledger. What counts is the processor time of the worker, from its first run to its last.
* The same worker, only decoding what it is handed: what delivery by fetched runs costs, beside Faust's event by event.
* Two monitors drain the same again, by the clock: they share what cores there are with the broker.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import backlog
from benchmarks.measuring import Spent, memory_of, processor_of, spent, told
from benchmarks.watched import DECODES, NOTES, Drained, read, summed
from schemas.topics import LEDGER
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.ledger.sqlite import Ledger
from streams.replay import replay
from tests.kafka.broker import Broker, unavailable
from tests.kafka.working import Working

FACTS = int(os.environ.get("TOCSIN_BENCH_BACKLOG", "80000"))
"""The backlog. The aim speaks of 500,000."""
TRIALS, PARTITIONS = 8, 4
CONSUMED = 20_000
"""Events after which the Faust agent has shown its pace."""
DECODED = 10_000
"""Facts of each trial for the worker that only decodes them."""
ROUNDS = 2 if FACTS <= 100_000 else 1
PATIENCE = 1_200.0


def measure() -> None:
    """Prints all of it; says so where no Kafka can be started."""
    if why := unavailable():
        print(f"distributed engine: not measured, {why}")
        return
    with TemporaryDirectory() as name, Broker(Path(name) / "kafka", heap="512m") as broker:
        Rig(broker, Path(name)).measure()


class Rig:
    """A broker, and the same backlog on it under several names."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self._broker = broker
        self._folder = folder
        self._names = backlog.trials(TRIALS, PARTITIONS)
        self._each = FACTS // TRIALS
        self._largest = 0.0

    def measure(self) -> None:
        """Prints drains and ratios."""
        ledger = backlog.embedded(self._folder / "embedded.sqlite", self._names, self._each)
        ones, twos, replays = list[Drained](), list[Drained](), list[Spent]()
        fausts, handed = list[float](), list[Drained]()
        for number in range(ROUNDS):
            first, second = self._told(f"one-{number}"), self._told(f"two-{number}")
            fausts.append(self._consumed(first))
            handed.append(self._drained(self._told(f"decoded-{number}", DECODED), 1, DECODED, decodes=True))
            ones.append(self._drained(first, 1))
            replays.append(spent(lambda: self._replayed(ledger)))
            twos.append(self._drained(second, 2))
        ledger.close()
        told(
            "delivered by runs, decoded only, to Faust agent",
            statistics.median(h.rate() / f for h, f in zip(handed, fausts, strict=True)),
            "at least 5",
        )
        self._tell(ones, twos, replays, fausts)

    def _tell(
        self, ones: Sequence[Drained], twos: Sequence[Drained], replays: Sequence[Spent], fausts: Sequence[float]
    ) -> None:
        count = self._each * TRIALS
        print(f"monitor: a backlog of {count:,} facts, {TRIALS} trials, {PARTITIONS} partitions, {ROUNDS} rounds")
        one, two = (max(each, key=Drained.rate) for each in (ones, twos))
        embedded = count / min(replay.processor for replay in replays)
        faust = max(fausts)
        print(f"  a Faust agent that only consumes and decodes {faust:11,.0f} events/s of one core")
        print(f"  embedded replay from SQLite                  {embedded:11,.0f} facts/s of one core")
        print(f"  monitor, findings acknowledged               {one.rate():11,.0f} facts/s of one core")
        print(f"  monitor, by the clock                        {one.rate_together:11,.0f} facts/s")
        print(f"  the broker meanwhile                         {one.broker / one.counted * 1e6:11.0f} µs a fact")
        print(f"  the monitor occupied                         {self._largest:11,.0f} MiB at most")
        told(
            "monitor to Faust agent",
            statistics.median(o.rate() / f for o, f in zip(ones, fausts, strict=True)),
            "at least 5",
        )
        ratios = [o.rate() * r.processor / count for o, r in zip(ones, replays, strict=True)]
        told("monitor to embedded replay", statistics.median(ratios), "at least 0.5")
        print(f"  two monitors, by the clock                   {two.rate_together:11,.0f} facts/s")
        print(f"  two monitors                                 {two.rate():11,.0f} facts/s of one core")
        by_clock = [t.rate_together / o.rate_together for o, t in zip(ones, twos, strict=True)]
        told("two monitors to one, by the clock", statistics.median(by_clock), "at least 1.5 while cores last")
        cores = os.cpu_count()
        print(
            f"  one kept {one.busy:.1f} of {cores} cores busy, two {two.busy:.1f}; the rest had broker and bystanders"
        )

    def _told(self, name: str, each: int | None = None) -> Connection:
        """A namespace with the backlog in its ledger."""
        connection = Connection.to(f"{SCHEME}{self._broker.address}/{name}")
        topics.create(connection, PARTITIONS, 1)
        backlog.write(connection, self._names, each or self._each, PARTITIONS)
        return connection

    def _replayed(self, ledger: Ledger) -> None:
        for name in self._names:
            for _ in replay(name, ledger.facts(name)):
                pass

    def _consumed(self, connection: Connection) -> float:
        """Events a second of one core, of the Faust agent."""
        notes = self._folder / f"{connection.namespace}.consumed"
        words = [self._broker.address, connection.topic(LEDGER), str(min(CONSUMED, FACTS)), str(notes)]
        subprocess.run(
            [sys.executable, "-m", "benchmarks.consuming", *words], check=True, timeout=PATIENCE, capture_output=True
        )
        lines = [line.split() for line in notes.read_text().splitlines()]
        first, last = lines[0], lines[-1]
        return (int(last[0]) - int(first[0])) / (float(last[1]) - float(first[1]))

    def _drained(
        self, connection: Connection, workers: int, each: int | None = None, *, decodes: bool = False
    ) -> Drained:
        """What so many monitors need for all of it."""
        state = self._folder / f"{connection.namespace}-{workers}"
        with ExitStack() as opened:
            files, working = [], []
            for replica in "abcdefgh"[:workers]:
                files.append(state / f"{replica}.notes")
                working.append(opened.enter_context(self._worker(connection, state, replica, files[-1], decodes)))
            before, until = processor_of(self._broker.pid), time.monotonic() + PATIENCE
            while sum(note.records for note in read(files)) < (each or self._each) * TRIALS:
                if time.monotonic() > until:
                    raise TimeoutError("the backlog was not drained")
                time.sleep(0.2)
            if workers == 1 and not decodes and working[0].process is not None:
                self._largest = max(self._largest, memory_of(working[0].process.pid))
            return summed(read(files), processor_of(self._broker.pid) - before)

    def _worker(self, connection: Connection, state: Path, replica: str, notes: Path, decodes: object) -> Working:
        state.mkdir(parents=True, exist_ok=True)
        environment = {NOTES: str(notes), "TOCSIN_KAFKA_SNAPSHOT_EVERY": "1000000000"}
        environment |= {DECODES: "yes"} if decodes else {}
        return Working("monitor", connection, state, replica, environment=environment, module="benchmarks.watched")


if __name__ == "__main__":
    measure()
