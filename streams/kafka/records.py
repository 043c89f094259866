"""How do facts, findings, keys and what is no fact stand in topics? As these records, written and read back here.

A value is what the embedded engine keeps in the same place, byte for byte; what stands beside it there in columns
stands here in headers. Key and partition of a record are those of its trial (`schemas.topics`).
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self

import orjson
from kafka.partitioner import murmur2

from schemas.canonical import canonical
from schemas.topics import FINDINGS, KEYS, LEDGER, QUARANTINE, Topic
from schemas.values import written_instant
from streams.ledger.sealing import KEY_BYTES, NONCE_BYTES, digest, seal, unseal

KEY_NAME_BYTES = 16
MARK = b"mark"
"""The key of a mark: a record needs a key or a value, and what tells a mark is that it has no value."""

Headers = list[tuple[str, bytes]]


class Received(Protocol):
    """A record as a client of any library gives it."""

    @property
    def topic(self) -> str:
        """The broker's name of its topic."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its place there."""

    @property
    def key(self) -> bytes | None:
        """Its trial, or the name of a key."""

    @property
    def value(self) -> bytes | None:
        """What it says."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes | None]]:
        """What stands beside it."""


class Outgoing(NamedTuple):
    """A record to be sent."""

    topic: Topic
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class FormatError(ValueError):
    """A record that none of us wrote; it says where it stands, and never what it says."""

    def __init__(self, record: Received, what: str) -> None:
        self.address = address(record)
        self.what = what
        super().__init__(f"{self.address}: {what}")


def address(record: Received) -> str:
    """Where a record stands: `tocsin.raw.labs[3]@1207`."""
    return f"{record.topic}[{record.partition}]@{record.offset}"


def partition_of(trial: str, partitions: int) -> int:
    """The partition of a trial in every topic: what Kafka's own partitioner says, in every client."""
    hashed: int = murmur2(trial.encode())
    return (hashed & 0x7FFFFFFF) % partitions


class RecordKey(NamedTuple):
    """The key of one record: a random name, which stands in the ledger, and 48 secret bytes, which do not."""

    name: bytes
    secret: bytes

    @classmethod
    def draw(cls) -> "RecordKey":
        """A new one."""
        return cls(secrets.token_bytes(KEY_NAME_BYTES), secrets.token_bytes(KEY_BYTES))

    def outgoing(self, partition: int) -> Outgoing:
        """To be acknowledged before anything that is sealed with it is sent."""
        return Outgoing(KEYS, partition, self.name, self.secret, [])


def tombstone(name: bytes, partition: int) -> Outgoing:
    """The destruction of a key."""
    return Outgoing(KEYS, partition, name, None, [])


def read_key(record: Received) -> tuple[bytes, bytes | None]:
    """The name of a key, and its secret; None once it is destroyed."""
    name, secret = record.key, record.value
    if name is None or len(name) != KEY_NAME_BYTES or (secret is not None and len(secret) != KEY_BYTES):
        raise FormatError(record, "this is no key")
    return name, secret


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """A fact as the ledger's topic holds it."""

    trial: str
    canonical: bytes
    """The fact with its stamp, free text as commitments."""
    digest: bytes
    """SHA-256 of what the fact says: tells a duplicate from a conflict."""
    salted: bytes
    """Salted SHA-256 of the message as it came."""
    sealed: bytes
    """The message as it came, encrypted under the record's key."""
    key: bytes
    """The name of the record's key."""

    @classmethod
    def of(cls, trial: str, canonical: bytes, said: bytes, raw: bytes, key: RecordKey) -> Self:
        """Seals a message beside its fact; `said` is the digest of what it says."""
        sealed = seal(key.secret, secrets.token_bytes(NONCE_BYTES), raw, said)
        return cls(trial, canonical, said, digest(key.secret, raw), sealed, key.name)

    @classmethod
    def read(cls, record: Received) -> Self:
        """Raises FormatError where it is no fact of ours."""
        headers = dict(record.headers)
        said, salted, sealed, key = (headers.get(name) for name in ("digest", "salted", "sealed", "key"))
        if record.key is None or record.value is None or said is None or salted is None or not sealed or not key:
            raise FormatError(record, "this is no record of the ledger")
        return cls(_text(record, record.key), record.value, said, salted, sealed, key)

    def outgoing(self, partition: int) -> Outgoing:
        """As it is sent."""
        beside = [("digest", self.digest), ("salted", self.salted), ("sealed", self.sealed), ("key", self.key)]
        return Outgoing(LEDGER, partition, self.trial.encode(), self.canonical, beside)

    def opened(self, secret: bytes) -> bytes:
        """The message as it came."""
        return unseal(secret, self.sealed, self.digest)


