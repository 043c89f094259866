"""Which facts enter the ledger of a trial, and where."""

from datetime import UTC, datetime, timedelta

import pytest

from clinical.admission import Accepted, Conflict, Duplicate, Register, admit
from protocols import shipped
from schemas import Refusal
from schemas.canonical import content_digest, wire
from tests.builders import (
    Message,
    adopted,
    adverse_event,
    dose,
    enrolled,
    lab,
    message,
    read,
    revised,
    screened,
    tick,
    withdrawn,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

Verdict = Accepted | Duplicate | Conflict | Refusal


def told(*messages: Message, now: datetime = NOW, register: Register | None = None) -> list[Verdict]:
    """The verdict on each message in turn; what is accepted is taken up."""
    register = register or Register()
    return [tell(register, one, now) for one in messages]


def tell(register: Register, one: Message, now: datetime = NOW, *, ours: bool = False) -> Verdict:
    fact = read(one)
    digest = content_digest(wire(fact))
    verdict = admit(register, fact, digest, now, ours=ours)
    if isinstance(verdict, Accepted):
        register.with_(fact, verdict, digest)
    return verdict


def path_of(verdict: Verdict) -> str:
    assert isinstance(verdict, Refusal), verdict
    return verdict.path


OPEN = (adopted(), enrolled())


def open_register(*more: Message) -> Register:
    register = Register()
    verdicts = told(*OPEN, *more, register=register)
    assert all(isinstance(verdict, Accepted) for verdict in verdicts), verdicts
    return register


def test_positions_are_one_two_three() -> None:
    verdicts = told(adopted(), enrolled(), lab())
    assert [verdict.position for verdict in verdicts if isinstance(verdict, Accepted)] == [1, 2, 3]


@pytest.mark.parametrize("first", [enrolled(), lab(), tick("2026-01-01T00:00:00Z"), withdrawn(lab())])
def test_a_trial_is_unknown_until_its_protocol_is_adopted(first: Message) -> None:
    assert path_of(told(first)[0]) == "trial"


def test_screening_is_told_of_whoever_was_never_enrolled_and_nothing_else_is() -> None:
    failed, measured = told(adopted(), screened("S-001"), lab("S-001"))[1:]
    assert isinstance(failed, Accepted)
    assert path_of(measured) == "subject"


def test_a_later_adoption_is_an_amendment() -> None:
    amended = adopted(shipped("ak117_hnscc") + "\n# amended\n", record="protocol/2")
    assert isinstance(told(*OPEN, amended)[-1], Accepted)


def test_an_amendment_cannot_change_the_clock() -> None:
    assert path_of(told(*OPEN, adopted(clock="simulated", record="protocol/2"))[-1]) == "data.clock"


@pytest.mark.parametrize(
    "text", ["no: protocol", "[" * 5_000, "a: &a [x]\nb: *a", "a: 1\na: 2", "n: " + "9" * 5_000, "x: !!int abc"]
)
def test_a_protocol_that_cannot_be_read_is_not_adopted(text: str) -> None:
    assert path_of(told(adopted(text))[0]).startswith("data.protocol")


def test_a_protocol_is_adopted_in_its_own_trial_only() -> None:
    assert path_of(told(adopted(shipped("cdiscpilot01")))[0]) == "data.protocol.trial"
    assert path_of(told(*OPEN, adopted(shipped("cdiscpilot01"), record="protocol/2"))[-1]) == "data.protocol.trial"


def test_the_same_again_is_a_duplicate_of_the_first() -> None:
    assert told(*OPEN, lab(), dose(), lab())[-1] == Duplicate(3)


def test_the_same_in_another_message_is_still_the_same() -> None:
    again = lab() | {"id": "sent-again", "recordedtime": "2020-01-01T00:00:00Z", "datacontenttype": "application/json"}
    assert told(*OPEN, lab(), again)[-1] == Duplicate(3)


def test_the_same_identity_with_other_content_is_a_conflict() -> None:
    assert told(*OPEN, lab(value="35"), lab(value="36"))[-1] == Conflict(3)


def test_35_and_35_0_are_other_content() -> None:
    assert told(*OPEN, lab(value="35"), lab(value="35.0"))[-1] == Conflict(3)


def test_the_same_record_of_two_sources_is_two_records() -> None:
    assert isinstance(told(*OPEN, lab(), lab(value="36", source="other-laboratory"))[-1], Accepted)


def test_a_later_revision_is_accepted_and_an_earlier_one_that_comes_late_too() -> None:
    third, second = revised(lab(), revision=3, value="37"), revised(lab(), revision=2, value="36")
    verdicts = told(*OPEN, lab(), third, second, third, second)
    assert verdicts[3:] == [
        Accepted(4, NOW),
        Accepted(5, NOW),
        Duplicate(4),
        Duplicate(5),
    ]


def test_a_late_revision_with_other_content_is_a_conflict_with_its_own_position() -> None:
    third, second = revised(lab(), revision=3, value="37"), revised(lab(), revision=2, value="36")
    assert told(*OPEN, lab(), third, second, revised(lab(), revision=2, value="99"))[-1] == Conflict(5)


def test_a_revision_cannot_make_a_record_another_fact() -> None:
    other = dose(record=lab()["record"], source="laboratory", revision=2, reason="wrong form")
    assert path_of(told(*OPEN, lab(), other)[-1]) == "type"


def test_a_revision_cannot_move_a_record_to_another_participant() -> None:
    moved = revised(lab()) | {"subject": "P-002"}
    assert path_of(told(*OPEN, enrolled("P-002"), lab(), moved)[-1]) == "subject"


def test_a_withdrawal_ends_a_record() -> None:
    register = open_register(lab(), withdrawn(lab()))
    assert path_of(tell(register, revised(lab(), revision=3, value="40"))) == "revision"
    assert path_of(tell(register, withdrawn(lab(), revision=3))) == "revision"
    assert tell(register, withdrawn(lab())) == Duplicate(4)
    assert tell(register, lab()) == Duplicate(3)


def test_a_revision_below_a_withdrawal_may_still_come_late() -> None:
    register = open_register(lab(), withdrawn(lab(), revision=3))
    assert isinstance(tell(register, revised(lab(), revision=2, value="36")), Accepted)


def test_a_withdrawal_follows_every_revision() -> None:
    register = open_register(lab(), revised(lab(), revision=3, value="36"))
    assert path_of(tell(register, withdrawn(lab(), revision=2))) == "revision"
    assert isinstance(tell(register, withdrawn(lab(), revision=4)), Accepted)


def test_a_withdrawal_of_nothing_is_refused() -> None:
    assert path_of(told(*OPEN, withdrawn(lab()))[-1]) == "record"


def test_a_withdrawal_names_the_participant_of_its_record() -> None:
    register = open_register(enrolled("P-002"), lab())
    assert path_of(tell(register, withdrawn(lab()) | {"subject": "P-002"})) == "subject"
    without = {name: value for name, value in withdrawn(lab()).items() if name != "subject"}
    assert path_of(tell(register, without)) == "subject"
    assert isinstance(tell(register, withdrawn(lab())), Accepted)


def test_a_withdrawal_of_a_record_of_the_whole_trial_names_no_participant() -> None:
    cut = message(
        "DataCutDeclared.v1", {"name": "x", "happened_by": "2026-01-01"}, record="cut/1", time="2026-01-02T00:00:00Z"
    )
    register = open_register(cut)
    assert path_of(tell(register, withdrawn(cut) | {"subject": "P-001"})) == "subject"
    assert isinstance(tell(register, withdrawn(cut)), Accepted)


@pytest.mark.parametrize("kept", [adopted(clock="simulated"), tick("2026-01-02T00:00:00Z")])
def test_neither_a_protocol_nor_a_tick_can_be_withdrawn(kept: Message) -> None:
    opened = (adopted(clock="simulated"), tick("2026-01-02T00:00:00Z"))
    assert path_of(told(*opened, withdrawn(kept))[-1]) == "record"


def test_a_participant_is_enrolled_before_anything_else_is_said() -> None:
    for said in (lab(), dose(), adverse_event()):
        assert path_of(told(adopted(), said)[-1]) == "subject"


def test_a_participant_is_enrolled_once() -> None:
    assert path_of(told(*OPEN, enrolled(record="dm/again"))[-1]) == "subject"


def test_a_withdrawn_enrolment_makes_room_for_another() -> None:
    register = open_register(withdrawn(enrolled()))
    assert path_of(tell(register, lab())) == "subject"
    assert isinstance(tell(register, enrolled(record="dm/again")), Accepted)
    assert isinstance(tell(register, lab()), Accepted)


def test_a_late_revision_of_a_withdrawn_enrolment_enrols_nobody() -> None:
    register = open_register(withdrawn(enrolled(), revision=3))
    assert isinstance(tell(register, revised(enrolled(), revision=2, site="02")), Accepted)
    assert path_of(tell(register, lab())) == "subject"


@pytest.mark.parametrize(
    ("started", "refused"),
    [
        ("2026-01-04", True),
        ("2026-01-04T23:59", True),
        ("2025-12", True),
        ("2025", True),
        ("2026-01-05", False),
        ("2026-01", False),
        ("2026", False),
    ],
)
def test_a_dose_before_enrolment_is_refused_where_it_cannot_have_been_later(started: str, refused: bool) -> None:  # noqa: FBT001
    verdict = told(adopted(), enrolled(on="2026-01-05"), dose(on=started))[-1]
    assert isinstance(verdict, Refusal) == refused
    if refused:
        assert path_of(verdict) == "data.started"


def test_the_enrolment_that_stands_decides_about_a_dose() -> None:
    earlier = revised(enrolled(on="2026-01-05"), enrolled_on="2026-01-02")
    assert isinstance(told(*OPEN, earlier, dose(on="2026-01-03"))[-1], Accepted)


def test_a_late_revision_of_an_enrolment_does_not_decide() -> None:
    third = revised(enrolled(), revision=3, enrolled_on="2026-01-20")
    second = revised(enrolled(), revision=2, enrolled_on="2026-01-01")
    assert path_of(told(*OPEN, third, second, dose(on="2026-01-10"))[-1]) == "data.started"


def test_a_fact_may_lie_a_day_ahead_of_the_clock_and_no_more() -> None:
    day = NOW + timedelta(hours=24)
    assert isinstance(told(*OPEN, lab(time=day.isoformat()))[-1], Accepted)
    assert path_of(told(*OPEN, lab(time=(day + timedelta(microseconds=1)).isoformat()))[-1]) == "time"


def test_a_protocol_from_the_future_opens_no_trial_of_the_systems_clock() -> None:
    assert path_of(told(adopted(time="2026-06-03T00:00:00Z"))[0]) == "time"


def test_a_simulated_trial_may_begin_in_any_future() -> None:
    later = "2031-01-01T00:00:00Z"
    assert told(adopted(clock="simulated", time=later)) == [Accepted(1, datetime(2031, 1, 1, tzinfo=UTC))]


def test_a_simulated_clock_stamps_by_its_latest_tick() -> None:
    verdicts = told(
        adopted(clock="simulated"),
        enrolled(on="2026-01-01"),
        tick("2026-01-01T10:00:00Z"),
        lab(time="2026-01-01T10:30:00Z"),
    )
    assert [verdict.recorded.hour for verdict in verdicts if isinstance(verdict, Accepted)] == [0, 0, 10, 10]


def test_in_a_simulated_trial_the_future_begins_a_day_after_its_clock() -> None:
    opened = (adopted(clock="simulated"), enrolled(on="2026-01-01"))
    assert path_of(told(*opened, lab(time="2026-01-02T00:00:01Z"))[-1]) == "time"
    assert isinstance(told(*opened, tick("2026-01-01T01:00:00Z"), lab(time="2026-01-02T00:00:01Z"))[-1], Accepted)


def test_the_clock_does_not_go_backwards() -> None:
    opened = (adopted(clock="simulated"), tick("2026-01-01T10:00:00Z"))
    assert path_of(told(*opened, tick("2026-01-01T09:00:00Z"))[-1]) == "time"
    assert path_of(told(adopted(clock="simulated"), tick("2025-12-31T23:00:00Z"))[-1]) == "time"


def test_a_tick_is_never_corrected() -> None:
    again = tick("2026-01-01T11:00:00Z", record="clock/x", revision=2, reason="late")
    assert path_of(told(adopted(clock="simulated"), again)[-1]) == "revision"


def test_the_system_clock_ticks_from_inside_only() -> None:
    register = open_register()
    assert path_of(tell(register, tick("2026-06-01T12:00:00Z"))) == "type"
    assert path_of(tell(register, tick("2026-06-01T12:00:00Z", source="stranger"))) == "type"
    assert isinstance(tell(register, tick("2026-06-01T12:00:00Z"), ours=True), Accepted)


def test_nobody_can_occupy_the_identity_of_a_tick_to_come() -> None:
    squatter = message(
        "DataCutDeclared.v1",
        {"name": "x", "happened_by": "2026-01-01"},
        record="clock/2026-06-01T13:00:00Z",
        time="2026-01-01T00:00:00Z",
        source="tocsin:clock",
    )
    assert path_of(told(*OPEN, squatter)[-1]) == "type"


def test_a_stamp_never_goes_backwards_when_the_system_clock_does() -> None:
    register = open_register()
    verdict = tell(register, lab(), NOW - timedelta(hours=3))
    assert verdict == Accepted(3, NOW)


def test_a_refused_fact_leaves_no_trace() -> None:
    register = open_register()
    assert path_of(tell(register, dose(on="2025-12-31"))) == "data.started"
    assert register.head == 2
    assert isinstance(tell(register, dose(on="2025-12-31", data={"started": "2026-01-06"})), Accepted)
