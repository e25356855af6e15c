"""What turns pixels and words into vectors of one space; one file each, its name is what people type.

An encoder file defines what `Encoder` says, and may offer `ReadsFrameMaps`, `HasWeights`, `HasVocabulary`,
`NeedsPackage`, `HasLabelHead`, `HasPooledImages` and `HasThingOptions`. Both towers load apart. An encoder knows no
files of scenes (but such maps), no points and no database. `device` is "auto", "cpu" or "cuda"; it never changes the
recipe.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...core.contracts import Contract

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...core.features import EmbeddingSpace, FeatureMap
    from ...core.thing_options import ThingOptions
    from ..frame_maps import FrameMaps


class Encoder(Protocol):
    """What every encoder file defines."""

    # A frozen dataclass, every field with a default and metadata={"help": "..."}; all that decides the encoder's
    # numbers. It goes into the recipe as JSON (str, int, float, bool).
    Options: type[Any]

    def space(self, options: Any) -> "EmbeddingSpace":
        """Without building the network (reading or hashing the weights file is fine)."""

    def load_image_encoder(
        self, options: Any, device: str = "auto"
    ) -> "Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]":
        """An image is (H, W, 3) uint8 RGB, any size, sizes may differ.

        The same image gives the same map in any batch (but for rounding of low-precision devices).
        """

    def load_text_encoder(self, options: Any, device: str = "auto") -> "Callable[[Sequence[str]], NDArray[np.float32]]":
        """(n, dim) unit rows; prompt templates are applied inside; UnknownWords for words that it cannot know."""

    def background_texts(self, options: Any) -> tuple[str, ...]:
        """Everyday things a query's answer is weighed against (see Hit.probability).

        Empty where the encoder knows no words at all: its load_text_encoder then raises UnknownWords, which says what
        to ask with instead (an image, a region).
        """


class ReadsFrameMaps(Protocol):
    """Offered where the maps were computed elsewhere and lie on disk."""

    def load_frame_maps(self, options: Any, scene: str) -> "FrameMaps":
        """The maps of a scene's frames by name, read in place of running the image encoder.

        No image is decoded, and a frame without a map is left out.
        """


class HasWeights(Protocol):
    """Offered where there are weights. Loads no network and downloads nothing."""

    def weights_file(self, options: Any) -> Path | None:
        """The file or folder here, None where it would be downloaded; BadWeights where it has to be brought."""


class HasVocabulary(Protocol):
    """Offered where the words that an encoder knows can be counted."""

    def vocabulary(self, options: Any) -> tuple[str, ...]:
        """Every one of them."""


class NeedsPackage(Protocol):
    """Offered where the network needs a package that importing the encoder's file does not."""

    def missing_package(self) -> str | None:
        """Its name, where it is not installed."""


class HasLabelHead(Protocol):
    """Offered where a part of the network works on the scores of labels and not on vectors."""

    def load_label_head(self, options: Any) -> "Callable[[NDArray[np.float32]], NDArray[np.float32]] | None":
        """(h, w, L) cosines of a map with L labels to their scores, for label maps."""


class HasPooledImages(Protocol):
    """Offered where the network gives a whole image one vector in the same space, as CLIP's do."""

    def load_pooled_image_encoder(
        self, options: Any, device: str = "auto"
    ) -> "Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]":
        """(n, dim) unit rows: the model's own preprocessing and its pooled image tower.

        An image is (H, W, 3) uint8 RGB, any size. Equal lists of images give equal rows.
        """

    def taught_crops(self, options: Any) -> bool:
        """Whether it was trained on pooled images of single things, so that crops say more than dense features."""


class HasThingOptions(Protocol):
    """Offered where superpoints of one thing score otherwise than those of `tiny` do."""

    def thing_options(self, options: Any) -> "ThingOptions":
        """Constants of grouping and ranking; used when questions are asked, recorded nowhere."""


CONTRACT = Contract(
    "encoder",
    Encoder,
    (ReadsFrameMaps, HasWeights, HasVocabulary, NeedsPackage, HasLabelHead, HasPooledImages, HasThingOptions),
)
