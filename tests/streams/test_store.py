"""Does the store answer what was asked, from every thread, and read back what was written?"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.store import TABLES
from streams.store.chdb_store import Store, StoreInUseError
from streams.store.migrations import shipped


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store(tmp_path_factory.mktemp("store") / "boards")
    yield opened
    opened.close()


def finding(
    key: str, valid_from: int, grade: int | None, *, trial: str = "T", state: str = "raised"
) -> dict[str, object]:
    named = dict.fromkeys(
        ("rule", "version", "participant", "scope", "term", "basis", "happened", "sentence", "body"), ""
    )
    graded = {"grade": grade, "low": grade, "high": grade, "causes": ["lab|1"]}
    return {"trial": trial, "kind": "grade", "key": key, "valid_from": valid_from, "state": state} | named | graded


def test_eight_threads_with_typed_parameters_never_get_each_others_answers(store: Store) -> None:
    wrong: list[object] = []
    asked = [0] * 8
    end = time.monotonic() + 4

    def ask(thread: int) -> None:
        while time.monotonic() < end:
            number, text = thread * 1_000_000 + asked[thread], f"trial-{thread}-{asked[thread]}"
            (row,) = store.query("SELECT {a:UInt64} AS a, {b:String} AS b", {"a": number, "b": text})
            if row != {"a": number, "b": text}:
                wrong.append(row)
            asked[thread] += 1

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert min(asked) > 20


@given(text=st.text())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_comes_back_unchanged_as_a_parameter(store: Store, text: str) -> None:
    assert store.query("SELECT {t:String} AS t", {"t": text}) == [{"t": text}]


@pytest.mark.parametrize(
    "text", ["a\\b", "\\N", "tab\there", "line\nbreak", "'--;", "{x:String}", "\0", "NULL", "🫀", ""]
)
def test_texts_that_the_engine_would_misread_come_back_unchanged(store: Store, text: str) -> None:
    assert store.query("SELECT {t:String} AS t", {"t": text}) == [{"t": text}]


@pytest.mark.parametrize("value", [None, 1.5, ["a"], {"a": 1}])
def test_a_value_without_a_safe_form_is_refused_before_it_is_asked(store: Store, value: Any) -> None:
    with pytest.raises(TypeError, match="a parameter is text or a whole number"):
        store.query("SELECT 1 AS one", {"a": value})


def test_a_number_that_is_a_piece_of_sql_is_refused_by_the_engine(store: Store) -> None:
    with pytest.raises(RuntimeError, match="UInt64"):
        store.query("SELECT {a:UInt64} AS a", {"a": "1 or 1=1"})


def test_a_row_keeps_null_text_and_arrays_as_they_were_written(store: Store) -> None:
    row = finding("odd", 1, None, trial="rows") | {"causes": ["a|'b\\\n", "{x:String}"], "body": '{"a":"\\u0000\\t;"}'}
    store.insert("findings", [row])
    read = store.query("SELECT grade, causes, body FROM findings WHERE trial = 'rows'")
    assert read == [{"grade": None, "causes": row["causes"], "body": row["body"]}]


def test_a_finding_that_lost_its_grade_does_not_get_its_old_one_back(store: Store) -> None:
    store.insert("findings", [finding("k", 1, 3, trial="null"), finding("k", 5, None, trial="null")])
    naive = "SELECT argMax(grade, valid_from) AS grade FROM findings WHERE trial = 'null'"
    assert store.query(naive) == [{"grade": 3}], "the trap is still there: argMax skips NULL"
    ours = "SELECT grade FROM findings WHERE trial = 'null' ORDER BY key, valid_from DESC LIMIT 1 BY key"
    assert store.query(ours) == [{"grade": None}]


def test_merging_keeps_every_version_of_a_finding_and_drops_only_repeats(store: Store) -> None:
    rows = [finding("k", position, 2, trial="merge") for position in (1, 2, 3)]
    store.insert("findings", rows)
    store.insert("findings", rows)
    store.query("SELECT 1")
    store._session().query("OPTIMIZE TABLE findings FINAL")
    read = store.query("SELECT valid_from FROM findings WHERE trial = 'merge' ORDER BY valid_from")
    assert [row["valid_from"] for row in read] == [1, 2, 3]


def test_large_positions_come_back_exactly(store: Store) -> None:
    assert store.query("SELECT {a:UInt64} AS a", {"a": 18446744073709551615}) == [{"a": 18446744073709551615}]


def test_a_second_process_is_refused_in_words(store: Store) -> None:
    code = f"from pathlib import Path; from streams.store.chdb_store import Store; Store(Path({str(store._folder)!r}))"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 1
    assert "is open in another process; only the serving process opens it" in second.stderr


def test_a_second_store_in_one_process_is_refused_in_words(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreInUseError, match="this process has another store open"):
        Store(tmp_path / "other")


def test_migrations_are_numbered_without_a_gap_and_make_every_table() -> None:
    migrations = shipped()
    assert [step.name[:4] for step in migrations] == [f"{number:04}" for number in range(1, len(migrations) + 1)]
    made = " ".join(statement for step in migrations for statement in step.statements)
    assert all(f"CREATE TABLE IF NOT EXISTS {table}" in made for table in TABLES)
