"""Does a fact cost more with a million facts behind it than with ten thousand?

Two processes take turns, so that load on the machine slows both: one folds the facts after the ten-thousandth again and
again, the other the facts up to the last. Each pays for its own collections of garbage. The facts between are folded
without being concluded from: the state is the same, and the run is bounded.
"""

import resource
import statistics
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection

import schemas
from benchmarks.history import TRIAL, messages
from benchmarks.measuring import told
from clinical.fold import evolve
from clinical.monitor import step
from clinical.state import Trial
from schemas import AnyFact
from schemas.findings import written

FEW, BLOCK, BLOCKS = 10_000, 10_000, 10


def measure(many: int = 1_000_000) -> None:
    """Prints the cost of a fact with few behind it, with many, and what the many occupy."""
    ours, theirs = get_context("spawn").Pipe()
    other = get_context("spawn").Process(target=few, args=(theirs,))
    other.start()
    source = messages()
    begun = time.perf_counter()
    trial, position = known(Trial(TRIAL), source, many - BLOCK * BLOCKS)
    seconds = time.perf_counter() - begun
    beside: list[tuple[float, float]] = []
    for _ in range(BLOCKS):
        facts = read(source, BLOCK)
        ours.send("again")
        cost = ours.recv()
        trial, taken = concluded(trial, facts, position)
        position += BLOCK
        beside.append((cost, taken))
    ours.send("enough")
    other.join()
    least, most = (statistics.fmean(costs) * 1e6 for costs in zip(*beside, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"growth: one trial of {position:,} facts and {len(trial.participants):,} participants, {memory:.1f} GiB")
    print(f"  read and folded up to {many - BLOCK * BLOCKS:,} in {seconds:.0f} s")
    print(f"  a fact costs {least:.1f} µs after {FEW:,}, {most:.1f} µs up to {position:,} (step and bytes)")
    told("cost of a fact, many to few", statistics.median(b / a for a, b in beside), "at most 1.2")
    told("the same, means of all blocks", most / least, "at most 1.2")


def few(asked: Connection) -> None:
    """Folds a block after the first ten thousand facts as often as it is asked to, from one and the same state."""
    source = messages()
    trial, position = known(Trial(TRIAL), source, FEW)
    facts = read(source, BLOCK)
    while asked.recv() == "again":
        _, cost = concluded(trial, facts, position)
        asked.send(cost)


def read(source: Iterator[bytes], count: int) -> list[AnyFact]:
    """The next facts."""
    return [schemas.read(raw) for raw in islice(source, count)]


def known(trial: Trial, source: Iterator[bytes], count: int) -> tuple[Trial, int]:
    """The trial with these facts in it, nothing concluded."""
    for position, raw in enumerate(islice(source, count), 1):
        trial = evolve(trial, schemas.read(raw), position)
    return trial, count


def concluded(trial: Trial, facts: list[AnyFact], position: int) -> tuple[Trial, float]:
    """The trial after a block, and the seconds of processor time of one fact, collections included."""
    begun = time.process_time()
    for number, fact in enumerate(facts, position + 1):
        trial, changes = step(trial, fact, number)
        for _ in written(TRIAL, changes):
            pass
    return trial, (time.process_time() - begun) / len(facts)


if __name__ == "__main__":
    measure()
