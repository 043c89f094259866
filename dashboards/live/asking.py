"""How is a page asked of the store? All its panels at one cut, side by side; each answer is taken when it is needed."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from dashboards.panels import Panel, Parameter, Reader, Row

Answer = Callable[[], list[Row]]
"""Waits for the rows."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The panels of one trial at one cut."""

    store: Reader
    trial: str
    as_of: int
    threads: Executor

    def __call__(self, panel: Panel, **chosen: Parameter) -> Answer:
        """Asks for a panel; the answer comes from another thread."""
        return self.threads.submit(panel.rows, self.store, self.trial, self.as_of, **chosen).result

    def at(self, as_of: int) -> "Asking":
        """The same trial at another cut."""
        return Asking(self.store, self.trial, as_of, self.threads)
