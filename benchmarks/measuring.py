"""How is one thing held against another? In turns, on one machine, by the processor time that each took.

Whoever else is at work on the machine then slows both sides alike: the ratio of two that took turns means something
where the rates do not. The middle one of the rounds counts.
"""

import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

Work = Callable[[], object]


class Spent(NamedTuple):
    """What one call took, in seconds."""

    processor: float
    """Of our own process, all threads."""
    clock: float


def spent(work: Work) -> Spent:
    """One call, after a collection."""
    gc.collect()
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.process_time() - processor, time.perf_counter() - clock)


def in_turns(works: Mapping[str, Work], rounds: int = 5) -> dict[str, list[Spent]]:
    """What each took in each round, the order turned round every time."""
    taken: dict[str, list[Spent]] = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works) if number % 2 == 0 else reversed(list(works)):
            taken[name].append(spent(works[name]))
    return taken


def middle(taken: list[Spent]) -> Spent:
    """The median of the rounds."""
    return Spent(statistics.median(one.processor for one in taken), statistics.median(one.clock for one in taken))


def ratio(taken: list[Spent], beside: list[Spent]) -> float:
    """How many times as fast the first was as the second: the median of the rounds, by processor time."""
    return statistics.median(other.processor / one.processor for one, other in zip(taken, beside, strict=True))


def ratio_by_the_clock(taken: list[Spent], beside: list[Spent]) -> float:
    """The same by the clock, where waiting for a disk is what is measured."""
    return statistics.median(other.clock / one.clock for one, other in zip(taken, beside, strict=True))


def machine() -> str:
    """The hardware and the interpreter, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.platform()}, "
        f"Python {sys.version.split()[0]}; load {os.getloadavg()[0]:.1f}"
    )


def rate(name: str, count: int, taken: list[Spent], unit: str = "facts/s") -> None:
    """Prints how many of these were done in a second of one core, and by the clock."""
    one = middle(taken)
    print(f"  {name:44} {count / one.processor:11,.0f} {unit} of one core ({count / one.clock:,.0f} by the clock)")


def told(what: str, value: float, aim: str) -> None:
    """Prints a ratio beside its aim."""
    print(f"  {what:44} {value:11.2f} (aim: {aim})")


def processor_of(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """The most MiB that a process has occupied so far."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
