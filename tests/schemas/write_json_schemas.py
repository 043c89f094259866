"""Which contracts are committed? `python -m tests.schemas.write_json_schemas` writes `schemas/json` anew."""

import json
from pathlib import Path

from schemas.contracts import contracts

FOLDER = Path(__file__).parents[2] / "schemas" / "json"


def committed_text(schema: dict[str, object]) -> str:
    """The text of a contract as it is committed: one key a line, so that a change is a line in review."""
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Writes every contract, and removes what is the contract of nothing."""
    FOLDER.mkdir(exist_ok=True)
    texts = {f"{name}.json": committed_text(schema) for name, schema in contracts().items()}
    for path in FOLDER.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
