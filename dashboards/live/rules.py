"""Is any group being harmed? The cohort rules of the protocol in force, each with its verdicts, its bound, its path."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from clinical.cohort_rules import boundary_of, scopes
from clinical.protocol import CohortRule, Protocol
from clinical.stopping.boundary import Boundary
from clinical.stopping.characteristics import operating_characteristics
from dashboards.live.cuts import read_instant
from dashboards.panels import Chart, Reader, Row
from dashboards.panels.stopping import CARDS, PATH_SO_FAR, WHO_COUNTS

HEADLINES = {
    "official": "At the bound",
    "certain": "Will reach the bound",
    "possible": "Could reach the bound",
    "below": "Below the bound",
}

_CERTAIN = "Known events in {} already reach the bound; the rule itself still waits for pending participants."
_POSSIBLE = "Not by the rule. In {} the bound would be reached if every pending participant had the event."
ANSWERS = (
    (
        "official",
        "By the stopping rule, yes: {} has reached its bound.",
        "By the stopping rule, yes: {} have reached their bounds.",
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
    verdict: str
    x: int
    n: int
    bound: int | None
    distance: int | None
    next_look: tuple[int, int] | None
    """The first look after n at which the rule can stop, with its bound."""
    enrolled: int
    events: int
    pending: int
    official: bool
    certain: bool
    possible: bool
    official_since: datetime | None
    official_from: int | None
    sentence: str
    last_look: int
    counted: Mapping[str, Sequence[Row]]
    """The participants by what they count as."""
    chart: Mapping[str, Any]

    @property
    def headline(self) -> str:
        """The strongest verdict, in words that are read from afar."""
        return HEADLINES[self.verdict]

    @property
    def key(self) -> str:
        """A name for this card on the page."""
        return f"{self.rule.id}-{self.scope}"

    @property
    def picture(self) -> str:
        """The chart in words."""
        bound = f"the bound there is {self.bound}" if self.bound is not None else "there is no bound there"
        return (
            f"Boundary of {self.name}: {self.x} of {self.n} evaluable participants had the event, {bound}; "
            f"{self.events} known events among {self.enrolled} enrolled, {self.pending} pending."
        )


def cards(store: Reader, trial: str, as_of: int, protocol: Protocol) -> list[Card]:
    """A card for each rule of the protocol in each of its scopes, in the protocol's order."""
    stands = {(row["rule"], row["scope"]): json.loads(row["body"]) for row in CARDS.rows(store, trial, as_of)}
    paths = _by_scope(PATH_SO_FAR.rows(store, trial, as_of))
    people = _by_scope(WHO_COUNTS.rows(store, trial, as_of))
    return [
        _card(protocol, rule, scope, stands.get((rule.id, scope)), paths, people)
        for rule in protocol.cohort_rules
        for scope in scopes(protocol, rule)
    ]


def answer(found: Sequence[Card]) -> tuple[str, str]:
    """The question of the first page, answered in one sentence, and the strongest verdict behind it."""
    for verdict, one, many in ANSWERS:
        names = [card.name for card in found if card.verdict == verdict]
        if names:
            return (one if len(names) == 1 else many).format(" and ".join(names)), verdict
    if not any(card.enrolled for card in found):
        return "Nobody is evaluable yet.", "below"
    return "No group has reached its stopping bound, and none could with the participants now in their window.", "below"


@lru_cache(maxsize=64)
def chances(rule: CohortRule) -> tuple[tuple[Decimal, float], ...]:
    """How often the rule stops a trial, if the true rate is what the protocol tolerates, or a fifth more."""
    boundary = boundary_of(rule)
    rates = [rate for rate in (rule.p0, rule.p0 + Decimal("0.2")) if rate <= 1]
    return tuple((rate, float(operating_characteristics(boundary, rate).p_stop)) for rate in rates)


def assumptions(protocol: Protocol) -> list[tuple[str, str, str]]:
    """What the public record does not give and the rules rest on: path, value, reason."""
    resting = ("cohort_rules", "windows.toxicity_days", "participant_rules", "causality")
    return [
        (path, _value_at(protocol, path), reason)
        for path, reason in protocol.assumed.items()
        if path.startswith(resting)
    ]


