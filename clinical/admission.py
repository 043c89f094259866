"""Does a fact enter the ledger of its trial? At the next position, as said already, as said otherwise, or not, and why.

Admission is a pure function of what was admitted before it, so position N means the same in every engine. What it
must know of a trial stands in a `Register`: a fold over the ledger that costs the same for the first fact and the
millionth. The register is the one mutable thing here, because a value copied per fact would not: one trial has one,
and only `with_` changes it.

What contradicts itself in the data (a lab value before birth, a group that the protocol does not have) is accepted
and becomes a query; refused is only what would leave the ledger without a meaning.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from sys import intern
from typing import Literal, NamedTuple

from clinical.protocol import ProtocolError, read_protocol
from schemas import AnyFact, Refusal
from schemas.facts.dosing import DoseGiven
from schemas.facts.participants import ParticipantEnrolled, ParticipantScreened
from schemas.facts.people import RecordWithdrawn
from schemas.facts.trial import ClockTicked, ProtocolAdopted
from schemas.values import latest_day

AHEAD = timedelta(hours=24)
"""How far a source's clock may run ahead of ours: a day, so that no zone and no slow clock is refused."""

CLOCK_SOURCE = "tocsin:clock"
"""The source of the ticks that a home makes itself."""

NEEDED_WHOLE = ("ProtocolAdopted", "ClockTicked", "ParticipantEnrolled", "RecordWithdrawn")
"""The facts of which a register must see more than their identity."""

OTHER_CONTENT = "the same source, record and revision stand in the ledger with other content"
"""What is said of a conflict."""

