"""What every request passes before anything is done for it: Host, token, Origin, the size and speed of its body.

Plain ASGI around the whole application, static files and pages included. docs/web.md says which threat each rule meets.
"""

import hmac
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .options import WebOptions
from .problems import Problem, response_of
from .uploads import MOST_BYTES, MOST_JSON

log = logging.getLogger("ovstore.web")

COOKIE = "ovstore_token"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_MULTIPART_HEAD = 1 << 16  # bytes around the picture
_BODY_SECONDS = 30.0  # for all of a body
_WRONG_MOST = 10  # wrong tokens of a client before it has to wait
_WRONG_SECONDS = 60.0
_CLIENTS = 4096  # whose wrong tokens are remembered


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, options: WebOptions, closing: threading.Event) -> None:
        self._app, self._options = app, options
        self.closing = closing  # set when streams are to end
        self._hosts = options.hosts
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # client -> how often, since when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        scope = self._below_root(scope)
        headers = Headers(scope=scope)
        send = _logged(scope, _with_headers(send))
        try:
            self._require_host(headers)
            self._require_origin(scope, headers)
            if await self._logged_in(scope, headers, send):
                return
            receive = self._limited(scope, headers, receive)
        except Problem as found:
            await response_of(found, scope["path"], self._options.root_path)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _below_root(self, scope: Scope) -> Scope:
        """With the path as browsers know it, whether the proxy in front cut the prefix off or not."""
        root, path = self._options.root_path, scope["path"]
        whole = path if not root or path == root or path.startswith(f"{root}/") else root + path
        return {**scope, "path": whole, "root_path": root}

    def _is_login(self, scope: Scope) -> bool:
        return bool(scope["path"] == f"{self._options.root_path}/login")

    def _require_host(self, headers: Headers) -> None:
        """DNS rebinding: another site's name may lead here."""
        named = headers.getlist("host")
        if len(named) != 1 or named[0].lower() not in self._hosts:
            shown = named[0][:80] if named else "no name"
            raise Problem(
                421, "foreign-host", f"This server is not known as {shown}: start it with --allow-host to change that."
            )

    def _require_origin(self, scope: Scope, headers: Headers) -> None:
        """Requests of other sites' pages; what changes nothing may be linked to."""
        origin, host = headers.get("origin"), headers["host"].lower()
        if origin is not None and urlsplit(origin.lower()).netloc != host:
            raise Problem(403, "foreign-origin", f"Requests of the site {origin[:80]} are refused.")
        if scope["method"] in _SAFE:
            return
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Problem(403, "foreign-origin", "Requests of other sites' pages are refused.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data" and headers.get("x-ovstore") != "1":
            raise Problem(403, "foreign-origin", "A form with a picture needs the header X-Ovstore: 1.")
        if kind not in ("application/json", "multipart/form-data"):
            raise Problem(415, "media-type", "A body is application/json, or multipart/form-data with a picture.")

    async def _logged_in(self, scope: Scope, headers: Headers, send: Send) -> bool:
        """Whether the request was answered: /login always is, and all else where the token is missing or wrong."""
        token = self._options.token
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if self._is_login(scope) else {}
        if token is None:
            return await _redirected(asked, {}, send, self._options.root_path) if asked else False
        client = scope["client"][0] if scope.get("client") else ""
        given = asked.get("token") or _bearer(headers) or _cookie(headers)
        if given is not None:
            self._require_patience(client)
        if given is None or not hmac.compare_digest(given.encode(), token.encode()):
            if given is not None:
                self._note_wrong(client)
            raise Problem(
                401, "no-token", "Open the address that `ovstore web` printed, or send Authorization: Bearer TOKEN.",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        self._wrong.pop(client, None)
        if not self._is_login(scope):
            return False
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        path = self._options.root_path or "/"
        cookie = f"{COOKIE}={quote(token, safe='')}; HttpOnly; SameSite=Strict; Path={path}{secure}"
        return await _redirected(asked, {"Set-Cookie": cookie}, send, self._options.root_path)

    def _require_patience(self, client: str) -> None:
        """Guessing is slow: a right token of that client waits, too."""
        count, since = self._wrong.get(client, (0, 0.0))
        left = since + _WRONG_SECONDS - time.monotonic()
        if count >= _WRONG_MOST and left > 0:
            headers = {"Retry-After": str(int(left) + 1)}
            raise Problem(429, "busy", "Too many wrong tokens came from this address: wait a minute.", headers=headers)

    def _note_wrong(self, client: str) -> None:
        count, since = self._wrong.pop(client, (0, 0.0))
        if time.monotonic() - since > _WRONG_SECONDS:
            count = 0
        self._wrong[client] = (count + 1, time.monotonic())
        while len(self._wrong) > _CLIENTS:
            self._wrong.popitem(last=False)

    def _limited(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """The body, of which no more is taken than is allowed, and for no longer."""
        multipart = headers.get("content-type", "").lower().startswith("multipart/")
        most = MOST_BYTES + _MULTIPART_HEAD if multipart else MOST_JSON
        if scope["method"] in _SAFE:
            most = 0
        claimed = headers.get("content-length", "0")
        if not claimed.isdecimal() or len(claimed) > 15 or int(claimed) > most:
            raise Problem(
                413, "too-large", f"The body may have at most {most:,} bytes.", headers={"Connection": "close"}
            )
        return _Limited(receive, most).receive


class _Limited:
    """Counts the bytes of a body, and the seconds."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left, self._most = receive, most, most
        self._until = time.monotonic() + _BODY_SECONDS
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        with anyio.move_on_after(max(self._until - time.monotonic(), 0.0)) as timed:
            message = await self._receive()
        if timed.cancelled_caught:
            raise Problem(408, "too-slow", f"The body did not arrive in {_BODY_SECONDS:g} s.")
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise Problem(413, "too-large", f"The body may have at most {self._most:,} bytes.")
        self._whole = not message.get("more_body", False)
        return message


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent


def _logged(scope: Scope, send: Send) -> Send:
    """A line per answer with `ovstore -v web`: what was asked, but for tokens."""
    began = time.monotonic()
    query = scope["query_string"].decode("latin-1") if not scope["path"].endswith("/login") else ""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            asked = scope["path"] + (f"?{query}" if query else "")
            milliseconds = 1000 * (time.monotonic() - began)
            log.info("%s %s %d %.0f ms", scope["method"], asked[:500], message["status"], milliseconds)
        await send(message)

    return sent


def _bearer(headers: Headers) -> str | None:
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" and given else None


def _cookie(headers: Headers) -> str | None:
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return unquote(value)
    return None


async def _redirected(asked: Mapping[str, str], further: Mapping[str, str], send: Send, root_path: str) -> bool:
    """To the page that was meant, without the token in its URL."""
    wanted = asked.get("next", "/")
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    headers = {"Location": root_path + (wanted if local else "/"), "Cache-Control": "no-store", **further}
    raw = [(name.lower().encode(), value.encode("latin-1", "ignore")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 303, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
    return True
