"""In which words does a protocol write a condition about one participant? Few operators, which compose.

A condition has exactly one key, the operator: `{event: …}`, `{all_of: [{…}, {…}]}`. What an operator comes to is said
in `clinical.rules.seeing`; a misspelt one is refused with its path.
"""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from clinical.ctcae.terms import plain_name
from clinical.parts import Days, Flag, Part
from clinical.rules.levels import Bounds, GradeRange, LabSeen, VitalSeen, names
from schemas.facts.dosing import DoseReason
from schemas.facts.medication import Purpose
from schemas.facts.participants import EndCause
from schemas.values import Code, Identifier

__all__ = [
    "Adjudicated",
    "Again",
    "Condition",
    "Delayed",
    "Despite",
    "Died",
    "Ended",
    "EventSeen",
    "Lasting",
    "RuleStands",
    "Taken",
    "Together",
    "Treated",
    "TumourSeen",
    "conditions_in",
]


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


class Together(Part):
    """Several things inside one window: each of the others near enough to the first."""

    parts: tuple["Condition", ...] = Field(strict=False, min_length=2)
    """What; the first is what the window is laid around."""
    within_days: Annotated[int, Field(ge=0, le=365)] | None = None
    """Days of the calendar between."""
    within_hours: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Hours between; where an hour is not known, the days that they are."""
    first_leads: Flag = False
    """Whether the others come on the same day or later, never earlier."""

    @model_validator(mode="after")
    def _one_window(self) -> "Together":
        _written_once(self.within_days, self.within_hours, "a window")
        return self

    @property
    def days(self) -> int:
        """The window in days of the calendar, begun ones counted."""
        return self.within_days if self.within_days is not None else -(-(self.within_hours or 0) // 24)

    @property
    def words(self) -> str:
        """The window as sentences say it."""
        return f"{self.within_days} days" if self.within_days is not None else f"{self.within_hours} hours"


class Lasting(Part):
    """Something lasts for longer than so many days or hours, from its beginning to the first sign that it is over."""

    what: "Condition"
    """What lasts."""
    more_than_days: Days | None = None
    """Longer than so many days."""
    more_than_hours: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Longer than so many hours."""
    at_least: Flag = False
    """So long is long enough."""
    no_value_for_days: Days | None = None
    """Of values: after so many days without one nobody knows any more; absent: the last is carried forward."""
    carried_forward: Flag = True
    """Of values: whether the last stands until the next; if not, a value at the end of the length must show it too."""
    counted_from: Literal["onset", "last_dose"] = "onset"
    """From its onset, or from the last dose of the drugs that the rule acts on, whichever is later. The last is that
    after which none was given for so long."""
    pending_for_days: Days | None = None
    """How many days before it is said to be pending; absent: from its beginning on."""

    @model_validator(mode="after")
    def _one_length(self) -> "Lasting":
        _written_once(self.more_than_days, self.more_than_hours, "a duration")
        return self

    @property
    def days(self) -> float:
        """The length in days."""
        return self.more_than_days if self.more_than_days is not None else (self.more_than_hours or 0) / 24


def _written_once(days: int | None, hours: int | None, what: str) -> None:
    if (days is None) == (hours is None):
        raise ValueError(f"{what} is written in days or in hours")


class Despite(Part):
    """Something that goes on although it is treated."""

    what: "Condition"
    """What goes on."""
    medication: tuple[Purpose, ...] = Field(strict=False, min_length=1)
    """Under a medicine of one of these classes."""


class Again(Part):
    """The n-th time, with documented recovery between."""

    what: "Condition"
    """What comes again."""
    number: Annotated[int, Field(ge=1, le=20)]
    """Which time."""
    later_too: Flag = True
    """Whether every later time counts too."""
    by_term: Flag = False
    """Whether each term is counted for itself."""
    not_lower: Flag = False
    """Whether its grade must be as high as the time before."""
    after_dose: Flag = False
    """Whether a dose must have been given since recovery."""


