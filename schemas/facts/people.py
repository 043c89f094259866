"""What people decided, adjudicated, were told, acknowledged and saw; and the end of a record."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Fact, Strict
from schemas.values import Code, FreeText, Identifier, Instant

Channel = Literal["email", "webhook", "sms", "file", "page"]
"""How somebody was reached."""

FindingKey = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^[^\x00-\x1f]+$")]
"""The key of a finding: it holds the keys of records (`source|record`), so it is no identifier."""


class Decision(Strict):
    """What a board or a sponsor decided. A rule advises; only people decide."""

    decision: Literal["continue", "modify", "pause", "resume", "stop"]
    """The recommendation."""
    scope: Code
    """A group of the protocol, or `trial`."""
    cut: Annotated[int, Field(ge=1)]
    """The position of the ledger that the decision was based on."""
    comment: FreeText | None = None
    """The rationale."""


class DecisionRecorded(Fact):
    """A decision of a board was recorded."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.DecisionRecorded.v1"]
    data: Decision


class Adjudication(Strict):
    """A person's verdict on one finding."""

    finding: FindingKey
    """The key of the finding."""
    verdict: Literal["confirmed", "refuted", "undecided"]
    """What was concluded."""
    because: Code | None = None
    """Why, as a code, such as `infection` or `progression`: the page shows it, unlike the comment."""
    comment: FreeText | None = None
    """Why."""


class FindingAdjudicated(Fact):
    """A person adjudicated a finding."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.FindingAdjudicated.v1"]
    data: Adjudication


class Sending(Strict):
    """One alert, on its way to one recipient."""

    finding: Identifier
    """The id of the finding that somebody must hear of."""
    recipient: Code
    """A role or account, never a name."""
    channel: Channel
    """How."""


class AlertSent(Fact):
    """An alert left the house."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.AlertSent.v1"]
    data: Sending


class Acknowledgement(Strict):
    """Somebody heard."""

    finding: Identifier
    """The id of the finding."""
    by: Code
    """The role or account that heard."""
    comment: FreeText | None = None
    """What they said."""


class AlertAcknowledged(Fact):
    """An alert was acknowledged."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.AlertAcknowledged.v1"]
    data: Acknowledgement


class Escalation(Strict):
    """An alert nobody acknowledged in time, passed on."""

    finding: Identifier
    """The id of the finding."""
    level: Annotated[int, Field(ge=1, le=9)]
    """How far it has come."""
    recipient: Code
    """Who is told now."""


class AlertEscalated(Fact):
    """An alert was escalated."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.AlertEscalated.v1"]
    data: Escalation


class View(Strict):
    """What somebody was shown."""

    page: Code
    """Which page or panel."""
    cut: Annotated[int, Field(ge=0)]
    """The position it showed."""
    viewer: Code
    """The role or account."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of what was shown."""


class ViewServed(Fact):
    """A page was shown to somebody."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.ViewServed.v1"]
    data: View


class Access(Strict):
    """One person's right to one role."""

    account: Code
    """The account."""
    role: Literal["board", "statistician", "safety_lead", "investigator", "auditor", "engineer"]
    """What the account may see and do."""
    site: Identifier | None = None
    """Only this site; absent: all."""
    until: Instant | None = None
    """When the right ends by itself."""


class AccessGranted(Fact):
    """An account was given a role."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.AccessGranted.v1"]
    data: Access


class AccessRevoked(Fact):
    """An account lost a role."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.AccessRevoked.v1"]
    data: Access


class EndOfRecord(Strict):
    """Nothing but the reason, which stands in the envelope."""


class RecordWithdrawn(Fact):
    """A record was withdrawn: a revision of it, of any family, after which it no longer counts."""

    family: ClassVar[str] = "people"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.RecordWithdrawn.v1"]
    data: EndOfRecord
