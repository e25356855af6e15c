"""DINO's features against timm's own forward pass, and weights files of timm and of the authors, on small networks."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadWeights, NotFound, UnknownWords
from ovstore.models.encoders import dino
from ovstore.models.encoders.dino import Options
from ovstore.models.openclip.hub import offline
from ovstore.query.encode import encoder_of
from PIL import Image
from safetensors.torch import save_file
from timm.models import eva, vision_transformer
from torch import Tensor
from torch.nn import functional as F

SMALL: dict[str, Any] = {"embed_dim": 16, "depth": 3, "num_heads": 2}


@timm.models.register_model
def small_dino_v1(pretrained: bool = False, **kwargs: Any) -> Any:
    """A class token, patches of 16."""
    settings = {**SMALL, "patch_size": 16, "img_size": 64, **kwargs}
    return vision_transformer._create_vision_transformer("vit_small_patch16_224.dino", pretrained, **settings)


@timm.models.register_model
def small_dino_v2(pretrained: bool = False, **kwargs: Any) -> Any:
    """Four registers, positions for patches only, patches of 14."""
    settings = {"patch_size": 14, "img_size": 70, "init_values": 0.1, "reg_tokens": 4, "no_embed_class": True}
    name = "vit_small_patch14_reg4_dinov2"
    return vision_transformer._create_vision_transformer(name, pretrained, **{**SMALL, **settings, **kwargs})


def _v3(name: str, pretrained: bool, kwargs: dict[str, Any]) -> Any:
    settings = {
        **SMALL, "patch_size": 16, "init_values": 0.1, "rope_type": "dinov3", "rope_temperature": 100,
        "rope_rotate_half": True, "use_rot_pos_emb": True, "use_abs_pos_emb": False, "num_reg_tokens": 4,
        "use_fc_norm": False, "norm_layer": torch.nn.LayerNorm, **kwargs,
    }  # fmt: skip
    return eva._create_eva(name, pretrained, **settings)


@timm.models.register_model
def small_dino_v3(pretrained: bool = False, **kwargs: Any) -> Any:
    """Turned by place instead of a position table, no biases in the attention."""
    return _v3("vit_small_patch16_dinov3", pretrained, {"qkv_bias": False, **kwargs})


@timm.models.register_model
def small_dino_v3_qkvb(pretrained: bool = False, **kwargs: Any) -> Any:
    """The same with biases."""
    return _v3("vit_small_patch16_dinov3_qkvb", pretrained, {"qkv_bias": True, **kwargs})


MODELS = ("small_dino_v1", "small_dino_v2", "small_dino_v3", "small_dino_v3_qkvb")


def make(model: str) -> Any:
    torch.manual_seed(0)
    network = timm.create_model(model, num_classes=0, dynamic_img_size=True)
    for parameter in network.parameters():  # some start as 0 or 1, which would hide a missing factor
        parameter.data += 0.1 * torch.randn_like(parameter)
    return network.eval()


def save(tensors: dict[str, Tensor], path: Path) -> str:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return str(path)


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def map_of(model: str, weights: str, image: NDArray[np.uint8], **options: Any) -> NDArray[np.float32]:
    encode = dino.load_image_encoder(Options(model=model, weights=weights, long_side=112, **options), "cpu")
    return encode([image])[0].values.astype(np.float32)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_cells_are_timms_own_tokens_of_any_picture(model, norm, tmp_path) -> None:
    network = make(model)
    weights = save(network.state_dict(), tmp_path / "w.safetensors")
    cell = network.patch_embed.patch_size[0]
    image = picture(5 * cell, 112)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    pixels = ((torch.from_numpy(image).permute(2, 0, 1) / 255 - mean) / std)[None]
    with torch.no_grad():
        tokens: list[Tensor] = []
        network.blocks[-1].register_forward_hook(lambda *seen: tokens.append(seen[-1]))
        last = network.forward_features(pixels) if norm else (network.forward_features(pixels), tokens[0])[1]
    expected = F.normalize(last[0, network.num_prefix_tokens :].reshape(5, 112 // cell, 16), dim=-1)
    np.testing.assert_allclose(map_of(model, weights, image, norm=norm), expected, atol=2e-3)


def authors_v2(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As dinov2_*_reg4_pretrain.pth has them: a place for the class token, registers and a mask token."""
    place = torch.randn(1, 1, 16)
    renamed = {"reg_token": "register_tokens"}
    found = {renamed.get(name, name): tensor for name, tensor in tensors.items()}
    found |= {"cls_token": tensors["cls_token"] - place, "mask_token": torch.zeros(1, 16)}
    return found | {"pos_embed": torch.cat([place, tensors["pos_embed"]], dim=1)}


