"""What happened to one participant? Facts in the order in which they happened, each with what followed from it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dashboards.live.cuts import read_instant
from dashboards.live.frame import Frame
from dashboards.live.pages.courses import toxicities
from dashboards.live.pages.participants import listed
from dashboards.live.telling import plain_name, tell
from dashboards.live.words import DOSE_STATE
from dashboards.panels import Row
from dashboards.panels.participants import FACTS_OF_ONE, FINDINGS_OF_ONE, LIST

ROUTINE = {"LabResulted", "VitalSignMeasured"}


def participant(framed: Frame, name: str) -> dict[str, Any] | None:
    """One participant's time line; None where no fact up to the cut speaks of anybody of that name."""
    ask = framed.ask
    told, found, everybody = ask(FACTS_OF_ONE, participant=name), ask(FINDINGS_OF_ONE, participant=name), ask(LIST)
    facts = told()
    if not facts:
        return None
    findings = found()
    changes: dict[int, list[Row]] = defaultdict(list)
    for change in findings:
        changes[change["valid_from"]].append(change)
    known = next((listed(framed, row) for row in everybody() if row["participant"] == name), None)
    by_position = sorted(facts, key=lambda row: int(row["position"]))
    newest = {(row["source"], row["record"]): row for row in by_position}
    entries = [_entry(row, newest[row["source"], row["record"]], changes[row["position"]]) for row in facts]
    return {
        "participant": name,
        "known": known,
        "drugs": _drugs(framed, known, findings) if known else [],
        "toxicities": toxicities(by_position, findings),
        "days": _by_day(entries, known["first_dose"] if known else ""),
    }


def _drugs(framed: Frame, known: Row, findings: Sequence[Row]) -> list[dict[str, Any]]:
    """Each drug of the group, and any other that something is said of: how it is to be given now, and why."""
    newest = {change["key"]: change for change in findings if change["kind"] == "dose_decision"}
    said = [json.loads(change["body"]) | change for change in newest.values() if change["state"] != "withdrawn"]
    by_drug = {one["drug"]: one for one in said}
    group = framed.protocol.groups.get(known["scope"]) if framed.protocol else None
    drugs = dict.fromkeys([*(group.drugs if group else ()), *by_drug])
    return [
        {"drug": drug, "word": DOSE_STATE[by_drug[drug]["action"] if drug in by_drug else "planned"]}
        | {"said": by_drug.get(drug)}
        for drug in drugs
    ]


def _entry(row: Row, newest: Row, changes: list[Row]) -> dict[str, Any]:
    data = json.loads(row["data"])
    notable = [change for change in changes if _is_notable(change)]
    return {
        "position": row["position"],
        "occurred": read_instant(row["occurred"]),
        "recorded": read_instant(row["recorded"]),
        "fact": plain_name(row["fact"]),
        "family": row["fact"],
        "said": tell(row["fact"], data),
        "source": row["source"],
        "record": row["record"],
        "revision": row["revision"],
        "superseded": newest["position"] if newest["position"] != row["position"] else None,
        "withdrawn": newest["fact"] == "RecordWithdrawn",
        "changes": [change | {"loud": _is_loud(change)} for change in notable],
        "quiet": row["fact"] in ROUTINE and not notable and row["revision"] == 1,
        "about_trial": not row["participant"],
    }


def _is_notable(change: Row) -> bool:
    """All but what every ordinary result says: a first grade 0."""
    return bool(change["kind"] != "grade" or change["state"] != "raised" or change["grade"] != 0)


def _is_loud(change: Row) -> bool:
    """What somebody may have to act on: a rule that became true, a grade of 3 or higher, a question."""
    met = change["kind"] == "participant_rule" and change["verdict"] == "true"
    severe = met or change["kind"] in ("dose_decision", "query") or (change["grade"] or 0) >= 3
    return bool(severe and change["state"] != "withdrawn")


def _by_day(entries: Sequence[dict[str, Any]], first_dose: str) -> list[dict[str, Any]]:
    days: dict[str, dict[str, Any]] = {}
    for entry in entries:
        on = f"{entry['occurred']:%Y-%m-%d}"
        told = days.setdefault(on, {"day": on, "number": _day_number(on, first_dose), "loud": [], "quiet": []})
        told["quiet" if entry["quiet"] else "loud"].append(entry)
    return [*days.values()]


def _day_number(on: str, first_dose: str) -> int | None:
    """Day 1 is the day of the first dose; there is no day 0. Source: SDTM study day (--DY)."""
    if len(first_dose) < 10:
        return None
    apart = (datetime.fromisoformat(on) - datetime.fromisoformat(first_dose[:10])).days
    return apart + 1 if apart >= 0 else apart
