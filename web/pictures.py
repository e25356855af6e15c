"""Pictures out: catalogued images as they are or smaller, crops of them, and scenes as the server draws them."""

import io
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.errors import NotFound, OvstoreError
from ..core.features import Evidence
from ..drawing.clouds import heat_drawing, scene_drawing
from ..drawing.contact_sheet import evidence_tile
from ..models.pictures import opened, read_image
from ..query import heat
from ..query.question import Question
from ..store.catalog import catalog, displays
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database

WEBP = "image/webp"
_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_QUALITY = 80
_TRIED = 3  # frames whose images may be gone before the scene is drawn instead


def original(path: Path) -> tuple[Path, str]:
    """The file of an image and its type; NotFound for what is none that browsers show."""
    try:
        with opened(path) as picture:
            kind = picture.format or ""
    except OvstoreError as error:
        raise NotFound("The image of this frame is gone, or cannot be read.") from error
    if kind not in _MEDIA_TYPES:
        raise NotFound(f"The image of this frame is {kind}, which browsers do not show: ask for a width.")
    return path, _MEDIA_TYPES[kind]


def scaled(path: Path, width: int) -> bytes:
    """WebP at most that wide."""
    image = Image.fromarray(_pixels(path))
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
    return _webp(image)


def crop(path: Path, view: Evidence) -> bytes:
    """The box of a view with what surrounds it."""
    return _webp(evidence_tile(Image.fromarray(_pixels(path)), view))


def drawn(store: Database, scene: SceneInfo, width: int) -> bytes:
    """The scene from above one corner, kept for the next time."""

    def make() -> bytes:
        return _narrowed(scene_drawing(store, scene.full_name).picture(), width)

    return displays.picture(store, scene, f"drawn-{width}", make)


def heated(store: Database, scene: SceneInfo, words: str, features: str | None, width: int) -> bytes:
    """The same with the points that answer words warmer."""
    return _narrowed(heat_drawing(heat.heat_map(store, scene.full_name, Question(words), features)).picture(), width)


def thumbnail(store: Database, scene: SceneInfo, width: int = 320) -> bytes:
    """The image that sees most, or the scene drawn where no image can be read."""
    for frame in catalog.widest_frames(store, scene.id, _TRIED):
        with suppress(OvstoreError):
            return displays.picture(store, scene, f"thumbnail-{scene.id}-{width}", partial(scaled, frame, width))
    return drawn(store, scene, width)


def _pixels(path: Path) -> NDArray[np.uint8]:
    try:
        return read_image(path)
    except OvstoreError as error:
        raise NotFound("The image of this frame is gone, or cannot be read.") from error


def _narrowed(image: Image.Image, width: int) -> bytes:
    height = max(1, round(image.height * width / image.width))
    return _webp(image if image.width <= width else image.resize((width, height), Image.Resampling.LANCZOS))


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=_QUALITY, method=2)
    return out.getvalue()
