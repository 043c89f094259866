"""What is reported of one invented participant, and when? Each from chance of its own: others do not change it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from clinical.protocol import Group, Protocol
from streams.simulation.scenarios import ANYWHERE, EVENTS, Event, Scenario

Document = dict[str, Any]


class Report(NamedTuple):
    """A message, and when it reaches intake."""

    at: datetime
    order: int
    """Two reports of one moment come in this order."""
    document: Document


@dataclass(frozen=True, slots=True)
class Analyte:
    """One analyte in two laboratories: unit, limits, usual value and spread, factor to the second laboratory's unit."""

    code: str
    units: tuple[str, str]
    limits: tuple[float, float]
    usual: float
    spread: float
    factor: float
    digits: tuple[int, int]


ANALYTES = (
    Analyte("HGB", ("g/L", "g/dL"), (120, 160), 124, 11, 0.1, (0, 1)),
    Analyte("NEUT", ("10^9/L", "10^3/uL"), (1.8, 7.5), 3.9, 0.9, 1, (1, 1)),
    Analyte("PLAT", ("10^9/L", "10^3/uL"), (150, 400), 230, 55, 1, (0, 0)),
    Analyte("ALT", ("U/L", "U/L"), (5, 40), 26, 10, 1, (0, 0)),
    Analyte("AST", ("U/L", "U/L"), (5, 40), 27, 9, 1, (0, 0)),
    Analyte("BILI", ("umol/L", "mg/dL"), (3, 21), 9, 4, 0.0585, (0, 2)),
    Analyte("CREAT", ("umol/L", "mg/dL"), (50, 100), 76, 13, 0.0113, (0, 2)),
    Analyte("K", ("mmol/L", "mmol/L"), (3.5, 5.1), 4.2, 0.4, 1, (1, 1)),
    Analyte("SODIUM", ("mmol/L", "mmol/L"), (135, 145), 139, 3, 1, (0, 0)),
    Analyte("CA", ("mmol/L", "mg/dL"), (2.15, 2.55), 2.33, 0.1, 4.008, (2, 1)),
    Analyte("MG", ("mmol/L", "mg/dL"), (0.70, 1.05), 0.83, 0.08, 2.431, (2, 1)),
)

DURING: Mapping[str, tuple[str, tuple[float, float, float, float]]] = {
    "Anemia": ("HGB", (110, 90, 72, 72)),
    "Platelet count decreased": ("PLAT", (100, 62, 37, 15)),
    "Neutrophil count decreased": ("NEUT", (1.65, 1.2, 0.7, 0.3)),
    "Alanine aminotransferase increased": ("ALT", (80, 160, 400, 900)),
    "Hypomagnesemia": ("MG", (0.6, 0.45, 0.35, 0.25)),
}
"""What a laboratory finds during an event: the analyte, and a value inside each grade of CTCAE 5.0, 1 to 4. A fatal one
is found as grade 4."""

SITES = 8
CRITERIA = {4: ["life_threatening"], 5: ["death"]}
UNTIL_STOPPED = timedelta(days=2)
"""From an intolerable event to the end of treatment; a fatal one is fatal on that day."""


