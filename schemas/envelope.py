"""How does every fact travel? In a CloudEvents 1.0 envelope with seven attributes of ours.

(`source`, `record`, `revision`) is the identity of a fact: the source's own name for the thing it speaks of, and how
often it has spoken. Source: CloudEvents 1.0.2, structured JSON mode; extension names are lower case as it demands.
"""

from typing import ClassVar, Literal, LiteralString

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.values import Code, FreeText, Identifier, Instant


def refused(field: str, message: LiteralString) -> ValidationError:
    """A refusal that knows its field, for a check that needs more than one field to see it."""
    return ValidationError.from_exception_data(
        "fact", [InitErrorDetails(type=PydanticCustomError("refused", message), loc=(field,), input=None)]
    )


class Strict(BaseModel):
    """A value read from outside: frozen, of exactly its types, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Fact(Strict):
    """What happened or was said, in the past tense, under the source's own record id."""

    family: ClassVar[str]
    """The topic family the fact arrives by: `tocsin.raw.<family>`."""
    about_participant: ClassVar[bool] = True
    """Whether `subject` must name a participant."""

    specversion: Literal["1.0"]
    """The version of CloudEvents."""
    id: Identifier
    """The id of this message at its source; only carried, the identity is (`source`, `record`, `revision`)."""
    source: Identifier
    """The system that speaks: an EDC, a laboratory, an infusion pump, `tocsin:clock`."""
    type: str
    """`tocsin.<fact>.v<n>`."""
    subject: Identifier | None = None
    """The participant, under the trial's own coded number; absent where a fact is about the whole trial."""
    time: Instant
    """When it happened, an instant with its zone; day precision, where that is all there is, stands in `data`."""
    datacontenttype: Literal["application/json"] | None = None
    """Carried by some CloudEvents producers."""
    trial: Identifier
    """The trial whose ledger this belongs to."""
    record: Identifier
    """What the fact is about, under the source's own id. A later revision of the same record corrects it."""
    revision: int = Field(ge=1, le=1_000_000)
    """1, and one more for each correction."""
    reason: FreeText | None = None
    """Why it was corrected: demanded from revision 2 on."""
    actor: Code | None = None
    """Who said so, by role or account, never by name."""
    recordedtime: Instant | None = None
    """When intake accepted it. Stamped by intake; what comes from outside is not trusted and is replaced."""

    @model_validator(mode="after")
    def _a_correction_has_a_reason(self) -> "Fact":
        if self.revision > 1 and self.reason is None:
            raise refused("reason", "a revision needs a reason")
        if self.about_participant and self.subject is None:
            raise refused("subject", "a fact about a participant names the participant in subject")
        return self

    @property
    def key(self) -> str:
        """The record under its source: what findings name as a cause."""
        return f"{self.source}|{self.record}"
