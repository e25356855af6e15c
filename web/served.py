"""What all requests share: the open store, the options, and how much work is taken on at once."""

import threading
from dataclasses import dataclass, field

from starlette.requests import Request

from ..workflows.open_store import Store
from .events import Watcher
from .kept_pictures import KeptPictures
from .limits import Gates
from .options import WebOptions
from .words import Words


@dataclass(frozen=True)
class Served:
    """One store that is served."""

    store: Store
    options: WebOptions
    words: Words
    watcher: Watcher
    gates: Gates = field(default_factory=Gates)
    pictures: KeptPictures = field(default_factory=KeptPictures)
    closing: threading.Event = field(default_factory=threading.Event)  # set when the server is told to stop


def served(request: Request) -> Served:
    """What the application of a request serves."""
    found = request.app.state.served
    assert isinstance(found, Served)
    return found


def prefix(request: Request) -> str:
    """What all URLs of answers begin with: the path under which a proxy shows the store."""
    return str(request.scope.get("root_path", "")).rstrip("/")
