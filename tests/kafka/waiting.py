"""How does a test wait for what another process does? Generously and by asking again, never by a pause."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds: long for a busy machine; a test that works does not use them."""

SHORTEST, LONGEST = 0.02, 0.25
"""Seconds between two questions."""


def eventually(ask: Callable[[], T], holds: Callable[[T], bool], patience: float = PATIENCE) -> T:
    """Asks until the answer holds; gives it, or fails with the last one."""
    until, pause = time.monotonic() + patience, SHORTEST
    while not holds(answer := ask()):
        if time.monotonic() > until:
            raise AssertionError(f"after {patience:g} seconds still {answer!r}")
        time.sleep(pause)
        pause = min(LONGEST, 1.5 * pause)  # whoever asks all the time slows down whom it waits for
    return answer
