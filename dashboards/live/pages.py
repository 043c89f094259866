"""What stands on each page? Rows of the panels at one cut, arranged for reading; nothing is computed in templates."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from clinical.protocol import Protocol, read_protocol
from dashboards.live.cuts import Cut, read_instant
from dashboards.live.rules import answer, assumptions, cards, chances
from dashboards.live.telling import plain_name, tell
from dashboards.live.words import day, plain
from dashboards.panels import Reader, Row
from dashboards.panels.cuts import IN_FORCE, NAMED
from dashboards.panels.overview import MISSING, RECENT, SUMMARY
from dashboards.panels.participants import FACTS_OF_ONE, FINDINGS_OF_ONE, LIST, SCREENING
from dashboards.panels.pipeline import REFUSED, SOURCES
from dashboards.panels.toxicity import GRADES, LEFT_OUT, TABLE

FRESH, SLOW = timedelta(days=3), timedelta(days=10)
"""A source that spoke within three days, a long weekend, is fresh; after ten it is silent. It is only a colour."""

NOT_FROM_SITES = {"trial", "people"}
"""Families that speak of the trial itself, when there is something to say: their silence means nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source and how long it has been silent, by the ledger's own clock."""

    name: str
    facts: int
    last: datetime
    silent: timedelta

    @property
    def state(self) -> str:
        """`fresh`, `slow` or `silent`."""
        return freshness(self.silent)


