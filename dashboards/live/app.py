"""What is served at which address? The pages, the door for facts, the findings, the live feed, the measures."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Cookie, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from sse_starlette.sse import EventSourceResponse

from dashboards.live import assets, door
from dashboards.live.asking import Asking, Known
from dashboards.live.cuts import Cut, CutError, address, resolve
from dashboards.live.feed import Feed, Listener
from dashboards.live.frame import Frame
from dashboards.live.guard import Guard
from dashboards.live.measures import Measures
from dashboards.live.pages.behind import Number, behind
from dashboards.live.pages.overview import overview
from dashboards.live.pages.participant import participant
from dashboards.live.pages.participants import participants
from dashboards.live.pages.pipeline import pipeline
from dashboards.live.pages.toxicity import toxicity
from dashboards.live.ports import HomeDownError, HomePort, StoredPositions
from dashboards.live.words import FILTERS, count
from dashboards.panels import Reader
from schemas.findings import KINDS

READERS = 4
"""Threads that ask the store: more only wait for each other's processor."""
MAKERS = 8
"""Threads that make pages; they mostly wait for the store."""

PAGES = {"overview": "Overview", "toxicity": "Toxicity", "participants": "Participants", "pipeline": "Pipeline"}
NDJSON = "application/x-ndjson"

Answer = TypeVar("Answer")
AsOf = Annotated[str | None, Query(description="A position, or the instant at which it was known; absent: now.")]
Since = Annotated[int | None, Query(ge=0, description="Changes after this position; absent: since the last look.")]
Seen = Annotated[str | None, Cookie(include_in_schema=False)]
Basis = Literal["both", "reported", "laboratory"]
Period = Literal["treatment", "any"]
Order = Literal["worst", "name"]
Make = Callable[[Frame], dict[str, Any] | None]
A_YEAR, A_MOMENT = 365 * 86_400, 0.5
"""Seconds."""


