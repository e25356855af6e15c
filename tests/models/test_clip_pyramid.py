"""The pyramid of patches: where its boxes lie, what its crops look like, its maps against those of a plain loop."""

import json
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from open_clip.model import CLIP
from open_clip.transform import image_transform
from ovstore.core.errors import BadInput
from ovstore.core.features import EmbeddingSpace
from ovstore.models.encoders import clip_pyramid
from ovstore.models.encoders.clip_pyramid import Options
from ovstore.models.pyramid.crops import crops
from ovstore.models.pyramid.file import read_pyramid, write_pyramid
from ovstore.models.pyramid.maps import rebuild, rebuild_plainly
from ovstore.models.pyramid.patches import PatchPyramid, patches_of, shrunk
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_tensors

SPACE = EmbeddingSpace("clip_pyramid/ViT-B-16/openai", 6, "abc", 100.0)
ARCHITECTURE = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pyramid_of(height: int, width: int, jitter: float = 0.25, dim: int = 6) -> PatchPyramid:
    boxes, scale = patches_of(picture(height, width), jitter)
    vectors = np.random.default_rng(1).normal(0, 5, (len(boxes), dim)).astype(np.float16)
    return PatchPyramid(height, width, boxes, scale, vectors)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    """A CLIP with random weights for pictures of 32 pixels."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("clip")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": ARCHITECTURE}))
    save_tensors({k: v.contiguous() for k, v in CLIP(**ARCHITECTURE).state_dict().items()}, folder / "w.safetensors")
    return str(folder / "w.safetensors")


@pytest.mark.parametrize(
    ("original", "work", "patches", "count"),
    [
        ((4032, 3024), (504, 378), (75, 54, 37), (450, 936, 2067)),
        ((1440, 1080), (180, 135), (27, 19, 13), (513, 1260, 2394)),
        ((1008, 756), (126, 94), (18, 13, 9), (560, 1092, 2640)),
    ],
    ids=str,
)
def test_an_eighth_of_a_picture_has_the_originals_patches(original, work, patches, count) -> None:
    small = shrunk(np.zeros((original[1], original[0], 3), np.uint8), long_side=0)
    assert small.shape == (work[1], work[0], 3)
    boxes, scale = patches_of(small, jitter=0)
    assert tuple(np.bincount(scale)) == count
    assert tuple((boxes[:, 2:] - boxes[:, :2])[scale == one].max() for one in range(3)) == patches


def test_patches_go_in_rows_from_the_top_left() -> None:
    boxes, scale = patches_of(picture(60, 80), jitter=0)
    first = boxes[scale == 0]
    np.testing.assert_array_equal(first[:3], [[0, 0, 12, 12], [3, 0, 15, 12], [6, 0, 18, 12]])
    assert all((a[1], a[0]) < (b[1], b[0]) for a, b in pairwise(first.tolist()))


def test_a_patch_grows_by_up_to_a_quarter_on_each_side() -> None:
    small = picture(135, 180)
    plain, scale = patches_of(small, jitter=0)
    grown, _ = patches_of(small, jitter=0.25)
    more = np.abs(grown.astype(int) - plain)
    for one, patch in enumerate((27, 19, 13)):
        assert set(np.unique(more[scale == one])) == set(range(patch // 4 + 1))
    assert (grown[:, :2] <= plain[:, :2]).all() and (grown[:, 2:] >= plain[:, 2:]).all()


def test_a_picture_always_has_the_same_patches_and_another_has_others() -> None:
    again, _ = patches_of(picture(60, 80), 0.25)
    np.testing.assert_array_equal(patches_of(picture(60, 80), 0.25)[0], again)
    assert (patches_of(picture(60, 80, seed=1), 0.25)[0] != again).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 50), (19, 25), (40, 40)], ids=str)
def test_every_pixel_of_a_small_picture_is_covered(size) -> None:
    pyramid = pyramid_of(*size)  # checked when made
    assert all((pyramid.coverage(scale) > 0).all() for scale in range(3))


def test_a_picture_is_shrunk_and_never_grown() -> None:
    assert shrunk(picture(480, 640), 320).shape == (240, 320, 3)
    assert shrunk(picture(48, 64), 320).shape == (48, 64, 3)
    assert shrunk(picture(5, 7), 0).shape == (1, 1, 3)
    theirs = np.asarray(Image.fromarray(picture(83, 100)).resize((12, 10)))
    np.testing.assert_array_equal(shrunk(picture(83, 100), 0), theirs)


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (45, 60)], ids=str)
def test_rebuilt_maps_are_those_of_the_plain_loop_to_the_last_bit(size) -> None:
    pyramid = pyramid_of(*size, dim=70)
    maps = rebuild(pyramid)
    assert maps.shape == (3, 70, *size) and maps.dtype == np.float32
    np.testing.assert_array_equal(maps, rebuild_plainly(pyramid))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_crops_are_those_of_clips_own_preprocessing(interpolation) -> None:
    small = picture(90, 70)
    corners = random.Random(0)
    lefts, tops = ([corners.randrange(side) for _ in range(40)] for side in (60, 80))
    boxes = [(x, y, corners.randint(x + 1, 70), corners.randint(y + 1, 90)) for x, y in zip(lefts, tops, strict=True)]
    ours = crops(torch.from_numpy(small).permute(2, 0, 1).float(), torch.tensor(boxes), 32, interpolation)
    transform = image_transform(32, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), interpolation=interpolation)
    theirs = torch.stack([transform(Image.fromarray(small).crop(box)) for box in boxes]) * 255
    away = (ours - theirs).abs()
    assert away.max() <= 1.001  # a level, where a sum falls between two
    assert (away > 0.5).float().mean() < 0.01  # linear sums are often halves


def test_embeddings_are_those_of_open_clip_one_by_one(weights) -> None:
    small = picture(10, 14)
    pyramid = clip_pyramid.load_patch_encoder(Options(weights=weights), "cpu")(small)
    tower = CLIP(**ARCHITECTURE)
    tower.load_state_dict(load_file(weights))
    transform = image_transform(32, is_train=False)
    some = range(0, len(pyramid.boxes_xyxy), 37)
    with torch.no_grad():
        pixels = torch.stack([transform(Image.fromarray(small).crop(tuple(pyramid.boxes_xyxy[i]))) for i in some])
        theirs = tower.eval().encode_image(pixels).numpy()
    np.testing.assert_allclose(pyramid.embeddings[list(some)], theirs, atol=5e-3)


def test_a_plain_picture_has_a_plain_map(weights) -> None:
    [found] = clip_pyramid.load_image_encoder(Options(weights=weights), "cpu")([np.full((10, 14, 3), 90, np.uint8)])
    assert found.values.shape == (10, 14, 12)
    np.testing.assert_allclose(found.values, np.broadcast_to(found.values[0, 0], found.values.shape), atol=1e-3)


def test_a_map_is_the_mean_of_the_scales_or_one_of_them(weights) -> None:
    image = picture(10, 14)
    unit = rebuild(clip_pyramid.load_patch_encoder(Options(weights=weights), "cpu")(image))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    for scale, expected in (("coarse", unit[0]), ("fine", unit[2]), ("mean", mean / np.linalg.norm(mean, axis=0))):
        [found] = clip_pyramid.load_image_encoder(Options(weights=weights, scale=scale), "cpu")([image])
        np.testing.assert_allclose(found.values.transpose(2, 0, 1), expected, atol=1e-3)


def test_a_file_reads_back_equal_and_is_small(tmp_path) -> None:
    pyramid = pyramid_of(45, 60)
    write_pyramid(tmp_path / "a.safetensors", pyramid, SPACE)
    again, space = read_pyramid(tmp_path / "a.safetensors")
    assert space == SPACE
    assert (again.height, again.width) == (45, 60)
    for name in ("boxes_xyxy", "scale", "embeddings"):
        np.testing.assert_array_equal(getattr(again, name), getattr(pyramid, name))
    size = (tmp_path / "a.safetensors").stat().st_size
    assert size < len(pyramid.scale) * (2 * 6 + 9) + 1000


def test_another_file_is_one_sentence(tmp_path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"{}")
    with pytest.raises(BadInput, match="not a file of patch embeddings"):
        read_pyramid(path)
    save_file({"scale": np.zeros(3, np.uint8)}, path, {"space": "{}"})
    with pytest.raises(BadInput, match="not a file of patch embeddings"):
        read_pyramid(path)


@pytest.mark.parametrize(
    ("boxes", "sentence"),
    [([[0, 0, 5, 4]], "outside"), ([[0, 0, 4, 0]], "empty"), ([[0, 0, 3, 4]], "uncovered"), ([[0, 0, 4]], "are not")],
)
def test_patches_that_cannot_be_are_refused(boxes, sentence) -> None:
    with pytest.raises(BadInput, match=sentence):
        PatchPyramid(4, 4, np.array(boxes * 3, np.int16), np.arange(3, dtype=np.uint8), np.zeros((3, 2), np.float16))


@pytest.mark.parametrize(
    "wrong", [{"long_side": -1}, {"jitter": 2.0}, {"scale": "best"}, {"precision": "int8"}], ids=str
)
def test_options_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(BadInput):
        Options(**wrong)
