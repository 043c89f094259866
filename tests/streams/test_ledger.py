"""The ledger keeps everything, edits nothing, and forgets only what it is told to forget."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import schemas
from streams.intake import Intake, Message
from streams.ledger import sealing
from streams.ledger.sqlite import FORMAT, Entry, Ledger
from tests.builders import (
    TRIAL,
    adopted,
    adverse_event,
    as_bytes,
    enrolled,
    lab,
    left_trial,
    revised,
    tick,
    withdrawn,
)
from tests.streams.conftest import Door

SAID = (adopted(), enrolled(), lab(), adverse_event(verbatim="Mrs Smith fainted in the ward"))
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def raw_connection(ledger: Ledger, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The file as a stranger would open it: none of our settings, only what the file itself defends."""
    connection = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    yield connection
    connection.close()


def entry(ledger: Ledger, position: int, trial: str = "T", recorded: datetime = NOON) -> Entry:
    return Entry(
        trial, position, recorded, "s", f"r{position}", 1, "tocsin.X.v1", None, b"d", b"{}", b"raw", ledger.draw_key()
    )


def test_what_was_accepted_can_be_read_back_in_order(door: Door) -> None:
    door.tell(*SAID)
    assert [(position, type(fact).__name__) for position, fact in door.ledger.facts(TRIAL)] == [
        (1, "ProtocolAdopted"),
        (2, "ParticipantEnrolled"),
        (3, "LabResulted"),
        (4, "AdverseEventReported"),
    ]
    assert [position for position, _ in door.ledger.canonical(TRIAL, after=1, until=3)] == [2, 3]
    assert [position for position, _ in door.ledger.facts(TRIAL, after=3, until=99)] == [4]
    assert list(door.ledger.facts("unknown")) == []


def test_more_than_a_page_of_facts_is_read_whole(ledger: Ledger) -> None:
    ledger.append([entry(ledger, position) for position in range(1, 2_502)])
    assert [position for position, _ in ledger.canonical("T", after=499)] == list(range(500, 2_502))


def test_trials_are_kept_apart_and_listed_by_name(ledger: Ledger) -> None:
    ledger.append([entry(ledger, 1, "b"), entry(ledger, 1, "a"), entry(ledger, 2, "b")])
    assert ledger.trials() == ("a", "b")
    assert [ledger.head(trial) for trial in ("a", "b", "c")] == [1, 2, 0]


def test_known_at_is_the_last_position_recorded_by_then(ledger: Ledger) -> None:
    minutes = [0, 0, 1, 5, 5, 9]
    ledger.append([entry(ledger, n, recorded=NOON + timedelta(minutes=m)) for n, m in enumerate(minutes, 1)])
    asked = {m: ledger.position_at("T", NOON + timedelta(minutes=m)) for m in (-1, 0, 1, 4, 5, 8, 9, 100)}
    assert asked == {-1: 0, 0: 2, 1: 3, 4: 3, 5: 5, 8: 5, 9: 6, 100: 6}
    assert ledger.position_at("unknown", NOON) == 0


