"""How long does the import of the real trial take, and how much memory? The command itself, in a process of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from protocols import shipped
from streams.ledger.sqlite import Ledger
from streams.local import LEDGER

TRIAL = "CDISCPILOT01"
SOME_REFUSED = 3
"""What the command ends with here: eight rows of the trial say that nothing was measured."""


def measure() -> None:
    """Prints seconds, rate and peak memory."""
    with TemporaryDirectory() as folder:
        imported(Path(folder))


def imported(folder: Path) -> Path | None:
    """The ledger of the imported trial, its cost printed; None, saying so, where no real trial is at hand."""
    real = os.environ.get("TOCSIN_SDTM")
    if not real:
        print("import of the real trial: not measured, TOCSIN_SDTM names no folder")
        return None
    protocol, home = folder / "protocol.yaml", folder / "home"
    protocol.write_text(shipped("cdiscpilot01"), encoding="utf-8")
    command = [sys.executable, "-m", "tocsin", "import", "sdtm", real, "--home", str(home), "--trial", TRIAL]
    begun = time.perf_counter()
    process = subprocess.Popen([*command, "--protocol", str(protocol)], stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, SOME_REFUSED):
        raise ChildProcessError(f"tocsin import ended with {process.returncode}")
    ledger = Ledger.reading(home / LEDGER)
    facts = ledger.head(TRIAL)
    ledger.close()
    processor = used.ru_utime + used.ru_stime
    print(f"import of the real trial: {facts:,} facts accepted, folded and stored; all of the command")
    print(f"  {seconds:.0f} s by the clock, {processor:.0f} s of processor time (aim: under 90 s)")
    print(f"  {facts / seconds:,.0f} facts/s by the clock, {facts / processor:,.0f} facts/s of one core")
    print(f"  {used.ru_maxrss / 1024:,.0f} MiB at most (aim: under 1,024 MiB)")
    return home / LEDGER


if __name__ == "__main__":
    measure()
