"""Which commands are there? The doors of Tocsin: NDJSON in, NDJSON out, errors on stderr, one line each.

Exit codes: 0 done · 2 wrong usage · 3 done, but some input was quarantined or could not be computed · 1 the world is
down. Everything heavy is imported where it is needed, so that a command starts at once.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NoReturn

import orjson
import typer

from tocsin.lines import Unreadable, read_line, write_line
from tocsin.working import METRICS

if TYPE_CHECKING:
    from schemas import AnyFact
    from streams.importers.sdtm.messages import Told
    from streams.intake import Message, Unusable
    from streams.kafka.connection import Connection
    from streams.ledger.reading import ReadableLedger
    from tocsin.serving import Background
    from tocsin.settings import KafkaSettings

DONE, WORLD_DOWN, WRONG_USAGE, SOME_REFUSED, DAMAGED = 0, 1, 2, 3, 4

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
importers = typer.Typer(no_args_is_help=True, help="The history of a trial that was kept elsewhere.")
calculators = typer.Typer(no_args_is_help=True, help="The bare calculators: one JSON object per line, in and out.")
protocols_ = typer.Typer(no_args_is_help=True, help="A trial as data.")
topics_ = typer.Typer(no_args_is_help=True, help="The topics of the distributed engine.")
boards_ = typer.Typer(no_args_is_help=True, help="The boards in Grafana.")
app.add_typer(importers, name="import")
app.add_typer(calculators, name="calc")
app.add_typer(protocols_, name="protocol")
app.add_typer(topics_, name="topics")
app.add_typer(boards_, name="boards")

WRITTEN_TOGETHER = 100
"""Answers of one write: a write for each would cost as much as the answer, where standard output is not buffered."""

HomeOption = Annotated[str, typer.Option("--home", help="A folder, or kafka://host:port.", metavar="HOME")]
TrialOption = Annotated[str, typer.Option("--trial", help="The trial.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="A position, or the instant at which it was known.")]


def fail(message: str, code: int) -> NoReturn:
    """One line on stderr, and the exit code."""
    print(message, file=sys.stderr)  # noqa: T201  the command line speaks
    raise typer.Exit(code)


def put(line: bytes) -> None:
    """One line on standard output."""
    sys.stdout.buffer.write(line + b"\n")


@contextmanager
def lines_of(name: str) -> Iterator[tuple[str, BinaryIO]]:
    """A file opened for reading, and what it is called in addresses; `-` is standard input."""
    if name == "-":
        yield "-", sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  closed below
    except OSError as error:
        fail(f"{name}: {error.strerror}", WRONG_USAGE)
    with file:
        yield Path(name).name, file


@contextmanager
def reading(home: str, trial: str) -> Iterator["ReadableLedger"]:
    """The ledger of a home, for reading beside whoever writes it."""
    from tocsin.homes import NoHomeError, WorldDownError, ledger_of

    try:
        with ledger_of(home) as ledger:
            if next(ledger.canonical(trial), None) is None:
                fail(f"{home}: no trial {trial}; there is {', '.join(ledger.trials()) or 'none'}", WRONG_USAGE)
            yield ledger
    except NoHomeError as error:
        fail(str(error), WRONG_USAGE)
    except WorldDownError as error:
        fail(str(error), WORLD_DOWN)


def cut_of(ledger: "ReadableLedger", trial: str, as_of: str | None) -> int | None:
    """The position that a cut names: a position, or the last one recorded by an instant; None is all there is."""
    if as_of is None:
        return None
    if as_of.isascii() and as_of.isdigit():
        position = int(as_of)
        if position and next(ledger.canonical(trial, position - 1, position), None) is None:
            fail(f"--as-of {as_of}: the ledger of {trial} ends at position {ledger.head(trial)}", WRONG_USAGE)
        return position
    try:
        instant = datetime.fromisoformat(as_of)
    except ValueError:
        fail(f"--as-of {as_of}: neither a position nor an instant such as 2026-03-14T09:12Z", WRONG_USAGE)
    return ledger.position_at(trial, instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def folder_of(home: str) -> Path:
    """The folder of a home that a command writes by itself."""
    from tocsin.homes import on_kafka

    if on_kafka(home):
        fail(f"{home}: this command works on a folder", WRONG_USAGE)
    return Path(home)


@app.command()
def ingest(
    file: Annotated[str, typer.Argument(help="NDJSON, or a folder of it; - is standard input.")],
    home: HomeOption,
    kafka: Annotated[bool, typer.Option("--kafka", help="The home must be on Kafka.")] = False,  # noqa: FBT002
) -> None:
    """Facts, one per line; prints what became of each, or on Kafka where each stands."""
    from streams.lines import files_of, rereadable
    from tocsin.homes import on_kafka

    if kafka and not on_kafka(home):
        fail(f"--kafka: {home} is no kafka://host:port", WRONG_USAGE)
    try:
        for path in files_of(Path(file)) if file != "-" else ():
            path.open("rb").close()
    except OSError as error:
        fail(f"{file}: {error.strerror or error}", WRONG_USAGE)
    refused = False
    with rereadable(file, sys.stdin.buffer) if on_kafka(home) else _once(file) as messages:
        for outcome in _delivered(home, messages, "tocsin ingest", promptly=file == "-"):
            put(orjson.dumps(outcome))
            if file == "-":  # whoever sends may wait for the answer
                sys.stdout.buffer.flush()
            if outcome["outcome"] in REFUSED:
                refused = True
                _complain(outcome)
    raise typer.Exit(SOME_REFUSED if refused else DONE)


def _complain(outcome: dict[str, Any]) -> None:
    """A message that was not taken, for people: one line on stderr, with its file, line and field."""
    place = ": ".join(filter(None, (outcome["address"], outcome.get("path"))))
    print(f"{place}: {outcome['outcome']}: {outcome['message']}", file=sys.stderr)  # noqa: T201


REFUSED = ("quarantined", "conflict", "not_sent")

Messages = Callable[[], "Iterable[Message | Unusable]"]
"""What gives the messages to deliver; each time it is asked, all of them."""


@contextmanager
def _once(file: str) -> Iterator[Messages]:
    from streams.lines import messages

    yield lambda: messages(file, sys.stdin.buffer)


def _delivered(home: str, messages: Messages, what: str, *, promptly: bool = False) -> Iterator[dict[str, Any]]:
    from tocsin.homes import on_kafka

    yield from _sent(home, messages) if on_kafka(home) else _written(Path(home), messages, what, promptly=promptly)


def _written(home: Path, messages: Messages, what: str, *, promptly: bool) -> Iterator[dict[str, Any]]:
    import httpx

    from streams.delivery import deliver
    from streams.holding import HomeBusyError

    try:
        yield from deliver(home, messages(), what, promptly=promptly)
    except HomeBusyError as error:
        fail(str(error), WORLD_DOWN)
    except httpx.HTTPError as error:
        fail(f"{home} is being served, but does not answer: {error}", WORLD_DOWN)


def _sent(home: str, messages: Messages) -> Iterator[dict[str, Any]]:
    from streams.kafka.sending import run_of, send

    run, total = run_of(messages())
    with _broker(home) as (connection, _):
        yield from _with_progress(send(connection, messages(), run), total)


@app.command()
def serve(
    home: HomeOption,
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8117,
    clickhouse: Annotated[
        str | None, typer.Option(help="host:port of the boards' store. [env: TOCSIN_CLICKHOUSE]")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="For a store of our own, where no server is named.")] = None,
) -> None:
    """Intake over HTTP and the live page on a home, on loopback.

    Of a home on Kafka the boards are read from the ClickHouse server that the sink fills or, where none is named, from
    a copy made in this process.
    """
    from tocsin.homes import on_kafka

    if on_kafka(home):
        _served_from_kafka(home, port, clickhouse, state)
    else:
        _served(folder_of(home), port, ())
    _leave()


def _served_from_kafka(home: str, port: int, clickhouse: str | None, state: Path | None) -> None:
    from streams.store import StoreError
    from tocsin.serving_kafka import serve as serving
    from tocsin.settings import store_server
    from tocsin.working import default_state

    try:
        with _broker(home) as (connection, _):
            serving(connection, store_server(clickhouse), state or default_state(), port, _says_where)
    except StoreError as error:
        fail(str(error), WORLD_DOWN)
    except ValueError as error:
        fail(str(error), WRONG_USAGE)
    except OSError as error:
        fail(f"{error.filename or f'port {port}'}: {error.strerror or error}", WORLD_DOWN)


def _says_where(url: str) -> None:
    _say(f"Live page: {url}/")


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C is how it ends, also before the server takes calls."""
    try:
        yield
    except KeyboardInterrupt:
        _say("")


