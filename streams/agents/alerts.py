"""FINDINGS → people, distributed: what the protocol says that somebody must hear is sent once, and then marked.

Whom it is for stands beside each finding, since the protocol in force is known where it was concluded. A crash between
sending and marking brings the finding again; the channel knows what it sent.
"""

import asyncio
from datetime import datetime

from schemas.topics import FINDINGS
from streams.alerting import AlertFile, Channel, alert
from streams.kafka.frame import Offsets, PlaceOf, Run
from streams.kafka.records import PublishedChange, read_finding
from streams.kafka.worker import Agent, Tools

FILE = "alerts.jsonl"


class AlertsPlace:
    """One partition of the findings."""

    def __init__(self, channel: Channel, tools: Tools) -> None:
        self._channel = channel
        self._tools = tools

    async def take_up(self, committed: Offsets) -> Offsets:
        """Nothing is remembered here: what was sent, the channel knows."""
        return committed

    async def handle(self, run: Run) -> Offsets:
        """Sends what somebody must hear."""
        told = map(read_finding, run.records)
        owed = [alert(one.body, one.notify) for one in told if isinstance(one, PublishedChange) and one.notify]
        if owed:
            sent = await asyncio.to_thread(self._channel.send, owed)
            self._tools.measures.count("tocsin_alerts", "sent", sent)
            self._tools.measures.count("tocsin_alerts", "sent before", len(owed) - sent)
        return {FINDINGS: run.records[-1].offset + 1}

    async def tick(self, now: datetime) -> Offsets:  # noqa: ARG002  other places need it
        """Nothing is due here without a finding."""
        return {}


def _places(tools: Tools) -> PlaceOf:
    channel = AlertFile(tools.orders.state / FILE)
    return lambda _: AlertsPlace(channel, tools)


ALERTS = Agent("alerts", (FINDINGS,), _places)
