"""How fast are laboratory values graded, beside pydantic reading the same records? The function, and file to file.

The rows are those of a trial with twelve laboratories: twenty terms, each under the limits of each laboratory, values
of three digits around and beyond them, one in three with a baseline. Every row has its own id and its own answer.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict

from benchmarks.measuring import Spent, in_turns, rate, ratio, told
from clinical.ctcae import Baseline, Measurement, grade

SIZES = (100_000, 1_000_000)
BLOCK = 100_000
LABORATORIES = 12

# term, direction, unit, usual limits (the middle of what the laboratories differ around), step of the value
ASKED: tuple[tuple[str, str, str, float, float, str], ...] = (
    ("Anemia", "low", "g/L", 120, 160, "1"),
    ("Neutrophil count decreased", "low", "10^9/L", 1.8, 7.5, "0.01"),
    ("Platelet count decreased", "low", "10^9/L", 150, 400, "1"),
    ("White blood cell decreased", "low", "10^9/L", 4.0, 11.0, "0.01"),
    ("Lymphocyte count decreased", "low", "10^9/L", 1.0, 4.0, "0.01"),
    ("Alanine aminotransferase increased", "high", "U/L", 5, 40, "1"),
    ("Aspartate aminotransferase increased", "high", "U/L", 5, 40, "1"),
    ("Blood bilirubin increased", "high", "umol/L", 3, 21, "0.1"),
    ("Alkaline phosphatase increased", "high", "U/L", 40, 130, "1"),
    ("GGT increased", "high", "U/L", 8, 60, "1"),
    ("Creatinine increased", "high", "umol/L", 50, 100, "1"),
    ("Hyperkalemia", "high", "mmol/L", 3.5, 5.1, "0.01"),
    ("Hypokalemia", "low", "mmol/L", 3.5, 5.1, "0.01"),
    ("Hyponatremia", "low", "mmol/L", 135, 145, "1"),
    ("Hypernatremia", "high", "mmol/L", 135, 145, "1"),
    ("Hypocalcemia", "low", "mmol/L", 2.15, 2.55, "0.01"),
    ("Hypercalcemia", "high", "mmol/L", 2.15, 2.55, "0.01"),
    ("Hypomagnesemia", "low", "mmol/L", 0.7, 1.05, "0.01"),
    ("Hypoalbuminemia", "low", "g/L", 35, 50, "1"),
    ("Serum amylase increased", "high", "U/L", 25, 110, "1"),
)


class AskedBaseline(BaseModel):
    """The baseline of a row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Decimal
    lln: Decimal
    uln: Decimal