@pytest.mark.parametrize("table", ["ledger", "published", "quarantine"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_an_append_only_table_refuses_update_and_delete(
    door: Door, raw_connection: sqlite3.Connection, table: str, statement: str
) -> None:
    door.tell(*SAID, b"no fact")
    door.ledger.publish(TRIAL, [(1, 0, b"{}")], 1)
    column = raw_connection.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchone()[0]
    before = raw_connection.execute(f"SELECT * FROM {table}").fetchall()
    assert before
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        raw_connection.execute(statement.format(table, column, column))
    assert raw_connection.execute(f"SELECT * FROM {table}").fetchall() == before


@pytest.mark.parametrize("table", ["ledger", "published", "quarantine"])
def test_insert_or_replace_removes_nothing(door: Door, raw_connection: sqlite3.Connection, table: str) -> None:
    door.tell(*SAID, b"no fact", b"no fact either")
    door.ledger.publish(TRIAL, [(1, 0, b"{}"), (1, 1, b"{}")], 1)
    before = raw_connection.execute(f"SELECT * FROM {table}").fetchall()
    for row in before:
        with pytest.raises(sqlite3.IntegrityError):
            raw_connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    assert raw_connection.execute(f"SELECT * FROM {table}").fetchall() == before


def test_a_fact_is_not_replaced_by_the_next_one_under_its_row_number(
    door: Door, raw_connection: sqlite3.Connection
) -> None:
    door.tell(*SAID)
    before = raw_connection.execute("SELECT rowid, * FROM ledger").fetchall()
    columns = ", ".join(name for (name,) in raw_connection.execute("SELECT name FROM pragma_table_info('ledger')"))
    for rowid, trial, _, *rest in before:
        row = (rowid, trial, len(SAID) + 1, *rest)
        with pytest.raises(sqlite3.IntegrityError):
            raw_connection.execute(
                f"INSERT OR REPLACE INTO ledger (rowid, {columns}) VALUES ({', '.join('?' * len(row))})", row
            )
    assert raw_connection.execute("SELECT rowid, * FROM ledger").fetchall() == before


def test_a_message_in_quarantine_is_not_replaced_under_a_new_number(
    door: Door, raw_connection: sqlite3.Connection
) -> None:
    door.tell(b"no fact")
    (row,) = raw_connection.execute("SELECT * FROM quarantine").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="once"):
        raw_connection.execute(f"INSERT OR REPLACE INTO quarantine VALUES ({', '.join('?' * len(row))})", (2, *row[1:]))


@pytest.mark.parametrize("positions", [(2,), (1, 3), (1, 1), (0,), (-1,)])
def test_a_position_that_does_not_follow_is_refused_and_nothing_of_its_batch_stays(
    ledger: Ledger, positions: tuple[int, ...]
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        ledger.append([entry(ledger, position) for position in positions])
    assert ledger.head("T") == 0
    ledger.append([entry(ledger, 1)])
    assert ledger.head("T") == 1


def test_a_key_is_never_edited(door: Door, raw_connection: sqlite3.Connection) -> None:
    door.tell(*SAID)
    with pytest.raises(sqlite3.IntegrityError, match="never edited"):
        raw_connection.execute("UPDATE keys SET key = x'00'")


def test_a_reader_cannot_write(door: Door, tmp_path: Path) -> None:
    door.tell(*SAID)
    reader = Ledger.reading(tmp_path / "ledger.sqlite")
    with pytest.raises(PermissionError):
        reader.append([entry(reader, 5, TRIAL)])
    assert reader.head(TRIAL) == 4
    reader.close()


def test_reading_a_ledger_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Ledger.reading(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_closed_ledger_is_read_and_written_on(tmp_path: Path) -> None:
    for position in (1, 2, 3):
        ledger = Ledger(tmp_path / "ledger.sqlite")
        ledger.append([entry(ledger, position)])
        ledger.close()
    reader = Ledger.reading(tmp_path / "ledger.sqlite")
    assert [reader.raw("T", position) for position in (1, 2, 3)] == [b"raw"] * 3
    reader.close()


def test_a_file_of_another_format_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(OSError, match="format"):
        Ledger(tmp_path / "ledger.sqlite")


def test_a_reader_in_a_long_transaction_does_not_block_the_writer_and_sees_its_own_moment(
    door: Door, raw_connection: sqlite3.Connection
) -> None:
    door.tell(*SAID[:2])
    raw_connection.execute("BEGIN")
    count = "SELECT count(*) FROM ledger"
    assert raw_connection.execute(count).fetchone() == (2,)
    door.tell(*SAID[2:])
    assert door.ledger.head(TRIAL) == 4
    assert raw_connection.execute(count).fetchone() == (2,)
    raw_connection.execute("COMMIT")
    assert raw_connection.execute(count).fetchone() == (4,)


def test_a_writer_in_a_transaction_does_not_block_readers(door: Door, raw_connection: sqlite3.Connection) -> None:
    door.tell(*SAID)
    raw_connection.execute("BEGIN IMMEDIATE")
    raw_connection.execute("INSERT INTO marks VALUES ('T', 'somebody', 1)")
    assert len(list(door.ledger.facts(TRIAL))) == 4
    raw_connection.execute("ROLLBACK")


def test_an_iterator_left_open_holds_nobody_up(door: Door) -> None:
    door.tell(*SAID)
    facts = door.ledger.facts(TRIAL)
    assert next(facts)[0] == 1
    door.tell(lab(on="2026-01-09"))
    assert [position for position, _ in facts] == [2, 3, 4]


def test_threads_read_while_another_writes(door: Door) -> None:
    door.tell(*SAID)
    wrong: list[list[int]] = []

    def read() -> None:
        for _ in range(30):
            seen = [position for position, _ in door.ledger.canonical(TRIAL)]
            if seen != list(range(1, len(seen) + 1)) or len(seen) < 4:
                wrong.append(seen)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for day in range(1, 29):
        door.tell(lab(on=f"2026-02-{day:02}"))
    for thread in threads:
        thread.join()
    assert wrong == []
    assert door.ledger.head(TRIAL) == 32


# -- what may name a person


def file_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_every_field_marked_as_free_text_is_found_by_its_path() -> None:
    for fact in schemas.FACTS.values():
        marked = _marked(fact.model_json_schema(), fact.model_json_schema())
        assert set(sealing.free_text_paths(fact)) == marked


def _marked(node: object, whole: dict[str, object], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of free text as the published JSON Schema has them."""
    if isinstance(node, list):
        return set().union(*(_marked(entry, whole, path) for entry in node))
    if not isinstance(node, dict):
        return set()
    found = {path} if node.get("x-free-text") else set()
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", 1)[1]
        found |= _marked(whole["$defs"][name], whole, path)  # type: ignore[index]
    for name, inner in node.get("properties", {}).items():
        found |= _marked(inner, whole, (*path, name))
    for word in ("anyOf", "items", "prefixItems"):
        found |= _marked(node.get(word, []), whole, path if word == "anyOf" else (*path, "*"))
    return found


def test_free_text_and_raw_bytes_are_nowhere_in_the_files_in_clear(door: Door, tmp_path: Path) -> None:
    door.tell(*SAID, revised(lab(), reason="Dr Jones misread it"), left_trial(comment="moved to Aunt Polly"))
    door.tell(b'{"patient": "Tom Sawyer"}', adverse_event(verbatim="Becky Thatcher fell"))
    assert door.ledger.head(TRIAL) == 6
    held = file_bytes(tmp_path)
    for name in (b"Smith", b"Jones", b"Polly", b"Sawyer", b"Thatcher"):
        assert name not in held
    assert held.count(b"hmac-sha256:") >= 3


def test_free_text_and_the_message_can_be_opened_with_their_key(door: Door) -> None:
    door.tell(*SAID, withdrawn(lab(), reason="Dr Jones misread it"))
    assert door.ledger.opened(TRIAL, 4) == {"data.verbatim": "Mrs Smith fainted in the ward"}
    assert door.ledger.opened(TRIAL, 5) == {"reason": "Dr Jones misread it"}
    assert door.ledger.opened(TRIAL, 3) == {}
    assert [door.ledger.raw(TRIAL, position) for position in (1, 2, 3, 4)] == [as_bytes(said) for said in SAID]


def test_equal_texts_of_two_records_are_two_commitments(door: Door) -> None:
    door.tell(*SAID, adverse_event(onset="2026-01-20", verbatim="Mrs Smith fainted in the ward"))
    texts = [getattr(fact.data, "verbatim", None) for _, fact in door.ledger.facts(TRIAL, after=3)]
    assert len(set(texts)) == 2
    assert all(str(text).startswith(sealing.COMMITTED) for text in texts)


def test_redaction_leaves_the_ledger_as_it_is_and_makes_the_text_unreadable(door: Door, tmp_path: Path) -> None:
    door.tell(*SAID, revised(SAID[3], reason="Mr Brown called"))
    ledger = door.ledger
    before = list(ledger.canonical(TRIAL))
    keys = {position: ledger.key_at(TRIAL, position) for position in (3, 4)}
    assert all(keys.values())

    assert ledger.destroy_key(TRIAL, "edc", str(SAID[3]["record"])) == 1

    assert list(ledger.canonical(TRIAL)) == before
    for position in (4, 5):
        assert ledger.opened(TRIAL, position) is None
        assert ledger.raw(TRIAL, position) is None
    assert ledger.raw(TRIAL, 3) == as_bytes(SAID[2])
    held = file_bytes(tmp_path)
    assert keys[3] is not None
    assert keys[3].secret in held
    assert keys[4] is not None
    assert keys[4].secret not in held
    assert b"Smith" not in held


def test_redaction_says_when_a_reader_keeps_the_key_in_the_log(door: Door, raw_connection: sqlite3.Connection) -> None:
    door.tell(*SAID)
    raw_connection.execute("BEGIN")
    raw_connection.execute("SELECT count(*) FROM ledger").fetchone()
    door.tell(lab(on="2026-01-09"))
    with pytest.raises(TimeoutError):
        door.ledger.destroy_key(TRIAL, "edc", str(SAID[3]["record"]), patience=timedelta(milliseconds=1))
    assert door.ledger.opened(TRIAL, 4) is None
    raw_connection.execute("COMMIT")
    assert door.ledger.destroy_key(TRIAL, "edc", str(SAID[3]["record"])) == 0


def test_a_redacted_message_sent_again_is_a_duplicate_by_all_that_is_left(door: Door) -> None:
    door.tell(*SAID)
    door.ledger.destroy_key(TRIAL, "edc", str(SAID[3]["record"]))
    same, other_text, other_grade, no_text = door.tell(
        SAID[3],
        adverse_event(verbatim="something else"),
        adverse_event(grade=4, verbatim="Mrs Smith fainted in the ward"),
        adverse_event(),
    )
    assert [type(outcome).__name__ for outcome in (same, other_text, other_grade, no_text)] == [
        "Duplicate",
        "Duplicate",
        "Conflict",
        "Conflict",
    ]


def test_a_revision_after_redaction_has_a_key_of_its_own(door: Door) -> None:
    door.tell(*SAID)
    door.ledger.destroy_key(TRIAL, "edc", str(SAID[3]["record"]))
    door.tell(revised(SAID[3], reason="graded again", verbatim="fainted", grade=2))
    assert door.ledger.opened(TRIAL, 4) is None
    assert door.ledger.opened(TRIAL, 5) == {"reason": "graded again", "data.verbatim": "fainted"}
    assert type(door.tell(SAID[3])[0]).__name__ == "Duplicate"


def test_the_number_of_a_destroyed_key_is_never_used_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.append([entry(ledger, 1)])
    ledger.destroy_key("T", "s", "r1")
    ledger.close()
    again = Ledger(tmp_path / "ledger.sqlite")
    again.append([entry(again, 2)])
    assert again.raw("T", 1) is None
    assert again.raw("T", 2) == b"raw"
    again.close()


def test_sealed_bytes_open_only_in_their_own_place(door: Door, raw_connection: sqlite3.Connection) -> None:
    door.tell(*SAID, revised(lab(), value="99"))
    raw_connection.execute("DROP TRIGGER ledger_is_never_edited")
    raw_connection.execute(
        "UPDATE ledger SET sealed = (SELECT sealed FROM ledger WHERE position = 5) WHERE position = 3"
    )
    with pytest.raises(sealing.DamagedError):
        door.ledger.raw(TRIAL, 3)


def test_the_digest_of_the_message_is_salted(door: Door, raw_connection: sqlite3.Connection) -> None:
    door.tell(*SAID)
    (stored,) = raw_connection.execute("SELECT raw_digest FROM ledger WHERE position = 3").fetchone()
    key = door.ledger.key_at(TRIAL, 3)
    assert key is not None
    assert stored == sealing.digest(key.secret, as_bytes(SAID[2]))
    assert stored != hashlib.sha256(as_bytes(SAID[2])).digest()


# -- what was published


def test_what_is_published_twice_stands_once(ledger: Ledger) -> None:
    rows = [(1, 0, b"a"), (1, 1, b"b"), (3, 0, b"c")]
    ledger.publish("T", rows, 4)
    ledger.publish("T", rows, 4)
    ledger.publish("T", [*rows, (5, 0, b"d")], 5)
    assert list(ledger.published("T")) == [*rows, (5, 0, b"d")]
    assert list(ledger.published("T", after=1)) == [(3, 0, b"c"), (5, 0, b"d")]
    assert ledger.published_up_to("T") == 5
    assert ledger.published_up_to("other") == 0


def test_the_mark_of_what_is_published_never_goes_back(ledger: Ledger) -> None:
    ledger.publish("T", [(3, 0, b"c")], 4)
    ledger.publish("T", [(3, 0, b"c")], 3)
    assert ledger.published_up_to("T") == 4


@pytest.mark.parametrize("rows", [[(1, 0, b"x")], [(1, 1, b"b")], [(2, 0, b"a")]])
def test_publishing_something_else_at_a_published_position_is_our_mistake(
    ledger: Ledger, rows: list[tuple[int, int, bytes]]
) -> None:
    ledger.publish("T", [(1, 0, b"a")], 2)
    with pytest.raises(LookupError):
        ledger.publish("T", rows, 3)
    assert list(ledger.published("T")) == [(1, 0, b"a")]
    assert ledger.published_up_to("T") == 2


def test_changes_are_published_in_order(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        ledger.publish("T", [(2, 0, b"b"), (1, 0, b"a")], 2)
    assert list(ledger.published("T")) == []


def test_many_changes_are_read_whole(ledger: Ledger) -> None:
    rows = [(position, ordinal, b"x") for position in range(1, 800) for ordinal in (0, 1, 2)]
    ledger.publish("T", rows, 800)
    assert list(ledger.published("T")) == rows


def test_a_simulated_trial_told_twice_gives_the_same_ledger_but_for_salts(tmp_path: Path) -> None:
    told = [
        adopted(clock="simulated"),
        enrolled(on="2026-01-01"),
        tick("2026-01-07T10:00:00Z"),
        lab(),
        tick("2026-01-07T11:00:00Z"),
    ]
    ledgers = []
    for number in (1, 2):
        ledger = Ledger(tmp_path / f"{number}.sqlite")
        Intake(ledger).receive([Message(as_bytes(one), "told") for one in told])
        ledgers.append(list(ledger.canonical(TRIAL)))
        ledger.close()
    assert ledgers[0] == ledgers[1]
    assert len(ledgers[0]) == 5
