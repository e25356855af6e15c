"""OpenScene's numbers, to the bit: its loop retold with plain arrays, and the vectors of openscene.md, Appendix G."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ovstore.core import plugins
from ovstore.core.features import Correspondence, EmbeddingSpace, FeatureMap
from ovstore.core.scene import Camera, Frame
from ovstore.ingest.cameras.resizing import resize_bilinear, resize_nearest
from ovstore.ingest.compat.openscene import (
    CONSTANTS,
    ENCODER_OPTIONS,
    FUSION,
    VISIBILITY,
    adjusted,
    compat_of,
    preprocessing_options,
    working_images,
)  # fmt: skip
from ovstore.ingest.extraction.extract import Picture, extract
from ovstore.ingest.fusion import fuse, visibility
from PIL import Image

SCANNET = CONSTANTS["scannet"].camera
DIM = 24


def frame(camera: Camera, camera_to_world: np.ndarray, depth: bool = True, scale: float = 1000.0) -> Frame:
    path, depth_camera = (Path("0.png"), camera) if depth else (None, None)
    return Frame("0", camera, camera_to_world, Path("0.jpg"), path, depth_camera, scale)


def scene(seed: int, points: int = 4000, frames: int = 7):  # type: ignore[no-untyped-def]
    """Points before cameras that look about, and random depth in millimetres, with holes."""
    rng = np.random.default_rng(seed)
    camera = Camera(64, 48, 55.0, 54.0, 31.2, 23.9)
    xyz = rng.uniform([-2, -1.5, -1], [2, 1.5, 4], (points, 3))
    poses, depth = [], []
    for _ in range(frames):
        q, _ = np.linalg.qr(np.eye(3) + 0.15 * rng.normal(size=(3, 3)))
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = q * np.sign(np.diag(q)), rng.normal(scale=0.2, size=3)
        poses.append(pose)
        depth.append(np.where(rng.random((48, 64)) < 0.1, 0, rng.integers(500, 4500, (48, 64))).astype(np.uint16))
    maps = [rng.normal(scale=2, size=(48, 64, DIM)).astype(np.float16) for _ in range(frames)]
    return camera, xyz, poses, depth, maps


def published_visibility(xyz, camera, pose, depth, threshold, border):  # type: ignore[no-untyped-def]
    """(column, row, seen) of every point; `depth` uint16 millimetres or None."""
    local = np.linalg.inv(pose) @ np.vstack([xyz.T, np.ones(len(xyz))])
    column = np.round(camera.fx * local[0] / local[2] + camera.cx).astype(np.int64)
    row = np.round(camera.fy * local[1] / local[2] + camera.cy).astype(np.int64)
    seen = (column >= border) & (row >= border) & (column < camera.width - border) & (row < camera.height - border)
    if depth is None:
        return column, row, seen & (local[2] > 0)
    measured = (depth / 1000)[np.where(seen, row, 0), np.where(seen, column, 0)]
    return column, row, seen & (np.abs(measured - local[2]) <= threshold * measured)


def published_fusion(xyz, camera, poses, depth, maps, threshold, border):  # type: ignore[no-untyped-def]
    """feature (N, C) fp16, covered (N,): float32 sums and counts, one frame after the other."""
    total, count = np.zeros((len(xyz), DIM), np.float32), np.zeros((len(xyz), 1), np.float32)
    for pose, image, feature in zip(poses, depth, maps, strict=True):
        column, row, seen = published_visibility(xyz, camera, pose, image, threshold, border)
        total[seen] += feature[row[seen], column[seen]]
        count[seen] += 1
    covered = count[:, 0] > 0
    count[count == 0] = 1e-5
    return (total / count).astype(np.float16), covered


@pytest.mark.parametrize("path", ["auto", "numba", "numpy"])
@pytest.mark.parametrize("memory_mb", [0, 1000])
@pytest.mark.parametrize("with_depth", [True, False])
def test_fused_features_equal_the_published_loop_to_the_bit(path: str, memory_mb: int, with_depth: bool) -> None:
    pytest.importorskip("scipy" if path == "auto" else path)
    camera, xyz, poses, depth, maps = scene(3)
    if not with_depth:
        depth = [None] * len(poses)
    expected, covered = published_fusion(xyz, camera, poses, depth, maps, 0.25, 10)
    seen = [
        visibility.correspond(
            xyz,
            frame(camera, pose, with_depth),
            position,
            None if image is None else (image / 1000).astype(np.float32),
            VISIBILITY,
        )
        for position, (pose, image) in enumerate(zip(poses, depth, strict=True))
    ]
    space = EmbeddingSpace("test", DIM, "")
    arriving = ((i, FeatureMap(space, values, "nearest")) for i, values in enumerate(maps))
    result = fuse.fuse(arriving, seen, [camera] * len(poses), len(xyz), space, FUSION, path=path, memory_mb=memory_mb)
    assert 500 < covered.sum() < 3500
    assert np.array_equal(result.point_index, np.flatnonzero(covered))
    assert np.array_equal(result.vectors.view(np.uint16), expected[covered].view(np.uint16))


def test_scannets_point_lands_on_its_pixel() -> None:
    """Appendix G: c2w is a shift by (1, 2, 3), the point (1.5, 2.25, 5)."""
    pose = np.eye(4)
    pose[:3, 3] = (1, 2, 3)
    point = np.array([[1.5, 2.25, 5.0]])
    exact = replace(VISIBILITY, compat=False)
    assert SCANNET is not None
    seen = visibility.correspond(point, frame(SCANNET, pose, depth=False), 0, None, exact)
    np.testing.assert_array_equal(seen.uv, np.float32([[231.733825625, 155.6169128125]]))
    seen = visibility.correspond(point, frame(SCANNET, pose, depth=False), 0, None, VISIBILITY)
    assert seen.uv.tolist() == [[232, 156]] and seen.depth.tolist() == [2]


@pytest.mark.parametrize(
    ("millimetres", "visible"), [(1599, False), (1600, True), (2000, True), (2666, True), (2667, False), (0, False)]
)
def test_the_threshold_is_inclusive_and_relative_to_the_reading(millimetres: int, visible: bool) -> None:
    """Appendix G: at z = 2 visible for 1.6 <= d <= 2.6666..."""
    assert SCANNET is not None
    depth = np.full((240, 320), millimetres / 1000, np.float32)
    seen = visibility.correspond(np.array([[0.0, 0, 2]]), frame(SCANNET, np.eye(4)), 0, depth, VISIBILITY)
    assert len(seen) == visible


def test_pixels_round_half_to_even_and_the_border_is_open_at_its_far_end() -> None:
    """Appendix G: 10.5 -> 10, 11.5 -> 12; of 320 columns 9 is out, 10 in, 309 in, 310 out."""
    camera = Camera(320, 240, 1.0, 1.0, 0.0, 0.0)
    columns = np.array([9.0, 9.5, 10, 10.5, 11.5, 309, 309.5, 310])
    points = np.column_stack([columns, np.full(8, 100.0), np.ones(8)])
    seen = visibility.correspond(points, frame(camera, np.eye(4), depth=False), 0, None, VISIBILITY)
    assert dict(zip(seen.point_index.tolist(), seen.uv[:, 0].tolist(), strict=True)) == {
        1: 10,
        2: 10,
        3: 10,
        4: 12,
        5: 309,
    }


def test_a_saturated_reading_is_a_distance_here_and_none_by_default() -> None:
    camera = Camera(64, 48, 50.0, 50.0, 31.5, 23.5)
    depth = np.full((48, 64), 65.535, np.float32)
    point = np.array([[0.0, 0, 60]])
    assert len(visibility.correspond(point, frame(camera, np.eye(4)), 0, depth, VISIBILITY)) == 1
    assert (
        len(visibility.correspond(point, frame(camera, np.eye(4)), 0, depth, visibility.VisibilityOptions(0.25))) == 0
    )


def test_depth_of_another_size_is_brought_to_the_colour_image() -> None:
    camera = Camera(32, 24, 25.0, 25.0, 15.5, 11.5)
    depth = np.random.default_rng(2).integers(1000, 3000, (480, 640)) / np.float32(1000)
    points = np.random.default_rng(3).uniform([-1, -1, 1], [1, 1, 3], (2000, 3))
    large = replace(frame(camera, np.eye(4)), depth_camera=camera.resized(640, 480))
    here = visibility.correspond(points, large, 0, depth, VISIBILITY)
    there = visibility.correspond(points, frame(camera, np.eye(4)), 0, depth[::20, ::20], VISIBILITY)
    assert 0 < len(here) == len(there) and np.array_equal(here.point_index, there.point_index)


@pytest.mark.parametrize(
    ("before", "size", "after"),
    [
        (Camera(640, 480, 577.870605, 577.870605, 319.5, 239.5), (320, 240), (288.9353025, 288.9353025, 159.5, 119.5)),
        (Camera(1200, 680, 600, 600, 599.5, 339.5), (640, 360), (317.5, 317.6470588235294, 319.5, 179.5)),
        (Camera(1280, 1024, 1076.0, 1076.5, 629.3, 509.1), (640, 512), (538.0, 538.25, 314.403987, 254.301173)),
        (
            Camera(1600, 900, 1266.4172, 1266.4172, 816.267, 491.507),
            (800, 450),
            (633.2086, 633.2086, 407.878257, 245.480137),
        ),
    ],
    ids=["scannet", "replica", "matterport", "nuscenes"],
)
def test_intrinsics_are_adjusted_as_published(before: Camera, size: tuple[int, int], after: tuple[float, ...]) -> None:
    """Appendix G."""
    camera = adjusted(before, *size)
    assert (camera.width, camera.height) == size
    np.testing.assert_allclose((camera.fx, camera.fy, camera.cx, camera.cy), after, rtol=0, atol=5e-7)
    assert adjusted(camera, *size) is camera


def test_datasets_with_a_fixed_camera_ignore_the_files() -> None:
    own = frame(Camera(1296, 968, 1170.0, 1170.0, 647.0, 483.0), np.eye(4))
    assert CONSTANTS["scannet"].frame(own).camera == SCANNET
    assert CONSTANTS["matterport"].frame(own).camera.width == 640


def test_images_are_resized_by_taking_pixels() -> None:
    """openscene.md 1.1: 1296 -> 320 takes columns 0, 4, ..., 76, 81, 85."""
    columns = resize_nearest(np.broadcast_to(np.arange(1296), (968, 1296)), Camera(320, 240, 1, 1, 0, 0))[0]
    assert columns[:22].tolist() == [*range(0, 80, 4), 81, 85]


@pytest.mark.parametrize(("bilinear", "resize"), [(False, resize_nearest), (True, resize_bilinear)])
def test_networks_see_pictures_at_the_size_and_by_the_rule_of_the_dataset(tmp_path: Path, bilinear, resize) -> None:
    image = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "0.png")
    large, small = Camera(16, 12, 10.0, 10.0, 7.5, 5.5), Camera(5, 4, 3.0, 3.0, 2.0, 1.5)
    picture = Picture(0, replace(frame(large, np.eye(4)), image_path=tmp_path / "0.png"), small, bilinear)
    seen = []
    list(extract([picture], lambda images: seen.extend(images) or [None]))
    np.testing.assert_array_equal(seen[0], resize(image, small))


def test_one_place_says_what_compat_changes() -> None:
    matterport = compat_of("matterport", Path("scans"), "lseg")
    assert (matterport.visibility.depth_tolerance, matterport.visibility.border) == (0.02, 10)
    assert matterport.visibility.compat and matterport.fusion == FUSION
    assert matterport.dataset_options == {"y_origin": "top"}
    assert matterport.encoder_options == {"mode": "openscene", "unit": False, "precision": "float32"}
    other = compat_of("colmap", Path("scans"), "tiny")
    assert (other.visibility, other.dataset_options, other.encoder_options) == (VISIBILITY, {}, {})


@pytest.mark.parametrize("name", ENCODER_OPTIONS)
def test_openscenes_options_are_options_of_the_encoder(name: str) -> None:
    pytest.importorskip("torch")
    replace(plugins.load("models.encoders", name).Options(), **ENCODER_OPTIONS[name])


@pytest.mark.parametrize("name", sorted(set(CONSTANTS) - {"custom"}))
def test_openscenes_options_are_options_of_the_importer(name: str) -> None:
    options = plugins.load("ingest.datasets", name).Options
    replace(options(), **compat_of(name, Path("scans"), "lseg").dataset_options)
    replace(options(), **preprocessing_options(name))


def test_points_seen_in_a_resized_image_lie_in_the_pixels_of_the_whole_one() -> None:
    own = frame(Camera(1296, 968, 1170.0, 1170.0, 647.0, 483.0), np.eye(4))
    seen = Correspondence(0, np.int32([0]), np.float32([[159.5, 119.5]]), np.float32([1]))
    assert working_images("scannet", VISIBILITY).in_own_pixels(own, seen).uv.tolist() == [[647.5, 483.5]]
    assert working_images("colmap", VISIBILITY).in_own_pixels(own, seen) is seen
