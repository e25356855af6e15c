"""LSeg: the published files fit, the network is the original's, and pictures go through it as they went there."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import lseg_file
import numpy as np
import open_clip
import pytest
import torch
from ovstore.core.errors import BadWeights
from ovstore.ingest.compat.openscene import ENCODER_OPTIONS
from ovstore.models.encoders import lseg
from ovstore.models.lseg.checkpoint import read_lseg
from ovstore.models.lseg.multi_scale import Windows, evaluate, padded
from ovstore.models.lseg.network import LSegNetwork
from ovstore.models.openclip.text import openai_text_tower
from torch import nn
from torch.nn import functional as F

SPEC = Path(__file__).parents[3] / "shared/spec"
TRUNKS = ("vit16", "vit32", "resnet")


@pytest.fixture(scope="module", params=TRUNKS)
def checkpoint(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("lseg") / f"{request.param}.ckpt"
    lseg_file.save(path, request.param)
    return path


@pytest.fixture(scope="module")
def vit(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("lseg") / "demo_e200.ckpt"
    lseg_file.save(path)
    return path


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_shapes_of_the_gpu_check_are_those_of_the_published_file() -> None:
    listing = SPEC / "keymap_lseg_vitl16.json"
    if not listing.exists():
        pytest.skip("needs ../shared/spec")
    published = {name.removeprefix("net."): tuple(row[0]) for name, row in json.loads(listing.read_text()).items()}
    ours = lseg_file.shapes(sizes=lseg_file.PUBLISHED)
    used = {name for name in published if not name.startswith("clip_pretrained.visual.")}
    assert {name: ours.get(name) for name in used} == {name: published[name] for name in used}


@pytest.mark.parametrize("name", ["vitl16", "vitb32", "zs_rn101"])
def test_the_tensors_of_the_published_files_fit_one_for_one(name: str) -> None:
    listing = SPEC / f"keymap_lseg_{name}.json"
    if not listing.exists():
        pytest.skip("the key maps of the published files are not here (../shared/spec)")
    with torch.device("meta"):
        tensors = {
            key.removeprefix("net."): torch.empty(shape) for key, (shape, _) in json.loads(listing.read_text()).items()
        }
        own = {key: tuple(value.shape) for key, value in LSegNetwork(tensors).state_dict().items()}
    unused = (
        "clip_pretrained.",
        "pretrained.model.norm.",
        "pretrained.model.head.",
        "scratch.refinenet4.resConfUnit1.",
    )
    assert own == {key: tuple(value.shape) for key, value in tensors.items() if not key.startswith(unused)}


@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 64), (64, 160)])
def test_features_have_unit_length_at_half_the_size(checkpoint: Path, height: int, width: int) -> None:
    with torch.inference_mode():
        values = read_lseg(checkpoint).network()(torch.rand(2, 3, height, width))
    assert values.shape == (2, 24, height // 2, width // 2)
    assert torch.allclose(values.norm(dim=1), torch.ones(()), atol=1e-5)


def test_the_decoder_is_the_papers(vit: Path) -> None:
    """Level by level in plain functions: skip through unit 1, then unit 2, then twice the size, then 1x1."""
    tensors = read_lseg(vit).image
    maps = [
        torch.rand(1, channels, 48 // stride, 64 // stride)
        for channels, stride in zip((8, 12, 16, 20), (2, 4, 8, 16), strict=True)
    ]

    def unit(name: str, x: torch.Tensor) -> torch.Tensor:
        y = x
        for k in (1, 2):
            y = F.conv2d(F.relu(y), tensors[f"{name}.conv{k}.weight"], padding=1)
            norm = [tensors[f"{name}.bn{k}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
            y = F.batch_norm(y, *norm)
        return x + y

    path = None
    for level in (4, 3, 2, 1):
        name = f"scratch.refinenet{level}"
        x = F.conv2d(maps[level - 1], tensors[f"scratch.layer{level}_rn.weight"], padding=1)
        path = x if path is None else path + unit(f"{name}.resConfUnit1", x)
        path = F.interpolate(unit(f"{name}.resConfUnit2", path), scale_factor=2, mode="bilinear", align_corners=True)
        path = F.conv2d(path, tensors[f"{name}.out_conv.weight"], tensors[f"{name}.out_conv.bias"])
    expected = F.conv2d(path, tensors["scratch.head1.weight"], tensors["scratch.head1.bias"])
    with torch.inference_mode():
        torch.testing.assert_close(read_lseg(vit).network().scratch(maps), expected, rtol=1e-4, atol=1e-4)


def test_position_embeddings_of_the_trained_grid_are_used_as_they_are(vit: Path) -> None:
    trunk = read_lseg(vit).network().pretrained
    torch.testing.assert_close(trunk.positions(torch.Size((3, 3))), trunk.model.pos_embed)
    larger = trunk.positions(torch.Size((6, 6)))[0, 1:].reshape(6, 6, -1)
    grid = trunk.model.pos_embed[0, 1:].reshape(3, 3, -1)
    torch.testing.assert_close(larger[0, 0], grid[0, 0])  # beyond the outermost cell centres nothing is extrapolated
    torch.testing.assert_close(
        larger[1, 1], (0.75 * 0.75) * grid[0, 0] + (0.25 * 0.75) * (grid[0, 1] + grid[1, 0]) + 0.0625 * grid[1, 1]
    )


def test_the_text_tower_is_open_clips() -> None:
    settings = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2}
    vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
    clip = open_clip.model.CLIP(24, vision, settings, quick_gelu=True).eval()
    tokens = open_clip.get_tokenizer("ViT-B-32")(["a red chair", "stone"])
    with torch.inference_mode():
        tower = openai_text_tower(clip.state_dict(), "clip.pt")
        torch.testing.assert_close(tower(tokens), clip.encode_text(tokens))


@pytest.mark.parametrize(
    "settings", [{"long_side": 40, "unit": False}, ENCODER_OPTIONS["lseg"]], ids=["extract", "openscene"]
)
@pytest.mark.parametrize("size", [(30, 40), (40, 30), (31, 40)])
def test_extraction_adds_the_mirror_image_and_has_the_size_of_the_picture(
    vit: Path, size: tuple[int, int], settings: dict[str, Any]
) -> None:
    """The feature recipe step by step: twice the size, a black square, both ways, cut."""
    height, width = size
    image = picture(height, width)
    options = lseg.Options(weights=str(vit), **settings)
    [found] = lseg.load_image_encoder(options, "cpu")([image])
    pixels = torch.from_numpy(image.transpose(2, 0, 1) / 127.5 - 1).float()[None]
    larger = F.interpolate(pixels, size=(2 * height, 2 * width), mode="bilinear", align_corners=True)
    square = F.pad(larger, (0, 96 - 2 * width, 0, 96 - 2 * height), value=-1)
    network = read_lseg(vit).network()
    with torch.inference_mode():
        expected = network(square) + network(square.flip(-1)).flip(-1)
    assert found.values.shape == (height, width, 24)
    np.testing.assert_allclose(found.values, expected[0, :, :height, :width].permute(1, 2, 0), atol=2e-3)
    lengths = np.linalg.norm(found.values.astype(np.float32), axis=-1)
    assert (lengths < 2.01).all() and lengths.std() > 0


@pytest.mark.parametrize(("size", "calls"), [((360, 480), 36), ((333, 500), 32), ((200, 1000), 22), ((256, 256), 46)])
def test_the_evaluator_calls_the_network_as_often_as_the_original(size: tuple[int, int], calls: int) -> None:
    seen = []

    def network(window: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(window.shape))
        return window[:, :1]

    assert evaluate(torch.rand(3, *size), network, Windows()).shape == (1, *size)
    assert seen == [(1, 3, 480, 480)] * calls


def test_the_evaluator_with_a_network_that_changes_nothing_changes_nothing() -> None:
    """Windows are laid over each other without seams, mirroring is undone, and each scale counts twice."""
    image = torch.rand(3, 40, 60)
    torch.testing.assert_close(evaluate(image, lambda x: x, Windows(base=60, crop=32, scales=(1.0,))), 2 * image)
    smooth = torch.linspace(0, 1, 60).expand(3, 40, 60)
    torch.testing.assert_close(evaluate(smooth, lambda x: x, Windows(60, 32)), 12 * smooth, atol=0.02, rtol=0)


def test_what_is_padded_is_black() -> None:
    assert padded(torch.ones(1, 2, 3), 4, 5).sum() == 6


def test_evaluate_makes_maps_of_the_pictures_size(vit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lseg, "Windows", partial(Windows, crop=32, scales=(0.5, 1.0)))  # the usual ones take 25 s
    options = lseg.Options(weights=str(vit), mode="evaluate", long_side=40)
    [found] = lseg.load_image_encoder(options, "cpu")([picture(24, 32)])
    assert found.values.shape == (24, 32, 24)


def test_a_file_without_the_prefix_is_the_same(vit: Path, tmp_path: Path) -> None:
    lseg_file.save(tmp_path / "minimal.ckpt", prefix="")
    a, b = (
        lseg.load_image_encoder(lseg.Options(weights=str(path), long_side=32), "cpu")([picture(24, 32)])[0].values
        for path in (vit, tmp_path / "minimal.ckpt")
    )
    np.testing.assert_array_equal(a, b)


def test_missing_tensors_are_counted_and_named(tmp_path: Path) -> None:
    tensors = {f"net.{name}": lseg_file.values_of(name, shape) for name, shape in lseg_file.shapes().items()}
    del tensors["net.scratch.refinenet2.out_conv.bias"]
    torch.save({"state_dict": tensors}, tmp_path / "cut.ckpt")
    with pytest.raises(BadWeights, match=r"cut\.ckpt.*1 missing \(such as scratch\.refinenet2\.out_conv\.bias\)"):
        read_lseg(tmp_path / "cut.ckpt").network()


@pytest.mark.parametrize("lost", ["pretrained.model.pos_embed", "pretrained.act_postprocess2.3.weight"])
def test_a_network_with_a_hole_is_one_sentence(tmp_path: Path, lost: str) -> None:
    tensors = {name: lseg_file.values_of(name, shape) for name, shape in lseg_file.shapes().items() if name != lost}
    torch.save(tensors, tmp_path / "hole.ckpt")
    with pytest.raises(BadWeights, match="not a complete LSeg network"):
        read_lseg(tmp_path / "hole.ckpt").network()


def test_another_networks_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    torch.save({"state_dict": nn.Conv2d(3, 4, 3).state_dict()}, tmp_path / "unet.pth.tar")
    with pytest.raises(
        BadWeights, match=r"unet\.pth\.tar is not an LSeg checkpoint: it has 2 tensors, such as bias, weight"
    ):
        lseg.space(lseg.Options(weights=str(tmp_path / "unet.pth.tar")))


def test_without_weights_the_sentence_says_where_they_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_WEIGHTS", raising=False)
    with pytest.raises(BadWeights, match=r"demo_e200\.ckpt.*isl-org/lang-seg"):
        lseg.space(lseg.Options())
