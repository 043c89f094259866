"""Does everything that has one place to be added to also stand where it must be found?"""

from importlib import import_module
from pathlib import Path
from typing import get_args

from clinical.cohort_rules import BOUNDARIES
from clinical.protocol import CohortRule
from clinical.queries import CHECKS
from clinical.reconciliation import CONTRADICTED, UNREPORTED
from clinical.rules.language import Condition
from clinical.rules.seeing import SEES
from clinical.stopping.boundary import EVIDENCE
from dashboards.live.questions import QUESTIONS
from dashboards.panels.registry import PANELS

PANEL_MODULES = Path(__file__).parents[1] / "dashboards" / "panels"


def test_every_boundary_that_a_protocol_can_name_is_calibrated() -> None:
    words = set(get_args(CohortRule.model_fields["method"].annotation))
    assert words == set(BOUNDARIES) <= set(EVIDENCE)


def test_every_operator_that_a_rule_can_use_comes_to_something() -> None:
    assert set(Condition.model_fields) == set(SEES)


def test_every_question_to_a_source_has_words_on_the_page() -> None:
    assert {check.__name__ for checks in CHECKS.values() for check in checks} | {UNREPORTED, CONTRADICTED} <= set(
        QUESTIONS
    )


def test_every_panel_is_registered_under_its_own_name() -> None:
    made = [
        panel
        for path in sorted(PANEL_MODULES.glob("*.py"))
        for panel in getattr(import_module(f"dashboards.panels.{path.stem}"), "PANELS", ())
        if path.stem not in {"__init__", "registry"}
    ]
    assert made
    assert len({panel.name for panel in made}) == len(made)
    assert {panel.name: panel for panel in made} == PANELS
