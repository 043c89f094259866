"""How fast is a trial computed again from its ledger? Beside parsing, and beside another event store."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import schemas
from benchmarks.event_store import EventStore
from benchmarks.importing import imported
from benchmarks.measuring import in_turns, rate, ratio, told
from clinical.fold import evolve
from clinical.state import Trial
from protocols import shipped
from streams.intake import Intake, Message
from streams.ledger.sqlite import Ledger
from streams.replay import replay
from streams.simulation import simulate

BATCH = 1_000


def measure() -> None:
    """Prints both trials: the simulated one, and the real one where there is one."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "simulated.sqlite"
        ledger = Ledger(file)
        intake = Intake(ledger)
        said = [Message(raw, "simulated") for raw in simulate(shipped("ak117_hnscc"))]
        for at in range(0, len(said), BATCH):
            intake.receive(said[at : at + BATCH])
        ledger.close()
        beside("a simulated AK117 trial", file, 5)
        real = imported(Path(folder))
        if real is not None:
            beside("the real trial", real, 2)


def beside(name: str, file: Path, rounds: int) -> None:
    """Prints what parsing, replay and the other store make of one ledger."""
    ledger = Ledger.reading(file)
    (trial,) = ledger.trials()
    raws = [raw for _, raw in ledger.canonical(trial)]
    store = EventStore(file.with_suffix(".events"), (fact for _, fact in ledger.facts(trial)))

    def replayed() -> int:
        return sum(1 for _ in replay(trial, ledger.facts(trial)))

    def folded() -> Trial:
        state = Trial(trial)
        for position, fact in ledger.facts(trial):
            state = evolve(state, fact, position)
        return state

    kinds = Counter(fact.type.split(".")[1] for _, fact in ledger.facts(trial)).most_common(4)
    print(f"replay of {name}: {len(raws):,} facts ({', '.join(f'{many:,} {kind}' for kind, many in kinds)}, …)")
    works: dict[str, Callable[[], object]] = {
        "parse": lambda: parsed(raws),
        "replay": replayed,
        "fold": folded,
        "store": store.replay,
    }
    taken = in_turns(works, rounds)
    store.close()
    ledger.close()
    rate("parse(bytes) alone", len(raws), taken["parse"])
    rate("replay: read, fold, conclude, write", len(raws), taken["replay"])
    rate("read and fold alone, nothing concluded", len(raws), taken["fold"])
    rate("eventsourcing on SQLite: read and keep", len(raws), taken["store"])
    told("replay to parse", ratio(taken["replay"], taken["parse"]), "at least 0.2")
    told("replay to eventsourcing", ratio(taken["replay"], taken["store"]), "at least 2")
    told("fold alone to eventsourcing", ratio(taken["fold"], taken["store"]), "none")


def parsed(raws: list[bytes]) -> None:
    """Every message through the door."""
    for raw in raws:
        if isinstance(schemas.parse(raw), schemas.Refusal):
            raise LookupError("a fact of the ledger is refused at the door")


if __name__ == "__main__":
    measure()
