"""Which messages does a story send? Each step becomes the bytes of its facts, as a source would send them."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from clinical.protocol import Group, Protocol, Regimen, read_protocol
from protocols import shipped
from tests import builders
from tests.builders import Message
from tests.stories.form import ALL, Event, Medicine, Page, Step, Story

DAY_1 = date(2026, 1, 6)
NOON = "12:00"
WEIGHT, SURFACE = 60, "1.6"
"""Of everybody in the stories: 60 kg, 1.6 m²."""

LAB = re.compile(r"(?P<operator>[<>]=?)?\s*(?P<value>-?[\d.]+)(?:\s+(?P<unit>[^()\s]+))?\s*(?:\((?P<limits>[^)]*)\))?")
AMOUNT = re.compile(r"(?P<value>[\d.]+)\s*(?P<unit>\S+)")
DOSE = re.compile(
    r"(?:as planned|(?P<value>[\d.]+) (?P<unit>\S+))(?:,? at (?P<rate>[\d.]+) ?%)?(?P<interrupted>,? interrupted)?"
)


class Named(NamedTuple):
    """What was said last of a record: by which builder, in the story's own words, when, and the message it made."""

    kind: str
    said: Any
    step: Step
    message: Message


class Telling:
    """The messages of one story, and the names of their records in it."""

    def __init__(self, page: Page, story: Story) -> None:
        self.story = story
        self.text = shipped(page.protocol)
        self.protocol: Protocol = read_protocol(self.text)
        self.trial = self.protocol.trial
        self.names: dict[str, str] = {}
        """By record key, as findings name it."""
        self.groups: dict[str, str] = {}
        self._said: dict[str, Named] = {}
        self._first: dict[tuple[str, str], int] = {}
        """By participant and drug: the day of the first dose."""
        self._given_up_to = 1
        """The last day whose doses were given."""

    def beginning(self) -> Iterator[Message]:
        """The adoption of the protocol, and what stands before the first step."""
        yield builders.adopted(self.text, clock="simulated", time="2025-12-01T00:00:00Z", trial=self.trial)
        yield from self._of(Step(day=-1, enrolled=self.story.group))
        if self.story.begins == "treated":
            drugs = self.protocol.groups[self.story.group].drugs
            yield from self._of(Step(day=1, doses=dict.fromkeys(drugs, "as planned")))

    def tick(self, step: Step) -> Message:
        """The clock comes to the step."""
        return builders.tick(instant(step), trial=self.trial, record=f"clock/{instant(step)}")

    def due_before(self, step: Step) -> Iterator[Step]:
        """The doses that are due by a step and that no step tells, day by day, as they were planned."""
        last = step.day if step.at >= NOON else step.day - 1
        for number in range(self._given_up_to + 1, last + 1) if self.story.dosing == "planned" else ():
            told = {(one.participant, drug) for one in self.story.steps if one.day == number for drug in one.doses}
            for participant in self.groups:
                drugs = [drug for drug in self._planned(participant, number) if (participant, drug) not in told]
                if drugs:
                    yield Step(day=number, participant=participant, doses=dict.fromkeys(drugs, "as planned"))
        self._given_up_to = max(self._given_up_to, last)

    def _planned(self, participant: str, number: int) -> Iterator[str]:
        for drug, regimen in self.protocol.groups[self.groups[participant]].drugs.items():
            first = self._first.get((participant, drug))
            if first is not None and number > first and (number - first) % regimen.every_days == 0:
                yield drug

    def messages(self, step: Step) -> Iterator[Message]:
        """The facts of a step, in the order in which the form names them."""
        yield from self._of(step)

    def _of(self, step: Step) -> Iterator[Message]:
        for kind, name, said in _things(step):
            yield self._named(name, kind, said, step, 1)
        for name, changed in step.corrected.items():
            before = self._said[name]
            moved = before.step
            if isinstance(changed, dict) and "on" in changed:
                moved, changed = moved.model_copy(update={"on": changed["on"]}), _without(changed, "on")
            said = changed if isinstance(changed, str) else before.said | changed if changed else before.said
            yield self._named(name, before.kind, said, moved, before.message["revision"] + 1, step)
        for name in step.withdrawn:
            before = self._said[name]
            revision = before.message["revision"] + 1
            yield builders.withdrawn(before.message, step.because, revision) | {"time": instant(step)}

    def _named(self, name: str, kind: str, said: Any, step: Step, revision: int, now: Step | None = None) -> Message:
        made: Message = getattr(self, f"_{kind}")(said, step, name)
        made |= {"id": f"{made['record']}#{revision}", "revision": revision, "time": instant(now or step)}
        made |= {"reason": now.because} if now else {}
        self._said[name] = Named(kind, said, step, made)
        self.names[f"{made['source']}|{made['record']}"] = name
        return made

    def _message(self, kind: str, data: Message, step: Step, name: str, source: str = "edc") -> Message:
        about = {"subject": step.participant} if kind not in ("FindingAdjudicated.v1", "DecisionRecorded.v1") else {}
        record = f"{step.participant}/{kind.split('.')[0]}/{re.sub(r'[^A-Za-z0-9.-]', '_', name)}"
        return builders.message(kind, data, record=record, time=instant(step), trial=self.trial, source=source, **about)

    def _enrolment(self, said: str, step: Step, name: str) -> Message:
        self.groups[step.participant] = said
        group = self.protocol.groups[said]
        data = {"enrolled_on": day(step.day).isoformat(), "group": said, "site": "01", "sex": "female", "age": 58}
        return self._message("ParticipantEnrolled.v1", data | {"ecog": 1, **_months(group)}, step, name)

    def _dose(self, said: str, step: Step, name: str) -> Message:
        drug, match = name.split(" ")[0], DOSE.fullmatch(said)
        assert match, f"{said}: no dose"
        regimen = self._regimen(step, drug)
        loading = regimen and regimen.loading and not any(one.startswith(f"{drug} ") for one in self._said)
        planned = f"{regimen.loading if loading else regimen.dose} {regimen.unit}" if regimen else None
        given = f"{match['value']} {match['unit']}" if match["value"] else planned
        assert given, f"{drug} is not planned: say how much was given"
        data = {
            "drug": drug,
            "started": moment(step.on or _here(step)),
            "planned": _milligrams(planned) if planned else None,
            "given": _milligrams(given),
            "unit": "mg",
            "interrupted": bool(match["interrupted"]),
            "rate_percent": match["rate"] or "100",
            "weight_kg": str(WEIGHT),
            "body_surface_m2": SURFACE,
        }
        self._first.setdefault((step.participant, drug), step.day)
        return self._message("DoseGiven.v1", data, step, name, "pump")

    def _regimen(self, step: Step, drug: str) -> Regimen | None:
        return self.protocol.groups[self.groups[step.participant]].drugs.get(drug)

    def _omission(self, said: str, step: Step, name: str) -> Message:
        data = {"drug": name.split(" ")[1], "due": moment(step.on or str(step.day)), "reason": said}
        return self._message("DoseOmitted.v1", data, step, name)

    def _lab(self, said: str, step: Step, name: str) -> Message:
        match = LAB.fullmatch(said)
        assert match, f"{said}: no result"
        lower, _, upper = (match["limits"] or "").partition("-")
        data = {
            "analyte": name.split(" ")[0],
            "collected": moment(step.on or _here(step)),
            "operator": match["operator"] or "=",
            "value": match["value"],
            "unit": match["unit"],
            "lower_limit": lower.strip() or None,
            "upper_limit": upper.strip() or None,
        }
        return self._message("LabResulted.v1", data, step, name, "laboratory")

    def _vital(self, said: str, step: Step, name: str) -> Message:
        match = AMOUNT.fullmatch(said)
        assert match, f"{said}: no measurement"
        data = {"sign": name.split(" ")[0], "measured": moment(step.on or _here(step)), **match.groupdict()}
        return self._message("VitalSignMeasured.v1", data, step, name)

    def _event(self, said: dict[str, Any], step: Step, name: str) -> Message:
        event = Event.model_validate(said)
        drugs = tuple(self.protocol.groups[self.groups[step.participant]].drugs)
        data = {
            "term": event.term,
            "system_organ_class": event.body_system,
            "grade": event.grade,
            "severity": event.severity,
            "course": [{"since": moment(since), "grade": grade} for since, grade in event.course.items()],
            "onset": moment(event.onset or step.on or _here(step)),
            "end": moment(event.end) if event.end else None,
            "outcome": event.outcome,
            "serious": None if event.serious is None else event.serious != "no",
            "criteria": [] if event.serious in (None, "no") else [event.serious],
            "causality": _causality(event, drugs),
            "infusion_related": event.infusion,
        }
        return self._message("AdverseEventReported.v2", data, step, name)

    def _medicine(self, said: dict[str, Any], step: Step, name: str) -> Message:
        medicine = Medicine.model_validate(said)
        amount = AMOUNT.fullmatch(medicine.dose) if medicine.dose else None
        data = {
            "purpose": medicine.purpose,
            "name": medicine.name,
            "started": moment(medicine.started or step.on or str(step.day)),
            "ended": moment(medicine.ended) if medicine.ended else None,
            "dose": amount["value"] if amount else None,
            "unit": amount["unit"] if amount else None,
        }
        return self._message("MedicationTaken.v1", data, step, name)

    def _end(self, said: dict[str, Any], step: Step, name: str) -> Message:
        data = {"ended_on": moment(step.on or str(step.day)), "drug": said.get("drug"), "cause": said["cause"]}
        return self._message("TreatmentEnded.v1", data, step, name)

    def _death(self, said: str, step: Step, name: str) -> Message:
        data = {"died_on": moment(step.on or str(step.day)), "cause": said}
        return self._message("ParticipantDied.v1", data, step, name)

    def _withdrawal(self, said: str, step: Step, name: str) -> Message:
        data = {"withdrew_on": moment(step.on or str(step.day)), "cause": said}
        return self._message("ParticipantWithdrew.v1", data, step, name)

    def _scan(self, said: str | tuple[str, ...], step: Step, name: str) -> Message:
        organs = said if isinstance(said, tuple) else ()
        data = {
            "reader": "investigator",
            "assessed": moment(step.on or str(step.day)),
            "baseline": bool(organs),
            "targets": [
                {"lesion": f"T{number}", "organ": organ, "state": "measured", "millimetres": "20"}
                for number, organ in enumerate(organs, 1)
            ],
            "overall": None if organs else said,
        }
        return self._message("TumourAssessed.v1", data, step, name)

    def _adjudication(self, said: dict[str, Any], step: Step, name: str) -> Message:
        finding = said.get("finding") or f"participant_rule|{said['rule']}|{step.participant}"
        data = {"finding": finding, "verdict": said["verdict"], "because": said.get("because")}
        return self._message("FindingAdjudicated.v1", data, step, name, "tocsin:people")

    def _decision(self, said: dict[str, Any], step: Step, name: str) -> Message:
        data = {"decision": said["decision"], "scope": said["scope"], "cut": 1}
        return self._message("DecisionRecorded.v1", data, step, name, "tocsin:people")


