"""What a hit consists of, read from the files of its scene when somebody asks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NotFound
from ...core.features import Evidence, Hit
from ..files import parquet


@dataclass(frozen=True)
class StoredContents:
    """The files that hold a hit's points. Pickles, and needs no database."""

    points_path: Path
    features_path: Path
    read_image: Callable[[Path], NDArray[np.uint8]] | None = None  # given by those who know images

    def mask(self, hit: Hit) -> NDArray[np.int32]:
        """The rows that the points of `stored_mask` have in the scan."""
        rows = self.stored_mask(hit)
        return np.sort(parquet.read_original_index(self.points_path)[rows])

    def stored_mask(self, hit: Hit) -> NDArray[np.int32]:
        """Of whole superpoints; only columns of superpoints and, for a stored object, of objects are read."""
        _require(hit, self.points_path)
        superpoint = parquet.read_superpoints(self.points_path)
        if hit.level == "thing":
            own = np.zeros(int(superpoint.max()) + 1, bool)
            own[list(hit.superpoints)] = True
            inside = own[superpoint]
        elif hit.level == "superpoint":
            inside = superpoint == hit.ordinal
        else:
            _require(hit, self.features_path)
            inside = parquet.read_objects(self.features_path, superpoint) == hit.ordinal
        return np.flatnonzero(inside).astype(np.int32)

    def points(self, hit: Hit) -> NDArray[np.float64]:
        """Where those of the mask are."""
        mask = self.mask(hit)
        return parquet.read_points(self.points_path).in_scan_order().xyz[mask]

    def crop(self, view: Evidence) -> NDArray[np.uint8]:
        """Whole pixels, those of the box's edges with it."""
        path = Path(view.image_path)
        if self.read_image is None or not path.is_file():
            raise NotFound(f"{path}, which shows the hit in frame {view.frame!r}, cannot be read: it is gone.")
        x0, y0, x1, y1 = (round(value) for value in view.box_xyxy)
        return self.read_image(path)[y0 : y1 + 1, x0 : x1 + 1]


def _require(hit: Hit, path: Path) -> None:
    if not path.is_file():
        raise NotFound(f"{hit.full_name} is gone: its scene was ingested again or forgotten. Search again.")
