"""How does a test wait for what another process does? Generously and by asking again, never by a pause."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds: long for a busy machine; a test that works does not use them."""


def eventually(ask: Callable[[], T], holds: Callable[[T], bool], patience: float = PATIENCE) -> T:
    """Asks until the answer holds; gives it, or fails with the last one."""
    until = time.monotonic() + patience
    while not holds(answer := ask()):
        if time.monotonic() > until:
            raise AssertionError(f"after {patience:g} seconds still {answer!r}")
        time.sleep(0.05)
    return answer
