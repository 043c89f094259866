"""Which rule reads what? So that a fact is held against the rules that read it, and no others.

What a rule reads is what its condition, and the criterion that ends its hold, name. A rule that stands on rules is
judged again where one of those has moved.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from clinical.rules.language import Died, EventSeen, RuleStands
from clinical.rules.rule import ParticipantRule
from clinical.rules.terms import is_meant

__all__ = ["Index"]

Names = frozenset[str]
"""Ids of rules."""


class Index:
    """The rules of a protocol, by what they read."""

    def __init__(self, rules: tuple[ParticipantRule, ...], ctcae: str, groups: Mapping[str, frozenset[str]]) -> None:
        self._rules = rules
        self._ctcae = ctcae
        self._groups = groups
        self.everything: Names = frozenset(rule.id for rule in rules)
        self.on_deaths = self._where(Died)
        self.on_rules = {
            name: frozenset(rule.id for rule in rules if name in _stands_on(rule)) for name in self.everything
        }
        self.on_event = lru_cache(maxsize=4096)(self._on_event)

    def _on_event(self, term: str, body_system: str | None) -> Names:
        """The rules that speak of an event of this term; those about deaths hear of every event."""
        return self.on_deaths | {
            rule.id
            for rule in self._rules
            for condition in rule.conditions
            if isinstance(condition.said, EventSeen)
            and is_meant(condition.said, term, body_system, self._ctcae, self._groups)
        }

    def _where(self, *kinds: type) -> Names:
        return frozenset(
            rule.id for rule in self._rules if any(isinstance(condition.said, kinds) for condition in rule.conditions)
        )


def _stands_on(rule: ParticipantRule) -> Iterable[str]:
    for condition in rule.conditions:
        match condition.said:
            case RuleStands(any_of=names):
                yield from names
