"""What happens to a participant's place in the trial, from screening and enrolment to death and new therapy."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Fact, Strict
from schemas.values import Code, Day, ExactDecimal, FreeText, Identifier, PartialDate

EndCause = Literal[
    "completed",
    "progression",
    "adverse_event",
    "death",
    "withdrawal_of_consent",
    "lost_to_follow_up",
    "investigator_decision",
    "protocol_violation",
    "pregnancy",
    "sponsor_decision",
    "other",
]
"""Why something ended. After CDISC code list NCOMPLT (C66727), in our words."""


class Screening(Strict):
    """Who was looked at for the trial, and whether that person came in."""

    screened_on: PartialDate
    """When screening began, as precisely as it is known."""
    outcome: Literal["enrolled", "failed", "not_enrolled"]
    """Whether the person came in, failed screening, or passed it and did not come in all the same."""
    decided_on: PartialDate | None = None
    """When that was decided."""
    cause: (
        Literal["criteria_not_met", "withdrawal_of_consent", "lost_to_follow_up", "investigator_decision", "other"]
        | None
    ) = None
    """Why it failed; null: nobody said."""
    site: Identifier | None = None
    """The trial site."""


class ParticipantScreened(Fact):
    """Somebody was screened for the trial. Who failed is counted, and is not a participant of any group."""

    family: ClassVar[str] = "participants"
    type: Literal["tocsin.ParticipantScreened.v1"]
    data: Screening


class Enrolment(Strict):
    """Who came in, when, and into which group."""

    enrolled_on: Day
    """Day of enrolment; participants are counted in this order."""
    group: Identifier
    """The group of the protocol that the participant was assigned to."""
    site: Identifier
    """The trial site."""
    sex: Literal["female", "male", "unknown"] = "unknown"
    """Sex, where a limit depends on it."""
    age: Annotated[int, Field(ge=0, le=130)] | None = None
    """Age in years at enrolment."""
    ecog: Annotated[int, Field(ge=0, le=5)] | None = None
    """ECOG performance status."""
    prior_therapy_months: ExactDecimal | None = None
    """Months of first-line PD-(L)1 treatment, from start to failure: what the AK117 groups are assigned by."""


class ParticipantEnrolled(Fact):
    """A participant was enrolled. Everything else about the participant, but the screening, needs this first."""

    family: ClassVar[str] = "participants"
    type: Literal["tocsin.ParticipantEnrolled.v1"]
    data: Enrolment


class EndOfTreatment(Strict):
    """The end of one drug, or of all study treatment."""

    ended_on: PartialDate
    """When it ended."""
    drug: Code | None = None
    """Which drug; absent: all study treatment."""
    cause: EndCause
    """Why it ended."""


class TreatmentEnded(Fact):
    """Study treatment ended, for good."""

    family: ClassVar[str] = "participants"
    type: Literal["tocsin.TreatmentEnded.v1"]
    data: EndOfTreatment


class Death(Strict):
    """When and of what a participant died."""

    died_on: PartialDate
    """When."""
    cause: Literal["progression", "adverse_event", "other", "unknown"]
    """Of what."""


class ParticipantDied(Fact):
    """A participant died, of whatever cause."""

    family: ClassVar[str] = "participants"
    type: Literal["tocsin.ParticipantDied.v1"]
    data: Death


class Survival(Strict):
    """When a participant was last known to be alive."""

    alive_on: PartialDate
    """Last day known alive."""


class SurvivalConfirmed(Fact):
    """A participant was known to be alive."""

    family: ClassVar[str] = "participants"
    type: Literal["tocsin.SurvivalConfirmed.v1"]
    data: Survival


class NewTherapy(Strict):
    """An anticancer treatment outside the protocol."""

    started_on: PartialDate
    """When it began."""
    therapy: Code | None = None
    """What it was, by class or generic name."""


class NewTherapyStarted(Fact):
    """A new anticancer treatment began: responses after it no longer count."""

    family: ClassVar[str] = "participants"
    type: Literal["tocsin.NewTherapyStarted.v1"]
    data: NewTherapy


class Withdrawal(Strict):
    """The end of a participant's time in the trial."""

    withdrew_on: PartialDate
    """When."""
    cause: EndCause
    """Why, as a code."""
    comment: FreeText | None = None
    """In the site's own words."""


class ParticipantWithdrew(Fact):
    """A participant left the trial: no more follow-up."""

    family: ClassVar[str] = "participants"
    type: Literal["tocsin.ParticipantWithdrew.v1"]
    data: Withdrawal
