"""How does an embedded ledger give its facts away as they are kept, and take in others in the same way?"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from streams.ledger.carrying import SealedFact, SealedRefusal, name_of_key
from streams.ledger.sqlite import PATIENCE, Ledger, microseconds


class SqliteCarrier(Ledger):
    """The ledger of a home that nobody else holds meanwhile."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._numbers: dict[str, dict[bytes, int]] = defaultdict(dict)
        """Of keys, by trial and by the name they are carried under."""

    def sealed_facts(self, trial: str) -> Iterator[SealedFact]:
        """The facts of a trial as they are kept, in order."""
        secret = "(SELECT keys.key FROM keys WHERE number = ledger.key)"
        columns = f"position, canonical, digest, raw_digest, sealed, key, {secret}"
        for position, canonical, said, salted, sealed, number, opens in self._paged(columns, trial, 0):
            yield SealedFact(position, canonical, said, salted, sealed, name_of_key(number, opens), opens)

    def sealed_refusals(self) -> Iterator[SealedRefusal]:
        """What is in quarantine, of every trial and of none."""
        for one in self.quarantined():
            said = (one.received, one.address, one.trial, one.source, one.path, one.message, one.digest)
            sealed, number, secret = self._one(
                "SELECT sealed, quarantine.key, keys.key FROM quarantine "
                "LEFT JOIN keys ON keys.number = quarantine.key WHERE quarantine.number = ?",
                one.number,
            )
            yield SealedRefusal(*said, sealed, name_of_key(number, secret), secret)

    def recognise(self, trial: str, facts: Sequence[SealedFact]) -> None:
        """Takes note of the keys of facts that stand here already; destroys those that were destroyed elsewhere."""
        first, last = facts[0].position, facts[-1].position
        rows = self._paged("key, EXISTS (SELECT 1 FROM keys WHERE number = ledger.key)", trial, first - 1, last)
        destroyed = []
        for fact, (number, is_here) in zip(facts, rows, strict=True):
            self._numbers[trial][fact.key] = number
            if fact.secret is None and is_here:
                destroyed.append((number,))
        if destroyed:
            with self._transaction() as connection:
                connection.executemany("DELETE FROM keys WHERE number = ?", destroyed)
            self._forget_log(PATIENCE)

    def adopt(self, trial: str, facts: Sequence[SealedFact]) -> None:
        """Keeps the next facts of a trial, all of them durably or none."""
        numbers = self._numbers[trial]
        with self._transaction() as connection:
            for fact in facts:
                if fact.key not in numbers:
                    numbers[fact.key] = self._adopted_key(connection, fact.secret)
            rows = [_row(trial, fact, numbers[fact.key]) for fact in facts]
            connection.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._stored_keys = self._next_key - 1

    def adopt_refusals(self, refused: Sequence[SealedRefusal]) -> int:
        """Keeps messages in quarantine, each once for its address, all of them durably or none."""
        known = {(one.address, one.digest) for one in self.quarantined()}
        new = [one for one in refused if (one.address, one.digest) not in known]
        with self._transaction() as connection:
            for number, one in enumerate(new, self.last_quarantined() + 1):
                key = self._adopted_key(connection, one.secret)
                said = (microseconds(one.received), one.address, one.trial, one.source)
                kept = (number, *said, bytes.fromhex(one.digest), one.path, one.message, key, one.sealed)
                connection.execute("INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", kept)
        self._stored_keys = self._next_key - 1
        return len(new)

    def _adopted_key(self, connection: sqlite3.Connection, secret: bytes | None) -> int:
        """The number of a key from elsewhere; a destroyed one has a number too, which is never used again."""
        number = self.draw_key().number
        connection.execute("INSERT INTO keys VALUES (?, ?)", (number, secret or b""))
        if secret is None:
            connection.execute("DELETE FROM keys WHERE number = ?", (number,))
        return number


def _row(trial: str, fact: SealedFact, key: int) -> tuple[Any, ...]:
    """The columns of a fact, from its canonical bytes: as they say it, in whatever version they say it."""
    said = orjson.loads(fact.canonical)
    recorded = microseconds(datetime.fromisoformat(said["recordedtime"]))
    named = (said["source"], said["record"], said["revision"], said["type"], said.get("subject"))
    kept = (fact.digest, fact.salted, key, fact.canonical, fact.sealed)
    return trial, fact.position, recorded, *named, *kept
