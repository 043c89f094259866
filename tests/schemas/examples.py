"""What does each fact look like in each version? The golden examples, as the tests read them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "schemas" / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """One file: `<fact>/v<version>/<name>.json`."""

    fact: str
    version: int
    name: str
    raw: bytes

    @property
    def type(self) -> str:
        """The type that the message must name."""
        return f"tocsin.{self.fact}.v{self.version}"

    @property
    def document(self) -> dict[str, Any]:
        """The message as JSON values."""
        document: dict[str, Any] = json.loads(self.raw)
        return document

    def __str__(self) -> str:
        return f"{self.fact}/v{self.version}/{self.name}"


@cache
def examples() -> tuple[Example, ...]:
    """Every example, by its path."""
    return tuple(_example(path) for path in sorted(FOLDER.rglob("*")) if path.is_file())


def named(path: str) -> Example:
    """One example by its path, such as `LabResulted/v1/haemoglobin`."""
    return next(example for example in examples() if str(example) == path)


def _example(path: Path) -> Example:
    fact, version, file = path.relative_to(FOLDER).parts
    return Example(fact, int(version.removeprefix("v")), file.removesuffix(".json"), path.read_bytes())
