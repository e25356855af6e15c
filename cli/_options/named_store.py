"""The folder of the store that a command works on."""

import click

from ...core import settings


def store_folder(ctx: click.Context | None = None) -> str:
    """What --store, the environment or a file of settings names."""
    root = (ctx or click.get_current_context()).find_root()
    return root.obj or root.params.get("store_path") or settings.store_folder()