def _leave() -> NoReturn:
    """Everything is closed by now; what the store's engine does at an ordinary exit takes long and helps nobody."""
    sys.stdout.flush()
    os._exit(DONE)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


@app.command()
def demo(
    participants: Annotated[int, typer.Option(min=1, max=5_000)] = 60,
    speed: Annotated[float, typer.Option(min=0.01, help="1 plays eighteen months in about two minutes.")] = 1.0,
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8117,
) -> None:
    """The AK117 trial, simulated, from raw message to live page. Every run starts afresh."""
    import tempfile

    from protocols import shipped
    from tocsin.demonstration import playing

    with _until_interrupted(), tempfile.TemporaryDirectory(prefix="tocsin-demo-") as folder:
        _say(f"An invented AK117 trial of {participants} participants, started afresh.")
        _say(f"Home, until it is stopped: {folder}")
        _served(Path(folder), port, (playing(shipped("ak117_hnscc"), participants, speed, _say),))
    _leave()


def _served(home: Path, port: int, background: "Sequence[Background]") -> None:
    from streams.holding import HomeBusyError
    from tocsin.serving import serve as serving

    try:
        with _until_interrupted():
            serving(home, port, background=background, ready=_says_where)
    except HomeBusyError as error:
        fail(str(error), WORLD_DOWN)
    except OSError as error:
        fail(f"{error.filename or f'port {port}'}: {error.strerror or error}", WORLD_DOWN)


