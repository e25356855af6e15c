"""Names that a shell completes: of encoders as they are installed, of scenes and features as they were last seen.

A key that completes may not start a database. So each command that opens a store notes its names in the user's cache,
once `ovstore completion` has made the folder for it; completing reads that note and nothing else.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ...core import environment, plugins
from ...core.errors import OvstoreError
from ...core.wording import shown
from .named_store import store_folder

if TYPE_CHECKING:
    from ...store.postgres.database import Database

_MOST_BYTES = 16 << 20
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def notes_folder() -> Path | None:
    """Where names are noted; None where the user has no folder."""
    named = environment.value("XDG_CACHE_HOME")
    with suppress(RuntimeError):
        return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "ovstore" / "names"
    return None


def note_names(store: "Database") -> None:
    """Note what the store holds, where somebody completes; a note that cannot be written is nobody's concern."""
    from ...core.files import replacing
    from ...store.catalog import catalog

    folder = notes_folder()
    if folder is None or not folder.is_dir():
        return
    with suppress(OvstoreError, OSError):
        names = catalog.names(store)
        path = _note(folder, store.path)
        text = json.dumps(names)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with replacing(path) as part:
                part.write_text(text, encoding="utf-8")


def complete(kind: str) -> Completer:
    """What begins as typed: of "scenes", "datasets" or "features"."""

    def found(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        folder = notes_folder()
        with suppress(OvstoreError, RuntimeError):  # wrong settings, or a home that is nobody's: said when it is run
            if folder is not None:
                noted = _read(_note(folder, Path(store_folder(ctx)).expanduser().absolute())).get(kind)
                return _items(noted if isinstance(noted, list) else [], incomplete)
        return []

    return found


def complete_encoder(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Encoders that begin as typed."""
    return _items(plugins.names("models.encoders"), incomplete)


def _items(names: Any, incomplete: str) -> list[CompletionItem]:
    """Names that a shell can be handed: on one line."""
    return [
        CompletionItem(name)
        for name in names
        if isinstance(name, str) and name.startswith(incomplete) and shown(name) == name
    ]


def _note(folder: Path, store: Path) -> Path:
    from ...core.files import stable_name

    return folder / f"{stable_name(store.name, str(store))}.json"


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        if path.stat().st_size <= _MOST_BYTES:
            found = json.loads(path.read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
    return {}
