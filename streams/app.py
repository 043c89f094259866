"""Which agents are there? One for each arrow of the distributed engine; a worker runs any of them."""

from streams.agents.alerts import ALERTS
from streams.agents.intake import INTAKE
from streams.agents.monitor import MONITOR
from streams.agents.sink import SINK
from streams.kafka.worker import Agent

AGENTS: dict[str, Agent] = {agent.name: agent for agent in (INTAKE, MONITOR, ALERTS, SINK)}
"""Every agent by its name. A new one is a file in `streams/agents` and its line here."""
