"""What happens to the trial itself: its protocol, its clock, its data cuts."""

import hashlib
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Fact, Strict
from schemas.values import Code, Day


class Adoption(Strict):
    """A protocol file, whole, with its digest and the clock that stamps this ledger."""

    protocol: Annotated[str, Field(min_length=1, max_length=500_000)]
    """The whole YAML file as text: what was in force can be read from the ledger alone."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the file's UTF-8 bytes, in hex."""
    clock: Literal["system", "simulated"] = "system"
    """Which clock stamps `recordedtime`: the system's, or the ticks of a simulated trial."""

    @model_validator(mode="after")
    def _the_digest_is_of_the_file(self) -> "Adoption":
        if hashlib.sha256(self.protocol.encode()).hexdigest() != self.digest:
            raise ValueError("digest is not the SHA-256 of protocol")
        return self


class ProtocolAdopted(Fact):
    """A protocol, or an amendment of it, came into force. The first fact of every ledger."""

    family: ClassVar[str] = "trial"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.ProtocolAdopted.v1"]
    data: Adoption


class Tick(Strict):
    """Nothing but the time, which stands in the envelope."""


class ClockTicked(Fact):
    """Time passed: deadlines and windows are found by a tick, live and on replay alike."""

    family: ClassVar[str] = "trial"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.ClockTicked.v1"]
    data: Tick


class DataCut(Strict):
    """A named point at which a meeting looks at the data."""

    name: Code
    """What the meeting calls it."""
    happened_by: Day
    """The data cut-off date: what happened after it is not looked at."""


class DataCutDeclared(Fact):
    """A data cut was declared: a cut that has a name."""

    family: ClassVar[str] = "trial"
    about_participant: ClassVar[bool] = False
    type: Literal["tocsin.DataCutDeclared.v1"]
    data: DataCut
