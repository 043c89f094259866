"""Which facts are measured? A trial of any size, mostly laboratory results, doses and ticks."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from protocols import shipped
from schemas.canonical import canonical

TRIAL = "AK117-HNSCC-II"
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
ANALYTES = (
    ("HGB", "g/L", "120", "160", ("128", "97", "118")),
    ("NEUT", "10^9/L", "1.8", "7.5", ("3.1", "1.4", "2.2")),
    ("PLAT", "10^9/L", "150", "400", ("210", "74", "160")),
    ("ALT", "U/L", "5", "40", ("28", "95", "41")),
    ("AST", "U/L", "5", "40", ("30", "61", "38")),
    ("BILI", "umol/L", "3", "21", ("9", "24", "15")),
    ("CREAT", "umol/L", "50", "100", ("80", "131", "92")),
    ("K", "mmol/L", "3.5", "5.1", ("4.2", "5.4", "3.3")),
    ("SODIUM", "mmol/L", "135", "145", ("139", "131", "141")),
    ("CA", "mmol/L", "2.15", "2.55", ("2.30", "2.05", "2.41")),
    ("MG", "mmol/L", "0.70", "1.05", ("0.81", "0.55", "0.77")),
)
VISITS = 20
TOGETHER = 50
"""Participants who are in the trial at one time."""


def messages(trial: str = TRIAL) -> Iterator[bytes]:
    """Canonical messages of a trial, without end: each participant brings some 250, over twenty weeks."""
    return (_message(trial, *told) for told in _told(trial))


Told = tuple[str, str, datetime, Mapping[str, object], str | None]
"""Which fact, the record, when, what it says, of whom."""


def _told(trial: str) -> Iterator[Told]:
    text = shipped("ak117_hnscc").replace(f"trial: {TRIAL}", f"trial: {trial}")
    adoption = {"protocol": text, "digest": hashlib.sha256(text.encode()).hexdigest(), "clock": "simulated"}
    yield ("ProtocolAdopted.v1", "protocol", BEGIN, adoption, None)
    clock, number = BEGIN, 0
    while True:
        block = range(number + 1, number + 1 + TOGETHER)
        number += TOGETHER
        for one in block:
            enrolment = {"enrolled_on": clock.date().isoformat(), "group": str(1 + one % 2), "site": f"{one % 8:02d}"}
            yield ("ParticipantEnrolled.v1", f"P-{one:06d}/dm", clock, enrolment, f"P-{one:06d}")
        for visit in range(VISITS):
            clock += timedelta(days=7)
            yield ("ClockTicked.v1", f"clock/{clock:%Y-%m-%dT%H:%M:%SZ}", clock, {}, None)
            for one in block:
                yield from _visit(f"P-{one:06d}", one, visit, clock)


def _visit(name: str, number: int, visit: int, day: datetime) -> Iterator[Told]:
    on = day.date().isoformat()
    for place, (analyte, unit, lower, upper, values) in enumerate(ANALYTES):
        result = {
            "analyte": analyte,
            "collected": on,
            "value": values[(number + visit + place) % 3],
            "unit": unit,
            "lower_limit": lower,
            "upper_limit": upper,
        }
        yield ("LabResulted.v1", f"{name}/lb/{analyte}/{visit}", day, result, name)
    dose = {"drug": "AK117", "started": on, "given": "3150", "unit": "mg"}
    yield ("DoseGiven.v1", f"{name}/ex/{visit}", day, dose, name)
    if visit % 5 == 2:
        event = {"term": "Fatigue", "grade": 1 + (number + visit) % 4, "onset": on, "causality": []}
        yield ("AdverseEventReported.v2", f"{name}/ae/{visit}", day, event, name)


def _message(
    trial: str, fact: str, record: str, time: datetime, data: Mapping[str, object], subject: str | None
) -> bytes:
    document: dict[str, object] = {
        "specversion": "1.0",
        "id": record,
        "source": "tocsin:clock" if fact.startswith("Clock") else "bench",
        "type": f"tocsin.{fact}",
        "time": time.isoformat().replace("+00:00", "Z"),
        "trial": trial,
        "record": record,
        "revision": 1,
        "data": data,
    }
    return canonical(document | ({"subject": subject} if subject else {}))
