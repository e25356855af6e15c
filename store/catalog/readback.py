"""What the files of a scene or feature set hold now, as a digest: the published one where all is well."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ...core.errors import OvstoreError
from ...core.features import RegionFeatures, SceneVectors
from ...core.scene import Frame
from ..files import parquet
from ..files.columns import opened, to_numpy
from .contents import features_content, geometry_content


def geometry_now(points_file: Path, correspondences_file: Path, frames: Sequence[Frame], up_axis: str) -> str:
    """The digest of a geometry's files, with the frames that belong to them; BadInput where they cannot be read."""
    held = parquet.read_points(points_file)
    correspondences = parquet.read_correspondences(correspondences_file)
    return geometry_content(held.points, held.superpoint, held.original_index, frames, correspondences, up_axis)


def features_now(features_file: Path, regions: Sequence[RegionFeatures], scene_vectors: SceneVectors) -> str:
    """The digest of a features file, with the rows that belong to it; BadInput where it cannot be read."""
    with opened(features_file, "features") as (file, _):
        columns = to_numpy(file.read())
    return features_content(columns, regions, scene_vectors)


def is_sound(content_now: Callable[[], str], published: str) -> bool:
    """Whether files can be read and hold what was published: a file of the right name alone proves nothing."""
    try:
        return content_now() == published
    except OvstoreError:
        return False
