"""A small trial for the tests of boards: two groups, one of which reaches its bound; corrections; one silence."""

from tests.builders import (
    Message,
    adopted,
    adverse_event,
    dose,
    enrolled,
    lab,
    left_trial,
    message,
    revised,
    screened,
    tick,
    withdrawn,
)


def told_trial() -> list[Message]:
    """Six participants; group 2 has three events in its first three; one grade 4 is withdrawn again."""
    told = [adopted()]
    for number in range(1, 7):
        name, group = f"P-{number:03}", "1" if number <= 3 else "2"
        told += [enrolled(name, group=group, on=f"2026-01-0{number}"), dose(name, on=f"2026-01-0{number}")]
    told += [
        lab("P-001", "ALT", "36"),
        lab("P-001", "HGB", "6.1", unit="mmol/L", lower="7.4", upper="9.9", on="2026-01-09"),
    ]
    told += [lab("P-002", "ALT", "45", on="2025-12-30"), lab("P-002", "ALT", "900", on="2026-01-12")]
    mistaken = adverse_event("P-001", "Rash", 4, onset="2026-01-10", verbatim="told by Mrs Miller")
    told += [mistaken, revised(mistaken, grade=2)]
    told += [adverse_event("P-003", "Headache", 4, onset="2026-01-11")]
    told += [withdrawn(told[-1])]
    for name in ("P-004", "P-005", "P-006"):
        told += [adverse_event(name, "Hepatic failure", 4, onset="2026-01-13", causality=(("AK117", "related"),))]
    told += [adverse_event("P-005", "Fatigue", None, onset="2026-01", data={"severity": "severe"})]
    told += [adverse_event("P-006", "Nausea", 1, onset="2026-01-14", data={"serious": True})]
    ended = {"ended_on": "2026-01-20", "cause": "adverse_event"}
    told += [message("TreatmentEnded.v1", ended, record="ds/end/P-004", time="2026-01-20T09:00:00Z", subject="P-004")]
    died = {"died_on": "2026-01-25", "cause": "progression"}
    told += [message("ParticipantDied.v1", died, record="dd/P-002", time="2026-01-25T09:00:00Z", subject="P-002")]
    told += [left_trial("P-003", on="2026-01-28")]
    cut = {"name": "Meeting 1", "happened_by": "2026-01-31"}
    told += [message("DataCutDeclared.v1", cut, record="cut/1", time="2026-01-31T09:00:00Z")]
    told += [screened("S-001"), screened("S-002"), screened("P-001", "enrolled"), screened("P-002", "failed")]
    return [*told, tick("2026-02-01T00:00:00Z")]
