"""How does a process answer over HTTP? On loopback, until it is interrupted, and in order at the end."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

LOOPBACK = "127.0.0.1"


class Server(uvicorn.Server):
    """A server that says when it takes calls, and ends in order: the home and the store are closed after it."""

    def __init__(self, app: Any, ready: Callable[[], None]) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and says so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to `interruptible`: uvicorn would raise them again before anything is closed."""
        yield

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the server; a second one does not wait for open requests."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def bound(port: int) -> Iterator[socket.socket]:
    """A port of loopback: the page and the door answer on this machine only. Port 0 takes any free one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        yield listening


def address_of(listening: socket.socket) -> str:
    """Where a bound port is found."""
    return f"http://{LOOPBACK}:{listening.getsockname()[1]}"
