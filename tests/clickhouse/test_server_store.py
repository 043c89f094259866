"""Does the store on a server answer as the store in the process does, and lose and double nothing when it is cut off?

The engine is that of today and real; between it and our driver stands `tests.clickhouse.bridge`, since no server of
today can be installed as a package. One test more runs on a real, old server: its SQL is too old for ours, so it has a
table of its own there.
"""

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.panels import Panel
from dashboards.panels.registry import PANELS
from streams.rows import change_row, fact_row, quarantine_row
from streams.sink import Sink
from streams.store import TABLES, Parameter, Row, StoreError, StoreUnreachableError
from streams.store import migrations as steps
from streams.store.chdb_store import Store as InProcess
from streams.store.clickhouse import Store
from streams.store.migrations import OtherSchemaError
from tests.clickhouse.servers import OLD_BINARY, Bridge, OldServer
from tests.dashboards.test_panels import chosen
from tests.dashboards.told_trial import told_trial
from tests.streams.told_ledger import ToldLedger

REQUIRED = "clickhouse" in os.environ.get("TOCSIN_REQUIRE", "").split(",")


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with Bridge(tmp_path_factory.mktemp("bridge")) as started:
        yield started


@pytest.fixture
def store(bridge: Bridge, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A database of the test's own."""
    opened = Store(replace(bridge.server, database=f"of_{abs(hash(request.node.nodeid))}"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def told() -> ToldLedger:
    ledger = ToldLedger()
    ledger.tell(*told_trial())
    ledger.refuse("facts.ndjson:7", "data.value", "a measured value is a JSON string", "laboratory")
    return ledger


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, bridge: Bridge, told: ToldLedger
) -> Iterator[tuple[Store, InProcess]]:
    """The same trial on the server and in the process."""
    server, in_process = Store(bridge.server), InProcess(tmp_path_factory.mktemp("beside") / "boards")
    for one in (server, in_process):
        Sink(one).catch_up(told)
    yield server, in_process
    server.close()
    in_process.close()


def rows_of(ledger: ToldLedger) -> dict[Any, list[Row]]:
    return {
        "facts": [fact_row(stored) for batch in ledger.batches for stored in batch.facts],
        "findings": [change_row(*change) for batch in ledger.batches for change in batch.changes],
        "quarantine": [quarantine_row(one) for batch in ledger.batches for one in batch.quarantined],
    }


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_every_panel_gives_the_same_rows_from_the_server(
    both: tuple[Store, InProcess], told: ToldLedger, panel: Panel
) -> None:
    server, in_process = both
    for as_of in (0, 9, 10_000):
        rows = panel.rows(server, told.trial, as_of, **chosen(panel))
        assert rows == panel.rows(in_process, told.trial, as_of, **chosen(panel))
    assert rows


def test_a_catch_up_finds_on_the_server_what_is_there_already(both: tuple[Store, InProcess], told: ToldLedger) -> None:
    assert Sink(both[0]).stored(told.trial) == told.published_up_to(told.trial)
    assert Sink(both[0]).catch_up(told) == 0


@given(text=st.text())
def test_every_text_reaches_the_engine_unchanged_as_a_parameter(both: tuple[Store, InProcess], text: str) -> None:
    assert both[0].query("SELECT {t:String} AS t", {"t": text}) == [{"t": text}]


@pytest.mark.parametrize("value", [None, 1.5, ["a"]])
def test_a_value_without_a_safe_form_is_refused(both: tuple[Store, InProcess], value: Any) -> None:
    with pytest.raises(TypeError, match="a parameter is text or a whole number"):
        both[0].query("SELECT 1 AS one", {"a": value})


def test_eight_threads_never_get_each_others_answers(both: tuple[Store, InProcess]) -> None:
    wrong: list[object] = []

    def ask(thread: int) -> None:
        for number in range(60):
            asked: dict[str, Parameter] = {"a": thread * 1_000 + number, "b": f"trial-{thread}-{number}"}
            if both[0].query("SELECT {a:UInt64} AS a, {b:String} AS b", asked) != [asked]:
                wrong.append(asked)

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_instant_before_1970_comes_back_to_the_microsecond(store: Store, told: ToldLedger) -> None:
    """The driver by itself would round it towards 1970."""
    (row,) = rows_of(told)["quarantine"]
    store.insert("quarantine", [row | {"received": datetime(1950, 2, 3, 4, 5, 6, 789_123, UTC)}])
    assert store.query("SELECT received FROM quarantine") == [{"received": "1950-02-03 04:05:06.789123"}]


def test_a_batch_whose_answer_was_lost_is_sent_again_and_kept_once(
    bridge: Bridge, store: Store, told: ToldLedger
) -> None:
    for table, rows in rows_of(told).items():
        bridge.lose_the_next_answer()
        store.insert(table, rows)
        assert store.query(f"SELECT count() AS rows FROM {table}") == [{"rows": len(rows)}], table


def test_an_equal_batch_is_kept_once_and_one_that_overlaps_is_kept(store: Store, told: ToldLedger) -> None:
    rows = rows_of(told)["facts"]
    for batch in (rows, rows, rows[5:]):
        store.insert("facts", batch)
    assert store.query("SELECT count() AS rows FROM facts") == [{"rows": 2 * len(rows) - 5}]
    assert store.query("SELECT count() AS rows FROM facts FINAL") == [{"rows": len(rows)}]


def test_a_wiped_store_takes_the_same_batches_again(store: Store, told: ToldLedger) -> None:
    rows = rows_of(told)["facts"]
    store.insert("facts", rows)
    store.wipe()
    store.insert("facts", rows)
    assert store.query("SELECT count() AS rows FROM facts") == [{"rows": len(rows)}]


def test_a_setting_that_the_server_does_not_know_is_refused_and_not_ignored(bridge: Bridge) -> None:
    with pytest.raises(StoreError, match=r"refuses .code 115.*no_such_setting"):
        Store(bridge.server, settings={"no_such_setting": 1})


def test_a_wrong_password_is_told_in_one_line_without_it(bridge: Bridge) -> None:
    with pytest.raises(StoreError, match="Authentication failed") as refused:
        Store(replace(bridge.server, password="guessed"))
    assert "guessed" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_server_that_is_too_old_is_refused_in_words(bridge: Bridge) -> None:
    with pytest.raises(StoreError, match=r"is version 26.9.*boards need 99.1 or newer"):
        Store(bridge.server, oldest=(99, 1))


def test_two_who_start_at_once_make_the_tables_once(bridge: Bridge) -> None:
    server, failed = replace(bridge.server, database="raced"), []

    def start() -> None:
        try:
            Store(server).close()
        except RuntimeError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    opened = Store(server)
    applied = opened.query("SELECT DISTINCT name FROM migrations")
    opened.close()
    assert len(applied) == len(steps.shipped())


def test_tables_of_another_version_are_left_alone_and_named(bridge: Bridge) -> None:
    server = replace(bridge.server, database="other_version")
    other = steps.read("0001_what_boards_read.sql", "CREATE TABLE t (a UInt8) ENGINE = Memory;\n")
    Store(server, migrations=[other]).close()
    with pytest.raises(OtherSchemaError, match=r"another version of 0001_what_boards_read.sql; it is a copy"):
        Store(server)


def test_a_server_that_was_killed_and_comes_back_is_used_again(tmp_path: Path, told: ToldLedger) -> None:
    rows = rows_of(told)["facts"]
    with Bridge(tmp_path) as bridge:
        store = Store(bridge.server)
        store.insert("facts", rows[:10])
        bridge.kill()
        for use in (lambda: store.query("SELECT 1 AS one"), lambda: store.insert("facts", rows[10:20])):
            with pytest.raises(StoreUnreachableError, match="does not answer"):
                use()
        bridge.start()
        store.insert("facts", rows[10:20])
        assert store.query("SELECT count() AS rows, max(position) AS last FROM facts") == [{"rows": 20, "last": 20}]
        store.close()


REDUCED = """CREATE TABLE facts (trial String, position UInt64, recorded UInt64, participant String)
ENGINE = ReplacingMergeTree ORDER BY (trial, position);
"""


@pytest.mark.skipif(OLD_BINARY is None and not REQUIRED, reason="no clickhouse-server is installed here")
def test_a_writer_lives_through_the_death_of_a_real_server(tmp_path: Path) -> None:
    """ClickHouse 18.16 of the distribution: no DateTime64, no LowCardinality, no tokens, so a table of its own."""
    assert OLD_BINARY, "TOCSIN_REQUIRE asks for clickhouse"
    draw = random.Random(1)
    rows: list[Row] = [
        {"trial": "T", "position": n, "recorded": draw.getrandbits(60), "participant": f"P-{n % 7}\t'🫀\\"}
        for n in range(1, 5_001)
    ]
    with OldServer(tmp_path) as old:
        with pytest.raises(StoreError, match=r"is version 18.16"):
            Store(old.server)
        store = Store(old.server, migrations=[steps.read("0001.sql", REDUCED)], settings={}, oldest=(18, 16))
        for start in range(0, 4_000, 1_000):
            store.insert("facts", rows[start : start + 1_000])
        old.kill()
        with pytest.raises(StoreUnreachableError):
            store.insert("facts", rows[4_000:])
        old.start()
        for start in (3_000, 4_000, 4_000):
            store.insert("facts", rows[start : start + 1_000])
        assert store.query("SELECT * FROM facts FINAL ORDER BY position") == rows
        store.close()


def test_every_table_is_emptied_by_a_wipe(store: Store, told: ToldLedger) -> None:
    for table, rows in rows_of(told).items():
        store.insert(table, rows)
    store.wipe()
    assert [store.query(f"SELECT count() AS rows FROM {table}")[0]["rows"] for table in TABLES] == [0, 0, 0, 0]
