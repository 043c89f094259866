"""What does each operator of the language come to? One function for each, by the operator's name.

To add one: a part in `clinical.rules.language` and its field in `Condition`, a function, and its name here.
"""

from collections.abc import Callable
from typing import Any

from clinical.rules import combining, doses, events, people, timing, values
from clinical.rules.sighting import Sighting
from clinical.rules.view import View

__all__ = ["SEES"]

SEES: dict[str, Callable[[Any, View], tuple[Sighting, ...]]] = {
    "event": events.see_events,
    "died": events.see_deaths,
    "lab": values.see_labs,
    "vital": values.see_vitals,
    "together": timing.see_together,
    "lasting": timing.see_lasting,
    "despite": timing.see_despite,
    "again": timing.see_again,
    "adjudicated": people.see_adjudicated,
    "tumour": people.see_tumours,
    "taken": people.see_taken,
    "delayed": doses.see_delays,
    "treated": doses.see_treated,
    "ended": doses.see_ends,
    "all_of": combining.see_all,
    "any_of": combining.see_any,
    "none_of": combining.see_none,
    "rule": combining.see_rules,
}
