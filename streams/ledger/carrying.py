"""What is carried when a trial moves from one home to another? What is kept, sealed as it is, with its keys.

Nothing is opened on the way and nothing is sealed anew: canonical bytes, digests and sealed messages are the same in
both engines, and so is what a redaction left of them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SealedFact:
    """A fact as a ledger keeps it."""

    position: int
    canonical: bytes
    digest: bytes
    """Of what it says."""
    salted: bytes
    """The salted digest of the message as it came."""
    sealed: bytes = field(repr=False)
    key: bytes
    """A name for its key, 16 bytes: the same for facts that share it."""
    secret: bytes | None = field(repr=False)
    """None once the key is destroyed."""


@dataclass(frozen=True, slots=True)
class SealedRefusal:
    """A message in quarantine as it is kept."""

    received: datetime
    address: str
    trial: str | None
    source: str | None
    path: str
    message: str
    digest: str
    """Of the message, in hexadecimal."""
    sealed: bytes = field(repr=False)
    key: bytes
    secret: bytes | None = field(repr=False)


class Carrier(Protocol):
    """A ledger from which trials can be carried away, and into which they can be carried."""

    def trials(self) -> tuple[str, ...]:
        """The trials that have a ledger, by name."""

    def head(self, trial: str) -> int:
        """The last position of a trial; 0 where there is none."""

    def canonical(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The canonical bytes of the facts of a trial, in order."""

    def sealed_facts(self, trial: str) -> Iterator[SealedFact]:
        """The facts of a trial as they are kept, in order."""

    def sealed_refusals(self) -> Iterator[SealedRefusal]:
        """What is in quarantine, of every trial and of none."""

    def recognise(self, trial: str, facts: Sequence[SealedFact]) -> None:
        """Takes note of facts that stand here already; what was redacted where they come from is redacted here."""

    def adopt(self, trial: str, facts: Sequence[SealedFact]) -> None:
        """Keeps the next facts of a trial, durably. A key that is known already stays as it is, destroyed or not."""

    def adopt_refusals(self, refused: Sequence[SealedRefusal]) -> int:
        """Keeps messages in quarantine, durably, each once; gives how many are new."""


def name_of_key(number: int, secret: bytes | None) -> bytes:
    """A name for a key that has only a number: made of its secret, which nobody guesses, or of the number alone."""
    return hashlib.sha256(b"the name of a key" + (secret or f"destroyed {number}".encode())).digest()[:16]