class Participant:
    """One invented participant of a trial."""

    def __init__(self, protocol: Protocol, scenario: Scenario, seed: int, number: int, enrolled: datetime) -> None:
        self.chance = Random(f"{seed}/{number}")
        self.protocol, self.scenario, self.enrolled = protocol, scenario, enrolled
        self.site = f"{1 + number % SITES:02d}"
        self.name = f"{self.site}-{number:04d}"
        self.months = round(self.chance.uniform(0.5, 7.5), 1)
        self.group_id = self._assigned(number)
        self.group: Group = protocol.groups[self.group_id]
        self.first_dose = enrolled + timedelta(days=self.chance.randint(1, 4), hours=2)
        self.weight = round(self.chance.gauss(68, 11), 1)
        self.surface = round(math.sqrt(max(self.weight, 35) * 168 / 3600), 2)
        self.laboratory = number % 3 == 0
        self._found: list[tuple[str, float, datetime, datetime]] = []
        self._order = 0

    def reports(self, until: datetime) -> list[Report]:
        """Everything that is reported of the participant before `until`, in the order of the reports."""
        intolerable = self._intolerable()
        ended, cause = self._end_of_treatment(until, intolerable)
        told = [
            *self._arrival(),
            *self._events(ended),
            *(self._event("ae/intolerable", *intolerable) if intolerable else ()),
            *self._doses(ended),
            *self._visits(ended),
            *self._end(ended, cause),
            *(self._killed(ended) if intolerable and intolerable[1] == 5 else ()),
        ]
        return sorted(report for report in told if report.at < until)

    def _assigned(self, number: int) -> str:
        for name, group in self.protocol.groups.items():
            limits = group.prior_therapy_months
            if limits is None:
                continue
            below = limits.at_most is None or self.months <= float(limits.at_most)
            if below and (limits.more_than is None or self.months > float(limits.more_than)):
                return name
        return tuple(self.protocol.groups)[number % len(self.protocol.groups)]

    def _intolerable(self) -> tuple[Event, int, datetime] | None:
        """A related event of grade 4, or a fatal one, in those who have one."""
        chances = self.scenario.intolerable
        if self.chance.random() >= chances.get(self.group_id, chances["*"]):
            return None
        window = self.protocol.windows.toxicity_days
        day = self.chance.uniform(60, 120) if self.scenario.late else self.chance.uniform(2, window - 2)
        term = self.chance.choice(("Sepsis", "Hepatic failure", "Myocarditis", "Neutrophil count decreased"))
        event = Event(term, 1, 1, 1, self.chance.choice(tuple(self.group.drugs)))
        grade = 5 if self.chance.random() < self.scenario.fatal else 4
        return event, grade, self.first_dose + timedelta(days=day)

    def _end_of_treatment(
        self, until: datetime, intolerable: tuple[Event, int, datetime] | None
    ) -> tuple[datetime, str]:
        """Progression ends it after some months, or the protocol's limit does, or before both an intolerable event."""
        days = self.chance.expovariate(1 / 190)
        ended, cause = self.first_dose + timedelta(days=self.protocol.treatment_limit_days), "completed"
        if days < self.protocol.treatment_limit_days:
            ended, cause = min(self.first_dose + timedelta(days=21 + days), until), "progression"
        if intolerable is not None and intolerable[2] < ended:
            return intolerable[2] + UNTIL_STOPPED, "adverse_event"
        return ended, cause

    def _arrival(self) -> Iterator[Report]:
        data = {
            "enrolled_on": f"{self.enrolled:%Y-%m-%d}",
            "group": self.group_id,
            "site": self.site,
            "sex": self.chance.choice(("female", "male", "male", "male")),
            "age": self.chance.randint(38, 79),
            "ecog": self.chance.randint(0, 1),
        }
        if self.group.prior_therapy_months is not None:
            data["prior_therapy_months"] = str(self.months)
        yield self._report("ParticipantEnrolled.v1", "dm", self.enrolled, data)
        yield from self._labs(self.enrolled + timedelta(hours=1), "screening", 0)

    def _doses(self, ended: datetime) -> Iterator[Report]:
        for drug, regimen in self.group.drugs.items():
            at, number = self.first_dose, 0
            while at < ended:
                per = regimen.loading if number == 0 and regimen.loading is not None else regimen.dose
                size = {"mg/kg": self.weight, "mg/m2": self.surface, "mg": 1.0}[regimen.unit]
                planned = f"{float(per) * size:.0f}"
                due = f"{at:%Y-%m-%d}"
                if number and self.chance.random() < 0.03:
                    left_out = {"drug": drug, "due": due, "planned": planned, "unit": "mg", "reason": "adverse_event"}
                    yield self._report("DoseOmitted.v1", f"ex/{drug}/{number}", at, left_out)
                else:
                    given = {
                        "drug": drug,
                        "started": f"{at:%Y-%m-%dT%H:%M}",
                        "planned": planned,
                        "given": planned,
                        "unit": "mg",
                        "interrupted": self.chance.random() < 0.02,
                        "weight_kg": str(self.weight),
                        "body_surface_m2": str(self.surface),
                    }
                    yield self._report("DoseGiven.v1", f"ex/{drug}/{number}", at, given)
                at += timedelta(days=regimen.every_days)
                number += 1

    def _visits(self, ended: datetime) -> Iterator[Report]:
        visit, at = 0, self.first_dose
        while at < ended:
            yield from self._labs(at, f"v{visit}", visit)
            signs = {"sign": "TEMP", "value": f"{self.chance.gauss(36.8, 0.3):.1f}", "unit": "C"}
            measured = signs | {"measured": f"{at:%Y-%m-%d}"}
            yield self._report("VitalSignMeasured.v1", f"vs/temp/{visit}", at, measured)
            visit += 1
            at += timedelta(days=7 if visit < 6 else 21)

    def _labs(self, at: datetime, visit: str, number: int) -> Iterator[Report]:
        for analyte in ANALYTES:
            second = int(self.laboratory)
            factor, digits = (analyte.factor if second else 1.0), analyte.digits[second]
            drift = -0.06 * analyte.usual if analyte.code in ("HGB", "MG") and number > 2 else 0.0
            off = self.chance.gauss(0, analyte.spread)
            usual = max(analyte.usual + drift + off, analyte.usual / 20)
            value = self._during(analyte, at, off / analyte.spread, usual) * factor
            unit = analyte.units[second]
            if self.scenario.unit_error and second and analyte.code == "HGB" and number == 4:
                unit = analyte.units[0]
            data = {
                "analyte": analyte.code,
                "collected": f"{at:%Y-%m-%dT%H:%M}",
                "value": f"{value:.{digits}f}",
                "unit": unit,
                "lower_limit": f"{analyte.limits[0] * factor:.{digits}f}",
                "upper_limit": f"{analyte.limits[1] * factor:.{digits}f}",
                "laboratory": "local" if second else "central",
            }
            delay = timedelta(hours=self.chance.uniform(4, 30))
            told = self._report("LabResulted.v1", f"lb/{analyte.code}/{visit}", at, data, delay, source="laboratory")
            yield told
            if self.chance.random() < 0.004:
                again = data | {"value": f"{value * 1.02:.{digits}f}"}
                yield self._revised(told, again, "transcription error", timedelta(days=self.chance.uniform(1, 6)))

    def _during(self, analyte: Analyte, at: datetime, off: float, usual: float) -> float:
        """The usual value, unless an event is going on that a laboratory sees: then one of the event's grade."""
        for code, level, onset, end in self._found:
            if code == analyte.code and onset.date() <= at.date() < end.date():
                return level * (1 + 0.03 * max(-2.0, min(2.0, off)))
        return usual

    def _events(self, ended: datetime) -> Iterator[Report]:
        drugs = tuple(self.group.drugs)
        for number, event in enumerate((*(e for drug in drugs for e in EVENTS.get(drug, ())), *ANYWHERE)):
            drawn = self.chance.random()
            if drawn < event.any_grade:
                grade = 3 if drawn < event.grade_3 else self.chance.choice((event.mildest, event.mildest, 2))
                onset = self.first_dose + timedelta(days=self.chance.weibullvariate(event.onset_days * 1.3, 1.2))
                if onset < ended:
                    yield from self._event(f"ae/{number}", event, grade, onset)

    def _event(self, record: str, event: Event, grade: int, onset: datetime) -> Iterator[Report]:
        if self.scenario.silent_site == self.site and self.chance.random() > 0.2:
            return
        drugs = tuple(self.group.drugs)
        judged = "not_related" if event.drug == "*" else "possible"
        causality = [
            {"drug": drug, "investigator": judged if drug in (event.drug, "*") else "unlikely"} for drug in drugs
        ]
        if event.drug == "*":
            causality = [{"drug": drug, "investigator": "not_related"} for drug in drugs]
        lasts = timedelta(days=self.chance.uniform(3, 30))
        if event.term in DURING:
            code, levels = DURING[event.term]
            self._found.append((code, levels[min(grade, len(levels)) - 1], onset, onset + lasts))
        data: Document = {
            "term": event.term,
            "verbatim": event.term.lower(),
            "grade": grade,
            "onset": f"{onset:%Y-%m-%d}",
            "serious": grade >= 4,
            "criteria": CRITERIA.get(grade, []),
            "infusion_related": event.infusion,
        }
        told = self._report("AdverseEventReported.v2", record, onset, data, self._delay())
        yield told
        judged_later = timedelta(days=self.chance.uniform(1, 5))
        second = self._revised(told, data | {"causality": causality}, "causality given", judged_later)
        yield second
        if grade == 5:
            lasts = UNTIL_STOPPED
        outcome = "fatal" if grade == 5 else "recovered"
        ended: Document = {"causality": causality, "outcome": outcome, "end": f"{onset + lasts:%Y-%m-%d}"}
        if grade == 4 and self.chance.random() < self.scenario.downgraded:
            ended["causality"] = [{"drug": drug, "investigator": "not_related"} for drug in drugs]
        yield self._revised(second, data | ended, "event has ended", lasts + timedelta(days=8))

    def _delay(self) -> timedelta:
        if self.chance.random() < self.scenario.slow_reports:
            return timedelta(days=self.chance.uniform(5, 40))
        return timedelta(days=self.chance.expovariate(math.log(2) / self.scenario.report_days))

    def _end(self, ended: datetime, cause: str) -> Iterator[Report]:
        data = {"ended_on": f"{ended:%Y-%m-%d}", "cause": cause}
        yield self._report("TreatmentEnded.v1", "ds/end", ended, data, timedelta(days=2))
        if cause != "progression":
            return
        died = ended + timedelta(days=20 + self.chance.expovariate(1 / 180))
        alive = ended + (died - ended) / 2
        yield self._report("SurvivalConfirmed.v1", "ss/1", alive, {"alive_on": f"{alive:%Y-%m-%d}"}, timedelta(days=1))
        data = {"died_on": f"{died:%Y-%m-%d}", "cause": "progression"}
        yield self._report("ParticipantDied.v1", "dd", died, data, timedelta(days=3))

    def _killed(self, died: datetime) -> Iterator[Report]:
        data = {"died_on": f"{died:%Y-%m-%d}", "cause": "adverse_event"}
        yield self._report("ParticipantDied.v1", "dd", died, data, timedelta(days=3))

    def _report(
        self,
        fact: str,
        record: str,
        time: datetime,
        data: Document,
        delay: timedelta = timedelta(hours=1),
        source: str = "edc",
    ) -> Report:
        document = {
            "specversion": "1.0",
            "id": f"{self.name}/{record}/1",
            "source": source,
            "type": f"tocsin.{fact}",
            "subject": self.name,
            "time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
            "trial": self.protocol.trial,
            "record": f"{self.name}/{record}",
            "revision": 1,
            "data": data,
        }
        self._order += 1
        return Report(max(time + delay, self.enrolled), self._order, document)

    def _revised(self, told: Report, data: Document, reason: str, delay: timedelta) -> Report:
        revision = told.document["revision"] + 1
        name = told.document["record"]
        again = {"id": f"{name}/{revision}", "revision": revision, "reason": reason, "data": data}
        self._order += 1
        return Report(told.at + delay, self._order, told.document | again)
