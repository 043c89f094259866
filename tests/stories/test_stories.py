"""Every story is true, exactly; every rule has one; and the page says what they say."""

import pytest

from clinical.protocol import read_protocol
from protocols import shipped
from tests.stories.__main__ import BEHAVIOUR
from tests.stories.form import Page, Story, pages
from tests.stories.rendering import page as rendered
from tests.stories.running import run

PAGES = pages()
UNTOLD = {
    "P01_cetuximab_infusion_reaction_severe",
    "P02_cetuximab_infusion_reaction_mild",
    "P03_rash_first",
    "P04_rash_second",
    "P05_rash_third",
    "P06_rash_fourth",
    "P07_lung_disease_suspected",
    "P07_lung_disease_confirmed",
    "P08_magnesium_low",
    "P08_magnesium_grave",
    "P09_keratitis",
    "P09_keratitis_severe",
    "P10_severe_skin_suspected",
    "P10_severe_skin_confirmed",
    "P11_ak117_infusion_reaction_severe",
    "P11_ak117_infusion_reaction_moderate",
    "P12_anaemia",
    "P13_haemolysis",
    "P13_haemolysis_grave",
    "P14_platelets",
    "P15_neutropenia",
    "P16_febrile_neutropenia",
    "P17_severe_despite_care",
    "P18_transaminases",
    "P19_grade_4",
    "P20_pneumonitis_moderate",
    "P20_pneumonitis_severe",
    "P21_colitis",
    "P21_colitis_grave",
    "P22_hepatitis",
    "P22_hepatitis_severe",
    "P23_hepatitis_with_liver_tumour",
    "P23_hepatitis_with_liver_tumour_severe",
    "P24_transaminases_doubly_raised",
    "P25_hys_law_candidate",
    "P25_hys_law_confirmed",
    "P26_myocarditis_suspected",
    "P26_myocarditis",
    "P27_kidney",
    "P27_kidney_grave",
    "P28_neurological",
    "P28_neurological_severe",
    "P29_endocrine",
    "P30_other_immune",
    "P30_other_immune_severe",
    "P31_steroid_not_reducible",
    "P32_not_recovered",
    "P33_ak104_infusion_reaction",
    "P33_ak104_infusion_reaction_severe",
    "P34_delay_every_three_weeks",
    "P34_delay_cetuximab",
    "P35_again_after_rechallenge",
    "P37_fatal",
    "P38_one_year",
    "P40_end_for_another_reason",
}
"""Rules of the shipped protocols whose story is still to be told. A story takes its rule off this list."""
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
        assert sorted(rules - told - UNTOLD) == [], f"rules of {name} without a story"
        assert sorted(UNTOLD & told) == [], "told by now"
        assert sorted(told - rules) == [], f"stories without a rule in {name}"


def test_a_file_bears_the_name_of_its_rules() -> None:
    assert [name for name, page in PAGES.items() for rule in page.rules if not rule.startswith(name)] == []


def test_the_committed_page_says_what_the_stories_say() -> None:
    assert BEHAVIOUR.read_text(encoding="utf-8") == rendered(), "make behaviour"