class LivePage:
    """The parts that every address uses."""

    def __init__(self, home: HomePort, store: Reader, stored: StoredPositions, cache: Path) -> None:
        self.home = home
        self.store = store
        self.stored = stored
        self.feed = Feed()
        self.bundle = assets.ChartBundle(cache)
        self.measures = Measures(home, stored, lambda: self.feed.listeners)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._known = Known()
        self._makers = ThreadPoolExecutor(MAKERS, thread_name_prefix="page")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="door")
        self._templates = Environment(
            loader=PackageLoader("dashboards.live"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.filters.update(FILTERS)
        self._templates.globals.update(
            count=count, pages=PAGES, fingerprint=assets.fingerprint(), address=address, chart_json=chart_json
        )
        stored.listen(self.feed.notify)

    @asynccontextmanager
    async def living(self, _: FastAPI) -> AsyncIterator[None]:
        """Hears from the sink as long as the app lives; the chart bundle is made beside the first page."""
        self.feed.open({trial: self.stored.stored(trial) for trial in self.stored.trials()})
        making = asyncio.get_running_loop().run_in_executor(None, self.bundle.read)
        yield
        self.bundle.close()
        await asyncio.gather(making, return_exceptions=True)
        self.feed.close()
        self._makers.shutdown()
        self._readers.shutdown()
        self._writer.shutdown()

    async def reading(self, ask: Callable[[], Answer]) -> Answer:
        """Asks the store on a thread of the pool."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

    async def writing(self, tell: Callable[[], Answer]) -> Answer:
        """Tells the home something, one request after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, tell)

    def render(self, template: str, **values: Any) -> str:
        """A template, filled."""
        return self._templates.get_template(template).render(**values)

    async def page(self, name: str, trial: str, as_of: str | None, make: Make) -> HTMLResponse:
        """A page of a trial at the cut that was asked for."""

        def made() -> tuple[str, int]:
            with self.measures.timing(name):
                return self._made(name, trial, as_of, make)

        text, status = await asyncio.get_running_loop().run_in_executor(self._makers, made)
        return HTMLResponse(text, status_code=status)

    def _made(self, name: str, trial: str, as_of: str | None, make: Make) -> tuple[str, int]:
        newest = self.stored.stored(trial)
        if newest == 0:
            return self.render(
                "nothing.html", what=f"There is no trial {trial} here.", trials=self.stored.trials()
            ), 404
        try:
            framed = self._framed(resolve(self.store, trial, newest, as_of))
        except CutError as error:
            framed = self._framed(resolve(self.store, trial, newest, None))
            return self._shown("no_cut", name, framed, why=str(error), asked=as_of), 404
        values = make(framed)
        if values is None:
            return self._shown("no_such", name, framed), 404
        return self._shown(name, name, framed, **values), 200

    def _shown(self, template: str, name: str, framed: Frame, **values: Any) -> str:
        known = {"page": name, "frame": framed, "cut": framed.cut, "failure": self.stored.failure, "keep": {}}
        return self.render(f"{template}.html", **(known | values))

    def _framed(self, cut: Cut) -> Frame:
        ask = Asking(self.store, cut.trial, cut.position, self._readers, self._known)
        return Frame(ask, cut, self.home.head(cut.trial))

    def position(self, trial: str, as_of: str | None) -> int:
        """The position that a cut of the JSON doors names: up to the ledger's own head."""
        newest = self.stored.stored(trial)
        if newest == 0:
            raise HTTPException(404, f"There is no trial {trial} here.")
        try:
            return resolve(self.store, trial, newest, as_of).position
        except CutError as error:
            raise HTTPException(404, str(error)) from error


def chart_json(chart: dict[str, Any]) -> str:
    """A chart inside a page: nothing in it can end the element it stands in."""
    return json.dumps(chart, separators=(",", ":")).replace("<", "\\u003c")


def create_app(home: HomePort, store: Reader, stored: StoredPositions, cache: Path) -> FastAPI:
    """The live page of a home. `cache` keeps what is made once, such as the chart bundle."""
    live = LivePage(home, store, stored, cache)
    app = FastAPI(
        title="Tocsin",
        summary="Facts in, findings out, and the pages between.",
        docs_url=None,
        redoc_url=None,
        lifespan=live.living,
    )
    app.add_middleware(Guard)
    _add_pages(app, live)
    _add_door(app, live)
    _add_findings(app, live)
    _add_feed(app, live)
    _add_health(app, live)
    _add_files(app, live)
    return app


def _add_pages(app: FastAPI, live: LivePage) -> None:
    @app.get("/", include_in_schema=False)
    async def first() -> Response:
        trials = live.stored.trials()
        if len(trials) == 1:
            return RedirectResponse(address(trials[0]))
        return HTMLResponse(live.render("nothing.html", what=None, trials=trials))

    @app.get("/trials/{trial}/", response_class=HTMLResponse, tags=["pages"])
    async def first_page(trial: str, as_of: AsOf = None, since: Since = None, seen: Seen = None) -> Response:
        """Is any group being harmed, how sure are we, what changed, what is missing?"""
        last = since if since is not None else _whole(seen)
        return await live.page("overview", trial, as_of, lambda framed: overview(framed, last))

    @app.post("/trials/{trial}/seen", tags=["pages"], status_code=303)
    async def look(trial: str, position: Annotated[int, Query(ge=0)]) -> Response:
        """Remembers, in this browser alone, up to where its reader has seen the trial."""
        answer = RedirectResponse(address(trial), status_code=303)
        answer.set_cookie("seen", str(position), max_age=A_YEAR, path=address(trial), samesite="strict", httponly=True)
        return answer

    @app.get("/trials/{trial}/toxicity", response_class=HTMLResponse, tags=["pages"])
    async def toxicity_page(
        trial: str, as_of: AsOf = None, basis: Basis = "both", period: Period = "treatment", order: Order = "worst"
    ) -> Response:
        """Participants by term, worst grade and group."""
        return await live.page("toxicity", trial, as_of, lambda framed: toxicity(framed, basis, period, order))

    @app.get("/trials/{trial}/behind", response_class=HTMLResponse, tags=["pages"])
    async def behind_page(
        trial: str,
        of: Annotated[str, Query(description="Where the number stands: people, toxicity, rule or question.")],
        name: Annotated[str, Query(description="The measure, term, rule or question.")],
        scope: Annotated[str, Query(description="The group; absent: all.")] = "",
        as_of: AsOf = None,
        basis: Basis = "both",
        period: Period = "treatment",
    ) -> Response:
        """What is behind a number: numerator and denominator, each with its facts."""
        number = Number(of, name, scope, basis, period)
        return await live.page("behind", trial, as_of, lambda framed: behind(framed, number))

    @app.get("/trials/{trial}/participants", response_class=HTMLResponse, tags=["pages"])
    async def participants_page(trial: str, as_of: AsOf = None) -> Response:
        """Everybody enrolled."""
        return await live.page("participants", trial, as_of, participants)

    @app.get("/trials/{trial}/participants/{name:path}", response_class=HTMLResponse, tags=["pages"])
    async def participant_page(trial: str, name: str, as_of: AsOf = None) -> Response:
        """One participant's whole story, facts and findings on one time line."""
        return await live.page("participant", trial, as_of, lambda framed: participant(framed, name))

    @app.get("/trials/{trial}/pipeline", response_class=HTMLResponse, tags=["pages"])
    async def pipeline_page(trial: str, as_of: AsOf = None) -> Response:
        """Facts by source, freshness, and quarantine with its messages."""
        return await live.page(
            "pipeline", trial, as_of, lambda framed: pipeline(framed) | {"steps": live.home.pipeline(trial)}
        )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(live.render("docs.html", api=app.openapi()))


def _whole(text: str | None) -> int | None:
    """A cookie is whatever a browser sends: what is no position was no look."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None


def _add_door(app: FastAPI, live: LivePage) -> None:
    accepts = {kind: {"schema": {"type": "string"}} for kind in (door.ONE, door.MANY, door.LINES)}
    said = {
        200: {"description": "Accepted or known. For a batch or lines: every outcome in its place, whatever it is."},
        202: {"description": "Sent on: the topic, partition and offset of each. A home on Kafka answers so."},
        400: {"description": "A hand-over that was not packed as one."},
        403: {"description": "Sent by a page of another origin, or to another host name."},
        409: {"description": "One fact, whose identity stands in the ledger with other content: in quarantine."},
        413: {"description": f"More than {door.LARGEST_BODY:,} bytes."},
        415: {"description": "A media type that is not read."},
        422: {"description": "One message that is no fact: in quarantine, with its address and what is wrong."},
        503: {"description": "The home does not answer. Whether a message arrived is not known: send it again."},
    }

    @app.post("/facts", tags=["facts"], responses=said, openapi_extra={"requestBody": {"content": accepts}})  # type: ignore[arg-type]
    async def facts(request: Request) -> Response:
        """Takes facts: one, an array, or lines. Answers when they are durable, and in a folder what follows from them.

        One fact is answered by an object, an array by an array, lines by lines: the position, or the quarantine
        number with the path and the reason.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (door.ONE, door.MANY, door.LINES, live.home.packed):
            raise HTTPException(415, f"facts come as {door.ONE}, {door.MANY} or {door.LINES}")
        body = await _limited(request)
        outcomes = await live.writing(lambda: _received(live.home, kind, body))
        for outcome in outcomes:
            live.measures.received(outcome["outcome"])
        return _outcomes(kind, outcomes)


def _received(home: HomePort, kind: str, body: bytes) -> Sequence[dict[str, Any]]:
    try:
        if kind != home.packed:
            named = f"http:{hashlib.sha256(body).hexdigest()[:12]}"
            return home.receive(door.messages(kind, body, named))
        return home.receive_packed(body)
    except HomeDownError as error:
        raise HTTPException(503, str(error)) from error
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


async def _limited(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > door.LARGEST_BODY:
            raise HTTPException(413, f"more than {door.LARGEST_BODY:,} bytes in one request")
    return bytes(body)


def _outcomes(kind: str, outcomes: Sequence[dict[str, Any]]) -> Response:
    status = door.status_of(kind, outcomes)
    if kind == door.ONE:
        return Response(json.dumps(outcomes[0]), status, media_type="application/json")
    if kind == door.MANY:
        return Response(json.dumps(outcomes), status, media_type="application/json")
    return Response("".join(json.dumps(outcome) + "\n" for outcome in outcomes), status, media_type=NDJSON)


def _add_findings(app: FastAPI, live: LivePage) -> None:
    @app.get("/trials/{trial}/findings", response_class=StreamingResponse, tags=["findings"])
    async def findings(
        trial: str,
        as_of: AsOf = None,
        happened_by: Annotated[date | None, Query(description="Only what had happened by this day.")] = None,
        kind: Annotated[str | None, Query(description="Only findings of this kind.")] = None,
    ) -> Response:
        """What stands, as canonical NDJSON, by key: computed from the ledger, byte for byte what `findings` prints."""
        if kind is not None and kind not in KINDS:
            raise HTTPException(422, f"no kind of finding is called so; there is {', '.join(KINDS)}")
        cut = await live.reading(lambda: live.position(trial, as_of))
        return _stream(live.home.findings(trial, cut, happened_by, kind))

    @app.get("/trials/{trial}/history", response_class=StreamingResponse, tags=["findings"])
    async def history(
        trial: str,
        as_of: AsOf = None,
        record: Annotated[str | None, Query(description="A record, by its own name or as source|record.")] = None,
        participant: Annotated[str | None, Query(description="A participant.")] = None,
        finding: Annotated[str | None, Query(description="A finding, by its key or the id of a change.")] = None,
    ) -> Response:
        """Every revision and change, with who, when and why, as canonical NDJSON."""
        if sum(asked is not None for asked in (record, participant, finding)) > 1:
            raise HTTPException(422, "one of record, participant and finding")
        cut = await live.reading(lambda: live.position(trial, as_of))
        told = live.home.history(trial, cut, record, participant, finding)
        first = await live.reading(lambda: next(told, None))
        if first is None:
            raise HTTPException(404, f"nothing of it is known at position {cut}")
        return _stream(chain([first], told))


def _stream(lines: Iterator[bytes]) -> StreamingResponse:
    return StreamingResponse((line + b"\n" for line in lines), media_type=NDJSON)


def _add_feed(app: FastAPI, live: LivePage) -> None:
    @app.get("/live", response_class=EventSourceResponse, tags=["live"])
    async def feed() -> EventSourceResponse:
        """Server-sent events: `stored` with the position of each trial, first as it stands, then as it moves."""
        listener = Listener()
        ending: Any = listener  # nothing but its `set` is called
        return EventSourceResponse(
            live.feed.events(listener), ping=15, shutdown_event=ending, shutdown_grace_period=A_MOMENT
        )


def _add_health(app: FastAPI, live: LivePage) -> None:
    @app.get("/healthz", response_class=PlainTextResponse, tags=["health"])
    async def alive() -> str:
        """The process answers."""
        return "alive\n"

    @app.get("/readyz", response_class=PlainTextResponse, tags=["health"])
    async def ready() -> Response:
        """The store answers, and is written."""
        if live.stored.failure is not None:
            return PlainTextResponse(f"the store is not written: {live.stored.failure}\n", status_code=503)
        await live.reading(lambda: live.store.query("SELECT 1 AS ready"))
        return PlainTextResponse("ready\n")

    @app.get("/metrics", response_class=PlainTextResponse, tags=["health"])
    async def metrics() -> Response:
        """Measures for Prometheus."""
        text = await live.reading(live.measures.text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_files(app: FastAPI, live: LivePage) -> None:
    kept = {"cache-control": "public, max-age=31536000, immutable"}

    @app.get("/static/charts.js", include_in_schema=False)
    async def charts() -> Response:
        script = await live.reading(live.bundle.read)
        return Response(script, media_type=assets.TYPES[".js"], headers=kept)

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in assets.NAMES:
            raise HTTPException(404, "There is no such file.")
        return Response(assets.own(name), media_type=assets.TYPES[Path(name).suffix], headers=kept)

    @app.get("/favicon.ico", include_in_schema=False)
    async def favicon() -> Response:
        return Response(assets.own("mark.svg"), media_type=assets.TYPES[".svg"], headers=kept)
