"""The GPU check's parts for encoders: images and texts on the device, in float32 and in half precision."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gpu_weights
import numpy as np
from gpu_parts import Setting
from gpu_rows import Row
from gpu_twins import alike, compared, quickest
from numpy.typing import NDArray
from ovstore.core import plugins

Images = list[NDArray[np.uint8]]
SHARE = {"float32": 0.002, "float16": 0.02, "bfloat16": 0.1}  # see gpu_twins.alike
TEXTS = ("a chair", "a red bed beside the window", "nothing in particular", "lamp")


def openclip(setting: Setting) -> Iterator[Row]:
    """ViT-B/16: whole images, sliding windows, texts."""
    options = _options("openclip", setting, model="ViT-B-16", **_clip(setting, "ViT-B-16", "laion2b_s34b_b88k"))
    yield from _images("openclip", options, _pictures(setting), setting)
    windows = replace(options, window=setting.size(224, 24))
    yield from _images("openclip", windows, _pictures(setting)[:1], setting, "windows", [setting.half])
    if not setting.small:  # the small model has no tokenizer
        yield _texts("openclip", options, TEXTS, setting)


def siglip2(setting: Setting) -> Iterator[Row]:
    """Base, patches of 16 pixels."""
    options = _options("siglip2", setting, weights=gpu_weights.siglip2(setting))
    yield from _images("siglip2", options, _pictures(setting), setting)
    yield _texts("siglip2", options, ("a red chair", "wood"), setting)


def dino(setting: Setting) -> Iterator[Row]:
    """DINOv2 with registers: patches of 14 pixels, a table of positions."""
    yield from _dino(setting, setting.size("vit_base_patch14_reg4_dinov2", "test_vit"))


def dino3(setting: Setting) -> Iterator[Row]:
    """DINOv3: tokens turned by their place."""
    yield from _dino(setting, setting.size("vit_base_patch16_dinov3", "vit_small_patch16_dinov3"))


def tiny(setting: Setting) -> Iterator[Row]:
    """The weights that ovstore brings along."""
    options = _options("tiny", setting, long_side=0)
    yield from _images("tiny", options, _pictures(setting), setting, precisions=["float32"])
    yield _texts("tiny", options, ("a chair", "a red bed"), setting)


def clip_pyramid(setting: Setting) -> Iterator[Row]:
    """Some 2,300 crops of a square image, through ViT-B/32."""
    chosen = {"long_side": setting.size(320, 40), **_clip(setting, "ViT-B-32", "openai")}
    side = setting.size(480, 40)
    picture = _picture(side, side, 5)
    options = _options("clip_pyramid", setting, model="ViT-B-32", **chosen)
    yield from _images("clip_pyramid", options, [picture], setting)


def lseg(setting: Setting) -> Iterator[Row]:
    """ViT-L/16 at its published size; images of two shapes, and the evaluator's scales and windows."""
    chosen = {"weights": gpu_weights.lseg(setting), "long_side": setting.size(0, 32)}
    options = _options("lseg", setting, **chosen)
    yield from _images("lseg", options, _pictures(setting)[-2:], setting, precisions=["float32", "bfloat16"])
    evaluator = replace(options, mode="evaluate", long_side=setting.size(160, 32))
    picture = _picture(*setting.size((120, 160), (24, 32)), 9)
    yield from _images("lseg", evaluator, [picture], setting, "evaluator", ["bfloat16"])


def _dino(setting: Setting, model: str) -> Iterator[Row]:
    options = _options("dino", setting, model=model, weights=gpu_weights.dino(setting, model))
    yield from _images("dino", options, _pictures(setting), setting)


def _options(encoder: str, setting: Setting, **chosen: Any) -> Any:
    small = {"long_side": 48} if setting.small else {}
    return plugins.load("models.encoders", encoder).Options(**{**small, **chosen})


def _clip(setting: Setting, model: str, tag: str) -> dict[str, str]:
    """The file of random weights; a tag says how such weights are to be shown images."""
    return {"weights": gpu_weights.clip(setting, model), **({} if setting.small else {"tag": tag})}


def _images(
    encoder: str,
    options: Any,
    pictures: Images,
    setting: Setting,
    what: str = "images",
    precisions: Sequence[str] = (),
) -> Iterator[Row]:
    """Maps in some precisions, without any in float32 and the half one, beside those in float32 on the CPU."""
    twin = quickest(_maps(encoder, _in(options, "float32"), "cpu", pictures), setting)
    for precision in precisions or ("float32", setting.half):
        maps = _maps(encoder, _in(options, precision), setting.device, pictures)
        yield compared(f"{what}, {precision}", twin, maps, setting, partial(alike, share=SHARE[precision]))


def _in(options: Any, precision: str) -> Any:
    return replace(options, precision=precision) if hasattr(options, "precision") else options


def _maps(encoder: str, options: Any, device: str, pictures: Images) -> Callable[[], NDArray[Any]]:
    """What gives the vectors of all cells of all pictures, a row each."""
    encode = plugins.load("models.encoders", encoder).load_image_encoder(options, device)

    def run() -> NDArray[Any]:
        return np.concatenate([found.values.reshape(-1, found.space.dim) for found in encode(pictures)])

    return run


def _texts(encoder: str, options: Any, texts: Sequence[str], setting: Setting) -> Row:
    load = plugins.load("models.encoders", encoder).load_text_encoder
    ours, twin = load(options, setting.device), load(options, "cpu")
    agree = partial(alike, share=SHARE["float32"])
    return compared("texts, float32", quickest(partial(twin, texts), setting), partial(ours, texts), setting, agree)


def _pictures(setting: Setting) -> Images:
    """Four of one shape and one of another: a batch and a rest."""
    height, width = setting.size((480, 640), (36, 48))
    return [_picture(height, width, seed) for seed in range(4)] + [_picture(width, height, 4)]


def _picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Coarse patches with grain."""
    drawn = np.random.default_rng(seed)
    patches = drawn.integers(0, 256, (-(-height // 8), -(-width // 8), 3)).repeat(8, 0).repeat(8, 1)[:height, :width]
    return np.clip(patches + drawn.integers(-8, 9, (height, width, 1)), 0, 255).astype(np.uint8)
