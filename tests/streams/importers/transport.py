"""A small trial of our own as SDTM transport files: everything that a real folder has in it, row by row.

Three participants of the arms of `protocols/cdiscpilot01.yaml`, a screening failure, and somebody without an arm. What
a row is about stands in its variables; what becomes of it, in the tests.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas
import pyreadstat

from protocols import shipped

Cells = Mapping[str, str | float]
Domains = dict[str, list[Cells]]

STUDY, TRIAL = "SMALL", "SMALL-1"
ONE, TWO, THREE, FAILED, NOWHERE = "S-01", "S-02", "S-03", "S-04", "S-05"


def protocol() -> str:
    """The protocol of the small trial."""
    return shipped("cdiscpilot01").replace("trial: CDISCPILOT01", f"trial: {TRIAL}")


def write(folder: Path, domains: Domains) -> Path:
    """Writes each domain as a SAS transport file, version 5. A text that a row does not give is empty there."""
    folder.mkdir(parents=True, exist_ok=True)
    for domain, rows in domains.items():
        numbers = {name for row in rows for name, cell in row.items() if isinstance(cell, float | int)}
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [row.get(name, None if name in numbers else "") for row in rows] for name in names}
        file = folder / f"{domain}.xpt"
        frame = pandas.DataFrame(columns)
        pyreadstat.write_xport(frame, str(file), table_name=domain.upper(), file_format_version=5)
    return folder


def of(subject: str, **cells: str | float) -> Cells:
    """A row about one participant."""
    return {"STUDYID": STUDY, "USUBJID": subject} | cells


def lab(subject: str, number: int, code: str, result: str, unit: str = "", **cells: str | float) -> Cells:
    """A laboratory row of 5 March 2014, where nothing else is said."""
    said: dict[str, str | float] = {
        "LBSEQ": number,
        "LBTESTCD": code,
        "LBORRES": result,
        "LBORRESU": unit,
        "LBDTC": "2014-03-05T08:30",
    }
    return of(subject, **(said | {"LBDTC": "2014-03-05T08:30"} | cells))


def event(subject: str, number: int, term: str, severity: str = "", **cells: str | float) -> Cells:
    """An adverse event of 10 March 2014, reported two days later, where nothing else is said."""
    said: dict[str, str | float] = {
        "AESEQ": number,
        "AETERM": term.lower(),
        "AEDECOD": term,
        "AESEV": severity,
        "AESER": "N",
    }
    dates = {"AESTDTC": "2014-03-10", "AEDTC": "2014-03-12"}
    return of(subject, **(said | dates | cells))


def small() -> Domains:
    """The whole of it. Row numbers begin at 1, as in a file."""
    return {
        "dm": [
            of(ONE, SITEID="701", ARMCD="Pbo", SEX="F", AGE=63, AGEU="YEARS", RFSTDTC="2014-03-02"),
            of(
                TWO,
                SITEID="701",
                ARMCD="Xan_Hi",
                SEX="M",
                AGE=71,
                AGEU="YEARS",
                DMDTC="2014-03-01",
                DTHDTC="2014-05-20",
            ),
            of(THREE, SITEID="702", ARMCD="Xan_Lo", SEX="U", RFSTDTC="2014-04-01"),
            of(FAILED, SITEID="702", ARMCD="Scrnfail", SEX="F", DMDTC="2014-03-03"),
            of(NOWHERE, SITEID="702", SEX="M", DMDTC="2014-03-03"),
        ],
        "ds": [
            of(ONE, DSSEQ=1, DSCAT="PROTOCOL MILESTONE", DSDECOD="INFORMED CONSENT OBTAINED", DSSTDTC="2014-02-27"),
            of(ONE, DSSEQ=2, DSCAT="DISPOSITION EVENT", DSDECOD="COMPLETED", DSSTDTC="2014-08-30"),
            of(TWO, DSSEQ=1, DSCAT="DISPOSITION EVENT", DSDECOD="DEATH", DSSTDTC="2014-05-20"),
            of(TWO, DSSEQ=2, DSCAT="OTHER EVENT", DSDECOD="DEATH", DSSTDTC="2014-05-25"),
            of(THREE, DSSEQ=1, DSCAT="DISPOSITION EVENT", DSDECOD="WITHDRAWAL BY SUBJECT", DSSTDTC="2014-06-01"),
            of(FAILED, DSSEQ=1, DSCAT="DISPOSITION EVENT", DSDECOD="SCREEN FAILURE", DSSTDTC="2014-03-09"),
        ],
        "ex": [
            of(ONE, EXSEQ=1, EXTRT="placebo", EXDOSE=0, EXDOSU="mg", EXSTDTC="2014-03-02", EXENDTC="2014-03-16"),
            of(TWO, EXSEQ=1, EXTRT="XANOMELINE", EXDOSE=81, EXDOSU="mg", EXSTDTC="2014-03-03", EXENDTC="2014-05-19"),
            of(TWO, EXSEQ=2, EXTRT="XANOMELINE", EXDOSU="mg", EXSTDTC="2014-05-20"),
            of(FAILED, EXSEQ=1, EXTRT="XANOMELINE", EXDOSE=54, EXDOSU="mg", EXSTDTC="2014-03-10"),
        ],
        "ae": [
            event(ONE, 1, "Headache", "MILD", AEENDTC="2014-03-20", AEOUT="RECOVERED/RESOLVED"),
            event(ONE, 2, "Nausea", "MODERATE", AESTDTC="2014-03", AEREL="PROBABLE"),
            event(ONE, 3, "Syncope", "SEVERE", AESTDTC="2014", AEREL="RELATED", AESHOSP="Y"),
            event(TWO, 1, "Sudden death", "FATAL", AESTDTC="2014-05-18", AEDTC="2014-05-19", AEOUT="FATAL", AESDTH="Y"),
            event(TWO, 2, "Rash", "AWFUL"),
            event(TWO, 3, "Fever", AEDTC="", AESTDTC=""),
            event(ONE, 1, "Headache", "MILD", AEENDTC="2014-03-20", AEOUT="RECOVERED/RESOLVED"),
            event(ONE, 2, "Nausea", "SEVERE", AESTDTC="2014-03", AEREL="PROBABLE"),
        ],
        "suppae": [
            of(ONE, RDOMAIN="AE", IDVAR="AESEQ", IDVARVAL="1", QNAM="AETRTEM", QVAL="Y"),
            of(TWO, RDOMAIN="AE", IDVAR="AESEQ", IDVARVAL="2", QNAM="AETRTEM", QVAL="Y"),
        ],
        "lb": [
            lab(ONE, 1, "HGB", "7.9", "g/dL", LBORNRLO="12", LBORNRHI="16"),
            lab(TWO, 1, "HGB", "79", "g/L", LBORNRLO="120", LBORNRHI="160"),
            lab(ONE, 2, "GLUC", "<40", "mg/dL", LBORNRLO="70", LBORNRHI="110"),
            lab(ONE, 3, "K", "3.1", "mmol/L", LBORNRLO="3.4", LBORNRHI="5.4"),
            lab(ONE, 4, "PLAT", "90", "", LBORNRLO="150", LBORNRHI="400"),
            lab(ONE, 5, "COLOR", "YELLOW", LBCAT="URINALYSIS"),
            lab(ONE, 6, "BUN", "12", "mg/dL"),
            lab(ONE, 7, "ALT", "", "U/L", LBSTAT="NOT DONE"),
            lab(ONE, 8, "ALT", "31", "U/L", LBORNRHI="40", LBDTC=""),
            lab(TWO, 2, "PLAT", "180", "10^9/L", LBORNRLO="150", LBORNRHI="400"),
        ],
        "vs": [
            of(ONE, VSSEQ=1, VSTESTCD="TEMP", VSORRES="36.6", VSORRESU="C", VSDTC="2014-03-05"),
            of(ONE, VSSEQ=2, VSTESTCD="TEMP", VSSTAT="NOT DONE", VSDTC="2014-03-06"),
        ],
        "tu": [
            of(ONE, TUSEQ=1, TULNKID="T1", TUORRES="TARGET", TULOC="LIVER", VISITNUM=1, TUDTC="2014-03-01"),
            of(ONE, TUSEQ=2, TULNKID="N1", TUORRES="NEW", TULOC="LUNG", VISITNUM=2, TUDTC="2014-05-01"),
        ],
        "tr": [
            of(
                ONE,
                TRSEQ=1,
                TRLNKID="T1",
                TRGRPID="TARGET",
                TRTESTCD="LDIAM",
                TRORRES="31",
                TRORRESU="mm",
                VISITNUM=1,
                TRDTC="2014-03-01",
            ),
            of(
                ONE,
                TRSEQ=2,
                TRLNKID="T1",
                TRGRPID="TARGET",
                TRTESTCD="LDIAM",
                TRORRES="2.4",
                TRORRESU="cm",
                VISITNUM=2,
                TRDTC="2014-05-01",
            ),
            of(ONE, TRSEQ=3, TRTESTCD="SUMDIAM", TRORRES="24", TRORRESU="mm", VISITNUM=2, TRDTC="2014-05-01"),
        ],
        "rs": [of(ONE, RSSEQ=1, RSTESTCD="OVRLRESP", RSORRES="PD", VISITNUM=2, RSDTC="2014-05-06")],
    }
