"""What does each rule of the protocol come to for one participant, at one instant? The interface of the rules.

`judged` is a function of its arguments alone. The fold keeps what it gives on the participant's state and asks again
only for the rules that read what changed (`clinical.rules.index`).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from clinical.course import span
from clinical.protocol import Protocol
from clinical.rules.people import last_word
from clinical.rules.recovery import recovered_on
from clinical.rules.rule import ParticipantRule
from clinical.rules.seeing import SEES
from clinical.rules.sighting import Sighting, episodes, in_order, truth_of
from clinical.rules.truth import FALSE, Judged, Stretch
from clinical.rules.view import View, drugs_of
from clinical.state import Participant

__all__ = ["Judged", "judge", "judged", "up_to_the_hour"]


def judged(protocol: Protocol, participant: Participant, now: datetime) -> tuple[Judged, ...]:
    """Every rule of the protocol for this participant, in the order of the file; what is false too."""
    done: dict[str, Judged] = {}
    for rule in protocol.participant_rules:
        done[rule.id] = judge(protocol, rule, participant, now, done)
    return tuple(done.values())


def judge(
    protocol: Protocol,
    rule: ParticipantRule,
    participant: Participant,
    now: datetime,
    before: Mapping[str, Judged],
) -> Judged:
    """One rule, with the rules that stand above it already judged."""
    received = drugs_of(protocol, participant)
    names_drugs = not isinstance(rule.drugs, str)
    acted_on = tuple(drug for drug in received if drug in rule.drugs) if names_drugs else received
    if names_drugs and not acted_on:
        return Judged(rule, FALSE)
    view = View(
        SEES,
        protocol,
        participant,
        up_to_the_hour(now),
        acted_on=acted_on,
        names_drugs=names_drugs,
        judged=before,
        above=protocol.index.above[rule.id],
    )
    seen = in_order(one for one in view.see(rule.when) if not _is_refuted(rule, one, view))
    truth = truth_of(seen)
    if truth.verdict != "true":
        return Judged(rule, truth, _acted_on(rule, acted_on, seen), due=view.due)
    true = [one for one in seen if one.truth.verdict == "true"]
    stretches = tuple(_stretch(rule, acted_on, one, view) for one in episodes(true))
    return Judged(
        rule,
        truth,
        _acted_on(rule, acted_on, true),
        since=stretches[-1].since,
        recovered=stretches[-1].recovered,
        occurrence=len(stretches),
        due=view.due,
        stretches=stretches,
    )


def _is_refuted(rule: ParticipantRule, one: Sighting, view: View) -> bool:
    """Whether a person refuted the rule when all that this rests on was known; what came later stands for itself."""
    word = last_word(view, rule.id) if rule.refutable and view.participant.adjudications else None
    if word is None or word[2].verdict != "refuted":
        return False
    records = view.participant.records
    return all(records[cause.key].position <= word[1] for cause in one.truth.causes)


@lru_cache(maxsize=64)
def up_to_the_hour(now: datetime) -> datetime:
    """The last full hour, in UTC without its zone, as dates of sources have none: time is looked at once an hour."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)


def _stretch(rule: ParticipantRule, acted_on: tuple[str, ...], seen: list[Sighting], view: View) -> Stretch:
    """One time that the rule was true. What is on hold waits for recovery, and for the day on which it is a stop."""
    since, recovered = _since(seen), None
    if rule.holds is not None:
        recovered = recovered_on(rule, seen, view)
        if recovered is None and since is not None and rule.holds.at_most_days is not None:
            view.wait(span(since)[0] + timedelta(days=rule.holds.at_most_days))
    causes = truth_of(seen).causes
    return Stretch(causes, _acted_on(rule, acted_on, seen), since, recovered)


def _acted_on(rule: ParticipantRule, acted_on: tuple[str, ...], seen: Iterable[Sighting]) -> tuple[str, ...]:
    """The drugs that the rule speaks of, as far as its causes suspect some of them; a value suspects none."""
    if rule.drugs == "all":
        return acted_on
    suspected = {drug for one in seen for cause in one.truth.causes for drug in cause.drugs}
    return tuple(drug for drug in acted_on if drug in suspected) or acted_on


def _since(stretch: list[Sighting]) -> str | None:
    known = [since for one in stretch if (since := one.since or one.began) is not None]
    return min(known, default=None)
