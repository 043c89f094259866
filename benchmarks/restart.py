"""How soon does a monitor work again that was killed, with a long partition behind it? With its snapshot, and without.

Measured by the clock from the start of the process to the end of its first run: what came while nobody was there.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import backlog
from benchmarks.watched import NOTES, read
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.writer import Writer
from tests.kafka.broker import Broker, unavailable
from tests.kafka.working import Working

FACTS = int(os.environ.get("TOCSIN_BENCH_RESTART", "50000"))
"""Facts in the one partition. The aim speaks of 1,000,000."""
TRIALS = 4
LATER = 10
PATIENCE = 3_600.0


def measure() -> None:
    """Prints both; says so where no Kafka can be started."""
    if why := unavailable():
        print(f"restart: not measured, {why}")
        return
    with TemporaryDirectory() as name, Broker(Path(name) / "kafka", heap="512m") as broker:
        _measure(Connection.to(f"{SCHEME}{broker.address}/restart"), Path(name))


def _measure(connection: Connection, folder: Path) -> None:
    topics.create(connection, 1, 1)
    names, each = backlog.trials(TRIALS, 1), FACTS // TRIALS
    backlog.write(connection, names, each, 1)
    state, done = folder / "state", each * TRIALS
    with _at_work(connection, state) as notes:
        _until(notes, done)
        _quiet(state)
    print(f"restart of a monitor that was killed, {done:,} facts in its partition (seconds by the clock)")
    for words, kept in (("with its snapshot", True), ("without one: folded from the start", False)):
        with Writer(connection) as writer:
            later = islice(backlog.records(names[0], each + LATER), each, None)
            writer.send([record.outgoing(0) for record in later])
        each += LATER
        if not kept:
            for file in state.rglob("*"):
                if file.is_file() and file.suffix not in {".log", ".notes"}:
                    file.unlink()
        before, begun = _counted(state), time.monotonic()
        with _at_work(connection, state) as notes:
            _until(notes, before + 1)
            print(f"  {words:44} {time.monotonic() - begun:11.1f}")
    shutil.rmtree(state)


@contextmanager
def _at_work(connection: Connection, state: Path) -> Iterator[Path]:
    """A monitor until it is killed; gives the file of its notes."""
    state.mkdir(parents=True, exist_ok=True)
    notes = state / "a.notes"
    with Working("monitor", connection, state, environment={NOTES: str(notes)}, module="benchmarks.watched"):
        yield notes


def _counted(state: Path) -> int:
    return sum(note.records for note in read([state / "a.notes"]))


def _until(notes: Path, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while sum(note.records for note in read([notes])) < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{count} records were not handled")
        time.sleep(0.1)


def _quiet(state: Path) -> None:
    """Waits until no snapshot is being written any more."""
    before: dict[Path, int] = {}
    while (now := {file: file.stat().st_size for file in state.rglob("*") if file.is_file()}) != before:
        before = now
        time.sleep(5)
