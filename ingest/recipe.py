"""What decides a feature set's numbers, and nothing else: no folder, device, worker count or batch size."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core.errors import BadScene
from ..core.features import EmbeddingSpace
from .fusion.fuse import FusionOptions as FuseOptions
from .fusion.visibility import VisibilityOptions
from .regions.objects import ObjectOptions
from .regions.pool import PoolOptions
from .regions.superpoints import SuperpointOptions

VERSION = 1  # raised when the same options start to give other numbers


@dataclass(frozen=True)
class Request:
    """What a person asked for: scans in a format, seen by an encoder. Travels to worker processes."""

    dataset: str  # its name in the store
    format: str  # the dataset plug-in
    root: Path
    encoder: str  # the encoder plug-in
    dataset_options: Any  # the plug-ins' own Options
    encoder_options: Any
    features: str  # the feature sets' name
    visibility: VisibilityOptions = field(default_factory=VisibilityOptions)
    superpoints: SuperpointOptions = field(default_factory=SuperpointOptions)
    fuse: FuseOptions = field(default_factory=FuseOptions)
    objects: ObjectOptions = field(default_factory=ObjectOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    device: str = "auto"
    again: bool = False  # do the work even where the store is up to date
    memory_mb: int = 2048  # feature maps kept in memory; beyond it they wait on disk
    typed: frozenset[str] | None = None  # the options that somebody chose; None: all. Others give way to stored ones


def geometry(request: Request) -> dict[str, Any]:
    """Points, frames, visibility and superpoints: what every encoder shares."""
    return {
        "version": VERSION,
        "dataset": {"format": request.format, "options": _plain(request.dataset_options)},
        "visibility": _plain(request.visibility),
        "superpoints": _plain(request.superpoints),
    }


def features(
    request: Request,
    space: EmbeddingSpace,
    files: Sequence[Path] = (),
    maps_digest: str | None = None,
    made_of: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything behind the vectors of a feature set, its geometry included.

    Vectors that were fused elsewhere are what their `files` hold; the encoder then only says who answers for the words.
    `maps_digest` is that of the maps, where they were computed elsewhere; `made_of` the recipe of a stored geometry.
    """
    imported = {"files": {path.name: _sha256(path) for path in files}, "unit_length": request.fuse.unit_length}
    return {
        "version": VERSION,
        "geometry": made_of or geometry(request),
        **encoding(request.encoder, request.encoder_options, space),
        **({"imported": imported} if files else {"fuse": _plain(request.fuse)}),
        **({} if maps_digest is None else {"maps": maps_digest}),
        "objects": _plain(request.objects),
        "pool": _plain(request.pool),
    }


def encoding(encoder: str, options: Any, space: EmbeddingSpace) -> dict[str, Any]:
    """Everything behind the feature map of a picture."""
    return {"encoder": {"name": encoder, "options": _plain(options)}, "space": asdict(space)}


def distilled(
    geometry: dict[str, Any],
    encoding: dict[str, Any],
    student: dict[str, Any],
    objects: ObjectOptions,
    pool: PoolOptions,
) -> dict[str, Any]:
    """Everything behind vectors that a student gives; `encoding` is of those that taught it, who answer for words."""
    made = {"version": VERSION, "geometry": geometry, **encoding, "student": student}
    return {**made, "objects": _plain(objects), "pool": _plain(pool)}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error


def _plain(options: Any) -> dict[str, Any]:
    """A frozen dataclass as JSON knows it, but for fields marked as deciding no number (metadata "recipe": False).

    Fields that an Options gained later (metadata "later": True) are left out where they have their default, so that
    recipes of before stay what they were.
    """
    silent = {item.name for item in fields(options) if not item.metadata.get("recipe", True)}
    silent |= {
        item.name
        for item in fields(options)
        if item.metadata.get("later", False) and getattr(options, item.name) == item.default
    }
    values = {name: value for name, value in asdict(options).items() if name not in silent}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