def _things(step: Step) -> Iterator[tuple[str, str, Any]]:
    """What a step tells: which builder makes it, the name of its record in the story, and the story's words."""
    when = (step.on or str(step.day)).split(" ")[0]
    if step.enrolled:
        yield "enrolment", f"enrolment of {step.participant}", step.enrolled
    yield from (("dose", f"{drug} {when}", said) for drug, said in step.doses.items())
    yield from (("omission", f"no {drug} {when}", said) for drug, said in step.omitted.items())
    yield from (("lab", f"{analyte} {when}", said) for analyte, said in step.labs.items())
    yield from (("vital", f"{sign} {step.on or step.day}", said) for sign, said in step.vitals.items())
    if step.event:
        said = step.event.model_dump(exclude_unset=True)
        yield "event", step.event.name or step.event.term, said
    if step.medicine:
        yield "medicine", step.medicine.name, step.medicine.model_dump(exclude_unset=True)
    if step.ended:
        yield "end", f"end of {step.ended.drug or 'treatment'}", step.ended.model_dump(exclude_unset=True)
    if step.died:
        yield "death", "death", step.died
    if step.left:
        yield "withdrawal", "withdrawal", step.left
    if step.tumour or step.progressed:
        yield "scan", f"scan {when}", step.tumour or "PD"
    if step.adjudicated:
        yield "adjudication", f"adjudication {when}", step.adjudicated.model_dump(exclude_unset=True)
    if step.decided:
        yield "decision", f"decision {when}", step.decided.model_dump(exclude_unset=True)


