"""Which rule reads what? So that a fact is held against the rules that read it, and no others.

What a rule reads is what its condition, and the criterion that ends its hold, name. A rule that stands on rules is
judged again where one of those has moved. Enrolment, the end of treatment, death and the first dose bear on every rule.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from clinical.rules.language import (
    Adjudicated,
    Again,
    Condition,
    Delayed,
    Despite,
    Died,
    Ended,
    EventSeen,
    Lasting,
    RuleStands,
    Taken,
    Treated,
    TumourSeen,
)
from clinical.rules.levels import LabSeen, VitalSeen
from clinical.rules.rule import ParticipantRule
from clinical.rules.terms import is_meant

__all__ = ["Index"]

Names = frozenset[str]
"""Ids of rules."""
NONE: Names = frozenset()


class Index:
    """The rules of a protocol, by what they read."""

    def __init__(self, rules: tuple[ParticipantRule, ...], ctcae: str, groups: Mapping[str, frozenset[str]]) -> None:
        self._made_of = (rules, ctcae, groups)
        self._ctcae = ctcae
        self._groups = groups
        self.everything: Names = frozenset(rule.id for rule in rules)
        self.above = {rule.id: tuple(one.id for one in rules[:number]) for number, rule in enumerate(rules)}
        self._stopping = frozenset(rule.id for rule in rules if any(action.may_stop for action in rule.actions))
        self.on_rules = {
            name: _naming(name, ((rule.id, self._stands_on(rule)) for rule in rules)) for name in self.everything
        }
        self._events = [(rule.id, said) for rule in rules for said in _said(rule) if isinstance(said, EventSeen)]
        self._deaths = frozenset(rule.id for rule in rules if _has(rule, Died))
        self.on_doses = frozenset(rule.id for rule in rules if _reads_doses(rule))
        self.on_omissions = frozenset(rule.id for rule in rules if _has(rule, Delayed))
        self.on_medication = frozenset(rule.id for rule in rules if _reads_medication(rule))
        self._verdicts = {
            name: _naming(name, ((rule.id, _adjudicated(rule)) for rule in rules)) | {name} for name in self.everything
        }
        self._asked = [(rule.id, said) for rule in rules for said in _said(rule) if isinstance(said, LabSeen)]
        self._labs = _by_code((rule.id, said.analytes) for rule, said in _labs(rules))
        self.on_ends = frozenset(rule.id for rule in rules if _has(rule, Delayed, Died, Ended, Treated))
        self.on_scans = frozenset(rule.id for rule in rules if _has(rule, TumourSeen))
        self._asked_of_signs = [
            (rule.id, said) for rule in rules for said in _said(rule) if isinstance(said, VitalSeen)
        ]
        self._signs = _by_code((name, (said.sign,)) for name, said in self._asked_of_signs)
        self.on_delays = frozenset(rule.id for rule in rules if _has(rule, Delayed))
        self.on_medicines_after = frozenset(rule.id for rule in rules if _has(rule, Taken))
        self.on_doses_between = frozenset(rule.id for rule in rules if _counts_doses(rule))
        self.on_nothing = frozenset(rule.id for rule in rules if _comes_of_nothing(rule.when))
        self.on_first_dose = self.on_doses | self.on_nothing | {rule.id for rule in rules if _has(rule, Treated)}
        self.on_event = lru_cache(maxsize=4096)(self._on_event)

    def __reduce__(self) -> tuple[object, ...]:
        """Copied or restored it is made anew: what it has looked up is not part of it."""
        return Index, self._made_of

    def _stands_on(self, rule: ParticipantRule) -> Iterator[str]:
        """The rules it names; for a delay, which ends where the drug is stopped, those above it that stop a drug."""
        for said in _said(rule):
            if isinstance(said, RuleStands):
                yield from said.any_of
            elif isinstance(said, Delayed):
                yield from (name for name in self.above[rule.id] if name in self._stopping)

    def on_lab(self, analyte: str) -> Names:
        """The rules that read an analyte."""
        return self._labs.get(analyte, NONE)

    def asked_of(self, analyte: str) -> tuple[tuple[str, LabSeen], ...]:
        """What rules ask of an analyte, each with the rule; the criteria that end a hold aside."""
        return tuple((name, said) for name, said in self._asked if analyte in said.analytes)

    def on_sign(self, sign: str) -> Names:
        """The rules that read a vital sign."""
        return self._signs.get(sign, NONE)

    def asked_of_sign(self, sign: str) -> tuple[tuple[str, VitalSeen], ...]:
        """What rules ask of a vital sign, each with the rule."""
        return tuple((name, said) for name, said in self._asked_of_signs if said.sign == sign)

    def on_verdict(self, rule: str) -> Names:
        """The rules that a person's verdict on one of them bears upon."""
        return self._verdicts.get(rule, NONE)

    def _on_event(self, term: str, body_system: str | None) -> Names:
        """The rules that speak of an event of this term; those about deaths hear of every event."""
        return self._deaths | {
            name for name, said in self._events if is_meant(said, term, body_system, self._ctcae, self._groups)
        }


def _said(rule: ParticipantRule) -> Iterator[object]:
    for condition in rule.conditions:
        yield condition.said


def _has(rule: ParticipantRule, *kinds: type) -> bool:
    return any(isinstance(said, kinds) for said in _said(rule))


def _naming(name: str, told: Iterable[tuple[str, Iterable[str]]]) -> Names:
    return frozenset(rule for rule, named in told if name in tuple(named))


def _labs(rules: Iterable[ParticipantRule]) -> Iterator[tuple[ParticipantRule, LabSeen]]:
    for rule in rules:
        yield from ((rule, said) for said in _said(rule) if isinstance(said, LabSeen))
        if rule.holds is not None:
            yield from ((rule, said) for said in rule.holds.resume.labs)


def _reads_doses(rule: ParticipantRule) -> bool:
    return any(
        isinstance(said, Delayed | Taken)
        or (isinstance(said, Again) and said.after_dose)
        or (isinstance(said, Lasting) and said.counted_from == "last_dose")
        for said in _said(rule)
    )


def _counts_doses(rule: ParticipantRule) -> bool:
    return any(isinstance(said, Again) and said.after_dose for said in _said(rule))


def _comes_of_nothing(condition: Condition) -> bool:
    """Whether a condition may be true, or unknown, of a participant of whom nothing is known."""
    said = condition.said
    match condition.operator:
        case "none_of" | "tumour":
            return True
        case "any_of":
            return any(map(_comes_of_nothing, said))
        case "all_of":
            return _comes_of_nothing(said[0])
        case "together":
            return _comes_of_nothing(said.parts[0])
        case "lasting" | "despite" | "again":
            return _comes_of_nothing(said.what)
        case _:
            return False


def _reads_medication(rule: ParticipantRule) -> bool:
    resumes = rule.holds is not None and rule.holds.resume.medication is not None
    return resumes or _has(rule, Despite, Taken) or any(said.not_after is not None for _, said in _labs((rule,)))


def _adjudicated(rule: ParticipantRule) -> Iterator[str]:
    return (said.rule for said in _said(rule) if isinstance(said, Adjudicated))


def _by_code(read: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, Names]:
    found: dict[str, Names] = {}
    for name, codes in read:
        for code in codes:
            found[code] = found.get(code, NONE) | {name}
    return found
