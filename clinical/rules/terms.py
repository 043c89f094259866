"""Which events does a condition speak of? By term, by term group, by body system, and none of the exceptions."""

from collections.abc import Mapping

from clinical.ctcae.terms import find_term, plain_name
from clinical.rules.language import EventSeen

__all__ = ["is_meant"]


def is_meant(
    said: EventSeen, term: str, body_system: str | None, ctcae: str, groups: Mapping[str, frozenset[str]]
) -> bool:
    """Whether the condition speaks of an event of this term; a body system not given is the dictionary's."""
    name = plain_name(term)
    if name in said.not_named or any(name in groups[group] for group in said.except_groups):
        return False
    if said.except_body_systems and _is_of(said.except_body_systems, name, body_system, ctcae):
        return False
    if not (said.terms or said.groups or said.body_systems):
        return True
    if name in said.named or any(name in groups[group] for group in said.groups):
        return True
    return _is_of(said.body_systems, name, body_system, ctcae)


def _is_of(systems: tuple[str, ...], name: str, body_system: str | None, ctcae: str) -> bool:
    if body_system is None:
        known = find_term(ctcae, name)
        body_system = known.system_organ_class if known else ""
    return plain_name(body_system) in map(plain_name, systems)
