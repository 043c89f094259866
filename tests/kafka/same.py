"""Do both engines say the same, byte for byte, of a whole trial? From its messages through nine topics to its findings.

`python -m tests.kafka.same` holds a real trial (the folder that TOCSIN_SDTM names) and an invented one of 100,000 facts
against the embedded engine and against a replay of the ledger on Kafka (`make same`); small ones are a test.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from protocols import shipped
from streams.admitting import Message, Unusable
from streams.importers.sdtm import Unusable as UnusableRow
from streams.importers.sdtm import read_trial
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.ledger.kafka import KafkaLedger
from streams.replay import replay
from streams.simulation import simulate
from tests.kafka.broker import Broker
from tests.kafka.course import Course
from tests.kafka.trials import Told, protocol_of, told_of
from tests.kafka.working import AGENTS, Working

INVENTED, FACTS, PARTICIPANTS = "INVENTED-1", 100_000, 600
REAL = "CDISCPILOT01"
PATIENCE = 1_800.0


def real(folder: Path, trial: str, protocol: str) -> Told:
    """A trial from a folder of SDTM, as if it had been told live; what is no fact of it goes to quarantine."""
    return told_of(trial, protocol, _rows(folder, trial, protocol))


def _rows(folder: Path, trial: str, protocol: str) -> Iterator[Message | Unusable]:
    for item in read_trial(folder, trial, protocol, datetime.now(UTC)):
        if isinstance(item, UnusableRow):
            yield Unusable(item.raw, item.address, trial, item.path, item.reason)
        else:
            yield Message(item.raw, item.address)


def invented(facts: int) -> Told:
    """The beginning of a large trial, with every tick of its clock."""
    protocol = protocol_of(INVENTED)
    return told_of(INVENTED, protocol, islice(simulate(protocol, "default", PARTICIPANTS, 1), facts))


def held(connection: Connection, folder: Path, trials: Sequence[Told]) -> None:
    """Tells trials to the topics, lets workers do the rest, and holds what stands then against both."""
    course = Course(connection, folder, trials, rate=float("inf"), at_once=10_000, patience=PATIENCE)
    with ExitStack() as opened:
        workers = [opened.enter_context(Working(agent, connection, folder)) for agent in AGENTS]
        with course.told():
            pass
        assert [worker.stop() for worker in workers] == [0, 0, 0]
    course.judge()
    with closing(KafkaLedger(connection)) as ledger:
        for trial in trials:
            assert list(replay(trial.trial, ledger.facts(trial.trial))) == list(trial.findings), trial.trial


def main() -> None:
    """Both trials, one after the other."""
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
        connection = Connection.to(f"{SCHEME}{broker.address}")
        topics.create(connection, 4, replication=1)
        trials = [invented(FACTS)]
        if "TOCSIN_SDTM" in os.environ:
            trials.append(real(Path(os.environ["TOCSIN_SDTM"]), REAL, shipped("cdiscpilot01")))
        else:
            print("TOCSIN_SDTM names no folder: without the real trial", file=sys.stderr)  # noqa: T201
        for trial in trials:
            sizes = f"{len(trial.messages)} messages, {len(trial.records)} facts, {len(trial.findings)} findings"
            print(f"{trial.trial}, embedded: {sizes}", flush=True)  # noqa: T201
        begin = time.monotonic()
        held(connection, Path(folder), trials)
        took = time.monotonic() - begin
        print(f"the same bytes from Kafka, and from a replay of its ledger; {took:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
