"""Does everything come through while workers die? Facts of many trials, sent while workers are killed and frozen.

An intake that was frozen and comes back may write beside the one that took over. Both see it and leave, and are started
again; nobody leaves for another reason.

`python -m tests.kafka.soak` runs the long one (`make soak`); a short one is a test.
"""

import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread

from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.leaving import FAILED
from tests.kafka.broker import Broker
from tests.kafka.course import Course, invented
from tests.kafka.working import AGENTS, Working

SHORTER = {"TOCSIN_KAFKA_SESSION_SECONDS": "3", "TOCSIN_KAFKA_SNAPSHOT_EVERY": "50"}
DROPPING = "tests.kafka.dropping"
ANOTHER = "has another writer"


@dataclass
class Soak:
    """Workers that are killed, frozen and stopped by chance while others join."""

    course: Course
    kills: int
    """How often one is killed (SIGKILL); freezing and stopping come beside that."""
    seed: int
    pauses: tuple[float, float] = (1.0, 6.0)
    frozen_seconds: float = 5.0
    done: list[str] = field(default_factory=list)
    stops: dict[str, list[float]] = field(default_factory=dict)
    """How long a stop in good order took, in seconds."""
    left: list[str] = field(default_factory=list)
    """Who left by itself; with its last words, where it was not for another writer."""
    _one_by_one: Lock = field(default_factory=Lock)

    def run(self) -> None:
        """Some work by runs and some event by event, and to some not everything is delivered."""
        chance = Random(self.seed)
        with ExitStack() as opened:
            workers = [opened.enter_context(self._worker(agent, "a")) for agent in AGENTS]
            opened.enter_context(self._kept(workers))
            later = [self._worker(agent, "b", "--by-event", module=DROPPING) for agent in AGENTS]
            later.append(self._worker("monitor", "c", module=DROPPING))
            with self.course.told():
                for number in count():
                    if sum(one.startswith("kill") for one in self.done) == self.kills:
                        break
                    time.sleep(chance.uniform(*self.pauses))
                    while later and len(workers) < len(AGENTS) + number:
                        workers.append(opened.enter_context(later.pop(0)))
                    self._disturb(chance, workers)
            with self._one_by_one:
                for worker in workers:
                    self._stop(worker, "idle")
        told = (f"{len(self.done)} disturbances: {', '.join(self.done)}", f"left: {', '.join(self.left) or 'nobody'}")
        print("\n".join(told))  # noqa: T201
        for when, seconds in self.stops.items():
            print(f"seconds from SIGTERM to the end, {when}: {' '.join(f'{took:.1f}' for took in seconds)}")  # noqa: T201
        self.course.judge()
        assert set(self.left) <= {worker.name for worker in workers}, self.left

    @contextmanager
    def _kept(self, workers: Sequence[Working]) -> Iterator[None]:
        """Whoever leaves is started again, as its supervisor would."""
        ending = Event()

        def keep() -> None:
            while not ending.wait(0.2):
                with self._one_by_one:
                    for worker in list(workers):
                        self._again(worker)

        keeping = Thread(target=keep, daemon=True)
        keeping.start()
        try:
            yield
        finally:
            ending.set()
            keeping.join()

    def _again(self, worker: Working) -> None:
        if worker.code == FAILED:
            self._left(worker)
            worker.start()

    def _left(self, worker: Working) -> None:
        last = worker.said.splitlines()[-60:]
        self.left.append(worker.name if any(ANOTHER in line for line in last) else f"{worker.name}: {last}")

    def _stop(self, worker: Working, when: str) -> None:
        self._again(worker)
        begin = time.monotonic()
        code = worker.stop()
        if code == FAILED:
            self._left(worker)
        else:
            assert code in (0, -signal.SIGTERM), "one that has just been started is ended by the signal"
            self.stops.setdefault(when, []).append(time.monotonic() - begin)

    def _worker(self, agent: str, replica: str, *options: str, module: str = "tocsin") -> Working:
        where = (self.course.connection, self.course.folder)
        return Working(agent, *where, replica, *options, environment=SHORTER, module=module)

    def _disturb(self, chance: Random, workers: Sequence[Working]) -> None:
        worker = chance.choice(workers)
        what = chance.choices(("kill", "freeze", "stop"), (6, 2, 2))[0]
        self.done.append(f"{what} {worker.name}")
        if what == "freeze":
            worker.send(signal.SIGSTOP)
            time.sleep(self.frozen_seconds)
            worker.send(signal.SIGCONT)
            return
        with self._one_by_one:
            if what == "kill":
                worker.kill()
            else:
                self._stop(worker, "under load")
            time.sleep(chance.uniform(0, 1))
            worker.start()


def main() -> None:
    """20,000 facts of 8 trials in 4 partitions, 20 kills and more; the seed may be given."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
        connection = Connection.to(f"{SCHEME}{broker.address}")
        topics.create(connection, 4, replication=1)
        Soak(Course(connection, Path(folder), invented(connection, 8, 2_500), rate=200), kills=20, seed=seed).run()


if __name__ == "__main__":
    main()
