"""In which words does a protocol say how high a value is? Against numbers, limits, baseline; by grade."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from clinical.parts import Days, Part
from schemas.facts.medication import Purpose
from schemas.values import Code, ExactDecimal, Unit

__all__ = ["Analyte", "Bounds", "Fall", "Grade", "GradeRange", "LabSeen", "Level", "NotAfter", "VitalSeen", "names"]

Analyte = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
Grade = Annotated[int, Field(ge=1, le=5)]


def names(value: Any) -> Any:
    """A field that holds several values, of which a file may write a list."""
    return Field(default=value, strict=False)


class GradeRange(Part):
    """The grades that count."""

    at_least: Annotated[int, Field(ge=0, le=5)] = 1
    """The lowest."""
    at_most: Grade = 5
    """The highest; death of the event is grade 5."""


class Bounds(Part):
    """A range of a number."""

    more_than: ExactDecimal | None = None
    """The largest number below the range."""
    at_least: ExactDecimal | None = None
    """The smallest in it."""
    less_than: ExactDecimal | None = None
    """The smallest above it."""
    at_most: ExactDecimal | None = None
    """The largest in it."""

    @model_validator(mode="after")
    def _bounded(self) -> "Bounds":
        if not self.model_fields_set:
            raise ValueError("a range has a bound: more_than, at_least, less_than, at_most")
        return self


class Level(Part):
    """How high a value is. Every part that is said must hold."""

    value: dict[Unit, Bounds] | None = None
    """The number itself, per printed unit family, such as g/dL and g/L; in another unit it is unknown."""
    times_upper_limit: Bounds | None = None
    """In multiples of the upper limit of normal of its own laboratory."""
    times_lower_limit: Bounds | None = None
    """In multiples of the lower limit."""


class Fall(Part):
    """A fall from an earlier value."""

    at_least: dict[Unit, ExactDecimal]
    """By so much, per printed unit family."""
    within_days: Days
    """Inside so many days."""


class NotAfter(Part):
    """A time in which a value proves nothing."""

    purpose: Purpose
    """After a medicine of this class."""
    days: Days
    """For so many days."""


class LabSeen(Level):
    """A laboratory value under treatment, from its first sample to the first that is no longer so."""

    analytes: tuple[Analyte, ...] = Field(strict=False, min_length=1)
    """Any of these (CDISC test codes)."""
    times_baseline: Bounds | None = None
    """In multiples of the participant's baseline."""
    fall: Fall | None = None
    """A fall from an earlier value."""
    grade: GradeRange | None = None
    """Its CTCAE grade, in the protocol's version."""
    term: Code | None = None
    """The term of that grade, where the analyte has more than one."""
    baseline: Level | None = None
    """How high the baseline was."""
    not_after: NotAfter | None = None
    """When it proves nothing."""
    if_not_measured: Literal["unknown", "no"] = "unknown"
    """Where it is asked for beside something else, and nobody measured it."""


class VitalSeen(Part):
    """A vital sign, from its first measurement to the first that is no longer so."""

    sign: Analyte
    """CDISC test code, such as TEMP."""
    value: dict[Unit, Bounds]
    """The number, per unit family."""
    if_not_measured: Literal["unknown", "no"] = "unknown"
    """Where it is asked for beside something else, and nobody measured it."""
