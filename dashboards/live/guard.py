"""Who may ask, and what may a page load? Only this machine asks; a page loads nothing from anywhere else.

The page listens on loopback. A page of another site, open in the same browser, still reaches loopback: by a name it
has rebound to 127.0.0.1, or by posting across origins. So the Host is checked, and a POST from elsewhere is refused.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Scripts only from here, none inline. Charts set styles in place, so styles may stand inline."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Refuses strangers, and puts the policy on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or says why not."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        refusal = refused(
            scope["method"], headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site")
        )
        app = PlainTextResponse(refusal + "\n", status_code=403) if refusal else self._app
        return await app(scope, receive, _with_headers(send))


def refused(method: str, host: str, origin: str | None, site: str | None) -> str | None:
    """Why a request is refused, if it is."""
    if _name(f"//{host}") not in OWN_NAMES:
        return "This page answers only to localhost, 127.0.0.1 and [::1]."
    if method in ("GET", "HEAD"):
        return None
    if site == "cross-site" or (origin is not None and urlsplit(origin).netloc != host):
        return "A page of another origin may not send anything here."
    return None


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                answered.setdefault(name, value)
            answered.setdefault("cache-control", "no-store")
        await send(message)

    return sending
