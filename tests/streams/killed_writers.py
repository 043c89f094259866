"""Writers that are killed: `python -m tests.streams.killed_writers LEDGER KILLS SEED` prints what they acknowledged.

A process of its own, without threads, imports everything once; each writer is forked from it before SQLite is opened,
so that each is a real process, started at once, and its SIGKILL a real one.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from streams.intake import Accepted, Duplicate, Intake, Message, Outcome
from streams.ledger.sqlite import Ledger
from tests.builders import TRIAL, as_bytes, lab
from tests.streams.conftest import SetClock

TRIALS = (TRIAL, "OTHER-TRIAL")
LONGEST_SECONDS = 0.08


def main(path: Path, kills: int, seed: int) -> None:
    """Kills writers at random moments; prints a line for each batch that one of them acknowledged."""
    chance = random.Random(seed)
    for round_ in range(kills):
        told = killed_while_writing(path, round_, chance.uniform(0, LONGEST_SECONDS))
        sys.stdout.buffer.write(told[: told.rfind(b"\n") + 1])


def killed_while_writing(path: Path, round_: int, after: float) -> bytes:
    """Forks a writer, kills it a moment after its first acknowledgement, and gives all that it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write_until_killed(path, writing, round_)
        finally:
            os._exit(1)  # only ever reached by a mistake: then there is no signal to find
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.readline()
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        told += pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"writer {round_} ended by itself")
    return told


def write_until_killed(path: Path, acknowledge: int, round_: int) -> None:
    """Appends batches of one to forty facts to two trials, and says of each batch what is where."""
    intake = Intake(Ledger(path), SetClock())
    chance = random.Random(round_)
    number = 0
    while True:
        messages = []
        for _ in range(chance.randint(1, 40)):
            number += 1
            said = lab(value=str(number), record=f"lb/{round_}/{number}", trial=chance.choice(TRIALS))
            messages.append(Message(as_bytes(said), f"{round_}:{number}"))
            if chance.random() < 0.05:
                messages.append(Message(b"no fact", f"{round_}:{number}:bad"))
        outcomes = intake.receive(messages)
        os.write(acknowledge, json.dumps([_said_of(outcome) for outcome in outcomes]).encode() + b"\n")


def _said_of(outcome: Outcome) -> tuple[str, int, str]:
    match outcome:
        case Accepted(_, trial, position, fact):
            return trial, position, fact.record
        case Duplicate(_, trial, position):
            return trial, position, "duplicate"
        case _:
            return "quarantine", outcome.number, outcome.address


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
