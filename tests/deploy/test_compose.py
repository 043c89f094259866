"""Does everything that the compose file names exist, and would each of its commands and variables be understood?"""

import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml

from dashboards import grafana
from dashboards.live.guard import OWN_NAMES
from streams.app import AGENTS
from streams.kafka.connection import Connection
from tocsin.command_line import app
from tocsin.settings import kafka_settings, store_server
from tocsin.working import METRICS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
REQUIRED = {"CLICKHOUSE_PASSWORD", "GRAFANA_CLICKHOUSE_PASSWORD", "GRAFANA_PASSWORD"}
BY_MAKE = {"REPLICATION", "VOTERS", "BOOTSTRAP", "HOST_BOOTSTRAP"}
GIVEN = {name: f"given-{name.lower()}" for name in REQUIRED}


def compose(**given: str) -> dict[str, Any]:
    """The file with its variables as these and the required ones are given."""

    def value(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        return (GIVEN | given).get(name) or (default if kind == "-" else "")

    read: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, TEXT))
    return read


def three() -> Mapping[str, str]:
    """What `make up BROKERS=3` sets."""
    made = re.search(r"^THREE := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert made
    return dict(word.split("=", 1) for word in shlex.split(made[1].replace("\\\n", " ")))


COMPOSE = compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("tocsin:")}
ONCE = {"topics", "boards"}


