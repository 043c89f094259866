"""A ledger in a folder of its own, and an intake with a clock that the test sets."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.intake import Intake, Message, Outcome
from streams.ledger.sqlite import Ledger
from tests import builders


@dataclass
class SetClock:
    """A clock that shows what it is set to."""

    now: datetime = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Door:
    """An intake, and what to say to it: JSON objects or bytes, each under the address `told:<n>`."""

    intake: Intake
    ledger: Ledger
    clock: SetClock

    def tell(self, *said: builders.Message | bytes) -> tuple[Outcome, ...]:
        raws = [one if isinstance(one, bytes) else builders.as_bytes(one) for one in said]
        return self.intake.receive([Message(raw, f"told:{number}") for number, raw in enumerate(raws, 1)])


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def door(ledger: Ledger, clock: SetClock) -> Door:
    return Door(Intake(ledger, clock), ledger, clock)
