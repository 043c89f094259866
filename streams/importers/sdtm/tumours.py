"""What do TU, TR and RS say together? One assessment for each reader and day: what the reader measured, and called.

Derived categories are never facts; the reader's own overall response (RS) is kept beside the measurements.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.importers.sdtm.dates import moment
from streams.importers.sdtm.messages import Said, Study, Told, label, message, outside, place, unusable
from streams.importers.sdtm.results import plain
from streams.importers.sdtm.tables import Folder, Row

RESPONSES = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE", "NED", "ND")
DIAMETERS = ("LDIAM", "LPERP")
"""Longest diameter; of a node its perpendicular, the short axis (RECIST 1.1 section 3)."""


class Scan(NamedTuple):
    """One reader's look at one visit of one participant."""

    subject: str
    reader: str
    visit: str


@dataclass(slots=True)
class Seen:
    """The rows of one scan."""

    rows: list[Row] = field(default_factory=list)
    responses: list[Row] = field(default_factory=list)
    lesions: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))


def tumours(study: Study, folder: Folder) -> Iterator[Told]:
    """The assessments; rows of TU are merged into the first scan in which their lesion was measured."""
    scans: dict[Scan, Seen] = defaultdict(Seen)
    organs: dict[tuple[str, str, str], Row] = {}
    for domain in ("tu", "tr", "rs"):
        for row in folder.rows(domain):
            refused = outside(study, row)
            if refused is not None:
                yield refused
                continue
            scan = Scan(row.values["USUBJID"], _reader(row), row.get("VISIT") or "")
            if domain == "rs" and row.code("RSTESTCD") != "OVRLRESP":
                yield unusable(row, "RSTESTCD", "no overall response: parts of one are derived, not read")
                continue
            scans[scan].rows.append(row)
            lesion = row.get(f"{domain.upper()}LNKID")
            if domain == "tu" and lesion is not None:
                organs[scan.subject, scan.reader, lesion] = row
            elif domain == "tr" and lesion is not None:
                scans[scan].lesions[lesion][row.code("TRTESTCD") or ""] = row
            elif domain == "rs":
                scans[scan].responses.append(row)
    for scan, seen in scans.items():
        yield from _assessment(study, scan, seen, organs)


def _reader(row: Row) -> str:
    """`investigator`, or the central reader by name."""
    said = row.get(f"{row.domain.upper()}EVALID") or row.get(f"{row.domain.upper()}EVAL") or "investigator"
    return label(said.lower()) or "unknown reader"


def _assessment(study: Study, scan: Scan, seen: Seen, organs: Mapping[tuple[str, str, str], Row]) -> Iterator[Told]:
    dates = sorted(known for row in seen.rows if (known := moment(row.get(f"{row.domain.upper()}DTC"))))
    if not dates:
        yield from (unusable(row, f"{row.domain.upper()}DTC", "no usable date in the assessment") for row in seen.rows)
        return
    first, at = seen.rows[0], dates[0]
    targets = [
        _target(lesion, rows, organs.get((scan.subject, scan.reader, lesion))) for lesion, rows in _targets(seen)
    ]
    called = next((row.code("RSORRES") for row in seen.responses if row.code("RSORRES") in RESPONSES), None)
    data: dict[str, Any] = {
        "reader": scan.reader,
        "assessed": at.said,
        "visit": label(scan.visit) if scan.visit else None,
        "baseline": not seen.responses and any(row.code("TUORRES") == "TARGET" for row in seen.rows),
        "targets": targets,
        "non_target": _non_target(seen),
        "new_lesion": "yes" if any(row.code("TUORRES") == "NEW" for row in seen.rows) else "no",
        "overall": called,
    }
    name = f"{scan.subject}/TUMOUR/{scan.reader}/{scan.visit or at.said}".replace(" ", "-")
    made = message(study, first, name, Said("TumourAssessed.v1", at.instant, data))
    yield made.with_rows(place(row) for row in seen.rows[1:])


def _targets(seen: Seen) -> Iterator[tuple[str, dict[str, Row]]]:
    for lesion, rows in seen.lesions.items():
        if any((row.code("TRGRPID") or "").startswith("TARGET") for row in rows.values()):
            yield lesion, rows


def _non_target(seen: Seen) -> str:
    """The reader's states of the non-target lesions, as one call: all gone, progressed, or neither."""
    states = [row.code("TRORRES") or "" for rows in seen.lesions.values() if (row := rows.get("TUMSTATE"))]
    if not states:
        return "none"
    if any("PROGRESSION" in state for state in states):
        return "PD"
    if any("NOT EVALUABLE" in state or not state for state in states):
        return "NE"
    return "CR" if all(state == "ABSENT" for state in states) else "NON-CR/NON-PD"


def _target(lesion: str, rows: Mapping[str, Row], identified: Row | None) -> dict[str, Any]:
    organ = identified.get("TULOC") if identified is not None else None
    node = organ is not None and "LYMPH NODE" in organ.upper()
    read = {code: rows[code] for code in DIAMETERS if code in rows}
    row = (read.get("LPERP") if node else None) or read.get("LDIAM") or next(iter(read.values()), None)
    size = plain(row.get("TRORRES")) if row is not None and (row.code("TRORRESU") in (None, "MM")) else None
    state = "not_evaluable" if size is None else "measured"
    target = {"lesion": lesion, "organ": label(organ), "node": node, "state": state, "millimetres": size}
    return {key: value for key, value in target.items() if value is not None}
