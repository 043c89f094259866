"""How fast, beside what? `make bench` prints ratios of one run on one machine, and the machine."""

import gc
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import schemas
from benchmarks import event_to_page
from benchmarks.history import TRIAL, messages
from clinical.monitor import step
from clinical.state import Trial
from schemas.findings import written
from streams.intake import Intake, Message
from streams.ledger.sqlite import Ledger
from streams.replay import replay

SMALL, LARGE = 10_000, int(os.environ.get("TOCSIN_BENCH_FACTS", "1000000"))
BATCH = 1_000


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call, after a collection."""
    gc.collect()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    raws = list(islice(messages(), 100_000))
    with tempfile.TemporaryDirectory() as folder:
        append(raws, Path(folder))
        replays(raws, Path(folder))
    growth()
    event_to_page.measure()


def append(raws: Sequence[bytes], folder: Path) -> None:
    """Intake with its durable append, beside bare SQLite inserts with full sync in the same batches."""
    ledger = Ledger(folder / "ledger.sqlite")
    intake = Intake(ledger)
    told = [Message(raw, "bench") for raw in raws]
    whole = timed(lambda: [intake.receive(told[at : at + BATCH]) for at in range(0, len(told), BATCH)])
    ledger.close()
    plain = timed(lambda: plain_inserts(raws, folder / "plain.sqlite"))
    print(f"intake to ledger   {len(raws) / whole:10,.0f} facts/s")
    print(f"plain SQLite       {len(raws) / plain:10,.0f} rows/s, full sync, batches of {BATCH}")
    print(f"  ratio, parse and admission included: {plain / whole:.2f}")


def plain_inserts(raws: Sequence[bytes], file: Path) -> None:
    """The same bytes into one table."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE plain (trial TEXT, position INTEGER, body BLOB, PRIMARY KEY (trial, position)) "
        "STRICT, WITHOUT ROWID"
    )
    for at in range(0, len(raws), BATCH):
        connection.execute("BEGIN IMMEDIATE")
        rows = [(TRIAL, at + number, raw) for number, raw in enumerate(raws[at : at + BATCH])]
        connection.executemany("INSERT INTO plain VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")
    connection.close()


def replays(raws: Sequence[bytes], folder: Path) -> None:
    """A replay from the ledger, beside parsing the same facts."""
    parsed = timed(lambda: [None for raw in raws if isinstance(schemas.parse(raw), schemas.Refusal)])
    ledger = Ledger.reading(folder / "ledger.sqlite")
    replayed = timed(lambda: sum(1 for _ in replay(TRIAL, ledger.facts(TRIAL))))
    ledger.close()
    print(f"parse              {len(raws) / parsed:10,.0f} facts/s")
    print(f"replay             {len(raws) / replayed:10,.0f} facts/s")
    print(f"  ratio to parse: {parsed / replayed:.2f} (aim: at least 0.2)")


def growth() -> None:
    """The cost of a fact with many behind it, beside the cost with few."""
    trial, costs = Trial(TRIAL), dict[int, float]()
    position = 0
    source = messages()
    while position < LARGE:
        facts = [schemas.parse(raw) for raw in islice(source, SMALL)]
        begin = time.perf_counter()
        for fact in facts:
            assert not isinstance(fact, schemas.Refusal)
            position += 1
            trial, changes = step(trial, fact, position)
            for _ in written(TRIAL, changes):
                pass
        costs[position] = (time.perf_counter() - begin) / SMALL
    few, many = costs[SMALL], costs[max(costs)]
    print(f"cost per fact      {few * 1e6:.1f} us at {SMALL:,}, {many * 1e6:.1f} us at {max(costs):,}")
    print(f"  ratio: {many / few:.2f} (aim: at most 1.2)")


if __name__ == "__main__":
    main()
