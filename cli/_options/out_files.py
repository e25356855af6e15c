"""Options that name a file to write: what its name cannot mean is said before any work is done."""

import os
from pathlib import Path
from typing import Any

import click


class PictureFile(click.Path):
    """A file whose suffix is one of a picture."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from ...core.errors import BadInput
        from ...drawing.picture_file import kind_of

        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            kind_of(path)
        except BadInput as error:
            self.fail(str(error), param, ctx)
        return path


class PlyFile(click.Path):
    """A file whose suffix is .ply."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() != ".ply":
            self.fail(f"{path}: a point cloud is written as .ply.", param, ctx)
        return path
