"""A worker that notes what each run cost: what `python -m benchmarks.watched worker …` runs is `tocsin worker …`.

A note is a line: topic, partition, records; then processor time and clock, in seconds, at the beginning and at the end.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from benchmarks.measuring import Spent
from streams.agents.monitor import MonitorPlace
from streams.kafka.frame import Frame, Offsets, Run
from tocsin.command_line import main

NOTES = "BENCH_NOTES"
"""The variable that names the file."""

DECODES = "BENCH_DECODES"
"""The variable that, set to anything, makes a monitor decode what it is handed and do no more."""

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
    """Facts after each worker's first run, which only starts its clock."""
    processor: float
    """Of all workers for these."""
    rate_together: float
    """Facts a second by the clock while all workers were at work: starts do not count, nor who is left at the end."""
    busy: float
    """Cores that the workers kept busy in that time."""
    broker: float
    """Processor time of the broker, over all of it."""

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
    """All workers together."""
    workers = [[note for note in notes if note.worker == name] for name in sorted({note.worker for note in notes})]
    counted = sum(note.records for mine in workers for note in mine[1:])
    processor = sum(mine[-1].end.processor - mine[0].end.processor for mine in workers)
    begin, end = max(mine[0].end.clock for mine in workers), min(mine[-1].end.clock for mine in workers)
    inside = [[note for note in mine if begin <= note.begin.clock and note.end.clock <= end] for mine in workers]
    if not all(inside):
        return Drained(counted, processor, 0.0, 0.0, broker)
    records = sum(note.records for mine in inside for note in mine)
    busy = sum(mine[-1].end.processor - mine[0].begin.processor for mine in inside)
    return Drained(counted, processor, records / (end - begin), busy / (end - begin), broker)


async def decoded(_: MonitorPlace, run: Run) -> Offsets:
    """Decodes a run; what this is held against does no more either."""
    for record in run.records:
        orjson.loads(record.value or b"null")
    return {run.topic: run.records[-1].offset + 1}


if __name__ == "__main__":
    FILE = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if os.environ.get(DECODES):
        MonitorPlace.handle = decoded  # type: ignore[method-assign,assignment]
    Frame._handle = noted  # type: ignore[method-assign]  # noqa: SLF001
    main()
