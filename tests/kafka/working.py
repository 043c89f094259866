"""How do the tests run workers? As the processes that a machine would run, killed and frozen like them.

Python needs seconds to import what a worker needs. So a worker without a supervisor is forked from a process that has
imported it already; all else, from reading its command line on, is as it is. One with a supervisor is a plain command.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

from schemas.topics import Topic
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.records import Received

AGENTS = ("intake", "monitor", "alerts")

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["pytest", "streams.app", "faust.transport.drivers.aiokafka", "tocsin.command_line"])


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


class Forked:
    """A process that runs a module of Python as `python -m` does, without importing again what is imported."""

    def __init__(self, module: str, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        told = (module, list(words), dict(environment), str(log))
        self._process: ForkServerProcess = FORKING.Process(target=_run, args=told, daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end; gives the exit code."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def send_signal(self, sig: int) -> None:
        """Sends a signal."""
        os.kill(self.pid, sig)

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid


def _run(module: str, words: list[str], environment: dict[str, str], log: str) -> None:
    """In the forked process: is what `python -m module words…` would be."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in (1, 2):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = [module, *words]
    runpy.run_module(module, run_name="__main__")


class Working:
    """One worker: an agent in a process of its own, with or without a supervisor.

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
            self.process = Forked(self._module, self._words, self._environment, self._log)
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
