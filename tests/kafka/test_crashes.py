"""Is nothing lost, doubled or changed while workers are killed and frozen? The short form of `make soak`."""

from pathlib import Path

import pytest

from streams.kafka.connection import Connection
from tests.kafka.course import Course, invented
from tests.kafka.soak import Soak


@pytest.mark.parametrize("seed", [3])
def test_workers_that_die_and_freeze_leave_nothing_out_and_change_nothing(
    kafka: Connection, tmp_path: Path, seed: int
) -> None:
    """Intake, monitor and alerts, some by runs and some event by event; what was told is judged in `Course`."""
    course = Course(kafka, tmp_path, invented(kafka, 4, 150), rate=40, at_once=50)
    soak = Soak(course, kills=4, seed=seed, pauses=(0.5, 2.5), frozen_seconds=4)
    soak.run()
    assert len(soak.done) > soak.kills, "others were frozen or stopped"
