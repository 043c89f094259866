"""Ledger → findings: each fact is folded once, and what it changed is published before anything else hears of it.

The monitor's memory is a cache of the ledger. What was published up to the mark is folded in silence; every fact
beyond it still owes its findings. Published twice, a change is the same bytes under the same id.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from clinical.monitor import step
from clinical.state import Trial
from schemas import AnyFact
from schemas.findings import Change, written


class FindingsPort(Protocol):
    """What the monitor needs of a ledger: facts in order, and a place for what follows from them."""

    def trials(self) -> tuple[str, ...]:
        """The trials that have a ledger."""

    def facts(self, trial: str, after: int = 0, until: int | None = None) -> Iterable[tuple[int, AnyFact]]:
        """The facts of a trial in order, with their positions."""

    def published_up_to(self, trial: str) -> int:
        """The position up to which every change is published."""

    def publish(self, trial: str, rows: Sequence[tuple[int, int, bytes]], up_to: int) -> None:
        """Keeps (position, ordinal, canonical bytes) of changes, and moves the mark to `up_to`, in one step."""


class Numbered(Protocol):
    """A fact that was accepted."""

    @property
    def trial(self) -> str:
        """Its trial."""

    @property
    def position(self) -> int:
        """Its position there."""

    @property
    def fact(self) -> AnyFact:
        """The fact as it stands in the ledger."""


CHUNK = 2_000
"""Facts folded between two publications while catching up."""


class Monitor:
    """The fold of every trial of a home, and the changes it owes."""

    def __init__(self, ledger: FindingsPort) -> None:
        self._ledger = ledger
        self._trials: dict[str, Trial] = {}

    def state(self, trial: str) -> Trial:
        """What is known of a trial now."""
        return self._trials.get(trial) or Trial(trial)

    def catch_up(self) -> tuple[tuple[str, Change], ...]:
        """Folds every ledger from the start; publishes, and gives, what the mark says is still owed."""
        owed: list[tuple[str, Change]] = []
        for name in self._ledger.trials():
            mark = self._ledger.published_up_to(name)
            chunk: list[tuple[int, AnyFact]] = []
            for position, fact in self._ledger.facts(name, after=self.state(name).position):
                if position <= mark:
                    self._fold(name, fact, position)
                    continue
                chunk.append((position, fact))
                if len(chunk) == CHUNK:
                    owed.extend(self._publish(name, chunk))
                    chunk.clear()
            owed.extend(self._publish(name, chunk))
        return tuple(owed)

    def take(self, accepted: Sequence[Numbered]) -> tuple[tuple[str, Change], ...]:
        """Folds newly accepted facts and publishes what they changed; gives the changes with their trial."""
        by_trial: dict[str, list[tuple[int, AnyFact]]] = {}
        for one in accepted:
            by_trial.setdefault(one.trial, []).append((one.position, one.fact))
        return tuple(change for trial, facts in by_trial.items() for change in self._publish(trial, facts))

    def _publish(self, trial: str, facts: Sequence[tuple[int, AnyFact]]) -> list[tuple[str, Change]]:
        if not facts:
            return []
        rows: list[tuple[int, int, bytes]] = []
        changes: list[tuple[str, Change]] = []
        for position, fact in facts:
            raised = self._fold(trial, fact, position)
            rows.extend((position, number, body) for number, body in enumerate(written(trial, raised)))
            changes.extend((trial, change) for change in raised)
        self._ledger.publish(trial, rows, facts[-1][0])
        return changes

    def _fold(self, trial: str, fact: AnyFact, position: int) -> tuple[Change, ...]:
        before = self.state(trial)
        if position != before.position + 1:
            raise LookupError(f"{trial}: position {position} does not follow {before.position}")
        self._trials[trial], changes = step(before, fact, position)
        return changes
