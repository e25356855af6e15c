"""LSeg's head block: read from checkpoints, told apart by what the file or a person says, applied to label maps."""

from pathlib import Path
from typing import Any

import lseg_file
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from ovstore.cli import main
from ovstore.core.errors import BadInput, BadWeights
from ovstore.drawing.preview import Labels, nearest_label
from ovstore.ingest import recipe
from ovstore.models.encoders import lseg
from ovstore.models.encoders.lseg import Options
from PIL import Image
from scipy.ndimage import correlate

WEIGHT = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32) / 3
BIAS = 0.25
KEY = "net.scratch.head_block.depthwise.depthwise."
ACTIVATIONS = {"lrelu": lambda x: np.where(x > 0, x, 0.01 * x), "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}


def save(path: Path, hyper_parameters: dict[str, Any] | None = None, shape: tuple[int, ...] = (1, 1, 3, 3)) -> str:
    """A small checkpoint with a head block."""
    lseg_file.save(path)
    content = torch.load(path, weights_only=True)
    content["state_dict"][KEY + "weight"] = torch.from_numpy(np.resize(WEIGHT, shape))
    content["state_dict"][KEY + "bias"] = torch.tensor([BIAS])
    if hyper_parameters is not None:
        content["hyper_parameters"] = hyper_parameters
    torch.save(content, path)
    return str(path)


def by_hand(cosines: NDArray[np.float32], arch: int, depth: int, activation: str) -> NDArray[np.float64]:
    """(h, w, L): each label's scores filtered alone, plus the largest of all labels for the bottleneck."""
    scores = cosines.astype(np.float64) / 0.07
    for step in range(max(1, depth)):
        filtered = np.stack([correlate(plane, WEIGHT, mode="constant") for plane in np.moveaxis(scores, 2, 0)], axis=2)
        scores = filtered + BIAS + (scores.max(axis=2, keepdims=True) if arch == 1 else 0)
        if step < depth - 1:
            scores = ACTIVATIONS[activation](scores)
    return scores


@pytest.fixture
def cosines() -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-1, 1, (7, 9, 4)).astype(np.float32)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("arch", "depth"), [(1, 0), (1, 1), (1, 3), (2, 0), (2, 2)])
def test_label_scores_go_through_the_block_as_the_original_has_it(
    tmp_path: Path, cosines: NDArray[np.float32], arch: int, depth: int, activation: str
) -> None:
    weights = save(tmp_path / "a.ckpt")
    head = lseg.load_label_head(Options(weights, arch_option=arch, block_depth=depth, activation=activation))
    assert head is not None
    np.testing.assert_allclose(head(cosines), by_hand(cosines, arch, depth, activation), rtol=1e-4, atol=1e-3)


def test_the_file_says_how_it_was_trained_and_options_override_it(tmp_path: Path, cosines: NDArray[np.float32]) -> None:
    weights = save(tmp_path / "a.ckpt", {"arch_option": 1, "block_depth": 2, "activation": "tanh", "base_lr": 0.004})
    told, typed = (lseg.load_label_head(Options(weights, arch_option=arch)) for arch in (0, 2))
    assert told is not None and typed is not None
    np.testing.assert_allclose(told(cosines), by_hand(cosines, 1, 2, "tanh"), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(typed(cosines), by_hand(cosines, 2, 0, "lrelu"), rtol=1e-4, atol=1e-3)


def test_a_block_of_unknown_kind_and_one_that_is_not_there_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.ckpt has a head block, .* give --arch-option 1 \(bottleneck\) or 2"):
        lseg.load_label_head(Options(save(tmp_path / "a.ckpt")))
    lseg_file.save(tmp_path / "b.ckpt")
    assert lseg.load_label_head(Options(str(tmp_path / "b.ckpt"))) is None
    with pytest.raises(BadInput, match=r"b\.ckpt has no head block"):
        lseg.load_label_head(Options(str(tmp_path / "b.ckpt"), arch_option=1))
    with pytest.raises(BadWeights, match="head block do not fit"):
        lseg.load_label_head(Options(save(tmp_path / "c.ckpt", shape=(2, 1, 3, 3)), arch_option=1))
    for wrong in ({"arch_option": 3}, {"block_depth": -1}, {"activation": "gelu"}):
        with pytest.raises(BadInput, match=r"arch_option|activation"):
            Options(**wrong)  # type: ignore[arg-type]


def test_features_and_their_recipe_have_no_part_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lseg_file.save(tmp_path / "plain.ckpt")
    image = np.random.default_rng(2).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    maps = [
        lseg.load_image_encoder(Options(weights, long_side=32), "cpu")([image])[0].values
        for weights in (str(tmp_path / "plain.ckpt"), save(tmp_path / "head.ckpt"))
    ]
    np.testing.assert_array_equal(*maps)
    assert "head.ckpt has a head block, which is for label maps" in caplog.text
    space = lseg.space(Options(str(tmp_path / "plain.ckpt")))
    plain, asked = (recipe.encoding("lseg", Options(arch_option=arch), space) for arch in (0, 1))
    assert plain == asked


def test_a_label_map_shows_the_scores_of_the_block() -> None:
    values = np.zeros((4, 6, 2), np.float16)
    values[:, :3, 0] = values[:, 3:, 1] = 1
    labels = Labels(("a", "b"), np.eye(2, dtype=np.float32), [(1, 1, 1), (2, 2, 2)])
    turned = Labels(labels.names, labels.vectors, labels.colours, head=lambda cosines: -cosines)
    plain, other = (nearest_label(values, each, (6, 4), "nearest") for each in (labels, turned))
    np.testing.assert_array_equal(other, 1 - plain)


def extract(folder: Path, *options: str) -> Result:
    arguments = ["extract", str(folder), str(folder.with_name("out")), "--encoder", "lseg", "--device", "cpu"]
    return CliRunner().invoke(main, [*arguments, "--long-side", "32", "--labels", "cat, grass", *options])


def test_extract_draws_label_maps_with_the_block_and_asks_for_its_kind(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (40, 30), "red").save(tmp_path / "images/a.png")
    weights = save(tmp_path / "a.ckpt")
    result = extract(tmp_path / "images", "--weights", weights)
    assert result.exit_code == 1 and "give --arch-option 1 (bottleneck) or 2 (depthwise)" in result.stderr
    result = extract(tmp_path / "images", "--weights", weights, "--arch-option", "2")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out/a.preview.jpg").is_file()
