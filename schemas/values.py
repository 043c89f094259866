"""Which small values do all facts share: exact decimals, partial dates, codes, identifiers, free text.

Everything here is read strictly: a value that is not exactly of its form is refused with its path, never guessed.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer, WithJsonSchema

DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?")
PARTIAL_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?)?)?")
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_YEAR, LAST_YEAR = 1850, 2200
REMEMBERED = 16_384
"""Texts of each kind whose value is remembered: results share limits, visits share dates."""
LONGEST_REMEMBERED = 40


NO_DECIMAL = "a measured value is a JSON string of digits, such as '80.0' (no exponent, no sign but -)"
NO_INSTANT = "an instant is written YYYY-MM-DDThh:mm:ssZ, or with an offset such as +01:00"


def exact_decimal(value: object) -> Decimal:
    """A measured value as it was reported: the digits of a JSON string, kept with their trailing zeros.

    A JSON number is refused: it would have passed through a binary float somewhere.
    """
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        raise ValueError(NO_DECIMAL)
    return _decimal(value)


@lru_cache(maxsize=REMEMBERED)
def _decimal(text: str) -> Decimal:
    if not DECIMAL.fullmatch(text):
        raise ValueError(NO_DECIMAL)
    return Decimal(text)


def written_decimal(value: Decimal) -> str:
    """The digits of a measured value, never an exponent: `0.0000001` stays what it was, and can be read again."""
    return format(value, "f")


@lru_cache(maxsize=REMEMBERED)
def real_partial_date(value: str) -> str:
    """A date as far as it is known, ISO 8601: `2026`, `2026-03`, `2026-03-14` or `2026-03-14T09:12`; it must exist."""
    if not PARTIAL_DATE.fullmatch(value):
        raise ValueError("a date is written YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm")
    if not FIRST_YEAR <= int(value[:4]) <= LAST_YEAR:
        raise ValueError(f"a year lies between {FIRST_YEAR} and {LAST_YEAR}")
    try:
        datetime.fromisoformat(value if len(value) >= 10 else earliest_day(value).isoformat())
    except ValueError:
        raise ValueError("no such date or time") from None
    return value


def exact_instant(value: object) -> datetime:
    """An instant, in UTC: two systems in two zones name the same moment by the same bytes.

    An instant names its zone. A count of seconds is refused, as a number and as digits in a string.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError(NO_INSTANT)
    return _instant(value) if len(value) <= LONGEST_REMEMBERED else _instant.__wrapped__(value)


@lru_cache(maxsize=REMEMBERED)
def _instant(text: str) -> datetime:
    if not INSTANT.fullmatch(text):
        raise ValueError(NO_INSTANT)
    try:
        instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("no such date or time") from None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"a year lies between {FIRST_YEAR} and {LAST_YEAR}")
    return instant


def real_day(value: object) -> date:
    """A calendar day, `YYYY-MM-DD`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise ValueError("a day is written YYYY-MM-DD")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("a day is written YYYY-MM-DD, and must exist") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"a year lies between {FIRST_YEAR} and {LAST_YEAR}")
    return day


def written_instant(value: datetime) -> str:
    """An instant as canonical text: UTC, `Z`, no more fraction of a second than there is."""
    return value.isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=REMEMBERED)
def earliest_day(partial: str) -> date:
    """The first day that a partial date may mean: `2026-03` may be the 1st."""
    return date.fromisoformat((partial + "-01-01" if len(partial) == 4 else partial + "-01")[:10])


@lru_cache(maxsize=REMEMBERED)
def latest_day(partial: str) -> date:
    """The last day that a partial date may mean: `2026-02` may be the 28th."""
    if len(partial) >= 10:
        return date.fromisoformat(partial[:10])
    year, month = int(partial[:4]), int(partial[5:7] or 12)
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return date.fromordinal(first_of_next.toordinal() - 1)


FREE_TEXT = "free text"  # the marker by which intake finds what may name a person

type_of_decimal = {"type": "string", "pattern": f"^{DECIMAL.pattern}$"}

ExactDecimal = Annotated[
    Decimal,
    BeforeValidator(exact_decimal),
    PlainSerializer(written_decimal, return_type=str),
    WithJsonSchema(type_of_decimal),
]
PartialDate = Annotated[
    str,
    AfterValidator(real_partial_date),
    WithJsonSchema({"type": "string", "pattern": f"^{PARTIAL_DATE.pattern}$"}),
]
Day = Annotated[
    date,
    BeforeValidator(real_day),
    PlainSerializer(date.isoformat),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(exact_instant),
    PlainSerializer(written_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Identifier = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#@+-]*$")]
CODE = r"[A-Za-z0-9][A-Za-z0-9 ._:/#@+%(),'*^-]*"
Code = Annotated[str, Field(min_length=1, max_length=80, pattern=f"^{CODE}$")]
Unit = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
FreeText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20_000,
        json_schema_extra={"x-free-text": True},
        description="Free text that may name a person: in the ledger it stands as a salted commitment.",
    ),
    FREE_TEXT,
]
