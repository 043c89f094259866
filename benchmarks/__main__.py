"""How fast, beside what? `make bench` prints ratios of one run on one machine, and the machine.

`python -m benchmarks NAME…` measures some of it only.
"""

import sys
import time
from collections.abc import Callable

from benchmarks import durable, engine, event_to_page, grading, growth, hops, latency, replays, restart
from benchmarks.measuring import machine

MEASURED: dict[str, Callable[[], None]] = {
    "durable": durable.measure,
    "replays": replays.measure,
    "growth": growth.measure,
    "grading": grading.measure,
    "page": event_to_page.measure,
    "engine": engine.measure,
    "latency": latency.measure,
    "hops": hops.measure,
    "restart": restart.measure,
}


def main(names: list[str]) -> None:
    """Runs what is named, or all of it; says how long each took."""
    if unknown := set(names) - set(MEASURED):
        sys.exit(f"not measured: {', '.join(sorted(unknown))}; there is {', '.join(MEASURED)}")
    print(machine())
    for name in names or MEASURED:
        begun = time.perf_counter()
        MEASURED[name]()
        print(f"  ({name}: {time.perf_counter() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
