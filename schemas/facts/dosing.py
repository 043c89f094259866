"""What was given of each drug, and what was not."""

from typing import ClassVar, Literal

from schemas.envelope import Fact, Strict
from schemas.values import Code, ExactDecimal, Identifier, PartialDate, Unit

DoseReason = Literal["adverse_event", "logistics", "participant_decision", "investigator_decision", "protocol", "other"]
"""Why a dose was other than planned."""


class Dose(Strict):
    """One administration of one drug."""

    drug: Code
    """The drug by its name in the protocol."""
    started: PartialDate
    """When the administration began."""
    ended: PartialDate | None = None
    """When it ended; for a course by mouth, the last day of it."""
    planned: ExactDecimal | None = None
    """What the protocol planned, in `unit`."""
    given: ExactDecimal
    """What was given, in `unit`."""
    unit: Unit
    """The unit of planned and given, such as mg."""
    interrupted: bool = False
    """Whether the administration was interrupted."""
    rate_percent: ExactDecimal | None = None
    """Infusion rate in percent of the planned one."""
    reason: DoseReason | None = None
    """Why it was other than planned."""
    weight_kg: ExactDecimal | None = None
    """Body weight used for the dose."""
    body_surface_m2: ExactDecimal | None = None
    """Body surface used for the dose."""
    cycle: Identifier | None = None
    """The cycle or visit, by the source's own name."""


class DoseGiven(Fact):
    """A dose was given."""

    family: ClassVar[str] = "dosing"
    type: Literal["tocsin.DoseGiven.v1"]
    data: Dose


class Omission(Strict):
    """A planned administration that did not happen."""

    drug: Code
    """The drug by its name in the protocol."""
    due: PartialDate
    """When it was planned."""
    planned: ExactDecimal | None = None
    """What was planned, in `unit`."""
    unit: Unit | None = None
    """The unit of planned."""
    reason: DoseReason
    """Why it was left out."""
    cycle: Identifier | None = None
    """The cycle or visit, by the source's own name."""


class DoseOmitted(Fact):
    """A planned dose was left out."""

    family: ClassVar[str] = "dosing"
    type: Literal["tocsin.DoseOmitted.v1"]
    data: Omission