def mounts(service: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for one in service.get("volumes", ()):
        source, target, *mode = one.split(":")
        yield source, target, "".join(mode)


def test_every_required_variable_is_a_password_and_every_other_is_set_by_make_or_has_a_default() -> None:
    kinds = {name: kind for name, kind, _ in VARIABLE.findall(TEXT)}
    assert {name for name, kind in kinds.items() if kind == "?"} == REQUIRED
    assert {name for name, kind in kinds.items() if kind == "-"} == BY_MAKE
    assert set(kinds) == REQUIRED | BY_MAKE
    assert set(three()) == BY_MAKE | {"COMPOSE_PROFILES"}


def test_no_password_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if "PASSWORD" in variable and not variable.endswith("_FILE"):
                assert value in GIVEN.values(), f"{name}: {variable}"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_mounts_exists_and_a_file_of_ours_cannot_be_changed_from_inside(name: str) -> None:
    for source, target, mode in mounts(SERVICES[name]):
        assert target.startswith("/")
        if source.startswith("."):
            assert (ROOT / source).is_file()
            assert mode == "ro"
        else:
            assert source in COMPOSE["volumes"]


def test_every_volume_is_mounted_and_only_the_boards_are_shared() -> None:
    used = [source for service in SERVICES.values() for source, _, _ in mounts(service) if not source.startswith(".")]
    assert set(used) == set(COMPOSE["volumes"])
    assert {source for source in used if used.count(source) > 1} == {"boards"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_services_are_looked_after(name: str) -> None:
    service = SERVICES[name]
    _, _, tag = service["image"].partition(":")
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?", tag)
    assert name in ONCE or "healthcheck" in service
    assert service["restart"] == ("on-failure" if name in ONCE else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))
    assert ("network_mode" in SERVICES[name]) == (name == "serve"), "whoever asks nobody stays on loopback"
    assert "127.0.0.1" in OWN_NAMES


def understood(words: list[str]) -> dict[str, Any]:
    """The parameters of a command of ours. Fails where it would not be understood."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    parameters: dict[str, Any] = command.make_context("tocsin", list(words)).params
    return parameters


@pytest.mark.parametrize("given", [{}, three()], ids=["one broker", "three brokers"])
@pytest.mark.parametrize("name", OURS)
def test_every_command_of_ours_is_understood(name: str, given: Mapping[str, str]) -> None:
    said = understood([str(word) for word in compose(**given)["services"][name]["command"]])
    if name == "boards":
        return
    reached = Connection.to(said["home"]).bootstrap
    assert len(reached) == (3 if given else 1)
    advertised = " ".join(
        service.get("environment", {}).get("KAFKA_ADVERTISED_LISTENERS", "")
        for service in compose(**given)["services"].values()
    )
    known = set(re.findall(r"//([\w.-]+:\d+)", advertised))
    assert set(reached) <= known
    if name == "topics":
        assert said["replication"] == len(reached)
    state = said.get("state")
    assert state is None or str(state) in {target for _, target, _ in mounts(OURS[name])}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_ours_is_a_setting(name: str, tmp_path: Path) -> None:
    environment = {key: str(value) for key, value in OURS[name].get("environment", {}).items()}
    secret = environment.get("TOCSIN_CLICKHOUSE_PASSWORD_FILE")
    if secret is not None:
        assert secret == f"/run/secrets/{OURS[name]['secrets'][0]}"
        assert COMPOSE["secrets"][OURS[name]["secrets"][0]] == {"environment": "CLICKHOUSE_PASSWORD"}
        environment["TOCSIN_CLICKHOUSE_PASSWORD_FILE"] = str(tmp_path / "secret")
        (tmp_path / "secret").write_text("a secret\n")
    assert kafka_settings(environment).replication == 1
    server = store_server(None, environment)
    assert (server is not None) == (name in ("sink", "serve"))
    if server is not None:
        host = "clickhouse" if name == "sink" else "127.0.0.1"
        assert (server.host, server.port, server.user, server.password) == (host, 9000, "tocsin", "a secret")
        assert SERVICES["clickhouse"]["environment"]["CLICKHOUSE_USER"] == server.user


def test_every_agent_has_a_service_that_is_asked_where_it_answers() -> None:
    first = int(METRICS.rpartition(":")[2])
    for number, name in enumerate(AGENTS):
        service = SERVICES[name]
        assert service["command"][:2] == ["worker", name]
        assert service["depends_on"]["topics"] == {"condition": "service_completed_successfully"}
        (asked,) = re.findall(r"'(http://[^']+)'", service["healthcheck"]["test"][-1])
        assert urlsplit(asked)[1:3] == (f"127.0.0.1:{first + number}", "/metrics")


def test_the_page_is_asked_where_it_answers() -> None:
    service = SERVICES["serve"]
    port = service["command"][service["command"].index("--port") + 1]
    assert f"http://127.0.0.1:{port}/healthz" in service["healthcheck"]["test"][-1]


def test_three_brokers_vote_for_one_another_and_keep_three_copies() -> None:
    services = compose(**three())["services"]
    brokers = {name: service for name, service in services.items() if name.startswith("kafka-")}
    assert len(brokers) == 3
    for name, service in brokers.items():
        environment = service["environment"]
        assert name == f"kafka-{environment['KAFKA_NODE_ID']}"
        assert environment["KAFKA_CONTROLLER_QUORUM_VOTERS"] == ",".join(f"{n[-1]}@{n}:9093" for n in brokers)
        assert environment["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"] in (3, "3")
        (published,) = service["ports"]
        assert published.removeprefix("127.0.0.1:").split(":")[0] in environment["KAFKA_ADVERTISED_LISTENERS"]
        assert service.get("profiles", ["three"]) == ["three"]
    assert "profiles" not in brokers["kafka-1"]


def test_what_grafana_is_provisioned_from_is_what_we_build() -> None:
    built = {source: target for source, target, _ in mounts(SERVICES["boards"])}
    read = {source: target for source, target, _ in mounts(SERVICES["grafana"])}
    said = understood([str(word) for word in SERVICES["boards"]["command"]])
    assert str(said["out"]) == built["boards"]
    assert read["boards"] == grafana.MOUNTED
    assert SERVICES["grafana"]["environment"]["GF_INSTALL_PLUGINS"] == f"{grafana.PLUGIN} {grafana.PLUGIN_VERSION}"
    assert grafana.PASSWORD in SERVICES["grafana"]["environment"]


def test_grafana_reads_as_somebody_who_can_only_read() -> None:
    (file,) = (source for source, _, _ in mounts(SERVICES["clickhouse"]) if source.startswith("."))
    tree = ET.parse(ROOT / file)
    said = understood([str(word) for word in SERVICES["boards"]["command"]])
    reader = tree.find(f"users/{said['user']}")
    assert reader is not None
    password, profile = reader.find("password"), reader.findtext("profile")
    assert password is not None
    assert password.get("from_env") == grafana.PASSWORD
    assert not password.text
    assert tree.findtext(f"profiles/{profile}/readonly") == "2"
    database = SERVICES["clickhouse"]["environment"]["CLICKHOUSE_DB"]
    assert [query.text for query in reader.findall("grants/query")] == [f"GRANT SELECT ON {database}.*"]


DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_is_locked_by_hash_and_runs_as_nobody_in_particular() -> None:
    assert "--require-hashes -r /tmp/requirements.lock" in DOCKERFILE
    users = re.findall(r"^USER (\w+)", DOCKERFILE, re.M)
    assert users
    assert "0" not in users
    assert "root" not in users
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.M))
    assert 'ENTRYPOINT ["python", "-m", "tocsin"]' in DOCKERFILE


def test_the_image_holds_every_package_and_nothing_that_is_not_let_in() -> None:
    copied = set(re.findall(r"^COPY (?!--)(\S+)", DOCKERFILE, re.M))
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= copied
