"""Previews of extracted features, drawn in a thread while the network goes on."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OvstoreError
from ..drawing import picture_file
from ..drawing.feature_colours import Directions, main_directions, sample
from ..drawing.preview import PANEL, Labels, preview
from ..ingest.engines import Outcome
from ..ingest.extraction.feature_files import read_features
from ..ingest.extraction.folder import PictureFile, sampling_of
from ..ingest.files.images import read_image

FIRST = 16  # pictures that the colours of all are chosen by


class Previews:
    """Draws what it is given; the first pictures wait until there are enough of them to choose colours by."""

    def __init__(self, out: Path, form: str, labels: Labels | None) -> None:
        self._out, self._form, self._labels = out, form, labels
        self._thread = ThreadPoolExecutor(1)
        self._waiting: list[PictureFile] = []
        self._directions: Directions | None = None
        self._drawn: list[tuple[PictureFile, Future[None]]] = []

    def __enter__(self) -> "Previews":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    @property
    def count(self) -> int:
        """How many pictures were given."""
        return len(self._drawn) + len(self._waiting)

    def add(self, picture: PictureFile) -> None:
        """Draw the picture soon: its features are written."""
        self._waiting.append(picture)
        if len(self._waiting) >= FIRST or self._drawn:
            self._draw_waiting()

    def finished(self) -> Iterator[Outcome]:
        """An Outcome a picture, as they are drawn; its result is the file."""
        self._draw_waiting()
        for picture, future in self._drawn:
            yield Outcome(picture, picture.file(".preview.jpg"), future.exception())

    def _draw_waiting(self) -> None:
        first = tuple(self._waiting)
        self._drawn += [(picture, self._thread.submit(self._draw, picture, first)) for picture in first]
        self._waiting.clear()

    def _draw(self, picture: PictureFile, first: tuple[PictureFile, ...]) -> None:
        image, values = read_image(picture.path), self._features(picture)
        if self._directions is None:
            self._directions = self._main_directions(first)
        sampling = sampling_of(self._out)
        drawn = preview(picture.path.name, image, values, sampling, self._directions, self._labels)
        picture_file.save(drawn, picture.file(".preview.jpg"))

    def _main_directions(self, pictures: tuple[PictureFile, ...]) -> Directions:
        """Of the pictures whose features can be read."""
        samples = []
        for picture in pictures:
            try:
                samples.append(sample(self._features(picture)))
            except OvstoreError:  # told when it is drawn
                continue
        return main_directions(samples)

    def _features(self, picture: PictureFile) -> NDArray[np.float16]:
        return read_features(picture.file(f".{self._form}"), PANEL)