@app.command()
def simulate(
    protocol: Annotated[Path, typer.Option(help="The trial's protocol file.")],
    scenario: Annotated[str, typer.Option(help="What happens in the trial.")] = "default",
    participants: Annotated[int, typer.Option(min=1, max=100_000)] = 60,
    seed: int = 112,
) -> None:
    """A complete ledger's worth of an invented trial, as NDJSON that `ingest` takes as it is."""
    from clinical.protocol import ProtocolError
    from streams.simulation import SCENARIOS
    from streams.simulation import simulate as invented

    if scenario not in SCENARIOS:
        fail(f"--scenario {scenario}: one of {', '.join(SCENARIOS)}", WRONG_USAGE)
    try:
        for line in invented(_text_of(protocol) or "", scenario, participants, seed):
            put(line)
    except ProtocolError as error:
        fail(f"{protocol}: {error}", WRONG_USAGE)


@importers.command("sdtm")
def import_sdtm(
    folder: Annotated[Path, typer.Argument(help="A folder of SDTM transport files (XPT).")],
    home: HomeOption,
    trial: TrialOption,
    protocol: Annotated[Path, typer.Option(help="The trial's protocol file.")],
    as_if_live: Annotated[  # noqa: FBT002
        bool, typer.Option("--as-if-live", help="Each fact when it would have been known, under a simulated clock.")
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="Days of the trial in a second, as if live.", show_default="as fast as possible"),
    ] = None,
) -> None:
    """Reads the domains DM, DS, EX, AE, SUPPAE, LB, VS, TU, TR and RS; accounts for every row."""
    from clinical.protocol import ProtocolError
    from streams.importers.sdtm import UnreadableError, paced, read_trial
    from tocsin.homes import WorldDownError, on_kafka
    from tocsin.importing import Taken, clock_of, report

    if speed is not None and (not as_if_live or on_kafka(home)):
        fail("--speed: only with --as-if-live, into a folder", WRONG_USAGE)
    begin = time.perf_counter()
    try:
        told = read_trial(folder, trial, _text_of(protocol) or "", datetime.now(UTC) if as_if_live else None)
    except UnreadableError as error:
        fail(str(error), WRONG_USAGE)
    except ProtocolError as error:
        fail(f"{protocol}: {error}", WRONG_USAGE)
    try:
        clock = clock_of(home, trial)
    except WorldDownError as error:
        fail(str(error), WORLD_DOWN)
    if clock not in (None, told.clock):
        fail(f"{home}: {trial} is stamped by the {clock} clock; {told.clock} facts would not fit in", WRONG_USAGE)
    sent = told if speed is None else paced(told, speed)
    outcomes = _delivered(home, lambda: _as_messages(sent, trial), "tocsin import", promptly=speed is not None)
    progress = outcomes if on_kafka(home) else _with_progress(outcomes, len(told.told))
    taken = Taken(told)
    for item, outcome in zip(told, progress, strict=True):
        taken.enter(item, outcome)
    report(taken, home, trial, time.perf_counter() - begin)
    raise typer.Exit(SOME_REFUSED if taken.refused() else DONE)


