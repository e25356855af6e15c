"""What was predicted, as clouds to look at: input, prediction, truth and errors as PLY, and a legend."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.names import file_name
from ...core.scene import PointCloud
from ...store.files.ply_writer import write_ply
from ..labels.label_set import LabelSet

_NONE = (0, 0, 0)  # no class, as in OpenScene's pictures
RIGHT, WRONG, UNPREDICTED, UNCOUNTED = (60, 160, 80), (214, 39, 40), (40, 60, 200), (200, 200, 200)


def write_clouds(
    folder: Path,
    name: str,
    points: PointCloud,
    truth: NDArray[np.integer],
    predicted: NDArray[np.integer],
    label_set: LabelSet,
) -> None:
    """NAME_input.ply, NAME_prediction.ply, NAME_truth.ply and NAME_error.ply, faces included where there is a mesh.

    Classes have the label set's colours, points without one are black. Errors: green is right, red wrong, blue without
    a prediction, light grey does not count.
    """
    palette = np.array([*(each.rgb for each in label_set.classes), _NONE], np.uint8)
    columns = {"truth": truth, "prediction": predicted}
    pictures = {
        "input": points.rgb,
        "prediction": palette[predicted],
        "truth": palette[truth],
        "error": error_colours(truth, predicted),
    }
    for what, rgb in pictures.items():
        write_ply(folder / file_name(name, f"_{what}.ply"), points.xyz, rgb, points.normals, points.faces, columns)


def error_colours(truth: NDArray[np.integer], predicted: NDArray[np.integer]) -> NDArray[np.uint8]:
    """(N, 3)."""
    colours = np.array([UNCOUNTED, UNPREDICTED, WRONG, RIGHT], np.uint8)
    verdict = np.where(truth < 0, 0, np.where(predicted < 0, 1, np.where(predicted != truth, 2, 3)))
    return colours[verdict]
