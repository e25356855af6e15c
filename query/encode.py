"""Questions become vectors: words by the text tower that the feature sets were made with, pictures by their network."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import plugins
from ..core.contracts import offers
from ..core.errors import BadInput, DatabaseError, OvstoreError
from ..core.features import EmbeddingSpace
from ..core.once import Once, State
from ..core.thing_options import ThingOptions
from ..models.encoders import Encoder as Plugin
from ..models.encoders import HasPooledImages, HasThingOptions
from ..models.pictures import read_image
from ..store.postgres.database import Database
from ..store.search import text_vectors
from .towers import image_tower, text_tower

BoxXyxy = tuple[float, float, float, float]


@dataclass(frozen=True)
class Encoder:
    """An encoder as a recipe names it; its packages and networks load when they are first needed."""

    name: str
    settings: str  # the plug-in's own Options as the recipe has them, JSON
    space: EmbeddingSpace  # of the feature sets that are asked: weights of another are refused
    device: str = "auto"
    store: Database | None = field(default=None, compare=False)  # where texts are kept for the next time
    keep: bool = field(default=True, compare=False)  # False: the store is only asked for them

    @property
    def plugin(self) -> Plugin:
        """The encoder's file."""
        plugin: Plugin = plugins.load("models.encoders", self.name, noun="encoder")
        return plugin

    @property
    def options(self) -> Any:
        """The plug-in's own Options, hashable."""
        values = json.loads(self.settings).items()
        return self.plugin.Options(**{key: tuple(value) if isinstance(value, list) else value for key, value in values})

    @property
    def taught_crops(self) -> bool:
        """Whether vectors of its pooled image tower say more of a thing than its dense features."""
        offered = offers(self.plugin, HasPooledImages)
        return offered is not None and offered.taught_crops(self.options)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) unit rows; BadInput for a text without words."""
        if not all(text.strip() for text in texts):
            raise BadInput("A text to ask with has no words.")
        known = self._known(texts)
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        if missing:
            rows = text_tower(self)(missing)
            known |= self._keep({text: row[None] for text, row in zip(missing, rows, strict=True)})
        return np.concatenate([known[text] for text in texts]) if len(texts) else text_tower(self)([])

    def knows(self, texts: Sequence[str]) -> bool:
        """Whether all of them were encoded before, so that asking with them needs no network."""
        return self._known(texts).keys() >= set(texts)

    @property
    def thing_options(self) -> ThingOptions:
        """When superpoints are one thing to this encoder, and how things are ranked.

        The usual numbers for an encoder that is not installed here: a search by a region needs none.
        """
        try:
            own = offers(self.plugin, HasThingOptions)
        except OvstoreError:
            return ThingOptions()
        return ThingOptions() if own is None else own.thing_options(self.options)

    def background(self) -> NDArray[np.float32]:
        """(B, dim): everyday things that an answer is weighed against, one row per text of `everyday`."""
        return _backgrounds((self, None if self.store is None else self.store.path))

    @property
    def everyday(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(self.plugin.background_texts(self.options))

    def warm(self, images: bool = False) -> None:
        """Load what the first question in words, or with `images` one with an image, would wait for.

        Any number of threads may call it, and ask, meanwhile: they wait for the one that loads.
        """
        if images:
            image_tower(self)
        else:
            text_tower(self)
            self.background()

    def state(self, images: bool = False) -> State:
        """How far the network for words, or for `images`, is: "cold", "warming" or "ready". Loads nothing."""
        return (image_tower if images else text_tower).state(self)

    def picture(self, image: Path | NDArray[np.uint8], box_xyxy: BoxXyxy | None = None) -> NDArray[np.float32]:
        """(dim,) unit mean of the picture's dense features, of those inside the box where one is given.

        Region vectors are means of the same features, so the two compare like with like. A file's picture is shown
        upright; an array is (H, W, 3) RGB.
        """
        named = str(image) if isinstance(image, Path) else "the image"
        image = read_image(image, upright=True) if isinstance(image, Path) else image
        if box_xyxy is not None:
            _require_inside(box_xyxy, image.shape[1], image.shape[0], named)
        [feature_map] = image_tower(self)([image])
        values = feature_map.values.astype(np.float32)
        if box_xyxy is not None:
            values = in_box(values, box_xyxy, image.shape[1], image.shape[0])
        return unit(values.reshape(-1, values.shape[-1]).mean(axis=0))

    @property
    def _keeps(self) -> bool:
        return self.store is not None and self.keep and not self.store.read_only

    def _known(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Those of the texts that were encoded before, and are kept in the store or, where none are, here."""
        known = {} if self._keeps else _lately.of(self, texts)
        asked = [text for text in texts if text not in known]
        if self.store is None or not asked:
            return known
        kept = text_vectors.load(self.store, self.space, self._digest, asked)
        if not self._keeps:
            _lately.add(self, kept)
        return known | kept

    def _keep(self, vectors: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        if not self._keeps:
            _lately.add(self, vectors)
        elif self.store is not None:
            with suppress(DatabaseError):  # one who may only read asks again next time
                text_vectors.keep(self.store, self.space, self._digest, vectors)
        return vectors

    @property
    def _digest(self) -> str:
        return hashlib.sha256(f"{self.name} {self.settings}".encode()).hexdigest()


class _Lately:
    """Texts that this process encoded and no store keeps, the latest of them: a megabyte or ten."""

    MOST = 4096

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vectors: OrderedDict[tuple[Encoder, str], NDArray[np.float32]] = OrderedDict()

    def of(self, encoder: Encoder, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            found = {text: self._vectors.get((encoder, text)) for text in texts}
        return {text: vector for text, vector in found.items() if vector is not None}

    def add(self, encoder: Encoder, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        with self._lock:
            self._vectors.update({(encoder, text): vector for text, vector in vectors.items()})
            while len(self._vectors) > self.MOST:
                self._vectors.popitem(last=False)


_lately = _Lately()


def encoder_of(
    recipe: dict[str, Any],
    space: EmbeddingSpace,
    device: str = "auto",
    store: Database | None = None,
    keep: bool = True,
) -> Encoder:
    """The encoder that the recipe of feature sets of `space` names, with the options it was used with."""
    settings = json.dumps(recipe["encoder"]["options"], sort_keys=True)
    return Encoder(recipe["encoder"]["name"], settings, space, device, store, keep)


def unit(vector: NDArray[np.floating]) -> NDArray[np.float32]:
    """(dim,) scaled to unit length; BadInput when it has none."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise BadInput("The query has no direction: its vector is zero or not finite.")
    return (vector / length).astype(np.float32)


_backgrounds: Once[tuple[Encoder, Path | None], NDArray[np.float32]] = Once(
    lambda key: key[0].texts(key[0].everyday), 8
)  # a few hundred kB that every question needs: fetched once a process, kept once in each store


def _require_inside(box_xyxy: BoxXyxy, width: int, height: int, named: str) -> None:
    x0, y0, x1, y1 = box_xyxy
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise BadInput(f"{named}: the box {x0:g},{y0:g},{x1:g},{y1:g} is not inside its {width}x{height} pixels.")


def in_box(values: NDArray[np.float32], box_xyxy: BoxXyxy, width: int, height: int) -> NDArray[np.float32]:
    """The grid cells whose centres lie in the box; the nearest one for a box smaller than a cell."""
    x0, y0, x1, y1 = box_xyxy
    rows, columns = values.shape[:2]
    u = (np.arange(columns) + 0.5) * width / columns
    v = (np.arange(rows) + 0.5) * height / rows
    in_u, in_v = (u >= x0) & (u <= x1), (v >= y0) & (v <= y1)
    if not in_u.any():
        in_u[np.abs(u - (x0 + x1) / 2).argmin()] = True
    if not in_v.any():
        in_v[np.abs(v - (y0 + y1) / 2).argmin()] = True
    return values[np.ix_(in_v, in_u)]
