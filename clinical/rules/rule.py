"""What is a rule about one participant? A condition, the drugs it acts on, and what the protocol says to do."""

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from clinical.parts import Days, Flag, Part, Sentence
from clinical.rules.language import Adjudicated, Condition, EventSeen, RuleStands, conditions_in
from clinical.rules.levels import LabSeen, names
from schemas.facts.medication import Purpose
from schemas.values import Code, ExactDecimal, Identifier, Unit

__all__ = ["Action", "Hold", "ParticipantRule", "Resume", "action_in_words"]


class Resume(Part):
    """What ends a hold: whichever of these comes first."""

    words: Sentence
    """What it says, for a physician."""
    grade_at_most: Annotated[int, Field(ge=0, le=4)] | None = None
    """The events have come down to this grade, or have ended."""
    labs: tuple[LabSeen, ...] = names(())
    """A later value that shows recovery, of each analyte that held, by any of those that speak of it."""
    medication: Purpose | None = None
    """A medicine of this class is taken, which controls it."""
    adjudicated: tuple[Code, ...] = names(())
    """A person says so, by confirming the finding for one of these reasons."""


class Hold(Part):
    """Give no dose until the criterion is met."""

    resume: Resume
    """What ends it."""
    at_most_days: Days | None = None
    """Held for longer than so many days, the drug is stopped for good."""


class Reduce(Part):
    """Give less from now on."""

    to: ExactDecimal
    """The dose of each administration."""
    unit: Unit
    """Its unit."""


class Slow(Part):
    """Infuse more slowly from now on."""

    to_percent: ExactDecimal
    """Of the planned rate."""


class Nothing(Part):
    """No parameter."""


class Notify(Part):
    """Tell somebody."""

    who: tuple[Literal["investigator", "safety_board", "safety_lead"], ...] = Field(strict=False, min_length=1)
    """The roles."""


class Action(Part):
    """One thing to do: exactly one of these."""

    hold: Hold | None = None
    """No dose until a criterion is met."""
    reduce: Reduce | None = None
    """A lower dose from now on; it is not raised again."""
    slow: Slow | None = None
    """A slower infusion from now on."""
    discontinue: Nothing | None = None
    """The drug is stopped for good."""
    end_treatment: Nothing | None = None
    """All study treatment ends."""
    notify: Notify | None = None
    """Somebody is told."""
    pause_accrual: Nothing | None = None
    """Nobody is enrolled into the group until the board has met."""

    @model_validator(mode="after")
    def _one_action(self) -> "Action":
        if len([name for name in self.model_fields_set if getattr(self, name) is not None]) != 1:
            raise ValueError(f"an action is exactly one of: {', '.join(type(self).model_fields)}")
        return self

    @cached_property
    def name(self) -> str:
        """Which action."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @cached_property
    def may_stop(self) -> bool:
        """Whether it stops a drug for good, at once or after a hold that has lasted too long."""
        after_hold = self.hold is not None and self.hold.at_most_days is not None
        return self.discontinue is not None or self.end_treatment is not None or after_hold

    @cached_property
    def said(self) -> Any:
        """Its parameters."""
        return getattr(self, self.name)


FIRST_FORM = {"id", "sentence", "grade_at_least", "related_to", "action"}
"""The parameters of a rule before there was a language."""


class ParticipantRule(Part):
    """A rule about one participant."""

    id: Identifier
    """Its name in findings."""
    sentence: Sentence
    """What it says, for a physician."""
    basis: Literal["public", "label", "assumed"]
    """Where its values come from, but for those that say otherwise: the trial's public record, the label of the drug
    or a published protocol or guideline of its class, or ourselves."""
    source: Sentence
    """Which text; of an assumption, its reason; and where texts differ, which was chosen."""
    when: Condition
    """When it is true."""
    drugs: Literal["suspected", "all"] | Annotated[tuple[Code, ...], Field(strict=False, min_length=1)] = "suspected"
    """What it acts on: the drugs that are suspected, all of the group, or these; where some of these are suspected, on
    those. Rules that name drugs speak of nobody who receives none of them."""
    actions: tuple[Action, ...] = Field(strict=False, min_length=1)
    """What the protocol says to do."""
    words: Sentence | None = None
    """What it says to do, in words, where the actions do not say it well."""

    refutable: Flag = True
    """Whether a person can refute it: then it no longer stands on what was known when it was refuted."""

    @cached_property
    def says(self) -> str:
        """What the protocol says to do, in words."""
        return self.words or "; ".join(action_in_words(action, self.drugs) for action in self.actions)

    @cached_property
    def holds(self) -> Hold | None:
        """Its hold, if it has one."""
        return next((action.hold for action in self.actions if action.hold), None)

    @model_validator(mode="before")
    @classmethod
    def _as_first_written(cls, said: Any) -> Any:
        """Protocols adopted before there was a language know one rule: an event of a grade, related to any drug."""
        if not isinstance(said, dict) or set(said) != FIRST_FORM:
            return said
        event = {"event": {"grade": {"at_least": said["grade_at_least"]}, "ungraded": "ignored"}}
        died = {"died": {"causes": ["adverse_event", "unknown"], "unless_fatal_event": True}}
        return {
            "id": said["id"],
            "sentence": said["sentence"],
            "basis": "assumed",
            "source": "As adopted.",
            "when": {"any_of": [event, died]},
            "actions": [{"discontinue": {}}],
            "words": said["action"],
        }

    def unknown_names(
        self, above: Iterable[str], rules: Iterable[str], groups: Iterable[str], drugs: Iterable[str]
    ) -> str:
        """A rule, a term group or a drug that it names and the protocol does not have; empty: none."""
        if not isinstance(self.drugs, str):
            for drug in self.drugs:
                if drug not in drugs:
                    return f"the drug {drug}, which no group receives"
        for condition in self.conditions:
            said = condition.said
            match said:
                case RuleStands(any_of=names_of):
                    if below := next((name for name in names_of if name not in above), None):
                        return f"the rule {below}, which does not stand above it"
                case Adjudicated(rule=name) if name not in rules:
                    return f"the rule {name}, which is no participant rule"
                case EventSeen():
                    named = (*said.groups, *said.except_groups)
                    if unknown := next((name for name in named if name not in groups), None):
                        return f"the term group {unknown}, which the protocol does not have"
        return ""

    @cached_property
    def only_ends(self) -> bool:
        """Whether all it says is that treatment ends, such as after a year, and nobody is told: it is no toxicity."""
        return all(action.end_treatment is not None for action in self.actions)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition it reads."""
        return conditions_in(self.when)


def action_in_words(action: Action, drugs: str | tuple[str, ...]) -> str:
    """What to do, as a physician would say it."""
    named = {"suspected": "the suspected drug", "all": "all study drugs"}
    what = named[drugs] if isinstance(drugs, str) else " and ".join(drugs)
    match action:
        case Action(hold=Hold(resume=resume, at_most_days=days)):
            longest = f", {days} days at most" if days else ""
            return f"hold {what} until {resume.words}{longest}"
        case Action(reduce=Reduce(to=to, unit=unit)):
            return f"reduce {what} to {to} {unit}"
        case Action(slow=Slow(to_percent=percent)):
            return f"infuse {what} at {percent} % of the rate from now on"
        case Action(notify=Notify(who=who)):
            return f"notify the {' and the '.join(one.replace('_', ' ') for one in who)}"
        case Action(end_treatment=Nothing()):
            return "end all study treatment"
        case Action(pause_accrual=Nothing()):
            return "pause enrolment into the group"
        case _:
            return f"discontinue {what} permanently"
