"""How do the tests run commands and workers? As processes of their own, forked from one that has imported them already.

Python needs a second or more to import what a command or a worker needs, and there are hundreds of them. All else, from
reading the command line on, is as it is when a shell starts them.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    ["pytest", "streams.app", "streams.local", "faust.transport.drivers.aiokafka", "tocsin.command_line"]
)

PATIENCE = 300.0
"""Seconds that a command may take."""


class Forked:
    """A process that runs a module of Python as `python -m` does, without importing again what is imported."""

    def __init__(
        self, module: str, words: Sequence[str], streams: tuple[Path, Path, Path], environment: Mapping[str, str]
    ) -> None:
        told = (module, list(words), tuple(map(str, streams)), dict(environment), str(Path.cwd()))
        self._process: ForkServerProcess = FORKING.Process(target=_run, args=told, daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        """Its exit code, once it has ended; that of a signal is below zero."""
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


def tocsin(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs the command; gives what it printed, and how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        streams = tuple(Path(folder) / name for name in ("in", "out", "err"))
        streams[0].write_bytes(given)
        process = Forked("tocsin", words, (streams[0], streams[1], streams[2]), os.environ)
        try:
            code = process.wait(PATIENCE)
        except BaseException:
            process.send_signal(signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(words, code, streams[1].read_bytes(), streams[2].read_bytes())


def _run(
    module: str, words: list[str], streams: tuple[str, str, str], environment: dict[str, str], folder: str
) -> None:
    """In the forked process: is what `python -m module words… < in >> out 2>> err` would be."""
    for number, name in enumerate(streams):
        os.dup2(os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  multiprocessing has closed its own
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = [module, *words]
    runpy.run_module(module, run_name="__main__")
