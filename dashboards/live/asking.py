"""How is a page asked of the store? All its panels at one cut, side by side; each answer is taken when it is needed.

A panel says which facts and findings it follows from. While none of those moves, its numbers stand, and what was read
once need not be read again, whoever asks and at whichever cut.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from dashboards.panels import Panel, Parameter, Reader, Row
from dashboards.panels.cuts import MOVED

Answer = Callable[[], list[Row]]
"""Waits for the rows. They are shared: nobody changes them."""


class Known:
    """What was read lately, by panel, choice, and where what it follows from stood."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._rows: OrderedDict[Hashable, list[Row]] = OrderedDict()
        self._changing = Lock()

    def get(self, key: Hashable) -> list[Row] | None:
        """The rows, if they are known."""
        with self._changing:
            if key in self._rows:
                self._rows.move_to_end(key)
            return self._rows.get(key)

    def put(self, key: Hashable, rows: list[Row]) -> None:
        """Keeps rows; what nobody asked for longest is forgotten."""
        with self._changing:
            self._rows[key] = rows
            if len(self._rows) > self._most:
                self._rows.popitem(last=False)


@dataclass(frozen=True)
class Asking:
    """The panels of one trial at one cut."""

    store: Reader
    trial: str
    as_of: int
    threads: Executor
    known: Known

    def __call__(self, panel: Panel, **chosen: Parameter) -> Answer:
        """Asks for a panel; the answer comes from another thread, unless it is known."""
        if panel.reads is None:
            return self.threads.submit(panel.rows, self.store, self.trial, self.as_of, **chosen).result
        stood = max(self._moved.get(name, 0) for name in panel.reads)
        key = (panel.name, self.trial, stood, *sorted(chosen.items()))
        rows = self.known.get(key)
        return (lambda: rows) if rows is not None else self.threads.submit(self._read, panel, chosen, key).result

    def at(self, as_of: int) -> "Asking":
        """The same trial at another cut."""
        return self if as_of == self.as_of else Asking(self.store, self.trial, as_of, self.threads, self.known)

    @cached_property
    def _moved(self) -> Mapping[str, int]:
        """Where each fact and finding last moved, up to the cut."""
        return {row["name"]: row["moved"] for row in MOVED.rows(self.store, self.trial, self.as_of)}

    def _read(self, panel: Panel, chosen: Mapping[str, Parameter], key: Hashable) -> list[Row]:
        rows = panel.rows(self.store, self.trial, self.as_of, **chosen)
        self.known.put(key, rows)
        return rows
