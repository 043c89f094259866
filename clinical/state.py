"""What is known of a trial at one position? A value: equal ledgers give equal states, and none is ever edited.

Everything is kept in persistent maps (`immutables.Map`): a new state shares what did not change with the one before,
so a step costs the same with ten thousand facts behind it as with a million. What is made with every fact is a named
tuple: it is made several times faster than a frozen dataclass.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from immutables import Map

from clinical.protocol import Protocol
from clinical.rules.truth import Judged
from clinical.stopping.verdicts import Status
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose, Omission
from schemas.facts.imaging import TumourAssessment
from schemas.facts.medication import Medication
from schemas.facts.participants import Death, EndOfTreatment, Enrolment, NewTherapy, Survival, Withdrawal
from schemas.facts.vitals import VitalSign


class LabPoint(NamedTuple):
    """One laboratory result, as grading needs it: exact numbers in the reported unit, with its own limits."""

    analyte: str
    specimen: str
    collected: str
    operator: str
    value: Decimal | None
    coded: str | None
    unit: str | None
    lower_limit: Decimal | None
    upper_limit: Decimal | None
    fasting: bool | None

    @property
    def in_words(self) -> str:
        """The result as sentences say it: ALT 95 U/L of 2026-01-12."""
        sign = "" if self.operator == "=" else self.operator
        value = f"{sign}{self.value}" if self.value is not None else f"{self.coded}"
        return f"{self.analyte} {value} {self.unit or '(no unit)'} of {self.collected}"


class Adjudged(NamedTuple):
    """A person's verdict on a rule about a participant."""

    rule: str
    verdict: Literal["confirmed", "refuted", "undecided"]
    because: str | None
    on: str
    """The day on which it was said."""


Said = (
    LabPoint
    | Adjudged
    | VitalSign
    | AdverseEvent
    | Dose
    | Omission
    | Enrolment
    | EndOfTreatment
    | Death
    | Survival
    | NewTherapy
    | Withdrawal
    | TumourAssessment
    | Medication
)
"""What a record of a participant can say."""


class Record(NamedTuple):
    """What now stands of one record: its highest revision. A withdrawn record says nothing."""

    revision: int
    position: int
    said: Said | None


Keys = Map[str, None]
"""A set of record keys."""

EMPTY: Map[Any, Any] = Map()


class Participant(NamedTuple):
    """Everything known of one participant. A set of keys is a persistent map to None."""

    id: str
    records: Map[str, Record] = EMPTY
    labs: Map[str, tuple[str, ...]] = EMPTY
    """Keys of the laboratory records, by analyte, in the order in which they were first accepted."""
    baselines: Map[str, str] = EMPTY
    """Key of the baseline record, by analyte."""
    events: Keys = EMPTY
    """Keys of the adverse events."""
    doses: Keys = EMPTY
    """Keys of the doses given."""
    signs: Map[str, tuple[str, ...]] = EMPTY
    """Keys of the vital signs, by sign."""
    omissions: Keys = EMPTY
    """Keys of the doses left out."""
    medications: Keys = EMPTY
    """Keys of what else the participant took."""
    scans: Keys = EMPTY
    """Keys of the tumour assessments."""
    adjudications: Keys = EMPTY
    """Keys of people's verdicts on rules about the participant."""
    courses: Keys = EMPTY
    """Keys of enrolment, end of treatment, death, withdrawal: what marks the participant's time in the trial; few."""
    first_dose: str | None = None
    """When the first dose of any drug began, as precisely as it is known."""
    enrolment: Enrolment | None = None
    death: Death | None = None
    withdrawal: Withdrawal | None = None
    judged: Map[str, Judged] = EMPTY
    """What each rule that is not false comes to, by its id."""
    waits: Map[str, datetime] = EMPTY
    """By rule: the next instant at which time alone may change what it comes to."""
    enrolled_at: int = 0
    """The position of the enrolment: decides the order of two enrolled on one day."""

    @property
    def group(self) -> str | None:
        """The group of the enrolment that stands; None: not enrolled."""
        return self.enrolment.group if self.enrolment else None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A participant's place in the order of enrolment."""

    enrolled_on: date
    position: int
    participant: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What one participant counts as for one cohort rule, and why."""

    status: Status | None
    """None: not evaluable, the place goes to the next."""
    until: date | None
    """The day on which the toxicity window is complete."""
    because: str
    causes: tuple[str, ...]
    """The records that decided it."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """The counters of one cohort rule in one scope: who is in it, in order, and what each counts as."""

    places: tuple[Place, ...] = ()
    standings: Map[str, Standing] = EMPTY


CohortName = tuple[str, str]
"""A cohort rule and its scope: a group of the protocol, or `pooled`."""


class Trial(NamedTuple):
    """Everything known of one trial after some position of its ledger."""

    id: str
    position: int = 0
    participants: Map[str, Participant] = EMPTY
    clock: datetime | None = None
    """The latest tick: what falls due is found by it alone."""
    protocol: Protocol | None = None
    """The protocol in force; None before the first fact."""
    cohorts: Map[CohortName, Cohort] = EMPTY
    due: Map[datetime, Keys] = EMPTY
    """Participants about whom time alone may change something, by the hour (UTC) at which it may: a window that ends,
    a rule that waits. A tick looks at its own hours only."""

    adjudged: Map[str, str] = EMPTY
    """The participant of each verdict on a rule, by its record: such a fact need not name the participant itself."""

    @property
    def in_force(self) -> Protocol:
        """The protocol in force. Every ledger begins with one; anything else is our mistake."""
        if self.protocol is None:
            raise LookupError("a ledger begins with ProtocolAdopted")
        return self.protocol
