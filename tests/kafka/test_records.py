"""Is what is read from a topic what was written there, and is what nobody wrote refused with its place?"""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import FINDINGS, KEYS, LEDGER, QUARANTINE
from streams.kafka.records import (
    FormatError,
    LedgerRecord,
    Mark,
    PublishedChange,
    QuarantineRecord,
    RecordKey,
    address,
    partition_of,
    quarantine_number,
    read_finding,
    read_key,
    tombstone,
)
from streams.ledger.sealing import DamagedError
from tests.kafka.told import Stored, stored

KEY = RecordKey(b"n" * 16, b"s" * 48)
RECEIVED = datetime(2026, 3, 14, 9, 12, 0, 123456, tzinfo=UTC)


def test_an_address_names_topic_partition_and_offset() -> None:
    assert address(Stored(topic="tocsin.raw.labs")) == "tocsin.raw.labs[3]@1207"


@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_a_fact_is_read_as_it_was_written_and_its_message_opens_under_its_key(raw: bytes, said: bytes) -> None:
    written = LedgerRecord.of("T-1", b'{"canonical":1}', said, raw, KEY)
    sent = written.outgoing(3)
    assert (sent.topic, sent.partition, sent.key, sent.value) == (LEDGER, 3, b"T-1", b'{"canonical":1}')
    assert LedgerRecord.read(stored(sent)) == written
    assert written.opened(KEY.secret) == raw
    assert written.salted == hashlib.sha256(KEY.secret[32:] + raw).digest()


def test_a_message_opens_under_no_other_key_and_beside_no_other_fact() -> None:
    written = LedgerRecord.of("T-1", b"{}", b"d" * 32, b"raw", KEY)
    with pytest.raises(DamagedError):
        written.opened(b"x" * 48)
    elsewhere = LedgerRecord(written.trial, b"{}", b"e" * 32, written.salted, written.sealed, written.key)
    with pytest.raises(DamagedError):
        elsewhere.opened(KEY.secret)


def test_a_key_is_read_as_it_was_drawn_until_it_is_destroyed() -> None:
    key = RecordKey.draw()
    assert (len(key.name), len(key.secret)) == (16, 48)
    assert key.outgoing(2).topic == KEYS
    assert read_key(stored(key.outgoing(2))) == (key.name, key.secret)
    assert read_key(stored(tombstone(key.name, 2))) == (key.name, None)


def test_a_change_is_read_as_it_was_published() -> None:
    change = PublishedChange("T-1", b'{"kind":"grade"}', 41, "c0de")
    assert change.outgoing(1).topic == FINDINGS
    assert read_finding(stored(change.outgoing(1))) == change


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 1 << 50)), st.lists(st.integers(0, 1 << 50)))
def test_a_mark_is_read_as_it_was_written(first: dict[str, int], dropped: list[int]) -> None:
    mark = Mark(7, 19, first, tuple(dropped))
    assert read_finding(stored(mark.outgoing(1))) == mark


@given(st.binary(max_size=200), st.none() | st.just("T-1"))
def test_a_message_in_quarantine_is_read_as_it_was_written(raw: bytes, trial: str | None) -> None:
    written = QuarantineRecord.of(
        RECEIVED, "tocsin.raw.labs[3]@1207", trial, None, "data.value", "no such day", raw, KEY
    )
    sent = written.outgoing(5)
    assert (sent.topic, sent.partition, sent.key) == (QUARANTINE, 5, None if trial is None else b"T-1")
    assert QuarantineRecord.read(stored(sent)) == written
    assert written.opened(KEY.secret) == raw


def test_an_address_that_is_no_text_is_kept_readable() -> None:
    name = b"caf\xe9.ndjson:1".decode("utf-8", "surrogateescape")
    written = QuarantineRecord.of(RECEIVED, name, None, None, "", "not JSON", b"?", KEY)
    assert QuarantineRecord.read(stored(written.outgoing(0))).address == "caf\\udce9.ndjson:1"


GOOD = stored(LedgerRecord.of("T-1", b"{}", b"d" * 32, b"raw", KEY).outgoing(3))


@pytest.mark.parametrize(
    ("read", "record"),
    [
        (LedgerRecord.read, Stored(b"{}", b"T-1", ())),
        (LedgerRecord.read, Stored(None, b"T-1", GOOD.headers)),
        (LedgerRecord.read, Stored(b"{}", None, GOOD.headers)),
        (LedgerRecord.read, Stored(b"{}", b"\xff", GOOD.headers)),
        (read_key, Stored(b"short", b"n" * 16)),
        (read_key, Stored(b"s" * 48, b"no name")),
        (read_key, Stored(b"s" * 48, None)),
        (read_finding, Stored(b"{}", b"T-1", ())),
        (read_finding, Stored(None, None, ())),
        (read_finding, Stored(None, None, (("evaluated", b"[]"),))),
        (read_finding, Stored(b"{}", b"T-1", (("at", b"first"), ("code", b"c")))),
        (QuarantineRecord.read, Stored(b"[]", None, ())),
        (QuarantineRecord.read, Stored(b'{"received":"yesterday"}', None, ())),
        (QuarantineRecord.read, Stored(b'{"received":"2026-01-01T00:00:00Z","unknown":1}', None, ())),
    ],
)
def test_what_none_of_us_wrote_is_refused_with_its_place(read: Callable[[Stored], object], record: Stored) -> None:
    with pytest.raises(FormatError, match=r"tocsin\.ledger\[3\]@1207: this is n"):
        read(record)


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 10_000)), unique=True))
def test_no_two_places_in_quarantine_have_one_number(partitions: int, places: list[tuple[int, int]]) -> None:
    there = [(partition, offset) for partition, offset in places if partition < partitions]
    numbers = Counter(quarantine_number(partition, offset, partitions) for partition, offset in there)
    assert all(count == 1 and number > 0 for number, count in numbers.items())


@pytest.mark.parametrize(
    # The numbers are those of the Java client (org.apache.kafka.common.utils.Utils.murmur2, UtilsTest of Kafka 4.1).
    ("key", "hashed"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("abc", 479470107)],
)
def test_a_trial_lies_where_the_java_client_would_put_it(key: str, hashed: int) -> None:
    assert partition_of(key, 8) == (hashed & 0x7FFFFFFF) % 8
