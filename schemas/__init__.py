"""What happened: the words that every part shares. `parse` is the one way in.

Envelope: `schemas.envelope`. Facts: one file per family in `schemas.facts`. What follows from them:
`schemas.findings`. Older versions of a fact: `schemas.upcasts`. Where they flow: `schemas.topics`.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn, get_args

from pydantic import ValidationError

from schemas.facts.adverse_events import AdverseEventReported
from schemas.facts.dosing import DoseGiven, DoseOmitted
from schemas.facts.imaging import TumourAssessed
from schemas.facts.labs import LabResulted
from schemas.facts.medication import MedicationTaken
from schemas.facts.participants import (
    NewTherapyStarted,
    ParticipantDied,
    ParticipantEnrolled,
    ParticipantScreened,
    ParticipantWithdrew,
    SurvivalConfirmed,
    TreatmentEnded,
)
from schemas.facts.people import (
    AccessGranted,
    AccessRevoked,
    AlertAcknowledged,
    AlertEscalated,
    AlertSent,
    DecisionRecorded,
    FindingAdjudicated,
    RecordWithdrawn,
    ViewServed,
)
from schemas.facts.trial import ClockTicked, DataCutDeclared, ProtocolAdopted
from schemas.facts.vitals import VitalSignMeasured
from schemas.upcasts import UPCASTS, upcast

__all__ = [
    "FACTS",
    "LARGEST_MESSAGE",
    "AccessGranted",
    "AccessRevoked",
    "AdverseEventReported",
    "AlertAcknowledged",
    "AlertEscalated",
    "AlertSent",
    "AnyFact",
    "ClockTicked",
    "DataCutDeclared",
    "DecisionRecorded",
    "DoseGiven",
    "DoseOmitted",
    "FindingAdjudicated",
    "LabResulted",
    "MedicationTaken",
    "NewTherapyStarted",
    "ParticipantDied",
    "ParticipantEnrolled",
    "ParticipantScreened",
    "ParticipantWithdrew",
    "ProtocolAdopted",
    "RecordWithdrawn",
    "Refusal",
    "SurvivalConfirmed",
    "TreatmentEnded",
    "TumourAssessed",
    "ViewServed",
    "VitalSignMeasured",
    "parse",
    "read",
]

AnyFact = (
    ProtocolAdopted
    | ClockTicked
    | DataCutDeclared
    | ParticipantScreened
    | ParticipantEnrolled
    | TreatmentEnded
    | ParticipantDied
    | SurvivalConfirmed
    | NewTherapyStarted
    | ParticipantWithdrew
    | AdverseEventReported
    | DoseGiven
    | DoseOmitted
    | LabResulted
    | VitalSignMeasured
    | TumourAssessed
    | MedicationTaken
    | DecisionRecorded
    | FindingAdjudicated
    | AlertSent
    | AlertAcknowledged
    | AlertEscalated
    | ViewServed
    | AccessGranted
    | AccessRevoked
    | RecordWithdrawn
)

FACTS: dict[str, type[AnyFact]] = {
    get_args(fact.model_fields["type"].annotation)[0]: fact for fact in get_args(AnyFact)
}
"""Every fact by its current `type`."""

FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")

LARGEST_MESSAGE = 1_000_000
"""Bytes; a broker's default limit too, so that both engines refuse the same messages."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why bytes are no fact: the path of the field, and one sentence. It never quotes what was sent."""

    path: str
    message: str


class _MalformedError(ValueError):
    """The bytes are not the JSON we read: raised inside the scanner, a `Refusal` outside."""


def parse(raw: bytes) -> AnyFact | Refusal:
    """Reads one message as a fact of its current version, or says where and why it is none. Never raises."""
    document = _read_object(raw)
    if isinstance(document, Refusal):
        return document
    name = document.get("type")
    if not isinstance(name, str):
        return Refusal("type", "a fact names its type, such as tocsin.LabResulted.v1")
    try:
        current = upcast(name, document)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Refusal("data", f"this is not the shape of {name[:80]}")
    model = FACTS.get(str(current["type"]))
    if model is None:
        return Refusal("type", "unknown fact")
    try:
        return model.model_validate_json(raw if current is document else json.dumps(current))
    except ValidationError as error:
        return _first_of(error)


def read(canonical_bytes: bytes) -> AnyFact:
    """Reads a fact back from the ledger: it passed `parse` when it came in, so anything wrong here is damage.

    It may have come in under a version that was current then: it is led on like a message at the door.
    """
    start = canonical_bytes.rindex(b'"type":"') + 8
    name = canonical_bytes[start : canonical_bytes.index(b'"', start)].decode()
    if name in UPCASTS:
        current = upcast(name, json.loads(canonical_bytes))
        return FACTS[current["type"]].model_validate_json(json.dumps(current))
    return FACTS[name].model_validate_json(canonical_bytes)


def _read_object(raw: bytes) -> dict[str, Any] | Refusal:
    if len(raw) > LARGEST_MESSAGE:
        return Refusal("", f"longer than {LARGEST_MESSAGE} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Refusal("", f"not UTF-8 at byte {error.start}")
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_number)
    except _MalformedError as error:
        return Refusal("", str(error))
    except json.JSONDecodeError as error:
        return Refusal("", f"not JSON: {error.msg} at character {error.pos}")
    except RecursionError:
        return Refusal("", "nested too deeply")
    except ValueError:
        return Refusal("", "a number is too long to be one")
    if not isinstance(document, dict):
        return Refusal("", "a fact is a JSON object")
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _MalformedError("a key stands twice in one object")
    return built


def _no_number(_: str) -> NoReturn:
    raise _MalformedError("NaN and Infinity are no JSON")


def _first_of(error: ValidationError) -> Refusal:
    details = error.errors(include_input=False, include_url=False, include_context=False)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    path = ".".join(_step(step) for step in details[0]["loc"])
    return Refusal(path, details[0]["msg"].removeprefix("Value error, ") + more)


def _step(step: int | str) -> str:
    """One step of a path. A key that looks like no field name may hold anything, a person's name too: not repeated."""
    return str(step) if isinstance(step, int) or FIELD_NAME.fullmatch(step) else "(unknown field)"
