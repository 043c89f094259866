"""A worker that notes what each run cost: what `python -m benchmarks.watched worker …` runs is `tocsin worker …`.

A note is a line: topic, partition, records; then processor time and clock, in seconds, at the beginning and at the end.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measuring import Spent
from streams.kafka.frame import Frame, Run
from tocsin.command_line import main

NOTES = "BENCH_NOTES"
"""The variable that names the file."""

whole = Frame._handle  # noqa: SLF001  watched from outside, so that the product knows nothing of it


async def noted(self: Frame, held: Any, run: Run, end: int) -> None:
    """Handles a run, and notes it."""
    begun = (time.process_time(), time.monotonic())
    await whole(self, held, run, end)
    spent = (*begun, time.process_time(), time.monotonic())
    line = f"{run.topic.name} {run.partition} {len(run.records)} {' '.join(f'{one:.6f}' for one in spent)}\n"
    os.write(FILE, line.encode())


class Note(NamedTuple):
    """One run of a worker."""

    worker: str
    records: int
    begin: Spent
    end: Spent


class Drained(NamedTuple):
    """What draining took."""

    counted: int
    """Facts after each worker's first run."""
    processor: float
    """Of all workers, from the end of the first run of each to the end of its last."""
    clock: float
    """From the end of the first run of all to the end of the last."""
    broker: float
    """Processor time of the broker meanwhile."""

    def rate(self) -> float:
        """Facts a second of one core of the workers."""
        return self.counted / self.processor


def read(files: Sequence[Path]) -> list[Note]:
    """What the workers noted so far."""
    notes = []
    for file in files:
        for line in file.read_text().splitlines() if file.exists() else ():
            _, _, count, *times = line.split()
            if len(times) == 4:
                begin_p, begin_c, end_p, end_c = map(float, times)
                notes.append(Note(file.name, int(count), Spent(begin_p, begin_c), Spent(end_p, end_c)))
    return notes


def summed(notes: Sequence[Note], broker: float = 0.0) -> Drained:
    """The first run of each worker only starts its clock."""
    counted, processor, ends = 0, 0.0, []
    for worker in {note.worker for note in notes}:
        mine = [note for note in notes if note.worker == worker]
        counted += sum(note.records for note in mine[1:])
        processor += mine[-1].end.processor - mine[0].end.processor
        ends.append((mine[0].end.clock, mine[-1].end.clock))
    clock = max(last for _, last in ends) - min(first for first, _ in ends)
    return Drained(counted, processor, clock, broker)


if __name__ == "__main__":
    FILE = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    Frame._handle = noted  # type: ignore[method-assign]  # noqa: SLF001
    main()
