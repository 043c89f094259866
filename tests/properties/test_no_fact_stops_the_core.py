"""Whatever is accepted can be folded, graded and judged: a fact that raised would stop its trial for ever."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from clinical.admission import Accepted, Register, admit
from clinical.monitor import standing, step
from clinical.state import Trial
from schemas import Refusal
from schemas.canonical import content_digest, wire
from schemas.findings import AnyFinding, written
from tests.builders import TRIAL, Message, as_bytes, enrolled
from tests.properties.anything import AMENDMENTS, facts

ENROLLED = [enrolled("P-001", on="2026-01-02"), enrolled("P-002", on="2026-01-20", group="2")]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(AMENDMENTS, st.lists(facts() | AMENDMENTS, max_size=20))
def test_every_accepted_fact_is_folded_and_the_changes_add_up(begin: Message, told: list[Message]) -> None:
    register, trial = Register(), Trial(TRIAL)
    stands: dict[str, AnyFinding] = {}
    for number, message in enumerate([begin, *ENROLLED, *told]):
        more = {"revision": number + 1, "reason": "amended"} if number and "protocol" in message["data"] else {}
        fact = schemas.parse(as_bytes(message | more))
        if isinstance(fact, Refusal):
            continue
        document = wire(fact)
        document.pop("recordedtime", None)
        digest = content_digest(document)
        verdict = admit(register, fact, digest, datetime(2026, 12, 1, tzinfo=UTC), ours=False)
        if not isinstance(verdict, Accepted):
            continue
        register.with_(fact, verdict, digest)
        trial, changes = step(trial, fact, verdict.position)
        assert list(written(TRIAL, changes)) is not None
        for change in changes:
            stands[change.finding.key] = change.finding
            if change.state == "withdrawn":
                del stands[change.finding.key]
    assert stands == standing(trial)
