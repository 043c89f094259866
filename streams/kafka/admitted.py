"""Which records of a ledger's partition are facts of their trial, and at which positions?

Kafka keeps whatever was sent, and what was sent may stand there twice: a writer died between sending and committing,
or a frozen one came back. So position N is the N-th record that admission accepts, folded in the order of offsets. It
is the same function that intake asks, with the record's own stamp as the clock: every reader comes to the same answer,
and a record that repeats another is a duplicate to all of them.
"""

from dataclasses import dataclass
from functools import lru_cache

import orjson

import schemas
from clinical import admission
from clinical.admission import Register, admit
from schemas import AnyFact, Refusal
from schemas.canonical import canonical
from schemas.values import written_instant
from streams.kafka.records import FormatError, LedgerRecord, Received, partition_of


@dataclass(frozen=True, slots=True)
class Admitted:
    """The record is the fact at this position of its trial."""

    offset: int
    trial: str
    position: int
    fact: AnyFact
    canonical: bytes
    """The bytes that stand for it: those of the record, unless its stamp went backwards."""
    record: LedgerRecord


@dataclass(frozen=True, slots=True)
class Dropped:
    """The record is no new fact."""

    offset: int
    trial: str | None
    why: Refusal | None
    """None where it repeats one; else what is wrong: only a writer that should no longer write can cause that."""


class HoleError(LookupError):
    """A record is missing between two: whoever folds must read the partition again from `next`."""


class Partition:
    """The fold of one partition of the ledger: what admission knows of each of its trials."""

    def __init__(self, number: int, partitions: int) -> None:
        self.number = number
        self.partitions = partitions
        self.next = 0
        """The offset of the first record that was not folded yet."""
        self.registers: dict[str, Register] = {}

    def fold(self, record: Received) -> Admitted | Dropped:
        """Takes up the record at `next`, whatever stands in it. Raises HoleError at any other offset."""
        if record.offset != self.next:
            raise HoleError(f"{record.topic}[{record.partition}]@{record.offset}: expected {self.next}")
        told = self._told(record)
        self.next += 1
        return told

    def _told(self, record: Received) -> Admitted | Dropped:
        try:
            read = LedgerRecord.read(record)
        except FormatError as error:
            return Dropped(record.offset, None, Refusal("", error.what))
        if _partition_of(read.trial, self.partitions) != self.number:
            return Dropped(record.offset, read.trial, Refusal("trial", "it lies in another partition than its trial"))
        register = self.registers.get(read.trial) or Register()
        told = admitted(register, record.offset, read)
        if isinstance(told, Admitted):
            self.registers[read.trial] = register
        return told


def admitted(register: Register, offset: int, record: LedgerRecord) -> Admitted | Dropped:
    """Asks admission for a record of the ledger, and takes it up in the register where it is accepted."""
    try:
        fact = schemas.read(record.canonical)
    except (KeyError, ValueError):
        return Dropped(offset, record.trial, Refusal("", "this is no fact in its canonical form"))
    stamp = fact.recordedtime
    if fact.trial != record.trial or stamp is None:
        wrong = ("trial", "the fact is of another trial than its key") if stamp else ("recordedtime", "it has no stamp")
        return Dropped(offset, record.trial, Refusal(*wrong))
    verdict = admit(register, fact, record.digest, stamp, ours=True)
    match verdict:
        case admission.Accepted(position, recorded):
            register.with_(fact, verdict, record.digest)
            if recorded == stamp:
                return Admitted(offset, fact.trial, position, fact, record.canonical, record)
            restamped = fact.model_copy(update={"recordedtime": recorded})
            written = canonical(orjson.loads(record.canonical) | {"recordedtime": written_instant(recorded)})
            return Admitted(offset, fact.trial, position, restamped, written, record)
        case admission.Duplicate():
            return Dropped(offset, fact.trial, None)
        case admission.Conflict():
            return Dropped(offset, fact.trial, Refusal("revision", admission.OTHER_CONTENT))
        case Refusal():
            return Dropped(offset, fact.trial, verdict)


@lru_cache(maxsize=4096)
def _partition_of(trial: str, partitions: int) -> int:
    return partition_of(trial, partitions)
