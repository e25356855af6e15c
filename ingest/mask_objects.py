"""2D masks of a scene's frames become objects of its superpoints, which new ones are cut along; what was left out."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BadScene
from ..core.wording import counted
from ..models.frame_maps import MaskFiles
from .formats.skipped import skipped
from .geometry import Geometry
from .regions.masks.cut import cut_along
from .regions.masks.frames import points_of_masks
from .regions.masks.objects import mask_objects
from .regions.masks.options import MaskOptions
from .regions.masks.superpoints import object_of_superpoint
from .report import Report, quiet


@dataclass(frozen=True, eq=False)
class Masked:
    """A geometry as its masks see it."""

    geometry: Geometry
    mask_object: NDArray[np.int32]  # (S,) of each superpoint, -1 for none
    findings: tuple[str, ...]


def masked(geometry: Geometry, masks: MaskFiles, options: MaskOptions, cut: bool, report: Report = quiet) -> Masked:
    """The objects of superpoints, with `cut` after these are cut along them; BadScene where no mask shows a point."""
    report("masks", 0, 1)
    frames = [geometry.frames[one.frame] for one in geometry.correspondences if len(one)]
    found = masks.of_frames({frame.name: frame.image_path.stem for frame in frames})
    objects = mask_objects(
        points_of_masks(geometry.correspondences, geometry.frames, found), geometry.points.xyz, options
    )
    if not objects.mask_count:
        raise BadScene(
            f"{masks.source}: no mask of {counted(len(found), 'frame')} shows {options.least_points} points of the "
            "scene or more; images with a number per mask, 0 for none, were expected."
        )
    seen = [one.point_index for one in geometry.correspondences]
    before = int(geometry.superpoint.max()) + 1
    if cut:
        superpoint = cut_along(geometry.superpoint, objects.points, geometry.points.xyz)
        geometry = replace(geometry, stored=replace(geometry.stored, superpoint=superpoint))
    owner = object_of_superpoint(objects.points, geometry.superpoint, np.unique(np.concatenate(seen)))
    missing = [frame.name for frame in frames if frame.name not in found]
    report("masks", 1, 1)
    told = (
        *(line.replace("skipped", "without masks", 1) for line in skipped(missing, len(frames), masks.source)),
        f"masks: {len(objects.points):,} objects from {objects.mask_count:,} masks of {counted(len(found), 'frame')}, "
        f"of which {objects.set_aside:,} hold what other frames divide",
        *([f"masks: {counted(before, 'superpoint')} cut into {len(owner):,}"] if len(owner) > before else []),
    )
    return Masked(geometry, owner, told)
