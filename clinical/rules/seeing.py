"""What does each operator of the language come to? One function for each, by the operator's name.

To add one: a part in `clinical.rules.language` and its field in `Condition`, a function, and its name here.
"""

from collections.abc import Callable
from typing import Any

from clinical.rules import combining, events
from clinical.rules.sighting import Sighting
from clinical.rules.view import View

__all__ = ["SEES"]

SEES: dict[str, Callable[[Any, View], tuple[Sighting, ...]]] = {
    "event": events.see_events,
    "died": events.see_deaths,
    "all_of": combining.see_all,
    "any_of": combining.see_any,
    "none_of": combining.see_none,
    "rule": combining.see_rules,
}