class Adjudicated(Part):
    """A person's verdict on a rule about this participant."""

    rule: Identifier
    """Which rule."""
    verdict: Literal["confirmed", "refuted", "undecided"]
    """The verdict."""
    because: tuple[Code, ...] = names(())
    """Given for one of these reasons; none named: any."""


class TumourSeen(Part):
    """A target lesion in an organ, at the baseline scan or later; before any scan it is unknown."""

    organs: tuple[Code, ...] = Field(strict=False, min_length=1)
    """The organs, in any case."""


class RuleStands(Part):
    """Rules above this one that are true of the participant."""

    any_of: tuple[Identifier, ...] = Field(strict=False, min_length=1)
    """Any of these."""


class Delayed(Part):
    """No dose for longer than planned, while treatment goes on: per drug, by this and earlier gaps.

    A gap counts by its reasons, those of the doses left out in it and of the dose that ends it; without any, it is
    unknown whether it counts."""

    more_than_days: Days
    """Since the last dose of the drug."""
    except_reasons: tuple[DoseReason, ...] = names(())
    """A gap that has no other reasons than these does not count."""
    pending_for_days: Days = 14
    """How many days before it is said to be pending."""


class Treated(Part):
    """Longer under treatment than so many days from the first dose."""

    more_than_days: Days
    """Days from the first dose, which is day 1: with 364 the first day after 52 weeks."""
    pending_for_days: Days = 14
    """How many days before it is said to be pending."""


class Taken(Part):
    """A medicine that is still taken at some time after the last dose of the drugs that the rule acts on."""

    purpose: Purpose
    """Its class."""
    daily_prednisone_mg: Bounds | None = None
    """Of steroids: all that are taken on the day together, as prednisone."""
    days_after_last_dose: Annotated[int, Field(ge=0, le=3650)] = 0
    """So many days after the last dose: that after which none was given for so long."""


class Died(Part):
    """The participant died."""

    causes: tuple[Literal["progression", "adverse_event", "other", "unknown"], ...] = Field(strict=False, min_length=1)
    """Of one of these."""
    unless_fatal_event: Flag = False
    """Whether a fatal event, once reported, speaks instead: its causality then decides."""


class Ended(Part):
    """Study treatment, or the participant's time in the trial, ended."""

    causes: tuple[EndCause, ...] = Field(strict=False, min_length=1)
    """For one of these reasons."""


class Condition(Part):
    """One condition: exactly one of these."""

    event: EventSeen | None = None
    """A reported adverse event."""
    lab: LabSeen | None = None
    """A laboratory value."""
    vital: VitalSeen | None = None
    """A vital sign."""
    together: Together | None = None
    """Several inside one window."""
    lasting: Lasting | None = None
    """For so long."""
    despite: Despite | None = None
    """Although treated."""
    again: Again | None = None
    """The n-th time."""
    all_of: tuple["Condition", ...] | None = Field(default=None, strict=False, min_length=1)
    """The first, where all the others hold too."""
    any_of: tuple["Condition", ...] | None = Field(default=None, strict=False, min_length=1)
    """Each that holds."""
    none_of: tuple["Condition", ...] | None = Field(default=None, strict=False, min_length=1)
    """Where none of them holds."""
    adjudicated: Adjudicated | None = None
    """A person said so."""
    tumour: TumourSeen | None = None
    """A tumour in an organ."""
    rule: RuleStands | None = None
    """Another rule is true."""
    delayed: Delayed | None = None
    """No dose for too long."""
    treated: Treated | None = None
    """Under treatment for too long."""
    taken: Taken | None = None
    """A medicine is still taken."""
    died: Died | None = None
    """Death."""
    ended: Ended | None = None
    """The end of treatment or of participation."""

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
        case Together(parts=parts):
            inner = parts
        case Lasting(what=what) | Despite(what=what) | Again(what=what):
            inner = (what,)
        case _:
            inner = ()
    return (condition, *(deep for one in inner for deep in conditions_in(one)))
