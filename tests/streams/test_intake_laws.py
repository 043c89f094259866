"""Laws of intake: whatever comes, each message has exactly one outcome, nothing raises, and the ledger stays whole."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinical.admission import Register
from streams.intake import (
    Accepted,
    Conflict,
    Duplicate,
    Intake,
    Message,
    Outcome,
    Quarantined,
    outcome_line,
    registered,
)
from streams.ledger.sqlite import Ledger
from tests import builders
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, dose, enrolled, lab, revised, tick, withdrawn
from tests.streams.conftest import SetClock

OPENING = (adopted(), enrolled("P-001"), enrolled("P-002"))

GOOD = (
    *OPENING,
    lab(),
    lab("P-002", "HGB", "8.1", unit="g/dL"),
    lab(data={"coded": "NEGATIVE", "operator": "="}, value=None, record="lb/coded"),
    dose(),
    adverse_event(verbatim="fell", causality=(("AK117", "related"), ("cetuximab", "unlikely"))),
    revised(lab(), value="36"),
    withdrawn(dose()),
    tick("2026-06-01T12:00:00Z"),
)

strange_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**17, max_value=10**40),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
    st.sampled_from(["2026-02-31", "9999-12-31T00:00:00Z", "\u0000", "\ud800", "1e5", "", "P-002", "tocsin:clock"]),
)


@st.composite
def changed_messages(draw: Callable[..., Any]) -> bytes:
    """A good message with some fields replaced, removed or added, in the envelope or in its data."""
    told = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    for _ in range(draw(st.integers(1, 3))):
        here = told["data"] if draw(st.booleans()) and isinstance(told.get("data"), dict) else told
        name = draw(st.sampled_from([*sorted(here), "unheard_of"]))
        if draw(st.booleans()):
            here.pop(name, None)
        else:
            here[name] = draw(strange_values)
    return json.dumps(told).encode()


@st.composite
def damaged_messages(draw: Callable[..., Any]) -> bytes:
    """A good message with some bytes cut out, doubled or replaced."""
    raw = as_bytes(draw(st.sampled_from(GOOD)))
    start = draw(st.integers(0, len(raw)))
    end = draw(st.integers(start, min(len(raw), start + 20)))
    between: bytes = draw(st.one_of(st.binary(max_size=8), st.just(raw[start:end] * 2)))
    return raw[:start] + between + raw[end:]


messages = st.one_of(
    st.binary(max_size=200), changed_messages(), damaged_messages(), st.sampled_from(GOOD).map(as_bytes)
)


def received(ledger: Ledger, batches: list[list[bytes]]) -> list[tuple[Outcome, ...]]:
    intake = Intake(ledger, SetClock())
    return [
        intake.receive([Message(raw, f"{batch}:{line}") for line, raw in enumerate(raws)])
        for batch, raws in enumerate([[as_bytes(one) for one in OPENING], *batches])
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(messages, max_size=8), min_size=1, max_size=4))
def test_every_message_has_exactly_one_outcome_and_nothing_raises(batches: list[list[bytes]]) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite")
        outcomes = received(ledger, batches)
        assert [len(outcome) for outcome in outcomes] == [len(OPENING), *(len(raws) for raws in batches)]
        accepted = [one for batch in outcomes for one in batch if isinstance(one, Accepted)]
        assert [(one.position, one.fact) for one in accepted if one.trial == TRIAL] == list(ledger.facts(TRIAL))
        assert sum(ledger.head(trial) for trial in ledger.trials()) == len(accepted)
        held = {one.number: one for one in ledger.quarantined()}
        for batch, raws in zip(outcomes[1:], batches, strict=True):
            for outcome, raw in zip(batch, raws, strict=True):
                json.dumps(outcome_line(outcome)).encode()
                match outcome:
                    case Quarantined() | Conflict():
                        assert held[outcome.number].address == outcome.address
                        assert ledger.quarantined_raw(outcome.number) == raw
                    case Accepted(_, trial, position):
                        assert ledger.raw(trial, position) == raw
                    case Duplicate(_, trial, position):
                        assert 1 <= position <= ledger.head(trial)
        ledger.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages, max_size=12), st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_how_messages_are_batched_changes_nothing(raws: list[bytes], sizes: list[int]) -> None:
    cut: list[list[bytes]] = []
    rest, position = list(raws), 0
    while rest:
        size = sizes[position % len(sizes)]
        cut.append(rest[:size])
        rest, position = rest[size:], position + 1
    assert told_lines([[raw] for raw in raws]) == told_lines([raws]) == told_lines(cut)


def told_lines(batches: list[list[bytes]]) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite")
        lines = [outcome_line(one) for batch in received(ledger, batches)[1:] for one in batch]
        ledger.close()
    return [_without_address(line) for line in lines]


def _without_address(line: dict[str, Any]) -> dict[str, Any]:
    """The number in quarantine goes too: the same bytes from another address are another entry."""
    return {name: value for name, value in line.items() if name not in ("address", "quarantine")}


steps = st.one_of(
    st.builds(lambda number, value: lab(record=f"lb/{number}", value=str(value)), st.integers(1, 3), st.integers(1, 2)),
    st.builds(
        lambda number, revision, value: revised(lab(record=f"lb/{number}"), revision=revision, value=str(value)),
        st.integers(1, 3),
        st.integers(2, 4),
        st.integers(1, 2),
    ),
    st.builds(
        lambda number, revision: withdrawn(lab(record=f"lb/{number}"), revision=revision),
        st.integers(1, 3),
        st.integers(2, 5),
    ),
    st.builds(lambda day: dose(on=f"2026-01-0{day}"), st.integers(1, 9)),
    st.builds(lambda day: revised(enrolled(), revision=day, enrolled_on=f"2026-01-0{day}"), st.integers(2, 9)),
    st.builds(lambda revision: withdrawn(enrolled(), revision=revision), st.integers(2, 9)),
    st.builds(lambda name: enrolled(record=f"dm/{name}"), st.sampled_from("ab")),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=25))
def test_a_register_read_from_the_ledger_is_the_register_that_wrote_it(told: list[builders.Message]) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite")
        intake = Intake(ledger, SetClock())
        intake.receive([Message(as_bytes(one), "told") for one in (*OPENING, *told)])
        assert _contents(registered(ledger, TRIAL)) == _contents(intake.register(TRIAL))
        ledger.close()


def _contents(register: Register) -> dict[str, Any]:
    return vars(register)
