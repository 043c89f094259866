"""What an investigator or the sponsor says of an adverse event."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Fact, Strict
from schemas.values import CODE, Code, FreeText, PartialDate

ANY_DRUG = "*"
"""A causality to the study treatment as a whole, where the source does not say to which drug."""

Drug = Annotated[str, Field(min_length=1, max_length=80, pattern=rf"^(?:\*|{CODE})$")]
"""A drug of the protocol, or `*`."""

Relation = Literal["related", "probable", "possible", "unlikely", "not_related"]
"""How likely a drug caused it. Which of these count as related, the protocol says."""

SeriousnessCriterion = Literal[
    "death",
    "life_threatening",
    "hospitalisation",
    "disability",
    "congenital_anomaly",
    "other_important",
]
"""Why an event is serious. Source: ICH E2A II.B; 21 CFR 312.32(a)."""


class Causality(Strict):
    """What is thought of one drug. A causality not yet given is null; it never means unrelated."""

    drug: Drug
    """The drug by its name in the protocol, or `*` for the study treatment as a whole."""
    investigator: Relation | None = None
    """The investigator's judgement."""
    sponsor: Relation | None = None
    """The sponsor's judgement."""


class ActionTaken(Strict):
    """What was done with one drug because of the event."""

    drug: Drug
    """The drug by its name in the protocol, or `*`."""
    action: Literal["none", "interrupted", "reduced", "rate_reduced", "delayed", "stopped", "unknown", "not_applicable"]
    """After CDISC code list ACN (C66767), in our words."""


class GradeSince(Strict):
    """A change of grade in the course of one event."""

    since: PartialDate
    """When it changed, as precisely as it is known."""
    grade: Annotated[int, Field(ge=0, le=5)]
    """The CTCAE grade from then on; 0: over."""


class AdverseEvent(Strict):
    """One adverse event as it is now reported."""

    term: Code
    """The CTCAE term, or the preferred term where the source codes otherwise."""
    system_organ_class: Code | None = None
    """The body system the term belongs to."""
    verbatim: FreeText | None = None
    """The investigator's own words."""
    grade: Annotated[int, Field(ge=1, le=5)] | None = None
    """The CTCAE grade, 1 to 5; null: the source gave none."""
    course: Annotated[tuple[GradeSince, ...], Field(strict=False)] = ()
    """The grade over time, where the source follows it within one event; `grade` is then the worst so far."""
    severity: Literal["mild", "moderate", "severe", "fatal"] | None = None
    """A severity that is not a CTCAE grade (CDISC AESEV, C66769): it bounds the grade, it does not give it."""
    onset: PartialDate | None = None
    """When it began, as precisely as it is known."""
    end: PartialDate | None = None
    """When it ended; null: it goes on, or nobody knows."""
    outcome: Literal["recovered", "recovered_with_sequelae", "recovering", "not_recovered", "fatal", "unknown"] = (
        "unknown"
    )
    """CDISC code list OUT (C66768), in our words."""
    serious: bool | None = None
    """Whether it was called serious; null: nobody said."""
    criteria: Annotated[tuple[SeriousnessCriterion, ...], Field(strict=False)] = ()
    """The seriousness criteria that were ticked."""
    causality: Annotated[tuple[Causality, ...], Field(strict=False)] = ()
    """Per drug; a drug that is not listed has no causality yet."""
    actions: Annotated[tuple[ActionTaken, ...], Field(strict=False)] = ()
    """Per drug."""
    infusion_related: bool | None = None
    """Whether it came during or within 24 hours of an infusion."""
    expected: bool | None = None
    """Whether the reference safety information lists it."""

    @model_validator(mode="after")
    def _one_word_per_drug(self) -> "AdverseEvent":
        for said in (self.causality, self.actions):
            drugs = [entry.drug for entry in said]
            if len(drugs) != len(set(drugs)):
                raise ValueError("a drug is named twice")
        return self


class AdverseEventReported(Fact):
    """An adverse event was reported, or a report of it was revised."""

    family: ClassVar[str] = "adverse_events"
    type: Literal["tocsin.AdverseEventReported.v2"]
    data: AdverseEvent
