"""How does the ledger hold what may name a person? As a commitment, and sealed under a key of its own record.

A record's key is 48 random bytes: 32 for AES-256-GCM, 16 as salt. Free text stands in the canonical form as
`hmac-sha256:<hex>` under that salt; the message as it came is encrypted, and its digest is salted too. Destroying the
key (redaction) leaves ledger, positions and digests as they are, and makes the text unreadable and unguessable.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import schemas
from schemas import AnyFact
from schemas.canonical import wire
from schemas.values import FREE_TEXT

KEY_BYTES = 48
NONCE_BYTES = 12
COMMITTED = "hmac-sha256:"
"""How a commitment begins."""

Path = tuple[str, ...]


class DamagedError(Exception):
    """Sealed bytes that their own key does not open: they are not what was written."""


def commitment(key: bytes, text: str) -> str:
    """What stands in the ledger for a free text: the same text under the same key is the same commitment."""
    return COMMITTED + hmac.digest(key[32:], text.encode(), "sha256").hex()


def digest(key: bytes, raw: bytes) -> bytes:
    """The salted digest of a message as it came."""
    return hashlib.sha256(key[32:] + raw).digest()


def seal(key: bytes, nonce: bytes, raw: bytes, about: bytes) -> bytes:
    """Encrypts a message; `about` names what it belongs to, so that it opens nowhere else."""
    return nonce + AESGCM(key[:32]).encrypt(nonce, raw, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """The message as it came."""
    try:
        return AESGCM(key[:32]).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except InvalidTag as error:
        raise DamagedError("sealed bytes do not open under their own key") from error


def opened(raw: bytes, where: str) -> dict[str, str]:
    """The free text of a message that was accepted once, by its path, such as `data.verbatim`."""
    fact = schemas.parse(raw)
    if isinstance(fact, schemas.Refusal):
        raise LookupError(f"{where} is no longer read as a fact: {fact.path}: {fact.message}")
    return {".".join(path): text for path, text in free_text(wire(fact), type(fact)).items()}


def free_text(document: dict[str, Any], fact: type[AnyFact]) -> dict[Path, str]:
    """Every free text in the JSON of a fact, by its path."""
    found = {}
    for path in free_text_paths(fact):
        here: Any = document
        for step in path:
            here = here.get(step) if isinstance(here, dict) else None
        if here is not None:
            found[path] = here
    return found


def replace(document: dict[str, Any], texts: dict[Path, str]) -> None:
    """Puts other texts in the place of free texts."""
    for path, text in texts.items():
        here = document
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = text


@lru_cache
def free_text_paths(model: type[BaseModel]) -> tuple[Path, ...]:
    """Where a fact can hold free text, read from its model: nobody has to remember to list a new field."""
    paths: list[Path] = []
    for name, field in model.model_fields.items():
        if FREE_TEXT in field.metadata or _marked(field.annotation):
            paths.append((name,))
        for inner in _models_in(field):
            below = free_text_paths(inner)
            if below and inner is not field.annotation:
                raise TypeError(f"free text inside a list or an optional part is not supported: {model}.{name}")
            paths.extend((name, *path) for path in below)
    return tuple(paths)


def _marked(annotation: object) -> bool:
    if get_origin(annotation) is Annotated and FREE_TEXT in get_args(annotation)[1:]:
        return True
    return any(_marked(inner) for inner in get_args(annotation))


def _models_in(field: FieldInfo) -> list[type[BaseModel]]:
    found, open_ = [], [field.annotation]
    while open_:
        annotation = open_.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        open_.extend(get_args(annotation))
    return found
