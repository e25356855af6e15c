"""One promise, every encoder: what the contract in models/encoders says holds for each file of the folder."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import lseg_file
import numpy as np
import openseg_file
import pytest
import siglip_file
import timm
import torch
from numpy.typing import NDArray
from open_clip.model import CLIP
from ovstore.core import plugins
from ovstore.core.errors import BadInput, OvstoreError, SpaceMismatch, UnknownWords
from safetensors.torch import save_file
from torch.nn.modules.module import register_module_forward_pre_hook

NAMES = plugins.names("models.encoders")
TEXTS = ("red", "blue", "something red", "white")  # words that every encoder knows


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory) -> str:
    """A CLIP with random weights, small enough for a test."""
    folder = tmp_path_factory.mktemp("clip")
    architecture = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    tensors = {name: tensor.contiguous() for name, tensor in CLIP(**architecture).state_dict().items()}
    save_file(tensors, folder / "random.safetensors")
    return str(folder / "random.safetensors")


@pytest.fixture(scope="session")
def small_lseg(tmp_path_factory) -> str:
    """An LSeg checkpoint with the original's names, small enough for a test."""
    path = tmp_path_factory.mktemp("lseg") / "demo_e200.ckpt"
    lseg_file.save(path)
    return str(path)


@pytest.fixture
def small_openseg(tmp_path, monkeypatch) -> str:
    """OpenSeg's SavedModel, run by a stand-in for TensorFlow."""
    return str(openseg_file.with_stand_in(tmp_path / "exported_model", monkeypatch))


@pytest.fixture(scope="session")
def small_vit(tmp_path_factory) -> str:
    """A vision transformer of timm's with random weights."""
    path = tmp_path_factory.mktemp("vit") / "random.safetensors"
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), path)
    return str(path)


@pytest.fixture(scope="session")
def small_siglip(tmp_path_factory) -> str:
    """A folder as of the Hugging Face hub, with a small SigLIP 2."""
    return siglip_file.save_folder(tmp_path_factory.mktemp("hub") / "siglip2-small")


@pytest.fixture
def options_of(request) -> Callable[[str], Any]:
    """An encoder's Options by its name, with weights made for the test where it ships none."""
    settings = {
        "openclip": lambda: {"weights": request.getfixturevalue("small_clip"), "long_side": 64},
        "lseg": lambda: {"weights": request.getfixturevalue("small_lseg"), "long_side": 32},
        "openseg": lambda: {
            "weights": request.getfixturevalue("small_openseg"),
            "text_weights": request.getfixturevalue("small_clip"),
            "tile": 64,
        },
        "clip_pyramid": lambda: {"weights": request.getfixturevalue("small_clip"), "long_side": 8},
        "dino": lambda: {"model": "test_vit", "weights": request.getfixturevalue("small_vit"), "long_side": 64},
        "siglip2": lambda: {"weights": request.getfixturevalue("small_siglip"), "long_side": 64},
        "precomputed": lambda: {
            "text": "openclip",
            "text_model": "ViT-B-16",
            "text_weights": request.getfixturevalue("small_clip"),
            "text_tag": "elsewhere",
        },
    }
    return lambda name: plugins.load("models.encoders", name).Options(**settings.get(name, dict)())


@pytest.fixture(params=NAMES)
def encoder(request, options_of) -> tuple[Any, Any]:
    """(module, options) of each encoder."""
    return plugins.load("models.encoders", request.param), options_of(request.param)


@pytest.fixture
def worded(encoder) -> tuple[Any, Any]:
    """(module, options) of each encoder that knows words."""
    module, options = encoder
    if not module.background_texts(options):
        pytest.skip("knows no words, and says so")
    return encoder


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def maps_of(encoder: tuple[Any, Any], *images: NDArray[np.uint8]) -> list[Any]:
    module, options = encoder
    return module.load_image_encoder(options, device="cpu")(images)


def test_an_image_has_the_same_map_in_any_batch(encoder) -> None:
    images = [picture(48, 64, 1), picture(64, 48, 2), picture(48, 64, 3)]
    module, options = encoder
    first, second = (module.load_image_encoder(options, device="cpu") for _ in range(2))
    alone = [first([image])[0].values for image in images]
    together = [one.values for one in second(images)]
    reversed_ = [one.values for one in second(images[::-1])][::-1]
    for a, b, c in zip(alone, together, reversed_, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (33, 47), (48, 64)], ids=str)