def authors_v3(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As dinov3_*_pretrain.pth has them: storage tokens, one bias for all three, keys masked, the periods."""
    found = {}
    for name, tensor in tensors.items():
        if name.endswith(("q_bias", "v_bias")):
            continue
        name = (
            name.replace("reg_token", "storage_tokens").replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
        )
        found[name] = tensor
        if name.endswith("attn.qkv.weight"):
            stem = name.removesuffix("qkv.weight")
            query, value = (tensors.get(f"{stem}{part}_bias", torch.zeros(16)) for part in "qv")
            found[f"{stem}qkv.bias"] = torch.cat([query, torch.ones(16), value])
            found[f"{stem}qkv.bias_mask"] = torch.cat([torch.ones(16), torch.zeros(16), torch.ones(16)])
    return found | {"mask_token": torch.zeros(1, 16), "rope_embed.periods": torch.ones(4)}


@pytest.mark.parametrize(
    ("model", "authors"),
    [("small_dino_v2", authors_v2), ("small_dino_v3", authors_v3), ("small_dino_v3_qkvb", authors_v3)],
)
def test_the_authors_files_give_the_same_features(model, authors, tmp_path, capsys) -> None:
    tensors = make(model).state_dict()
    timms = save(tensors, tmp_path / "timm.safetensors")
    torch.save(authors(tensors), tmp_path / "authors.pth")
    image = picture(60, 90)
    np.testing.assert_allclose(
        map_of(model, str(tmp_path / "authors.pth"), image), map_of(model, timms, image), atol=1e-3
    )
    assert capsys.readouterr().out == ""


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def in_chunks(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """DINOv2 in training: block 2 is the second of the chunk that begins with block 1."""
    chunk = {"0": "0.0", "1": "1.1", "2": "1.2"}
    return {re.sub(r"^blocks\.(\d+)", lambda found: f"blocks.{chunk[found[1]]}", n): t for n, t in tensors.items()}


TRAINING = {
    "DINO": lambda t, o: {
        "student": with_prefix(t | {"no": o}, "module.backbone."),
        "teacher": with_prefix(t, "backbone.") | {"head.mlp.0.weight": o},
        "dino_loss": {"center": o}, "epoch": 7,
    },
    "student alone": lambda t, o: {"student": with_prefix(t, "module.backbone.") | {"module.head.mlp.0.weight": o}},
    "DINOv2": lambda t, o: {
        "model": with_prefix(in_chunks(t), "teacher.backbone.") | {"teacher.dino_head.last_layer.weight": o}
        | with_prefix(in_chunks(t) | {"no": o}, "student.backbone.")
    },
    "teacher checkpoint": lambda t, o: {"teacher": with_prefix(in_chunks(t), "backbone.") | {"ibot_head.mlp": o}},
    "compiled in parallel": lambda t, o: {"state_dict": with_prefix(t, "_orig_mod.module.")},
    "parallel, compiled twice": lambda t, o: with_prefix(t, "module._orig_mod.module._orig_mod."),
}  # fmt: skip


@pytest.mark.parametrize("kind", TRAINING)
def test_files_of_training_give_the_features_of_the_teachers_trunk(kind: str, tmp_path: Path) -> None:
    tensors = make("small_dino_v1").state_dict()
    plain = save(tensors, tmp_path / "plain.safetensors")
    torch.save(TRAINING[kind](tensors, torch.zeros(2, 2)), tmp_path / "training.pth")
    images = [picture(48, 64)]
    found, expected = (
        dino.load_image_encoder(dino.Options(model="small_dino_v1", weights=str(path)), "cpu")(images)[0].values
        for path in (tmp_path / "training.pth", plain)
    )
    np.testing.assert_array_equal(found, expected)


def test_biases_are_never_left_out(tmp_path) -> None:
    weights = save(authors_v3(make("small_dino_v3_qkvb").state_dict()), tmp_path / "w.safetensors")
    with pytest.raises(BadWeights, match="_dinov3_qkvb"):
        map_of("small_dino_v3", weights, picture(32, 32))


def test_layers_are_joined_and_weigh_the_same(tmp_path) -> None:
    weights = save(make("small_dino_v1").state_dict(), tmp_path / "w.safetensors")
    image = picture(64, 96)
    first, last, both = (map_of("small_dino_v1", weights, image, layers=layers) for layers in ("0", "last", "2,0"))
    np.testing.assert_allclose(both, np.concatenate([first, last], axis=-1) / np.sqrt(2), atol=2e-3)
    spaces = [dino.space(Options(model="small_dino_v1", weights=weights, layers=layers)) for layers in ("last", "2,0")]
    assert [space.dim for space in spaces] == [16, 32]
    assert spaces[0].name == "dino/small_dino_v1" != spaces[1].name


def test_a_picture_has_the_same_map_in_any_batch(tmp_path) -> None:
    weights = save(make("small_dino_v3").state_dict(), tmp_path / "w.safetensors")
    encode = dino.load_image_encoder(Options(model="small_dino_v3", weights=weights, long_side=64), "cpu")
    images = [picture(48, 64, 1), picture(1, 40, 2), picture(48, 64, 3)]
    for image, found in zip(images, encode(images), strict=True):
        np.testing.assert_array_equal(encode([image])[0].values, found.values)


def test_words_are_answered_with_what_to_do_instead() -> None:
    assert dino.background_texts(Options()) == ()
    with pytest.raises(UnknownWords, match="--image"):
        dino.load_text_encoder(Options())


def test_a_question_in_words_to_dino_features_is_one_sentence(tmp_path) -> None:
    weights = save(make("small_dino_v1").state_dict(), tmp_path / "w.safetensors")
    options = Options(model="small_dino_v1", weights=weights, long_side=64)
    recipe = {"encoder": {"name": "dino", "options": dataclasses.asdict(options)}}
    encoder = encoder_of(recipe, dino.space(options), "cpu")
    with pytest.raises(UnknownWords, match="know no words: query with an image"):
        encoder.texts(["a chair"])
    Image.fromarray(picture(48, 64)).save(tmp_path / "a.png")
    assert np.linalg.norm(encoder.picture(tmp_path / "a.png")) == pytest.approx(1, abs=1e-5)


def test_weights_of_another_model_are_one_sentence(tmp_path) -> None:
    weights = save(make("small_dino_v1").state_dict(), tmp_path / "v1.safetensors")
    with pytest.raises(BadWeights, match=r"patch_embed.proj.weight is \(16, 3, 16, 16\), \(16, 3, 14, 14\) was"):
        map_of("small_dino_v2", weights, picture(32, 32))
    with pytest.raises(BadWeights, match="do not fit"):
        map_of("small_dino_v3", weights, picture(32, 32))
    other = save({"head.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(BadWeights, match="missing"):
        map_of("small_dino_v1", other, picture(32, 32))


def test_missing_weights_say_where_they_are_published(tmp_path) -> None:
    with pytest.raises(BadWeights, match="timm/vit_small_patch16_224"):
        dino.space(Options(model="vit_small_patch16_224.dino", weights=str(tmp_path / "none.pth")))
    with offline(), pytest.raises(BadWeights, match="timm/vit_small_patch16_224"):
        dino.space(Options(model="vit_small_patch16_224.dino"))


def test_weights_are_found_by_the_models_name(tmp_path, monkeypatch) -> None:
    save(make("small_dino_v1").state_dict(), tmp_path / "small_dino_v1.safetensors")
    monkeypatch.setenv("OVSTORE_WEIGHTS", str(tmp_path))
    assert dino.space(Options(model="small_dino_v1")).dim == 16


@pytest.mark.parametrize(
    ("model", "error", "sentence"),
    [
        ("vit_base_patch14_dinov2.lvd142n", NotFound, "lvd142n"),
        ("vit_bass_patch14_dinov2.lvd142m", NotFound, "Did you mean 'vit_base_patch14_dinov2.lvd142m'"),
        ("convnext_tiny.dinov3_lvd1689m", BadInput, "not a plain vision transformer"),
    ],
)
def test_a_wrong_model_is_one_sentence(model, error, sentence) -> None:
    with pytest.raises(error, match=sentence):
        dino.space(Options(model=model))


@pytest.mark.parametrize("wrong", [{"long_side": -1}, {"layers": "first"}, {"layers": "1,"}, {"precision": "int8"}])
def test_options_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(BadInput, match=json.dumps(next(iter(wrong))).strip('"')):
        Options(**wrong)


def test_a_block_that_is_not_there_is_one_sentence(tmp_path) -> None:
    weights = save(make("small_dino_v1").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(BadInput, match="blocks 0 to 2"):
        dino.space(Options(model="small_dino_v1", weights=weights, layers="3"))
