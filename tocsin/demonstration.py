"""How is an invented trial played while one looks? Eighteen months in about two minutes, through the same intake."""

import threading
from collections.abc import Callable
from itertools import islice

from streams.intake import Message
from streams.local import Home
from streams.simulation import simulate

PLAYED_IN_SECONDS = 120
STEP_SECONDS = 0.2


def playing(text: str, participants: int, speed: float) -> Callable[[Home, threading.Event], None]:
    """What runs beside the server of a demonstration: sends the trial's messages at an even pace until all are sent."""
    told = [
        Message(raw, f"simulation:{number}") for number, raw in enumerate(simulate(text, "default", participants), 1)
    ]
    size = max(1, round(len(told) * STEP_SECONDS * speed / PLAYED_IN_SECONDS))

    def play(home: Home, stopped: threading.Event) -> None:
        waiting = iter(told)
        while (batch := list(islice(waiting, size))) and not stopped.is_set():
            home.receive(batch)
            stopped.wait(STEP_SECONDS)

    return play
