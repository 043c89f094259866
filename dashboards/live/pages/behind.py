"""What is behind a number? Numerator and denominator, one by one, each with the facts that it rests on."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from dashboards.live.frame import Frame
from dashboards.live.questions import in_words
from dashboards.live.telling import tell
from dashboards.live.words import count, plain
from dashboards.panels import Row
from dashboards.panels.cuts import RECORDS
from dashboards.panels.overview import OPEN
from dashboards.panels.people import DECIDING, MEASURES, NAMED, SUMMARY
from dashboards.panels.stopping import IN_ORDER
from dashboards.panels.toxicity import GRADES, OF_TERM, TABLE


@dataclass(frozen=True, slots=True)
class Evidence:
    """One participant or record that a number counts, and the facts behind it."""

    participant: str
    sentence: str
    facts: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Pile:
    """What is counted together."""

    key: str
    title: str
    counted: int
    evidence: tuple[Evidence, ...]
    open: bool = True
    """Whether it is the number itself; what it is divided by is folded."""


@dataclass(frozen=True, slots=True)
class Number:
    """Which number was asked about, as it stands in the address."""

    of: str
    name: str
    scope: str
    basis: str
    period: str


def behind(framed: Frame, number: Number) -> dict[str, Any] | None:
    """A number's title, meaning and piles; None where there is no such number."""
    made = OPENED[number.of](framed, number) if number.of in OPENED else None
    if made is None:
        return None
    title, meaning, piles = made
    group = framed.group_name(number.scope) if number.scope else "All groups"
    return {"title": title, "meaning": meaning, "piles": piles, "keep": asdict(number), "group": group}


Made = tuple[str, str, list[Pile]] | None


def _people(framed: Frame, number: Number) -> Made:
    measure = MEASURES.get(number.name)
    if measure is None:
        return None
    counted, everybody = _counted(framed, number), _counted(framed, replace(number, name="enrolled"))
    numerator = Pile("counted", measure.title, *counted)
    return measure.title, SUMMARY.description, [numerator, Pile("of", "of enrolled", *everybody, open=False)]


def _counted(framed: Frame, number: Number) -> tuple[int, tuple[Evidence, ...]]:
    """How many a measure counts in a group, or in all, and what makes each count."""
    named, told = framed.ask(NAMED, measure=number.name), framed.ask(DECIDING, measure=number.name)
    people = {row["participant"]: row["counted"] for row in named() if number.scope in ("", row["scope"])}
    facts = [fact for fact in told() if people.get(fact["participant"])]
    return sum(people.values()), tuple(map(_decided, facts))


def _decided(fact: Row) -> Evidence:
    """A participant, by the fact that decides it."""
    told = _told(fact | {"cause": f"{fact['source']}|{fact['record']}"})
    return Evidence(fact["participant"], told["said"], (told,))


def _told(fact: Row) -> Row:
    return fact | {"said": tell(fact["fact"], orjson.loads(fact["data"]))}


def _toxicity(framed: Frame, number: Number) -> Made:
    told = framed.ask(OF_TERM, term=number.name, basis=number.basis, period=number.period)
    enrolled = _counted(framed, replace(number, name="enrolled"))
    rows = [row for row in told() if row["scope"] == number.scope and row["counts"]]
    by_participant: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_participant[row["participant"]].append(row)
    worst = {name: _worst(own) for name, own in by_participant.items()}
    facts = _facts(framed, [row for row, _ in worst.values()])
    piles = [
        Pile(key, title, len(own), tuple(_evidence(row, facts) for row in own))
        for key, title in (*((str(grade), f"Grade {grade}") for grade in GRADES), ("x", "Not graded"))
        if (own := [row for row, at in worst.values() if at == key])
    ]
    return number.name, TABLE.description, [*piles, Pile("of", "of enrolled", *enrolled, open=False)]


def _worst(rows: Sequence[Row]) -> tuple[Row, str]:
    """What decides a participant: the worst known grade; where none is above 0, what is not graded."""
    known = max((row for row in rows if row["grade"]), key=lambda row: int(row["grade"]), default=None)
    if known is not None:
        return known, str(known["grade"])
    open_ = next((row for row in rows if row["grade"] is None and row["most"] > 0), None)
    return (open_, "x") if open_ is not None else (rows[0], "0")


STATUSES = {
    "event": "With the event",
    "pending": "Still in the window",
    "completed": "Completed the window without it",
    "not_evaluable": "Not evaluable",
}


def _rule(framed: Frame, number: Number) -> Made:
    rows = [row for row in framed.ask(IN_ORDER)() if (row["rule"], row["scope"]) == (number.name, number.scope)]
    facts = _facts(framed, rows)
    piles = [
        Pile(status, title, len(own), tuple(_evidence(row, facts) for row in own))
        for status, title in STATUSES.items()
        for own in ([row for row in rows if row["status"] == status],)
    ]
    return plain(number.name), IN_ORDER.description, piles


def _question(framed: Frame, number: Number) -> Made:
    what, _, question = number.name.partition("/")
    rows = [row for row in framed.ask(OPEN)() if (row["what"], row["question"]) == (what, question)]
    facts = _facts(framed, rows)
    who = count(len({row["participant"] for row in rows}), "participant")
    evidence = tuple(_evidence(row, facts) for row in rows)
    return in_words(what, question), OPEN.description, [Pile("open", f"Open, in {who}", len(rows), evidence)]


def _facts(framed: Frame, rows: Iterable[Row]) -> dict[str, Row]:
    """What the records now say that caused these findings."""
    records = "\n".join(sorted({cause for row in rows for cause in row["causes"]}))
    return {row["cause"]: _told(row) for row in framed.ask(RECORDS, records=records)()} if records else {}


def _evidence(row: Row, facts: Mapping[str, Row]) -> Evidence:
    return Evidence(row["participant"], row["sentence"], tuple(facts[key] for key in row["causes"] if key in facts))


OPENED: dict[str, Callable[[Frame, Number], Made]] = {
    "people": _people,
    "toxicity": _toxicity,
    "rule": _rule,
    "question": _question,
}
"""Which numbers can be opened: by where they stand."""
