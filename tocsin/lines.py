"""What does one line for a calculator say, read strictly? No key twice, no digit lost; or why it cannot be read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import orjson

__all__ = ["Unreadable", "read_line", "write_line"]

_LONGEST_EXACT: Final = 15
"""Any decimal number of so many digits comes through a binary float unharmed (IEEE 754, double precision)."""
_DIGITS: Final = bytes.maketrans(b"123456789.", b"0000000000")
_TOO_LONG: Final = b"0" * (_LONGEST_EXACT + 1)
_WORD: Final = 2**63


class _MalformedError(ValueError):
    """The text is JSON to a lenient reader, and not to us."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no JSON object: why, and the `id` that it carries where that much can be read."""

    why: str
    id: Any = None


def read_line(line: bytes) -> dict[str, Any] | Unreadable:
    """One JSON object. A number that a binary float would change comes as a Decimal, and nothing stands twice.

    >>> read_line(b'{"uln": 1.2}')
    {'uln': 1.2}
    >>> read_line(b'{"id": 7, "value": 1, "value": 2}')
    Unreadable(why='a key stands twice in one object', id=7)
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _read_exactly(line)
    if not isinstance(found, dict):
        return Unreadable("no JSON object")
    keys, colons = len(found), line.count(b":")
    if keys != colons:
        for value in found.values():
            if type(value) is dict:
                keys += len(value)
    plain = keys == colons and _TOO_LONG not in line.translate(_DIGITS)
    return found if plain and type(found.get("id")) not in (list, dict) else _read_exactly(line)


def write_line(answer: Mapping[str, Any]) -> bytes:
    """The answer as one line; a number that was read exactly is written so."""
    return orjson.dumps(answer, default=_digits)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _MalformedError("a key stands twice in one object")
    return built


def _no_number(_: str) -> NoReturn:
    raise _MalformedError("NaN and Infinity are no JSON")


def _read_exactly(line: bytes) -> dict[str, Any] | Unreadable:
    try:
        text = line.decode("utf-8")
        found = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_number,
            parse_float=_exact_float,
            parse_int=_exact_int,
        )
        orjson.dumps(found, default=_digits)
    except UnicodeDecodeError as error:
        return Unreadable(f"not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        return Unreadable(f"not JSON: {error.msg} at character {error.pos}")
    except RecursionError:
        return Unreadable("nested too deeply")
    except orjson.JSONEncodeError:  # it would not come out as it came in
        return Unreadable("not JSON: nested too deeply, or half of a character that takes two")
    except _MalformedError as error:
        return Unreadable(str(error), _id_of(text))
    return found if isinstance(found, dict) else Unreadable("no JSON object")


def _id_of(text: str) -> str | int | None:
    """The id of a line that only a lenient reader takes, where it is a plain one."""
    found = json.loads(text, parse_constant=str, parse_float=str, parse_int=Decimal)
    name = found.get("id") if isinstance(found, dict) else None
    if isinstance(name, Decimal):
        return int(name) if abs(name) < _WORD else None
    return name if isinstance(name, str) and name.isprintable() else None


def _exact_float(digits: str) -> float | Decimal:
    rounded, exact = float(digits), _decimal(digits)
    return rounded if _decimal(repr(rounded)) == exact else exact


def _exact_int(digits: str) -> int | Decimal:
    if len(digits) < _LONGEST_EXACT:
        return int(digits)
    exact = _decimal(digits)
    return int(exact) if -_WORD <= exact < _WORD else exact


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise _MalformedError("a number is too long to be one") from None


def _digits(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)
