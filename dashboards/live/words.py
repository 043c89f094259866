"""How are numbers, days and verdicts written, so that everybody reads the same?"""

from datetime import UTC, date, datetime

from dashboards.live.cuts import read_instant


def number(value: float | str | None) -> str:
    """A whole number with its thousands: 12,481. Unknown is a dash, never 0."""
    return "–" if value is None else f"{int(value):,}"


def instant(value: datetime | str | None) -> str:
    """An instant: 14 Mar 2026 09:12 UTC."""
    if value is None:
        return "–"
    moment = read_instant(value) if isinstance(value, str) else value.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y %H:%M} UTC"


def day(value: datetime | str | None) -> str:
    """A day, as precisely as it is known: 14 Mar 2026, Mar 2026, 2026."""
    if not value:
        return "–"
    text = value if isinstance(value, str) else value.isoformat()
    if len(text) < 10:
        return text if len(text) == 4 else f"{date.fromisoformat(text + '-01'):%b %Y}"
    known = date.fromisoformat(text[:10])
    return f"{known.day} {known:%b %Y}"


def percent(part: int, whole: int) -> str:
    """A share in percent; nothing where there is nobody to share among."""
    return "" if whole == 0 else f"{100 * part / whole:.0f} %"


def chance(value: float) -> str:
    """A probability in percent; what is not certain is never written as if it were."""
    if 0.9995 <= value < 1:
        return "> 99.9 %"
    return "< 0.1 %" if 0 < value < 0.0005 else f"{100 * value:.1f} %"


def bounds(pair: tuple[int, int]) -> str:
    """A number that is not known for certain, as far as it is: 2–5; 2 where both are the same."""
    least, most = pair
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"


def share(pair: tuple[int, int], whole: int) -> str:
    """A share of which the part is known between bounds: 6–16 %."""
    least, most = (percent(part, whole) for part in pair)
    return least if least == most else f"{least.removesuffix(' %')}–{most}"


def span(seconds: float) -> str:
    """How long: 40 s, 12 min, 5 h, 6 d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def plain(code: str) -> str:
    """A code as words: adverse_event → adverse event."""
    return code.replace("_", " ")


def count(value: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 participant, 2 participants."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


DOSE_STATE = {
    "planned": "as planned",
    "held": "on hold",
    "reduced": "reduced",
    "slowed": "infused more slowly",
    "stopped": "stopped for good",
}
"""How a drug is to be given."""

FILTERS = {
    "number": number,
    "instant": instant,
    "day": day,
    "percent": percent,
    "chance": chance,
    "bounds": bounds,
    "share": share,
    "span": span,
    "plain": plain,
}