def _as_messages(told: "Iterable[Told]", trial: str) -> "Iterator[Message | Unusable]":
    from streams.importers.sdtm import Unusable as UnusableRow
    from streams.intake import Message, Unusable

    for item in told:
        if isinstance(item, UnusableRow):
            yield Unusable(item.raw, item.address, trial, item.path, item.reason)
        else:
            yield Message(item.raw, item.address)


def _with_progress(outcomes: Iterator[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("facts", total=total)
        for number, outcome in enumerate(outcomes, 1):
            if not number % 500 or number == total:
                progress.update(task, completed=number)
            yield outcome


@app.command()
def findings(
    home: HomeOption,
    trial: TrialOption,
    as_of: AsOf = None,
    happened_by: Annotated[str | None, typer.Option(help="Only what had happened by this day.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only findings of this kind.")] = None,
) -> None:
    """What stands, as canonical NDJSON, by key."""
    from schemas.findings import KINDS
    from streams import replay as replaying

    if kind is not None and kind not in KINDS:
        fail(f"--kind {kind}: one of {', '.join(KINDS)}", WRONG_USAGE)
    day = _day(happened_by)
    with reading(home, trial) as ledger:
        for line in replaying.findings(trial, ledger.facts(trial, until=cut_of(ledger, trial, as_of)), kind, day):
            put(line)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        fail(f"--happened-by {text}: a day is written YYYY-MM-DD", WRONG_USAGE)


@app.command()
def replay(
    home: HomeOption,
    trial: TrialOption,
    as_of: AsOf = None,
    protocol: Annotated[Path | None, typer.Option(help="As if this protocol had been in force.")] = None,
    ctcae: Annotated[str | None, typer.Option(help="As if this version of CTCAE had been in force.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="What would stand otherwise: for whom, when, why.")] = False,  # noqa: FBT002
) -> None:
    """Every change, from the ledger alone; nothing is sent."""
    from clinical.protocol import ProtocolError, read_protocol
    from streams import differences as comparing
    from streams import replay as replaying

    text = _text_of(protocol)
    if ctcae not in (None, "5.0", "6.0"):
        fail(f"--ctcae {ctcae}: 5.0 or 6.0", WRONG_USAGE)
    if text is not None:
        try:
            read_protocol(text)
        except ProtocolError as error:
            fail(f"{protocol}: {error}", WRONG_USAGE)
    with reading(home, trial) as ledger:
        until = cut_of(ledger, trial, as_of)
        if diff and until is None:  # both readings are of one cut
            until = ledger.head(trial)

        def instead() -> "Iterator[tuple[int, AnyFact]]":
            return replaying.under(ledger.facts(trial, until=until), text, ctcae)

        if not diff:
            for line in replaying.replay(trial, instead()):
                put(line)
            return
        in_force = replaying.standing(trial, ledger.facts(trial, until=until))
        found = list(comparing.differences(trial, in_force, replaying.standing(trial, instead())))
    for difference in found:
        put(comparing.line(difference))
    print(comparing.summary(found), file=sys.stderr)  # noqa: T201


@app.command()
def history(
    home: HomeOption,
    trial: TrialOption,
    record: Annotated[str | None, typer.Option(help="Of one record.")] = None,
    participant: Annotated[str | None, typer.Option(help="Of one participant.")] = None,
    finding: Annotated[str | None, typer.Option(help="Of one finding, by its key or an id.")] = None,
) -> None:
    """Every revision and change, with who, when and why, as NDJSON."""
    from streams.history import About
    from streams.history import history as told

    if sum(chosen is not None for chosen in (record, participant, finding)) > 1:
        fail("one of --record, --participant and --finding", WRONG_USAGE)
    with reading(home, trial) as ledger:
        about = About(record, participant, finding)
        nothing = True
        for line in told(trial, ledger.facts(trial), about, lambda position: ledger.opened(trial, position)):
            nothing = False
            put(line)
    if nothing:
        fail(f"{trial} knows of no {record or participant or finding}", WRONG_USAGE)


@app.command()
def move(
    source: Annotated[str, typer.Option("--from", help="The home that has the trial.", metavar="HOME")],
    target: Annotated[str, typer.Option("--to", help="The home that will have it too.", metavar="HOME")],
    trial: Annotated[str | None, typer.Option(help="One trial; without it all, and all that is quarantined.")] = None,
) -> None:
    """Carries trials from one home to another, in either engine, and compares; cut off, it is repeated."""
    from streams.moving import OtherFactsError, move_refusals_of_no_trial, moved_line
    from streams.moving import move as moving
    from tocsin.homes import NoHomeError, WorldDownError, carrier_of, exists

    if not exists(source):
        fail(f"{source}: no ledger here", WRONG_USAGE)
    try:
        with carrier_of(source, "tocsin move") as here, carrier_of(target, "tocsin move") as there:
            trials = here.trials() if trial is None else (trial,)
            if trial is not None and not here.head(trial):
                fail(f"{source}: no trial {trial}; there is {', '.join(here.trials()) or 'none'}", WRONG_USAGE)
            equal = True
            for name in trials:
                told = moving(here, there, name)
                put(orjson.dumps(moved_line(told)))
                equal &= told.equal
            if trial is None:
                put(orjson.dumps({"trial": None, "quarantined": move_refusals_of_no_trial(here, there)}))
    except (NoHomeError, OtherFactsError) as error:
        fail(str(error), WRONG_USAGE)
    except WorldDownError as error:
        fail(str(error), WORLD_DOWN)
    raise typer.Exit(DONE if equal else DAMAGED)


def _text_of(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: cannot be read ({error})", WRONG_USAGE)


@protocols_.command("check")
def protocol_check(file: Path) -> None:
    """Reads a protocol file, and says what it holds, what is assumed, or what is wrong and where."""
    from clinical.cohort_rules import boundary_of
    from clinical.protocol import ProtocolError, read_protocol

    text = _text_of(file)
    try:
        protocol = read_protocol(text or "")
    except ProtocolError as error:
        for path, message in error.problems:
            print(f"{file}: {path or '(whole file)'}: {message}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(WRONG_USAGE) from error
    rules = [
        {"id": rule.id, "looks": list(boundary_of(rule).looks), "stop_at": list(boundary_of(rule).stop_at)}
        for rule in protocol.cohort_rules
    ]
    put(
        orjson.dumps(
            {
                "protocol": protocol.id,
                "version": protocol.version,
                "trial": protocol.trial,
                "ctcae": protocol.ctcae,
                "groups": {name: group.name for name, group in protocol.groups.items()},
                "participant_rules": [
                    {"id": rule.id, "basis": rule.basis, "says": f"{rule.sentence}. Then: {rule.says}."}
                    for rule in protocol.participant_rules
                ],
                "terms_outside_ctcae": protocol.terms_outside_ctcae,
                "cohort_rules": rules,
                "assumed": protocol.assumed,
            }
        )
    )


Replication = Annotated[
    int | None,
    typer.Option(min=1, help="Copies of every message; without it as TOCSIN_KAFKA_REPLICATION says.", show_default="3"),
]


@topics_.command("create")
def topics_create(
    home: HomeOption,
    partitions: Annotated[int | None, typer.Option(min=1, help="Of every topic, for good.", show_default="8")] = None,
    replication: Replication = None,
) -> None:
    """Makes the topics that are missing; one line for each, then whatever is wrong with those that were there."""
    from streams.kafka import topics

    with _broker(home) as (connection, settings):
        for name in topics.create(connection, partitions, replication or settings.replication):
            put(orjson.dumps({"topic": name, "created": True}))
    topics_check(home, replication)


@topics_.command("check")
def topics_check(home: HomeOption, replication: Replication = None) -> None:
    """Names every setting of a topic that is not as it must be, one per line; ends with 1 where there is any."""
    from streams.kafka import topics

    with _broker(home) as (connection, settings):
        problems = topics.check(connection, replication or settings.replication)
    for problem in problems:
        put(orjson.dumps(asdict(problem)))
        print(problem, file=sys.stderr)  # noqa: T201
    raise typer.Exit(WORLD_DOWN if problems else DONE)


@contextmanager
def _broker(home: str) -> Iterator[tuple["Connection", "KafkaSettings"]]:
    """The connection to a home on Kafka, for a command that works on nothing else."""
    from tocsin.homes import NoHomeError, WorldDownError, broker_of

    try:
        with broker_of(home) as found:
            yield found
    except NoHomeError as error:
        fail(str(error), WRONG_USAGE)
    except WorldDownError as error:
        fail(str(error), WORLD_DOWN)


@app.command()
def worker(
    names: Annotated[list[str], typer.Argument(help="intake, monitor, alerts, sink.", metavar="NAME…")],
    home: Annotated[str, typer.Option(help="The home on Kafka.", metavar="kafka://host:port")],
    replica: Annotated[str | None, typer.Option("--id", help="Its name, kept over restarts. [default: host]")] = None,
    state: Annotated[Path | None, typer.Option(help="For what shortens a restart, and for alerts.")] = None,
    metrics: Annotated[str, typer.Option(help="Where Prometheus asks: first agent's address, or off.")] = METRICS,
    by_event: Annotated[bool, typer.Option(help="Event by event: some twenty times slower.")] = False,  # noqa: FBT002
    single: Annotated[bool, typer.Option(help="One agent, not started again when it fails.")] = False,  # noqa: FBT002
) -> None:
    """Runs agents of the distributed engine, each in a process of its own, until SIGTERM."""
    from tocsin.working import Asked, alone, default_replica, default_state, supervised

    asked = Asked(names, home, replica or default_replica(), state or default_state(), metrics, by_event)
    try:
        if not single:
            raise typer.Exit(supervised(asked))
        alone(asked)
    except ValueError as error:
        fail(str(error), WRONG_USAGE)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", WRONG_USAGE)


@boards_.command("build")
def boards_build(
    out: Annotated[Path, typer.Option(help="The folder; mounted as what Grafana is provisioned from.", metavar="DIR")],
    clickhouse: Annotated[str, typer.Option(help="host:port, as Grafana reaches it.")] = "clickhouse:9000",
    user: Annotated[str, typer.Option(help="Whom Grafana reads as.")] = "grafana",
) -> None:
    """Writes what Grafana is provisioned from: the data source, and a board for each topic."""
    from dashboards.grafana import build
    from tocsin.settings import store_address

    try:
        for file in build(out, *store_address(clickhouse), user):
            print(file)  # noqa: T201
    except ValueError as error:
        fail(str(error), WRONG_USAGE)
    except OSError as error:
        fail(f"{out}: {error.strerror}", WRONG_USAGE)


@calculators.command("grade")
def calc_grade(file: Annotated[str, typer.Argument(help="NDJSON; - is standard input.")] = "-") -> None:
    """CTCAE grades of values."""
    from clinical.ctcae import calculate_grade

    _calculate(file, calculate_grade)


def _calculate(file: str, calculate: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """One answer per line, in order; a line that cannot be computed says so, and the exit code too."""
    refused = False
    with lines_of(file) as (_, lines):
        while answers := [_answer(line, calculate) for line in islice(lines, WRITTEN_TOGETHER)]:
            refused |= any("error" in answer for answer in answers)
            put(b"\n".join(map(write_line, answers)))
    raise typer.Exit(SOME_REFUSED if refused else DONE)


def _answer(line: bytes, calculate: Callable[[dict[str, object]], dict[str, object]]) -> dict[str, object]:
    request = read_line(line)
    return {"id": request.id, "error": request.why} if isinstance(request, Unreadable) else calculate(request)


def main() -> None:
    """The command `tocsin`. A reader that goes away early is no error of ours; that the world is down is one line."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
    except (OSError, sqlite3.Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(WORLD_DOWN)
