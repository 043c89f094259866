"""What else a participant took that bears on a safety rule."""

from typing import ClassVar, Literal

from schemas.envelope import Fact, Strict
from schemas.values import Code, ExactDecimal, PartialDate, Unit

Purpose = Literal["steroid", "transfusion", "growth_factor", "replacement", "antidiarrhoeal", "antibiotic", "other"]
"""Why it was taken, as far as rules ask."""


class Medication(Strict):
    """One course of one medicine or blood product."""

    purpose: Purpose
    """What rules ask for: the class of the medicine."""
    name: Code
    """Generic name."""
    started: PartialDate
    """First day."""
    ended: PartialDate | None = None
    """Last day; null: it goes on."""
    dose: ExactDecimal | None = None
    """Daily dose, in `unit`."""
    unit: Unit | None = None
    """The unit of dose."""


class MedicationTaken(Fact):
    """A participant took a medicine, or was given blood."""

    family: ClassVar[str] = "medication"
    type: Literal["tocsin.MedicationTaken.v1"]
    data: Medication
