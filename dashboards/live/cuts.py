"""Which past is asked for? A cut is the ledger up to a position; people also name it by an instant, or say *now*."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from dashboards.panels import Reader
from dashboards.panels.cuts import AT_CUT, AT_INSTANT


class CutError(ValueError):
    """A cut that cannot be shown: what was asked, and what can be."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A position of a trial's ledger, and how it was asked for."""

    trial: str
    asked: str | None
    """As it stands in the address; None: now."""
    position: int
    newest: int
    """The last stored position when the page was made."""
    recorded: datetime | None
    """When the fact at the position was recorded; None before the first fact."""

    @property
    def is_now(self) -> bool:
        """Whether the page moves as facts arrive."""
        return self.asked is None

    def to(self, page: str = "overview", participant: str | None = None, **choices: str) -> str:
        """Where a page stands, at the same cut."""
        asked = {} if self.asked is None else {"as_of": self.asked}
        query = urlencode(choices | asked, safe=":")
        return address(self.trial, page, participant) + (f"?{query}" if query else "")

    def at(self, as_of: int | str | None, **choices: str) -> str:
        """The same page at another cut; None is now."""
        query = urlencode(choices | ({} if as_of is None else {"as_of": str(as_of)}), safe=":")
        return f"?{query}"


def address(trial: str, page: str = "overview", participant: str | None = None) -> str:
    """Where a page of a trial stands."""
    base = f"/trials/{quote(trial, safe='')}/"
    if page == "overview":
        return base
    return base + page + (f"/{quote(participant, safe='')}" if participant is not None else "")


def resolve(store: Reader, trial: str, newest: int, asked: str | None) -> Cut:
    """The cut that was asked for. Raises CutError, in words, where there is none."""
    text = (asked or "").strip()
    if text in ("", "now"):
        return Cut(trial, None, newest, newest, recorded_at(store, trial, newest))
    position = _position(text, newest) if text.isascii() and text.isdigit() else _known_at(store, trial, newest, text)
    return Cut(trial, text, position, newest, recorded_at(store, trial, position))


def recorded_at(store: Reader, trial: str, position: int) -> datetime | None:
    """When the last fact up to a position was recorded."""
    rows = AT_CUT.rows(store, trial, position)
    return read_instant(rows[0]["recorded"]) if rows else None


def read_instant(column: str) -> datetime:
    """An instant as the store writes it."""
    return datetime.fromisoformat(column).replace(tzinfo=UTC)


def asked_instant(text: str) -> datetime:
    """An instant as people and addresses write it. Without a zone it is UTC; a bare day is its first moment."""
    instant = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if text.count(":") > 1 else text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _position(text: str, newest: int) -> int:
    if len(text) > 18 or int(text) > newest:
        raise CutError(f"Position {text[:24]} is ahead of the ledger, which stands at position {newest:,}.")
    return int(text)


def _known_at(store: Reader, trial: str, newest: int, text: str) -> int:
    try:
        instant = asked_instant(text)
    except (ValueError, OverflowError) as error:
        raise CutError(
            f"“{text[:40]}” is neither a position, such as 1200, nor an instant, such as 2026-03-14T09:12Z."
        ) from error
    last = recorded_at(store, trial, newest)
    if last is None or instant > last:
        until = f"the last fact was recorded on {last:%d %b %Y at %H:%M:%S} UTC" if last else "there is no fact yet"
        raise CutError(f"Nothing can be said of {instant:%d %b %Y, %H:%M} UTC: {until}.")
    rows = AT_INSTANT.rows(store, trial, newest, instant=instant.strftime("%Y-%m-%d %H:%M:%S.%f"))
    return int(rows[0]["newest"])
