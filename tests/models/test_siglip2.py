"""SigLIP 2 from a Hugging Face folder, against what transformers 5.23 (SiglipModel) computes with these weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import siglip_file
import torch
from ovstore.core.errors import BadWeights
from ovstore.models.encoders import siglip2
from ovstore.models.encoders.siglip2 import Options
from ovstore.models.openclip.dense import dense, pooled
from ovstore.models.siglip.folder import build_image_tower, build_text_tower, read_siglip
from ovstore.models.siglip.gemma_tokens import GemmaTokens
from safetensors.numpy import save_file

PIXELS = torch.from_numpy(np.cos(np.arange(3 * 32 * 32) * 0.05).reshape(1, 3, 32, 32).astype(np.float32))
TOKENS = torch.tensor([[5, 9, 1, 0, 0, 0, 0, 0], [7, 299, 30, 31, 32, 33, 34, 1]])
IMAGE_VECTOR = [-2.681607, 2.364990, -0.421268, -0.838792, -0.523863, 1.335031]  # get_image_features, first six
TEXT_VECTORS = [  # get_text_features
    [1.923336, 0.911428, -1.281637, -1.352607, 0.581931, 1.279431],
    [2.384448, 0.086538, -2.077663, -0.850912, 1.581650, 1.183630],
]
PATCHES = [  # vision_model's last_hidden_state, the first two patches
    [-0.825192, 2.181655, 1.270255, -1.674876, 0.176836, -0.608425],
    [-1.016204, 2.576979, 0.941222, -1.114480, 0.038147, -0.454581],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return Path(siglip_file.save_folder(tmp_path_factory.mktemp("hub") / "siglip2-small"))


@torch.inference_mode()
def test_the_image_tower_is_that_of_transformers(folder) -> None:
    tower = build_image_tower(read_siglip(folder))
    np.testing.assert_allclose(pooled(tower, PIXELS)[0, :6], IMAGE_VECTOR, atol=2e-5)
    np.testing.assert_allclose(tower.trunk.forward_features(PIXELS)[0, :2, :6], PATCHES, atol=2e-5)


@torch.inference_mode()
def test_a_picture_of_one_patch_is_its_own_image_vector(folder) -> None:
    """Pooling by attention over one patch is the value path, whatever attends to it."""
    tower = build_image_tower(read_siglip(folder))
    one = PIXELS[:, :, :8, :8]
    np.testing.assert_allclose(dense(tower, one)[0, 0, 0], pooled(tower, one)[0], atol=1e-5)


@torch.inference_mode()
def test_the_text_tower_is_that_of_transformers(folder) -> None:
    found = build_text_tower(read_siglip(folder))(TOKENS)
    np.testing.assert_allclose(found[:, :6], TEXT_VECTORS, atol=2e-5)


@pytest.mark.parametrize(
    ("text", "expected"),  # of the library tokenizers (0.23) from the same file, the text made small before
    [
        ("a red chair", [287, 290, 260, 293, 1, 0, 0, 0]),
        ("A Wooden CHAIR", [287, 298, 265, 274, 260, 293, 1, 0]),
        ("reed", [289, 296, 1, 0, 0, 0, 0, 0]),
        ("\u00e4", [199, 168, 1, 0, 0, 0, 0, 0]),
        ("a" * 16, [261, 261, 261, 261, 261, 261, 261, 1]),
        ("", [1, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_tokens_are_those_of_gemma(folder, text, expected) -> None:
    assert GemmaTokens(folder / "tokenizer.json", 8)([text]).tolist() == [expected]


def test_the_settings_come_from_the_folder(folder) -> None:
    checkpoint = read_siglip(folder)
    assert (checkpoint.dim, checkpoint.image_size) == (24, 32)
    assert (checkpoint.mean, checkpoint.std, checkpoint.interpolation) == ((0.5,) * 3, (0.5,) * 3, "bilinear")
    assert siglip2.space(Options(weights=str(folder))).name == "siglip2/siglip2-small"
    assert siglip2.space(Options(weights=str(folder / "model.safetensors"))) == siglip2.space(
        Options(weights=str(folder))
    )


def test_what_a_configuration_leaves_out_is_the_base_model(tmp_path) -> None:
    siglip_file.save_folder(tmp_path / "a")
    config = {"model_type": "siglip", "text_config": {"vocab_size": 256000}, "vision_config": {"image_size": 512}}
    (tmp_path / "a" / "config.json").write_text(json.dumps(config))
    checkpoint = read_siglip(tmp_path / "a")
    assert (checkpoint.dim, checkpoint.image_size) == (768, 512)
    assert checkpoint.architecture["vision_cfg"]["patch_size"] == 16


def broken(folder: Path, name: str, **changes: object) -> None:
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(content | changes), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("config.json", {"model_type": "siglip2"}, "naflex"),
        ("config.json", {"vision_config": {"hidden_act": "gelu"}}, "activation"),
        ("config.json", {"vision_config": {"image_size": "large"}}, "damaged"),
        ("config.json", {"text_config": {"num_attention_heads": 7}}, "768 channels in 7 heads"),
        ("config.json", {"vision_config": {"num_hidden_layers": 10**9}}, "num_hidden_layers is 1000000000"),
        ("preprocessor_config.json", {"resample": 9}, "damaged"),
        ("preprocessor_config.json", {"image_mean": [0.5]}, "damaged"),
    ],
)
def test_a_folder_of_another_model_is_one_sentence(tmp_path, name, changes, sentence) -> None:
    siglip_file.save_folder(tmp_path / "a")
    broken(tmp_path / "a", name, **changes)
    with pytest.raises(BadWeights, match=sentence):
        read_siglip(tmp_path / "a")


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, name) -> None:
    siglip_file.save_folder(tmp_path / "a")
    (tmp_path / "a" / name).unlink()
    with pytest.raises(BadWeights, match=name):
        read_siglip(tmp_path / "a")


def test_tensors_that_do_not_fit_are_one_sentence(tmp_path) -> None:
    siglip_file.save_folder(tmp_path / "a")
    tensors = siglip_file.tensors()
    del tensors["vision_model.encoder.layers.1.self_attn.k_proj.weight"]
    save_file(tensors, tmp_path / "a" / "model.safetensors")
    with pytest.raises(BadWeights, match="do not fit"):
        build_image_tower(read_siglip(tmp_path / "a"))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"type": "Unigram", "vocab": []}},
        {"normalizer": None},
        {"normalizer": {"type": "Prepend", "prepend": "_"}},
        {"post_processor": None},
    ],
    ids=["unigram", "no normalizer", "another normalizer", "no template"],
)
def test_another_tokenizer_is_one_sentence(tmp_path, changes) -> None:
    siglip_file.save_folder(tmp_path / "a")
    broken(tmp_path / "a", "tokenizer.json", **changes)
    with pytest.raises(BadWeights, match="not the tokenizer of SigLIP 2"):
        GemmaTokens(tmp_path / "a" / "tokenizer.json", 8)


def test_missing_weights_say_where_they_are_published(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("OVSTORE_WEIGHTS", str(tmp_path))
    with pytest.raises(BadWeights, match="google/siglip2-base-patch16-512"):
        siglip2.space(Options())