def _value_at(protocol: Protocol, path: str) -> str:
    node: Any = protocol.model_dump(mode="json")
    for step in path.split("."):
        node = node[int(step)] if isinstance(node, list | tuple) else node[step]
    return ", ".join(f"{name} {value}" for name, value in node.items()) if isinstance(node, dict) else str(node)


def _by_scope(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["rule"], row["scope"]].append(row)
    return grouped


NOTHING_YET = {
    "verdict": "below",
    "x": 0,
    "n": 0,
    "bound": None,
    "distance": None,
    "enrolled": 0,
    "events": 0,
    "pending": 0,
    "official": False,
    "certain": False,
    "possible": False,
    "sentence": "Nothing is known yet.",
}


def _card(
    protocol: Protocol,
    rule: CohortRule,
    scope: str,
    stands: Mapping[str, Any] | None,
    paths: Mapping[tuple[str, str], list[Row]],
    people: Mapping[tuple[str, str], list[Row]],
) -> Card:
    finding: Mapping[str, Any] = stands or NOTHING_YET
    boundary = boundary_of(rule)
    path = paths.get((rule.id, scope), [])
    since = _official_since(path) if finding["official"] else None
    counted: dict[str, list[Row]] = defaultdict(list)
    everybody = (row for (of, _), rows in people.items() if of == rule.id for row in rows)
    for row in people.get((rule.id, scope), []) if scope != "pooled" else everybody:
        counted[row["status"]].append(row)
    fields = ("verdict", "x", "n", "bound", "distance", "enrolled", "events", "pending", "official", "certain")
    return Card(
        rule=rule,
        scope=scope,
        name=protocol.groups[scope].name if scope in protocol.groups else "All groups",
        next_look=boundary.next_after(finding["n"]),
        possible=finding["possible"],
        official_since=read_instant(since["recorded"]) if since and since["recorded"] else None,
        official_from=since["position"] if since else None,
        sentence=finding["sentence"],
        last_look=boundary.looks[-1],
        counted=counted,
        chart=drawn(boundary, path, finding),
        **{name: finding[name] for name in fields},
    )


def _official_since(path: Sequence[Row]) -> Row | None:
    """The first of the last unbroken run of official verdicts."""
    since = None
    for row in reversed(path):
        if row["verdict"] != "official" or row["state"] == "withdrawn":
            break
        since = row
    return since


def drawn(boundary: Boundary, path: Sequence[Row], finding: Mapping[str, Any]) -> dict[str, Any]:
    """The boundary with the path so far, as a Vega-Lite chart with its data."""
    stops = [(look, bound) for look, bound in zip(boundary.looks, boundary.stop_at, strict=True) if bound is not None]
    most = finding["events"] + finding["pending"]
    top = max([bound for _, bound in stops] + [most, finding["x"]]) + 1
    line = [{"n": look, "x": bound, "top": top} for look, bound in stops]
    encoding = PATH_SO_FAR.encoding
    assert isinstance(encoding, Chart)
    chart = encoding.with_data(
        _steps(path),
        stop=line,
        label=[{"n": line[0]["n"], "x": top, "text": "stop"}] if line else [],
        here=[{"n": finding["n"], "x": finding["x"]}],
        open=[{"n": finding["enrolled"], "x": finding["events"], "most": most}] if finding["pending"] else [],
    )
    chart["encoding"] = {
        "x": chart["encoding"]["x"] | {"scale": {"domain": [0, boundary.looks[-1]], "nice": False}},
        "y": chart["encoding"]["y"] | {"scale": {"domain": [0, top], "nice": False}},
    }
    return chart


def _steps(path: Sequence[Row]) -> list[Row]:
    """The points of the official run in the order in which they were reached."""
    points: list[Row] = []
    for row in path:
        here = {"n": row["n"], "x": row["x"]}
        if row["state"] != "withdrawn" and (not points or (points[-1]["n"], points[-1]["x"]) != (row["n"], row["x"])):
            points.append(here | {"step": len(points)})
    return points
