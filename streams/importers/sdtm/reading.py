"""In which order is a folder told? The protocol first, then what happened in the order in which it could be known."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

from clinical.protocol import read_protocol
from schemas.canonical import canonical
from schemas.values import written_instant
from streams.importers.sdtm.accounts import Account
from streams.importers.sdtm.adverse_events import adverse_events
from streams.importers.sdtm.doses import dose
from streams.importers.sdtm.labs import lab
from streams.importers.sdtm.messages import Message, Study, Told, one_by_one
from streams.importers.sdtm.participants import deaths, dispositions, population
from streams.importers.sdtm.tables import DOMAINS, Folder, read_folder
from streams.importers.sdtm.tumours import tumours
from streams.importers.sdtm.vitals import vital_sign


@dataclass(frozen=True, slots=True)
class Import:
    """A folder as it is told: messages and unusable rows in order, and the account of its rows."""

    told: tuple[Told, ...]
    account: Account
    ignored: tuple[str, ...]
    """Transport files of the folder that are not read."""

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return sum(self.account.read.values())

    def __iter__(self) -> Iterator[Told]:
        """What to send, and what to set aside, in order."""
        return iter(self.told)


def read_trial(folder: Path, trial: str, protocol: str, clock: Literal["system", "simulated"] = "system") -> Import:
    """Reads the domains of a folder. Raises `UnreadableError` and `ProtocolError`; no row raises anything."""
    tables = read_folder(folder)
    drugs = {drug.upper(): drug for group in read_protocol(protocol).groups.values() for drug in group.drugs}
    study = Study(trial, _study_of(tables), {}, frozenset(), drugs)
    who = population(study, tables)
    study = replace(study, enrolled=who.enrolled, never_enrolled=who.never_enrolled)
    told = [
        *who.told,
        *dispositions(study, tables),
        *deaths(study, tables),
        *one_by_one(study, tables.tables.get("ex"), dose).values(),
        *adverse_events(study, tables),
        *one_by_one(study, tables.tables.get("lb"), lab).values(),
        *one_by_one(study, tables.tables.get("vs"), vital_sign).values(),
        *tumours(study, tables),
    ]
    messages = sorted((item for item in told if isinstance(item, Message)), key=lambda item: item.at)
    aside = [item for item in told if not isinstance(item, Message)]
    account = Account.of({domain: _length(tables, domain) for domain in DOMAINS if domain in tables.tables}, told)
    adoption = _adoption(trial, protocol, clock, messages[0] if messages else None)
    return Import(tuple(chain([adoption], messages, aside)), account, tables.ignored)


def _study_of(folder: Folder) -> str | None:
    """The study most rows of DM name."""
    named = Counter(study for row in folder.rows("dm") if (study := row.get("STUDYID")))
    return named.most_common(1)[0][0] if named else None


def _length(folder: Folder, domain: str) -> int:
    return folder.tables[domain].length


def _adoption(trial: str, protocol: str, clock: str, first: Message | None) -> Message:
    """The protocol comes into force when the first thing happens."""
    if first is None:
        raise ValueError("no row of the folder is a fact")
    document = {
        "specversion": "1.0",
        "id": "protocol",
        "source": "sdtm:import",
        "type": "tocsin.ProtocolAdopted.v1",
        "time": written_instant(first.at),
        "trial": trial,
        "record": "protocol",
        "revision": 1,
        "data": {"protocol": protocol, "digest": hashlib.sha256(protocol.encode()).hexdigest(), "clock": clock},
    }
    return Message(canonical(document), "protocol", first.at, first.at)
