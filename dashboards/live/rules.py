"""Is any group being harmed? The cohort rules of the protocol in force, each with its verdicts, its bound, its path."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from clinical.cohort_rules import boundary_of, scopes
from clinical.protocol import CohortRule, Protocol
from clinical.stopping.boundary import Boundary
from clinical.stopping.characteristics import operating_characteristics
from dashboards.live.asking import Asking
from dashboards.live.cuts import recorded_at
from dashboards.live.words import count, day
from dashboards.panels import Chart, Row
from dashboards.panels.stopping import CARDS, IN_ORDER

HEADLINES = {
    "official": "Bound reached",
    "certain": "Will reach the bound",
    "possible": "Could reach the bound",
    "below": "Below the bound",
}

_CERTAIN = "Known events in {} already reach the bound; the rule itself still waits for those in their window."
_POSSIBLE = "Not by the rule. In {} the bound would be reached if every pending participant had the event."
ANSWERS = (
    (
        "official",
        "By the stopping rule, yes: {} reached its bound{}.",
        "By the stopping rule, yes: {} reached their bounds.",
    ),
    ("certain", _CERTAIN, _CERTAIN),
    ("possible", _POSSIBLE, _POSSIBLE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One cohort rule in one scope."""

    rule: CohortRule
    scope: str
    name: str
    """What boards call the scope."""
    finding: Mapping[str, Any]
    """What the rule concludes: the fields of a `CohortRuleFinding`."""
    boundary: Boundary
    counted: Mapping[str, int]
    """How many of the enrolled count as what."""
    official_since: datetime | None
    official_from: int
    chart: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """The strongest of the three verdicts."""
        return str(self.finding["verdict"])

    @property
    def headline(self) -> str:
        """The strongest verdict, in words that are read from afar."""
        return HEADLINES[self.verdict]

    @property
    def key(self) -> str:
        """A name for this card on the page."""
        return f"{self.rule.id}-{self.scope}"

    @property
    def distance(self) -> str:
        """How far it is to the next bound."""
        ahead = self.boundary.next_after(self.finding["n"])
        if ahead is None or self.finding["official"]:
            return ""
        look, bound = ahead
        return f"{count(self.finding['distance'] or 0, 'event')} short of the bound of {bound} at {look}."

    @property
    def basis(self) -> str:
        """Who stands behind the numbers: everybody enrolled is named once."""
        beyond = self.counted["enrolled"] - self.counted["not_evaluable"] - self.finding["enrolled"]
        parts = [
            f"{self.counted['enrolled']} enrolled",
            f"{self.counted['not_evaluable']} not evaluable" if self.counted["not_evaluable"] else "",
            f"{beyond} after the last look at {self.boundary.looks[-1]}" if beyond > 0 else "",
            f"{self.finding['pending']} still in the window",
            f"{count(self.finding['events'], 'event')} known",
        ]
        return ", ".join(part for part in parts if part) + "."

    @property
    def picture(self) -> str:
        """The chart in words."""
        x, n, bound = (self.finding[name] for name in ("x", "n", "bound"))
        there = f"the bound there is {bound}" if bound is not None else "there is no bound there"
        return f"Boundary of {self.name}: {x} of {n} evaluable participants had the event, {there}; {self.basis}"


def cards(ask: Asking, protocol: Protocol) -> list[Card]:
    """A card for each rule of the protocol in each of its scopes, in the protocol's order."""
    told, path = ask(CARDS), ask(IN_ORDER)
    stands = {(row["rule"], row["scope"]): row for row in told()}
    people: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in path():
        people[row["rule"], row["scope"]].append(row)
    return [
        _card(ask, protocol, rule, scope, stands.get((rule.id, scope)), people[rule.id, scope])
        for rule in protocol.cohort_rules
        for scope in scopes(protocol, rule)
    ]


