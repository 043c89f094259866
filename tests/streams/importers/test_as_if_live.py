"""A historic trial as if live: nothing is told before it was known, the clock ticks, and the end is the same."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.values import earliest_day
from streams import replay
from streams.importers.sdtm import Import, Message, paced, read_trial
from streams.importers.sdtm.pacing import HOUR, Watch
from streams.intake import Accepted
from streams.intake import Message as Sent
from streams.local import Home
from tests.streams.importers.transport import ONE, TRIAL, TWO, event, of, protocol, small, write

NOW = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sdtm"), small())


@pytest.fixture(scope="module")
def live(folder: Path) -> Import:
    return read_trial(folder, TRIAL, protocol(), NOW)


def documents(told: Import) -> list[dict[str, Any]]:
    return [orjson.loads(item.raw) for item in told if isinstance(item, Message)]


def of_record(told: Import, record: str) -> list[tuple[datetime, dict[str, Any]]]:
    """When a record was told, and what was said of it each time."""
    messages = [(item.at, orjson.loads(item.raw)) for item in told if isinstance(item, Message)]
    return [(at, one) for at, one in messages if one["record"] == record]


def received(told: Import, folder: Path) -> Sequence[Accepted]:
    with Home(folder) as home:
        outcomes = home.receive([Sent(item.raw, item.address) for item in told if isinstance(item, Message)])
    return [one for one in outcomes if isinstance(one, Accepted)]


def standing(told: Import, folder: Path) -> dict[str, object]:
    """What stands at the end, without the position since when."""
    received(told, folder)
    with Home(folder) as home:
        changes = replay.standing(TRIAL, home.ledger.facts(TRIAL))
    return {key: change.finding for key, change in changes.items()}


def test_the_first_fact_names_a_simulated_clock(live: Import) -> None:
    first = documents(live)[0]
    assert (first["type"], first["data"]["clock"]) == ("tocsin.ProtocolAdopted.v1", "simulated")


def test_the_clock_ticks_once_an_hour_to_the_last_fact_and_once_a_day_where_a_month_is_silent(live: Import) -> None:
    ticks = [one["time"] for one in documents(live) if "ClockTicked" in one["type"]]
    assert ticks[0] == "2014-02-27T01:00:00Z"
    assert ticks[-1] == "2014-08-30T00:00:00Z"  # the end of treatment
    silent = (35 - 30) + (90 - 30)  # 1 April to 6 May, 1 June to 30 August: daily until 30 days are left
    assert len(ticks) == live.ticks == (184 - silent) * 24 + silent


def test_every_fact_is_stamped_within_the_hour_in_which_it_was_known(live: Import, tmp_path: Path) -> None:
    known = [item.at for item in live if isinstance(item, Message)]
    accepted = received(live, tmp_path / "home")
    addresses = {one.address for one in accepted}
    kept = [item.at for item in live if isinstance(item, Message) and item.address in addresses]
    assert len(known) - len(kept) == 1  # the event that stands twice with other content
    for at, one in zip(kept, accepted, strict=True):
        assert one.fact.recordedtime is not None
        assert at <= one.fact.recordedtime < at + HOUR


def test_nothing_says_a_day_that_lies_ahead_of_its_stamp(live: Import, tmp_path: Path) -> None:
    for one in received(live, tmp_path / "home"):
        said = orjson.loads(one.fact.model_dump_json())["data"]
        days = [said[name] for name in ("end", "ended", "died_on", "ended_on", "withdrew_on") if said.get(name)]
        assert one.fact.recordedtime is not None
        assert all(earliest_day(day) <= one.fact.recordedtime.date() for day in days)


def test_an_event_is_told_when_it_was_reported_and_again_when_it_had_ended(live: Import) -> None:
    (first, begun), (second, whole) = of_record(live, f"{ONE}/AE/1")
    assert (f"{first:%d %b}", f"{second:%d %b}") == ("12 Mar", "20 Mar")
    assert begun["data"].keys() == whole["data"].keys() - {"end", "outcome"}
    assert (whole["revision"], whole["reason"]) == (2, "the source says when it ended")
    assert whole["data"]["outcome"] == "recovered"


def test_nobody_knows_before_the_death_that_an_event_will_be_fatal(live: Import) -> None:
    (_, begun), (died, whole) = of_record(live, f"{TWO}/AE/1")
    assert not {"severity", "outcome", "grade"} & begun["data"].keys()
    assert begun["data"]["criteria"] == []
    assert f"{died:%Y-%m-%d}" == "2014-05-20"  # DM has the day; the event names no end
    assert (whole["data"]["severity"], whole["data"]["criteria"]) == ("fatal", ["death"])


def test_a_month_is_told_on_its_last_day_unless_a_report_has_a_day(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        small()
        | {
            "ae": [
                event(ONE, 1, "Nausea", "MILD", AESTDTC="2014-03", AEDTC=""),
                event(ONE, 2, "Rash", "MILD", AESTDTC="2014-03"),
            ]
        },
    )
    told = read_trial(folder, TRIAL, protocol(), NOW)
    days = [f"{of_record(told, f'{ONE}/AE/{number}')[0][0]:%d %b}" for number in (1, 2)]
    assert days == ["31 Mar", "12 Mar"]


def test_two_events_of_one_name_are_each_told_as_a_whole_and_never_mixed(live: Import) -> None:
    told = of_record(live, f"{ONE}/AE/2")
    assert [one["revision"] for _, one in told] == [1, 1]


def test_what_stands_at_the_end_is_what_stands_after_a_plain_import(folder: Path, live: Import, tmp_path: Path) -> None:
    plain = standing(read_trial(folder, TRIAL, protocol()), tmp_path / "plain")
    assert standing(live, tmp_path / "live") == plain
    assert plain


def test_the_account_of_rows_is_that_of_a_plain_import(folder: Path, live: Import) -> None:
    assert live.account.summary() == read_trial(folder, TRIAL, protocol()).account.summary()
    assert live.told_again == 4


def test_a_row_that_is_dated_after_the_import_is_refused_and_no_tick_is_made_for_it(tmp_path: Path) -> None:
    late = of(ONE, EXSEQ=9, EXTRT="PLACEBO", EXDOSE=0, EXDOSU="mg", EXSTDTC="2099-01-01")
    folder = write(tmp_path / "sdtm", small() | {"ex": [*small()["ex"], late]})
    told = read_trial(folder, TRIAL, protocol(), datetime(2014, 9, 2, tzinfo=UTC))
    assert max(one["time"] for one in documents(told) if "ClockTicked" in one["type"]) <= "2014-09-02T00:00:00Z"
    assert of_record(told, f"{ONE}/EX/9")
    assert "ex.xpt row 5" not in {one.address for one in received(told, tmp_path / "home")}


def test_a_year_that_was_written_wrongly_is_not_a_million_ticks(tmp_path: Path) -> None:
    old = of("S-09", SITEID="701", ARMCD="Pbo", SEX="F", DMDTC="1914-03-01")
    told = read_trial(write(tmp_path, small() | {"dm": [*small()["dm"], old]}), TRIAL, protocol(), NOW)
    assert told.ticks < 45_000


def test_a_pace_waits_until_each_tick_is_due(live: Import) -> None:
    shown: list[float] = []
    passed = [0.0]

    def wait(seconds: float) -> None:
        passed[0] += seconds
        shown.append(passed[0])

    assert list(paced(live, 2.0, Watch(lambda: passed[0], wait))) == list(live)
    whole = (datetime(2014, 8, 30, tzinfo=UTC) - datetime(2014, 2, 27, 1, tzinfo=UTC)) / timedelta(days=1)
    assert shown == sorted(shown)
    assert passed[0] == pytest.approx(whole / 2.0)


def test_the_same_folder_again_is_known_and_gives_the_same_bytes(folder: Path, live: Import, tmp_path: Path) -> None:
    again = read_trial(folder, TRIAL, protocol(), NOW + timedelta(days=3))
    assert [item.raw for item in again] == [item.raw for item in live]
    first = received(live, tmp_path / "home")
    assert not received(again, tmp_path / "home")
    assert first
