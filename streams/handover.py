"""How do facts reach a home that is being served? Over loopback, each with the address it came from.

A line of NDJSON cannot say where it was read; so messages are handed over in lines of our own, bytes in base64, under
a media type that only Tocsin's commands send. The answer is the NDJSON of outcomes that every door prints.
"""

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import orjson

from streams.intake import Message, Unusable

MEDIA_TYPE = "application/vnd.tocsin.messages+ndjson"
LINES, BYTES = 1_000, 8_000_000
"""What one request carries at most; a longer message travels alone."""

PATIENCE = httpx.Timeout(10, read=300)
"""Seconds: a busy server may take long to answer a full request, but not to take the call."""


def hand_over(url: str, messages: Iterable[Message | Unusable]) -> Iterator[dict[str, Any]]:
    """Hands messages to the home served at `url`, in order; gives each outcome's line. Raises `httpx.HTTPError`."""
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        for lines in _requests(messages):
            answer = client.post(f"{url.rstrip('/')}/facts", content=lines, headers={"content-type": MEDIA_TYPE})
            answer.raise_for_status()
            for line in answer.content.splitlines():
                yield orjson.loads(line)


def packed(message: Message | Unusable) -> bytes:
    """A message with its address as one line, without the line's end."""
    line: dict[str, Any] = {
        "address": message.address.encode("utf-8", "backslashreplace").decode(),
        "raw": base64.b64encode(message.raw).decode(),
    }
    if isinstance(message, Unusable):
        line |= {"trial": message.trial, "path": message.path, "message": message.message}
    return orjson.dumps(line)


def unpacked(body: bytes) -> tuple[Message | Unusable, ...]:
    """The messages of a request. Raises ValueError where it was not packed by `packed`."""
    try:
        return tuple(_message(**orjson.loads(line)) for line in body.splitlines())
    except (TypeError, ValueError) as error:
        raise ValueError("these are no packed messages") from error


def _message(
    *, address: str, raw: str, trial: str | None = None, path: str | None = None, message: str | None = None
) -> Message | Unusable:
    if not all(isinstance(text, str | None) for text in (trial, path, message)) or not isinstance(address, str):
        raise TypeError("an address, a path and a message are text")
    sent = base64.b64decode(raw, validate=True)
    if path is None or message is None:
        return Message(sent, address)
    return Unusable(sent, address, trial, path, message)


def _requests(messages: Iterable[Message | Unusable]) -> Iterator[bytes]:
    lines: list[bytes] = []
    size = 0
    for message in messages:
        line = packed(message)
        if lines and (len(lines) == LINES or size + len(line) > BYTES):
            yield b"\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield b"\n".join(lines)
