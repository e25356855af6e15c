"""Running the application: which address and token, a free port, an end at Ctrl-C."""

import logging
import secrets
import socket
import threading
import time
import webbrowser
from types import FrameType
from urllib.parse import quote

import uvicorn

from ..core import environment
from ..core.errors import Misused
from ..workflows.open_store import Store
from .app import create_app
from .options import WebOptions, is_loopback

TOKEN_VARIABLE = "OVSTORE_WEB_TOKEN"
_SHORTEST_TOKEN = 16
_TRIED = 20  # ports after one that is taken
_END_SECONDS = 3  # for answers that are on their way at Ctrl-C
_HEADER_BYTES = 64 << 10

log = logging.getLogger("ovstore.web")


def options(
    host: str, port: int, sql: bool, allow_hosts: tuple[str, ...], root_path: str, trust_proxy: tuple[str, ...]
) -> WebOptions:
    """With a token where the address needs one: that of OVSTORE_WEB_TOKEN, else a new one."""
    token = environment.value(TOKEN_VARIABLE) or None
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise Misused(f"{TOKEN_VARIABLE} has {len(token)} characters; at least {_SHORTEST_TOKEN} were expected.")
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(32)
    return WebOptions(host, port, sql, token, allow_hosts, root_path.rstrip("/"), trust_proxy)


def require_free(host: str, port: int) -> None:
    """Misused for a port that is taken, which names the next free one, and for an address of another machine."""
    try:
        _bound(host, port).close()
        return
    except OSError as error:
        reason = error
    for other in range(port + 1, min(port + _TRIED, 65536)):
        try:
            _bound(host, other).close()
        except OSError:
            continue
        raise Misused(f"Port {port} of {host} is in use: try --port {other}.") from reason
    raise Misused(f"Nothing can be served on {host} port {port}: {reason.strerror or reason}.") from reason


def address(options: WebOptions) -> str:
    """A URL that works as it is printed."""
    host = "localhost" if options.host in ("0.0.0.0", "::") else options.host
    shown = options.allow_hosts[0] if options.allow_hosts else (f"[{host}]" if ":" in host else host)
    port = "" if ":" in shown.rpartition("]")[2] else f":{options.port}"
    login = "/" if options.token is None else f"/login?token={quote(options.token, safe='')}"
    return f"http://{shown}{port}{options.root_path}{login}"


def serve(store: Store, options: WebOptions, *, open_page: bool = False, verbose: bool = False) -> None:
    """Until a signal asks for the end."""
    app = create_app(store, options)
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(options.trust_proxy),
        forwarded_allow_ips=list(options.trust_proxy),
        timeout_graceful_shutdown=_END_SECONDS,
        timeout_keep_alive=10,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        limit_concurrency=512,
        lifespan="on",
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if verbose:
        log.setLevel(logging.INFO)
    if open_page:
        threading.Thread(target=_open_when_up, args=(options,), daemon=True).start()
    _Server(config, app.closing).run()


class _Server(uvicorn.Server):
    """Tells streams of events that the end is near."""

    def __init__(self, config: uvicorn.Config, closing: threading.Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._closing.set()
        super().handle_exit(sig, frame)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(1)
    except BaseException:
        found.close()
        raise
    return found


def _open_when_up(options: WebOptions) -> None:
    for _ in range(100):
        time.sleep(0.1)
        try:
            socket.create_connection((options.host, options.port), 1).close()
        except OSError:
            continue
        webbrowser.open(address(options))
        return
