"""What is told while something is done to workers or brokers, and was all said afterwards that had to be said?"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore, Thread

import orjson
from kafka.errors import KafkaError

from clinical.protocol import read_protocol
from schemas.topics import LEDGER
from streams.admitting import Message, Unusable
from streams.agents.monitor import Memory
from streams.kafka.connection import Connection
from streams.kafka.sending import run_of, send
from streams.kafka.snapshots import read_back
from streams.kafka.topics import partitions_of
from streams.ledger.kafka import KafkaLedger
from tests.kafka.judging import published
from tests.kafka.trials import Told, spread, told
from tests.kafka.working import standing

PATIENCE = 300.0
"""Seconds in which everything must be said, once all is told and nothing is done any more."""


@dataclass
class Course:
    """Some trials, told to raw topics at an even pace."""

    connection: Connection
    folder: Path
    """Where the workers keep their state."""
    trials: Sequence[Told]
    rate: float
    """Facts a second."""
    at_once: int = 100
    """Messages of one file."""
    parts: int = 1
    """What is told in one go; each further part is told when somebody says `go_on`."""
    patience: float = PATIENCE

    def __post_init__(self) -> None:
        self._begun = Semaphore(1)

    def go_on(self) -> None:
        """From now on the next part is told."""
        self._begun.release()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tells while the body goes on; when that has ended, waits until everything is told, and said."""
        failed: list[BaseException] = []

        def telling() -> None:
            try:
                self._send()
            except BaseException as error:  # noqa: BLE001  told by whoever waits for the thread
                failed.append(error)

        thread = Thread(target=telling, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._begun.release(self.parts)
            thread.join(self.patience)
        if failed:
            raise failed[0]
        assert not thread.is_alive(), "not everything could be told"
        self._wait()

    def _send(self) -> None:
        """Part by part, each as one small file after another with messages of every trial, at an even pace."""
        told = list(_by_turns(self.trials))
        share = -(-len(told) // self.parts)
        for part in range(self.parts):
            self._begun.acquire()
            begin = time.monotonic()
            for start in range(0, share, self.at_once):
                file = told[part * share : (part + 1) * share][start : start + self.at_once]
                self._send_until_told(file)
                time.sleep(max(0.0, (start + self.at_once) / self.rate - (time.monotonic() - begin)))

    def _send_until_told(self, file: Sequence[Message | Unusable]) -> None:
        """Whoever sends a file and is cut off sends it again."""
        until = time.monotonic() + self.patience
        while True:
            try:
                for _ in send(self.connection, file, run_of(file)[0]):
                    pass
            except KafkaError:
                if time.monotonic() > until:
                    raise
            else:
                return

    def _wait(self) -> None:
        """Until every fact is in the ledger, evaluated, and told to whom it concerns."""
        until = time.monotonic() + self.patience
        with closing(KafkaLedger(self.connection)) as ledger:
            while any(ledger.published_up_to(trial.trial) < len(trial.records) for trial in self.trials):
                assert time.monotonic() < until
                time.sleep(0.5)
        while len(self._alerts()) < sum(len(owed(trial)) for trial in self.trials):
            assert time.monotonic() < until
            time.sleep(0.2)

    def judge(self) -> None:
        """Holds everything that stands in the topics against the embedded engine, and prints how much it was."""
        said = published(self.connection)
        alerts = self._alerts()
        with closing(KafkaLedger(self.connection)) as ledger:
            for trial in self.trials:
                stands = [(fact.key, fact.revision) for _, fact in ledger.facts(trial.trial)]
                assert stands == list(trial.identities), trial.trial
                assert said.bodies[trial.trial] == list(trial.findings), trial.trial
                assert [body for _, _, body in ledger.published(trial.trial)] == list(trial.findings), trial.trial
                assert [change for name, change in alerts if name == trial.trial] == owed(trial), trial.trial
        facts = sum(len(trial.records) for trial in self.trials)
        findings = sum(len(trial.findings) for trial in self.trials)
        snapshots = self._snapshots()
        said_again = f"{said.repeated} said again, {said.marks} marks, {len(alerts)} alerts, {snapshots} snapshots"
        print(f"{facts} facts, {findings} findings, {said_again}")  # noqa: T201

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


def owed(trial: Told) -> list[str]:
    """The changes of a trial that somebody must hear, in order."""
    protocol = read_protocol(trial.protocol)
    return [change["id"] for change in map(json.loads, trial.findings) if protocol.hears(change["kind"])]


def invented(connection: Connection, number: int, facts: int) -> list[Told]:
    """So many invented trials of so many facts each, in all partitions."""
    names = spread(number, partitions_of(connection))
    return [told(name, facts, seed) for seed, name in enumerate(names, 1)]


def _by_turns(trials: Sequence[Told]) -> Iterator[Message | Unusable]:
    for number in range(max(len(trial.messages) for trial in trials)):
        for trial in trials:
            if number < len(trial.messages):
                yield trial.messages[number]
