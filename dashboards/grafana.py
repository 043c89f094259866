"""How do people read the boards in Grafana? Files that it provisions itself from: a data source, and a board per topic.

A Grafana panel is a panel of ours: its query with the typed parameters replaced by the board's variables, its columns,
its description. Texts go in quoted by Grafana; the cut is a number that the store itself answers, never beyond what is
stored, so that no conclusion is shown ahead of its facts. What is drawn as a chart on the live page is a table here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from dashboards.panels import (
    Column,
    Panel,
    Table,
    cuts,
    dosing,
    overview,
    participants,
    people,
    pipeline,
    stopping,
    toxicity,
)

MOUNTED = "/etc/grafana/provisioning"
"""Where Grafana finds the folder that is built."""

PLUGIN, PLUGIN_VERSION = "grafana-clickhouse-datasource", "4.10.0"
SOURCE = "tocsin-clickhouse"
PASSWORD = "GRAFANA_CLICKHOUSE_PASSWORD"
"""The variable of Grafana's environment that holds the password of the reader."""

BOARDS: Mapping[str, tuple[str, tuple[ModuleType, ...]]] = {
    "overview": ("Overview", (stopping, people, overview)),
    "toxicity": ("Toxicity", (toxicity,)),
    "participants": ("Participants", (participants, dosing)),
    "pipeline": ("Pipeline", (cuts, pipeline)),
}
"""Every module of panels stands on one board, which is found by this name."""

NOT_ON_BOARDS: Mapping[str, str] = {
    "instant": "it answers which position an instant means",
    "protocol": "its one cell is the whole protocol file",
}

EVERYTHING = 18_446_744_073_709_551_615
NEWEST = (
    f"SELECT least(toUInt64OrDefault(${{as_of:sqlstring}}, toUInt64({EVERYTHING})), max(position)) "
    "FROM facts WHERE trial = ${trial:sqlstring}"
)
TRIALS = "SELECT DISTINCT trial FROM facts ORDER BY trial"
CHOICES: Mapping[str, tuple[str, ...]] = {
    "basis": ("both", "reported", "laboratory"),
    "period": ("treatment", "any"),
}
"""What a reader may choose; any other parameter is a text field, or keeps what it is when nobody chooses."""

TYPED = re.compile(r"\{(\w+):(String|UInt64)\}")
HEIGHT, WIDTH = 9, 24


def build(folder: Path, host: str, port: int, user: str) -> list[Path]:
    """Writes everything that Grafana is provisioned from; gives the files."""
    files = {
        "datasources/tocsin.yaml": json.dumps(_data_sources(host, port, user), indent=2),
        "dashboards/tocsin.yaml": json.dumps(_providers(), indent=2),  # JSON is YAML
    } | {f"boards/{name}.json": json.dumps(board(name), indent=2, sort_keys=True) for name in BOARDS}
    written = []
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")
        written.append(folder / name)
    return written


def panels_of(name: str) -> list[Panel]:
    """The panels of a board, in order."""
    _, modules = BOARDS[name]
    return [panel for module in modules for panel in module.PANELS if panel.name not in NOT_ON_BOARDS]


def board(name: str) -> dict[str, Any]:
    """One board, as Grafana keeps it."""
    panels = panels_of(name)
    return {
        "uid": f"tocsin-{name}",
        "title": f"Tocsin: {BOARDS[name][0]}",
        "tags": ["tocsin"],
        "editable": False,
        "schemaVersion": 41,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {"hidden": True},
        "templating": {"list": list(_variables(panels))},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def query(panel: Panel) -> str:
    """The query of a panel, with the board's variables in the places of its parameters."""
    return TYPED.sub(lambda found: _place(panel, found[1], found[2]), panel.sql).strip()


def _place(panel: Panel, name: str, kind: str) -> str:
    if name == "as_of":
        return "toUInt64(${cut})"
    if kind == "UInt64":
        return f"toUInt64OrZero(${{{name}:sqlstring}})"
    if name == "until":
        return f"'{panel.parameters[name]}'"
    return f"${{{name}:sqlstring}}"


def _variables(panels: Iterable[Panel]) -> Iterator[dict[str, Any]]:
    yield _asked("trial", "Trial", TRIALS)
    yield {"name": "as_of", "label": "Position", "type": "textbox", "query": "now", "current": _chosen("now")}
    yield _asked("cut", "Cut", NEWEST) | {"hide": 2}
    defaults = {name: value for panel in panels for name, value in panel.parameters.items() if name != "until"}
    for name, value in defaults.items():
        label, current = name.replace("_", " ").capitalize(), _chosen(value)
        if name in CHOICES:
            yield {"name": name, "label": label, "type": "custom", "query": ",".join(CHOICES[name]), "current": current}
        else:
            yield {"name": name, "label": label, "type": "textbox", "query": str(value), "current": current}


def _asked(name: str, label: str, sql: str) -> dict[str, Any]:
    """A variable that the store answers, again whenever the board is loaded or refreshed."""
    source = {"type": PLUGIN, "uid": SOURCE}
    return {"name": name, "label": label, "type": "query", "query": sql, "datasource": source, "refresh": 2}


def _chosen(value: object) -> dict[str, str]:
    return {"text": str(value), "value": str(value)}


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    source = {"type": PLUGIN, "uid": SOURCE}
    columns = panel.encoding.columns if isinstance(panel.encoding, Table) else ()
    return {
        "id": number + 1,
        "title": panel.title,
        "description": panel.description,
        "type": "table",
        "datasource": source,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": 0, "y": number * HEIGHT},
        "targets": [
            {
                "refId": "A",
                "datasource": source,
                "rawSql": query(panel),
                "format": 1,
                "queryType": "table",
                "editorType": "sql",
                "pluginVersion": PLUGIN_VERSION,
            }
        ],
        "transformations": _arranged(columns),
        "fieldConfig": {"defaults": {"noValue": "none"}, "overrides": [_named(column) for column in columns]},
        "options": {"showHeader": True, "cellHeight": "sm"},
    }


def _arranged(columns: Iterable[Column]) -> list[dict[str, Any]]:
    """Only the columns that the panel names, in its order."""
    names = [column.name for column in columns]
    if not names:
        return []
    order = {name: number for number, name in enumerate(names)}
    return [
        {"id": "filterFieldsByName", "options": {"include": {"names": names}}},
        {"id": "organize", "options": {"indexByName": order}},
    ]


def _named(column: Column) -> dict[str, Any]:
    decimals = [{"id": "decimals", "value": 0}] if column.kind in ("number", "grade") else []
    return {
        "matcher": {"id": "byName", "options": column.name},
        "properties": [{"id": "displayName", "value": column.title}, *decimals],
    }


def _data_sources(host: str, port: int, user: str) -> dict[str, Any]:
    source = {
        "name": "Tocsin boards",
        "uid": SOURCE,
        "type": PLUGIN,
        "access": "proxy",
        "editable": False,
        "jsonData": {"host": host, "port": port, "protocol": "native", "username": user, "defaultDatabase": "tocsin"},
        "secureJsonData": {"password": f"$__env{{{PASSWORD}}}"},
    }
    return {"apiVersion": 1, "datasources": [source]}


def _providers() -> dict[str, Any]:
    provider = {
        "name": "tocsin",
        "folder": "Tocsin",
        "folderUid": "tocsin",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "options": {"path": f"{MOUNTED}/boards"},
    }
    return {"apiVersion": 1, "providers": [provider]}
