"""Is nothing lost, doubled or changed while workers are killed and frozen? The short form of `make soak`."""

from pathlib import Path

import pytest

from streams.kafka.connection import Connection
from tests.kafka.soak import Plan, Soak


@pytest.mark.parametrize("seed", [3])
def test_workers_that_die_and_freeze_leave_nothing_out_and_change_nothing(
    kafka: Connection, tmp_path: Path, seed: int
) -> None:
    """Intake, monitor and alerts, some by runs and some event by event; what was told is judged in `Soak`."""
    soak = Soak(kafka, tmp_path, Plan(trials=4, facts=200, disturbances=6, seed=seed, pauses=(1, 4), rate=30))
    soak.run()
    assert len(soak.done) == 6