def test_a_map_of_any_size_is_finite_and_of_unit_length(encoder, size) -> None:
    values = maps_of(encoder, picture(*size))[0].values.astype(np.float32)
    assert values.ndim == 3
    np.testing.assert_allclose(np.linalg.norm(values, axis=-1), 1, atol=5e-3)


def test_a_plain_grey_image_has_a_map(encoder) -> None:
    assert np.isfinite(maps_of(encoder, np.full((48, 64, 3), 128, np.uint8))[0].values).all()


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
    ids=["two axes", "four channels", "float", "empty"],
)
def test_what_is_no_image_is_refused_with_a_sentence(encoder, wrong) -> None:
    with pytest.raises(BadInput, match=r"is not \(H, W, 3\) uint8 RGB"):
        maps_of(encoder, wrong)


def test_no_images_make_no_maps(encoder) -> None:
    assert maps_of(encoder) == []


def test_texts_are_unit_rows_each_by_itself(worded) -> None:
    module, options = worded
    encode = module.load_text_encoder(options, device="cpu")
    rows = encode(TEXTS)
    assert rows.dtype == np.float32
    assert rows.shape == (len(TEXTS), module.space(options).dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    for text, row in zip(TEXTS, rows, strict=True):
        np.testing.assert_allclose(encode([text])[0], row, atol=1e-5)


def test_maps_and_texts_are_in_the_space(encoder) -> None:
    module, options = encoder
    space = module.space(options)
    one = maps_of(encoder, picture(48, 64))[0]
    assert one.space == space
    assert one.values.dtype == np.float16
    assert one.sampling in ("nearest", "bilinear")
    assert space.logit_scale > 0
    space.require_same(module.space(options))


def test_the_background_can_be_encoded(worded) -> None:
    module, options = worded
    texts = module.background_texts(options)
    assert len(texts) == len(set(texts)) > 0
    assert np.isfinite(module.load_text_encoder(options, device="cpu")(texts)).all()


def test_an_empty_text_is_a_sentence(encoder) -> None:
    module, options = encoder
    with pytest.raises(OvstoreError):
        module.load_text_encoder(options, device="cpu")([" "])


def test_without_a_background_there_are_no_words_and_a_sentence_says_so(encoder) -> None:
    module, options = encoder
    if module.background_texts(options):
        pytest.skip("knows words")
    with pytest.raises(UnknownWords, match="query with an image"):
        module.load_text_encoder(options, device="cpu")(TEXTS)


def test_options_are_plain_values_with_help(encoder) -> None:
    module, options = encoder
    assert json.loads(json.dumps(dataclasses.asdict(options))) == dataclasses.asdict(options)
    for option in dataclasses.fields(module.Options):
        assert option.default is not dataclasses.MISSING
        assert option.metadata["help"]
        assert isinstance(option.default, str | int | float | bool)


def test_spaces_of_two_encoders_never_mix(options_of) -> None:
    spaces = [plugins.load("models.encoders", name).space(options_of(name)) for name in NAMES]
    for i, one in enumerate(spaces):
        for other in spaces[i + 1 :]:
            with pytest.raises(SpaceMismatch):
                one.require_same(other)


def test_a_wrong_encoder_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(OvstoreError, match="Did you mean 'openclip'"):
        plugins.load("models.encoders", "open_clip")


@pytest.mark.parametrize("name", ["openclip", "siglip2", "tiny", "lseg", "dino", "clip_pyramid"])
def test_a_device_without_room_for_the_images_is_one_sentence(name: str, options_of: Callable[[str], Any]) -> None:
    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    encode = plugins.load("models.encoders", name).load_image_encoder(options_of(name), device="cpu")
    hook = register_module_forward_pre_hook(full)
    try:
        with pytest.raises(BadInput, match=r"^The images do not fit into the memory of cpu: take a smaller long_side"):
            encode([picture(48, 64)])
    finally:
        hook.remove()
