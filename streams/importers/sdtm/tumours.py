"""What do the rows of TU, TR and RS say together? One reader's assessment of one visit.

TU says where a lesion lies and what it is, TR what was seen of it, RS what the reader concluded. All rows of one reader
and visit are one fact: it stands at the first of them, the others are merged. The name of a record is made of
participant, reader and visit: sequence numbers shift when a lesion is added. Sums and categories that can be computed
from the lesions are never taken (RECIST 1.1 is applied by the monitor); the reader's own overall and non-target calls
are. A reader that is not named is the investigator (SDTMIG: --EVAL is left out there).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, get_args

from schemas.facts.imaging import OverallResponse
from streams.importers.sdtm.dates import Moment, moment
from streams.importers.sdtm.messages import Said, Study, Told, Unusable, label, message, outside, place, unusable
from streams.importers.sdtm.results import plain
from streams.importers.sdtm.tables import Folder, Row

LONG_AXIS = frozenset({"LDIAM", "DIAMETER"})
SHORT_AXIS = frozenset({"LPERP", "SAXIS", "DIAMETER"})
"""RECIST 1.1: a lymph node is measured by its short axis, anything else by its longest diameter (C96779)."""
AXES = LONG_AXIS | SHORT_AXIS

TOO_SMALL = frozenset({"TOO SMALL TO MEASURE", "TOO SMALL", "BELOW MEASURABLE LIMIT"})
NOT_EVALUABLE = frozenset({"NOT EVALUABLE", "NE", "NOT ASSESSED", "UNEVALUABLE"})
PROGRESSED = frozenset({"UNEQUIVOCAL PROGRESSION", "UNEQUIVOCAL INCREASE", "PD"})
STATES = {
    "ABSENT": "absent",
    **dict.fromkeys(TOO_SMALL, "too_small"),
    **dict.fromkeys(NOT_EVALUABLE, "not_evaluable"),
}
MILLIMETRES = {"MM": Decimal(1), "CM": Decimal(10)}
NON_TARGET_CALLS = {"CR": "CR", "NON-CR/NON-PD": "NON-CR/NON-PD", "PD": "PD", "NE": "NE", "NA": "none", "NONE": "none"}
NEW_LESION_CALLS = {"Y": "yes", "YES": "yes", "UNEQUIVOCAL": "yes", "EQUIVOCAL": "equivocal", "N": "no", "NO": "no"}
OVERALL = {response: response for response in get_args(OverallResponse)}
CALLS: Mapping[str, Mapping[str, str]] = {
    "OVRLRESP": OVERALL,
    "NTRGRESP": NON_TARGET_CALLS,
    "NEWLPROG": NEW_LESION_CALLS,
}
"""What a reader concludes of a visit, by RSTESTCD (C96782), as far as a fact says it."""


class Visit(NamedTuple):
    """One time point of one reader."""

    subject: str
    reader: str
    visit: str


class Lesion(NamedTuple):
    """One lesion, as one reader named it."""

    subject: str
    reader: str
    link: str


@dataclass(slots=True)
class Identified:
    """What TU says of a lesion."""

    kinds: set[str] = field(default_factory=set)
    organs: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str | None:
        """Target, non-target or new; None where TU does not say, or says several."""
        return next(iter(self.kinds)) if len(self.kinds) == 1 else None

    @property
    def organ(self) -> str | None:
        """Where it lies; None where TU does not say, or says several places."""
        return next(iter(self.organs)) if len(self.organs) == 1 else None

    @property
    def node(self) -> bool:
        """Whether it is a lymph node."""
        return "LYMPH NODE" in (self.organ or "").upper()


Lesions = dict[Lesion, Identified]


@dataclass(slots=True)
class Assessment:
    """The rows of one reader and visit."""

    at: Visit
    rows: list[Row] = field(default_factory=list)
    refused: list[Unusable] = field(default_factory=list)

    def of(self, domain: str) -> list[Row]:
        """The rows of one domain."""
        return [row for row in self.rows if row.domain == domain]

    def refuse(self, row: Row, path: str, reason: str) -> None:
        """Takes a row out again: it cannot be part of the fact."""
        self.rows.remove(row)
        self.refused.append(unusable(row, path, reason))


def assessments(study: Study, folder: Folder) -> Iterator[Told]:
    """The assessments of TU, TR and RS, by reader and visit."""
    visits: dict[Visit, Assessment] = {}
    for row in (row for domain in ("tr", "rs", "tu") for row in folder.rows(domain)):
        if (refused := outside(study, row) or _of_no_visit(row)) is not None:
            yield refused
        else:
            visits.setdefault(_visit(row), Assessment(_visit(row))).rows.append(row)
    lesions = _identified(folder)
    for assessment in visits.values():
        yield from _told(study, assessment, lesions)


def _told(study: Study, assessment: Assessment, lesions: Lesions) -> Iterator[Told]:
    assessed = _assessed(assessment.rows)
    if assessed is None:
        yield from (unusable(row, f"{row.domain.upper()}DTC", "no usable date") for row in assessment.rows)
        return
    said = _said(assessment, assessed, lesions)
    yield from assessment.refused
    if assessment.rows:
        first, *others = assessment.rows
        record = "/".join((assessment.at.subject, "TR", *map(_word, assessment.at[1:])))
        yield message(study, first, record, said).with_rows(map(place, others))


def _said(assessment: Assessment, assessed: Moment, lesions: Lesions) -> Said:
    _sort_out(assessment, lesions)
    targets = list(_targets(assessment, lesions))
    calls = _calls(assessment)
    non_target = calls.get("NTRGRESP") or _non_target(assessment, lesions)
    new = {calls.get("NEWLPROG", "no"), *_new_lesions(assessment, lesions)}
    data = {
        "reader": assessment.at.reader,
        "assessed": assessed.said,
        "visit": label(next((visit for row in assessment.rows if (visit := row.get("VISIT"))), None)),
        "baseline": any(_at_baseline(row) for row in assessment.rows),
        "targets": targets,
        "non_target": non_target,
        "new_lesion": next(call for call in ("yes", "equivocal", "no") if call in new),
        "overall": calls.get("OVRLRESP"),
    }
    return Said("TumourAssessed.v1", assessed, data, _concluded(assessment.rows))


def _assessed(rows: Sequence[Row]) -> Moment | None:
    """The day of the scan: the earliest of TR; where TR has none, that of RS, then of TU."""
    for domain in ("tr", "rs", "tu"):
        dates = [day for row in rows if row.domain == domain and (day := moment(row.get(f"{domain.upper()}DTC")))]
        if dates:
            return min(dates, key=lambda day: day.instant)
    return None


def _concluded(rows: Sequence[Row]) -> Moment | None:
    """When the reader had called the visit: a call may follow the scan by days."""
    return max(filter(None, (moment(row.get("RSDTC")) for row in rows)), key=lambda day: day.instant, default=None)


def _at_baseline(row: Row) -> bool:
    """A visit is the baseline where a row says so, or where TU chose the lesions that are followed from then on."""
    prefix = row.domain.upper()
    chosen = row.domain == "tu" and row.code("TUORRES") in ("TARGET", "NON-TARGET")
    return chosen or "Y" in (row.code(f"{prefix}BLFL"), row.code(f"{prefix}LOBXFL"))


def _sort_out(assessment: Assessment, lesions: Lesions) -> None:
    """Takes out what no assessment can say: sums, other criteria, lesions without a name or a kind."""
    for row in assessment.of("tr"):
        if row.get("TRLNKID") is None:
            assessment.refuse(row, "TRLNKID", "of no single lesion: sums are computed, never taken")
        elif row.code("TRTESTCD") not in AXES | {"TUMSTATE"}:
            assessment.refuse(row, "TRTESTCD", "neither a diameter nor a state: not part of an assessment")
        elif _kind(row, lesions) is None:
            assessment.refuse(row, "TRGRPID", "neither TR nor TU says whether it is a target, a non-target or new")
    for row in assessment.of("rs"):
        if row.code("RSTESTCD") not in CALLS or "RECIST 1.1" not in (row.code("RSCAT") or "RECIST 1.1"):
            assessment.refuse(row, "RSTESTCD", "a category that is computed, never taken, or of other criteria")


def _targets(assessment: Assessment, lesions: Lesions) -> Iterator[dict[str, Any]]:
    """The target lesions: one state each. Measured twice with different results, it has none."""
    for link, rows in _by_link(assessment, lesions, "TARGET").items():
        lesion = lesions.get(Lesion(assessment.at.subject, assessment.at.reader, link), Identified())
        axis = SHORT_AXIS if lesion.node else LONG_AXIS
        telling = [row for row in rows if row.code("TRTESTCD") in axis or _state(row) in STATES.values()]
        states = {_state(row) for row in telling}
        if "absent" in states:
            states -= {"0", "0.0", "0.00"}
        if len(states) == 1 and None not in states:
            yield {"lesion": link, "organ": label(lesion.organ), "node": lesion.node} | _written(states.pop() or "")
            continue
        reason = "measured twice, with different results" if len(states) > 1 else "no size of the axis that counts"
        for row in rows:
            assessment.refuse(row, "TRORRES", reason)


def _written(state: str) -> dict[str, str]:
    return {"state": state} if state in STATES.values() else {"state": "measured", "millimetres": state}


def _state(row: Row) -> str | None:
    """What a row says of a target: its size in millimetres as text, or a state; None where it says neither."""
    if row.code("TRSTAT") == "NOT DONE":
        return "not_evaluable"
    result, measured_in = row.get("TRORRES"), row.code("TRORRESU")
    if result is None:
        result, measured_in = row.get("TRSTRESC") or row.get("TRSTRESN"), row.code("TRSTRESU")
    if (size := plain(result)) is None:
        return STATES.get((result or "").upper())
    scale = MILLIMETRES.get(measured_in or "")
    return None if scale is None else size if scale == 1 else format(Decimal(size) * scale, "f")


def _non_target(assessment: Assessment, lesions: Lesions) -> str:
    """The non-targets, lesion by lesion, where the reader made no call (RECIST 1.1 section 4.3.3).

    All gone is CR, one left is NON-CR/NON-PD, one that nobody looked at leaves it open; progression is only taken from
    words that say so.
    """
    by_link = _by_link(assessment, lesions, "NON-TARGET")
    known = {
        lesion.link
        for lesion, identified in lesions.items()
        if lesion[:2] == assessment.at[:2] and identified.kind == "NON-TARGET"
    }
    words = {row.code("TRORRES") or "NE" for rows in by_link.values() for row in rows}
    if not known and not by_link:
        return "none"
    if words & PROGRESSED:
        return "PD"
    if words - NOT_EVALUABLE - {"ABSENT"}:
        return "NON-CR/NON-PD"
    return "CR" if words == {"ABSENT"} and known <= by_link.keys() else "NE"


def _new_lesions(assessment: Assessment, lesions: Lesions) -> Iterator[str]:
    """What TU and TR say of new lesions at this visit."""
    for rows in _by_link(assessment, lesions, "NEW").values():
        yield from ("equivocal" if row.code("TRORRES") == "EQUIVOCAL" else "yes" for row in rows)
    for row in assessment.of("tu"):
        if "NEW" in (row.code("TUORRES") or ""):
            yield "equivocal" if "EQUIVOCAL" in (row.code("TUORRES") or "").split() else "yes"


def _calls(assessment: Assessment) -> dict[str, str]:
    """The reader's own calls. A test with two different calls has none."""
    by_test: dict[str, list[Row]] = defaultdict(list)
    for row in assessment.of("rs"):
        by_test[row.values["RSTESTCD"].upper()].append(row)
    calls: dict[str, str] = {}
    for test, rows in by_test.items():
        said = {CALLS[test].get(row.code("RSORRES") or row.code("RSSTRESC") or "") for row in rows}
        call = said.pop()
        if not said and call is not None:
            calls[test] = call
            continue
        for row in rows:
            assessment.refuse(row, "RSORRES", "no call that a fact can say, or two different ones")
    return calls


