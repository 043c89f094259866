"""What does a site give that follows the protocol? Doses on hold are left out, stopped drugs are not given any more.

It knows at the bedside what is only reported later, so it is asked of everything that will ever be reported. The doses
that are left out move what rules about doses say, so it is asked again until nothing moves.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from random import Random
from typing import Any

import schemas
from clinical.fold import evolve
from clinical.protocol import Protocol
from clinical.rules.decisions import Reason, decided, state_at
from clinical.rules.judging import judged, up_to_the_hour
from clinical.state import Trial
from schemas.canonical import canonical
from schemas.values import written_decimal
from streams.simulation.participant import Report

TIMES = 4
"""How often it is asked again, at most."""


def obeying(protocol: Protocol, told: list[Report], now: datetime, careless: float, chance: Random) -> list[Report]:
    """The reports of one participant with the doses that the protocol allows; a careless site gives some others."""
    spared = {report.document["record"] for report in told if _is_dose(report) and chance.random() < careless}
    for _ in range(TIMES):
        reasons = tuple(_reasons(protocol, told, now))
        after = [one for report in told for one in _given(report, reasons, spared)]
        if after == told:
            break
        told = after
    return told


def _reasons(protocol: Protocol, told: Iterable[Report], now: datetime) -> Iterable[Reason]:
    """What the rules say of each drug, from the last that is said of each record."""
    last = {(one.document["source"], one.document["record"]): one.document for one in sorted(told)}
    without_rules = protocol.model_copy(update={"participant_rules": (), "cohort_rules": ()})
    trial = Trial(protocol.trial, protocol=without_rules, clock=now)
    for position, document in enumerate(last.values(), 1):
        fact = schemas.parse(canonical(document))
        if not isinstance(fact, schemas.Refusal):
            trial = evolve(trial, fact, position)
    for participant in trial.participants.values():
        yield from decided(protocol, participant, judged(protocol, participant, now), up_to_the_hour(now))


def _given(report: Report, reasons: tuple[Reason, ...], spared: set[str]) -> Iterator[Report]:
    """A dose as the protocol allows it; anything else as it is."""
    if not _is_dose(report) or report.document["record"] in spared:
        yield report
        return
    data = report.document["data"]
    standing = state_at(reasons, data["drug"], data["started"])
    states = {one.state for one in standing}
    if "stopped" in states:
        return
    if "held" in states:
        yield report._replace(document=report.document | _left_out(data))
        return
    percents = [one.percent for one in standing if one.percent is not None]
    if percents:
        data = data | {"rate_percent": written_decimal(min(percents))}
    doses = [one for one in standing if one.dose is not None]
    for one in doses:
        data = data | {"given": _less(data, one)}
    yield report._replace(document=report.document | {"data": data})


def _is_dose(report: Report) -> bool:
    return bool(report.document["type"] == "tocsin.DoseGiven.v1")


def _left_out(data: dict[str, Any]) -> dict[str, Any]:
    omitted = {name: data[name] for name in ("drug", "planned", "unit")}
    return {
        "type": "tocsin.DoseOmitted.v1",
        "data": omitted | {"due": data["started"][:10], "reason": "adverse_event"},
    }


def _less(data: dict[str, Any], reason: Reason) -> str:
    size = {"mg/kg": data["weight_kg"], "mg/m2": data["body_surface_m2"]}.get(reason.unit or "", "1")
    return f"{min(float(data['given']), float(reason.dose or 0) * float(size)):.0f}"
