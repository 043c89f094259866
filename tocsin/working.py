"""How does a machine work for the distributed engine? `tocsin worker` supervises a process for each agent it names."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.kafka.worker import Agent, Orders

METRICS = "127.0.0.1:9460"
"""Where Prometheus may ask; each agent answers at its own port from there, in the order of `AGENTS`."""


class UsageError(ValueError):
    """What was asked for cannot be meant."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    names: Sequence[str]
    home: str
    replica: str
    state: Path
    metrics: str
    by_event: bool


def default_replica() -> str:
    """This machine."""
    return socket.gethostname()


def default_state() -> Path:
    """Where programs of this user keep what they can do without."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "tocsin"


def supervised(asked: Asked) -> int:
    """Runs the agents that are asked for, each in a process that is started again; gives the exit code."""
    from streams.kafka.supervisor import supervise
    from streams.kafka.worker import run

    return supervise({agent.name: partial(run, agent, orders, os.getpid()) for agent, orders in ordered(asked)})


def alone(asked: Asked) -> None:
    """Runs one agent in this process, for as long as all is well."""
    from streams.kafka.worker import run

    agents = ordered(asked)
    if len(agents) != 1:
        raise UsageError("without a supervisor, one agent")
    for agent, orders in agents:
        run(agent, orders)


def ordered(asked: Asked) -> "list[tuple[Agent, Orders]]":
    """The agents that are asked for, with their orders. Raises ValueError or OSError where they make no sense."""
    from streams.app import AGENTS
    from streams.kafka.worker import Orders
    from tocsin.settings import CLICKHOUSE, kafka_settings, store_server

    unknown = [name for name in asked.names if name not in AGENTS]
    if unknown or len(set(asked.names)) != len(asked.names):
        raise UsageError(f"{' '.join(unknown or asked.names)}: agents are {', '.join(AGENTS)}, each at most once")
    settings, store = kafka_settings(), store_server()
    if "sink" in asked.names and store is None:
        raise UsageError(f"the sink writes into a ClickHouse server: {CLICKHOUSE}=host:port names it")
    connection = settings.connection(asked.home)
    return [
        (
            AGENTS[name],
            Orders(
                connection,
                asked.replica,
                asked.state / connection.namespace,
                settings.replication,
                settings.session_seconds,
                settings.snapshot_every,
                _metrics(asked.metrics, list(AGENTS).index(name)),
                store,
                by_event=asked.by_event,
            ),
        )
        for name in asked.names
    ]


def _metrics(address: str, number: int) -> tuple[str, int] | None:
    if address == "off":
        return None
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise UsageError(f"--metrics {address}: an address is written host:port, or off")
    return host, int(port) + number
