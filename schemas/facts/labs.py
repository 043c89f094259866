"""What a laboratory found."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Fact, Strict
from schemas.values import Code, ExactDecimal, Identifier, PartialDate, Unit

Operator = Literal["=", "<", "<=", ">", ">="]
"""How the reported value bounds the true one: `<` where a result lies below what the assay can see."""


class LabResult(Strict):
    """One result of one analyte, as its own laboratory reported it, with that laboratory's own limits."""

    analyte: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
    """CDISC LBTESTCD, such as HGB, NEUT, PLAT, ALT, AST, BILI, CREAT, K, SODIUM, CA, MG (code list C65047)."""
    specimen: Literal["blood", "urine", "other"] = "blood"
    """What was examined; serum and plasma are blood."""
    collected: PartialDate
    """When it was drawn, as precisely as it is known."""
    operator: Operator = "="
    """`<` and `>` mark a censored value."""
    value: ExactDecimal | None = None
    """The number, in `unit`, digits as reported."""
    coded: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """A result that is a word or a sign: `NEGATIVE`, `2+`."""
    unit: Unit | None = None
    """The unit as reported; it is never guessed."""
    lower_limit: ExactDecimal | None = None
    """Lower limit of normal of this laboratory, in `unit`."""
    upper_limit: ExactDecimal | None = None
    """Upper limit of normal of this laboratory, in `unit`."""
    laboratory: Identifier | None = None
    """Which laboratory."""
    fasting: bool | None = None
    """Whether the participant was fasting; null: nobody said."""
    visit: Code | None = None
    """The visit, by the source's own name."""

    @model_validator(mode="after")
    def _one_result(self) -> "LabResult":
        if (self.value is None) == (self.coded is None):
            raise ValueError("a result has either a value or a coded result")
        return self


class LabResulted(Fact):
    """A laboratory reported a result."""

    family: ClassVar[str] = "labs"
    type: Literal["tocsin.LabResulted.v1"]
    data: LabResult
