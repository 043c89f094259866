"""Was an adverse event caused by a study drug? What nobody has judged yet counts as related, and is marked so.

Judgements are per drug, by investigator and by sponsor; which words mean related, the protocol says. Source of the
principle: ICH E2A II.A (a causal relationship counts unless it is judged otherwise).
"""

from collections.abc import Iterable
from typing import Literal

from clinical.protocol import CausalityPolicy
from schemas.facts.adverse_events import ANY_DRUG, AdverseEvent, Causality

Judgement = Literal["related", "not related", "not yet given"]


def judgement(policy: CausalityPolicy, said: Causality) -> Judgement:
    """What has been said of one drug. Under `either`, one word of related is enough."""
    words = {
        "investigator": (said.investigator,),
        "sponsor": (said.sponsor,),
        "either": (said.investigator, said.sponsor),
    }[policy.by]
    given = [word for word in words if word is not None]
    if not given:
        return "not yet given"
    return "related" if any(word in policy.related for word in given) else "not related"


def by_drug(policy: CausalityPolicy, event: AdverseEvent, drugs: Iterable[str]) -> dict[str, Judgement]:
    """What is thought of each drug. A judgement of the whole treatment (`*`) stands for those without their own."""
    said = {causality.drug: judgement(policy, causality) for causality in event.causality}
    whole = said.get(ANY_DRUG, "not yet given")
    return {drug: said.get(drug, whole) for drug in drugs}


def related_to_any(policy: CausalityPolicy, event: AdverseEvent, drugs: Iterable[str]) -> Judgement:
    """Whether the event is related to any study drug, be it one that the participant does not receive.

    One drug judged related decides. Otherwise one drug that nobody judged leaves it not yet given.
    """
    named = {causality.drug for causality in event.causality} | set(drugs)
    judged = by_drug(policy, event, named - {ANY_DRUG} or {ANY_DRUG})
    whole = by_drug(policy, event, (ANY_DRUG,))[ANY_DRUG]
    return strongest((*judged.values(), *(("related",) if whole == "related" else ())))


def strongest(judged: Iterable[Judgement]) -> Judgement:
    """What several judgements come to: one of related decides, then one that is not yet given."""
    said = set(judged)
    if "related" in said:
        return "related"
    return "not yet given" if "not yet given" in said else "not related"
