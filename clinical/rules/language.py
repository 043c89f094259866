"""In which words does a protocol write a condition about one participant? Few operators, which compose.

A condition has exactly one key, the operator: `{event: …}`, `{all_of: [{…}, {…}]}`. What an operator comes to is said
in `clinical.rules.seeing`; a misspelt one is refused with its path.
"""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from clinical.ctcae.terms import plain_name
from clinical.parts import Flag, Part
from schemas.values import Code, Identifier

__all__ = [
    "Condition",
    "Died",
    "EventSeen",
    "Grade",
    "GradeRange",
    "RuleStands",
    "conditions_in",
    "names",
]

Analyte = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
Grade = Annotated[int, Field(ge=1, le=5)]


def names(value: Any) -> Any:
    """A field that holds several values, of which a file may write a list."""
    return Field(default=value, strict=False)


class GradeRange(Part):
    """The grades that count."""

    at_least: Grade = 1
    """The lowest."""
    at_most: Grade = 5
    """The highest; death of the event is grade 5."""


class EventSeen(Part):
    """A reported adverse event, from its onset, or from the day on which its grade came into the range."""

    terms: tuple[Code, ...] = names(())
    """Its term is one of these, in any spelling; nothing named: any event."""
    groups: tuple[Identifier, ...] = names(())
    """Or it is in one of these term groups of the protocol."""
    body_systems: tuple[Code, ...] = names(())
    """Or its body system is one of these."""
    except_terms: tuple[Code, ...] = names(())
    """None of these."""
    except_groups: tuple[Identifier, ...] = names(())
    """None of these groups."""
    except_body_systems: tuple[Code, ...] = names(())
    """None of these body systems."""
    grade: GradeRange | None = None
    """Its grade, while it lasts; absent: any."""
    ungraded: Literal["unknown", "ignored"] = "unknown"
    """Where no grade was given: unknown, as far as a severity leaves it open; or it counts for nothing."""
    serious: Flag | None = None
    """Whether it is serious; not said: unknown."""
    infusion_related: Flag | None = None
    """Whether it came during or within 24 hours of an infusion; not said: unknown."""
    related_to: Literal["any", "all", "not_asked"] = "any"
    """Related to any, or to all, of the drugs that the rule acts on (of the group, where it names none), or whatever
    its cause. A causality not yet given counts as related, and is marked so."""

    @cached_property
    def named(self) -> frozenset[str]:
        """The plain names of its terms."""
        return frozenset(map(plain_name, self.terms))

    @cached_property
    def not_named(self) -> frozenset[str]:
        """The plain names of the terms that do not count."""
        return frozenset(map(plain_name, self.except_terms))


class RuleStands(Part):
    """Rules above this one that are true of the participant."""

    any_of: tuple[Identifier, ...] = Field(strict=False, min_length=1)
    """Any of these."""


class Died(Part):
    """The participant died."""

    causes: tuple[Literal["progression", "adverse_event", "other", "unknown"], ...] = Field(strict=False, min_length=1)
    """Of one of these."""
    unless_fatal_event: Flag = False
    """Whether a fatal event, once reported, speaks instead: its causality then decides."""


class Condition(Part):
    """One condition: exactly one of these."""

    event: EventSeen | None = None
    """A reported adverse event."""
    all_of: tuple["Condition", ...] | None = Field(default=None, strict=False, min_length=1)
    """The first, where all the others hold too."""
    any_of: tuple["Condition", ...] | None = Field(default=None, strict=False, min_length=1)
    """Each that holds."""
    none_of: tuple["Condition", ...] | None = Field(default=None, strict=False, min_length=1)
    """Where none of them holds."""
    rule: RuleStands | None = None
    """Another rule is true."""
    died: Died | None = None
    """Death."""

    @model_validator(mode="after")
    def _one_operator(self) -> "Condition":
        said = [name for name in self.model_fields_set if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"a condition has exactly one operator: {', '.join(type(self).model_fields)}")
        return self

    @cached_property
    def operator(self) -> str:
        """The name of its operator."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @cached_property
    def said(self) -> Any:
        """What the operator is applied to."""
        return getattr(self, self.operator)


def conditions_in(condition: Condition) -> tuple[Condition, ...]:
    """A condition and every condition inside it."""
    said = condition.said
    match said:
        case tuple():
            inner = said
        case _:
            inner = ()
    return (condition, *(deep for one in inner for deep in conditions_in(one)))
