"""When was it? As far as the ISO 8601 text of a --DTC variable says; what is missing stays missing.

SDTM times carry no zone as a rule: the wall clock of the site is then written as if it were UTC. A partial date has the
earliest instant it may mean; the fact itself keeps the date as it was given.
"""

import re
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import NamedTuple

from schemas.values import earliest_day, latest_day, real_partial_date

DAY = re.compile(r"(\d{4})(?:-(\d{2}|-)(?:-(\d{2}|-))?)?(?:T(.*))?")
HOUR = re.compile(r"(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:\d{2})?")


class Moment(NamedTuple):
    """A date as precise as it is known, and the earliest instant it may mean."""

    said: str
    instant: datetime

    @property
    def arrived(self) -> datetime:
        """When it had certainly come: a month or a year on its last day. A day is as fine as dates go: it begins."""
        if len(self.said) >= 10:
            return self.instant
        return datetime.combine(latest_day(self.said), time(), UTC)


@lru_cache(maxsize=10_000)
def moment(text: str | None) -> Moment | None:
    """What a --DTC variable says; None where it says nothing that can be read.

    A component that is missing in the middle ends what is known: `2003---15` is the year 2003.
    """
    found = DAY.fullmatch(text or "")
    if found is None:
        return None
    hour = HOUR.fullmatch(found[4] or "")
    known = _known(found)
    if len(known) == 10 and hour is not None:
        zone = (hour[2] or "Z").replace("Z", "+00:00")
        return _existing(f"{known}T{hour[1]}", zone) or _existing(known)
    return _existing(known)


def _known(found: re.Match[str]) -> str:
    known: str = found[1]
    for component in (found[2], found[3]):
        if component in (None, "-"):
            break
        known += f"-{component}"
    return known


def _existing(said: str, zone: str = "+00:00") -> Moment | None:
    try:
        real_partial_date(said)
        whole = said if len(said) > 10 else earliest_day(said).isoformat() + "T00:00"
        return Moment(said, datetime.fromisoformat(whole + zone).astimezone(UTC))
    except ValueError:
        return None
