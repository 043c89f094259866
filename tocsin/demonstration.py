"""How is an invented trial played while one looks? Eighteen months in about two minutes, through the same intake."""

import threading
import time
from collections.abc import Callable

from streams.intake import Message
from streams.local import Home
from streams.simulation import simulate

SCENARIO = "dirty"
"""As the default one, and one message in fifty is no fact: quarantine is part of what is shown."""
PLAYED_IN_SECONDS = 120.0
STEP_SECONDS = 0.2
AT_ONCE = 200
"""Messages in one durable step, so that stopping never waits for long."""

Say = Callable[[str], None]


def playing(text: str, participants: int, speed: float, say: Say) -> Callable[[Home, threading.Event], None]:
    """What runs beside the server of a demonstration: sends the trial's messages at an even pace until all are sent."""
    raws = simulate(text, SCENARIO, participants)
    told = [Message(raw, f"simulation:{number}") for number, raw in enumerate(raws, 1)]
    seconds = PLAYED_IN_SECONDS / speed
    say(f"{len(told):,} messages of eighteen months are played in about {span(seconds)}. Ctrl-C stops.")

    def play(home: Home, stopped: threading.Event) -> None:
        began, sent = time.monotonic(), 0
        while sent < len(told) and not stopped.is_set():
            due = min(len(told), round(len(told) * (time.monotonic() - began) / seconds))
            if due > sent:
                home.receive(told[sent : min(due, sent + AT_ONCE)])
                sent = min(due, sent + AT_ONCE)
            if sent == due:
                stopped.wait(STEP_SECONDS)
        if sent == len(told):
            say(f"All of it is told, after {span(time.monotonic() - began)}. The page stays until Ctrl-C.")

    return play


def span(seconds: float) -> str:
    """How long, for whoever waits: 40 seconds, 2 minutes."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 100 else f"{seconds:.0f} seconds"