def day(number: int) -> date:
    """The calendar day of a study day."""
    return DAY_1 + timedelta(days=number - 1 if number > 0 else number)


def study_day(on: date) -> int:
    """The study day of a calendar day."""
    days = (on - DAY_1).days
    return days + 1 if days >= 0 else days


def moment(said: str) -> str | None:
    """The date of a moment, as precisely as the story says it."""
    if said == "unknown":
        return None
    if re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", said):
        return said
    number, _, time = said.partition(" ")
    return day(int(number)).isoformat() + (f"T{time}" if time else "")


def instant(step: Step) -> str:
    """When a step became known."""
    return f"{day(step.day).isoformat()}T{step.at}:00Z"


def _here(step: Step) -> str:
    """The moment of a step: its day, with the time where the step gives one."""
    return f"{step.day} {step.at}" if "at" in step.model_fields_set else str(step.day)


def _without(said: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key != name}


def _months(group: Group) -> dict[str, str]:
    interval = group.prior_therapy_months
    if interval is None:
        return {}
    return {"prior_therapy_months": "2.5" if interval.at_most is not None else "7"}


def _milligrams(said: str) -> str:
    value, unit = said.split(" ")
    return str({"mg": 1, "mg/kg": WEIGHT, "mg/m2": float(SURFACE)}[unit] * float(value)).removesuffix(".0")


def _causality(event: Event, drugs: tuple[str, ...]) -> list[dict[str, str]]:
    said: dict[str, dict[str, str]] = {}
    for names, by, word in (
        (event.related, "investigator", "related"),
        (event.unrelated, "investigator", "not_related"),
        (event.sponsor_related, "sponsor", "related"),
        (event.sponsor_unrelated, "sponsor", "not_related"),
    ):
        for drug in drugs if names == ALL else names:
            said.setdefault(drug, {"drug": drug})[by] = word
    return list(said.values())
