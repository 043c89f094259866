"""How does a message travel to intake, and what is it on arrival? Its bytes as they came, in the topic of its family.

Beside them stands where it was first read (a file and line), since a topic and an offset say nothing to whoever sent
it; and of a row that an importer could make no fact of, the reason.
"""

import hashlib
from collections.abc import Mapping

import orjson

import schemas
from clinical.admission import name_of
from schemas.canonical import canonical
from schemas.topics import RAW, Topic
from streams.admitting import Message, Unusable, claims
from streams.kafka.records import Headers, Outgoing, Received, address, partition_of, writable

FROM, UNUSABLE = "from", "unusable"
"""The headers: where it was read, and why it is no fact."""

BY_FAMILY: Mapping[str, Topic] = {topic.name.rpartition(".")[2]: topic for topic in RAW}
FAMILY_OF: Mapping[str, str] = {name_of(type_): fact.family for type_, fact in schemas.FACTS.items()}
"""By the name of a fact, whatever its version."""

NO_FAMILY = "trial"
"""Where a message goes whose fact cannot be told."""


def family_of(message: Message | Unusable) -> str:
    """The family of the fact that a message claims to be."""
    if isinstance(message, Unusable) or len(message.raw) > schemas.LARGEST_MESSAGE:
        return NO_FAMILY
    try:
        document = orjson.loads(message.raw)
    except orjson.JSONDecodeError:
        return NO_FAMILY
    parts = str(document.get("type")).split(".") if isinstance(document, dict) else []
    return FAMILY_OF.get(parts[1], NO_FAMILY) if len(parts) == 3 else NO_FAMILY


def trial_of(message: Message | Unusable) -> str | None:
    """The trial that a message claims, where that can be read at all."""
    return message.trial if isinstance(message, Unusable) else claims(message.raw)[0]


def partition_for(message: Message | Unusable, partitions: int) -> int:
    """That of its trial; without one any, but for the same bytes always the same."""
    return partition_of(trial_of(message) or hashlib.sha256(message.raw).hexdigest(), partitions)


def outgoing(message: Message | Unusable, family: str, partition: int, beside: Headers) -> Outgoing:
    """A message as it is sent; `beside` is its turn."""
    headers = [*beside, (FROM, writable(message.address).encode())]
    if isinstance(message, Unusable):
        headers.append((UNUSABLE, canonical({"path": message.path, "message": message.message})))
    trial = trial_of(message)
    return Outgoing(BY_FAMILY[family], partition, trial.encode() if trial else None, message.raw, headers)


def read(record: Received) -> Message | Unusable:
    """A message as it arrives: its address is its place in the topic, and after it where it was first read."""
    headers = dict(record.headers)
    origin = (headers.get(FROM) or b"").decode(errors="backslashreplace")
    where = address(record) + (f" ({origin})" if origin else "")
    reason = headers.get(UNUSABLE)
    if reason is None:
        return Message(record.value or b"", where)
    try:
        said = orjson.loads(reason)
        path, message = str(said["path"]), str(said["message"])
    except (KeyError, TypeError, ValueError):
        path, message = "", "its sender could make no fact of it"
    trial = (record.key or b"").decode(errors="replace") or None
    return Unusable(record.value or b"", where, trial, path, message)
