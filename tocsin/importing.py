"""What does an import say when it is done? Where every row went, what was refused and why, how values were graded."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from streams.importers.sdtm import Graded, Import, Message, Told, Unusable, graded
from streams.local import Home
from tocsin.homes import NoHomeError, ledger_of, on_kafka

REFUSED = ("quarantined", "conflict", "not_sent")
"""Outcomes of a message that is not in the ledger."""


@dataclass
class Taken:
    """An import while its outcomes come in."""

    told: Import
    messages: list[Message] = field(default_factory=list)
    """Those that stand in the ledger now."""

    def enter(self, item: Told, outcome: dict[str, Any]) -> None:
        """Takes up what became of one message or unusable row."""
        if isinstance(item, Unusable):
            return
        if outcome["outcome"] in REFUSED:
            self.told.account.refuse(item, str(outcome.get("path", "revision")), str(outcome["message"]))
            return
        self.messages.append(item)
        if outcome["outcome"] == "duplicate":
            self.told.account.know(item)

    def refused(self) -> bool:
        """Whether any row is in quarantine."""
        return any(line.quarantined for line in self.told.account.summary())


def clock_of(home: str, trial: str) -> str | None:
    """The clock that stamps the trial in a home; None where there is no such trial yet."""
    try:
        with ledger_of(home) as ledger:
            first = next(ledger.canonical(trial, 0, 1), None)
    except NoHomeError:
        return None
    return None if first is None else str(orjson.loads(first[1])["data"]["clock"])


def report(taken: Taken, home: str, trial: str, seconds: float) -> None:
    """Says it all on stderr: lines are never broken, so that a script can read them."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(_table(taken.told))
    for line in _lines(taken, home, trial, seconds):
        console.print(line, markup=False)


def _table(told: Import) -> Table:
    table = Table("domain", *("read", "facts", "merged", "quarantined", "known before"))
    for line in told.account.summary():
        numbers = (line.read, line.facts, line.merged, line.quarantined, line.known)
        table.add_row(line.domain.upper(), *(f"{number:,}" for number in numbers))
    return table


def _lines(taken: Taken, home: str, trial: str, seconds: float) -> Iterator[str]:
    told = taken.told
    for (domain, path, reason), count in sorted(told.account.reasons.items()):
        yield f"quarantined: {count:,} × {domain.upper()} {path}: {reason}"
    if told.ignored:
        yield f"not read: {', '.join(told.ignored)}"
    if on_kafka(home):
        yield "laboratory rows: the workers grade them; `tocsin findings --kind grade` says how"
    else:
        yield from _grades(_graded(taken, Path(home), trial), told.account.quarantined["lb"])
    if told.clock == "simulated":
        yield (
            f"as if live: {told.ticks:,} ticks of a simulated clock; {told.told_again:,} facts were told when they "
            "began, and again when they had ended"
        )
    lines = told.account.summary()
    read, facts = sum(line.read for line in lines), sum(line.facts for line in lines)
    balance = "every row accounted for" if told.account.balanced else "ROWS ARE MISSING FROM THE ACCOUNT"
    yield f"{read:,} rows, {facts:,} facts in {seconds:.1f} s ({facts / seconds:,.0f} facts/s); {balance}."


def _graded(taken: Taken, home: Path, trial: str) -> Graded:
    with closing(Home.reading(home)) as ledger:
        return graded(taken.messages, taken.told.ctcae, (body for *_, body in ledger.published(trial)))


def _grades(counted: Graded, quarantined: int) -> Iterator[str]:
    bounds, none = counted.bounds.total(), counted.not_gradable.total()
    yield (
        f"laboratory rows: {counted.rows + quarantined:,} = {counted.exact:,} with an exact grade + {bounds:,} with "
        f"bounds + {none:,} not gradable + {quarantined:,} quarantined"
    )
    yield from _by_reason("bounds", counted.bounds.items())
    yield from _by_reason("not gradable", counted.not_gradable.items())


def _by_reason(what: str, counts: Iterable[tuple[tuple[str, str], int]]) -> Iterator[str]:
    """One line for each reason, the most frequent first, and of what."""
    by_reason: dict[str, Counter[str]] = {}
    for (why, of_what), count in counts:
        by_reason.setdefault(why, Counter())[of_what] += count
    for why, parts in sorted(by_reason.items(), key=lambda pair: (-pair[1].total(), pair[0])):
        listed = ", ".join(f"{of_what} {count:,}" for of_what, count in parts.most_common())
        yield f"{what}: {parts.total():,} × {why}: {listed}"
