"""Is any group being harmed, how sure is that, what changed since the reader last looked, and what is missing?"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboards.live.assumed import assumptions
from dashboards.live.cuts import recorded_at
from dashboards.live.frame import Frame
from dashboards.live.questions import in_words
from dashboards.live.rules import HEADLINES, answer, cards, chances
from dashboards.live.words import count, plain
from dashboards.panels import Row
from dashboards.panels.overview import CHANGES, MISSING
from dashboards.panels.people import HARMS, MEASURES, SUMMARY

SHOWN = 4
"""Changes that stand on the page at once; the others can be opened."""


@dataclass(frozen=True, slots=True)
class Look:
    """The last look of whoever reads this page: up to where they have seen the trial."""

    position: int
    recorded: datetime | None
    facts: int
    """Facts since then."""
    passed: timedelta | None


def overview(framed: Frame, seen: int | None) -> dict[str, Any]:
    """The first page. `seen`: the position up to which the reader has looked, if they said so."""
    ask = framed.ask
    look = _look(framed, seen)
    since = look.position if look else 0
    summary, changes, missing = ask(SUMMARY), ask(CHANGES, since=since), ask(MISSING)
    before = ask.at(since)(SUMMARY) if look else None
    protocol = framed.protocol
    found = cards(ask, protocol) if protocol else []
    sentence, verdict = answer(found)
    told = _in_one_line([_told(framed, change) for change in _without_repeats(changes())])
    return {
        "cards": found,
        "answer": sentence if protocol else "No protocol is in force at this cut.",
        "verdict": verdict,
        "blind": sum(row["open"] for row in missing() if (row["what"], row["question"]) == ("grade", "reported")),
        "chances": [(rule, chances(rule)) for rule in (protocol.cohort_rules if protocol else ())],
        "assumed": assumptions(protocol) if protocol else [],
        "summary": _by_group(framed, summary(), before() if before else None),
        "harms": HARMS,
        "look": look,
        "tally": _tally(told),
        "changes": told[:SHOWN],
        "more": told[SHOWN : 6 * SHOWN],
        "unshown": max(0, len(told) - 6 * SHOWN),
        "missing": [row | {"words": in_words(row["what"], row["question"])} for row in missing()],
    }


def _look(framed: Frame, seen: int | None) -> Look | None:
    """Where the reader was, unless it is ahead of this cut."""
    cut = framed.cut
    if seen is None or seen > cut.position:
        return None
    recorded = recorded_at(framed.ask.store, cut.trial, seen)
    passed = cut.recorded - recorded if cut.recorded and recorded else None
    return Look(seen, recorded, cut.position - seen, passed)


def _by_group(framed: Frame, rows: Sequence[Row], before: Sequence[Row] | None) -> list[Row]:
    """One row for each group, with its name, and one for all; beside each number, how it moved since the last look."""
    now, then = ({row["scope"]: row for row in told} for told in (rows, before or ()))
    groups = [
        {"scope": scope, "name": name}
        | {count: now.get(scope, {}).get(count, 0) for count in MEASURES}
        | {"moved": {count: now.get(scope, {}).get(count, 0) - then.get(scope, {}).get(count, 0) for count in MEASURES}}
        for scope, name in framed.groups([*now])
    ]
    together = {count: sum(group[count] for group in groups) for count in MEASURES}
    moved = {count: sum(group["moved"][count] for group in groups) for count in MEASURES}
    table = [*groups, together | {"scope": "", "name": "All", "moved": moved}]
    return table if before is not None else [row | {"moved": dict.fromkeys(MEASURES, 0)} for row in table]


def _without_repeats(changes: Sequence[Row]) -> list[Row]:
    """The newest change of each participant, term and grade, with how often it came.

    A grade that made a rule true is told by the rule.
    """
    by_rule = {(row["participant"], row["valid_from"]) for row in changes if row["kind"] == "participant_rule"}
    told = [row for row in changes if row["kind"] != "grade" or (row["participant"], row["valid_from"]) not in by_rule]
    times = Counter(map(_about, told))
    newest = {_about(row): row for row in reversed(told)}
    return [row | {"times": times[_about(row)]} for row in told if newest[_about(row)] is row]


def _about(change: Row) -> tuple[str, ...]:
    if change["kind"] == "grade":
        return (change["participant"], change["term"], change["state"], str(change["grade"]))
    return (change["key"], str(change["valid_from"]))


def _told(framed: Frame, change: Row) -> Row:
    """A change with the word that stands before it, and what stands after its participant."""
    holds = change["state"] != "withdrawn"
    said, _, _ = change["sentence"].partition(" The protocol says: ")
    if change["kind"] == "cohort_rule":
        tag, loud = HEADLINES[change["verdict"]], change["verdict"] in ("official", "certain")
        said = f"{framed.group_name(change['scope'])}, {change['x']} of {change['n']} evaluable"
    elif change["kind"] == "participant_rule":
        met, ends = holds and change["verdict"] == "true", change["key"].split("|")[1] in framed.rules_that_only_end
        tag, loud = "rule met" if met else "rule no longer met", met and not ends
        said = said.removeprefix(f"Participant {change['participant']} ")
    else:
        loud = holds and (change["grade"] or 0) >= 3
        tag, said = f"grade {change['grade']}" if loud else "no longer grade ≥ 3", change["term"]
    return change | {"tag": tag, "loud": loud, "said": said}


def _in_one_line(told: Sequence[Row]) -> list[Row]:
    """The rules that one fact moved for one participant, as one change that names them all."""
    of_one: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for change in told:
        alone = change["key"] if change["kind"] != "participant_rule" else ""
        of_one[change["kind"], change["participant"], change["valid_from"], change["tag"], alone].append(change)
    return [_with_all_rules(together) if len(together) > 1 else together[0] for together in of_one.values()]


def _with_all_rules(together: Sequence[Row]) -> Row:
    rules = [plain(change["key"].split("|")[1]) for change in together]
    reasons = dict.fromkeys(change["said"].partition(": ")[2] for change in together)
    loud = any(change["loud"] for change in together)
    said = f"{', '.join(rules[:-1])} and {rules[-1]}: {' '.join(reasons)}"
    return together[0] | {"said": said, "loud": loud}


def _tally(told: Sequence[Row]) -> str:
    """The changes in one line: of rules, how many participants meet one."""
    heard = [change for change in told if change["loud"] or change["kind"] == "cohort_rule"]
    raised = Counter(change["kind"] for change in heard)
    raised["participant_rule"] = len({one["participant"] for one in heard if one["kind"] == "participant_rule"})
    return ", ".join(
        count(number, one, many)
        for number, one, many in (
            (raised["cohort_rule"], "verdict moved", "verdicts moved"),
            (raised["participant_rule"], "participant meets a rule", "participants meet a rule"),
            (raised["grade"], "new grade 3 or higher", "new grades 3 or higher"),
        )
        if number
    )
