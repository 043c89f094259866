"""A home has one writer; what comes in is durable, folded, published and told to whoever listens, in that order."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.findings import Change, written
from streams.batch import Batch
from streams.holding import LOCK, HomeBusyError
from streams.intake import Accepted, Duplicate, Intake, Message, Outcome
from streams.ledger.sqlite import FORMAT, Ledger
from streams.local import LEDGER, Home
from streams.replay import replay
from tests import builders
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, enrolled, lab, revised
from tests.streams.conftest import SetClock

ROOT = Path(__file__).parents[2]
SAID = (adopted(), enrolled(), lab(value="500"), adverse_event(), revised(lab(value="500"), value="30"))

HOLD = """
import sys, time
from pathlib import Path
from streams.local import Home
home = Home(Path(sys.argv[1]), "tocsin serve")
home.served_at("http://127.0.0.1:8123")
print("held", flush=True)
time.sleep(600)
"""


def messages(*said: builders.Message | bytes) -> list[Message]:
    raws = [one if isinstance(one, bytes) else as_bytes(one) for one in said]
    return [Message(raw, f"told:{number}") for number, raw in enumerate(raws, 1)]


@pytest.fixture
def home(tmp_path: Path, clock: SetClock) -> Iterator[Home]:
    with Home(tmp_path / "home", "tocsin ingest", clock=clock) as opened:
        yield opened


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the home and says that it serves it."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "home")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def published(ledger: Ledger) -> list[bytes]:
    return [body for _, _, body in ledger.published(TRIAL)]


# -- one writer


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(HomeBusyError) as refused:
        Home(tmp_path / "home")
    first = refused.value.holder
    assert (first.pid, first.what, first.url) == (holder.pid, "tocsin serve", "http://127.0.0.1:8123")
    for word in ("tocsin serve", "http://127.0.0.1:8123", str(holder.pid)):
        assert word in str(refused.value)


def test_a_second_writer_in_the_same_process_is_refused_too(home: Home, tmp_path: Path) -> None:
    with pytest.raises(HomeBusyError, match=f"tocsin ingest .process {os.getpid()}"):
        Home(tmp_path / "home")


def test_a_killed_writer_holds_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    Home(tmp_path / "home").close()


def test_a_closed_home_can_be_opened_again(tmp_path: Path) -> None:
    for what in ("tocsin ingest", "tocsin serve"):
        with Home(tmp_path / "home", what):
            assert what in (tmp_path / "home" / LOCK).read_text()


def test_a_holder_that_has_not_yet_said_who_it_is_still_holds(home: Home, tmp_path: Path) -> None:
    (tmp_path / "home" / LOCK).write_bytes(b"")
    with pytest.raises(HomeBusyError, match="another process"):
        Home(tmp_path / "home")


def test_a_home_that_cannot_be_opened_is_not_held(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / LEDGER)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    for _ in range(2):
        with pytest.raises(OSError, match="format"):
            Home(tmp_path)
    (tmp_path / LEDGER).unlink()
    Home(tmp_path).close()


def test_a_home_is_read_without_holding_it(home: Home, tmp_path: Path) -> None:
    home.receive(messages(*SAID))
    reader = Home.reading(tmp_path / "home")
    assert reader.head(TRIAL) == len(SAID)
    home.receive(messages(lab(on="2026-01-20")))
    assert reader.head(TRIAL) == len(SAID) + 1
    reader.close()


# -- from message to finding


def test_what_comes_in_is_published_before_receive_returns(home: Home) -> None:
    home.receive(messages(*SAID))
    assert home.ledger.published_up_to(TRIAL) == len(SAID)
    assert published(home.ledger)
    assert published(home.ledger) == list(replay(TRIAL, home.ledger.facts(TRIAL)))


def test_how_messages_are_batched_changes_no_finding(tmp_path: Path, clock: SetClock) -> None:
    with Home(tmp_path / "one", clock=clock) as one, Home(tmp_path / "many", clock=clock) as many:
        one.receive(messages(*SAID))
        for message in messages(*SAID):
            many.receive([message])
        assert published(one.ledger) == published(many.ledger)


def test_a_listener_hears_of_every_batch_what_is_durable(home: Home) -> None:
    heard: list[tuple[Batch, int, int]] = []
    home.listen(lambda batch: heard.append((batch, home.ledger.head(TRIAL), home.ledger.published_up_to(TRIAL))))
    home.receive(messages(*SAID[:2], b"no fact"))
    home.receive(messages(*SAID[2:]))
    assert [(head, mark) for _, head, mark in heard] == [(2, 2), (5, 5)]
    facts = [stored for batch, _, _ in heard for stored in batch.facts]
    assert [(stored.position, stored.fact) for stored in facts] == list(home.ledger.facts(TRIAL))
    assert {stored.recorded for stored in facts} == {datetime(2026, 6, 1, 12, 30, tzinfo=UTC)}
    changes: tuple[Change, ...] = tuple(change for batch, _, _ in heard for _, change in batch.changes)
    assert list(written(TRIAL, changes)) == published(home.ledger)
    assert [one.address for batch, _, _ in heard for one in batch.quarantined] == ["told:3"]


def test_listeners_are_told_in_their_order_and_not_of_nothing(home: Home) -> None:
    heard: list[str] = []
    home.listen(lambda _: heard.append("first"))
    home.listen(lambda _: heard.append("second"))
    home.receive(messages(*SAID))
    home.receive(messages(*SAID))
    home.receive([])
    assert heard == ["first", "second"]


def test_a_conflict_is_told_once_however_often_it_comes(home: Home) -> None:
    heard: list[Batch] = []
    home.receive(messages(*SAID))
    home.listen(heard.append)
    for _ in range(3):
        home.receive(messages(adverse_event(grade=5)))
    assert [[one.number for one in batch.quarantined] for batch in heard] == [[1]]


def test_what_a_crash_kept_from_being_published_is_published_when_the_home_is_opened(
    tmp_path: Path, clock: SetClock
) -> None:
    folder = tmp_path / "home"
    with Home(folder, clock=clock) as home:
        home.receive(messages(*SAID[:2]))
    ledger = Ledger(folder / LEDGER)  # accepted and durable, and then the process died
    Intake(ledger, clock).receive(messages(*SAID[2:]))
    assert ledger.published_up_to(TRIAL) == 2
    ledger.close()
    with Home(folder, clock=clock) as home:
        assert home.ledger.published_up_to(TRIAL) == len(SAID)
        assert published(home.ledger) == list(replay(TRIAL, home.ledger.facts(TRIAL)))


def test_a_reopened_home_goes_on_where_it_stopped(tmp_path: Path, clock: SetClock) -> None:
    for one in (*SAID, *SAID):
        with Home(tmp_path / "home", clock=clock) as home:
            home.receive(messages(one))
    with Home(tmp_path / "home", clock=clock) as home:
        assert home.ledger.head(TRIAL) == len(SAID)
        assert published(home.ledger) == list(replay(TRIAL, home.ledger.facts(TRIAL)))


def test_a_fact_whose_findings_failed_is_durable_and_owed(tmp_path: Path, clock: SetClock) -> None:
    class FailingMonitor:
        def catch_up(self) -> tuple[tuple[str, Change], ...]:
            return ()

        def take(self, accepted: Sequence[Accepted]) -> tuple[tuple[str, Change], ...]:
            raise LookupError(f"our mistake, at {accepted[0].position}")

    folder = tmp_path / "home"
    home = Home(folder, clock=clock, monitor=lambda _: FailingMonitor())
    with pytest.raises(LookupError, match="our mistake, at 1"):
        home.receive(messages(*SAID))
    home.close()
    with Home(folder, clock=clock) as home:
        assert published(home.ledger) == list(replay(TRIAL, home.ledger.facts(TRIAL)))
        assert all(isinstance(one, Duplicate) for one in home.receive(messages(*SAID)))


def test_threads_that_bring_facts_at_once_do_not_mix(home: Home) -> None:
    home.receive(messages(*SAID[:2]))
    outcomes: list[Outcome] = []

    def bring(thread: int) -> None:
        for number in range(10):
            said = [lab(value="300", record=f"lb/{thread}/{number}/{n}") for n in range(3)]
            outcomes.extend(home.receive(messages(*said)))

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    positions = [one.position for one in outcomes if isinstance(one, Accepted)]
    assert sorted(positions) == list(range(3, 123))
    assert published(home.ledger) == list(replay(TRIAL, home.ledger.facts(TRIAL)))


def test_the_hour_strikes_in_a_home_and_is_folded_like_any_fact(home: Home, clock: SetClock) -> None:
    heard: list[Batch] = []
    home.receive(messages(*SAID))
    home.listen(heard.append)
    clock.now = datetime(2026, 6, 1, 13, 0, 2, tzinfo=UTC)
    (struck,) = home.tick(clock.now)
    assert isinstance(struck, Accepted)
    assert home.tick(clock.now) == ()
    assert [[type(stored.fact).__name__ for stored in batch.facts] for batch in heard] == [["ClockTicked"]]
    assert home.ledger.published_up_to(TRIAL) == struck.position == len(SAID) + 1
