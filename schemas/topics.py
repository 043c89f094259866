"""What flows where? Every topic: its key, its retention, its settings, who writes it and who reads it.

In the embedded engine a topic is a table of the home; the words are the same. In Kafka all topics have the same number
of partitions: a trial lies in one and the same partition of each, so whoever reads one partition of the ledger has
everything that follows from it in the partitions of that number.
"""

from dataclasses import dataclass
from typing import Literal

Arrow = Literal["ingest", "intake", "monitor", "alerts", "sink", "replay", "live", "move", "redact"]

ARROWS: dict[Arrow, str] = {
    "ingest": "tocsin/command_line.py",
    "intake": "streams/intake.py",
    "monitor": "streams/monitor.py",
    "alerts": "streams/agents/alerts.py",
    "sink": "streams/sink.py",
    "replay": "streams/replay.py",
    "live": "dashboards/live",
    "move": "streams/moving.py",
    "redact": "streams/kafka/redacting.py",
}
"""Where each arrow is written: one place, from the root of the project. An arrow without code has no line here."""


PARTITIONS = 8
"""Of every topic, unless another number is asked for when the topics are made. It can never be changed afterwards."""

REPLICATION = 3
"""Copies of every message, so that two machines can be lost before a fact is."""

DAY = 24 * 60 * 60 * 1000
"""In milliseconds, as the broker counts."""

Retention = Literal["unlimited", "30 days", "compacted"]

KEPT: dict[Retention, dict[str, str]] = {
    "unlimited": {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"},
    "30 days": {"cleanup.policy": "delete", "retention.ms": str(30 * DAY), "retention.bytes": "-1"},
    # A destroyed key is gone from the disk after two days: one until its tombstone is looked at, one for late readers.
    "compacted": {"cleanup.policy": "compact", "max.compaction.lag.ms": str(DAY), "delete.retention.ms": str(DAY)},
}
"""What a broker is told about how long to keep a topic."""

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and its arrows."""

    name: str
    purpose: str
    key: str
    retention: Retention
    largest: int
    """Bytes of the largest message with all that the broker adds to it."""
    written_by: tuple[Arrow, ...]
    read_by: tuple[Arrow, ...]

    @property
    def settings(self) -> dict[str, str]:
        """What must stand in the broker's settings of the topic, whatever its replication."""
        unclean = {"unclean.leader.election.enable": "false"}  # else a copy that lags behind may take over
        return KEPT[self.retention] | {"max.message.bytes": str(self.largest)} | unclean


FAMILIES = (
    "trial",
    "participants",
    "adverse_events",
    "dosing",
    "labs",
    "vitals",
    "imaging",
    "medication",
    "people",
)
"""The families of facts: one raw topic each, one file each in `schemas/facts`."""

RAW = tuple(
    Topic(
        name=f"tocsin.raw.{family}",
        purpose=f"Messages of the family {family}, as they came",
        key="trial",
        retention="30 days",
        largest=16 * MIB,
        written_by=("ingest",),
        read_by=("intake",),
    )
    for family in FAMILIES
)
LEDGER = Topic(
    name="tocsin.ledger",
    purpose="The facts of every trial, in order: the only truth",
    key="trial",
    retention="unlimited",
    largest=4 * MIB,  # a fact, and beside it the message that it was
    written_by=("intake", "move"),
    read_by=("monitor", "sink", "replay", "move", "redact"),
)
FINDINGS = Topic(
    name="tocsin.findings",
    purpose="What was raised, changed and withdrawn",
    key="trial",
    retention="unlimited",
    largest=16 * MIB,
    written_by=("monitor",),
    read_by=("alerts", "sink", "live"),
)
QUARANTINE = Topic(
    name="tocsin.quarantine",
    purpose="What is no fact, with its address, its digest and the path of the error",
    key="trial",
    retention="unlimited",
    largest=17 * MIB,  # whatever a raw topic took, sealed
    written_by=("intake", "move"),
    read_by=("sink", "live", "move"),
)
KEYS = Topic(
    name="tocsin.keys",
    purpose="The key of each record: whoever destroys it redacts, and the ledger stays as it is",
    key="the random name of the key",
    retention="compacted",
    largest=1 * MIB,
    written_by=("intake", "move", "redact"),
    read_by=("live", "intake", "replay", "move"),
)

TOPICS: tuple[Topic, ...] = (*RAW, LEDGER, FINDINGS, QUARANTINE, KEYS)
