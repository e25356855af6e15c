"""`ovstore.segment`: the pixels of an image named by words, to compute with or to look at."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.annotated import checked, several
from ..core.errors import BadInput
from ..drawing import picture_file
from ..drawing.preview import Labels
from ..drawing.preview import segmented as drawn
from ..evaluation.labels.palette import distinct_colours
from ..models.pictures import given_image, read_image
from ..query.encode import Encoder
from ..query.question import GivenImage, stored_image, target_of
from ..query.segment import Segmented
from ..query.segment import segment as segment_pixels
from ..store.postgres.database import Database


@dataclass(frozen=True, eq=False)
class DrawnSegments(Segmented):
    """A segmented image that can be looked at and saved."""

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """RGB of each label."""
        return tuple(distinct_colours(len(self.labels)))

    def picture(self, opacity: float = 0.55) -> Image.Image:
        """The image in the colours of its labels, names on the larger areas and a legend with shares below."""
        if not 0 <= opacity <= 1:
            raise BadInput(f"The opacity is {opacity:g}; a number from 0 to 1 was expected.")
        named = Labels(self.labels, np.empty((len(self.labels), 0), np.float32), self.colours)
        return drawn(Image.fromarray(self.image), self.label_map.astype(np.intp), named, opacity)

    @checked
    def save_picture(self, path: str | Path, opacity: float = 0.55) -> None:
        """`picture` as .png or .jpg."""
        picture_file.save(self.picture(opacity), Path(path))


@checked
def segment(
    store: Database,
    labels: str | Sequence[str],
    *,
    image: GivenImage | None = None,
    frame: tuple[str, str] | None = None,
    features: str | None = None,
) -> DrawnSegments:
    """Which of some words each pixel of an image fits best.

        found = ovstore.segment(store, ["chair", "floor", "wall"], frame=("scene0003_00", "000012"))
        found.label_map                  # (H, W) the place of the best label in `labels`
        found.confidence                 # (H, W) its share in a softmax over the labels
        found.save_picture("chairs.png")

    The image is a path, the picture itself, or a frame of the store; the encoder is the one that `features` were made
    with. The image's feature map is kept for a while: other words for it are answered without the network. BadInput
    unless exactly one of `image` and `frame` is given; UnknownWords for labels that the encoder cannot read.
    """
    if (image is None) == (frame is None):
        raise BadInput("Segment an image or a frame of the store: exactly one of them.")
    target = target_of(store, features)
    if frame is not None:
        pixels = stored_image(store, *frame)
    elif isinstance(image, str | Path):
        pixels = read_image(Path(image), upright=True)
    else:
        assert image is not None
        pixels = given_image(image)
    return segmented(target.encoder, pixels, several(labels))


def segmented(encoder: Encoder, pixels: NDArray[np.uint8], labels: tuple[str, ...]) -> DrawnSegments:
    """The pixels of a picture that is at hand, by an encoder with words."""
    found = segment_pixels(encoder, pixels, labels)
    return DrawnSegments(**{each.name: getattr(found, each.name) for each in fields(found)})
