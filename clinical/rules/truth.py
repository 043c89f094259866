"""Is it so? True, false, pending until an instant, or unknown for want of a fact: Kleene's logic, with its reasons.

*Pending*: no fact is missing, time decides; at `until` at the latest, if nothing else comes. *Unknown*: a fact that is
missing would decide. Both are the third value of Kleene's logic, so nothing that is certain is lost: one false part
makes a conjunction false and one true part a disjunction true, whatever else is unknown.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from clinical.rules.rule import ParticipantRule

__all__ = ["FALSE", "TRUE", "Cause", "Judged", "Stretch", "Truth", "Verdict", "both", "either", "negated"]

Verdict = Literal["true", "false", "pending", "unknown"]


class Cause(NamedTuple):
    """One record that a verdict rests on."""

    key: str
    """The record."""
    words: str
    """What it says, in a few words."""
    on: str | None
    """Its onset, or the day of the sample; None: nobody knows."""
    drugs: tuple[str, ...] = ()
    """The drugs that are suspected; none for a value."""
    causality: Literal["given", "not yet given"] = "given"
    """Whether somebody judged the causality; one not yet given counts as related."""


class Truth(NamedTuple):
    """A verdict with what it rests on."""

    verdict: Verdict
    causes: tuple[Cause, ...] = ()
    until: datetime | None = None
    """Of what is pending: the instant at which time decides. Of what is unknown: that of its pending parts."""
    missing: tuple[str, ...] = ()
    """What would decide, in words."""

    @property
    def words(self) -> tuple[str, ...]:
        """What the records say that it rests on."""
        return tuple(cause.words for cause in self.causes)


TRUE, FALSE = Truth("true"), Truth("false")


def both(truths: Iterable[Truth]) -> Truth:
    """All of them: false if one is, unknown before pending, pending until the last of the instants."""
    told = tuple(truths)
    if any(one.verdict == "false" for one in told):
        return FALSE
    verdict: Verdict = "true"
    if any(one.verdict == "unknown" for one in told):
        verdict = "unknown"
    elif any(one.verdict == "pending" for one in told):
        verdict = "pending"
    return Truth(verdict, _causes(told), _instant(max, told), _missing(told))


def either(truths: Iterable[Truth]) -> Truth:
    """Any of them: true if one is, pending before unknown, pending until the first of the instants.

    What is true rests on its true parts alone; what is missing for the others no longer matters.
    """
    told = tuple(one for one in truths if one.verdict != "false")
    if not told:
        return FALSE
    if true := tuple(one for one in told if one.verdict == "true"):
        return Truth("true", _causes(true))
    verdict: Verdict = "pending" if any(one.verdict == "pending" for one in told) else "unknown"
    return Truth(verdict, _causes(told), _instant(min, told), _missing(told))


def negated(truth: Truth) -> Truth:
    """Not so. What waits for time or for a fact waits for the same, negated or not."""
    match truth.verdict:
        case "true":
            return FALSE
        case "false":
            return TRUE
        case _:
            return truth._replace(causes=())


class Stretch(NamedTuple):
    """One stretch in which a rule is or was true."""

    causes: tuple[Cause, ...]
    """What made it true."""
    drugs: tuple[str, ...]
    """The drugs that the rule acts on because of it."""
    since: str | None
    """When it became true; None: nobody knows."""
    recovered: str | None
    """Of a hold: when its resume criterion was met; None: not yet."""


class Judged(NamedTuple):
    """What one rule comes to for one participant."""

    rule: ParticipantRule
    truth: Truth
    drugs: tuple[str, ...] = ()
    """The drugs that the rule acts on, as far as this participant receives them."""
    since: str | None = None
    """When it became true: the date or instant of the fact, or of the moment, that made it; None: not true."""
    recovered: str | None = None
    """Of a hold: when its resume criterion was met for all that made it true; None: not yet."""
    occurrence: int = 0
    """How often it became true, with recovery between."""
    due: datetime | None = None
    """The next instant at which time alone may change any of this; None: only a fact can."""
    stretches: tuple[Stretch, ...] = ()
    """Each time it was true, with recovery between; the last is the one that `since` and `recovered` speak of."""


def _causes(truths: Iterable[Truth]) -> tuple[Cause, ...]:
    found = {cause.key: cause for truth in truths for cause in truth.causes}
    return tuple(found[key] for key in sorted(found))


def _missing(truths: Iterable[Truth]) -> tuple[str, ...]:
    return tuple(sorted({name for truth in truths for name in truth.missing}))


def _instant(choose: object, truths: Iterable[Truth]) -> datetime | None:
    moments = [one.until for one in truths if one.until is not None]
    if not moments:
        return None
    return max(moments) if choose is max else min(moments)