def freshness(silent: timedelta) -> str:
    """`fresh`, `slow` or `silent`."""
    return "fresh" if silent <= FRESH else "slow" if silent <= SLOW else "silent"


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands on every page: the trial, the cut, what is in force, who speaks."""

    cut: Cut
    head: int
    """The last position of the ledger itself."""
    protocol: Protocol | None
    clock: str | None
    sources: tuple[Source, ...]
    named: Sequence[Row]

    @property
    def earlier(self) -> list[tuple[str, str]]:
        """Cuts a while before this one: words and what stands in the address."""
        if self.cut.recorded is None:
            return []
        steps = (("a day earlier", 1), ("a week earlier", 7), ("30 days earlier", 30))
        return [(words, f"{self.cut.recorded - timedelta(days=days):%Y-%m-%dT%H:%MZ}") for words, days in steps]


def frame(store: Reader, cut: Cut, head: int) -> Frame:
    """The frame of a page at a cut."""
    in_force = IN_FORCE.rows(store, cut.trial, cut.position)
    return Frame(
        cut=cut,
        head=head,
        protocol=read_protocol(in_force[0]["protocol"]) if in_force else None,
        clock=in_force[0]["clock"] if in_force else None,
        sources=_sources(SOURCES.rows(store, cut.trial, cut.position)),
        named=NAMED.rows(store, cut.trial, cut.newest),
    )


def _sources(rows: Sequence[Row]) -> tuple[Source, ...]:
    """The sources that speak of participants."""
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["family"] not in NOT_FROM_SITES:
            by_name[row["source"]].append(row)
    return tuple(
        Source(
            name,
            sum(row["facts"] for row in told),
            max(read_instant(row["last_recorded"]) for row in told),
            timedelta(seconds=min(row["silent_seconds"] for row in told)),
        )
        for name, told in by_name.items()
    )


def overview(store: Reader, framed: Frame) -> dict[str, Any]:
    """Is any group being harmed, what changed last, what is missing?"""
    trial, as_of, protocol = framed.cut.trial, framed.cut.position, framed.protocol
    found = cards(store, trial, as_of, protocol) if protocol else []
    sentence, verdict = answer(found)
    return {
        "cards": found,
        "answer": sentence if protocol else "No protocol is in force at this cut.",
        "verdict": verdict,
        "chances": [(rule, chances(rule)) for rule in (protocol.cohort_rules if protocol else ())],
        "assumed": assumptions(protocol) if protocol else [],
        "summary": _by_group(SUMMARY.rows(store, trial, as_of), protocol),
        "recent": RECENT.rows(store, trial, as_of),
        "missing": MISSING.rows(store, trial, as_of),
    }


COUNTS = (
    "enrolled", "treated", "on_treatment", "stopped_for_toxicity", "deaths", "deaths_of_event", "deaths_unknown",
    "serious", "serious_ongoing",
)  # fmt: skip


def _by_group(rows: Sequence[Row], protocol: Protocol | None) -> list[Row]:
    """One row for each group of the protocol, and any other that was enrolled into, with its name; then all."""
    by_scope = {row["scope"]: row for row in rows}
    scopes = [
        *(protocol.groups if protocol else ()),
        *(s for s in by_scope if not protocol or s not in protocol.groups),
    ]
    groups = [
        dict.fromkeys(COUNTS, 0) | by_scope.get(scope, {}) | {"scope": scope, "name": group_name(protocol, scope)}
        for scope in scopes
    ]
    together = {name: sum(group[name] for group in groups) for name in COUNTS}
    return [*groups, together | {"scope": "", "name": "All"}]


def group_name(protocol: Protocol | None, scope: str) -> str:
    """What boards call a group."""
    return protocol.groups[scope].name if protocol and scope in protocol.groups else scope


CHOICES = {
    "basis": (
        "Source",
        {"both": "reported and laboratory", "reported": "reported events", "laboratory": "laboratory values"},
    ),
    "period": ("Began", {"treatment": "since first dose", "any": "any time"}),
    "order": ("Order", {"worst": "most severe first", "name": "by name"}),
}
"""What a reader may choose on the toxicity page: parameter, title, values with their words."""


def toxicity(store: Reader, framed: Frame, basis: str, period: str, order: str) -> dict[str, Any]:
    """Term × grade × group, participants; terms without any participant stay."""
    trial, as_of = framed.cut.trial, framed.cut.position
    rows = TABLE.rows(store, trial, as_of, basis=basis, period=period)
    groups = _groups_of(rows, framed.protocol)
    terms: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        terms[row["term"]][row["scope"]] = _counted(row)
    table: list[dict[str, Any]] = [
        {"term": term, "groups": [by_scope.get(scope) or _counted({"enrolled": 0}) for scope, _ in groups]}
        for term, by_scope in terms.items()
    ]
    for entry in table:
        entry["severe"] = sum(group["severe"] for group in entry["groups"])
        entry["any"] = sum(group["any"] + group["not_graded"] for group in entry["groups"])
    table.sort(key=lambda e: e["term"].lower() if order == "name" else (-e["severe"], -e["any"], e["term"].lower()))
    return {
        "table": table,
        "groups": groups,
        "grades": GRADES,
        "left_out": LEFT_OUT.rows(store, trial, as_of, basis=basis)[0] if period == "treatment" else None,
        "description": TABLE.description,
        **_choices({"basis": basis, "period": period, "order": order}, framed.cut.asked),
    }


def _choices(chosen: dict[str, str], asked: str | None) -> dict[str, Any]:
    """Links that change one choice and keep the others, and the cut."""
    cut = {} if asked is None else {"as_of": asked}
    return {
        "choices": [
            {
                "title": title,
                "options": [
                    {"words": words, "query": urlencode(chosen | {name: value} | cut), "chosen": chosen[name] == value}
                    for value, words in values.items()
                ],
            }
            for name, (title, values) in CHOICES.items()
        ],
        "keep": chosen,
        "keep_query": urlencode(chosen) + "&",
    }


def _groups_of(rows: Sequence[Row], protocol: Protocol | None) -> list[tuple[str, str]]:
    enrolled = {row["scope"] for row in rows}
    known = [*(protocol.groups if protocol else ())]
    return [(scope, group_name(protocol, scope)) for scope in [*known, *sorted(enrolled - {*known})]]


def _counted(row: Row) -> Row:
    grades = [row.get(f"grade_{grade}", 0) for grade in GRADES]
    return {
        "enrolled": row["enrolled"],
        "grades": grades,
        "not_graded": row.get("not_graded", 0),
        "any": sum(grades),
        "severe": sum(grades[2:]),
    }


def participants(store: Reader, framed: Frame) -> dict[str, Any]:
    """Everybody enrolled at the cut, in order of enrolment."""
    rows = LIST.rows(store, framed.cut.trial, framed.cut.position)
    for row in rows:
        row["group_name"] = group_name(framed.protocol, row["scope"])
        row["status"], row["status_detail"] = _status(row)
    (screening,) = SCREENING.rows(store, framed.cut.trial, framed.cut.position)
    return {"participants": rows, "description": LIST.description, "screening": screening}


def _status(row: Row) -> tuple[str, str]:
    """Where a participant stands, in words: the last thing that can be said."""
    if row["died_on"]:
        return "died", f"{day(row['died_on'])}, {plain(row['death_cause'])}"
    if row["withdrew_on"]:
        return "left the trial", day(row["withdrew_on"])
    if row["ended_on"]:
        return "treatment ended", f"{day(row['ended_on'])}, {plain(row['end_cause'])}"
    return ("on treatment", "") if row["first_dose"] else ("not yet treated", "")


ROUTINE = {"LabResulted", "VitalSignMeasured"}


def participant(store: Reader, framed: Frame, name: str) -> dict[str, Any] | None:
    """One participant's time line: facts in the order in which they happened, each with what followed from it."""
    trial, as_of = framed.cut.trial, framed.cut.position
    facts = FACTS_OF_ONE.rows(store, trial, as_of, participant=name)
    if not facts:
        return None
    changes: dict[int, list[Row]] = defaultdict(list)
    for change in FINDINGS_OF_ONE.rows(store, trial, as_of, participant=name):
        changes[change["valid_from"]].append(change)
    known = [row for row in participants(store, framed)["participants"] if row["participant"] == name]
    newest = {(row["source"], row["record"]): row for row in sorted(facts, key=lambda row: int(row["position"]))}
    entries = [_entry(row, newest[row["source"], row["record"]], changes[row["position"]]) for row in facts]
    first = known[0]["first_dose"] if known else ""
    return {"participant": name, "known": known[0] if known else None, "days": _by_day(entries, first)}


