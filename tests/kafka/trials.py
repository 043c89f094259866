"""Which trials do the workers of the tests follow? Invented ones, told by an embedded home as a ledger's records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from protocols import shipped
from streams.intake import Message, Unusable
from streams.kafka.records import LedgerRecord, partition_of
from streams.local import Home
from streams.simulation import simulate
from tests.kafka.told import ledger_records

PARTICIPANTS = 40
AT_ONCE = 1_000
"""Messages that the embedded engine takes together."""


def protocol_of(trial: str) -> str:
    """The protocol of AK117, as if it were this trial's."""
    return shipped("ak117_hnscc").replace("trial: AK117-HNSCC-II", f"trial: {trial}")


def messages(trial: str, count: int, seed: int = 1) -> Iterator[bytes]:
    """The first messages of an invented trial; of its hourly ticks only those at midnight."""
    told = simulate(protocol_of(trial), "default", PARTICIPANTS, seed)
    return islice((raw for raw in told if b"ClockTicked" not in raw or b"T00:00" in raw), count)


@dataclass(frozen=True)
class Told:
    """A trial in the embedded engine: what went in, the ledger's records, and what was published."""

    trial: str
    protocol: str
    messages: Sequence[Message | Unusable]
    records: Sequence[LedgerRecord]
    findings: Sequence[bytes]
    identities: Sequence[tuple[str, int]]
    """Of each position: the record and its revision."""


@cache
def told(trial: str, count: int, seed: int = 1) -> Told:
    """The beginning of an invented trial."""
    told = told_of(trial, protocol_of(trial), messages(trial, count, seed))
    assert len(told.records) == len(told.messages)
    return told


def told_of(trial: str, protocol: str, said: Iterable[bytes | Message | Unusable]) -> Told:
    """A trial, received and followed by the embedded engine."""
    sent = [Message(one, f"{trial}:{n}") if isinstance(one, bytes) else one for n, one in enumerate(said, 1)]
    with TemporaryDirectory() as folder, Home(Path(folder)) as home:
        for start in range(0, len(sent), AT_ONCE):
            home.receive(sent[start : start + AT_ONCE])
        findings = tuple(body for _, _, body in home.ledger.published(trial))
        identities = tuple((fact.key, fact.revision) for _, fact in home.ledger.facts(trial))
        return Told(trial, protocol, sent, tuple(ledger_records(home.ledger, trial)), findings, identities)


def spread(number: int, partitions: int) -> tuple[str, ...]:
    """Names of trials such that every partition has as many."""
    share = -(-number // partitions)
    chosen: Mapping[int, list[str]] = {partition: [] for partition in range(partitions)}
    for attempt in range(10_000):
        name = f"TRIAL-{attempt}"
        if len(chosen[partition_of(name, partitions)]) < share:
            chosen[partition_of(name, partitions)].append(name)
    return tuple(sorted(name for names in chosen.values() for name in names))[:number]
