"""What does an append-only, sealed ledger cost? Its append beside plain SQLite inserts, full sync, in equal batches."""

import sqlite3
from collections.abc import Sequence
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.history import TRIAL, messages
from benchmarks.measuring import in_turns, rate, ratio, ratio_by_the_clock, told
from streams.intake import Intake, Message
from streams.ledger.sqlite import Entry, Ledger, Refused, microseconds

FACTS = 20_000
BATCH = 1_000


class Remembering(Ledger):
    """A ledger that remembers what intake gave it to append."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.entries: list[Entry] = []

    def append(self, entries: Sequence[Entry], refused: Sequence[Refused] = ()) -> tuple[int, ...]:
        self.entries.extend(entries)
        return super().append(entries, refused)


def measure() -> None:
    """Prints rates and ratios: of the append alone, and of intake with it."""
    raws = list(islice(messages(), FACTS))
    said = [Message(raw, "bench") for raw in raws]
    with TemporaryDirectory() as folder:
        numbers, here = count(), Path(folder)
        first = Remembering(here / "first.sqlite")
        received(said, first)
        first.close()

        def fresh() -> Path:
            return here / f"{next(numbers)}.sqlite"

        taken = in_turns(
            {
                "messages": lambda: messages_alone(raws, fresh()),
                "plain": lambda: plain(first.entries, fresh()),
                "append": lambda: appended(first.entries, fresh()),
                "intake": lambda: received(said, Ledger(fresh())),
            }
        )
    print(f"durable, {FACTS:,} facts in batches of {BATCH:,}, full sync")
    rate("plain SQLite: the bare messages", FACTS, taken["messages"], "rows/s")
    rate("plain SQLite: the columns of the ledger", FACTS, taken["plain"], "rows/s")
    rate("ledger: append, sealed, with its triggers", FACTS, taken["append"])
    rate("intake: parse, admission and append", FACTS, taken["intake"])
    told("append to plain, by the clock", ratio_by_the_clock(taken["append"], taken["plain"]), "at least 0.5")
    told("the same by processor time, no disk", ratio(taken["append"], taken["plain"]), "none")
    told("append to bare messages, by the clock", ratio_by_the_clock(taken["append"], taken["messages"]), "none")


def received(said: Sequence[Message], ledger: Ledger) -> None:
    """All of intake."""
    intake = Intake(ledger)
    for at in range(0, len(said), BATCH):
        intake.receive(said[at : at + BATCH])
    ledger.close()


def appended(entries: Sequence[Entry], file: Path) -> None:
    """What intake found admissible, to a new ledger."""
    ledger = Ledger(file)
    for at in range(0, len(entries), BATCH):
        ledger.append(entries[at : at + BATCH])
    ledger.close()


def plain(entries: Sequence[Entry], file: Path) -> None:
    """The same columns and as many bytes in a table that anybody may edit: no trigger, no key, nothing sealed."""
    rows = [
        (*one[:2], microseconds(one.recorded), *one[3:9], one.digest, one.key.number, *one[9:11]) for one in entries
    ]
    columns = "recorded, source, record, revision, type, subject, digest, raw_digest, key, canonical, raw"
    inserted(rows, f"trial TEXT, position INTEGER, {columns}", file)


def messages_alone(raws: Sequence[bytes], file: Path) -> None:
    """The messages as they came, and nothing else."""
    inserted([(TRIAL, number, raw) for number, raw in enumerate(raws)], "trial TEXT, position INTEGER, body BLOB", file)


def inserted(rows: Sequence[tuple[object, ...]], columns: str, file: Path) -> None:
    """Rows into one table."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"CREATE TABLE plain ({columns}, PRIMARY KEY (trial, position))")
    for at in range(0, len(rows), BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO plain VALUES ({', '.join('?' * len(rows[0]))})", rows[at : at + BATCH])
        connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    measure()
