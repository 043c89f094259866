"""What do several conditions come to together? All of them, any, none; and rules that stand on rules."""

from clinical.rules.language import Condition, RuleStands
from clinical.rules.sighting import Sighting, merged, truth_of
from clinical.rules.truth import TRUE, either, negated
from clinical.rules.view import View

__all__ = ["see_all", "see_any", "see_none", "see_rules"]


def see_all(parts: tuple[Condition, ...], view: View) -> tuple[Sighting, ...]:
    """Each sighting of the first part, where all the other parts hold too."""
    first, *others = parts
    seen = view.see(first)
    truths = []
    for part in others if seen else ():
        truth = truth_of(view.see(part))
        if truth.verdict == "false":
            return ()
        truths.append(truth)
    return tuple(joined for one in seen if (joined := merged(one, truths)) is not None)


def see_any(parts: tuple[Condition, ...], view: View) -> tuple[Sighting, ...]:
    """Everything that any of the parts comes to."""
    return tuple(one for part in parts for one in view.see(part))


def see_none(parts: tuple[Condition, ...], view: View) -> tuple[Sighting, ...]:
    """One sighting without a time, where none of the parts holds."""
    truth = negated(either(truth_of(view.see(part)) for part in parts))
    return () if truth.verdict == "false" else (Sighting(truth if truth.missing or truth.until else TRUE),)


def see_rules(said: RuleStands, view: View) -> tuple[Sighting, ...]:
    """What makes the named rules true, or leaves them open: one sighting for each cause."""
    seen = []
    for name in said.any_of:
        judged = view.judged.get(name)
        if judged is None or judged.truth.verdict == "false":
            continue
        truth = judged.truth
        for cause in truth.causes:
            alone = truth._replace(causes=(cause._replace(drugs=cause.drugs or judged.drugs),))
            seen.append(Sighting(alone, began=cause.on, since=judged.since))
        if not truth.causes:
            seen.append(Sighting(truth, since=judged.since))
    return tuple(seen)