def _entry(row: Row, newest: Row, changes: list[Row]) -> dict[str, Any]:
    data = json.loads(row["data"])
    loud = [change for change in changes if _is_notable(change)]
    return {
        "position": row["position"],
        "occurred": read_instant(row["occurred"]),
        "recorded": read_instant(row["recorded"]),
        "fact": plain_name(row["fact"]),
        "family": row["fact"],
        "said": tell(row["fact"], data),
        "source": row["source"],
        "record": row["record"],
        "revision": row["revision"],
        "superseded": newest["position"] if newest["position"] != row["position"] else None,
        "withdrawn": newest["fact"] == "RecordWithdrawn",
        "changes": loud,
        "quiet": row["fact"] in ROUTINE and not loud and row["revision"] == 1,
        "about_trial": not row["participant"],
    }


def _is_notable(change: Row) -> bool:
    """All but what every ordinary result says: a first grade 0."""
    return bool(change["kind"] != "grade" or change["state"] != "raised" or change["grade"] != 0)


def _by_day(entries: Sequence[dict[str, Any]], first_dose: str) -> list[dict[str, Any]]:
    days: dict[str, dict[str, Any]] = {}
    for entry in entries:
        on = f"{entry['occurred']:%Y-%m-%d}"
        told = days.setdefault(on, {"day": on, "number": _day_number(on, first_dose), "loud": [], "quiet": []})
        told["quiet" if entry["quiet"] else "loud"].append(entry)
    return [*days.values()]


def _day_number(on: str, first_dose: str) -> int | None:
    """Day 1 is the day of the first dose; there is no day 0. Source: SDTM study day (--DY)."""
    if len(first_dose) < 10:
        return None
    apart = (datetime.fromisoformat(on) - datetime.fromisoformat(first_dose[:10])).days
    return apart + 1 if apart >= 0 else apart


def pipeline(store: Reader, framed: Frame) -> dict[str, Any]:
    """Facts by source, freshness, quarantine with its messages."""
    cut = framed.cut
    comparable = framed.clock == "system" and cut.recorded is not None and not cut.is_now
    until = f"{cut.recorded:%Y-%m-%d %H:%M:%S.%f}" if comparable else ""
    rows = SOURCES.rows(store, cut.trial, cut.position)
    states = {source.name: source.state for source in framed.sources}
    for row in rows:
        row["state"] = "fresh" if row["family"] in NOT_FROM_SITES else states[row["source"]]
    refused = REFUSED.rows(store, cut.trial, cut.position, until=until)
    return {
        "rows": rows,
        "facts": sum(row["facts"] for row in rows),
        "speakers": len({row["source"] for row in rows}),
        "refused": refused,
        "messages": sum(row["messages"] for row in refused),
        "beyond_cut": not cut.is_now and not comparable,
        "sources_description": SOURCES.description,
        "quarantine_description": REFUSED.description,
    }
