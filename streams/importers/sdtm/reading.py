"""In which order is a folder told? The protocol first; then everything as it happened, each enrolment before the rest.

A fact is told when it could first be known: when it happened or was reported, and never before the participant was
enrolled (what was measured at screening is told right after the enrolment). So no message lies ahead of its own moment.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Literal

from clinical.protocol import Protocol, ProtocolError, read_protocol
from schemas.canonical import canonical
from schemas.values import written_instant
from streams.importers.sdtm.accounts import Account
from streams.importers.sdtm.adverse_events import adverse_events
from streams.importers.sdtm.doses import dose
from streams.importers.sdtm.labs import lab
from streams.importers.sdtm.messages import Message, Study, Told, Unusable, one_by_one
from streams.importers.sdtm.pacing import TICK, as_known, with_ticks
from streams.importers.sdtm.participants import deaths, dispositions, population
from streams.importers.sdtm.tables import DOMAINS, Folder, read_folder
from streams.importers.sdtm.tumours import assessments
from streams.importers.sdtm.vitals import vital_sign

Clock = Literal["system", "simulated"]

NOBODY = Study(trial="", study=None, enrolled={}, never_enrolled=frozenset(), drugs={})
RANK = {domain: rank for rank, domain in enumerate(DOMAINS)}


@dataclass(frozen=True, slots=True)
class Import:
    """What a folder says: messages in the order in which they happened, then the rows that cannot be facts."""

    told: tuple[Told, ...]
    account: Account
    ignored: tuple[str, ...]
    """Transport files of the folder that are no domain we read."""
    absent: tuple[str, ...]
    """Domains that we read and that the folder does not have."""
    clock: Clock
    """Which clock stamps the history: a simulated one as if live."""
    ctcae: str
    """The version of CTCAE by which the protocol has values graded."""

    @property
    def rows(self) -> int:
        """All rows of all domains: the length of the progress bar."""
        return sum(self.account.read.values())

    @property
    def ticks(self) -> int:
        """How often the simulated clock ticks."""
        return sum(isinstance(item, Message) and item.address == TICK for item in self.told)

    @property
    def told_again(self) -> int:
        """How many facts are told twice: when they began, and when they had ended."""
        return sum(isinstance(item, Message) and item.revised for item in self.told)

    def __iter__(self) -> Iterator[Told]:
        """Each message and each unusable row, once."""
        return iter(self.told)


def read_trial(folder: Path, trial: str, protocol_text: str, live_until: datetime | None = None) -> Import:
    """Reads a folder of SDTM transport files as the history of a trial.

    `live_until`: as if it were live, under a simulated clock that ticks no further than this instant. What is dated
    after it lies ahead of the clock, and intake refuses it as it would refuse it live.
    Raises `UnreadableError` where a file cannot be read at all, and `ProtocolError` where the protocol is none.
    """
    protocol = read_protocol(protocol_text)
    if protocol.trial != trial:
        raise ProtocolError((("trial", f"it is the protocol of {protocol.trial}, not of {trial}"),))
    read = read_folder(folder)
    told = list(_told(read, trial, protocol))
    facts = (item for item in told if isinstance(item, Message))
    messages = sorted(facts if live_until is None else as_known(facts), key=_order)
    unusable = sorted((item for item in told if isinstance(item, Unusable)), key=lambda item: _row_order(item.row))
    account = Account.of(read.lengths, told)
    clock: Clock = "simulated" if live_until else "system"
    absent = tuple(domain for domain in DOMAINS if domain not in read.files)
    if messages:
        adopted = _adoption(trial, protocol_text, clock, messages[0].at)
        paced = with_ticks(messages, trial, adopted.at, live_until) if live_until else messages
        messages = [adopted, *paced]
    return Import((*messages, *unusable), account, read.ignored, absent, clock, protocol.ctcae)


def _told(folder: Folder, trial: str, protocol: Protocol) -> Iterator[Told]:
    drugs = {drug.upper(): drug for group in protocol.groups.values() for drug in group.drugs}
    nobody = Study(trial, _study_of(folder), {}, frozenset(), drugs)
    people = population(nobody, folder)
    study = Study(trial, nobody.study, people.enrolled, people.never_enrolled, drugs, people.died)
    yield from people.told
    yield from dispositions(study, folder)
    yield from deaths(study, folder)
    yield from one_by_one(study, folder.rows("ex"), dose).values()
    yield from adverse_events(study, folder)
    yield from one_by_one(study, folder.rows("lb"), lab).values()
    yield from one_by_one(study, folder.rows("vs"), vital_sign).values()
    yield from assessments(study, folder)


def _study_of(folder: Folder) -> str | None:
    """The study of the folder: that of its first row."""
    rows = (row for domain in DOMAINS for row in folder.rows(domain))
    return next((study for row in rows if (study := row.get("STUDYID"))), None)


def _order(message: Message) -> tuple[datetime, bool, datetime, int, int]:
    """By when it could be told, enrolments first; what was told together, by when it happened."""
    domain, number = message.rows[0] if message.rows else ("dm", 0)
    return message.at, domain != "dm", message.time, *_row_order((domain, number))


def _row_order(row: tuple[str, int]) -> tuple[int, int]:
    return RANK[row[0]], row[1]


def _adoption(trial: str, protocol_text: str, clock: Clock, first: datetime) -> Message:
    """The protocol, adopted at the start of the day on which the first fact is told."""
    start = datetime.combine(first.date(), time(), UTC)
    document = {
        "specversion": "1.0",
        "id": "protocol",
        "source": "sdtm:protocol",
        "type": "tocsin.ProtocolAdopted.v1",
        "time": written_instant(start),
        "trial": trial,
        "record": "protocol",
        "revision": 1,
        "data": {
            "protocol": protocol_text,
            "digest": hashlib.sha256(protocol_text.encode()).hexdigest(),
            "clock": clock,
        },
    }
    return Message(canonical(document), "protocol", start, start, start)
