"""What stands in a transport file? Rows of named texts, each with its address; empty means not given.

Numbers of the format (64-bit IBM floats) become texts of at most 15 significant digits: more than that is noise of
the conversion, 13.899999999999999 was 13.9. Another format than XPT needs only another function like `read_transport`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

RECORD_LENGTH = 80
"""A SAS transport file is a sequence of records of 80 bytes (SAS TS-140): any other length means it was cut off."""

DOMAINS = ("dm", "ds", "ex", "ae", "suppae", "lb", "vs", "tu", "tr", "rs")
"""The domains that are read, in the order in which facts of the same moment are told."""


class UnreadableError(Exception):
    """A file or folder that cannot be read at all: names it and says why, in one line."""

    def __init__(self, place: Path, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its domain, its number in the file (from 1), and the variables that are given."""

    domain: str
    number: int
    address: str
    values: Mapping[str, str]

    def get(self, variable: str) -> str | None:
        """What a variable says, or None where it says nothing."""
        return self.values.get(variable)

    def code(self, variable: str) -> str | None:
        """What a coded variable says, in capitals: submission values are compared without regard to case."""
        said = self.values.get(variable)
        return said.upper() if said is not None else None


@dataclass(frozen=True, slots=True)
class Table:
    """One data set, column by column."""

    domain: str
    file: str
    columns: Mapping[str, Sequence[str | float | None]]
    length: int

    def row(self, number: int) -> Row:
        """The row of this number, counted from 1."""
        said = {name: text for name, column in self.columns.items() if (text := _text(column[number - 1]))}
        return Row(self.domain, number, f"{self.file} row {number}", said)

    def rows(self) -> Iterator[Row]:
        """All rows in the order of the file, made one by one."""
        return map(self.row, range(1, self.length + 1))


@dataclass(frozen=True, slots=True)
class Folder:
    """The domains of a folder, and the transport files beside them that are not read.

    A domain is read from its file whenever its rows are asked for: the two large ones never stand in memory together.
    """

    files: Mapping[str, Path]
    lengths: Mapping[str, int]
    """How many rows each domain has."""
    ignored: tuple[str, ...]

    def rows(self, domain: str) -> Iterator[Row]:
        """The rows of a domain; none where the folder does not have it."""
        if domain in self.files:
            yield from read_transport(self.files[domain], domain).rows()


def read_folder(folder: Path) -> Folder:
    """Finds the domains of a folder, file names in any case, and reads each once. Raises `UnreadableError`."""
    if not folder.is_dir():
        raise UnreadableError(folder, "no such folder")
    files: dict[str, Path] = {}
    ignored: list[str] = []
    for file in sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".xpt"):
        domain = file.stem.lower()
        if domain not in DOMAINS:
            ignored.append(file.name)
        elif domain in files:
            raise UnreadableError(file, f"the domain {domain.upper()} stands in {files[domain].name} already")
        else:
            files[domain] = file
    if not files:
        raise UnreadableError(folder, f"none of the domains {', '.join(DOMAINS).upper()} is here as an .xpt file")
    lengths = {domain: read_transport(files[domain], domain).length for domain in DOMAINS if domain in files}
    return Folder(files, lengths, tuple(ignored))


def read_transport(file: Path, domain: str) -> Table:
    """Reads one SAS transport file. Texts that are not UTF-8 are read as Windows-1252, as SAS writes them there."""
    import pyreadstat  # read where it is needed: the command line starts without it

    if file.stat().st_size % RECORD_LENGTH:
        raise UnreadableError(
            file, f"cut off or no SAS transport file: no whole number of {RECORD_LENGTH}-byte records"
        )
    try:
        try:
            columns, _ = pyreadstat.read_xport(str(file), output_format="dict", disable_datetime_conversion=True)
        except UnicodeDecodeError:
            columns, _ = pyreadstat.read_xport(
                str(file), encoding="WINDOWS-1252", output_format="dict", disable_datetime_conversion=True
            )
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
        raise UnreadableError(file, f"no readable SAS transport file ({error})") from error
    length = max(map(len, columns.values()), default=0)
    return Table(domain, file.name, {name.upper(): column for name, column in columns.items()}, length)


def _text(cell: str | float | None) -> str | None:
    if isinstance(cell, str):
        return cell.strip() or None
    return None if cell is None or cell != cell else number_text(cell)


def number_text(number: float) -> str:
    """A number of a transport file as digits: 54.0 is `54`, 0.039999999999999994 is `0.04`."""
    if number.is_integer():
        return str(int(number))
    return format(Decimal(f"{number:.15g}"), "f")
