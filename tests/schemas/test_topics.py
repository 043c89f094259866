"""Does everything that flows have somebody who writes it and somebody who reads it?"""

from pathlib import Path
from typing import get_args

import pytest

from schemas import FACTS, LARGEST_MESSAGE
from schemas.topics import ARROWS, FAMILIES, FINDINGS, KEYS, LEDGER, QUARANTINE, RAW, TOPICS, Arrow, Topic
from streams.app import AGENTS
from streams.kafka.worker import Agent

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arrow", get_args(Arrow))
def test_an_arrow_is_written_in_one_place(arrow: Arrow) -> None:
    place = ROOT / ARROWS[arrow]
    assert place.is_file() or any(place.glob("*.py"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_no_topic_is_without_an_arrow_in_and_an_arrow_out(topic: Topic) -> None:
    assert topic.written_by
    assert topic.read_by


def test_no_arrow_touches_nothing() -> None:
    assert {arrow for topic in TOPICS for arrow in (*topic.written_by, *topic.read_by)} == set(get_args(Arrow))


def test_no_two_topics_have_one_name() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_every_family_of_facts_has_a_raw_topic_and_a_file() -> None:
    files = {path.stem for path in (ROOT / "schemas" / "facts").glob("*.py")} - {"__init__"}
    assert {fact.family for fact in FACTS.values()} == set(FAMILIES) == files
    assert {topic.name for topic in RAW} == {f"tocsin.raw.{family}" for family in FAMILIES}


def test_a_fact_stands_in_the_file_of_its_family() -> None:
    for fact in FACTS.values():
        assert fact.__module__ == f"schemas.facts.{fact.family}"


def test_what_must_never_be_lost_is_kept_without_limit() -> None:
    kept = {topic.name for topic in TOPICS if topic.retention == "unlimited"}
    assert kept == {"tocsin.ledger", "tocsin.findings", "tocsin.quarantine"}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_kept_as_it_says(topic: Topic) -> None:
    assert topic.settings["cleanup.policy"] == ("compact" if topic.retention == "compacted" else "delete")
    kept = {"unlimited": "-1", "30 days": "2592000000", "compacted": None}
    assert topic.settings.get("retention.ms") == kept[topic.retention]


def test_a_destroyed_key_does_not_lie_on_the_disk_for_ever() -> None:
    assert int(KEYS.settings["max.compaction.lag.ms"]) <= 24 * 60 * 60 * 1000


def test_a_topic_takes_whatever_the_one_before_it_took() -> None:
    assert all(topic.largest > 10_000_000 for topic in RAW), "a message of 10 MB reaches quarantine"
    assert QUARANTINE.largest > max(topic.largest for topic in RAW)
    assert LEDGER.largest > 3 * LARGEST_MESSAGE, "a fact with its stamp, and its message sealed"
    assert FINDINGS.largest >= LEDGER.largest


@pytest.mark.parametrize("agent", AGENTS.values(), ids=lambda agent: agent.name)
def test_an_agent_is_an_arrow_and_reads_the_topics_that_name_it(agent: Agent) -> None:
    assert agent.name in ARROWS
    assert [topic.name for topic in agent.reads if agent.name not in topic.read_by] == []
