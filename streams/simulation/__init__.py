"""What would a whole ledger of a trial look like? An invented trial, from its protocol: facts in the order of reports.

The protocol is adopted first, under a simulated clock; then one tick an hour, and after each tick what was reported in
the hour before it. The same protocol, scenario, number and seed give the same bytes.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from random import Random
from typing import Any

from clinical.protocol import read_protocol
from schemas.canonical import canonical
from streams.admitting import tick
from streams.simulation.participant import Participant, Report
from streams.simulation.scenarios import SCENARIOS
from streams.simulation.site import obeying

__all__ = ["DEFAULT_SEED", "SCENARIOS", "simulate"]

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
MONTHS_18 = timedelta(days=548)
ENROLLING = timedelta(days=365)
HOUR = timedelta(hours=1)
SPOILT = 0.02
"""Share of messages that a dirty trial sends again with something wrong."""
DEFAULT_SEED = 112
"""A trial in which the second group reaches its boundary: what a demonstration is for."""


def simulate(
    protocol_text: str, scenario: str = "default", participants: int = 60, seed: int = DEFAULT_SEED
) -> Iterator[bytes]:
    """Canonical messages of an invented trial. Raises `ProtocolError`, and KeyError for an unknown scenario."""
    protocol, chosen = read_protocol(protocol_text), SCENARIOS[scenario]
    yield canonical(_adoption(protocol.trial, protocol_text))
    until = BEGIN + MONTHS_18
    streams = [
        obeying(
            protocol,
            Participant(protocol, chosen, seed, number, enrolled).reports(until),
            until,
            chosen.careless,
            Random(f"{seed}/{number}/site"),
        )
        for number, enrolled in enumerate(_enrolments(participants, seed), 1)
    ]
    reports = merge(*streams, key=lambda report: (report.at, report.document["subject"], report.order))
    waiting = next(reports, None)
    clock, dirt = BEGIN, Random(f"{seed}/dirt")
    while clock < until:
        clock += HOUR
        yield tick(protocol.trial, clock).raw
        while waiting is not None and waiting.at <= clock:
            yield canonical(waiting.document)
            if chosen.dirty and dirt.random() < SPOILT:
                yield canonical(_spoilt(waiting, dirt))
            waiting = next(reports, None)


def _enrolments(participants: int, seed: int) -> Iterator[datetime]:
    """Days of enrolment over the first year, in order, each by a chance of its own."""
    gap = ENROLLING / max(participants, 1)
    for number in range(participants):
        moment = BEGIN + gap * (number + Random(f"{seed}/enrolment/{number}").random())
        yield moment.replace(minute=0, second=0, microsecond=0) + HOUR


def _spoilt(report: Report, dirt: Random) -> dict[str, Any]:
    """The same message with something wrong: other content, an unknown field, an unknown fact, an impossible date."""
    document = report.document
    wrong = (
        {"time": "2024-12-31T00:00:00Z"},
        {"colour": "red"},
        {"type": "tocsin.MoodObserved.v1"},
        {"record": document["record"] + "/x", "time": "2031-01-01T00:00:00Z"},
        {"subject": "99-9999", "record": document["record"] + "/y"},
    )
    return document | dirt.choice(wrong)


def _adoption(trial: str, text: str) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    data = {"protocol": text, "digest": digest, "clock": "simulated"}
    return _of_the_trial(trial, "ProtocolAdopted.v1", "sponsor", "protocol", BEGIN, data)


def _of_the_trial(
    trial: str, fact: str, source: str, record: str, time: datetime, data: dict[str, Any]
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": record,
        "source": source,
        "type": f"tocsin.{fact}",
        "time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "trial": trial,
        "record": record,
        "revision": 1,
        "data": data,
    }
