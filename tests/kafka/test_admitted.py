"""Does position N mean the same in both engines, whatever stands twice or wrongly in a partition?"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from streams.intake import Accepted, Intake, Message
from streams.kafka.admitted import Admitted, Dropped, HoleError, Partition
from streams.kafka.records import LedgerRecord, Outgoing, RecordKey
from streams.ledger.sqlite import Ledger
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, enrolled, lab, revised, tick, withdrawn
from tests.kafka.told import Stored, in_a_row, ledger_records
from tests.streams.conftest import SetClock

OTHER = "OTHER-1"
SAID = (
    adopted(),
    enrolled(),
    lab(),
    adverse_event(verbatim="fell from the bed"),
    revised(lab(), value="36"),
    withdrawn(adverse_event()),
    lab(analyte="AST"),
)
SIMULATED = (
    adopted(trial=OTHER, clock="simulated"),
    tick("2026-01-05T10:00:00Z", trial=OTHER),
    enrolled(trial=OTHER),
    tick("2026-01-07T10:00:00Z", trial=OTHER),
    lab(trial=OTHER),
)


@cache
def told(trial: str) -> tuple[tuple[LedgerRecord, ...], tuple[bytes, ...]]:
    """The records of a trial, and the canonical bytes of its facts in the embedded engine."""
    clock = SetClock()
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite")
        intake = Intake(ledger, clock)
        for number, said in enumerate(SAID if trial == TRIAL else SIMULATED):
            clock.now = clock.now.replace(minute=number)
            (outcome,) = intake.receive([Message(as_bytes(said), "told")])
            assert isinstance(outcome, Accepted)
        records = tuple(ledger_records(ledger, trial))
        kept = tuple(canonical for _, canonical in ledger.canonical(trial))
        ledger.close()
    return records, kept


def folded(records: list[LedgerRecord]) -> tuple[Partition, list[Admitted | Dropped]]:
    partition = Partition(0, 1)
    return partition, [partition.fold(one) for one in in_a_row([record.outgoing(0) for record in records])]


def facts_of(trial: str, answers: list[Admitted | Dropped]) -> list[bytes]:
    accepted = [one for one in answers if isinstance(one, Admitted) and one.trial == trial]
    assert [one.position for one in accepted] == list(range(1, len(accepted) + 1))
    for one in accepted:
        assert one.fact == schemas.read(one.canonical)
    return [one.canonical for one in accepted]


@pytest.mark.parametrize("trial", [TRIAL, OTHER])
def test_what_the_embedded_engine_accepted_is_accepted_at_the_same_positions(trial: str) -> None:
    records, kept = told(trial)
    _, answers = folded(list(records))
    assert facts_of(trial, answers) == list(kept)


@given(
    st.permutations([TRIAL] * len(SAID) + [OTHER] * len(SIMULATED)),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=5),
)
def test_trials_side_by_side_and_records_that_stand_twice_change_no_position(
    order: list[str], repeated: list[tuple[int, int]]
) -> None:
    """A record may stand again anywhere after itself, from a writer that died or from one that came back."""
    waiting = {trial: list(told(trial)[0]) for trial in (TRIAL, OTHER)}
    stands = [waiting[trial].pop(0) for trial in order]
    for which, later in repeated:
        place = which % len(stands)
        stands.insert(place + later, stands[place])
    partition, answers = folded(stands)
    for trial in (TRIAL, OTHER):
        assert facts_of(trial, answers) == list(told(trial)[1])
        assert partition.registers[trial].head == len(told(trial)[1])
    assert all(one.why is None for one in answers if isinstance(one, Dropped))
    assert partition.next == len(stands)


def test_a_record_that_says_something_else_of_the_same_is_dropped_and_says_why() -> None:
    records = list(told(TRIAL)[0])
    other = replace(records[2], digest=b"x" * 32)
    _, answers = folded([*records, other])
    (late,) = answers[len(records) :]
    assert isinstance(late, Dropped)
    assert late.why is not None
    assert (late.why.path, "other content" in late.why.message) == ("revision", True)


def test_a_stamp_that_goes_backwards_is_led_forward() -> None:
    records = list(told(TRIAL)[0])
    early = schemas.read(records[3].canonical).recordedtime
    assert early is not None
    turned = [*records[:2], records[3], records[2]]
    _, answers = folded(turned)
    last = answers[-1]
    assert isinstance(last, Admitted)
    assert last.fact.recordedtime == early
    assert last.canonical != last.record.canonical
    assert schemas.read(last.canonical) == last.fact


GOOD = told(TRIAL)[0][0]


@pytest.mark.parametrize(
    "wrong",
    [
        Stored(b"{}", b"T-1", ()),
        Stored(None, None, ()),
        Stored(b"{}", b"T-1", tuple(GOOD.outgoing(0).headers)),
        Stored(b"no json", TRIAL.encode(), tuple(GOOD.outgoing(0).headers)),
        Stored(GOOD.canonical, b"T-1", tuple(GOOD.outgoing(0).headers)),
        Stored(as_bytes(adopted()), TRIAL.encode(), tuple(GOOD.outgoing(0).headers)),
    ],
)
def test_what_none_of_us_wrote_is_dropped_and_the_next_one_is_taken(wrong: Stored) -> None:
    partition = Partition(0, 1)
    dropped = partition.fold(replace(wrong, partition=0, offset=0))
    assert isinstance(dropped, Dropped)
    assert dropped.why is not None
    records = [record.outgoing(0) for record in told(TRIAL)[0]]
    answers = [partition.fold(replace(one, offset=one.offset + 1)) for one in in_a_row(records)]
    assert facts_of(TRIAL, answers) == list(told(TRIAL)[1])


def test_a_trial_in_another_partition_than_its_own_is_dropped() -> None:
    partitions = 8
    elsewhere = [number for number in range(partitions) if isinstance(first_in(number, partitions), Dropped)]
    assert len(elsewhere) == partitions - 1


def first_in(number: int, partitions: int) -> Admitted | Dropped:
    sent: Outgoing = GOOD.outgoing(number)
    return Partition(number, partitions).fold(next(in_a_row([sent])))


def test_a_hole_is_no_answer() -> None:
    partition = Partition(0, 1)
    records = list(in_a_row([record.outgoing(0) for record in told(TRIAL)[0]]))
    partition.fold(records[0])
    with pytest.raises(HoleError, match=r"tocsin.ledger\[0\]@2: expected 1"):
        partition.fold(records[2])
    with pytest.raises(HoleError):
        partition.fold(records[0])
    assert isinstance(partition.fold(records[1]), Admitted)


def test_an_unknown_trial_leaves_no_trace() -> None:
    said = LedgerRecord.of(TRIAL, told(TRIAL)[0][2].canonical, b"d" * 32, b"raw", RecordKey.draw())
    partition, (dropped,) = folded([said])
    assert isinstance(dropped, Dropped)
    assert partition.registers == {}
