"""A question and those who can answer it: words, a picture or a region, against feature sets of one space."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.annotated import check_fields
from ..core.by_value import ByValue
from ..core.errors import BadInput, NotFound, UnknownWords
from ..core.features import EmbeddingSpace
from ..models.pictures import given_image, read_image
from ..store.catalog import catalog, loading, region_names
from ..store.postgres.database import Database
from .encode import BoxXyxy, Encoder, encoder_of, unit


@dataclass(frozen=True)
class AskedFeatures:
    """The feature sets that are asked: all of one name and embedding space."""

    features: str
    space: EmbeddingSpace
    encoder: Encoder


# A picture that a question is asked with: a file's path, its bytes, an array (see models/pictures.py), or Pillow's own.
GivenImage = str | Path | bytes | NDArray[np.uint8] | Image.Image


@dataclass(frozen=True, eq=False)
class Question(ByValue):
    """Words, or a picture or frame (or a box of it), or a region to be like: exactly one of them."""

    text: str | None = None
    image: GivenImage | None = None
    box_xyxy: BoxXyxy | None = None  # pixels of the image, or of the frame
    like: int | str | None = None  # a region: SCENE:ORDINAL@LEVEL, or its database id
    frame: tuple[str, str] | None = None  # the name of a scene, and of one of its frames

    def __post_init__(self) -> None:
        check_fields(self)
        asked = (("words", self.text), ("an image", self.image), ("like", self.like), ("a frame", self.frame))
        given = [name for name, value in asked if value is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise BadInput(f"Query with words, an image or a region: exactly one of them, not {found}.")
        if self.box_xyxy is not None and self.image is None and self.frame is None:
            raise BadInput("A box needs an image or a frame.")
        if self.box_xyxy is not None:
            _require_corners(*self.box_xyxy)
        if self.text is not None and not self.text.strip():
            raise BadInput("The query has no words.")
        if "\0" in str(self):
            raise BadInput(f"The query {str(self)!r} contains a NUL character, which no text or path can.")

    def __str__(self) -> str:
        if self.frame is not None:
            return f"frame {self.frame[1]} of {self.frame[0]}"
        if self.image is not None:
            return str(self.image) if isinstance(self.image, str | Path) else "an image"
        return self.text or f"like region {self.like}"

    def vector(self, store: Database, target: AskedFeatures) -> NDArray[np.float32]:
        """(dim,) unit length, in the target's space."""
        if self.like is not None:
            region = region_names.find(store, self.like, target.features)
            if region.level == "thing":
                return unit(region_names.thing_vector(store, region).astype(np.float32))
            space, vector = catalog.region_vector(store, region.id)
            target.space.require_same(space)
            return unit(vector)
        if self.image is not None:
            image = Path(self.image) if isinstance(self.image, str | Path) else given_image(self.image)
            return target.encoder.picture(image, self.box_xyxy)
        if self.frame is not None:
            return target.encoder.picture(stored_image(store, *self.frame), self.box_xyxy)
        assert self.text is not None
        try:
            return target.encoder.texts([self.text])[0]
        except UnknownWords as error:
            raise UnknownWords(f"{error}{_others(store, target)}", near=error.near) from error


def stored_image(store: Database, scene: str, name: str) -> NDArray[np.uint8]:
    """(H, W, 3) a frame's picture as cameras and boxes have it."""
    found = catalog.find_scene(store, scene)
    path = loading.load_frame(store, found.id, name).image_path
    if not path.is_file():
        raise NotFound(f"The image of frame {name!r} of {found.full_name} is gone from where it was ingested.")
    return read_image(path)


def _require_corners(x0: float, y0: float, x1: float, y1: float) -> None:
    """BadInput unless the first corner is the upper left one."""
    said = f"{x0:g},{y0:g},{x1:g},{y1:g}"
    if not np.isfinite((x0, y0, x1, y1)).all() or min(x0, y0) < 0:
        raise BadInput(f"The box {said} is not four pixel coordinates x0,y0,x1,y1 of 0 or more.")
    if x0 >= x1 or y0 >= y1:
        left, right = sorted((x0, x1))
        upper, lower = sorted((y0, y1))
        turned = f"; the other way round it is {left:g},{upper:g},{right:g},{lower:g}"
        raise BadInput(
            f"The box {said} is empty: x0,y0 must be its upper left corner and x1,y1 its lower right "
            f"one{turned if x0 != x1 and y0 != y1 else ''}."
        )


def _others(store: Database, target: AskedFeatures) -> str:
    """A sentence on the store's other features, whose encoders may know more words."""
    names = {name for scene in catalog.scenes(store) for name in scene.features} - {target.features}
    return f" The store has other features, too: --features {' or '.join(sorted(names))}." if names else ""


def target_of(store: Database, features: str | None = None, *, keep: bool = True) -> AskedFeatures:
    """The feature sets called `features`; without a name, the kind that covers most scenes.

    Without `keep` the store keeps no words that it is asked with.
    """
    kind = catalog.feature_kind(store, features)
    return AskedFeatures(kind.name, kind.space, encoder_of(kind.recipe, kind.space, store=store, keep=keep))
