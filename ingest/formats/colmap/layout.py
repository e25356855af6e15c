"""Where a COLMAP workspace keeps its model, its pictures, and what dense reconstruction made of them.

images/  sparse/0/ sparse/1/ ... or sparse/, or the model's files themselves     taken by a camera
dense/, dense/0/ ...: images/  sparse/  stereo/depth_maps/  fused.ply            without distortion: preferred
colmap/sparse/0/                                                                 as nerfstudio leaves it
"""

from dataclasses import dataclass
from pathlib import Path

from ....core.errors import BadScene
from ....core.listing import matching
from ....core.regular import is_file, is_folder
from ...files.confined import Confined
from ...files.written_paths import written_path
from ..selection import spread
from .model import Images, model_file, read_images

_DENSE = ("dense/sparse", "dense/sparse/*", "dense/*/sparse")
_SPARSE = ("sparse", "sparse/*", ".", "colmap/sparse", "colmap/sparse/*")
_PICTURES = ("images", "input", "images_2", "images_4", "images_8")
_SAMPLE = 16  # pictures looked for in a folder that may be theirs


@dataclass(frozen=True)
class Workspace:
    """One reconstruction and what belongs to it."""

    model: Path  # the folder with its cameras, images and points3D
    registered: Images
    pictures: Path  # the folder that images' names start from
    depth_maps: Path | None = None
    cloud: Path | None = None  # fused.ply


def is_scene(folder: Path, model: str = "") -> bool:
    """Whether a folder holds a model, or one in `model`."""
    return bool(_models(folder, model))


def find_workspace(folder: Path, model: str, pictures: str, confined: Confined) -> tuple[Workspace, list[str]]:
    """The reconstruction in `folder`: the one named `model`, else the one with the most images; and findings."""
    found = {path: _registered(path, confined) for path in _models(folder, model)}
    if not found:
        raise BadScene(f"{folder}: no cameras and images, .bin or .txt, in its folder {model or 'sparse/0'!r}")
    chosen = max(found, key=lambda path: len(found[path].names))
    findings = []
    if len(found) > 1:
        others = ", ".join(f"--model {_within(path, folder)}" for path in found if path != chosen)
        findings.append(
            f"the model {_within(chosen, folder)} with {len(found[chosen].names)} images is the largest of "
            f"{len(found)}; for another: {others}"
        )
    base = _base(chosen)
    depth_maps, cloud = base / "stereo" / "depth_maps", base / "fused.ply"
    workspace = Workspace(
        chosen,
        found[chosen],
        _pictures(folder, base, pictures, found[chosen], confined),
        depth_maps if is_folder(depth_maps) else None,
        confined(cloud) if is_file(cloud) else None,
    )
    return workspace, findings


def _models(folder: Path, model: str) -> list[Path]:
    """The folders with models: undistorted ones, else all."""
    if model:
        return [folder / model] if _is_model(folder / model) else []
    dense = [path for path in _matches(folder, _DENSE) if is_folder(_base(path) / "images")]
    return dense or _matches(folder, _SPARSE)


def _matches(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    paths = (path for pattern in patterns for path in ([folder] if pattern == "." else matching(folder, pattern)))
    return [path for path in paths if _is_model(path)]


def _is_model(path: Path) -> bool:
    return all(model_file(path, part) is not None for part in ("cameras", "images"))


def _base(model: Path) -> Path:
    """The workspace that a model's folder lies in: what is above its folder "sparse"."""
    for path in (model, model.parent):
        if path.name == "sparse":
            return path.parent
    return model


def _registered(model: Path, confined: Confined) -> Images:
    file = model_file(model, "images")
    assert file is not None
    return read_images(confined(file))


def _pictures(folder: Path, base: Path, named: str, registered: Images, confined: Confined) -> Path:
    """The folder with pictures of these names: the one that was named, else one in or above the workspace."""
    if named:
        if not is_folder(folder / named):
            raise BadScene(f"{folder / named}: no such folder of images")
        return folder / named
    places = [base, *(place for place in base.parents if place == folder or folder in place.parents)]
    names = spread(registered.names, _SAMPLE)
    for path in [place / name for place in places for name in _PICTURES] + places:
        if is_folder(path) and any(is_file(written_path(name, confined, path)) for name in names):
            return path
    raise BadScene(
        f"{folder}: none of its images, such as {names[0][:100]!r}, in a folder 'images'; name theirs with --images"
    )


def _within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
