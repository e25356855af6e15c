"""What the tiny model knows of generated rooms that it never saw: points labelled in words, planted things found.

    python bench/tiny.py                          6 scenes, a few minutes
    python bench/tiny.py --weights mine/tiny.safetensors --scenes 12

Scenes are written in the ScanNet layout, with sensor noise, and read back by the real reader; features are fused as
`ovstore ingest` fuses them. Every seen point takes the name whose text is nearest to its vector, among the names that
occur in the scenes and among all names that the model knows. For each planted thing, its name is compared with the
best point of every scene.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ovstore.core.features import PointFeatures
from ovstore.core.scene import PointCloud
from ovstore.ingest.datasets import scannet
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.fusion.fuse import fuse
from ovstore.ingest.fusion.visibility import VisibilityOptions, correspond
from ovstore.ingest.generated.catalogue import class_names
from ovstore.ingest.generated.folder import generate_set
from ovstore.models.encoders import tiny

SEED = 777_000  # no training uses sets of this seed
STRIDE = 2  # of the frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--weights", default="", help="another .safetensors of `ovstore train tiny`")
    chosen = parser.parse_args()
    options = tiny.Options(weights=chosen.weights)
    with tempfile.TemporaryDirectory() as folder:
        truth = generate_set("scannet", Path(folder) / "scans", chosen.scenes, SEED, workers=2)
        names = scannet.scene_names(Path(folder) / "scans", scannet.Options())
        clouds = {name: fused(Path(folder), name, options) for name in names}
    encode = tiny.load_text_encoder(options)
    every = [*class_names(), "floor", "ceiling", "wall"]
    occurring = sorted(
        {points.label_names[label] for points, _ in clouds.values() for label in np.unique(points.labels) if label >= 0}
    )
    for words, among in ((occurring, "names that occur"), (every, "names it knows")):
        text = encode(words)
        print(f"mean IoU {mean_iou(list(clouds.values()), words, text):.3f} among {len(words)} {among}")
    found = 0
    for name, scene in truth["planted"].items():
        vector = encode([name])[0]
        best = {
            one: float((features.vectors.astype(np.float32) @ vector).max()) for one, (_, features) in clouds.items()
        }
        found += max(best, key=best.__getitem__) == scene
    print(f"{found} of {len(truth['planted'])} planted things have their best point in their own scene")


def fused(folder: Path, name: str, options: tiny.Options) -> tuple[PointCloud, PointFeatures]:
    """The cloud of a scene and its fused features."""
    scene = scannet.load_scene(folder / "scans", name, scannet.Options(frame_stride=STRIDE), folder / "unpacked")
    encode = tiny.load_image_encoder(options)
    correspondences = [
        correspond(
            scene.points.xyz,
            frame,
            position,
            None if frame.depth_path is None else read_depth(frame.depth_path, frame.depth_scale),
            VisibilityOptions(),
        )
        for position, frame in enumerate(scene.frames)
    ]
    maps = ((i, encode([read_image(frame.image_path)])[0]) for i, frame in enumerate(scene.frames))
    cameras = [frame.camera for frame in scene.frames]
    features = fuse(maps, correspondences, cameras, len(scene.points), tiny.space(options))
    return scene.points, features


def mean_iou(clouds: list[tuple[PointCloud, PointFeatures]], names: list[str], text: NDArray[np.float32]) -> float:
    """Over the names that occur, on the points that were seen and have a label."""
    confusion = np.zeros((len(names), len(names)), np.int64)
    for points, features in clouds:
        assert points.labels is not None
        label = points.labels[features.point_index]
        said = (features.vectors.astype(np.float32) @ text.T).argmax(axis=1)
        true = np.array([names.index(points.label_names[one]) if one >= 0 else -1 for one in label])
        np.add.at(confusion, (true[true >= 0], said[true >= 0]), 1)
    occurs = confusion.sum(axis=1) > 0
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - np.diag(confusion)
    return float((np.diag(confusion)[occurs] / union[occurs]).mean())


if __name__ == "__main__":
    main()
