"""What would a ClickHouse server of today do with what our driver sends? The engine is real, and in this process.

No server of today can be had as a package; its engine can, as chDB, but chDB does not listen. So this bridge speaks the
server's side of the native protocol on loopback and hands every statement, setting, parameter and block to chDB. It
turns only frames: blocks go in and come out in the engine's own Native format, written and read by the driver's code.

    python -m tests.clickhouse.bridge FOLDER PORT

A file `cut` in the folder makes the next insert arrive, and its answer not.
"""

import json
import re
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from chdb.session import Session
from clickhouse_driver import Client, defines
from clickhouse_driver.block import BlockInfo, RowOrientedBlock
from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.protocol import ClientPacketTypes, ServerPacketTypes
from clickhouse_driver.reader import read_binary_str, read_binary_uint8, read_binary_uint64
from clickhouse_driver.streams.native import BlockInputStream, BlockOutputStream
from clickhouse_driver.varint import read_varint, write_varint
from clickhouse_driver.writer import write_binary_int32, write_binary_str, write_binary_uint8, write_binary_uint64

USER, PASSWORD = "tocsin", "not a default"
REVISION = defines.CLIENT_REVISION
AUTHENTICATION_FAILED, UNKNOWN = 516, 1002
open_session = cast(Callable[[str], Any], Session)
INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\) VALUES$")


class EngineError(Exception):
    """What the engine answered instead of rows."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = re.search(r"Code: (\d+)", message)
        self.code = int(found[1]) if found else UNKNOWN


class Bytes:
    """Bytes as a socket, for the driver's readers and writers."""

    def __init__(self, held: bytes = b"") -> None:
        self.held = bytearray(held)

    def recv_into(self, buffer: memoryview) -> int:
        count = min(len(buffer), len(self.held))
        buffer[:count] = self.held[:count]
        del self.held[:count]
        return count

    def sendall(self, data: bytes) -> None:
        self.held += data


def context_of(revision: int) -> Any:
    """What the driver's streams must know of a connection."""
    context = Client("bridge").connection.context
    context.server_info = SimpleNamespace(used_revision=revision, get_timezone=lambda: "UTC")
    return context


def by_row(block: Any) -> Any:
    """A block that was read, in the form in which the driver writes one: it would round instants before 1970."""
    rows = [tuple(microseconds(one) if isinstance(one, datetime) else one for one in row) for row in block.get_rows()]
    return RowOrientedBlock(block.columns_with_types, rows)


def microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class Connection:
    """One client, its engine session, and the frames between them."""

    def __init__(self, taken: socket.socket, folder: Path) -> None:
        self._socket = taken
        self._cut = folder / "cut"
        self._session = open_session(str(folder / "engine"))
        self._in = BufferedSocketReader(taken, defines.BUFFER_SIZE)
        self._out = BufferedSocketWriter(taken, defines.BUFFER_SIZE)

    def run(self) -> None:
        try:
            if self._hello():
                while True:
                    self._packet()
        except (EOFError, ConnectionError):
            pass
        finally:
            self._socket.close()
            self._session.close()

    def _hello(self) -> bool:
        assert read_varint(self._in) == ClientPacketTypes.HELLO
        read_binary_str(self._in), read_varint(self._in), read_varint(self._in)
        self._revision = min(read_varint(self._in), REVISION)
        self._context = context_of(self._revision)
        database, user, password = (read_binary_str(self._in) for _ in range(3))
        if (user, password) != (USER, PASSWORD):
            self._refuse(EngineError(f"Code: {AUTHENTICATION_FAILED}. DB::Exception: Authentication failed"))
            return False
        write_varint(ServerPacketTypes.HELLO, self._out)
        write_binary_str("ClickHouse", self._out)
        write_varint(26, self._out), write_varint(9, self._out), write_varint(REVISION, self._out)
        write_binary_str("UTC", self._out), write_binary_str("bridge", self._out), write_varint(2, self._out)
        write_varint(0, self._out), write_binary_uint64(0, self._out)
        self._out.flush()
        read_binary_str(self._in)  # the addendum: a quota key
        if database:
            self._session.query(f"USE {database}")
        return True

    def _packet(self) -> None:
        kind = read_varint(self._in)
        if kind == ClientPacketTypes.PING:
            write_varint(ServerPacketTypes.PONG, self._out)
            self._out.flush()
        elif kind == ClientPacketTypes.QUERY:
            self._answered()
        else:
            raise ConnectionError(f"packet {kind}")

    def _answered(self) -> None:
        sql, settings, parameters = self._query()
        self._block()  # the end of the external tables, which nobody sends
        try:
            if inserted := INSERT.match(sql):
                self._insert(inserted[1], inserted[2], settings)
            elif sql.lstrip().upper().startswith(("SELECT", "WITH")):
                self._select(sql, settings, parameters)
            else:
                self._ask(sql + settings)
        except EngineError as error:
            return self._refuse(error)
        write_varint(ServerPacketTypes.END_OF_STREAM, self._out)
        self._out.flush()
        return None

    def _query(self) -> tuple[str, str, dict[str, Any]]:
        read_binary_str(self._in)  # the query's id
        self._client_info()
        settings = ", ".join(f"{name} = '{value}'" for name, value in self._named().items())
        read_binary_str(self._in)  # the secret between servers
        read_varint(self._in), read_varint(self._in)  # stage and compression
        sql = read_binary_str(self._in)
        parameters = {name: self._unquoted(dump) for name, dump in self._named().items()}
        return sql, f" SETTINGS {settings}" if settings else "", parameters

    def _client_info(self) -> None:
        read_binary_uint8(self._in)
        for _ in range(3):
            read_binary_str(self._in)
        read_binary_uint64(self._in), read_binary_uint8(self._in)
        for _ in range(3):
            read_binary_str(self._in)
        for _ in range(3):
            read_varint(self._in)
        read_binary_str(self._in), read_varint(self._in), read_varint(self._in)
        assert not read_binary_uint8(self._in), "tracing is not bridged"
        for _ in range(3):
            read_varint(self._in)

    def _named(self) -> dict[str, str]:
        """Settings and parameters travel alike: name, flags, text; an empty name ends them."""
        found: dict[str, str] = {}
        while name := read_binary_str(self._in):
            read_binary_uint8(self._in)
            found[name] = read_binary_str(self._in)
        return found

    def _unquoted(self, dump: str) -> str:
        """A parameter travels as a quoted literal, which holds the escaped text that the engine reads."""
        text: str = json.loads(self._ask(f"SELECT {dump} AS text", "JSONCompact"))["data"][0][0]
        return text

    def _select(self, sql: str, settings: str, parameters: dict[str, Any]) -> None:
        answer = Bytes(self._ask(sql + settings, "Native", parameters))
        reader = BufferedSocketReader(answer, defines.BUFFER_SIZE)
        blocks = BlockInputStream(reader, context_of(0))
        columns = self._columns(sql, parameters)
        self._send_header(columns)
        while answer.held or reader.position < reader.current_buffer_size:
            self._send(blocks.read())

    def _insert(self, table: str, names: str, settings: str) -> None:
        self._send_header(self._columns(f"SELECT {names} FROM {table}", {}))
        blocks = Bytes()
        writer = BufferedSocketWriter(blocks, defines.BUFFER_SIZE)
        stream = BlockOutputStream(writer, context_of(0))
        while (block := self._block()).num_rows:
            stream.write(by_row(block))
            self._send_header([], ServerPacketTypes.PROFILE_EVENTS)
        try:
            with self._session.send_insert(f"INSERT INTO {table} ({names}){settings}", "Native") as sending:
                sending.append(bytes(blocks.held))
                sending.finish()
        except RuntimeError as error:
            raise EngineError(str(error)) from error
        if self._cut.exists():
            self._cut.unlink()
            raise ConnectionError("the insert arrived, its answer does not")
        self._send_header([], ServerPacketTypes.PROFILE_EVENTS)

    def _columns(self, sql: str, parameters: dict[str, Any]) -> list[tuple[str, str]]:
        rows = json.loads(self._ask(f"DESCRIBE ({sql})", "JSONCompact", parameters))["data"]
        return [(row[0], row[1]) for row in rows]

    def _ask(self, sql: str, form: str = "CSV", parameters: dict[str, Any] | None = None) -> bytes:
        try:
            answer: bytes = self._session.query(sql, form, params=parameters or {}).bytes()
        except RuntimeError as error:
            raise EngineError(str(error)) from error
        return answer

    def _block(self) -> Any:
        assert read_varint(self._in) == ClientPacketTypes.DATA
        read_binary_str(self._in)
        return BlockInputStream(self._in, self._context).read()

    def _send(self, block: Any) -> None:
        self._begin()
        BlockOutputStream(self._out, self._context).write(by_row(block))

    def _send_header(self, columns: list[tuple[str, str]], kind: int = ServerPacketTypes.DATA) -> None:
        """A block without rows: names and types alone."""
        self._begin(kind)
        BlockInfo().write(self._out)
        write_varint(len(columns), self._out), write_varint(0, self._out)
        for name, type_ in columns:
            write_binary_str(name, self._out), write_binary_str(type_, self._out), write_binary_uint8(0, self._out)
        self._out.flush()

    def _begin(self, kind: int = ServerPacketTypes.DATA) -> None:
        write_varint(kind, self._out)
        write_binary_str("", self._out)

    def _refuse(self, error: EngineError) -> None:
        write_varint(ServerPacketTypes.EXCEPTION, self._out)
        write_binary_int32(error.code, self._out)
        for text in ("DB::Exception", str(error), ""):
            write_binary_str(text, self._out)
        write_binary_uint8(0, self._out)
        self._out.flush()


def serve(folder: Path, port: int) -> None:
    keeper = open_session(str(folder / "engine"))  # the engine ends with its last session
    with closing(keeper), socket.create_server(("127.0.0.1", port)) as listening:
        while True:
            taken, _ = listening.accept()
            threading.Thread(target=Connection(taken, folder).run, daemon=True).start()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