@dataclass(frozen=True, slots=True)
class PublishedChange:
    """A change of a finding as it was published."""

    trial: str
    body: bytes
    at: int
    """The ledger offset of the fact that caused it."""
    code: str
    """The version of the code that concluded it."""
    notify: tuple[str, ...] = ()
    """Who must hear of it, by the protocol in force: roles."""

    def outgoing(self, partition: int) -> Outgoing:
        """As it is sent."""
        beside = [("at", str(self.at).encode()), ("code", self.code.encode())]
        if self.notify:
            beside.append(("notify", ",".join(self.notify).encode()))
        return Outgoing(FINDINGS, partition, self.trial.encode(), self.body, beside)


@dataclass(frozen=True, slots=True)
class Mark:
    """Every finding of these ledger offsets stands before this mark in the findings' partition."""

    start: int
    """The first ledger offset of the run."""
    next: int
    """The first one after it."""
    first: dict[str, int]
    """For every trial of the run, the position of its first accepted fact in it."""
    dropped: tuple[int, ...] = ()
    """Offsets that hold no new fact."""

    def outgoing(self, partition: int) -> Outgoing:
        """As it is sent."""
        document = {"from": self.start, "next": self.next, "first": self.first, "dropped": list(self.dropped)}
        return Outgoing(FINDINGS, partition, MARK, None, [("evaluated", canonical(document))])


def read_finding(record: Received) -> PublishedChange | Mark:
    """What stands in the findings' topic. Raises FormatError where it is neither."""
    headers = dict(record.headers)
    try:
        if record.value is None:
            said = orjson.loads(headers["evaluated"] or b"")
            return Mark(said["from"], said["next"], said["first"], tuple(said["dropped"]))
        at, code = int(headers["at"] or b""), (headers["code"] or b"").decode()
        notify = (headers.get("notify") or b"").decode()
        who = tuple(notify.split(",")) if notify else ()
        return PublishedChange((record.key or b"").decode(), record.value, at, code, who)
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(record, "this is neither a finding nor a mark") from error


@dataclass(frozen=True, slots=True)
class QuarantineRecord:
    """A message that is no fact. The same address with the same digest is the same message, said twice."""

    received: datetime
    address: str
    trial: str | None
    source: str | None
    path: str
    message: str
    digest: str
    """The digest of the message, in hexadecimal."""
    sealed: bytes = field(repr=False)
    key: bytes

    @classmethod
    def of(
        cls,
        received: datetime,
        address: str,
        trial: str | None,
        source: str | None,
        path: str,
        message: str,
        raw: bytes,
        key: RecordKey,
    ) -> Self:
        """Seals a message beside the reason why it is no fact."""
        hashed = hashlib.sha256(raw).digest()
        sealed = seal(key.secret, secrets.token_bytes(NONCE_BYTES), raw, hashed)
        said = (writable(address), trial, source, writable(path), writable(message))
        return cls(received, *said, hashed.hex(), sealed, key.name)

    @classmethod
    def read(cls, record: Received) -> Self:
        """Raises FormatError where it is no such message."""
        headers = dict(record.headers)
        try:
            said: dict[str, Any] = orjson.loads(record.value or b"")
            received = datetime.fromisoformat(said.pop("received"))
            return cls(received=received, **said, sealed=headers["sealed"] or b"", key=headers["key"] or b"")
        except (KeyError, ValueError, TypeError) as error:
            raise FormatError(record, "this is no message in quarantine") from error

    def outgoing(self, partition: int) -> Outgoing:
        """As it is sent: to the partition from which the message came."""
        document = {
            "received": written_instant(self.received),
            "address": self.address,
            "trial": self.trial,
            "source": self.source,
            "path": self.path,
            "message": self.message,
            "digest": self.digest,
        }
        key = self.trial.encode() if self.trial is not None else None
        return Outgoing(QUARANTINE, partition, key, canonical(document), [("sealed", self.sealed), ("key", self.key)])

    def opened(self, secret: bytes) -> bytes:
        """The message as it came."""
        return unseal(secret, self.sealed, bytes.fromhex(self.digest))


def quarantine_number(partition: int, offset: int, partitions: int) -> int:
    """The number of a message in quarantine: one of its own for every place, growing within a partition."""
    return offset * partitions + partition + 1


def writable(text: str) -> str:
    """A text that can be written: a file name may hold bytes that are no characters."""
    return text.encode("utf-8", "backslashreplace").decode()


def _text(record: Received, key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise FormatError(record, "this is no trial: its key is no text") from error
