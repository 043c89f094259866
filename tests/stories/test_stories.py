"""Every story is true, exactly; every rule has one; and the page says what they say."""

import pytest

from clinical.protocol import read_protocol
from protocols import shipped
from tests.stories.__main__ import BEHAVIOUR
from tests.stories.form import Page, Story, pages
from tests.stories.rendering import page as rendered
from tests.stories.running import run

PAGES = pages()
STORIES = [(page, story) for page in PAGES.values() for story in page.stories]


@pytest.mark.parametrize(
    ("page", "story"), STORIES, ids=[f"{' '.join(p.rules) or p.about}: {s.tells}" for p, s in STORIES]
)
def test_what_stands_after_each_step_is_what_the_story_expects(page: Page, story: Story) -> None:
    for told in run(page, story):
        assert told.seen == told.expected, f"on day {told.step.day}"


def test_every_rule_has_a_story_and_every_story_its_rule() -> None:
    for name in sorted({page.protocol for page in PAGES.values()}):
        protocol = read_protocol(shipped(name))
        rules = {rule.id for rule in protocol.participant_rules} | {rule.id for rule in protocol.cohort_rules}
        told = {rule for page in PAGES.values() if page.protocol == name for rule in page.rules}
        assert sorted(rules - told) == [], f"rules of {name} without a story"
        assert sorted(told - rules) == [], f"stories without a rule in {name}"


def test_a_file_bears_the_name_of_its_rules() -> None:
    assert [name for name, page in PAGES.items() for rule in page.rules if not rule.startswith(name)] == []


def test_the_committed_page_says_what_the_stories_say() -> None:
    assert BEHAVIOUR.read_text(encoding="utf-8") == rendered(), "make behaviour"