def answer(found: Sequence[Card]) -> tuple[str, str]:
    """The question of the first page, answered in one sentence, and the strongest verdict behind it."""
    for verdict, one, many in ANSWERS:
        such = [card for card in found if card.verdict == verdict]
        if such:
            since = f" on {day(such[0].official_since)}" if such[0].official_since else ""
            return (one if len(such) == 1 else many).format(" and ".join(card.name for card in such), since), verdict
    if not any(card.finding["enrolled"] for card in found):
        return "Nobody is evaluable yet.", "below"
    return "No group has reached its stopping bound, and none could with the participants now in their window.", "below"


@lru_cache(maxsize=64)
def chances(rule: CohortRule) -> tuple[tuple[Decimal, float], ...]:
    """How often the rule stops a trial, if the true rate is what the protocol tolerates, or 20 points more."""
    boundary = boundary_of(rule)
    rates = [rate for rate in (rule.p0, rule.p0 + Decimal("0.2")) if rate <= 1]
    return tuple((rate, float(operating_characteristics(boundary, rate).p_stop)) for rate in rates)


NOTHING_YET = {
    "verdict": "below", "x": 0, "n": 0, "bound": None, "distance": None, "enrolled": 0, "events": 0, "pending": 0,
    "official": False, "certain": False, "possible": False,
}  # fmt: skip


def _card(
    ask: Asking, protocol: Protocol, rule: CohortRule, scope: str, stands: Row | None, people: Sequence[Row]
) -> Card:
    finding = json.loads(stands["body"]) if stands else NOTHING_YET
    since = stands["official_from"] if stands else 0
    boundary = boundary_of(rule)
    return Card(
        rule=rule,
        scope=scope,
        name=protocol.groups[scope].name if scope in protocol.groups else "All groups",
        finding=finding,
        boundary=boundary,
        counted=Counter(row["status"] for row in people) | Counter(enrolled=len(people)),
        official_since=recorded_at(ask.store, ask.trial, since) if since else None,
        official_from=since,
        chart=drawn(boundary, people, finding),
    )


def drawn(boundary: Boundary, people: Sequence[Row], finding: Mapping[str, Any]) -> dict[str, Any]:
    """The boundary with the path so far, as a Vega-Lite chart with its data."""
    bounds = [(look, bound) for look, bound in zip(boundary.looks, boundary.stop_at, strict=True) if bound is not None]
    path = [{"n": 0, "x": 0, "most": 0}, *_path(people, boundary.looks[-1])]
    top = max([bound for _, bound in bounds] + [point["most"] for point in path]) + 1
    stop = [{"n": look, "x": bound, "top": top} for look, bound in bounds]
    crossed = [point for point in path if point["n"] <= finding["n"] and _stops(boundary, point)][:1]
    encoding = IN_ORDER.encoding
    assert isinstance(encoding, Chart)
    chart = encoding.with_data(
        [point for point in path if point["n"] <= finding["n"]],
        stop=stop,
        label=[stop[0] | {"x": top, "text": "stop"}] if stop else [],
        here=[{"n": finding["n"], "x": finding["x"]}],
        crossed=[point | {"text": f"reached at {point['n']}"} for point in crossed],
        open=[point for point in path if point["n"] >= finding["n"]] if finding["pending"] else [],
    )
    chart["encoding"] = {
        "x": chart["encoding"]["x"] | {"scale": {"domain": [0, boundary.looks[-1]], "nice": False}},
        "y": chart["encoding"]["y"] | {"scale": {"domain": [0, top], "nice": False}},
    }
    return chart


def _stops(boundary: Boundary, point: Row) -> bool:
    bound = boundary.bound_at(point["n"])
    return bound is not None and int(point["x"]) >= bound


def _path(people: Sequence[Row], last_look: int) -> list[Row]:
    """After each evaluable participant in order of enrolment: the events known, and what they could be."""
    return [
        {"n": row["n"], "x": row["x"], "most": row["x"] + row["pending"]}
        for row in people
        if row["status"] != "not_evaluable" and row["n"] <= last_look
    ]
