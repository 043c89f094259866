"""What becomes of one message? It enters the ledger, repeats what stands there, or is refused, in either engine.

A free text is compared by its commitment under the record's own key. Once that key is destroyed nobody can tell what
the text was: a message sent again is then compared by everything else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

import orjson

import schemas
from clinical import admission
from clinical.admission import CLOCK_SOURCE, OTHER_CONTENT, Register, admit
from schemas import AnyFact, Refusal
from schemas.canonical import canonical, content_digest, wire
from schemas.values import written_instant
from streams.ledger.sealing import Path, commitment, free_text, replace

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#@+-]{0,119}")


class Secret(Protocol):
    """The key of a record, whatever it is called."""

    @property
    def secret(self) -> bytes:
        """Its bytes."""


Key = TypeVar("Key", bound=Secret)


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes as they came, and where from: `facts.ndjson:17`, `labs[3]@1207`."""

    raw: bytes
    address: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Bytes that an importer could make no fact of: they go to quarantine with its reason."""

    raw: bytes
    address: str
    trial: str | None
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Entering(Generic[Key]):
    """The message is the fact that stands next in the ledger of its trial."""

    position: int
    recorded: datetime
    fact: AnyFact
    """As it stands in the ledger: stamped, texts as commitments."""
    digest: bytes
    canonical: bytes
    raw: bytes
    key: Key


@dataclass(frozen=True, slots=True)
class Known:
    """The same was said before, at this position."""

    trial: str
    position: int


@dataclass(frozen=True, slots=True)
class NoFact:
    """The message is for quarantine."""

    trial: str | None
    source: str | None
    why: Refusal
    contradicts: int | None = None
    """The position at which the same identity says something else."""


class Shelf(Protocol[Key]):
    """What must be known of the ledger that a message may enter."""

    def register(self, trial: str) -> Register:
        """What admission knows of a trial; of an unknown one an empty register."""

    def key_of(self, register: Register, fact: AnyFact) -> Key | None:
        """The key of a record that was spoken of before, unless it is destroyed."""

    def texts_at(self, fact: AnyFact, position: int) -> Mapping[Path, str]:
        """The commitments that stand at a position, in which the fact was said."""

    def draw_key(self) -> Key:
        """A new one."""

    def entered(self, register: Register, entering: Entering[Key]) -> None:
        """Called for each fact that enters, before the next message is looked at."""


def parsed_of(message: Message | Unusable) -> AnyFact | Refusal:
    """The fact that a message is, or why it is none."""
    return Refusal(message.path, message.message) if isinstance(message, Unusable) else schemas.parse(message.raw)


def judged(
    message: Message | Unusable, shelf: Shelf[Key], now: datetime, *, ours: bool = False
) -> Entering[Key] | Known | NoFact:
    """What becomes of a message, received now. `ours`: Tocsin itself says it."""
    return admitted(message, parsed_of(message), shelf, now, ours=ours)


def admitted(
    message: Message | Unusable, fact: AnyFact | Refusal, shelf: Shelf[Key], now: datetime, *, ours: bool = False
) -> Entering[Key] | Known | NoFact:
    """What becomes of a message that was parsed already."""
    if isinstance(fact, Refusal):
        return NoFact(*_claimed(message), fact)
    register = shelf.register(fact.trial)
    document, key = _committed(register, fact, shelf)
    digest = content_digest(document)
    verdict = admit(register, fact, digest, now, ours=ours)
    match verdict:
        case Refusal():
            return NoFact(fact.trial, fact.source, verdict)
        case admission.Conflict(position):
            return NoFact(fact.trial, fact.source, Refusal("revision", OTHER_CONTENT), position)
        case admission.Duplicate(position):
            return Known(fact.trial, position)
        case admission.Accepted(position, recorded):
            own = key or shelf.key_of(register, fact) or shelf.draw_key()
            register.with_(fact, verdict, digest)
            document["recordedtime"] = written_instant(recorded)
            kept = canonical(document)
            stands = _as_it_stands(fact, document, kept, recorded)
            entering = Entering(position, recorded, stands, digest, kept, message.raw, own)
            shelf.entered(register, entering)
            return entering


def ticking(register: Register, trial: str, now: datetime) -> Message | None:
    """The tick that a trial of the system's clock owes when an hour is full."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    owes = register.clock == "system" and register.ticked is not None and register.ticked < hour
    return tick(trial, hour) if owes else None


def _committed(register: Register, fact: AnyFact, shelf: Shelf[Key]) -> tuple[dict[str, Any], Key | None]:
    """The fact as the ledger holds it but for its stamp, and the key where one was needed."""
    document = wire(fact)
    document.pop("recordedtime", None)
    texts = free_text(document, type(fact))
    if not texts:
        return document, None
    key = shelf.key_of(register, fact)
    if key is None and (said := register.said_at(fact.key, fact.revision)) is not None:
        stored = shelf.texts_at(fact, said[0])
        replace(document, {path: stored.get(path, "") for path in texts})
        return document, None
    key = key or shelf.draw_key()
    replace(document, {path: commitment(key.secret, text) for path, text in texts.items()})
    return document, key


def _as_it_stands(fact: AnyFact, document: dict[str, Any], kept: bytes, recorded: datetime) -> AnyFact:
    """What the monitor folds live is what a replay will read: the stamp is ours, and texts are commitments."""
    has_text = bool(free_text(document, type(fact)))
    return schemas.read(kept) if has_text else fact.model_copy(update={"recordedtime": recorded})


def _claimed(message: Message | Unusable) -> tuple[str | None, str | None]:
    return (message.trial, None) if isinstance(message, Unusable) else claims(message.raw)


def claims(raw: bytes) -> tuple[str | None, str | None]:
    """The trial and the source that a message claims, where that can be read at all: it is only shown to people."""
    if len(raw) > schemas.LARGEST_MESSAGE:
        return None, None
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(document, dict):
        return None, None
    return _identifier(document.get("trial")), _identifier(document.get("source"))


def _identifier(value: object) -> str | None:
    return value if isinstance(value, str) and IDENTIFIER.fullmatch(value) else None


def tick(trial: str, hour: datetime) -> Message:
    """What the clock of a trial says at an instant."""
    instant = written_instant(hour)
    record = f"clock/{instant}"
    document = {
        "specversion": "1.0",
        "id": record,
        "source": CLOCK_SOURCE,
        "type": "tocsin.ClockTicked.v1",
        "time": instant,
        "trial": trial,
        "record": record,
        "revision": 1,
        "data": {},
    }
    return Message(canonical(document), f"{CLOCK_SOURCE}:{instant}")
