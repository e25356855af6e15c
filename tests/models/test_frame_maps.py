"""Which map on disk is a frame's: found by name, by number, or by what its picture is called."""

from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadInput
from ovstore.models.encoders import precomputed
from ovstore.models.frame_maps import match
from precomputed_maps import COLOURS, options, read


def test_a_frame_is_found_by_name_or_number() -> None:
    names = ["frame-000020.color", "000030", "left/40", "1305031102.175304", "cam1_0007"]
    frames = ["20", "frame-30", "40", "1305031102.175304", "cam01_7"]
    assert list(match(frames, names, "maps").values()) == names


def test_another_camera_of_the_same_number_is_another_frame() -> None:
    assert match(["left_20", "20_right"], ["right_20", "20_30"], "maps") == {}


def test_two_maps_of_a_frame_or_two_frames_of_a_map_are_told() -> None:
    with pytest.raises(BadInput, match=r"each of 'a/20', 'b/20' may be the map of frame '20'"):
        match(["20"], ["a/20", "b/20"], "maps")
    with pytest.raises(BadInput, match=r"'20' may be the map of frame '020' and of 'frame-20'"):
        match(["020", "frame-20"], ["20"], "maps")


def test_a_map_may_be_called_like_the_frames_picture(tmp_path: Path) -> None:
    np.save(tmp_path / "n015-CAM_FRONT-1533.npy", COLOURS)
    maps = precomputed.load_frame_maps(options(tmp_path), "room")
    assert list(maps.of_frames({"000_CAM_FRONT": "n015-CAM_FRONT-1533", "001_CAM_FRONT": "n016"})) == ["000_CAM_FRONT"]
    with pytest.raises(BadInput, match="none of the scene's 2 frames"):
        maps.of_frames({"left": "n015-CAM_FRONT-1533", "right": "n015-CAM_FRONT-1533"})


def test_maps_lie_in_the_scenes_folder_or_directly(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no folder named like the scene, 'room'; it contains nothing"):
        read(tmp_path)
    (tmp_path / "room").mkdir()
    np.save(tmp_path / "room" / "frame-000007.npy", COLOURS)
    np.testing.assert_array_equal(read(tmp_path), COLOURS)
    with pytest.raises(BadInput, match=r"no folder named like the scene, 'hall'; it contains room"):
        read(tmp_path, scene="hall")
    np.save(tmp_path / "8.npy", COLOURS)
    np.testing.assert_array_equal(read(tmp_path, "8", scene="hall"), COLOURS)
    with pytest.raises(BadInput, match=r"none of the scene's 1 frames, such as '9', has a map; the folder has 1 maps"):
        read(tmp_path, "9")
