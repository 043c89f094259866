"""What does a worker tell on standard error? Warnings and errors, each at most once in ten seconds.

A broker that is away makes its clients repeat themselves many times a second; how often they did is told with the next.
"""

import logging
import sys
from time import monotonic

EVERY_SECONDS = 10.0


class OnceInAWhile(logging.Filter):
    """Lets one of equal messages through, and says how many it kept."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to tell it."""
        what, now = (record.name, str(record.msg)), monotonic()
        last, kept = self._last.get(what, (-EVERY_SECONDS, 0))
        if now - last < EVERY_SECONDS:
            self._last[what] = (last, kept + 1)
            return False
        self._last[what] = (now, 0)
        if kept:
            record.msg = f"{record.getMessage()} (and {kept} times more before)"
            record.args = ()
        return True


def tell(who: str) -> None:
    """Sets up what this process tells."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(OnceInAWhile())
    handler.setFormatter(logging.Formatter(f"%(asctime)s {who} %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("kafka").setLevel(logging.ERROR)  # it warns of a busy machine
