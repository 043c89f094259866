"""Do the boards of Grafana ask what the live page asks, and is every file in the form that Grafana reads?

No Grafana runs here: its substitution of variables is done as its documentation says, and every query is run on the
engine of the boards.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import grafana
from dashboards.panels import Panel, Table
from dashboards.panels.registry import PANELS
from streams.sink import Sink
from streams.store.chdb_store import Store
from tests.dashboards.test_panels import CHOSEN
from tests.dashboards.told_trial import told_trial
from tests.streams.told_ledger import ToldLedger

USED = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
ON_BOARDS = [panel for name in grafana.BOARDS for panel in grafana.panels_of(name)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grafana")
    grafana.build(folder, "clickhouse", 9000, "grafana")
    return folder


@pytest.fixture(scope="module")
def ledger() -> ToldLedger:
    told = ToldLedger()
    told.tell(*told_trial())
    told.refuse("facts.ndjson:7", "data.value", "a measured value is a JSON string", "laboratory")
    return told


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, ledger: ToldLedger) -> Iterator[Store]:
    opened = Store(tmp_path_factory.mktemp("boards") / "boards")
    Sink(opened).catch_up(ledger)
    yield opened
    opened.close()


def board(built: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((built / "boards" / f"{name}.json").read_text())
    return read


def substituted(sql: str, values: Mapping[str, str]) -> str:
    """As Grafana does: `${name}` is the text itself, `${name:sqlstring}` the text in quotes, its own quotes doubled."""

    def value(found: re.Match[str]) -> str:
        text = values[found[1]]
        return "'" + text.replace("'", "''") + "'" if found[2] == "sqlstring" else text

    return USED.sub(value, sql)


def test_every_panel_stands_on_a_board_or_it_is_said_why_not() -> None:
    assert {panel.name for panel in ON_BOARDS} | set(grafana.NOT_ON_BOARDS) == set(PANELS)
    assert len(ON_BOARDS) == len({panel.name for panel in ON_BOARDS})


@pytest.mark.parametrize("name", grafana.BOARDS)
def test_a_board_is_whole(built: Path, name: str) -> None:
    read = board(built, name)
    assert read["uid"] == f"tocsin-{name}"
    ids = [panel["id"] for panel in read["panels"]]
    assert ids == sorted(set(ids))
    places = [(panel["gridPos"]["y"], panel["gridPos"]["h"], panel["gridPos"]["w"]) for panel in read["panels"]]
    assert all(first[0] + first[1] <= second[0] for first, second in itertools.pairwise(places))
    assert all(width <= 24 for _, _, width in places)
    assert all(panel["title"] and panel["description"] for panel in read["panels"])
    variables = {variable["name"] for variable in read["templating"]["list"]}
    asked = {found[0] for panel in read["panels"] for found in USED.findall(panel["targets"][0]["rawSql"])}
    assert asked <= variables
    sources = {panel["datasource"]["uid"] for panel in read["panels"]} | {
        variable["datasource"]["uid"] for variable in read["templating"]["list"] if variable["type"] == "query"
    }
    (known,) = yaml.safe_load((built / "datasources" / "tocsin.yaml").read_text())["datasources"]
    assert sources == {known["uid"]}


def values_of(store: Store, read: Mapping[str, Any], trial: str, as_of: str) -> dict[str, str]:
    """The variables of a board, each asked of the store where it is a question."""
    values = {"trial": trial, "as_of": as_of}
    for variable in read["templating"]["list"]:
        if variable["name"] == "cut":
            (row,) = store.query(substituted(variable["query"], values))
            (values["cut"],) = map(str, row.values())
        elif variable["type"] in ("textbox", "custom"):
            values.setdefault(variable["name"], variable["current"]["value"])
    return values | {name: text for name, text in CHOSEN.items() if name in values}


@pytest.mark.parametrize("as_of", ["now", "9", "99999", "x' OR 1 = 1 --"])
@pytest.mark.parametrize("name", grafana.BOARDS)
def test_a_board_shows_the_rows_of_its_panels_at_the_cut(
    built: Path, store: Store, ledger: ToldLedger, name: str, as_of: str
) -> None:
    read = board(built, name)
    values = values_of(store, read, ledger.trial, as_of)
    last = ledger.published_up_to(ledger.trial)
    assert values["cut"] == (as_of if as_of == "9" else str(last)), "what is no position, or lies ahead, is now"
    for shown, panel in zip(read["panels"], grafana.panels_of(name), strict=True):
        chosen = {key: value for key, value in values.items() if key in panel.parameters}
        rows = store.query(substituted(shown["targets"][0]["rawSql"], values))
        assert rows == panel.rows(store, ledger.trial, int(values["cut"]), **chosen), panel.name


def test_the_trials_to_choose_from_are_those_of_the_store(built: Path, store: Store, ledger: ToldLedger) -> None:
    (variable,) = (one for one in board(built, "overview")["templating"]["list"] if one["name"] == "trial")
    assert store.query(variable["query"]) == [{"trial": ledger.trial}]


@pytest.mark.parametrize("panel", ON_BOARDS, ids=lambda panel: panel.name)
def test_a_table_shows_the_columns_of_its_panel_under_their_titles(built: Path, panel: Panel) -> None:
    (shown,) = (
        one
        for name in grafana.BOARDS
        for one, of in zip(board(built, name)["panels"], grafana.panels_of(name), strict=True)
        if of is panel
    )
    titles = {
        override["matcher"]["options"]: override["properties"][0]["value"]
        for override in shown["fieldConfig"]["overrides"]
    }
    columns = panel.encoding.columns if isinstance(panel.encoding, Table) else ()
    assert titles == {column.name: column.title for column in columns}
    assert bool(shown["transformations"]) == bool(columns)


def test_no_password_stands_in_what_is_built(built: Path) -> None:
    (source,) = yaml.safe_load((built / "datasources" / "tocsin.yaml").read_text())["datasources"]
    assert source["secureJsonData"] == {"password": "$__env{GRAFANA_CLICKHOUSE_PASSWORD}"}
    (provider,) = yaml.safe_load((built / "dashboards" / "tocsin.yaml").read_text())["providers"]
    assert provider["options"]["path"] == f"{grafana.MOUNTED}/boards"
    assert not provider["allowUiUpdates"]
