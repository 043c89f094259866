"""How does an open page hear of a new fact? The sink's notice, passed from its thread to every listening browser."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping


class Listener:
    """One browser that listens."""

    def __init__(self) -> None:
        self.moved = asyncio.Event()
        self.moved.set()
        self.ended = False

    def set(self) -> None:
        """The server ends: so does what the browser hears, in order."""
        self.ended = True
        self.moved.set()


class Feed:
    """The newest stored position of each trial, and everybody who waits for the next."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening: set[Listener] = set()
        self._newest: dict[str, int] = {}
        self._told = 0

    def open(self, newest: Mapping[str, int]) -> None:
        """Begins to pass notices on, in the loop that calls this."""
        self._loop = asyncio.get_running_loop()
        self._newest.update(newest)

    def close(self) -> None:
        """Ends; a notice that still comes is nobody's."""
        self._loop = None

    def notify(self, moved: Mapping[str, int]) -> None:
        """Hears from the sink, on the sink's thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, dict(moved))

    def _tell(self, moved: Mapping[str, int]) -> None:
        self._newest.update(moved)
        self._told += 1
        for listener in self._listening:
            listener.moved.set()

    async def events(self, listener: Listener) -> AsyncIterator[dict[str, str]]:
        """What one browser hears: first where things stand, then each move. Moves that come close together are one."""
        self._listening.add(listener)
        try:
            while await listener.moved.wait() and not listener.ended:
                listener.moved.clear()
                positions = {trial: str(position) for trial, position in self._newest.items()}
                yield {"event": "stored", "id": str(self._told), "data": json.dumps(positions)}
        finally:
            self._listening.discard(listener)

    @property
    def listeners(self) -> int:
        """How many browsers listen."""
        return len(self._listening)
