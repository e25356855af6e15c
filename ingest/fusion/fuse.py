"""From maps of frames to vectors of points: features = W · G, one sparse product (openscene.md 2.3 is its plain form).

A seen point is a handful of (cell, weight) taps into low-resolution maps, which are never upsampled; sums are float32,
vectors halves of unit length. W · G is computed by numba's machine code, torch's embedding_bag or numpy and scipy,
whichever is installed first in that order; they agree to a unit or two in a half's last place.

The maps are read once, as the network makes them. Where they are many and large, sums are kept instead of maps, and
what does not fit `memory_mb` waits in a temporary file: the vectors are the same to the bit.
"""

import importlib
import importlib.util
import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput, MissingPackage
from ...core.features import Correspondence, EmbeddingSpace, FeatureMap, PointFeatures
from ...core.plugins import missing_package_sentence
from ...core.scene import Camera
from ..compiled import COMPILED
from .fuse_rows import Rows
from .point_views import Sights
from .sampling_weights import Grid
from .scratch import Room, Scratch
from .weights import view_weights

if TYPE_CHECKING:
    from .fuse_sums import Sums

log = logging.getLogger(__name__)

PathName = Literal["auto", "numba", "embedding_bag", "numpy"]
LARGEST_BLOCK_VIEWS = 1 << 19  # 16 MB of bilinear taps
_MODULES = {"numba": "fuse_kernels", "embedding_bag": "fuse_torch", "numpy": "fuse_numpy"}
_PACKAGES = {"numba": "numba", "embedding_bag": "torch", "numpy": "scipy"}


@dataclass(frozen=True)
class FusionOptions:
    """How the views of a point become its vector."""

    weighting: Literal["mean", "view"] = "mean"  # all alike, or by distance, angle and border (weights.py)
    normalise_views: bool = True  # cells count by direction alone: transformers have a few with a length of nonsense
    unit_length: bool = True  # False: the weighted mean as it comes out, whose length is how far the views agree

    def __post_init__(self) -> None:
        if self.weighting not in ("mean", "view"):
            raise BadInput(f"weighting is {self.weighting!r}; 'mean' or 'view' was expected.")


def fuse(
    maps: Iterable[tuple[int, FeatureMap]],
    correspondences: Sequence[Correspondence],
    cameras: Sequence[Camera],
    point_count: int,
    space: EmbeddingSpace,
    options: FusionOptions | None = None,
    normals: NDArray[np.float32] | None = None,
    camera_to_world: Sequence[NDArray[np.float64]] | None = None,
    *,
    memory_mb: int = 2048,
    workdir: Path | None = None,
    path: PathName = "auto",
    threads: int | None = None,
    block_views: int | None = None,
) -> PointFeatures:
    """Vectors for the points that the maps say something about.

    `maps` brings (frame, map) once for every frame that sees a point, in any order; `cameras`, and `camera_to_world`
    for view weights by angle, are those of all frames. A point whose views add up to nothing, or to no number, has
    no row. Neither memory_mb, workdir, threads nor block_views decides a bit of a vector, path no more than its last.
    """
    options = options or FusionOptions()
    started = time.monotonic()

    def weigh(seen: Correspondence) -> NDArray[np.float32]:
        if options.weighting == "mean":
            return np.ones(len(seen), np.float32)
        pose = None if camera_to_world is None else camera_to_world[seen.frame]
        return view_weights(seen, cameras[seen.frame], normals, pose)

    scratch = Scratch(memory_mb * 2**20, workdir)
    sights = Sights(correspondences, point_count, weigh, block_views or _block_views(scratch.free, space.dim))
    path = _chosen(path, options)
    threads = threads or _processors()
    fusion = None
    waiting = set(sights.of_frame)
    for frame, feature_map in maps:
        grid = _grid(frame, feature_map, cameras, space)
        if frame not in waiting:
            if frame in sights.of_frame:
                raise BadInput(f"Frame {frame} has two feature maps.")
            continue
        waiting.remove(frame)
        fusion = fusion or _fusion(path, sights, grid, space.dim, scratch, threads)
        fusion.add(frame, feature_map.values, grid, options.normalise_views)
    if waiting:
        raise BadInput(f"{len(waiting)} frames see points but have no feature map, frame {min(waiting)} among them.")
    if fusion is None:
        return PointFeatures(space, sights.points, np.zeros((0, space.dim), np.float16), np.zeros(0, np.int32))
    vectors, present, view_count = fusion.finish(options.unit_length, threads)
    _close_gaps(vectors, present)
    log.info(
        "fused %d frames: %d of %d points have a vector (%s, %.1f s)",
        len(sights.of_frame), int(present.sum()), point_count, path, time.monotonic() - started,
    )  # fmt: skip
    return PointFeatures(space, sights.points[present], vectors.array[: present.sum()], view_count[present])


def _chosen(path: PathName, options: FusionOptions) -> PathName:
    """The path asked for, or the fastest installed; embedding_bag rounds means once more than OpenScene does."""
    if path not in ("auto", *_MODULES):
        raise BadInput(f"No fusion path named {path!r}. Known: auto, {', '.join(_MODULES)}.")
    if path != "auto":
        if importlib.util.find_spec(_PACKAGES[path]) is None:
            raise MissingPackage(missing_package_sentence(f"fusion by {path}", _PACKAGES[path]))
        return path
    if COMPILED and importlib.import_module(".halves", __package__).supported():
        return "numba"
    return "embedding_bag" if options.unit_length and importlib.util.find_spec("torch") else "numpy"


def _fusion(path: PathName, sights: Sights, grid: Grid, dim: int, scratch: Scratch, threads: int) -> "Rows | Sums":
    """Keep rows or sums, whichever is smaller and fits: sums need the compiler, rows may go to disk."""
    cells = grid.height * grid.width
    rows = sum(cells if grid.bilinear else min(cells, len(seen)) for seen in sights.of_frame.values())
    sums_size = len(sights) * dim * 4
    if path == "numba" and sums_size < rows * dim * 2 and sums_size <= scratch.free:
        from .fuse_sums import Sums

        return Sums(sights, dim, scratch, threads)
    module: Any = importlib.import_module(f".{_MODULES[path]}", __package__)
    return Rows(module, sights, dim, rows, scratch)


def _grid(frame: int, feature_map: FeatureMap, cameras: Sequence[Camera], space: EmbeddingSpace) -> Grid:
    space.require_same(feature_map.space)
    if not 0 <= frame < len(cameras):
        raise BadInput(f"A feature map is of frame {frame}; there are {len(cameras)} cameras.")
    if feature_map.values.dtype != np.float16:
        raise BadInput(f"The feature map of frame {frame} is {feature_map.values.dtype}; float16 was expected.")
    height, width, _ = feature_map.values.shape
    camera = cameras[frame]
    return Grid(height, width, camera.height, camera.width, feature_map.sampling == "bilinear")


def _close_gaps(vectors: Room, present: NDArray[np.bool_]) -> None:
    """Move the rows that are present to the front, a few at a time."""
    if present.all():
        return
    done = 0
    for start in range(0, len(present), 16384):
        rows = vectors.array[start : start + 16384][present[start : start + 16384]]
        vectors.array[done : done + len(rows)] = rows
        done += len(rows)
        vectors.rest()


def _block_views(memory: int, dim: int) -> int:
    """Views in a block, so that the rows they read from a file fit an eighth of `memory`."""
    return max(1024, min(LARGEST_BLOCK_VIEWS, memory // (16 * dim)))


def _processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
