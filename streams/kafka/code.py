"""Which code concluded this? The digest of everything that says what facts mean: `schemas` and `clinical`.

It stands beside every published finding, and in every snapshot: what other code made is made again.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

MEANING = ("schemas", "clinical")
KEPT = (".py", ".yaml", ".csv")


@cache
def code_version(packages: tuple[str, ...] = MEANING) -> str:
    """Sixteen characters: of the names and bytes of every source and table."""
    digest = hashlib.sha256()
    for package in packages:
        for name, bytes_ in _sources(package, files(package)):
            digest.update(f"{name}\n{len(bytes_)}\n".encode() + bytes_)
    return digest.hexdigest()[:16]


def _sources(name: str, folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for child in sorted(folder.iterdir(), key=lambda one: one.name):
        if child.is_dir() and child.name != "__pycache__":
            yield from _sources(f"{name}/{child.name}", child)
        elif child.name.endswith(KEPT):
            yield f"{name}/{child.name}", child.read_bytes()
