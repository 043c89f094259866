"""Which values of a protocol does the public record not give? Every one, with its reason, where a reader sees it."""

from dataclasses import dataclass
from typing import Any

from clinical.protocol import Protocol
from dashboards.live.words import plain

RULES_REST_ON = ("cohort_rules", "windows.toxicity_days", "participant_rules", "causality")
"""The parts of a protocol that a stopping rule is made of."""
OWN_NAMES = ("cohort_rules", "participant_rules", "windows")
"""The parts whose values are understood without the part's name."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumed value."""

    where: str
    value: str
    reason: str
    of_a_rule: bool
    """Whether a stopping rule rests on it."""

    @property
    def name(self) -> str:
        """The value's own name, in words: toxicity days, causality by."""
        part, *rest = (step for step in self.where.split(".") if not step.isdecimal())
        return plain(" ".join(rest) if part in OWN_NAMES else " ".join((part, *rest)))


def assumptions(protocol: Protocol) -> list[Assumption]:
    """Every assumption: first those of the stopping rules themselves, then those that the rules rest on."""
    found = [
        Assumption(path, _value_at(protocol, path), reason, path.startswith(RULES_REST_ON))
        for path, reason in protocol.assumed.items()
    ]
    return sorted(found, key=lambda one: (not one.of_a_rule, not one.where.startswith(RULES_REST_ON[0])))


def _value_at(protocol: Protocol, path: str) -> str:
    """The value; of a rule in its first form, which is read into another, what the whole rule says."""
    node: Any = protocol.model_dump(mode="json")
    for step in path.split("."):
        if isinstance(node, dict) and step not in node and "sentence" in node:
            return str(node["sentence"])
        node = node[int(step)] if isinstance(node, list | tuple) else node[step]
    if isinstance(node, dict):
        return ", ".join(f"{plain(name)} {value}" for name, value in node.items())
    return plain(str(node)) if isinstance(node, str) else str(node)
