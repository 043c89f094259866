"""Who had which toxicity, how severe? Term × grade × group; participants; a term without any stays."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from dashboards.live.frame import Frame
from dashboards.panels import Row
from dashboards.panels.toxicity import GRADES, LEFT_OUT, TABLE

CHOICES = {
    "basis": (
        "Source",
        {"both": "reported and laboratory", "reported": "reported events", "laboratory": "laboratory values"},
    ),
    "period": ("Began", {"treatment": "since first dose", "any": "any time"}),
    "order": ("Order", {"worst": "most severe first", "name": "by name"}),
}
"""What a reader may choose: parameter, title, values with their words."""


def toxicity(framed: Frame, basis: str, period: str, order: str) -> dict[str, Any]:
    """The table, and what a reader may choose."""
    told, left_out = framed.ask(TABLE, basis=basis, period=period), framed.ask(LEFT_OUT, basis=basis)
    rows = told()
    groups = framed.groups([row["scope"] for row in rows])
    terms: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        terms[row["term"]][row["scope"]] = row
    table = [_entry(term, by_scope, groups) for term, by_scope in terms.items()]
    table.sort(key=lambda e: e["term"].lower() if order == "name" else (-e["severe"], -e["any"], e["term"].lower()))
    return {
        "table": table,
        "groups": groups,
        "grades": GRADES,
        "left_out": left_out()[0] if period == "treatment" else None,
        "description": TABLE.description,
        **_choices({"basis": basis, "period": period, "order": order}, framed.cut.asked),
    }


def _entry(term: str, by_scope: dict[str, Row], groups: Sequence[tuple[str, str]]) -> dict[str, Any]:
    nobody = {"enrolled": 0, "numbers": []}
    counted = [_counted(scope, by_scope.get(scope, nobody)) for scope, _ in groups]
    return {
        "term": term,
        "groups": counted,
        "severe": sum(group["severe"][0] for group in counted),
        "any": sum(group["any"][1] for group in counted),
    }


def _counted(scope: str, row: Row) -> dict[str, Any]:
    return {
        "scope": scope,
        "enrolled": row["enrolled"],
        "grades": [row.get(f"grade_{grade}", 0) for grade in GRADES],
        "not_graded": row.get("not_graded", 0),
        "any": (row.get("any_least", 0), row.get("any_most", 0)),
        "severe": (row.get("severe_least", 0), row.get("severe_most", 0)),
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
    }
