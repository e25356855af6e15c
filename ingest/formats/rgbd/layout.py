"""Finds what a folder of posed RGB-D is made of, by the names that people and tools use.

Names are compared without regard to case, dashes and underscores alike. What is named explicitly is a path inside the
scene's folder, and may be a pattern ("results/frame*.jpg") where several kinds of file share a folder.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ....core.errors import BadScene
from ....core.listing import entries, matching
from ....core.regular import is_file, is_folder
from ...files.confined import Confined
from ...files.images import DEPTH_SUFFIXES, IMAGE_SUFFIXES

COLOR = ("color", "colour", "rgb", "image", "images", "img", "imgs", "frames")
DEPTH = ("depth", "depths", "depth_images")
POSES = ("pose", "poses", "camera_poses", "extrinsics", "extrinsic")
POSE_FILES = (
    "trajectory.log", "trajectory.txt", "traj.txt", "pose.txt", "poses.txt", "camera_poses.txt", "groundtruth.txt",
    "pose.npy", "poses.npy", "odometry.log", "trajectory.npy",
)  # fmt: skip
INTRINSICS = (
    "intrinsic", "intrinsics", "intrinsic_color", "intrinsics_color", "camera_intrinsic", "camera_intrinsics",
    "camera", "camera_info", "cam_params", "calibration", "calib", "k", "transforms",
)  # fmt: skip
DEPTH_INTRINSICS = ("intrinsic_depth", "intrinsics_depth", "depth_intrinsic", "depth_intrinsics")
CLOUDS = ("mesh", "cloud", "points", "pointcloud", "point_cloud", "scene")
_TEXT = frozenset({".txt", ".json"})
_POSE_SUFFIXES = frozenset({".txt", ".npy"})


@dataclass(frozen=True)
class Layout:
    """The files of one scene. Those that exist once a frame are named by their stems."""

    images: dict[str, Path]
    depths: dict[str, Path]
    poses: Path | dict[str, Path]  # a trajectory, or one file per frame
    intrinsics: Path | dict[str, Path] | None
    depth_intrinsics: Path | None
    cloud: Path | None
    masks: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Named:
    """What the person named explicitly; "" is looked for."""

    color: str = ""
    depth: str = ""
    poses: str = ""
    intrinsics: str = ""
    cloud: str = ""
    masks: str = ""


def is_scene(folder: Path, named: Named) -> bool:
    """Whether a folder holds pictures, or what was named as pictures."""
    return bool(_color(folder, named))


def find_layout(folder: Path, named: Named, confined: Confined) -> Layout:
    """All the files of the scene in `folder`; BadScene says what was looked for and not found."""
    images = _by_stem(_color(folder, named), "images")
    if not images:
        raise BadScene(
            f"{folder}: no images; looked for a folder {_either(COLOR)} with {_either(IMAGE_SUFFIXES)} files"
        )
    depths = _by_stem(_pictures(folder, named.depth, DEPTH, DEPTH_SUFFIXES), "depth images")
    poses = _poses(folder, named.poses)
    intrinsics = _intrinsics(folder, named.intrinsics)
    return Layout(
        _all(images, confined),
        _all(depths, confined),
        _all(poses, confined) if isinstance(poses, dict) else confined(poses),
        _all(intrinsics, confined) if isinstance(intrinsics, dict) else intrinsics and confined(intrinsics),
        _first(_intrinsic_places(folder), DEPTH_INTRINSICS, _TEXT, confined),
        _cloud(folder, named.cloud, confined),
        _all(_masks(folder, named.masks), confined),
    )


def _color(folder: Path, named: Named) -> list[Path]:
    return _pictures(folder, named.color, COLOR, IMAGE_SUFFIXES)


def _pictures(folder: Path, pattern: str, names: tuple[str, ...], suffixes: frozenset[str]) -> list[Path]:
    """Files of these kinds: those named by a path or a pattern, else those in the first folder of a usual name."""
    if pattern:
        found = _named(folder, pattern)
        return [
            path for p in found for path in (entries(p) if is_folder(p) else [p]) if path.suffix.lower() in suffixes
        ]
    usual = {place.name.lower(): place for place in entries(folder) if place.name.lower() in names and is_folder(place)}
    for place in (usual[name] for name in names if name in usual):
        if found := [path for path in entries(place) if path.suffix.lower() in suffixes]:
            return found
    return []


def _masks(folder: Path, pattern: str) -> dict[str, Path]:
    if not pattern:
        return {}
    masks = _by_stem(_pictures(folder, pattern, (), IMAGE_SUFFIXES), "masks")
    if not masks:
        raise BadScene(f"{folder}: no masks at --masks {pattern}")
    return masks


def _poses(folder: Path, pattern: str) -> Path | dict[str, Path]:
    if pattern:
        found = _named(folder, pattern)
        if len(found) == 1 and found[0].is_file():
            return found[0]
        files = [path for p in found for path in (entries(p) if is_folder(p) else [p])]
        files = [path for path in files if path.suffix.lower() in _POSE_SUFFIXES]
        if files:
            return _by_stem(files, "poses")
        raise BadScene(f"{folder}: no poses at --poses {pattern}")
    listing = {path.name.lower(): path for path in entries(folder)}
    for name in POSE_FILES:
        if name in listing and listing[name].is_file():
            return listing[name]
    for name in POSES:
        if name in listing and listing[name].is_dir():
            files = [path for path in entries(listing[name]) if path.suffix.lower() in _POSE_SUFFIXES]
            if files:
                return _by_stem(files, "poses")
    if logs := [path for path in listing.values() if path.suffix.lower() == ".log"]:
        return _only(logs, "trajectories", "--poses")
    raise BadScene(
        f"{folder}: no poses; looked for {_either(POSE_FILES)}, any .log file, and a folder {_either(POSES)} with a "
        "text file per frame. Name them with --poses"
    )


def _intrinsics(folder: Path, pattern: str) -> Path | dict[str, Path] | None:
    if pattern:
        found = _named(folder, pattern)
        if len(found) == 1 and found[0].is_file():
            return found[0]
        files = [path for p in found for path in (entries(p) if is_folder(p) else [p])]
        if not files:
            raise BadScene(f"{folder}: no intrinsics at --intrinsics {pattern}")
        return _by_stem(files, "intrinsics")
    if (single := _first(_intrinsic_places(folder), INTRINSICS, _TEXT, None)) is not None:
        return single
    for place in _intrinsic_places(folder)[1:]:
        files = [path for path in entries(place) if path.suffix.lower() in _TEXT]
        if files:
            return files[0] if len(files) == 1 else _by_stem(files, "intrinsics")
    return None


def _intrinsic_places(folder: Path) -> list[Path]:
    """The scene's folder, and a folder in it that is named for intrinsics."""
    return [folder, *(path for path in entries(folder) if _plain(path.name) in INTRINSICS and is_folder(path))]


