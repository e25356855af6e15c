"""Errors name the file that they are about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import BadInput, BadScene


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """What is wrong in the block is wrong with `path`, or a place in it; a message that does not say so is made to."""
    try:
        yield
    except BadInput as error:
        if str(path) in str(error):
            raise
        raise BadScene(f"{path}: {error}") from error
