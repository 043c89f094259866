"""Is everything said that had to be said? What stands in the topics, held against the embedded engine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from schemas.topics import FINDINGS, LEDGER
from streams.kafka.connection import Connection
from streams.kafka.records import Mark, PublishedChange, Received, read_finding
from tests.kafka.working import standing


@dataclass(frozen=True)
class Published:
    """What the findings' topic holds: of every trial the changes in the order in which they first came, and more."""

    bodies: Mapping[str, Sequence[bytes]]
    repeated: int
    marks: int


def published(connection: Connection) -> Published:
    """Reads the findings' topic. Fails where a change that came twice came with other bytes, or a mark came early."""
    ledger = {number: len(records) for number, records in standing(connection, LEDGER).items()}
    bodies: dict[str, dict[str, bytes]] = {}
    repeated = marks = 0
    for number, records in standing(connection, FINDINGS).items():
        evaluated = 0
        for told in map(read_finding, records):
            match told:
                case Mark():
                    marks += 1
                    assert told.start <= evaluated, f"partition {number}: nothing is said of {evaluated}..{told.start}"
                    evaluated = max(evaluated, told.next)
                case PublishedChange():
                    change = str(orjson.loads(told.body)["id"])
                    first = bodies.setdefault(told.trial, {}).setdefault(change, told.body)
                    assert first == told.body, f"{told.trial}: change {change} was published with other bytes"
                    repeated += first is not told.body
        assert evaluated == ledger[number], f"partition {number}: evaluated to {evaluated} of {ledger[number]}"
    return Published({trial: list(changes.values()) for trial, changes in bodies.items()}, repeated, marks)


def evaluated(connection: Connection) -> bool:
    """Whether the marks have come to the end of the ledger, in every partition."""
    ledger = {number: len(records) for number, records in standing(connection, LEDGER).items()}
    return all(_mark(records) == ledger[number] for number, records in standing(connection, FINDINGS).items())


def _mark(records: Iterable[Received]) -> int:
    marks = [told.next for told in map(read_finding, records) if isinstance(told, Mark)]
    return max(marks, default=0)