def _cloud(folder: Path, pattern: str, confined: Confined) -> Path | None:
    if pattern:
        found = _named(folder, pattern)
        if not found:
            raise BadScene(f"{folder}: no cloud at --cloud {pattern}")
        return confined(_only(found, "clouds", "--cloud"))
    clouds = [path for path in entries(folder) if path.suffix.lower() == ".ply" and is_file(path)]
    if len(clouds) > 1:
        usual = [path for path in clouds if path.stem.lower() in (folder.name.lower(), *CLOUDS)]
        clouds = [_only(usual or clouds, "clouds", "--cloud")]
    return confined(clouds[0]) if clouds else None


def _first(
    places: list[Path], names: tuple[str, ...], suffixes: frozenset[str], confined: Confined | None
) -> Path | None:
    for place in places:
        for name in names:
            for path in entries(place):
                if _plain(path.stem) == name and path.suffix.lower() in suffixes and is_file(path):
                    return confined(path) if confined else path
    return None


def _plain(name: str) -> str:
    """As it is compared: camera-intrinsics is camera_intrinsics."""
    return name.lower().replace("-", "_").replace(" ", "_")


def _named(folder: Path, pattern: str) -> list[Path]:
    """What a path or pattern inside the folder names."""
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise BadScene(f"{pattern!r} is not a path inside the scene's folder {folder}")
    return matching(folder, pattern)


def _by_stem(paths: list[Path], what: str) -> dict[str, Path]:
    stems: dict[str, Path] = {}
    for path in paths:
        if path.stem in stems:
            raise BadScene(f"{path.parent}: two {what} of the same name, {stems[path.stem].name} and {path.name}")
        stems[path.stem] = path
    return stems


def _all(files: dict[str, Path], confined: Confined) -> dict[str, Path]:
    return {stem: confined(path) for stem, path in files.items()}


def _only(paths: list[Path], what: str, option: str) -> Path:
    if len(paths) == 1:
        return paths[0]
    raise BadScene(
        f"{paths[0].parent}: {len(paths)} {what} ({', '.join(p.name for p in paths[:4])}); name one: {option}"
    )


def _either(names: Iterable[str]) -> str:
    return ", ".join(sorted(names) if isinstance(names, frozenset) else names)
