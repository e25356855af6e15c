"""How a store is served."""

import ipaddress
from dataclasses import dataclass

from ..core.errors import Misused

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class WebOptions:
    """What `ovstore web` takes."""

    host: str = LOOPBACK  # address to bind
    port: int = 8000
    sql: bool = False  # whether POST /api/v1/sql and /sql answer
    token: str | None = None  # what clients must show; None: nobody is asked, which only loopback allows
    allow_hosts: tuple[str, ...] = ()  # further names that Host may have, with or without a port
    root_path: str = ""  # the prefix under which a reverse proxy shows the store
    trust_proxy: tuple[str, ...] = ()  # addresses of proxies whose forwarded headers are believed
    log_questions: bool = False

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise Misused(f"{self.host} is reached by others: a token is needed to serve it there.")
        if self.root_path and not self.root_path.startswith("/"):
            raise Misused(f"--root-path {self.root_path!r} must begin with /, such as /scans.")

    @property
    def hosts(self) -> frozenset[str]:
        """What the Host header may be, in lower case."""
        own = {self.host, *self.allow_hosts}
        if is_loopback(self.host):
            own |= {"localhost", "127.0.0.1", "[::1]"}
        own = {
            f"[{name}]" if ":" in name and name.count(":") > 1 and not name.startswith("[") else name for name in own
        }
        named = {name.lower() for name in own}
        return frozenset(named | {f"{name}:{self.port}" for name in named})


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
