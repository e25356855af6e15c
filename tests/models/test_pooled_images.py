"""Whole images to one vector: open_clip's own `encode_image` on the same pixels, by every encoder that offers it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import siglip_file
import torch
from ovstore.core import plugins
from ovstore.core.contracts import offers
from ovstore.core.errors import BadInput, MissingPackage
from ovstore.models.encoders import HasPooledImages, clip_pyramid, openclip, siglip2, tiny
from ovstore.models.openclip.model import find_checkpoint
from ovstore.models.openclip.pooled_images import own_preprocessing, pooled_image_encoder
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
SIZES = [(48, 64), (20, 20), (64, 48), (5, 90), (1, 1), (48, 64)]


def images() -> list[np.ndarray]:
    random = np.random.default_rng(3)
    return [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in SIZES]


def open_clip_model(folder: Path, **preprocessing: object) -> Path:
    """Random weights as open_clip itself keeps them."""
    torch.manual_seed(0)
    architecture = {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": TEXT}
    save_file(open_clip.model.CLIP(**architecture).state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": architecture, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder / "open_clip_model.safetensors"


@pytest.mark.parametrize("plugin", [openclip, clip_pyramid])
@pytest.mark.parametrize("resize_mode", ["shortest", "squash", "longest"])
def test_a_whole_image_is_open_clips_encode_image(tmp_path, plugin, resize_mode) -> None:
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]
    weights = open_clip_model(tmp_path, mean=mean, std=std, resize_mode=resize_mode, interpolation="bicubic")
    theirs, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tmp_path}")
    with torch.inference_mode():
        pixels = torch.stack([preprocess(Image.fromarray(image)) for image in images()])
        expected = F.normalize(theirs.eval().encode_image(pixels), dim=-1).numpy()
    encode = plugin.load_pooled_image_encoder(plugin.Options(model="ViT-B-16", weights=str(weights)), "cpu")
    np.testing.assert_allclose(encode(images()), expected, atol=2e-6)


def test_settings_without_a_resize_mode_cut_the_middle_out(tmp_path) -> None:
    assert find_checkpoint("ViT-B-16", str(open_clip_model(tmp_path))).resize_mode == "shortest"


def test_weights_that_may_follow_one_of_two_preprocessings_need_a_tag(tmp_path) -> None:
    weights = open_clip_model(tmp_path)
    (tmp_path / "open_clip_config.json").unlink()
    assert find_checkpoint("ViT-H-14-quickgelu", str(weights), "dfn5b").resize_mode == "squash"
    with pytest.raises(BadInput, match="--tag"):
        own_preprocessing(find_checkpoint("ViT-H-14-quickgelu", str(weights)))


def test_siglip2_squashes_a_whole_image_and_pools_it(tmp_path) -> None:
    folder = Path(siglip_file.save_folder(tmp_path / "siglip2-small"))
    checkpoint = siglip2.read_siglip(folder)
    tower = siglip2.build_image_tower(checkpoint)
    size = (checkpoint.image_size,) * 2
    rows = []
    for image in images():
        small = np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR), np.float32)
        pixels = torch.from_numpy((small / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]
        with torch.inference_mode():
            rows.append(F.normalize(tower(pixels), dim=-1)[0].numpy())  # the network's own forward pass
    encode = siglip2.load_pooled_image_encoder(siglip2.Options(weights=str(folder)), "cpu")
    np.testing.assert_allclose(encode(images()), np.stack(rows), atol=2e-6)


def test_tiny_keeps_the_scale_of_an_image_and_averages_its_cells() -> None:
    encode = tiny.load_pooled_image_encoder(tiny.Options(), "cpu")
    dense = tiny.load_image_encoder(tiny.Options(), "cpu")
    [one_cell] = dense([images()[1]])
    assert one_cell.values.shape[:2] == (1, 1)
    np.testing.assert_allclose(encode([images()[1]])[0], one_cell.values[0, 0], atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(encode(images()), axis=1), 1, atol=1e-6)


def test_equal_lists_of_images_give_equal_rows_and_company_changes_nothing_but_rounding() -> None:
    encode = tiny.load_pooled_image_encoder(tiny.Options(), "cpu")
    together = encode(images())
    np.testing.assert_array_equal(encode(images()), together)
    np.testing.assert_allclose(np.concatenate([encode([image]) for image in images()]), together, atol=1e-5)
    assert encode([]).shape == (0, together.shape[1])


def test_what_is_no_image_is_one_sentence(tmp_path) -> None:
    checkpoint = replace(find_checkpoint("ViT-B-16", str(open_clip_model(tmp_path))), resize_mode="squash")
    encode = pooled_image_encoder(openclip.build_visual(checkpoint), 24, own_preprocessing(checkpoint), "auto", "cpu")
    with pytest.raises(BadInput, match="is not \\(H, W, 3\\) uint8 RGB"):
        encode([np.zeros((4, 4), np.uint8)])


def test_encoders_that_were_taught_crops_say_so() -> None:
    said = {}
    for name in plugins.names("models.encoders"):
        try:
            plugin = plugins.load("models.encoders", name)
        except MissingPackage as error:
            pytest.skip(str(error))
        if (pooling := offers(plugin, HasPooledImages)) is not None:
            said[name] = pooling.taught_crops(plugin.Options())
    assert said == {"clip_pyramid": True, "openclip": True, "siglip2": True, "tiny": False}
