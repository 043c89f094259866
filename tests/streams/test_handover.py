"""Facts handed over to a served home arrive whole, in order, each with the address it came from."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.handover import BYTES, LINES, MEDIA_TYPE, hand_over, packed, unpacked
from streams.intake import Message, Unusable, outcome_line
from streams.local import Home
from tests.builders import TRIAL, adopted, as_bytes, enrolled, lab
from tests.streams.conftest import SetClock


class Server(ThreadingHTTPServer):
    """A home behind `POST /facts`, as any server of ours answers it."""

    home: Home

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sizes: list[tuple[int, int]] = []
        self.answer = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        told = unpacked(body)
        self.server.sizes.append((len(told), len(body)))
        right = self.path == "/facts" and self.headers["content-type"] == MEDIA_TYPE
        lines = [orjson.dumps(outcome_line(one)) for one in self.server.home.receive(told)] if right else []
        self.send_response(self.server.answer if right else 404)
        self.end_headers()
        self.wfile.write(b"\n".join(lines) + b"\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's own name
        """Says nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Home(tmp_path / "home", clock=SetClock()) as home, Server() as served:
        served.home = home
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


OPENING = [Message(as_bytes(adopted()), "a.ndjson:1"), Message(as_bytes(enrolled()), "a.ndjson:2")]


def test_each_message_has_its_outcome_in_order_under_its_own_address(server: Server) -> None:
    told: list[Message | Unusable] = [
        *OPENING,
        Message(b"\xff\x00\nno line\r", "a.ndjson:3"),
        Unusable(b"{}", "lb.xpt row 7", TRIAL, "LBORRES", "no number and no code"),
        Message(as_bytes(lab()), "a.ndjson:9"),
    ]
    lines = list(hand_over(server.url, told))
    assert [line["address"] for line in lines] == [one.address for one in told]
    assert [line["outcome"] for line in lines] == ["accepted", "accepted", "quarantined", "quarantined", "accepted"]
    assert lines[3]["path"] == "LBORRES"
    assert server.home.ledger.quarantined_raw(1) == b"\xff\x00\nno line\r"
    assert server.home.ledger.raw(TRIAL, 3) == as_bytes(lab())


def test_many_messages_travel_in_several_requests(server: Server) -> None:
    labs = [Message(as_bytes(lab(record=f"lb/{number}")), f"a:{number}") for number in range(2 * LINES)]
    lines = list(hand_over(f"{server.url}/", iter([*OPENING, *labs])))
    assert [line["position"] for line in lines] == list(range(1, 2 * LINES + 3))
    assert [count for count, _ in server.sizes] == [LINES, LINES, 2]


def test_a_long_message_travels_alone(server: Server) -> None:
    long = Message(b"x" * BYTES, "long:1")
    assert len(list(hand_over(server.url, [*OPENING, long, OPENING[0]]))) == 4
    assert [count for count, _ in server.sizes] == [2, 1, 1]


def test_nothing_handed_over_asks_nothing(server: Server) -> None:
    assert list(hand_over(server.url, [])) == []
    assert server.sizes == []


def test_a_server_that_fails_is_an_error_and_not_an_outcome(server: Server) -> None:
    server.answer = 500
    with pytest.raises(httpx.HTTPStatusError):
        list(hand_over(server.url, OPENING))


def test_a_server_that_is_gone_is_an_error(server: Server) -> None:
    with pytest.raises(httpx.HTTPError):
        list(hand_over("http://127.0.0.1:9", OPENING))


texts = st.text(max_size=30)
sent = st.one_of(
    st.builds(Message, st.binary(max_size=60), texts),
    st.builds(Unusable, st.binary(max_size=60), texts, st.none() | texts, texts, texts),
)


@given(st.lists(sent, max_size=6))
def test_what_is_packed_is_unpacked(messages: list[Message | Unusable]) -> None:
    assert unpacked(b"\n".join(packed(one) for one in messages)) == tuple(messages)


def test_a_file_name_that_is_no_text_is_packed_readably() -> None:
    assert unpacked(packed(Message(b"", "caf\udce9:1"))) == (Message(b"", "caf\\udce9:1"),)


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"[]",
        b"{}",
        b"1",
        b'{"address": "a"}',
        b'{"address": 1, "raw": ""}',
        b'{"address": "a", "raw": 1}',
        b'{"address": "a", "raw": "?"}',
        b'{"address": "a", "raw": "\\u00e9"}',
        b'{"address": "a", "raw": "", "path": 1, "message": "m"}',
        b'{"address": "a", "raw": "", "other": ""}',
        b'{"address": "a", "raw": ""}\n\n',
    ],
)
def test_what_was_not_packed_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="packed"):
        unpacked(body)
