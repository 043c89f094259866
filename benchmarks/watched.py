"""A worker that notes what each run cost: what `python -m benchmarks.watched worker …` runs is `tocsin worker …`.

A note is a line: topic, partition, records; then processor time and clock, in seconds, at the beginning and at the end.
"""

import os
import time
from typing import Any

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


if __name__ == "__main__":
    FILE = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    Frame._handle = noted  # type: ignore[method-assign]  # noqa: SLF001
    main()
