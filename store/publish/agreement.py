"""What must hold between the parts of a scene before they are published together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput, BadScene
from ...core.features import LEVELS, Correspondence, PointFeatures, RegionFeatures
from ...core.names import require_name, require_text
from ...core.scene import Scene
from ..files.parquet import RowRanges

_LONGEST_NAMES = 4_000_000  # letters of all label names of a scene; they are kept in the footer of its points


def check_geometry(
    scene: Scene,
    superpoint: NDArray[np.int32],
    original_index: NDArray[np.int32],
    correspondences: Sequence[Correspondence],
) -> None:
    """One superpoint and one original row a point; correspondences name frames and points that exist."""
    _check_texts(scene)
    count = len(scene.points)
    if superpoint.shape != (count,) or (count and superpoint.min() < 0):
        raise BadInput(f"superpoint has shape {superpoint.shape}; {count} numbers from 0 were expected, one per point.")
    if original_index.shape != (count,) or not np.array_equal(np.sort(original_index), np.arange(count)):
        raise BadInput(f"original_index is not a permutation of the {count} points.")
    frames = [seen.frame for seen in correspondences]
    if len(set(frames)) != len(frames) or any(not 0 <= frame < len(scene.frames) for frame in frames):
        raise BadInput(
            f"Correspondences refer to frames {frames}; each of 0 to {len(scene.frames) - 1} once was expected."
        )
    for seen in correspondences:
        if len(seen) and not _ascending_below(seen.point_index, count):
            raise BadInput(f"Correspondence of frame {seen.frame}: point_index is not ascending within {count} points.")


def check_features(
    features: PointFeatures, superpoint: NDArray[np.int32], object_of_superpoint: NDArray[np.int32]
) -> None:
    """Seen points ascend within the cloud, and every superpoint has its object."""
    if not len(features.point_index):
        raise BadScene("No frame sees a point, so there is nothing to search: check poses, intrinsics and depth scale.")
    if not _ascending_below(features.point_index, len(superpoint)):
        raise BadInput(f"point_index of the features is not ascending within the scene's {len(superpoint)} points.")
    if int(superpoint.max()) >= len(object_of_superpoint):
        raise BadInput(f"{len(object_of_superpoint)} superpoints have an object; the scene has {superpoint.max() + 1}.")


def check_regions(of_levels: Sequence[RegionFeatures], ranges: RowRanges) -> None:
    """Each region with a seen point has a row at its level, once, and counts the points its rows hold."""
    if sorted(of_level.level for of_level in of_levels) != sorted(LEVELS):
        raise BadInput(f"Regions of levels {[of_level.level for of_level in of_levels]}; {list(LEVELS)} were expected.")
    for of_level in of_levels:
        rows = {ordinal: stop - start for ordinal, (start, stop) in ranges[of_level.level].items()}
        given = {region.ordinal: region.seen_count for region in of_level.regions}
        if len(given) != len(of_level.regions) or len(of_level.vectors) != len(of_level.regions) or given != rows:
            raise BadInput(
                f"{len(of_level.regions)} regions of level {of_level.level} with {sum(given.values())} seen points do "
                f"not match the features file, which has {len(rows)} with {sum(rows.values())}."
            )


def _check_texts(scene: Scene) -> None:
    """File names and labels of a scan may be anything."""
    for name in (scene.name, *(frame.name for frame in scene.frames)):
        require_name(name)
    if (size := sum(len(name) for name in scene.points.label_names.values())) > _LONGEST_NAMES:
        raise BadScene(
            f"{scene.name}: its {len(scene.points.label_names):,} label names have {size:,} letters; at most "
            f"{_LONGEST_NAMES:,} are stored with a scene"
        )
    paths = [str(path) for frame in scene.frames for path in (frame.image_path, frame.depth_path)]
    for text in (scene.source, *scene.points.label_names.values(), *scene.findings, *paths):
        require_text(text)


def _ascending_below(index: NDArray[np.int32], count: int) -> bool:
    return bool(index[0] >= 0 and index[-1] < count and (np.diff(index) > 0).all())