Clock = Literal["system", "simulated"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The fact enters the ledger here, stamped so."""

    position: int
    recorded: datetime


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same was said before, at this position: nothing changes."""

    position: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same identity stands at this position with other content: a person must look."""

    position: int


class Said(NamedTuple):
    """What was first accepted about a record."""

    name: str
    subject: str | None
    revision: int
    position: int
    digest: bytes


class Enrolment(NamedTuple):
    """The enrolment of a participant that stands."""

    record: str
    revision: int
    enrolled_on: date


class Register:
    """What admission must know of one trial."""

    head: int
    """The last position."""
    clock: Clock | None
    """The clock that the first fact names; None while the trial is unknown."""
    recorded: datetime | None
    """The latest stamp."""
    ticked: datetime | None
    """What the clock showed last: the latest tick, before it the adoption."""

    def __init__(self) -> None:
        self.head = 0
        self.clock = None
        self.recorded = None
        self.ticked = None
        self._first: dict[str, tuple[str, str | None, int, int, bytes]] = {}  # bare tuples: millions, and never cyclic
        self._later: dict[tuple[str, int], tuple[int, bytes]] = {}
        self._highest: dict[str, int] = {}
        self._withdrawn: set[str] = set()
        self._enrolments: dict[str, Enrolment] = {}

    def first_said(self, record: str) -> Said | None:
        """What was first accepted about a record, if anything was."""
        first = self._first.get(record)
        return None if first is None else Said(*first)

    def said_at(self, record: str, revision: int) -> tuple[int, bytes] | None:
        """Where an identity stands, and the digest of its content."""
        first = self._first.get(record)
        if first is None:
            return None
        _, _, first_revision, position, digest = first
        return (position, digest) if first_revision == revision else self._later.get((record, revision))

    def highest(self, record: str) -> int:
        """The highest revision accepted of a record; 0 where there is none."""
        first = self._first.get(record)
        return 0 if first is None else self._highest.get(record, first[2])

    def is_withdrawn(self, record: str) -> bool:
        """Whether the record has ended."""
        return record in self._withdrawn

    def enrolment(self, participant: str) -> Enrolment | None:
        """The enrolment of a participant that stands."""
        return self._enrolments.get(participant)

    def with_(self, fact: AnyFact, accepted: Accepted, digest: bytes) -> None:
        """Takes up an accepted fact: by its identity, and whole where admission needs more of it."""
        self.remember(fact.key, fact.type, fact.subject, fact.revision, accepted.position, accepted.recorded, digest)
        if type(fact).__name__ in NEEDED_WHOLE:
            self.learn(fact)

    def remember(
        self,
        record: str,
        type_: str,
        subject: str | None,
        revision: int,
        position: int,
        recorded: datetime,
        digest: bytes,
    ) -> None:
        """Takes up the identity of the fact at a position: all that is needed of most facts."""
        self.head = position
        self.recorded = recorded
        first = self._first.get(record)
        if first is None:
            shared = intern(subject) if subject is not None else None
            self._first[record] = (name_of(type_), shared, revision, position, digest)
        else:
            self._later[record, revision] = (position, digest)
            self._highest[record] = max(revision, self._highest.get(record, first[2]))

    def learn(self, fact: AnyFact) -> None:
        """Takes up what a remembered fact says about the trial: its clock, the time, who is enrolled, what ended."""
        match fact:
            case ProtocolAdopted() if self.clock is None:
                self.clock = fact.data.clock
                self.ticked = fact.time
            case ClockTicked():
                self.ticked = fact.time
            case ParticipantEnrolled(subject=str(participant)):
                standing = self._enrolments.get(participant)
                late = self.is_withdrawn(fact.key) or (standing is not None and fact.revision < standing.revision)
                if not late:
                    self._enrolments[participant] = Enrolment(fact.key, fact.revision, fact.data.enrolled_on)
            case RecordWithdrawn():
                self._withdrawn.add(fact.key)
                ended = Said(*self._first[fact.key])
                if ended.name == "ParticipantEnrolled" and ended.subject is not None:
                    self._enrolments.pop(ended.subject, None)
            case _:
                pass


def admit(
    register: Register, fact: AnyFact, digest: bytes, now: datetime, *, ours: bool = False
) -> Accepted | Duplicate | Conflict | Refusal:
    """Where the fact goes. `now` is the clock of intake; `ours` marks what Tocsin itself says, such as its ticks."""
    if register.clock is None:
        if not isinstance(fact, ProtocolAdopted):
            return Refusal("trial", "unknown trial: the first fact of a trial is ProtocolAdopted")
    elif (known := register.said_at(fact.key, fact.revision)) is not None:
        position, content = known
        return Duplicate(position) if content == digest else Conflict(position)
    recorded = stamp(register, fact, now)
    return (
        _of_another_kind(register, fact)
        or _not_the_clock_of_the_trial(register, fact, ours=ours)
        or _no_protocol(fact)
        or _from_the_future(fact, recorded)
        or _not_enrolled(register, fact)
        or Accepted(register.head + 1, recorded)
    )


def stamp(register: Register, fact: AnyFact, now: datetime) -> datetime:
    """The `recordedtime` of a fact: the clock that the trial's first fact names, never going backwards.

    A simulated clock shows its latest tick, so the same input gives the same ledger.
    """
    clock = fact.data.clock if register.clock is None and isinstance(fact, ProtocolAdopted) else register.clock
    if clock == "simulated" and (register.recorded is None or isinstance(fact, ClockTicked)):
        return fact.time
    if register.recorded is None:
        return now
    return register.recorded if clock == "simulated" else max(now, register.recorded)


@lru_cache
def name_of(type_: str) -> str:
    """The fact's name without its version: version 2 of a fact corrects version 1 of it."""
    return type_.split(".")[1]


def _of_another_kind(register: Register, fact: AnyFact) -> Refusal | None:
    """A record keeps its kind and its participant, and ends once."""
    first = register.first_said(fact.key)
    if isinstance(fact, RecordWithdrawn):
        return _ends_nothing(register, fact, first)
    if first is None:
        return None
    if register.is_withdrawn(fact.key) and fact.revision > register.highest(fact.key):
        return Refusal("revision", "the record has been withdrawn")
    if first.name != name_of(fact.type):
        return Refusal("type", f"the record is a {first.name}; a revision cannot make it another fact")
    if first.subject != fact.subject:
        return Refusal("subject", "the record is about another participant; withdraw it and send a new one")
    return None


def _ends_nothing(register: Register, fact: RecordWithdrawn, first: Said | None) -> Refusal | None:
    """A withdrawal ends a record that is there, after everything else that was said of it."""
    if first is None:
        return Refusal("record", "nothing was ever said of the record that is withdrawn")
    if register.is_withdrawn(fact.key):
        return Refusal("revision", "the record has been withdrawn already")
    if fact.revision < register.highest(fact.key):
        return Refusal("revision", "a later revision of the record is in the ledger; a withdrawal follows them all")
    if first.name in ("ProtocolAdopted", "ClockTicked"):
        return Refusal("record", f"{first.name} cannot be withdrawn")
    if fact.subject != first.subject:
        return Refusal("subject", "a withdrawal names the participant of the record that it ends, and no other")
    return None


def _not_the_clock_of_the_trial(register: Register, fact: AnyFact, *, ours: bool) -> Refusal | None:
    """A trial keeps its clock; a system's clock ticks only from inside; no clock goes backwards."""
    if register.clock == "system" and not ours and (isinstance(fact, ClockTicked) or fact.source == CLOCK_SOURCE):
        return Refusal("type", "the clock of this trial is the system's: its ticks are not taken from outside")
    if isinstance(fact, ProtocolAdopted) and register.clock not in (None, fact.data.clock):
        return Refusal("data.clock", "an amendment cannot change the clock of a ledger")
    if not isinstance(fact, ClockTicked):
        return None
    if fact.revision > 1:
        return Refusal("revision", "a tick of the clock is never corrected")
    if register.ticked is not None and fact.time < register.ticked:
        return Refusal("time", "the clock does not go backwards")
    return None


def _no_protocol(fact: AnyFact) -> Refusal | None:
    """A protocol in force can be read, and is that of its trial: nothing could be judged by any other."""
    if not isinstance(fact, ProtocolAdopted):
        return None
    try:
        protocol = read_protocol(fact.data.protocol)
    except ProtocolError as error:
        path, message = error.problems[0]
        return Refusal(f"data.protocol.{path}" if path else "data.protocol", message)
    if protocol.trial != fact.trial:
        return Refusal("data.protocol.trial", "the protocol is that of another trial than the envelope's")
    return None


def _from_the_future(fact: AnyFact, recorded: datetime) -> Refusal | None:
    """Only the time of the envelope: a date in `data` that lies ahead contradicts itself, and is asked about."""
    if fact.time > recorded + AHEAD:
        return Refusal("time", "an impossible date: it lies more than a day ahead of the clock")
    return None


def _not_enrolled(register: Register, fact: AnyFact) -> Refusal | None:
    """A participant is enrolled first, once, and before the first dose. Only screening comes before it."""
    if fact.subject is None or isinstance(fact, ParticipantScreened | RecordWithdrawn):
        return None
    enrolment = register.enrolment(fact.subject)
    if isinstance(fact, ParticipantEnrolled):
        if enrolment is not None and enrolment.record != fact.key:
            return Refusal("subject", "already enrolled by another record; a correction is a revision of that record")
        return None
    if enrolment is None:
        return Refusal("subject", "the participant is not enrolled")
    if isinstance(fact, DoseGiven) and latest_day(fact.data.started) < enrolment.enrolled_on:
        return Refusal("data.started", f"a dose before enrolment, which was on {enrolment.enrolled_on}")
    return None
