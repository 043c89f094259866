"""What flows where? Every topic: its key, its retention, who writes it and who reads it.

In the embedded engine a topic is a table of the home; the words are the same.
"""

from dataclasses import dataclass
from typing import Literal

Arrow = Literal["ingest", "intake", "monitor", "sink", "replay", "live"]

ARROWS: dict[Arrow, str] = {
    "ingest": "tocsin/command_line.py",
    "intake": "streams/intake.py",
    "monitor": "streams/monitor.py",
    "sink": "streams/sink.py",
    "replay": "streams/replay.py",
    "live": "dashboards/live",
}
"""Where each arrow is written: one place, from the root of the project. An arrow without code has no line here."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and its arrows."""

    name: str
    purpose: str
    key: str
    retention: Literal["unlimited", "30 days", "compacted"]
    written_by: tuple[Arrow, ...]
    read_by: tuple[Arrow, ...]


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
    written_by=("intake",),
    read_by=("monitor", "sink", "replay"),
)
FINDINGS = Topic(
    name="tocsin.findings",
    purpose="What was raised, changed and withdrawn",
    key="trial",
    retention="unlimited",
    written_by=("monitor",),
    read_by=("sink", "live"),
)
QUARANTINE = Topic(
    name="tocsin.quarantine",
    purpose="What is no fact, with its address, its digest and the path of the error",
    key="trial",
    retention="unlimited",
    written_by=("intake",),
    read_by=("sink", "live"),
)
KEYS = Topic(
    name="tocsin.keys",
    purpose="The key of each record: whoever destroys it redacts, and the ledger stays as it is",
    key="record",
    retention="compacted",
    written_by=("intake",),
    read_by=("live",),
)

TOPICS: tuple[Topic, ...] = (*RAW, LEDGER, FINDINGS, QUARANTINE, KEYS)
