"""Masks of a frame are looked up at pixels of its image, whatever their own size."""

import numpy as np
import pytest
from ovstore.core.errors import BadInput
from ovstore.core.frame_masks import FrameMasks


def test_a_pixel_has_the_mask_of_the_cell_it_lies_in() -> None:
    ids = np.array([[0, 1], [2, 2]], np.int32)
    masks = FrameMasks(ids[None], 2)
    uv = np.array([[0, 0], [3, 0], [0, 3], [1.4, 1.4], [1.6, 1.4], [-0.4, 3.4], [3.4, -0.4]])
    assert masks.at(uv, 4, 4).tolist() == [[0, 1, 2, 0, 1, 2, 1]]


def test_masks_that_overlap_answer_in_layers() -> None:
    layers = np.zeros((2, 3, 3), np.int32)
    layers[0], layers[1, 1, 1] = 1, 2
    assert FrameMasks(layers, 2).at(np.array([[1, 1], [0, 0]]), 3, 3).tolist() == [[1, 1], [2, 0]]


def test_masks_without_height_are_refused() -> None:
    with pytest.raises(BadInput, match="height"):
        FrameMasks(np.zeros((4, 4), np.int32), 1)


def test_masks_of_a_turned_or_cut_image_are_refused_and_rounded_sizes_are_not() -> None:
    masks = FrameMasks(np.ones((1, 480, 640), np.int32), 1, "masks/7.png")
    assert masks.at(np.zeros((1, 2)), 1296, 968).shape == (1, 1)
    with pytest.raises(BadInput, match=r"masks/7.png: masks of 640x480 pixels for an image of 480x640"):
        masks.at(np.zeros((1, 2)), 480, 640)
