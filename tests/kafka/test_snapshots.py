"""Is a snapshot what a fold would give, and is none used that is not?"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streams.agents.monitor import Memory
from streams.kafka.measures import Measures
from streams.kafka.snapshots import HEADER_BYTES, Header, Snapshots, read_back, usable, write
from tests.kafka.told import Stored, in_a_row
from tests.kafka.trials import spread, told
from tests.kafka.waiting import eventually

PARTITION = 0
HEADER = Header("ledger", PARTITION, 400, "code")


def ledger() -> list[Stored]:
    """One partition with two trials, by turns."""
    one, other = (told(name, 200) for name in spread(2, 1))
    return list(
        in_a_row(
            [record.outgoing(PARTITION) for both in zip(one.records, other.records, strict=True) for record in both]
        )
    )


def folded(records: list[Stored]) -> Memory:
    memory = Memory(PARTITION, 1)
    memory.fold(records)
    return memory


def restored(pieces: Iterator[object] | list[object]) -> Memory:
    memory = Memory(PARTITION, 1)
    for piece in pieces:
        memory.restore(piece)
    return memory


async def loaded(snapshots: Snapshots, until: int) -> Memory:
    return restored([piece async for piece in snapshots.load(PARTITION, until)])


def snapshots(folder: Path, least: int = 1, origin: str = "ledger") -> Snapshots:
    return Snapshots(folder, origin, Measures("monitor"), least)


def written(folder: Path, memory: Memory) -> Path:
    """A snapshot as a worker writes it: by a copy of the process."""
    taking = snapshots(folder)
    taking.offer(PARTITION, memory.next, memory.pieces)
    path = folder / f"{PARTITION}.snapshot"
    eventually(path.exists, bool)
    return path


def test_what_is_restored_goes_on_as_if_it_had_been_folded(tmp_path: Path) -> None:
    records = ledger()
    written(tmp_path, folded(records[:300]))
    memory = asyncio.run(loaded(snapshots(tmp_path), 300))
    assert memory.next == 300
    assert memory.trials == folded(records[:300]).trials
    whole = Memory(PARTITION, 1)
    whole.evaluate(records[:300])
    assert memory.evaluate(records[300:]) == whole.evaluate(records[300:])
    assert memory.trials == whole.trials


def test_one_that_goes_beyond_what_the_group_has_marked_is_not_used(tmp_path: Path) -> None:
    written(tmp_path, folded(ledger()[:300]))
    assert asyncio.run(loaded(snapshots(tmp_path), 299)).next == 0


def test_one_of_another_ledger_is_not_used(tmp_path: Path) -> None:
    written(tmp_path, folded(ledger()[:300]))
    assert asyncio.run(loaded(snapshots(tmp_path, origin="another"), 400)).next == 0


@pytest.mark.parametrize("change", [{"origin": "another"}, {"partition": 1}, {"code": "other"}])
def test_only_one_of_this_ledger_by_this_code_is_usable(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "0.snapshot"
    write(path, HEADER, folded(ledger()).pieces())
    assert usable(path, replace(HEADER, next=0)) is not None
    assert usable(path, replace(HEADER, **change)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [0, 10, HEADER_BYTES, HEADER_BYTES + 500, -1])
def test_a_damaged_one_is_not_usable(tmp_path: Path, at: int) -> None:
    path = tmp_path / "0.snapshot"
    write(path, HEADER, folded(ledger()).pieces())
    bytes_ = bytearray(path.read_bytes())
    bytes_[at] ^= 1
    path.write_bytes(bytes_)
    assert usable(path, HEADER) is None


@pytest.mark.parametrize("size", [0, 5, HEADER_BYTES, HEADER_BYTES + 1000])
def test_one_that_was_cut_off_is_not_usable(tmp_path: Path, size: int) -> None:
    path = tmp_path / "0.snapshot"
    write(path, HEADER, folded(ledger()).pieces())
    path.write_bytes(path.read_bytes()[:size])
    assert usable(path, HEADER) is None


def test_no_secret_and_no_other_reader_can_be_found_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, folded(ledger()))
    assert path.stat().st_mode & 0o077 == 0
    header, _ = read_back(path)
    assert json.loads(path.read_bytes()[:HEADER_BYTES])["next"] == header.next == 400


def test_it_is_not_taken_before_it_is_worth_while(tmp_path: Path) -> None:
    taking, memory = snapshots(tmp_path, least=401), folded(ledger())
    taking.offer(PARTITION, memory.next, memory.pieces)
    taking.offer(PARTITION, memory.next, memory.pieces)
    assert list(tmp_path.iterdir()) == []
