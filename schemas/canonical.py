"""Which bytes stand for a value? Canonical JSON (RFC 8785): equal values are equal bytes, in both engines.

What we write holds no numbers but integers (decimals travel as strings) and only ASCII keys; for such values sorted
keys and orjson's escapes are exactly RFC 8785. A test holds this against the `rfc8785` package.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from schemas.envelope import Fact

CARRIAGE = {"id", "recordedtime", "datacontenttype"}
"""What a message carries that is no part of what it says: sent again, it may differ."""


def canonical(value: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a JSON object of strings, integers, booleans, nulls, arrays and objects."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def wire(fact: Fact) -> dict[str, Any]:
    """A fact as JSON values: absent where unknown, decimals as strings, instants in UTC."""
    return fact.model_dump(mode="json", exclude_none=True)


def content_digest(document: Mapping[str, Any]) -> bytes:
    """SHA-256 over what a fact says, without how it travelled: equal for a fact that is sent twice."""
    said = {name: value for name, value in document.items() if name not in CARRIAGE}
    return hashlib.sha256(canonical(said)).digest()
