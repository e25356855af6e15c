"""What is true of a recording, as JSON for tests and training."""

from typing import Any

import numpy as np

from .geometry import PlacedObject
from .recording import Recording
from .relations import relations_of


def truth_of(recording: Recording) -> dict[str, Any]:
    """The scene's objects: words, place and box in the world (metres), how much of each was seen, and relations."""
    points = np.bincount(recording.mesh.object_id, minlength=len(recording.scene.objects))
    return {
        "scene": recording.name,
        "scene_type": recording.scene.scene_type,
        "frames": len(recording.frames),
        "points": len(recording.mesh.xyz),
        "planted": [placed.label for placed in recording.scene.objects if placed.planted],
        "objects": [
            _object(placed, int(points[placed.object_id]), int(recording.frames_showing[placed.object_id]))
            for placed in recording.scene.objects
        ],
        "relations": relations_of(recording.scene.geometry, recording.scene.objects),
    }


def _object(placed: PlacedObject, points: int, frames: int) -> dict[str, Any]:
    low, high = placed.box
    return {
        "object_id": placed.object_id,
        "class": placed.label,
        "colour": placed.thing.colour,
        "material": placed.thing.material,
        "description": placed.thing.description,
        "nyu40": placed.nyu40,
        "planted": placed.planted,
        "stands_on": placed.stands_on,
        "touches": placed.touches,
        "centre": _rounded((low + high) / 2),
        "box_min": _rounded(low),
        "box_max": _rounded(high),
        "points": points,
        "frames": frames,
    }


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]
