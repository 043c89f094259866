"""What stands after each step of a story? Its facts go through `parse` and `step`, as bytes, like any others."""

import re
from collections.abc import Container, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from clinical.monitor import standing, step
from clinical.state import Trial
from schemas.findings import (
    AnyFinding,
    Change,
    CohortRuleFinding,
    DoseDecisionFinding,
    EvaluabilityFinding,
    GradeFinding,
    ParticipantRuleFinding,
    QueryFinding,
)
from tests.builders import Message, read
from tests.stories.form import Expected, Page, Step, Story
from tests.stories.telling import Telling, study_day

FIRST = "P-1"
"""The participant of a story, who is not named in what it expects."""

DATE = re.compile(r"\b(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2})?(?!\d)")

Seen = dict[str, dict[str, str]]
"""By kind and name: what stands."""


class Told(NamedTuple):
    """One step, and what came of it."""

    step: Step
    seen: Seen
    expected: Seen
    sentences: tuple[str, ...]
    """What Tocsin began to say, or took back, of the kinds that the story looks at."""


def run(page: Page, story: Story) -> Iterator[Told]:
    """The steps of a story, in turn. At its end the changes add up to what stands."""
    telling = Telling(page, story)
    trial, stands = Trial(telling.trial), dict[str, AnyFinding]()
    trial, _ = _sent(trial, stands, telling.beginning())
    expected: Seen = {kind: {} for kind in story.looks_at}
    for one in story.steps:
        changes = list[Change]()
        for due in telling.due_before(one):
            trial, made = _sent(trial, stands, (telling.tick(due),))
            trial, given = _sent(trial, stands, telling.messages(_as_it_stands(due, stands)))
            changes += [*made, *given]
        trial, told = _sent(trial, stands, (telling.tick(one), *telling.messages(one)))
        changes += told
        expected = expected | _expected(one.expect)
        seen = {kind: found for kind, found in seen_of(stands.values(), telling.names).items() if kind in expected}
        yield Told(one, seen, expected, tuple(_sentences(changes, expected)))
    assert stands == standing(trial), "what was announced does not add up to what stands"


def _as_it_stands(due: Step, stands: dict[str, AnyFinding]) -> Step:
    """The doses that are due as the drugs then stand: none on hold or stopped, others less or more slowly."""
    doses = dict[str, str]()
    for drug, planned in due.doses.items():
        decision = stands.get(f"dose_decision|{due.participant}|{drug}")
        if not isinstance(decision, DoseDecisionFinding):
            doses[drug] = planned
        elif decision.action in ("reduced", "slowed"):
            rate = f" at {decision.rate_percent} %" if decision.rate_percent else ""
            doses[drug] = (decision.dose or planned) + rate
    return due.model_copy(update={"doses": doses})


def seen_of(stands: Iterable[AnyFinding], names: dict[str, str]) -> Seen:
    """What stands, in a story's words."""
    seen: Seen = {kind: {} for kind in Expected.model_fields}
    for finding in stands:
        for kind, name, said in _in_words(finding, names):
            seen[kind][name] = f"{seen[kind][name]}; {said}" if name in seen[kind] else said
    return {
        kind: {name: "; ".join(sorted(said.split("; "))) for name, said in all_.items()} for kind, all_ in seen.items()
    }


def _in_words(finding: AnyFinding, names: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """The kind, name and words of a finding; nothing for a grade that is certainly 0."""
    about = "" if finding.participant in (FIRST, None) else f"{finding.participant} "
    causes = [names.get(cause, cause) for cause in finding.causes]
    match finding:
        case ParticipantRuleFinding(rule=rule):
            yield "rules", about + rule, _verdict(finding)
        case DoseDecisionFinding(drug=drug):
            yield "drugs", about + drug, _state(finding)
        case QueryFinding(question=question):
            yield "queries", about + question, " + ".join(causes)
        case GradeFinding(low=0, high=0):
            return
        case GradeFinding(term=term, basis=basis, grade=grade, low=low, high=high):
            said = f"{grade}" if grade is not None else "not gradable" if high is None else f"{low} to {high}"
            yield "grades", causes[0], said if basis == "reported" else f"{term} {said}"
        case EvaluabilityFinding(status=status):
            yield "counts", finding.participant or "", status
        case CohortRuleFinding(enrolled=0):
            return
        case CohortRuleFinding(scope=scope, verdict=verdict, x=x, n=n):
            yield "groups", scope or "", f"{verdict}, {x} of {n}"


def _verdict(finding: ParticipantRuleFinding) -> str:
    match finding:
        case ParticipantRuleFinding(verdict="pending", until=str(until)):
            return f"pending until {in_days(until)}"
        case ParticipantRuleFinding(verdict="unknown", missing=missing):
            return f"unknown: {in_days(' and '.join(missing))}"
    return finding.verdict


def _state(finding: DoseDecisionFinding) -> str:
    """How a drug is to be given, with what a hold becomes if nothing resumes it."""
    until = f" until {in_days(finding.until)} at most" if finding.until else ""
    rate = f"{finding.rate_percent} %" if finding.rate_percent else ""
    lower = ", ".join(one for one in (finding.dose, rate) if one)
    if finding.action == "held":
        return "held" + until + (f", then {lower}" if lower else "")
    return finding.action + (f" to {lower}" if lower else "")


def in_days(said: str, word: str = "") -> str:
    """The same text with its dates as study days, each behind a word, and their times behind them."""
    return DATE.sub(lambda found: f"{word}{study_day(date.fromisoformat(found[1]))}" + _at(found[2]), said)


def _at(time: str | None) -> str:
    return f" {time[1:]}" if time else ""


def _sent(trial: Trial, stands: dict[str, AnyFinding], messages: Iterable[Message]) -> tuple[Trial, list[Change]]:
    made: list[Change] = []
    for message in messages:
        trial, changes = step(trial, read(message), trial.position + 1)
        made.extend(changes)
        for change in changes:
            if change.state == "withdrawn":
                del stands[change.finding.key]
            else:
                stands[change.finding.key] = change.finding
    return trial, made


def _expected(expect: Expected) -> Seen:
    named = {kind: getattr(expect, kind) or {} for kind in Expected.model_fields if kind in expect.model_fields_set}
    return {kind: {name: _listed(said) for name, said in all_.items()} for kind, all_ in named.items()}


def _listed(said: str | list[str]) -> str:
    return said if isinstance(said, str) else "; ".join(sorted(said))


KIND_OF = {"participant_rule": "rules", "dose_decision": "drugs", "query": "queries", "grade": "grades"}
"""Which kinds of findings a page quotes, and under which word a story names them."""


def _sentences(changes: Iterable[Change], kinds: Container[str]) -> Iterator[str]:
    """What was raised or changed, in the finding's own words, and what was taken back; of two changes, the last."""
    last = {change.finding.key: change for change in changes if KIND_OF.get(change.finding.kind, "") in kinds}
    for _, change in sorted(last.items()):
        if isinstance(change.finding, GradeFinding) and change.finding.low == change.finding.high == 0:
            continue
        yield _quoted(change)


def _quoted(change: Change) -> str:
    """The sentence of a finding, without what the page says above of its rule; what is taken back, in short."""
    sentence = change.finding.sentence.partition(" The protocol says: ")[0]
    if change.state != "withdrawn":
        return sentence
    match change.finding:
        case DoseDecisionFinding():
            sentence = sentence.partition(" since ")[0]
        case ParticipantRuleFinding():
            sentence = sentence.partition(": ")[0]
    return f"No longer: {sentence.rstrip('.')}."
