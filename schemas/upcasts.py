"""How does an older version of a fact become the current one? By pure steps at the door, one version each.

A step takes the whole message as JSON values and returns a new one; it may rearrange, never invent.
"""

from collections.abc import Callable
from typing import Any

from schemas.facts.adverse_events import ANY_DRUG

Message = dict[str, Any]


def adverse_event_v1_to_v2(message: Message) -> Message:
    """Version 1 had one `causality` for the whole treatment; version 2 has one per drug, by investigator and sponsor.

    What was said of the treatment as a whole stays said of the whole, under the drug `*`.
    """
    data = {**message["data"]}
    whole = data.pop("causality", None)
    if whole is not None:
        data["causality"] = [{"drug": ANY_DRUG, "investigator": whole}]
    return message | {"type": "tocsin.AdverseEventReported.v2", "data": data}


UPCASTS: dict[str, Callable[[Message], Message]] = {
    "tocsin.AdverseEventReported.v1": adverse_event_v1_to_v2,
}
"""Each older type and the step that leads one version on."""


def upcast(name: str, message: Message) -> Message:
    """The message in its current version; the same object where it is current already."""
    while (step := UPCASTS.get(name)) is not None:
        message = step(message)
        name = message["type"]
    return message
