"""An embedded ledger beside the topics, to hold them against."""

from tests.streams.conftest import clock, door, ledger

__all__ = ["clock", "door", "ledger"]