def _by_link(assessment: Assessment, lesions: Lesions, kind: str) -> dict[str, list[Row]]:
    by_link: dict[str, list[Row]] = defaultdict(list)
    for row in assessment.of("tr"):
        if _kind(row, lesions) == kind:
            by_link[row.values["TRLNKID"]].append(row)
    return by_link


def _kind(row: Row, lesions: Lesions) -> str | None:
    """What kind of lesion a row of TR is about: as TR says, else as TU does."""
    said = row.code("TRGRPID") or ""
    if said in ("TARGET", "NON-TARGET") or said.startswith("NEW"):
        return "NEW" if said.startswith("NEW") else said
    identified = lesions.get(Lesion(row.values["USUBJID"], reader(row), row.values.get("TRLNKID", "")))
    return identified.kind if identified else None


def _identified(folder: Folder) -> Lesions:
    lesions: Lesions = defaultdict(Identified)
    for row in folder.rows("tu"):
        if (subject := row.get("USUBJID")) and (link := row.get("TULNKID")):
            identified = lesions[Lesion(subject, reader(row), link)]
            identified.kinds.update(_kinds(row))
            identified.organs.update(organ for organ in [row.get("TULOC")] if organ)
    return dict(lesions)


def _kinds(row: Row) -> Iterable[str]:
    said = row.code("TUORRES") or row.code("TUSTRESC")
    return [] if said is None else ["NEW"] if "NEW" in said else [said]


def reader(row: Row) -> str:
    """Who read the scan: the reader's own code, else the role, else the investigator."""
    prefix = row.domain.upper()
    named = row.get(f"{prefix}EVALID") or row.get(f"{prefix}EVAL")
    return "investigator" if named is None or named.upper() == "INVESTIGATOR" else named


def _visit(row: Row) -> Visit:
    when = row.get("VISITNUM") or row.get("VISIT") or row.values[f"{row.domain.upper()}DTC"]
    return Visit(row.values["USUBJID"], reader(row), when)


def _of_no_visit(row: Row) -> Unusable | None:
    if any(row.get(name) for name in ("VISITNUM", "VISIT", f"{row.domain.upper()}DTC")):
        return None
    return unusable(row, "VISITNUM", "neither a visit nor a date")


def _word(text: str) -> str:
    """A part of a record's name: one word."""
    return text.replace(" ", "-")
