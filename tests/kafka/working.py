"""How do the tests run workers? As the processes that a machine would run, killed and frozen like them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol

from schemas.topics import Topic
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.records import Received
from tests.forking import Forked

AGENTS = ("intake", "monitor", "alerts")


class Process(Protocol):
    """What one can do with a process."""

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end; gives the exit code."""

    def send_signal(self, sig: int) -> None:
        """Sends a signal."""

    @property
    def pid(self) -> int:
        """Its number."""


class Working:
    """One worker: an agent in a process of its own; or, as a plain command, its supervisor.

    Example: `with Working("monitor", connection, folder) as worker: worker.kill()`
    """

    def __init__(
        self,
        agent: str,
        connection: Connection,
        folder: Path,
        replica: str = "a",
        *options: str,
        environment: Mapping[str, str] | None = None,
        module: str = "tocsin",
        supervised: bool = False,
    ) -> None:
        self.name = f"{agent}-{replica}"
        self._supervised = supervised
        self._module = module
        self._words = ["worker", agent, "--home", str(connection), *([] if supervised else ["--single"])]
        self._words += ["--id", replica, "--state", str(folder), "--metrics", "off", *options]
        self._log = folder / f"{self.name}.log"
        self._environment = os.environ | {"TOCSIN_KAFKA_REPLICATION": "1"} | dict(environment or {})
        self.process: Process | None = None

    def start(self) -> None:
        """Starts it, or starts it again."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if not self._supervised:
            streams = (Path(os.devnull), self._log, self._log)
            self.process = Forked(self._module, self._words, streams, self._environment)
            return
        command = [sys.executable, "-m", self._module, *self._words]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    def kill(self) -> None:
        """SIGKILL, wherever it is."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """SIGTERM; gives its exit code."""
        self.send(signal.SIGTERM)
        return self.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, patience: float = 60) -> int:
        """Waits for its end; gives the exit code."""
        assert self.process is not None
        return self.process.wait(patience)

    @property
    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return None if self.process is None else self.process.poll()

    def works(self) -> None:
        """Fails, with its last words, where it has ended by itself."""
        assert self.code is None, f"{self.name} ended with {self.code}:\n" + "\n".join(self.said.splitlines()[-40:])

    @property
    def said(self) -> str:
        """Everything it told, over all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def __enter__(self) -> "Working":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.send(signal.SIGCONT)
        self.kill()


def standing(connection: Connection, topic: Topic) -> dict[int, list[Received]]:
    """Everything that stands in a topic now, by partition."""
    with closing(Log(connection)) as log:
        return {number: list(log.read(topic, number, 0, log.end(topic, number))) for number in range(log.partitions())}
