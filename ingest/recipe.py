"""What decides a feature set's numbers, and nothing else: no folder, device, worker count or batch size."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core import plugins
from ..core.digests import file_digest
from ..core.errors import BadScene
from ..core.features import EmbeddingSpace
from ..core.options import chosen
from ..core.wording import reason
from .fusion.fuse import FusionOptions
from .fusion.visibility import VisibilityOptions
from .regions.masks.options import MaskOptions
from .regions.objects import MergedBy, ObjectOptions
from .regions.pool import PoolOptions
from .regions.superpoints import SuperpointOptions

VERSION = 1  # raised when the same options start to give other numbers


@dataclass(frozen=True)
class GeometryRequest:
    """Which scans, and how they become points, frames, visibility and superpoints."""

    dataset: str  # its name in the store
    format: str  # the dataset plug-in
    root: Path
    dataset_options: Any  # the plug-in's own Options
    visibility: VisibilityOptions = field(default_factory=VisibilityOptions)
    superpoints: SuperpointOptions = field(default_factory=SuperpointOptions)
    typed: frozenset[str] | None = None  # names of options chosen explicitly; None: all. Stored values replace others


@dataclass(frozen=True)
class MaskRequest:
    """Which 2D masks say what is one thing, and how."""

    files: Path  # the folder
    merged_by: MergedBy = "both"
    options: MaskOptions = field(default_factory=MaskOptions)


@dataclass(frozen=True)
class FeatureRequest:
    """How stored geometry becomes a feature set: the encoder, and everything after it."""

    name: str  # of the feature sets
    encoder: str  # the encoder plug-in
    encoder_options: Any  # the plug-in's own Options
    fuse: FusionOptions = field(default_factory=FusionOptions)
    objects: ObjectOptions = field(default_factory=ObjectOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    masks: MaskRequest | None = None
    instances: Path | None = None  # objects that other tools found: the file of a scene, or a folder of them


def geometry(request: GeometryRequest) -> dict[str, Any]:
    """Points, frames, visibility and superpoints: what every encoder shares."""
    return {
        "version": VERSION,
        "dataset": {"format": request.format, "options": _plain(request.dataset_options)},
        "visibility": _plain(request.visibility),
        "superpoints": _plain(request.superpoints),
    }


def features(
    request: FeatureRequest,
    geometry: dict[str, Any],
    space: EmbeddingSpace,
    files: Sequence[Path] = (),
    maps_digest: str | None = None,
    masks_digest: str | None = None,
    instances_digest: str | None = None,
) -> dict[str, Any]:
    """Everything that decides the vectors of a feature set, the recipe of its geometry included.

    For vectors that were fused elsewhere these are their `files`; the encoder then only names the text tower.
    `maps_digest` is the digest of feature maps that were computed elsewhere, `masks_digest` that of 2D masks,
    `instances_digest` that of objects that other tools found.
    """
    masks = request.masks
    imported = {"files": {path.name: _digest(path) for path in files}, "unit_length": request.fuse.unit_length}
    return {
        "version": VERSION,
        "geometry": geometry,
        **encoding(request.encoder, request.encoder_options, space),
        **({"imported": imported} if files else {"fuse": _plain(request.fuse)}),
        **({} if maps_digest is None else {"maps": maps_digest}),
        **({} if instances_digest is None else {"instances": instances_digest}),
        "objects": _plain(request.objects),
        **({} if masks is None else {"masks": _masks(masks, masks_digest)}),
        "pool": _plain(request.pool),
    }


def _masks(masks: MaskRequest, digest: str | None) -> dict[str, Any]:
    return {"files": digest, "merged_by": masks.merged_by, "options": _plain(masks.options)}


def cut(masks: MaskRequest | None, digest: str | None) -> dict[str, Any] | None:
    """The part of a geometry's recipe on the masks that its superpoints are cut along; None for none."""
    if masks is None or masks.merged_by == "features":
        return None
    return {"files": digest, "options": _plain(masks.options)}


def encoding(encoder: str, options: Any, space: EmbeddingSpace) -> dict[str, Any]:
    """Everything behind the feature map of an image."""
    return {"encoder": {"name": encoder, "options": _plain(options)}, "space": asdict(space)}


def encoding_by_name(encoder: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], EmbeddingSpace]:
    """The `encoding` of an encoder with options chosen by name, and its embedding space."""
    plugin = plugins.load("models.encoders", encoder, noun="encoder")
    own = chosen(plugin.Options, options, encoder)
    space: EmbeddingSpace = plugin.space(own)
    return encoding(encoder, own, space), space


def encoding_of(recipe: Mapping[str, Any], space: EmbeddingSpace) -> dict[str, Any]:
    """The `encoding` of feature sets that are there, by their recipe and embedding space."""
    return {"encoder": recipe["encoder"], "space": asdict(space)}


def distilled(
    geometry: dict[str, Any],
    encoding: dict[str, Any],
    student: dict[str, Any],
    objects: ObjectOptions,
    pool: PoolOptions,
) -> dict[str, Any]:
    """Everything behind vectors that a student gives; `encoding` is that of the features it was trained on."""
    made = {"version": VERSION, "geometry": geometry, **encoding, "student": student}
    return {**made, "objects": _plain(objects), "pool": _plain(pool)}


def added(
    geometry: dict[str, Any], encoding: dict[str, Any], digest: str, objects: ObjectOptions, pool: PoolOptions
) -> dict[str, Any]:
    """Everything behind vectors that were handed over as an array; `encoding` is that of their text tower."""
    imported = {"vectors": digest, "unit_length": True}
    made = {"version": VERSION, "geometry": geometry, **encoding, "imported": imported}
    return {**made, "objects": _plain(objects), "pool": _plain(pool)}


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise BadScene(f"{path}: {reason(error)}") from error


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
