"""Does everything come through while workers die? Facts of many trials, sent while workers are killed and frozen.

`python -m tests.kafka.soak` runs the long one (`make soak`); a short one is a test.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Thread

import orjson

from clinical.protocol import read_protocol
from schemas.topics import LEDGER
from streams.admitting import Message
from streams.agents.monitor import Memory
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.sending import run_of, send
from streams.kafka.snapshots import read_back
from streams.kafka.topics import partitions_of
from streams.ledger.kafka import KafkaLedger
from tests.kafka.broker import Broker
from tests.kafka.judging import published
from tests.kafka.trials import Told, protocol_of, spread, told
from tests.kafka.working import Working, standing

AGENTS = ("intake", "monitor", "alerts")
FILE = 100
"""Messages of one file."""

SHORTER = {"TOCSIN_KAFKA_SESSION_SECONDS": "3", "TOCSIN_KAFKA_SNAPSHOT_EVERY": "50"}


@dataclass(frozen=True)
class Plan:
    """How much, how often, and by which chance."""

    trials: int
    facts: int
    """Of each trial."""
    disturbances: int
    seed: int
    pauses: tuple[float, float] = (1.0, 6.0)
    frozen_seconds: float = 5.0
    rate: float = 200.0
    """Facts a second."""


@dataclass
class Soak:
    """One run: what is told, who works, and what became of it."""

    connection: Connection
    folder: Path
    plan: Plan
    done: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Sends, disturbs, waits until all is said, and judges."""
        plan, chance = self.plan, Random(self.plan.seed)
        trials = [told(name, plan.facts, seed=n) for n, name in enumerate(spread(plan.trials, self._partitions()), 1)]
        sending = Thread(target=self._send, args=(trials,))
        with ExitStack() as opened:
            first = [opened.enter_context(self._worker(agent, "a")) for agent in AGENTS]
            sending.start()
            dropping = "tests.kafka.dropping"
            later = [self._worker(agent, "b", "--by-event", module=dropping) for agent in AGENTS]
            later.append(self._worker("monitor", "c", module=dropping))
            workers = list(first)
            for number in range(plan.disturbances):
                time.sleep(chance.uniform(*plan.pauses))
                while later and len(workers) < len(first) + number:
                    workers.append(opened.enter_context(later.pop(0)))
                self._disturb(chance, workers)
            sending.join()
            self._wait(trials)
            codes = [worker.stop() for worker in workers]
        assert set(codes) <= {0, -signal.SIGTERM}, codes
        self._judge(trials)

    def _partitions(self) -> int:
        return partitions_of(self.connection)

    def _worker(self, agent: str, replica: str, *options: str, module: str = "tocsin") -> Working:
        return Working(agent, self.connection, self.folder, replica, *options, environment=SHORTER, module=module)

    def _send(self, trials: Sequence[Told]) -> None:
        """One file after another, each with some messages of every trial, at an even pace."""
        told, begin = list(_by_turns(trials)), time.monotonic()
        for start in range(0, len(told), FILE):
            file = told[start : start + FILE]
            for _ in send(self.connection, file, run_of(file)[0]):
                pass
            time.sleep(max(0.0, start / self.plan.rate - (time.monotonic() - begin)))

    def _disturb(self, chance: Random, workers: Sequence[Working]) -> None:
        worker = chance.choice(workers)
        what = chance.choices(("kill", "freeze", "stop"), (6, 2, 2))[0]
        self.done.append(f"{what} {worker.name}")
        if what == "freeze":
            worker.send(signal.SIGSTOP)
            time.sleep(self.plan.frozen_seconds)
            worker.send(signal.SIGCONT)
            return
        if what == "kill":
            worker.kill()
        else:
            worker.stop()
        time.sleep(chance.uniform(0, 1))
        worker.start()

    def _wait(self, trials: Sequence[Told], patience: float = 240) -> None:
        """Until every fact is in the ledger, evaluated, and told to whom it concerns."""
        until = time.monotonic() + patience
        with closing(KafkaLedger(self.connection)) as ledger:
            while any(ledger.published_up_to(trial.trial) < len(trial.records) for trial in trials):
                assert time.monotonic() < until, self.done
                time.sleep(0.5)
        while len(self._alerts()) < sum(len(owed(trial)) for trial in trials):
            assert time.monotonic() < until, self.done
            time.sleep(0.2)

    def _snapshots(self) -> int:
        """Holds every snapshot of the monitors against a fold of the ledger to the same offset."""
        found = sorted((self.folder / self.connection.namespace).glob("monitor-*/*.snapshot"))
        ledger = standing(self.connection, LEDGER)
        for path in found:
            header, pieces = read_back(path)
            remembered, folded = (Memory(header.partition, len(ledger)) for _ in range(2))
            for piece in pieces:
                remembered.restore(piece)
            folded.fold(ledger[header.partition][: header.next])
            assert remembered.next == header.next
            assert remembered.trials == folded.trials
        return len(found)

    def _alerts(self) -> list[tuple[str, str]]:
        file = self.folder / self.connection.namespace / "alerts.jsonl"
        lines = file.read_bytes().splitlines() if file.exists() else []
        return [(line["trial"], line["id"]) for line in map(orjson.loads, lines)]

    def _judge(self, trials: Sequence[Told]) -> None:
        said = published(self.connection)
        alerts = self._alerts()
        with closing(KafkaLedger(self.connection)) as ledger:
            for trial in trials:
                stands = [(fact.key, fact.revision) for _, fact in ledger.facts(trial.trial)]
                assert stands == list(trial.identities), trial.trial
                assert said.bodies[trial.trial] == list(trial.findings), trial.trial
                assert [body for _, _, body in ledger.published(trial.trial)] == list(trial.findings), trial.trial
                assert [change for name, change in alerts if name == trial.trial] == owed(trial), trial.trial
        facts = sum(len(trial.records) for trial in trials)
        findings = sum(len(trial.findings) for trial in trials)
        snapshots = self._snapshots()
        said_again = f"{said.repeated} said again, {said.marks} marks, {len(alerts)} alerts, {snapshots} snapshots"
        print(f"{facts} facts, {findings} findings, {said_again}")  # noqa: T201
        print(f"{len(self.done)} disturbances: {', '.join(self.done)}")  # noqa: T201


def owed(trial: Told) -> list[str]:
    """The changes of a trial that somebody must hear, in order."""
    protocol = read_protocol(protocol_of(trial.trial))
    return [change["id"] for change in map(json.loads, trial.findings) if protocol.hears(change["kind"])]


def _by_turns(trials: Sequence[Told]) -> Iterator[Message]:
    for number in range(max(len(trial.messages) for trial in trials)):
        for trial in trials:
            if number < len(trial.messages):
                yield Message(trial.messages[number], f"{trial.trial}:{number + 1}")


def main() -> None:
    """20,000 facts of 8 trials in 4 partitions, 20 disturbances; the seed may be given."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
        connection = Connection.to(f"{SCHEME}{broker.address}")
        topics.create(connection, 4, replication=1)
        Soak(connection, Path(folder), Plan(trials=8, facts=2_500, disturbances=20, seed=seed)).run()


if __name__ == "__main__":
    main()
