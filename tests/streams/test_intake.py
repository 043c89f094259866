"""Whatever comes to the door has exactly one outcome, and what is bad is kept with its address, never let in."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import schemas
from streams.intake import (
    Accepted,
    Conflict,
    Duplicate,
    Intake,
    Message,
    Quarantined,
    Unusable,
    outcome_line,
)
from streams.ledger.sqlite import Ledger
from tests.builders import (
    TRIAL,
    adopted,
    adverse_event,
    as_bytes,
    dose,
    enrolled,
    lab,
    left_trial,
    message,
    revised,
    tick,
    withdrawn,
)
from tests.streams.conftest import Door, SetClock

OPENING = (adopted(), enrolled())
GOOD = as_bytes(lab())


def with_(**changes: object) -> bytes:
    return as_bytes(lab() | changes)


def with_data(**changes: object) -> bytes:
    return as_bytes(lab(data=changes))


def instead(old: str, new: str) -> bytes:
    """The good message with a piece of its text replaced, for what no JSON writer would write."""
    text = GOOD.decode()
    assert old in text
    return text.replace(old, new).encode("utf-8", "surrogatepass")


TEN_MEGABYTES = 10_000_000

BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "an empty line": (b"\n", ""),
    "blanks": (b"   \t ", ""),
    "no JSON": (b"a fact", ""),
    "half a message": (GOOD[: len(GOOD) // 2], ""),
    "two messages": (GOOD + GOOD, ""),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, ""),
    "UTF-16": (GOOD.decode().encode("utf-16"), ""),
    "Latin-1": (as_bytes(lab(unit="µmol/L")).decode().encode("latin-1"), ""),
    "a cut character": (GOOD[:-1] + b"\xc3", ""),
    "an overlong zero": (GOOD.replace(b"ALT", b"\xc0\x80"), ""),
    "a surrogate in UTF-8": (instead('"U/L"', '"\ud800"'), ""),
    "an array": (b"[" + GOOD + b"]", ""),
    "an empty array": (b"[]", ""),
    "a string": (b'"fact"', ""),
    "a number": (b"42", ""),
    "null": (b"null", ""),
    "true": (b"true", ""),
    "an empty object": (b"{}", "type"),
    "NaN": (instead('"35"', "NaN"), ""),
    "Infinity": (instead('"35"', "-Infinity"), ""),
    "a duplicate key": (instead('"revision":1', '"revision":1,"revision":2'), ""),
    "a duplicate key in data": (instead('"value":"35"', '"value":"35","value":"900"'), ""),
    "a duplicate key by escape": (instead('"value":"35"', '"value":"35","v\\u0061lue":"900"'), ""),
    "a single quote": (instead('"35"', "'35'"), ""),
    "a trailing comma": (GOOD[:-1] + b",}", ""),
    "a comment": (b"/* */" + GOOD, ""),
    "a control character in a string": (instead('"U/L"', '"U\n/L"'), ""),
    "a decimal as a number": (instead('"35"', "35.5"), "data.value"),
    "an integer as a value": (instead('"35"', "35"), "data.value"),
    "an exponent": (instead('"revision":1', '"revision":1e0'), "revision"),
    "an exponent without end": (instead('"35"', "1e999999999"), "data.value"),
    "an exponent in a string": (with_data(value="1e5"), "data.value"),
    "a huge value": (with_data(value="9" * 5_000), "data.value"),
    "a value of 19 digits": (with_data(value="1" * 19), "data.value"),
    "a value with a plus": (with_data(value="+35"), "data.value"),
    "a value with blanks": (with_data(value=" 35"), "data.value"),
    "a value with a comma": (with_data(value="3,5"), "data.value"),
    "a value in other digits": (with_data(value="٣٥"), "data.value"),
    "a value that is not a number": (with_data(value="NaN"), "data.value"),
    "an empty value": (with_data(value=""), "data.value"),
    "an enormous integer": (instead('"revision":1', '"revision":' + "9" * 1_000), "revision"),
    "an integer of 5000 digits": (instead('"revision":1', '"revision":' + "9" * 5_000), ""),
    "a huge revision": (with_(revision=2_000_000, reason="x"), "revision"),
    "a negative revision": (with_(revision=-1), "revision"),
    "revision 0": (with_(revision=0), "revision"),
    "a revision as text": (with_(revision="1"), "revision"),
    "a bool as an integer": (with_(revision=True), "revision"),
    "an integer as a bool": (with_data(fasting=1), "data.fasting"),
    "a revision without reason": (with_(revision=2), "reason"),
    "an empty reason": (with_(revision=2, reason=""), "reason"),
    "a reason of a megabyte": (with_(revision=2, reason="x" * 500_000), "reason"),
    "a string of 10 MB": (with_data(coded="x" * TEN_MEGABYTES, value=None), ""),
    "10 MB of digits": (instead('"revision":1', '"revision":' + "9" * TEN_MEGABYTES), ""),
    "10 MB of brackets": (b"[" * TEN_MEGABYTES, ""),
    "deep arrays": (b"[" * 100_000 + b"]" * 100_000, ""),
    "deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, ""),
    "deep data": (instead('"data":{', '"data":{"x":' + "[" * 5_000 + "]" * 5_000 + ","), ""),
    "data that is nested a little": (with_data(extra=[[[[]]]]), "data.extra"),
    "an unknown field": (with_(colour="red"), "colour"),
    "an unknown field in data": (with_data(colour="red"), "data.colour"),
    "a field name of a megabyte": (with_(**{"x" * 900_000: 1}), "(unknown field)"),
    "an unknown fact": (with_(type="tocsin.MoonRisen.v1"), "type"),
    "an unknown version": (with_(type="tocsin.LabResulted.v99"), "type"),
    "a fact of another vendor": (with_(type="com.example.LabResulted.v1"), "type"),
    "a type that is no text": (with_(type=["tocsin.LabResulted.v1"]), "type"),
    "no type": (as_bytes({name: value for name, value in lab().items() if name != "type"}), "type"),
    "no data": (as_bytes({name: value for name, value in lab().items() if name != "data"}), "data"),
    "data as text": (with_(data="{}"), "data"),
    "no source": (as_bytes({name: value for name, value in lab().items() if name != "source"}), "source"),
    "no participant": (as_bytes({name: value for name, value in lab().items() if name != "subject"}), "subject"),
    "another version of CloudEvents": (with_(specversion="0.3"), "specversion"),
    "another kind of data": (with_(datacontenttype="text/xml"), "datacontenttype"),
    "an old shape that is none": (
        as_bytes(adverse_event() | {"type": "tocsin.AdverseEventReported.v1", "data": 7}),
        "data",
    ),
    "31 February": (with_data(collected="2026-02-31"), "data.collected"),
    "29 February of no leap year": (with_data(collected="2025-02-29"), "data.collected"),
    "month 13": (with_data(collected="2026-13"), "data.collected"),
    "hour 24": (with_data(collected="2026-01-07T24:00"), "data.collected"),
    "the year 9999": (with_data(collected="9999-12-31"), "data.collected"),
    "the year 0000": (with_data(collected="0000-01-01"), "data.collected"),
    "a date with slashes": (with_data(collected="2026/01/07"), "data.collected"),
    "a date as a number": (with_data(collected=20260107), "data.collected"),
    "31 February in time": (with_(time="2026-02-31T00:00:00Z"), "time"),
    "the year 9999 in time": (with_(time="9999-12-31T23:59:59Z"), "time"),
    "the year 1 in time": (with_(time="0001-01-01T00:00:00+12:00"), "time"),
    "a time without zone": (with_(time="2026-01-07T11:00:00"), "time"),
    "a time as a number": (with_(time=1767783600), "time"),
    "a time as digits": (with_(time="1767783600"), "time"),
    "a time in the future": (with_(time="2026-06-03T00:00:00Z"), "time"),
    "an enrolment on 31 February": (
        as_bytes(enrolled("P-009") | {"data": {"enrolled_on": "2026-02-31"}}),
        "data.enrolled_on",
    ),
    "a lone surrogate": (instead('"U/L"', '"\\ud800"'), ""),
    "a lone surrogate in a record": (instead('"record":"lb', '"record":"\\udfff'), ""),
    "a lone surrogate in a key": (instead('"revision"', '"\\udead":1,"revision"'), ""),
    "NUL in an identifier": (with_(record="lb\u0000x"), "record"),
    "NUL in a unit": (with_data(unit="U\u0000L"), "data.unit"),
    "a line's end in an identifier": (with_(record="lb/1\n"), "record"),
    "a blank in an identifier": (with_(trial="AK 117"), "trial"),
    "an identifier of 121 characters": (with_(record="r" * 121), "record"),
    "an empty identifier": (with_(record=""), "record"),
    "an identifier in other letters": (with_(record="аb"), "record"),
    "an unknown trial": (with_(trial="NO-SUCH-TRIAL"), "trial"),
    "an unknown participant": (with_(subject="P-999"), "subject"),
    "a dose before enrolment": (as_bytes(dose(on="2026-01-04")), "data.started"),
    "a tick from outside": (as_bytes(tick("2026-06-01T12:00:00Z")), "type"),
    "a withdrawal of nothing": (as_bytes(withdrawn(lab())), "record"),
    "a protocol that is none": (as_bytes(adopted("not a protocol", record="protocol/2")), "data.protocol"),
    "a protocol with another digest": (
        as_bytes(adopted(record="protocol/2") | {"data": adopted()["data"] | {"digest": "0" * 64}}),
        "data",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_quarantined_and_the_next_message_is_taken(door: Door, name: str) -> None:
    raw, path = BAD[name]
    door.tell(*OPENING)
    before = list(door.ledger.canonical(TRIAL))
    bad, good = door.tell(raw, lab())

    assert isinstance(bad, Quarantined), bad
    assert bad.path == path, bad
    assert bad.message
    assert bad.digest == hashlib.sha256(raw).hexdigest()
    assert isinstance(good, Accepted)
    assert good.position == 3
    assert list(door.ledger.canonical(TRIAL))[:-1] == before
    (held,) = door.ledger.quarantined()
    assert (held.number, held.address, held.digest, held.path, held.message) == (
        bad.number,
        "told:1",
        bad.digest,
        bad.path,
        bad.message,
    )
    assert held.received == door.clock.now
    assert door.ledger.quarantined_raw(bad.number) == raw
    assert len(json.dumps(outcome_line(bad))) < 2_000


def test_all_bad_input_in_one_call_leaves_only_the_good(door: Door) -> None:
    door.tell(*OPENING)
    outcomes = door.tell(*(raw for raw, _ in BAD.values()), lab())
    assert [type(outcome).__name__ for outcome in outcomes] == ["Quarantined"] * len(BAD) + ["Accepted"]
    assert door.ledger.head(TRIAL) == 3
    assert door.ledger.trials() == (TRIAL,)
    assert [one.number for one in door.ledger.quarantined()] == list(range(1, len(BAD) + 1))


def test_what_stands_in_quarantine_names_the_trial_and_source_where_they_can_be_read(door: Door) -> None:
    door.tell(*OPENING)
    door.tell(with_(colour="red"), with_(trial="NO\u0000TRIAL"), b'{"trial": "' + b"x" * 121 + b'"}', b"[1]", b"\xff")
    assert [(one.trial, one.source) for one in door.ledger.quarantined()] == [
        (TRIAL, "laboratory"),
        (None, "laboratory"),
        (None, None),
        (None, None),
        (None, None),
    ]


def test_a_refusal_does_not_repeat_what_was_sent(door: Door) -> None:
    door.tell(*OPENING)
    secret = "Mrs-Smith"
    (outcome,) = door.tell(with_data(value=secret))
    assert isinstance(outcome, Quarantined)
    assert secret not in json.dumps(outcome_line(outcome))


def test_an_address_may_hold_what_is_no_character(door: Door) -> None:
    (outcome,) = door.intake.receive([Message(b"no fact", "caf\udce9.ndjson:\u00001")])
    assert isinstance(outcome, Quarantined)
    assert [one.address for one in door.ledger.quarantined()] == ["caf\\udce9.ndjson:\u00001"]


def test_the_same_bad_message_from_the_same_place_is_kept_once(door: Door) -> None:
    def number_of(raw: bytes, address: str) -> int:
        (outcome,) = door.intake.receive([Message(raw, address)])
        assert isinstance(outcome, Quarantined)
        return outcome.number

    sent = [number_of(*one) for one in ((b"x", "a:1"), (b"x", "a:1"), (b"x", "a:2"), (b"y", "a:1"), (b"x", "a:1"))]
    assert sent == [1, 1, 2, 3, 1]
    twice = door.intake.receive([Message(b"z", "a:1"), Message(b"z", "a:1")])
    assert [outcome.number for outcome in twice if isinstance(outcome, Quarantined)] == [4, 4]
    assert len(list(door.ledger.quarantined())) == 4


def test_what_an_importer_could_not_use_goes_to_quarantine_with_its_reason(door: Door) -> None:
    row = Unusable(b'{"LBORRES":"?"}', "lb.xpt row 7", TRIAL, "LBORRES", "no number and no code")
    (outcome,) = door.intake.receive([row])
    digest = hashlib.sha256(row.raw).hexdigest()
    assert outcome == Quarantined("lb.xpt row 7", 1, digest, "LBORRES", "no number and no code")
    assert [one.trial for one in door.ledger.quarantined()] == [TRIAL]


def test_nothing_told_changes_nothing(door: Door) -> None:
    assert door.tell() == ()
    assert door.ledger.trials() == ()


def test_accepted_facts_are_given_as_they_stand_in_the_ledger(door: Door) -> None:
    told = (
        *OPENING,
        lab(),
        dose(),
        adverse_event(verbatim="fell", causality=(("AK117", "related"),)),
        left_trial(comment="moved"),
    )
    outcomes = door.tell(*told, revised(lab(), reason="wrong tube", value="36"), withdrawn(lab(), revision=3))
    live = [(one.position, one.fact) for one in outcomes if isinstance(one, Accepted)]
    assert live == list(door.ledger.facts(TRIAL))
    assert len(live) == 8


def test_every_example_of_a_fact_is_given_as_it_stands_in_the_ledger(door: Door) -> None:
    door.clock.now = datetime(2100, 1, 1, tzinfo=UTC)
    folder = Path(schemas.__file__).parent / "examples"
    told = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*/v*/*.json"))]
    assert {one["type"].split(".")[1] for one in told} == {type_.split(".")[1] for type_ in schemas.FACTS}
    live = list(door.tell(adopted(), enrolled(on="2000-01-01")))
    for number, one in enumerate(told):
        subject = {"subject": "P-001"} if "subject" in one else {}
        again = one | subject | {"trial": TRIAL, "record": f"example/{number}", "revision": 1}
        live.extend(door.tell({name: value for name, value in again.items() if name != "reason"}))
    accepted = [(outcome.position, outcome.fact) for outcome in live if isinstance(outcome, Accepted)]
    assert accepted == list(door.ledger.facts(TRIAL))
    assert {type(fact).__name__ for _, fact in accepted} == {type_.split(".")[1] for type_ in schemas.FACTS} - {
        "ClockTicked",  # not from outside
        "RecordWithdrawn",  # never the first word on a record
    }


def test_the_stamp_of_a_message_is_replaced_by_ours(door: Door) -> None:
    door.tell(adopted() | {"recordedtime": "1999-01-01T00:00:00Z"}, enrolled())
    assert {fact.recordedtime for _, fact in door.ledger.facts(TRIAL)} == {door.clock.now}


def test_stamps_never_go_backwards(door: Door) -> None:
    door.tell(*OPENING)
    first = door.clock.now
    door.clock.now = first - timedelta(days=2)
    (outcome,) = door.tell(lab())
    assert isinstance(outcome, Accepted)
    assert outcome.fact.recordedtime == first


def test_a_message_of_an_older_version_is_the_same_fact_as_its_current_form(door: Door) -> None:
    current = adverse_event(causality=(("*", "related"),))
    old_data = {name: value for name, value in current["data"].items() if name != "causality"} | {
        "causality": "related"
    }
    old = current | {"type": "tocsin.AdverseEventReported.v1", "data": old_data}
    assert [type(one).__name__ for one in door.tell(*OPENING, old, current)][2:] == ["Accepted", "Duplicate"]


def test_a_batch_sees_its_own_earlier_messages(door: Door) -> None:
    text = adverse_event(verbatim="fell")
    outcomes = door.tell(*OPENING, lab(), lab(), lab(value="36"), text, text, adverse_event(verbatim="rose"))
    assert outcomes[3] == Duplicate("told:4", TRIAL, 3)
    assert isinstance(outcomes[4], Conflict)
    assert outcomes[4].position == 3
    assert outcomes[6] == Duplicate("told:7", TRIAL, 4)
    assert isinstance(outcomes[7], Conflict)


def test_the_same_batch_twice_changes_nothing(door: Door) -> None:
    told = (*OPENING, lab(), adverse_event(verbatim="fell"), revised(adverse_event(), verbatim="slipped"), b"no fact")
    first = door.tell(*told)
    facts, held = list(door.ledger.canonical(TRIAL)), list(door.ledger.quarantined())
    again = door.tell(*told)
    assert [one.position for one in again if isinstance(one, Duplicate)] == [1, 2, 3, 4, 5]
    assert again[-1] == first[-1]
    assert (list(door.ledger.canonical(TRIAL)), list(door.ledger.quarantined())) == (facts, held)


def test_the_same_batch_after_a_restart_changes_nothing(door: Door) -> None:
    told = (*OPENING, lab(), adverse_event(verbatim="fell"), revised(lab(), value="9"), withdrawn(dose()), dose())
    door.tell(*told, withdrawn(dose()))
    facts = list(door.ledger.canonical(TRIAL))
    restarted = Door(Intake(door.ledger, door.clock), door.ledger, door.clock)
    outcomes = restarted.tell(*told, withdrawn(dose()), revised(dose(), revision=9))
    assert [type(one).__name__ for one in outcomes] == [
        *["Duplicate"] * 5,
        "Duplicate",
        "Duplicate",
        "Duplicate",
        "Quarantined",
    ]
    assert list(door.ledger.canonical(TRIAL)) == facts


def test_a_conflict_is_kept_in_quarantine_with_the_position_it_contradicts(door: Door) -> None:
    door.tell(*OPENING, lab())
    other = as_bytes(lab(value="36"))
    (outcome,) = door.tell(other)
    assert isinstance(outcome, Conflict)
    assert (outcome.trial, outcome.position, outcome.number) == (TRIAL, 3, 1)
    assert door.ledger.quarantined_raw(1) == other
    assert door.ledger.head(TRIAL) == 3


@pytest.mark.parametrize(
    ("told", "keys"),
    [
        (dose(), {"outcome", "address", "trial", "position"}),
        (OPENING[0], {"outcome", "address", "trial", "position"}),
        (lab(value="9"), {"outcome", "address", "trial", "position", "quarantine", "digest", "message"}),
        (b"", {"outcome", "address", "quarantine", "digest", "path", "message"}),
    ],
)
def test_an_outcome_is_printed_with_what_belongs_to_it(
    door: Door, told: dict[str, object] | bytes, keys: set[str]
) -> None:
    door.tell(*OPENING, lab())
    (outcome,) = door.tell(told)
    assert outcome_line(outcome).keys() == keys


def test_a_failed_write_leaves_nothing_and_the_next_call_starts_from_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    door = Door(Intake(ledger, SetClock()), ledger, SetClock())
    door.tell(*OPENING)
    blocker = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    blocker.execute(
        "CREATE TRIGGER full BEFORE INSERT ON keys BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    with pytest.raises(sqlite3.Error, match="full"):
        door.tell(lab(), b"no fact")
    assert (ledger.head(TRIAL), list(ledger.quarantined())) == (2, [])
    blocker.execute("DROP TRIGGER full")
    blocker.close()
    accepted, _ = door.tell(lab(), b"no fact")
    assert isinstance(accepted, Accepted)
    assert accepted.position == 3
    ledger.close()


# -- the clock


def test_the_hour_strikes_once_in_each_trial_of_the_systems_clock(door: Door) -> None:
    other = "OTHER-TRIAL"
    door.tell(adopted(time="2026-06-01T12:10:00Z"), enrolled(), adopted(trial=other, clock="simulated"))
    assert door.intake.tick(door.clock.now) == ()  # 12:30: the protocol was adopted after the hour struck
    struck = door.intake.tick(datetime(2026, 6, 1, 13, 0, 1, tzinfo=UTC))
    assert [(one.trial, one.position) for one in struck if isinstance(one, Accepted)] == [(TRIAL, 3)]
    (_, tick_) = next(door.ledger.facts(TRIAL, after=2))
    assert (tick_.source, tick_.record) == ("tocsin:clock", "clock/2026-06-01T13:00:00Z")
    assert tick_.time == datetime(2026, 6, 1, 13, tzinfo=UTC)
    assert door.intake.tick(datetime(2026, 6, 1, 13, 59, tzinfo=UTC)) == ()
    assert len(door.intake.tick(datetime(2026, 6, 3, 7, 5, tzinfo=UTC))) == 1
    assert door.ledger.head(other) == 1


def test_the_first_hour_is_owed_since_the_protocol_was_adopted_however_late_we_heard_of_it(door: Door) -> None:
    door.tell(*OPENING)
    (struck,) = door.intake.tick(door.clock.now)
    assert isinstance(struck, Accepted)
    assert struck.fact.time == datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_restarted_clock_does_not_strike_the_same_hour_again(door: Door) -> None:
    door.tell(*OPENING)
    at = datetime(2026, 6, 1, 13, 0, tzinfo=UTC)
    assert len(door.intake.tick(at)) == 1
    assert Intake(door.ledger, door.clock).tick(at) == ()


def test_an_hour_strikes_in_universal_time(door: Door) -> None:
    door.tell(*OPENING)
    kathmandu = datetime.fromisoformat("2026-06-01T18:50:00+05:45")  # 13:05 in universal time
    (struck,) = door.intake.tick(kathmandu)
    assert isinstance(struck, Accepted)
    assert struck.fact.time == datetime(2026, 6, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tick("2026-06-01T13:00:00Z"),
        lambda: message(
            "DataCutDeclared.v1",
            {"name": "x", "happened_by": "2026-01-01"},
            record="clock/2026-06-01T13:00:00Z",
            time="2026-01-01T00:00:00Z",
            source="tocsin:clock",
        ),
    ],
)
def test_no_stranger_can_stop_the_clock(door: Door, make: Callable[[], dict[str, object]]) -> None:
    door.tell(*OPENING, make())
    assert isinstance(door.intake.tick(datetime(2026, 6, 1, 13, 0, 1, tzinfo=UTC))[0], Accepted)
