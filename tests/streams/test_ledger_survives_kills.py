"""A hundred kills of a writing process: whatever was acknowledged is there, in order, once."""

import json
import os
import random
import signal
import sqlite3
import time
from pathlib import Path

from streams.intake import Accepted, Intake, Message, Outcome
from streams.ledger.sqlite import Ledger
from tests.builders import TRIAL, adopted, as_bytes, enrolled, lab
from tests.streams.conftest import SetClock

KILLS = 100
SEED = 20260314
OTHER = "OTHER-TRIAL"
OPENING = [message for trial in (TRIAL, OTHER) for message in (adopted(trial=trial), enrolled(trial=trial))]


def write_until_killed(path: Path, acknowledge: int, round_: int) -> None:
    """Appends batches of one to forty facts to two trials, and says of each batch what was accepted where."""
    intake = Intake(Ledger(path), SetClock())
    chance = random.Random(round_)
    number = 0
    while True:
        messages = []
        for _ in range(chance.randint(1, 40)):
            number += 1
            trial = chance.choice((TRIAL, OTHER))
            said = lab(value=str(number), record=f"lb/{round_}/{number}", trial=trial)
            messages.append(Message(as_bytes(said), f"{round_}:{number}"))
            if chance.random() < 0.05:
                messages.append(Message(b"no fact", f"{round_}:{number}:bad"))
        outcomes = intake.receive(messages)
        os.write(acknowledge, json.dumps([said_of(outcome) for outcome in outcomes]).encode() + b"\n")


def said_of(outcome: Outcome) -> tuple[str, int, str]:
    if isinstance(outcome, Accepted):
        return outcome.trial, outcome.position, outcome.fact.record
    return "quarantine", getattr(outcome, "number"), outcome.address  # noqa: B009  each other outcome has one here


def killed_while_writing(path: Path, round_: int, after: float) -> list[tuple[str, int, str]]:
    """Forks a writer, kills it with SIGKILL a moment after its first acknowledgement, gives what it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write_until_killed(path, writing, round_)
        finally:
            os._exit(1)  # only ever reached by a mistake: the parent sees no signal
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.readline()
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        told += pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    complete = told[: told.rfind(b"\n") + 1]
    return [tuple(one) for line in complete.splitlines() for one in json.loads(line)]


def test_after_a_hundred_kills_every_acknowledged_fact_is_there_once_and_no_position_is_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    opening = Ledger(path)
    Intake(opening, SetClock()).receive([Message(as_bytes(message), "opening") for message in OPENING])
    opening.close()  # a connection must not live through a fork
    chance = random.Random(SEED)
    acknowledged: dict[tuple[str, int], str] = {}
    for round_ in range(KILLS):
        for trial, position, record in killed_while_writing(path, round_, chance.uniform(0, 0.08)):
            assert (trial, position) not in acknowledged
            acknowledged[trial, position] = record
    assert len(acknowledged) > 10 * KILLS

    ledger = Ledger(path)
    held: dict[tuple[str, int], str] = {}
    for trial in (TRIAL, OTHER):
        facts = list(ledger.facts(trial))
        assert [position for position, _ in facts] == list(range(1, len(facts) + 1))
        identities = [(fact.key, fact.revision) for _, fact in facts]
        assert len(identities) == len(set(identities))
        held |= {(trial, position): fact.record for position, fact in facts}
    quarantined = list(ledger.quarantined())
    assert [one.number for one in quarantined] == list(range(1, len(quarantined) + 1))
    held |= {("quarantine", one.number): one.address for one in quarantined}
    assert acknowledged.items() <= held.items()
    assert all(ledger.raw(trial, ledger.head(trial)) for trial in (TRIAL, OTHER))
    ledger.close()

    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM ledger LEFT JOIN keys ON number = ledger.key").fetchone() == (
            connection.execute("SELECT count(*) FROM ledger JOIN keys ON number = ledger.key").fetchone()
        )
    connection.close()
