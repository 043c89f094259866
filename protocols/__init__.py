"""A trial as data: one YAML file per trial. What the public record does not give stands there as assumed."""

from importlib.resources import files


def shipped(name: str) -> str:
    """The text of a protocol that ships with Tocsin, such as `ak117_hnscc`. Raises FileNotFoundError for others."""
    return (files("protocols") / f"{name}.yaml").read_text(encoding="utf-8")


def shipped_names() -> tuple[str, ...]:
    """The names of the protocols that ship with Tocsin."""
    return tuple(
        sorted(
            entry.name.removesuffix(".yaml") for entry in files("protocols").iterdir() if entry.name.endswith(".yaml")
        )
    )
