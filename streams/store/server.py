"""Where is the boards' ClickHouse server, and as whom do we speak to it?"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Server:
    """Where a ClickHouse server is, and as whom we speak to it."""

    host: str
    port: int = 9000
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "tocsin"
    secure: bool = False
    authorities: str | None = None
    """A file of the certificates that are trusted; by default those of the system."""

    def __str__(self) -> str:
        return f"ClickHouse at {self.host}:{self.port}, database {self.database}"
