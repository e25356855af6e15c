"""Formats that scans come in; one file each, its name is what people type after `ovstore ingest`.

A dataset file defines what `Dataset` says, and may offer `ScanFiles`, `LayoutCheck` and `FusedFeatures`. Its docstring
opens with one line for the command's help, then shows the folder tree it reads. A dataset knows no database, encoder or
feature.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...core.contracts import Contract

if TYPE_CHECKING:
    from ...core.scene import Scene
    from ..imported_features import ImportedFeatures


class Dataset(Protocol):
    """What every dataset file defines."""

    # A frozen dataclass, every field with a default and metadata={"help": "..."}; the command line makes one option of
    # each field (frame_stride -> --frame-stride). "recipe": False marks a field that changes no scene, only which ones
    # are read; "later": True one that was added after scenes were stored: no recipe names its default.
    Options: type[Any]

    def scene_names(self, root: Path, options: Any) -> list[str]:
        """The scenes below `root`, sorted; BadInput that says what was looked for when none."""

    def load_scene(self, root: Path, name: str, options: Any, unpacked: Path) -> "Scene":
        """One scene; frames are paths. BadScene for a scan that cannot be taken in.

        What must be unpacked from a container (.sens, archives) is written once below `unpacked`, a folder of this
        scene alone that outlives ingest.
        """


class ScanFiles(Protocol):
    """Offered where a scene is not all that its folder (Scene.source) holds, or more."""

    def scan_files(self, root: Path, name: str, options: Any) -> list[Path]:
        """The files and folders that it is read from, but for the images of its frames.

        Cheap, for it is called for every scene that is up to date.
        """


class LayoutCheck(Protocol):
    """Offered where names, poses and cameras tell, without an image being read, that a scene or option is missing."""

    def check_layout(self, root: Path, name: str, options: Any) -> None:
        """BadScene; asked before any network is loaded."""


class FusedFeatures(Protocol):
    """Offered where scans may come with features that were fused elsewhere."""

    def feature_paths(self, root: Path, name: str, options: Any) -> list[Path]:
        """The files with the scene's features, all that decides them; none: ours are made."""

    def load_features(self, paths: Sequence[Path]) -> "ImportedFeatures":
        """What they hold; its scene may be `points_only`, without frames.

        The options that name the files are no part of the recipe: the files' digests are.
        """


CONTRACT = Contract("dataset", Dataset, (ScanFiles, LayoutCheck, FusedFeatures))
