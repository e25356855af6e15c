"""The dense path of openclip, held against open_clip's own forward pass on small models with random weights."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch
from open_clip.model import CLIP, CustomTextCLIP
from open_clip.transform import image_transform
from ovstore.core.errors import BadInput, BadWeights, NotFound
from ovstore.models.encoders import openclip
from ovstore.models.encoders.openclip import Options
from ovstore.models.openclip import hub as openclip_hub
from ovstore.models.openclip import model as openclip_model
from ovstore.models.openclip.dense import dense, pooled, stride
from ovstore.models.openclip.images import grid_of, stitch, to_pixels, windows
from ovstore.models.prompts import fill, templates_of
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
NATIVE = {"image_size": 32, "layers": 3, "width": 32, "head_width": 16, "patch_size": 8}
ARCHITECTURES = {
    "native": {"vision_cfg": NATIVE},
    "native_quick_gelu": {"vision_cfg": NATIVE, "quick_gelu": True},
    "native_average": {"vision_cfg": {**NATIVE, "pool_type": "avg", "final_ln_after_pool": True}},
    "native_layer_scale": {"vision_cfg": {**NATIVE, "ls_init_value": 0.3, "no_ln_pre": True}},
    "native_custom_block": {"vision_cfg": {**NATIVE, "qk_norm": True, "scale_attn": True}},
    "coca_pool": {"vision_cfg": {**NATIVE, "attentional_pool": True, "attn_pooler_queries": 4, "attn_pooler_heads": 2}},
    "resnet": {"vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16}},
    "timm_token": {
        "vision_cfg": {"timm_model_name": "test_vit", "timm_pool": "token", "timm_proj": "linear", "image_size": 160}
    },
    "timm_map": {
        "vision_cfg": {"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "linear", "image_size": 160}
    },
    "timm_map_rope": {
        "vision_cfg": {
            "timm_model_name": "vit_pe_core_tiny_patch16_384",
            "timm_pool": "map",
            "timm_proj": "linear",
            "image_size": 384,
        }
    },
    "convnext": {
        "vision_cfg": {"timm_model_name": "test_convnext", "timm_pool": "", "timm_proj": "linear", "image_size": 64}
    },
}


def make_model(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    architecture = {"embed_dim": 24, "text_cfg": TEXT, **ARCHITECTURES[name]}
    kind = CustomTextCLIP if "timm_model_name" in architecture["vision_cfg"] else CLIP
    model = kind(**architecture)
    for parameter in model.parameters():  # some start as 0 or 1, which would hide a missing factor
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


def write_checkpoint(folder: Path, name: str = "native", file: str = "weights.safetensors", **preprocessing) -> Path:
    """A checkpoint with open_clip's own key names, beside the configuration that describes it."""
    model = make_model(name)
    config = {"model_cfg": {"embed_dim": 24, "text_cfg": TEXT, **ARCHITECTURES[name]}, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    tensors = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    save_file(tensors, folder / file) if file.endswith(".safetensors") else torch.save(tensors, folder / file)
    return folder / file


def picture(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(params=ARCHITECTURES)
def visual(request, tmp_path) -> SimpleNamespace:
    checkpoint = openclip_model.find_checkpoint("ViT-B-16", str(write_checkpoint(tmp_path, request.param)))
    return SimpleNamespace(
        name=request.param, ours=openclip_model.build_visual(checkpoint), theirs=make_model(request.param)
    )


def image_size(visual: SimpleNamespace) -> int:
    return ARCHITECTURES[visual.name]["vision_cfg"]["image_size"]


def test_the_pooled_vector_is_that_of_open_clip(visual) -> None:
    size = image_size(visual)
    pixels = torch.randn(2, 3, size, size)
    with torch.no_grad():
        theirs = visual.theirs.encode_image(pixels)
        torch.testing.assert_close(pooled(visual.ours, pixels), theirs, rtol=1e-4, atol=1e-5)


def test_a_dense_map_has_one_vector_a_patch_at_any_size(visual) -> None:
    cell = stride(visual.ours)
    with torch.no_grad():
        values = dense(visual.ours, torch.randn(2, 3, 3 * cell, 5 * cell))
    assert values.shape == (2, 3, 5, 24)
    assert values.isfinite().all()


def test_a_convnext_picture_of_one_cell_is_its_own_pooled_vector() -> None:
    visual = make_model("convnext").visual
    pixels = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(dense(visual, pixels)[0, 0], visual(pixels), rtol=1e-4, atol=1e-5)


def test_the_dense_path_of_a_map_head_is_its_value_path() -> None:
    visual = make_model("timm_map").visual
    pool, pixels = visual.trunk.attn_pool, torch.randn(1, 3, 160, 160)
    with torch.no_grad():
        tokens = visual.trunk.forward_features(pixels)[:, visual.trunk.num_prefix_tokens :]
        value = pool.proj(F.linear(tokens, *(part.chunk(2)[1] for part in (pool.kv.weight, pool.kv.bias))))
        expected = visual.head(value + pool.mlp(pool.norm(value)))
        torch.testing.assert_close(dense(visual, pixels).reshape(1, 100, -1), expected, rtol=1e-4, atol=1e-5)


def test_the_dense_path_of_a_coca_pool_is_its_value_path() -> None:
    visual = make_model("coca_pool").visual
    pool, pixels = visual.attn_pool, torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        tokens = pool.ln_k(visual.transformer(visual._embeds(pixels))[:, 1:])
        value = F.linear(tokens, pool.attn.v_proj_weight, pool.attn.in_proj_bias.chunk(3)[2])
        expected = visual.ln_post(pool.attn.out_proj(value)) @ visual.proj
        torch.testing.assert_close(dense(visual, pixels).reshape(1, 16, -1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("residual", [False, True])
def test_the_dense_path_is_the_value_path_of_the_last_block(residual: bool) -> None:
    """Written out with the weights: W_out (W_v ln_1(x) + b_v) + b_out, then ln_post and proj."""
    visual = make_model("native").visual
    pixels = torch.randn(1, 3, 32, 32)
    last = visual.transformer.resblocks[-1]
    with torch.no_grad():
        tokens = visual._embeds(pixels)
        for block in visual.transformer.resblocks[:-1]:
            tokens = block(tokens)
        width = tokens.shape[-1]
        value = F.linear(last.ln_1(tokens), last.attn.in_proj_weight[2 * width :], last.attn.in_proj_bias[2 * width :])
        value = last.attn.out_proj(value)
        if residual:
            value = value + tokens
            value = value + last.mlp(last.ln_2(value))
        expected = (visual.ln_post(value) @ visual.proj)[0, 1:]
        torch.testing.assert_close(dense(visual, pixels, residual).reshape(16, -1), expected, rtol=1e-4, atol=1e-5)


def test_the_position_embedding_is_resized_as_open_clip_does_on_loading(tmp_path) -> None:
    model = make_model("native")
    tensors = dict(model.state_dict())
    larger = CLIP(24, {**NATIVE, "image_size": (48, 80)}, TEXT).eval()
    open_clip.model.resize_pos_embed(tensors, larger)
    larger.load_state_dict(tensors)
    pixels = torch.randn(1, 3, 48, 80)
    with torch.no_grad():
        torch.testing.assert_close(pooled(model.visual, pixels), larger.encode_image(pixels), rtol=1e-4, atol=1e-5)


def test_the_text_vector_is_that_of_open_clip(tmp_path) -> None:
    weights = write_checkpoint(tmp_path)
    encode = openclip.load_text_encoder(Options(weights=str(weights), templates="plain"), "cpu")
    with torch.no_grad():
        theirs = make_model("native").encode_text(open_clip.tokenize(["a red chair", "snoopy"]), normalize=True)
    np.testing.assert_allclose(encode(["a red chair", "snoopy"]), theirs.numpy(), rtol=1e-4, atol=1e-5)


def test_pixels_are_those_of_open_clips_own_transform() -> None:
    image = picture(48, 48)
    for interpolation in ("bicubic", "bilinear"):
        theirs = image_transform(
            32, is_train=False, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), interpolation=interpolation
        )
        ours = to_pixels(image, (4, 4), 8, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), interpolation)
        torch.testing.assert_close(ours, theirs(Image.fromarray(image)), rtol=0, atol=1e-6)


def test_the_encoder_brings_the_checkpoints_own_mean_and_std(tmp_path) -> None:
    weights = write_checkpoint(tmp_path, mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25], interpolation="bilinear")
    checkpoint = openclip_model.find_checkpoint("ViT-B-16", str(weights))
    assert checkpoint.mean == (0.5, 0.5, 0.5)
    assert checkpoint.std == (0.25, 0.25, 0.25)
    assert checkpoint.interpolation == "bilinear"


def test_a_file_of_a_model_whose_published_weights_agree_takes_their_settings(tmp_path) -> None:
    (tmp_path / "siglip.safetensors").write_bytes(b"")
    checkpoint = openclip_model.find_checkpoint("ViT-B-16-SigLIP2", str(tmp_path / "siglip.safetensors"))
    assert checkpoint.mean == checkpoint.std == (0.5, 0.5, 0.5)


def test_a_file_that_may_need_another_activation_has_to_say_so(tmp_path) -> None:
    (tmp_path / "clip.pt").write_bytes(b"")
    with pytest.raises(
        BadInput, match=r"differ in mean, std or activation. Name the ones it follows with --tag: openai,"
    ):
        openclip_model.find_checkpoint("ViT-B-16", str(tmp_path / "clip.pt"))
    openai = openclip_model.find_checkpoint("ViT-B-16", str(tmp_path / "clip.pt"), "openai")
    laion = openclip_model.find_checkpoint("ViT-B-16", str(tmp_path / "clip.pt"), "laion2b_s34b_b88k")
    assert openai.architecture["quick_gelu"] is True
    assert not laion.architecture.get("quick_gelu")


@pytest.mark.parametrize("file", ["weights.safetensors", "weights.pt", "weights.bin"])
def test_every_form_of_file_gives_the_same_map(tmp_path, file: str) -> None:
    weights = write_checkpoint(tmp_path, file=file)
    values = openclip.load_image_encoder(Options(weights=str(weights), long_side=64), "cpu")([picture()])[0].values
    with torch.no_grad():
        pixels = to_pixels(picture(), (6, 8), 8, open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD, "bicubic")
        expected = F.normalize(dense(make_model("native").visual, pixels[None]), dim=-1)[0]
    np.testing.assert_allclose(values, expected.numpy(), atol=2e-3)


def test_the_space_is_named_for_model_and_weights_and_knows_the_file(tmp_path) -> None:
    weights = write_checkpoint(tmp_path)
    space = openclip.space(Options(weights=str(weights)))
    assert space.name == "openclip/ViT-B-16/weights"
    assert space.dim == 24
    assert len(space.digest) == 64
    expected = make_model("native").logit_scale.detach().exp().clamp(max=100)
    assert space.logit_scale == pytest.approx(float(expected))


def test_a_tower_does_not_hold_the_weights_of_the_other(tmp_path) -> None:
    checkpoint = openclip_model.find_checkpoint("ViT-B-16", str(write_checkpoint(tmp_path)))
    assert not any("token_embedding" in name for name, _ in openclip_model.build_visual(checkpoint).named_parameters())
    assert not any("conv1" in name for name, _ in openclip_model.build_text(checkpoint).named_parameters())


def test_windows_as_large_as_the_picture_change_nothing(tmp_path) -> None:
    weights = str(write_checkpoint(tmp_path))
    whole = openclip.load_image_encoder(Options(weights=weights, long_side=64), "cpu")([picture()])[0].values
    windowed = openclip.load_image_encoder(Options(weights=weights, long_side=64, window=64), "cpu")([picture()])[0]
    np.testing.assert_allclose(windowed.values, whole, atol=2e-3)


def test_windows_cover_every_cell_and_overlap() -> None:
    for grid in [(3, 4), (14, 14), (30, 41)]:
        covered = np.zeros(grid, int)
        parts = windows(grid, 14, 0.25)
        for part in parts:
            covered[part.top : part.top + part.height, part.left : part.left + part.width] += 1
        assert covered.min() >= 1
        assert len(set(parts)) == len(parts)


def test_stitching_equal_pieces_gives_the_piece() -> None:
    parts = windows((9, 20), 6, 0.5)
    vector = F.normalize(torch.arange(1.0, 4.0), dim=0)
    total = stitch((9, 20), ((part, vector.expand(part.height, part.width, 3)) for part in parts))
    torch.testing.assert_close(F.normalize(total, dim=-1), vector.expand(9, 20, 3))


def test_the_grid_keeps_the_shape_of_the_picture() -> None:
    assert grid_of(480, 640, 640, 224, 16) == (30, 40)
    assert grid_of(968, 1296, 640, 224, 16) == (30, 40)
    assert grid_of(968, 1296, 0, 224, 16) == (60, 81)  # 0 keeps every pixel
    assert grid_of(30, 40, 640, 224, 16) == (10, 14)  # a crop grows to what the model knows
    assert grid_of(1, 2000, 640, 224, 16) == (1, 40)


def test_templates_are_sentences_around_the_words() -> None:
    assert fill("a photo of a {}.", "the red chair") == "a photo of a red chair."
    assert fill("a photo of a {}.", "orange ball") == "a photo of an orange ball."
    assert fill("{}", "a red chair") == "a red chair"


def test_the_template_of_openscene_is_kept_word_for_word() -> None:
    assert [fill(pattern, "armchair") for pattern in templates_of("openscene")] == ["a armchair in a scene"]
    assert templates_of("a {} here | no {}") == ("a {} here", "no {}")
    with pytest.raises(BadInput, match=r"sentences with one \{\} each"):
        templates_of("photo of it")


def test_the_ensemble_is_the_mean_of_its_sentences(tmp_path) -> None:
    weights = str(write_checkpoint(tmp_path))
    both = openclip.load_text_encoder(Options(weights=weights, templates="a {}|the {}"), "cpu")(["chair"])
    plain = openclip.load_text_encoder(Options(weights=weights, templates="plain"), "cpu")(["a chair", "the chair"])
    mean = plain.mean(axis=0)
    np.testing.assert_allclose(both[0], mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-6)


def test_an_empty_text_is_refused(tmp_path) -> None:
    encode = openclip.load_text_encoder(Options(weights=str(write_checkpoint(tmp_path))), "cpu")
    with pytest.raises(BadInput, match="A text to search for is empty"):
        encode(["  "])


def test_weights_of_another_model_are_one_sentence_with_counts(tmp_path) -> None:
    weights = write_checkpoint(tmp_path, "native")
    config = json.loads((tmp_path / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"] = ARCHITECTURES["convnext"]["vision_cfg"]
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(
        BadWeights, match=r"visual tower of .* do not fit: \d+ missing \(such as .*\), \d+ unexpected \("
    ):
        openclip.load_image_encoder(Options(weights=str(weights)), "cpu")


def test_a_configuration_that_asks_to_run_code_is_refused(tmp_path) -> None:
    weights = write_checkpoint(tmp_path, "native")
    config = json.loads((tmp_path / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"trust_remote_code": True}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(BadWeights, match="asks to run code"):
        openclip.load_text_encoder(Options(weights=str(weights)), "cpu")


NEVER_DOWNLOADED = "laion400m_e31"


def test_a_tag_that_cannot_be_downloaded_says_where_the_file_is() -> None:
    sentence = r"https://huggingface.co/\S+ on a machine with network access, and pass it: --weights"
    with openclip_hub.offline(), pytest.raises(BadWeights, match=sentence):
        openclip.space(Options(weights=NEVER_DOWNLOADED))


def test_without_a_network_only_what_was_downloaded_is_asked_for(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    before = openclip_hub.constants.HF_HUB_OFFLINE
    with openclip_hub.hub_or_cache("https://hub.invalid"):
        assert openclip_hub.constants.HF_HUB_OFFLINE
    assert before == openclip_hub.constants.HF_HUB_OFFLINE


def test_wrong_names_are_answered_with_the_right_ones(tmp_path) -> None:
    with pytest.raises(NotFound, match="open_clip has no model named 'ViT-B-17'"):
        openclip.space(Options(model="ViT-B-17"))
    with pytest.raises(NotFound, match=r"ViT-B-16 has no published weights 'laion3b'.*laion2b_s34b_b88k"):
        openclip.space(Options(weights="laion3b"))
    with pytest.raises(BadWeights, match=r"No weights at .*missing\.safetensors"):
        openclip.space(Options(weights=str(tmp_path / "missing.safetensors")))


@pytest.mark.parametrize(
    "wrong", [{"long_side": -1}, {"overlap": 1.0}, {"precision": "int3"}, {"templates": "nothing"}], ids=str
)
def test_options_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(BadInput):
        Options(**wrong)
