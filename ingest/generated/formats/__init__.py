"""File formats that generated scenes are written in; one file each, its name is what people type.

A format file defines what `Format` says, and may offer `SharedFiles`. Its docstring opens with one line for the
command's help. The reader of the same name in ingest/datasets takes in what it writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ....core.contracts import Contract

if TYPE_CHECKING:
    from ..recording import Recording


class Format(Protocol):
    """What every format file defines."""

    NEXT: str  # the command that ingests the result, with {path} for its place

    def write(self, folder: Path, recording: "Recording") -> None:
        """One scene into `folder`, new and empty; equal recordings give equal bytes."""

    def write_set(self, root: Path, names: Sequence[str]) -> None:
        """What the format keeps beside the scenes, such as lists of splits, or in their place.

        In their place: then it takes the scenes' folders apart and leaves none.
        """


class SharedFiles(Protocol):
    """Offered where write_set makes files out of the scenes: they are not written over, and go with the set."""

    SHARED: tuple[str, ...]  # their names below `root`


CONTRACT = Contract("format", Format, (SharedFiles,))
