"""How do facts come in over HTTP? A body is cut into its messages, each with an address, and handed to intake whole.

Nothing is judged here: what is no fact goes to quarantine with its address, like everything that comes in.
"""

import json
from collections.abc import Sequence
from typing import Any

ONE, MANY, LINES = "application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson"
LARGEST_BODY = 64_000_000
"""Bytes of one request; a longer stream is sent in several."""

_WHITE = " \t\n\r"


def messages(kind: str, body: bytes, address: str) -> list[tuple[bytes, str]]:
    """The messages of a body, as the bytes they came in, each with its address."""
    if kind == LINES:
        lines = enumerate(body.split(b"\n"), start=1)
        return [(line.rstrip(b"\r"), f"{address}:{number}") for number, line in lines if line.strip()]
    if kind == MANY:
        elements = _elements(body)
        if elements is not None:
            return [(element, f"{address}[{number}]") for number, element in enumerate(elements)]
    return [(body, address)]


def _elements(body: bytes) -> list[bytes] | None:
    """The elements of a JSON array, each as it was written. None where the body is no array: intake says so."""
    try:
        text = body.decode("utf-8")
        return [element.encode() for element in _scanned(text)]
    except (ValueError, RecursionError):
        return None


def _scanned(text: str) -> list[str]:
    decoder = json.JSONDecoder()
    at = _after_white(text, 0)
    if text[at : at + 1] != "[":
        raise ValueError("not an array")
    found: list[str] = []
    at = _after_white(text, at + 1)
    while text[at : at + 1] != "]" or found:
        _, end = decoder.raw_decode(text, at)
        found.append(text[at:end])
        at = _after_white(text, end)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            raise ValueError("not an array")
        at = _after_white(text, at + 1)
    if _after_white(text, at + 1) != len(text):
        raise ValueError("something stands after the array")
    return found


def _after_white(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE:
        at += 1
    return at


STATUS = {"accepted": 200, "duplicate": 200, "sent": 202, "conflict": 409, "not_sent": 413, "quarantined": 422}


def status_of(kind: str, outcomes: Sequence[dict[str, Any]]) -> int:
    """A single fact answers by its outcome. Of many, each line says its own; as a whole they were taken, or sent on."""
    if kind == ONE and outcomes:
        return STATUS[outcomes[0]["outcome"]]
    return 202 if any(outcome["outcome"] == "sent" for outcome in outcomes) else 200
