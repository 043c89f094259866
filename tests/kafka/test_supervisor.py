"""Is a worker that dies started again, and one that refuses to work not?"""

import os
import signal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import sleep

from streams.kafka.leaving import FAILED, REFUSED
from streams.kafka.supervisor import supervise
from tests.forking import FORKING
from tests.kafka.waiting import eventually


def lives(folder: Path, name: str) -> list[int]:
    """The processes that one piece of work had, in order."""
    file = folder / name
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def supervising(folder: str, names: tuple[str, ...]) -> None:
    def begun(name: str) -> None:
        with (Path(folder) / name).open("a") as file:
            file.write(f"{os.getpid()}\n")

    def falls() -> None:
        begun("falls")
        if len(lives(Path(folder), "falls")) < 3:
            raise SystemExit(FAILED)
        sleep(600)

    def steady() -> None:
        begun("steady")
        sleep(600)

    def refuses() -> None:
        begun("refuses")
        raise SystemExit(REFUSED)

    works = {"falls": falls, "steady": steady, "refuses": refuses}
    raise SystemExit(supervise({name: works[name] for name in names}))


def supervisor(folder: Path, *names: str) -> ForkServerProcess:
    process = FORKING.Process(target=supervising, args=(str(folder), names))
    process.start()
    return process


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_who_dies_is_started_again_while_another_works_on_and_all_end_with_a_signal(tmp_path: Path) -> None:
    process = supervisor(tmp_path, "falls", "steady")
    pids = eventually(lambda: lives(tmp_path, "falls"), lambda pids: len(pids) == 3)
    (steady,) = lives(tmp_path, "steady")
    assert not gone(steady)
    assert process.pid
    os.kill(pids[2], signal.SIGKILL)
    pids = eventually(lambda: lives(tmp_path, "falls"), lambda pids: len(pids) == 4)
    assert lives(tmp_path, "steady") == [steady]
    os.kill(process.pid, signal.SIGTERM)
    process.join(60)
    assert process.exitcode == 0
    assert all(map(gone, [*pids, steady]))


def test_who_refuses_to_work_ends_the_whole_with_its_word(tmp_path: Path) -> None:
    process = supervisor(tmp_path, "falls", "steady", "refuses")
    process.join(60)
    assert process.exitcode == REFUSED
    assert len(lives(tmp_path, "refuses")) == 1
    assert all(map(gone, [*lives(tmp_path, "falls"), *lives(tmp_path, "steady")]))
