"""The closing summary says how every laboratory row was graded: counted again here from the file, without importer."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pyreadstat

from streams.importers.sdtm import Graded, Message, graded, read_trial
from streams.intake import Message as Sent
from streams.local import Home
from tests.streams.importers.transport import TRIAL, Domains, protocol, small, write


def counted(domains: Domains, tmp_path: Path) -> Graded:
    """The grades of the rows of a folder, by what was published about them."""
    told = read_trial(write(tmp_path / "sdtm", domains), TRIAL, protocol())
    messages = [item for item in told if isinstance(item, Message)]
    with Home(tmp_path / "home") as home:
        home.receive([Sent(item.raw, item.address) for item in messages])
        return graded(messages, told.ctcae, (body for *_, body in home.ledger.published(TRIAL)))


def column(file: Path, *names: str) -> Sequence[tuple[str, ...]]:
    """Variables of a transport file, row by row, by nothing of ours."""
    columns, _ = pyreadstat.read_xport(str(file), output_format="dict")
    return list(zip(*(columns[name] for name in names), strict=True))


def test_every_laboratory_row_has_a_grade_or_bounds_or_a_reason(tmp_path: Path) -> None:
    answer = counted(small(), tmp_path)
    rows = column(tmp_path / "sdtm" / "lb.xpt", "LBTESTCD", "LBORRES", "LBORRESU", "LBDTC")
    usable = [row for row in rows if row[1] and row[3]]
    assert answer.rows == len(usable) == 8
    not_read = sum(code in ("COLOR", "BUN") for code, *_ in usable)
    without_unit = sum(code == "PLAT" and not unit for code, _, unit, _ in usable)
    assert answer.not_gradable == {
        ("no term of CTCAE 5.0 is read from it", "COLOR"): 1,
        ("no term of CTCAE 5.0 is read from it", "BUN"): 1,
        ("Platelet count decreased: not gradable, the unit is missing", "Platelet count decreased"): 1,
    }
    assert answer.not_gradable.total() == not_read + without_unit
    censored = sum(value.startswith("<") for _, value, _, _ in usable)
    between = sum(code == "K" and Decimal("3.0") <= Decimal(value) < Decimal("3.4") for code, value, *_ in usable)
    assert answer.bounds.total() == censored + between == 2
    assert answer.exact == 3


def test_a_row_that_only_repeats_another_has_its_grade_too(tmp_path: Path) -> None:
    domains = small()
    answer = counted(domains | {"lb": [*domains["lb"], domains["lb"][0]]}, tmp_path)
    assert (answer.rows, answer.exact) == (9, 4)


def test_a_limit_that_is_missing_gives_bounds_with_the_reason(tmp_path: Path) -> None:
    row = {name: cell for name, cell in small()["lb"][9].items() if name != "LBORNRLO"}
    answer = counted(small() | {"lb": [row]}, tmp_path)
    assert answer.bounds == {("grade 0 to 1: not decided without lln", "Platelet count decreased"): 1}
    assert answer.rows == 1
