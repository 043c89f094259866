"""Which grade has each row of LB? An exact one, bounds, or none with the reason: one of them, always."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from clinical.ctcae import terms_for
from streams.importers.sdtm.messages import Message

Published = Mapping[str, Any]
"""A published `grade` finding."""

NO_TERM = "no term of CTCAE {} is read from it"
NO_FINDING = "a term reads it, but none is concluded: a baseline that the protocol does not grade, or withdrawn"


@dataclass(slots=True)
class Graded:
    """How many rows have which kind of answer. A row that several terms read has the least certain of their answers."""

    exact: int = 0
    bounds: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows by why the grade is not one number, and by term."""
    not_gradable: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows by why there is no grade, and by term; by analyte where no term reads it."""

    @property
    def rows(self) -> int:
        """All rows that are a fact, or went into one."""
        return self.exact + self.bounds.total() + self.not_gradable.total()


def graded(messages: Iterable[Message], ctcae: str, published: Iterable[bytes]) -> Graded:
    """Counts the rows of LB in `messages` by what stands about them after the changes that were published."""
    stands = _standing(published)
    counted = Graded()
    for message in messages:
        if message.rows and message.rows[0].domain == "lb":
            _count(counted, message, ctcae, stands)
    return counted


def _count(counted: Graded, message: Message, ctcae: str, stands: Mapping[str, list[Published]]) -> None:
    said, rows = orjson.loads(message.raw), len(message.rows)
    analyte, specimen = said["data"]["analyte"], said["data"]["specimen"]
    grades = stands.get(f"{said['source']}|{said['record']}", [])
    if not grades:
        why = NO_FINDING if terms_for(ctcae, analyte, specimen) else NO_TERM.format(ctcae)
        counted.not_gradable[why, analyte] += rows
    elif (nothing := next((one for one in grades if one["low"] is None and one["high"] is None), None)) is not None:
        counted.not_gradable[nothing["why"], nothing["term"]] += rows
    elif (open_ := next((one for one in grades if one["grade"] is None), None)) is not None:
        counted.bounds[open_["why"], open_["term"]] += rows
    else:
        counted.exact += rows


def _standing(published: Iterable[bytes]) -> Mapping[str, list[Published]]:
    """The grades of values that stand, by the record that was graded."""
    by_key: dict[str, Published] = {}
    for change in _grades(published):
        if change["state"] == "withdrawn":
            by_key.pop(change["key"], None)
        else:
            by_key[change["key"]] = change
    stands: dict[str, list[Published]] = {}
    for finding in by_key.values():
        stands.setdefault(finding["causes"][0], []).append(finding)
    return stands


def _grades(published: Iterable[bytes]) -> Iterator[Published]:
    for body in published:
        if b'"basis":"laboratory"' in body:
            yield orjson.loads(body)
