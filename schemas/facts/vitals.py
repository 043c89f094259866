"""What was measured at the bedside."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Fact, Strict
from schemas.values import Code, ExactDecimal, PartialDate, Unit


class VitalSign(Strict):
    """One measurement of one vital sign."""

    sign: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
    """CDISC VSTESTCD, such as SYSBP, DIABP, PULSE, TEMP, WEIGHT, OXYSAT, QTCF (code list C66741)."""
    measured: PartialDate
    """When, as precisely as it is known."""
    value: ExactDecimal
    """The number, in `unit`."""
    unit: Unit | None = None
    """The unit as reported; it is never guessed."""
    position: Literal["standing", "sitting", "supine"] | None = None
    """How the participant was placed."""
    at_rest: bool | None = None
    """Whether the participant was at rest; null: nobody said."""
    visit: Code | None = None
    """The visit, by the source's own name."""


class VitalSignMeasured(Fact):
    """A vital sign was measured."""

    family: ClassVar[str] = "vitals"
    type: Literal["tocsin.VitalSignMeasured.v1"]
    data: VitalSign