class Asked(BaseModel):
    """A row, as somebody would read it with pydantic before grading it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int
    ctcae: Literal["5.0", "6.0"]
    term: str
    direction: Literal["low", "high"]
    value: Decimal
    unit: str
    lln: Decimal
    uln: Decimal
    baseline: AskedBaseline | None = None


def measure(sizes: tuple[int, ...] = SIZES) -> None:
    """Prints for each number of rows what pydantic reads, what is graded, and what `calc grade` does."""
    for size in sizes:
        with TemporaryDirectory() as folder:
            beside(size, Path(folder))


def beside(size: int, folder: Path) -> None:
    """One number of rows: blocks in turns, then the file as a whole."""
    source, asked, answered = rows(), folder / "rows.ndjson", folder / "answers.ndjson"
    taken: dict[str, list[Spent]] = {"parse": [], "grade": []}
    with asked.open("wb") as file:
        for _ in range(0, size, BLOCK):
            lines = [orjson.dumps(row) for row in islice(source, BLOCK)]
            file.write(b"\n".join(lines) + b"\n")
            one = in_turns({"parse": parsed(lines), "grade": graded(lines)}, 5 if size == BLOCK else 1)
            for name, each in one.items():
                taken[name].extend(each)
    whole = min(file_to_file(asked, answered) for _ in range(3 if size == BLOCK else 1))
    check(asked, answered, size)
    print(f"grading: {size:,} rows, {len(ASKED)} terms of CTCAE 5.0, {LABORATORIES} laboratories")
    rate("pydantic reads the records", BLOCK, taken["parse"], "rows/s")
    rate("the grading function alone", BLOCK, taken["grade"], "rows/s")
    rate("calc grade, file to file, start included", size, [whole], "rows/s")
    told("grading function to pydantic", ratio(taken["grade"], taken["parse"]), "at least 2")
    parse = sum(one.processor for one in taken["parse"]) / len(taken["parse"]) / BLOCK
    told("calc grade to pydantic", parse * size / whole.processor, "at least 0.4")


def parsed(lines: list[bytes]) -> Any:
    """What pydantic does."""
    read = Asked.model_validate_json

    def work() -> None:
        for line in lines:
            read(line)

    return work


def graded(lines: list[bytes]) -> Any:
    """What the grading function does, given measurements."""
    measured = [
        (one.ctcae, one.term, _measurement(one), one.direction) for one in map(Asked.model_validate_json, lines)
    ]

    def work() -> None:
        for version, term, measurement, direction in measured:
            grade(version, term, measurement, direction)

    return work


def file_to_file(asked: Path, answered: Path) -> Spent:
    """`tocsin calc grade FILE` in a process of its own, as it runs once it is installed: compiled, output buffered."""
    unlike = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in unlike}
    environment["PYTHONPYCACHEPREFIX"] = str(asked.parent / "compiled")
    command = [sys.executable, "-m", "tocsin", "calc", "grade"]
    subprocess.run([*command, "-"], input=b"{}", stdout=subprocess.DEVNULL, env=environment, check=False)
    with answered.open("wb") as out:
        begun = time.perf_counter()
        process = subprocess.Popen([*command, str(asked)], stdout=out, env=environment)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ChildProcessError(f"calc grade ended with {process.returncode}")
    return Spent(used.ru_utime + used.ru_stime, time.perf_counter() - begun)


def check(asked: Path, answered: Path, size: int) -> None:
    """Every row has its answer, and the answers have every grade."""
    with asked.open("rb") as questions, answered.open("rb") as answers:
        seen = set()
        count = 0
        for question, answer in zip(questions, answers, strict=True):
            if count % 97 == 0:
                told_ = orjson.loads(answer)
                if told_["id"] != orjson.loads(question)["id"] or "error" in told_:
                    raise LookupError(f"row {count} has no answer of its own")
                seen.add(told_["grade"])
            count += 1
    if count != size or not seen >= {0, 1, 2, 3}:
        raise LookupError(f"{count} rows answered of {size}, with the grades {seen}")


def rows() -> Iterator[dict[str, object]]:
    """Rows without end, the same ones every time."""
    chance, number = Random(5), 0
    while True:
        number += 1
        term, direction, unit, low, high, step = ASKED[chance.randrange(len(ASKED))]
        laboratory = chance.randrange(LABORATORIES)
        lln, uln = _rounded(low * (0.9 + laboratory / 200), step), _rounded(high * (0.9 + laboratory / 200), step)
        spread = chance.uniform(0.2, 1.2) if direction == "low" else chance.uniform(0.8, 8 if step == "1" else 2.0)
        value = _rounded((low if direction == "low" else high) * spread, step)
        row: dict[str, object] = {
            "id": number, "ctcae": "5.0", "term": term, "direction": direction,
            "value": value, "unit": unit, "lln": lln, "uln": uln,
        }  # fmt: skip
        if number % 3 == 0:
            row["baseline"] = {"value": _rounded((low + high) / 2, step), "lln": lln, "uln": uln}
        yield row


def _measurement(one: Asked) -> Measurement:
    before = one.baseline
    baseline = Baseline(before.value, before.lln, before.uln) if before else None
    return Measurement(one.value, one.unit, one.lln, one.uln, baseline=baseline)


def _rounded(value: float, step: str) -> str:
    return str(Decimal(value).quantize(Decimal(step)))


if __name__ == "__main__":
    measure()
