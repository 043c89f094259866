"""How does a row travel? As a message that intake reads like any other, or as an unusable row with its address."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from schemas.canonical import canonical
from schemas.values import CODE, written_instant
from streams.importers.sdtm.dates import Moment
from streams.importers.sdtm.tables import Row

LABEL = re.compile(CODE)


class Place(NamedTuple):
    """One row of one domain."""

    domain: str
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """One fact on the wire, where it came from, and which rows went into it."""

    raw: bytes
    """The CloudEvents message."""
    address: str
    """The row that is the fact, such as `lb.xpt row 1234`."""
    time: datetime
    """When it happened: the earliest instant its date may mean."""
    at: datetime
    """When it could first be told: not before it happened, was reported, and the participant was enrolled."""
    known: datetime
    """When it was certainly known: as `at`, but of a date that names a month or a year its last day."""
    over: datetime | None = None
    """When what it speaks of was known to have ended, such as an event or a course of doses; None: it names no end."""
    rows: tuple[Place, ...] = ()
    """The row that is the fact, then those merged into it. Empty: a second fact of a row that is counted already."""
    repeated: int = 0
    """How many of the merged rows only repeat the first, word for word."""
    revised: bool = False
    """Whether it is a later revision of a fact that was told before."""

    def with_rows(self, rows: Iterable[Place]) -> "Message":
        """The same message, with further rows merged into it."""
        return replace(self, rows=(*self.rows, *rows))

    def repeated_by(self, row: Row) -> "Message":
        """The same message; one more row says the same, word for word."""
        return replace(self.with_rows([place(row)]), repeated=self.repeated + 1)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that cannot be a fact."""

    address: str
    raw: bytes
    """The row as canonical JSON: what is given, variable by variable."""
    path: str
    """The variable that is missing or wrong."""
    reason: str
    """Why, in one sentence. It never quotes the row."""
    row: Place


Told = Message | Unusable


@dataclass(frozen=True, slots=True)
class Study:
    """What every row must know of the trial: its name, who was enrolled and when, and who never was."""

    trial: str
    study: str | None
    enrolled: Mapping[str, datetime]
    never_enrolled: frozenset[str]
    drugs: Mapping[str, str]
    """The drugs of the protocol, by their names in capitals."""
    died: Mapping[str, Moment] = field(default_factory=dict)
    """Who is said to have died, and when."""


class Said(NamedTuple):
    """What a row says, before it has an envelope."""

    fact: str
    """The fact and its version, such as `LabResulted.v1`."""
    time: Moment
    """When it happened."""
    data: Mapping[str, Any]
    """Its fields; those that are None are left out."""
    reported: Moment | None = None
    """When it was reported, where that is known and may be later."""
    over: Moment | None = None
    """When what it speaks of ended, where the fields name that."""


def place(row: Row) -> Place:
    """Where a row stands."""
    return Place(row.domain, row.number)


def unusable(row: Row, path: str, reason: str) -> Unusable:
    """A row that cannot be a fact, with the variable and the reason."""
    return Unusable(row.address, canonical(row.values), path, reason, place(row))


def label(text: str | None) -> str | None:
    """A name that only labels, such as a visit; None where it has characters that a code cannot carry."""
    return text if text is not None and len(text) <= 80 and LABEL.fullmatch(text) else None


def message(study: Study, row: Row, record: str, said: Said) -> Message:
    """The message of what a row says, under the record's own name."""
    subject = row.values["USUBJID"]
    document = {
        "specversion": "1.0",
        "id": record,
        "source": f"sdtm:{row.domain}",
        "type": f"tocsin.{said.fact}",
        "subject": subject,
        "time": written_instant(said.time.instant),
        "trial": study.trial,
        "record": record,
        "revision": 1,
        "data": {name: value for name, value in said.data.items() if value is not None},
    }
    reported = said.reported or said.time
    enrolled = study.enrolled.get(subject, said.time.instant)
    return Message(
        canonical(document),
        row.address,
        said.time.instant,
        at=max(said.time.instant, reported.instant, enrolled),
        known=max(said.time.instant, reported.arrived, enrolled),
        over=said.over.arrived if said.over else None,
        rows=(place(row),),
    )


def outside(study: Study, row: Row) -> Unusable | None:
    """A row of no participant, of another study, or of somebody who never was enrolled."""
    if (subject := row.get("USUBJID")) is None:
        return unusable(row, "USUBJID", "no participant")
    if study.study is not None and row.get("STUDYID") not in (None, study.study):
        return unusable(row, "STUDYID", "a row of another study than the folder's")
    if subject in study.never_enrolled:
        return unusable(row, "USUBJID", "the participant was never enrolled (DM)")
    return None


def numbered(row: Row) -> str | None:
    """The record's own name: participant, domain and sequence number; None where the number is missing."""
    sequence = row.get(f"{row.domain.upper()}SEQ")
    return None if sequence is None else f"{row.values['USUBJID']}/{row.domain.upper()}/{sequence}"


def one_by_one(
    study: Study,
    rows: Iterable[Row],
    say: Callable[[Study, Row], Said | Unusable],
    record_of: Callable[[Row], str | None] = numbered,
) -> dict[str, Told]:
    """The messages of rows that are a record each, by record; what is unusable, by its address.

    A row that repeats another word for word is merged into it. A row that says something else under the same name is
    sent all the same: intake keeps the first and quarantines the other as a conflict, as it does for any source. Each
    of the two is then told as a whole, never in parts that could mix.
    """
    told: dict[str, Told] = {}
    words: dict[str, bytes] = {}
    for row in rows:
        if (refused := outside(study, row)) is not None:
            told[row.address] = refused
            continue
        if (record := record_of(row)) is None:
            told[row.address] = unusable(row, f"{row.domain.upper()}SEQ", "no number: the record has no name")
            continue
        first, said = told.get(record), _words(row)
        if isinstance(first, Message) and words[record] == said:
            told[record] = first.repeated_by(row)
            continue
        spoken = say(study, row)
        made = spoken if isinstance(spoken, Unusable) else message(study, row, record, spoken)
        if isinstance(first, Message) and isinstance(made, Message):
            told[record], made = replace(first, over=None), replace(made, over=None)
        told[record if isinstance(made, Message) and first is None else row.address] = made
        words.setdefault(record, said)
    return told


def _words(row: Row) -> bytes:
    """What a row says, word for word, in 16 bytes."""
    return hashlib.blake2b(canonical(row.values), digest_size=16).digest()
