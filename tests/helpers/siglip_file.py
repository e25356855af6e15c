"""A small SigLIP 2 in a folder of the Hugging Face hub: transformers' names and shapes, values by name."""

import json
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

TEXT = {
    "vocab_size": 300, "hidden_size": 16, "intermediate_size": 30, "num_hidden_layers": 2, "num_attention_heads": 2,
    "max_position_embeddings": 8, "projection_size": 24,
}  # fmt: skip
VISION = {
    "hidden_size": 24, "intermediate_size": 50, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
SPECIALS = ("<pad>", "<eos>", "<bos>", "<unk>")
MERGES = (
    ("a", "\u2581"), ("c", "h"), ("r", "e"), ("re", "d"), ("a", "i"), ("ai", "r"), ("ch", "air"), ("d", "\u2581"),
    ("o", "o"), ("e", "d"), ("w", "oo"), ("woo", "d"),
)  # fmt: skip


def shapes(text: dict[str, int] = TEXT, vision: dict[str, int] = VISION) -> dict[str, tuple[int, ...]]:
    """As SiglipModel.state_dict() has them."""
    shapes: dict[str, tuple[int, ...]] = {"logit_scale": (1,), "logit_bias": (1,)}
    for part, sizes in (("text_model", text), ("vision_model", vision)):
        width, inner = sizes["hidden_size"], sizes["intermediate_size"]
        for layer in range(sizes["num_hidden_layers"]):
            stem = f"{part}.encoder.layers.{layer}"
            for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
                shapes |= _linear(f"{stem}.self_attn.{name}", width, width)
            shapes |= _norm(f"{stem}.layer_norm1", width) | _norm(f"{stem}.layer_norm2", width)
            shapes |= _linear(f"{stem}.mlp.fc1", inner, width) | _linear(f"{stem}.mlp.fc2", width, inner)
    width, patch = text["hidden_size"], vision["patch_size"]
    shapes["text_model.embeddings.token_embedding.weight"] = (text["vocab_size"], width)
    shapes["text_model.embeddings.position_embedding.weight"] = (text["max_position_embeddings"], width)
    shapes |= _norm("text_model.final_layer_norm", width) | _linear("text_model.head", text["projection_size"], width)
    width, inner = vision["hidden_size"], vision["intermediate_size"]
    shapes["vision_model.embeddings.patch_embedding.weight"] = (width, 3, patch, patch)
    shapes["vision_model.embeddings.patch_embedding.bias"] = (width,)
    shapes["vision_model.embeddings.position_embedding.weight"] = ((vision["image_size"] // patch) ** 2, width)
    shapes |= _norm("vision_model.post_layernorm", width) | _norm("vision_model.head.layernorm", width)
    shapes["vision_model.head.probe"] = (1, 1, width)
    shapes["vision_model.head.attention.in_proj_weight"] = (3 * width, width)
    shapes["vision_model.head.attention.in_proj_bias"] = (3 * width,)
    shapes |= _linear("vision_model.head.attention.out_proj", width, width)
    return (
        shapes | _linear("vision_model.head.mlp.fc1", inner, width) | _linear("vision_model.head.mlp.fc2", width, inner)
    )


def tensors() -> dict[str, NDArray[np.float32]]:
    """Of these shapes, in small."""
    return {name: _values(name, shape) for name, shape in shapes().items()}


def tokenizer() -> dict[str, object]:
    """tokenizer.json in Gemma's form: special tokens, bytes, letters, what the merges make."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    parts = [*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", *letters, *map("".join, MERGES)]
    model = {
        "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
        "vocab": {part: number for number, part in enumerate(parts)}, "merges": [list(pair) for pair in MERGES],
    }  # fmt: skip
    text, end = {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<eos>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [text, end],
            "pair": [text, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<eos>": {"id": "<eos>", "ids": [1], "tokens": ["<eos>"]}},
        },
        "decoder": None,
        "model": model,
    }


def save_folder(folder: Path) -> str:
    """The files that are needed, as the hub has them, in small."""
    return save_files(folder, tensors(), TEXT, VISION)


def save_files(
    folder: Path, tensors: dict[str, NDArray[np.float32]], text: dict[str, int], vision: dict[str, int]
) -> str:
    """The same of other sizes."""
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    preprocessing = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 2}
    config = {"model_type": "siglip", "text_config": text, "vision_config": vision}
    for name, content in (
        ("config", config),
        ("preprocessor_config", preprocessing),
        ("tokenizer", tokenizer()),
    ):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return str(folder)


def _linear(name: str, out: int, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, width), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _values(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    values = np.sin(np.arange(np.prod(shape)) * 0.7 + zlib.crc32(name.encode()) % 1000) * 0.3
    if "norm" in name and name.endswith("weight"):
        values += 1
    return values.reshape(shape).astype(np.float32)
