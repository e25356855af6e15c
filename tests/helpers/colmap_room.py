"""The generated room as COLMAP leaves it, for the tests that read it."""

from pathlib import Path

import generated_room
import numpy as np
from numpy.typing import NDArray
from ovstore.core.scene import Scene
from ovstore.ingest.cameras.lenses import Lens
from ovstore.ingest.datasets import colmap
from ovstore.ingest.datasets.colmap import Options
from ovstore.ingest.generated.formats import colmap as written


def load(folder: Path, **options: object) -> Scene:
    """The scene in `folder`; what is straightened lies beside it."""
    name = folder.resolve().name
    return colmap.load_scene(folder, name, Options(**options), folder.parent / "unpacked")  # type: ignore[arg-type]


def tracked() -> dict[str, NDArray[np.float64]]:
    """The poses by the names of their pictures."""
    return {f"{number:04d}": frame.camera_to_world for number, frame in generated_room.tracked().items()}


def model_of(lens: Lens | None = None) -> written.Model:
    """The sparse model, of pictures through `lens` or through the one that is generated."""
    recording = generated_room.recording()
    return written.sparse_model(recording, lens or written.lens_of(recording.color_camera))


def as_text(room: Path, model: written.Model | None = None) -> Path:
    """The room's model as text, in place of the binary one; the folder of the model."""
    folder = room / "sparse" / "0"
    for path in folder.iterdir():
        path.unlink()
    written.write_text(folder, model or model_of())
    return folder
