"""`python -m tests.stories` writes docs/behaviour.md anew, to be committed with the stories."""

from pathlib import Path

from tests.stories.rendering import page

BEHAVIOUR = Path(__file__).parents[2] / "docs" / "behaviour.md"


def main() -> None:
    """Writes the page."""
    BEHAVIOUR.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
