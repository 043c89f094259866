"""What does a good message look like? Builders of wire messages for tests: each gives the JSON object of one fact.

Every argument has a plausible default, so a test names only what it is about: `lab("P-001", "ALT", "210")`.
`read` makes a fact of a message, `as_bytes` the bytes that travel.
"""

import hashlib
import json
from typing import Any

import schemas
from protocols import shipped

Message = dict[str, Any]

TRIAL = "AK117-HNSCC-II"
ADOPTED_AT = "2026-01-01T00:00:00Z"


def as_bytes(message: Message) -> bytes:
    """The message as one line of NDJSON, without the line's end."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def read(message: Message) -> schemas.AnyFact:
    """The message as a fact; fails loudly where it is none."""
    fact = schemas.parse(as_bytes(message))
    if isinstance(fact, schemas.Refusal):
        raise AssertionError(fact)
    return fact


def message(
    kind: str, data: Message, *, record: str, time: str, subject: str | None = None, **envelope: Any
) -> Message:
    """Any fact: `kind` with its version, such as `LabResulted.v1`; `envelope` replaces or adds attributes."""
    built: Message = {
        "specversion": "1.0",
        "source": "edc",
        "type": f"tocsin.{kind}",
        "trial": TRIAL,
        "record": record,
        "revision": 1,
        "time": time,
        "data": {name: value for name, value in data.items() if value is not None},
    }
    if subject is not None:
        built["subject"] = subject
    built |= envelope
    built.setdefault("id", f"{built['record']}#{built['revision']}")
    return built


def revised(original: Message, reason: str = "typing error", revision: int = 2, **data: Any) -> Message:
    """A later revision of a message: the same record, with a reason, and with other values in `data`."""
    return original | {
        "id": f"{original['record']}#{revision}",
        "revision": revision,
        "reason": reason,
        "data": original["data"] | data,
    }


def withdrawn(original: Message, reason: str = "entered in error", revision: int = 2, **envelope: Any) -> Message:
    """The withdrawal of the record that a message speaks of."""
    told: Message = {name: original[name] for name in ("source", "trial", "subject") if name in original}
    return message(
        "RecordWithdrawn.v1",
        {},
        record=original["record"],
        time=original["time"],
        **(told | {"revision": revision, "reason": reason} | envelope),
    )


def adopted(protocol: str | None = None, *, clock: str = "system", time: str = ADOPTED_AT, **envelope: Any) -> Message:
    """The first fact of a trial; without a text, the protocol that ships as `ak117_hnscc`, as that of the trial."""
    text = shipped("ak117_hnscc").replace(TRIAL, envelope.get("trial", TRIAL)) if protocol is None else protocol
    data = {"protocol": text, "digest": hashlib.sha256(text.encode()).hexdigest(), "clock": clock}
    return message(
        "ProtocolAdopted.v1", data, **({"record": "protocol/1", "time": time, "source": "sponsor"} | envelope)
    )


def tick(time: str, **envelope: Any) -> Message:
    """A tick of the clock."""
    return message(
        "ClockTicked.v1", {}, **({"record": f"clock/{time}", "time": time, "source": "tocsin:clock"} | envelope)
    )


def enrolled(
    participant: str = "P-001", *, on: str = "2026-01-05", group: str = "1", site: str = "01", **envelope: Any
) -> Message:
    """A participant was enrolled."""
    data = {"enrolled_on": on, "group": group, "site": site, "sex": "female", "age": 58, "ecog": 1}
    return message(
        "ParticipantEnrolled.v1",
        data,
        **({"record": f"dm/{participant}", "time": f"{on}T09:00:00Z", "subject": participant} | envelope),
    )


def screened(
    participant: str = "S-001", outcome: str = "failed", *, on: str = "2026-01-02", **envelope: Any
) -> Message:
    """Somebody was screened."""
    return message(
        "ParticipantScreened.v1",
        {"screened_on": on, "outcome": outcome, "site": "01"},
        **({"record": f"sc/{participant}", "time": f"{on}T09:00:00Z", "subject": participant} | envelope),
    )


def dose(
    participant: str = "P-001",
    drug: str = "AK117",
    *,
    on: str = "2026-01-06",
    given: str = "3150",
    unit: str = "mg",
    data: Message | None = None,
    **envelope: Any,
) -> Message:
    """A dose was given."""
    said = {"drug": drug, "started": on, "given": given, "unit": unit} | (data or {})
    return message(
        "DoseGiven.v1",
        said,
        **(
            {"record": f"ex/{participant}/{drug}/{on}", "time": f"{_day(on)}T10:00:00Z", "subject": participant}
            | envelope
        ),
    )


def lab(
    participant: str = "P-001",
    analyte: str = "ALT",
    value: str | None = "35",
    *,
    unit: str | None = "U/L",
    on: str = "2026-01-07",
    lower: str | None = "5",
    upper: str | None = "40",
    data: Message | None = None,
    **envelope: Any,
) -> Message:
    """A laboratory reported a result."""
    said = {
        "analyte": analyte,
        "collected": on,
        "value": value,
        "unit": unit,
        "lower_limit": lower,
        "upper_limit": upper,
    } | (data or {})
    return message(
        "LabResulted.v1",
        said,
        **(
            {
                "record": f"lb/{participant}/{analyte}/{on}",
                "time": f"{_day(on)}T11:00:00Z",
                "subject": participant,
                "source": "laboratory",
            }
            | envelope
        ),
    )


def adverse_event(
    participant: str = "P-001",
    term: str = "Alanine aminotransferase increased",
    grade: int | None = 3,
    *,
    onset: str = "2026-01-08",
    causality: tuple[tuple[str, str], ...] = (),
    verbatim: str | None = None,
    data: Message | None = None,
    **envelope: Any,
) -> Message:
    """An adverse event was reported; `causality` is pairs of drug and the investigator's judgement."""
    said = {
        "term": term,
        "grade": grade,
        "onset": onset,
        "verbatim": verbatim,
        "causality": [{"drug": drug, "investigator": judged} for drug, judged in causality],
    } | (data or {})
    slug = "".join(letter if letter.isalnum() else "-" for letter in term.lower())[:60]
    return message(
        "AdverseEventReported.v2",
        said,
        **(
            {"record": f"ae/{participant}/{slug}/{onset}", "time": f"{_day(onset)}T12:00:00Z", "subject": participant}
            | envelope
        ),
    )


def left_trial(
    participant: str = "P-001", *, on: str = "2026-02-01", comment: str | None = None, **envelope: Any
) -> Message:
    """A participant withdrew, with a comment that may name a person."""
    data = {"withdrew_on": on, "cause": "withdrawal_of_consent", "comment": comment}
    return message(
        "ParticipantWithdrew.v1",
        data,
        **({"record": f"ds/{participant}", "time": f"{on}T09:00:00Z", "subject": participant} | envelope),
    )


def _day(partial: str) -> str:
    """The first day that a partial date may mean."""
    return (partial + "-01-01" if len(partial) == 4 else partial + "-01")[:10]
