"""What does one rule come to, after a short history? A protocol with that rule alone, written as in a protocol file."""

from clinical.monitor import standing, step
from clinical.state import Trial
from protocols import shipped
from schemas.findings import ParticipantRuleFinding
from tests.builders import TRIAL, Message, adopted, dose, enrolled, message, read, tick

REST = """    drugs: {drugs}
    basis: assumed
    source: For a test.
    sentence: For a test.
    actions: [{action}]
"""
LAST = """
  - id: intolerable_toxicity
    basis: assumed
    source: For a test.
    sentence: For a test.
    when: {rule: {any_of: [tested]}}
    actions: [{notify: {who: [investigator]}}]

"""


def protocol_with(when: str, *, drugs: str = "suspected", action: str = "discontinue: {}", groups: str = "{}") -> str:
    """The shipped protocol, with one rule `tested`, and `intolerable_toxicity` that stands on it."""
    text = shipped("ak117_hnscc")
    before, after = text[: text.index("participant_rules:")], text[text.index("cohort_rules:") :]
    if "\nterm_groups:" in before:
        before = before[: before.index("\nterm_groups:")] + "\n"
    rest = REST.replace("{drugs}", drugs).replace("{action}", "{" + action + "}")
    rule = f"term_groups: {groups}\nparticipant_rules:\n  - id: tested\n    when: {when}\n{rest}"
    return before + rule + LAST + after


def verdict(
    when: str,
    *history: Message,
    now: str = "2026-06-01",
    drugs: str = "suspected",
    action: str = "discontinue: {}",
    groups: str = "{}",
) -> ParticipantRuleFinding | None:
    """What stands of the rule; None: it is false. P-001 is of group 1, first dosed on 6 January 2026."""
    text = protocol_with(when, drugs=drugs, action=action, groups=groups)
    told = (adopted(text), enrolled(), dose(), *history, tick(f"{now}T00:00:00Z"))
    trial = Trial(TRIAL)
    for position, one in enumerate(told, start=1):
        trial, _ = step(trial, read(one), position)
    found = standing(trial).get("participant_rule|tested|P-001")
    assert found is None or isinstance(found, ParticipantRuleFinding)
    return found


def is_so(when: str, *history: Message, now: str = "2026-06-01", drugs: str = "suspected", groups: str = "{}") -> str:
    """The verdict in one word; a false rule stands as nothing."""
    found = verdict(when, *history, now=now, drugs=drugs, groups=groups)
    return found.verdict if found else "false"


def taken(purpose: str, name: str, started: str, ended: str | None = None, dose: str | None = None) -> Message:
    """A medicine was taken; `dose` in mg a day."""
    data = {"purpose": purpose, "name": name, "started": started, "ended": ended}
    data |= {"dose": dose, "unit": "mg"} if dose else {}
    return message(
        "MedicationTaken.v1", data, record=f"cm/{purpose}/{started}", time=f"{started}T08:00:00Z", subject="P-001"
    )


def temperature(value: str, at: str, unit: str = "C") -> Message:
    """A temperature was taken."""
    data = {"sign": "TEMP", "measured": at, "value": value, "unit": unit}
    return message("VitalSignMeasured.v1", data, record=f"vs/{at}", time=f"{at[:10]}T08:00:00Z", subject="P-001")


def adjudicated(said: str, on: str, because: str | None = None, rule: str = "tested") -> Message:
    """A person's verdict on the rule."""
    data = {"finding": f"participant_rule|{rule}|P-001", "verdict": said, "because": because}
    return message("FindingAdjudicated.v1", data, record=f"adjudication/{on}", time=f"{on}T08:00:00Z")
