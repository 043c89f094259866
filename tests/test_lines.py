"""One line for a calculator: read strictly, to the last digit, and echoed as it came."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.lines import Unreadable, read_line, write_line


def test_a_number_that_a_binary_float_would_change_keeps_its_digits() -> None:
    read = read_line(b'{"value": 6.000000000000000000000000001, "uln": 1.2, "id": 12345678901234567890123}')
    assert read == {"value": Decimal("6.000000000000000000000000001"), "uln": 1.2, "id": 12345678901234567890123}


@pytest.mark.parametrize("identity", ["12345678901234567890123", "1.000000000000000000000001", "null", '"a:b"', "[1]"])
def test_an_id_of_any_kind_is_echoed_as_it_came(identity: str) -> None:
    line = f'{{"id":{identity}}}'.encode()
    read = read_line(line)
    assert isinstance(read, dict)
    assert write_line(read) == line


@pytest.mark.parametrize(
    ("line", "identity", "why"),
    [
        (b'{"id": 7, "value": 1, "value": 2}', 7, "twice"),
        (b'{"id": "a", "facts": {"fasting": true, "fasting": false}}', "a", "twice"),
        (b'{"id": 7, "value": NaN}', 7, "NaN"),
        (b'{"id": 7, "value": -Infinity}', 7, "Infinity"),
        (b'{"id": 7, "value": 1e999999999999999999999}', 7, "too long"),
        (b"", None, "not JSON"),
        (b"{broken", None, "not JSON"),
        (b'{"id": "\xff"}', None, "not UTF-8 at byte 8"),
        (b'{"id": "\\ud800"}', None, "half of a character"),
        (b"[1, 2]", None, "no JSON object"),
        (b"null", None, "no JSON object"),
        (b"[" * 100_000 + b"]" * 100_000, None, "nested"),
        (b'{"id": ' + b"[" * 300 + b"]" * 300 + b"}", None, "nested"),
    ],
)
def test_what_cannot_be_read_says_why_and_keeps_its_id_where_it_can(line: bytes, identity: object, why: str) -> None:
    found = read_line(line)
    assert isinstance(found, Unreadable)
    assert found.id == identity
    assert why in found.why


objects = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), objects, max_size=5))
def test_every_json_object_is_read_as_what_it_says(said: dict[str, Any]) -> None:
    line = json.dumps(said).encode()
    read = read_line(line)
    if isinstance(read, Unreadable):
        assert "half of a character" in read.why
        return
    assert json.loads(write_line(read)) == said


@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,0123456789.eE+-NaIn ', max_size=40).map(str.encode))
def test_no_line_raises(line: bytes) -> None:
    read_line(line)
