"""What a reader saw on a tumour scan."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Fact, Strict
from schemas.values import Code, ExactDecimal, Identifier, PartialDate

OverallResponse = Literal["CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE", "NED", "ND"]
"""RECIST 1.1 overall response at one visit, as the reader called it."""


class TargetLesion(Strict):
    """One target lesion at one assessment."""

    lesion: Identifier
    """The lesion's own id, fixed at baseline."""
    organ: Code | None = None
    """Where it lies."""
    node: bool = False
    """Whether it is a lymph node: then the short axis is measured."""
    state: Literal["measured", "too_small", "absent", "not_evaluable"]
    """What could be said of it."""
    millimetres: ExactDecimal | None = None
    """Longest diameter, or short axis of a node."""

    @model_validator(mode="after")
    def _measured_has_millimetres(self) -> "TargetLesion":
        if (self.state == "measured") != (self.millimetres is not None):
            raise ValueError("a measured lesion, and no other, has millimetres")
        return self


class TumourAssessment(Strict):
    """One reader's assessment of one time point. Derived categories are never facts; a reader's own call is."""

    reader: Code
    """Who read it: `investigator`, or a central reader's code."""
    assessed: PartialDate
    """The day of the scan."""
    visit: Code | None = None
    """The time point, by the source's own name."""
    baseline: bool = False
    """Whether this is the baseline assessment."""
    targets: Annotated[tuple[TargetLesion, ...], Field(strict=False)] = ()
    """The target lesions."""
    non_target: Literal["none", "CR", "NON-CR/NON-PD", "PD", "NE"] = "none"
    """The reader's call of the non-target lesions."""
    new_lesion: Literal["no", "yes", "equivocal"] = "no"
    """Whether a new lesion was seen."""
    overall: OverallResponse | None = None
    """The reader's own overall call, kept beside what we derive."""
    quality: Literal["adequate", "limited", "inadequate"] = "adequate"
    """Whether the images could be read."""


class TumourAssessed(Fact):
    """A reader assessed a tumour scan."""

    family: ClassVar[str] = "imaging"
    type: Literal["tocsin.TumourAssessed.v1"]
    data: TumourAssessment
