"""A hundred kills of a writing process: whatever was acknowledged is there, in order, once."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from streams.intake import Intake, Message
from streams.ledger.sqlite import Ledger
from tests.builders import adopted, as_bytes, enrolled
from tests.streams.conftest import SetClock
from tests.streams.killed_writers import TRIALS

KILLS = 100
SEED = 20260314
ROOT = Path(__file__).parents[2]


def acknowledged_by_killed_writers(path: Path) -> dict[tuple[str, int], str]:
    """What a hundred writers said is durable, each before it was killed: the record at each position."""
    command = [sys.executable, "-m", "tests.streams.killed_writers", str(path), str(KILLS), str(SEED)]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=600).stdout
    acknowledged: dict[tuple[str, int], str] = {}
    for trial, position, record in (one for line in told.splitlines() for one in json.loads(line)):
        assert (trial, position) not in acknowledged, "a position was given to two facts"
        acknowledged[trial, position] = record
    return acknowledged


def test_after_a_hundred_kills_every_acknowledged_fact_is_there_once_and_no_position_is_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    opening = [message for trial in TRIALS for message in (adopted(trial=trial), enrolled(trial=trial))]
    Intake(ledger, SetClock()).receive([Message(as_bytes(message), "opening") for message in opening])
    ledger.close()

    acknowledged = acknowledged_by_killed_writers(path)
    assert len(acknowledged) > 10 * KILLS

    ledger = Ledger(path)
    held: dict[tuple[str, int], str] = {}
    for trial in TRIALS:
        facts = list(ledger.facts(trial))
        assert [position for position, _ in facts] == list(range(1, len(facts) + 1))
        identities = [(fact.key, fact.revision) for _, fact in facts]
        assert len(identities) == len(set(identities))
        held |= {(trial, position): fact.record for position, fact in facts}
        assert ledger.raw(trial, len(facts)) is not None
    quarantined = list(ledger.quarantined())
    assert [one.number for one in quarantined] == list(range(1, len(quarantined) + 1))
    held |= {("quarantine", one.number): one.address for one in quarantined}
    ledger.close()
    assert acknowledged.items() <= held.items()

    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    keyless = "SELECT count(*) FROM ledger WHERE key NOT IN (SELECT number FROM keys)"
    assert connection.execute(keyless).fetchone() == (0,)
    connection.close()
