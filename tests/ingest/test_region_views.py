"""Evidence shows regions from good and different places, with boxes that hold their pixels."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.features import Correspondence
from ovstore.core.scene import Camera, Frame
from ovstore.ingest.regions.views import best_views

CAMERA = Camera(100, 80, 90, 90, 49.5, 39.5)


def frame(name: str, eye: tuple[float, float, float], target: tuple[float, float, float]) -> Frame:
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return Frame(name, CAMERA, pose, Path(f"{name}.png"))


def look(xyz: NDArray[np.float64], frames: list[Frame]) -> list[Correspondence]:
    """What the frames see of a cloud that hides nothing."""
    seen = []
    for position, shot in enumerate(frames):
        local = (xyz - shot.camera_to_world[:3, 3]) @ shot.camera_to_world[:3, :3]
        row = np.flatnonzero(local[:, 2] > 0.01)
        uv = local[row, :2] / local[row, 2:] * (CAMERA.fx, CAMERA.fy) + (CAMERA.cx, CAMERA.cy)
        within = ((uv > -0.5) & (uv < (CAMERA.width - 0.5, CAMERA.height - 0.5))).all(axis=1)
        row, uv = row[within], uv[within]
        seen.append(Correspondence(position, row.astype(np.int32), uv.astype(np.float32), local[row, 2].astype("f4")))
    return seen


def blob(centre: tuple[float, float, float], count: int = 60) -> NDArray[np.float64]:
    return np.random.default_rng(count).uniform(-0.2, 0.2, (count, 3)) + centre


def views_of(xyz: NDArray[np.float64], frames: list[Frame], top: int = 5) -> list[int]:
    part = np.zeros(len(xyz), np.int32)
    [views] = best_views(part, xyz.mean(axis=0)[None], look(xyz, frames), frames, top)
    return [view.frame for view in views]


def test_a_near_central_complete_view_comes_first() -> None:
    thing = blob((0, 0, 0))
    frames = [
        frame("far", (8, 0, 0), (0, 0, 0)),
        frame("off_centre", (2, 0, 0), (0, 0.9, 0)),
        frame("best", (2, 0, 0), (0, 0, 0)),
        frame("away", (2, 0, 0), (4, 0, 0)),
    ]
    assert views_of(thing, frames, 1) == [2]
    assert 3 not in views_of(thing, frames)


def test_the_second_view_is_from_another_side() -> None:
    thing = blob((0, 0, 0))
    frames = [
        frame("front", (2, 0, 0), (0, 0, 0)),
        frame("front_again", (2, 0.1, 0), (0, 0, 0)),
        frame("back", (-2.5, 0, 0), (0, 0, 0)),
    ]
    assert views_of(thing, frames) == [0, 2, 1]


def test_a_glimpse_is_no_evidence() -> None:
    thing = blob((0, 0, 0))
    frames = [frame("front", (2, 0, 0), (0, 0, 0)), frame("glimpse", (2, 0, 0), (0, 1.38, 0))]
    seen = look(thing, frames)
    assert 0 < len(seen[1]) < 6
    assert views_of(thing, frames) == [0]


def test_boxes_are_the_pixels_of_the_points() -> None:
    thing = blob((0, 0, 0))
    frames = [frame("front", (2, 0, 0), (0, 0, 0))]
    [seen] = look(thing, frames)
    [[view]] = best_views(np.zeros(60, np.int32), np.zeros((1, 3)), [seen], frames, 5)
    pixels = np.rint(seen.uv)
    assert view.box_xyxy == (*pixels.min(axis=0), *pixels.max(axis=0))
    assert view.visible_points == 60


def test_boxes_stay_inside_the_picture() -> None:
    thing = blob((0, 0, 0), 3000) * 5
    frames = [frame("inside", (1.5, 0, 0), (0, 0, 0))]
    [[view]] = best_views(np.zeros(3000, np.int32), np.zeros((1, 3)), look(thing, frames), frames, 5)
    x0, y0, x1, y1 = view.box_xyxy
    assert 0 <= x0 <= x1 <= 99
    assert 0 <= y0 <= y1 <= 79


def test_a_lone_outlier_does_not_stretch_the_box_of_a_large_region() -> None:
    thing = np.concatenate([blob((0, 0, 0), 1000), [[0, 0.9, 0.0]]])
    frames = [frame("front", (2, 0, 0), (0, 0, 0))]
    part = np.zeros(1001, np.int32)
    [[with_outlier]] = best_views(part, np.zeros((1, 3)), look(thing, frames), frames, 5)
    [[without]] = best_views(part[:1000], np.zeros((1, 3)), look(thing[:1000], frames), frames, 5)
    assert with_outlier.visible_points == 1001
    assert np.abs(np.subtract(with_outlier.box_xyxy, without.box_xyxy)).max() <= 3


def test_regions_do_not_mix_and_points_without_one_do_not_count() -> None:
    left, right, dust = blob((0, 0.4, 0), 40), blob((0, -0.4, 0), 50), blob((0, 0, 0.3), 30)
    xyz = np.concatenate([left, right, dust])
    part = np.repeat(np.array([0, 1, -1], np.int32), [40, 50, 30])
    frames = [frame("front", (2.5, 0, 0), (0, 0, 0)), frame("side", (0.5, 2.5, 0), (0, 0, 0))]
    both = best_views(part, np.stack([left.mean(axis=0), right.mean(axis=0)]), look(xyz, frames), frames, 2)
    for mine, found in zip((left, right), both, strict=True):
        part_alone = np.zeros(len(mine), np.int32)
        [alone] = best_views(part_alone, mine.mean(axis=0)[None], look(mine, frames), frames, 2)
        assert found == alone


@pytest.mark.parametrize("top", [0, 3])
def test_a_region_in_no_picture_has_no_views(top: int) -> None:
    frames = [frame("away", (2, 0, 0), (4, 0, 0))]
    assert best_views(np.zeros(60, np.int32), np.zeros((1, 3)), look(blob((0, 0, 0)), frames), frames, top) == [()]


def test_no_views_are_kept_where_none_are_wanted() -> None:
    assert views_of(blob((0, 0, 0)), [frame("front", (2, 0, 0), (0, 0, 0))], 0) == []
