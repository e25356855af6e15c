"""Words as Gemma's tokens, from the tokenizer.json that lies beside the weights; what SigLIP 2 was trained on.

Text is made small, spaces become U+2581, and the letters are joined pair by pair, the earliest pair of the merge list
first (byte pair encoding); a letter that the vocabulary lacks becomes its UTF-8 bytes. Then come the tokens that the
file's template asks for (the end of the text), and padding up to a fixed length, which SigLIP 2 reads like the rest.
Markup such as <eos> inside a text is letters like any others.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...core.errors import BadWeights

_MOST_JSON = 1 << 28  # bytes; Gemma's have 34 million
_SPACE = "\u2581"


class GemmaTokens:
    """Texts to (n, length) int64 tokens."""

    def __init__(self, path: Path, length: int) -> None:
        try:
            if path.stat().st_size > _MOST_JSON:
                raise ValueError(f"{path.stat().st_size:,} bytes")
            content = json.loads(path.read_text(encoding="utf-8"))
            self._read(content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadWeights(
                f"{path} is not the tokenizer of SigLIP 2 ({type(error).__name__}: {error}); use tokenizer.json "
                "from the folder that the weights come from."
            ) from error
        self.length = length

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """What is longer than `length` is cut off, the end-of-text token kept."""
        rows = torch.full((len(texts), self.length), self._padding)
        for row, text in zip(rows, texts, strict=True):
            kept = self.tokens(text)[: self.length - len(self._before) - len(self._after)]
            found = [*self._before, *kept, *self._after]
            row[: len(found)] = torch.tensor(found)
        return rows

    def tokens(self, text: str) -> list[int]:
        """The text alone."""
        parts = [part for letter in text.lower().replace(" ", _SPACE) for part in self._known(letter)]
        while len(parts) > 1:
            ranks = [self._ranks.get(pair, len(self._ranks)) for pair in pairwise(parts)]
            first = min(range(len(ranks)), key=ranks.__getitem__)
            if ranks[first] == len(self._ranks):
                break
            parts[first : first + 2] = [parts[first] + parts[first + 1]]
        return [self._vocabulary[part] for part in parts]

    def _known(self, letter: str) -> list[str]:
        return [letter] if letter in self._vocabulary else [f"<0x{byte:02X}>" for byte in letter.encode()]

    def _read(self, content: Mapping[str, Any]) -> None:
        model = content["model"]
        if model.get("type") != "BPE" or not model.get("byte_fallback") or not _replaces_spaces(content["normalizer"]):
            raise ValueError("byte pairs with bytes for unknown letters and marked spaces were expected")
        self._vocabulary: dict[str, int] = model["vocab"]
        if not all(f"<0x{byte:02X}>" in self._vocabulary for byte in range(256)):
            raise ValueError("the vocabulary lacks bytes")
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        self._ranks = {(first, second): rank for rank, (first, second) in enumerate(pairs)}
        self._padding = self._vocabulary["<pad>"]
        template = [next(iter(piece.items())) for piece in content["post_processor"]["single"]]
        place = [kind for kind, _ in template].index("Sequence")
        self._before, self._after = (
            [self._vocabulary[piece["id"]] for _, piece in part] for part in (template[:place], template[place + 1 :])
        )


def _replaces_spaces(normalizer: Mapping[str, Any]) -> bool:
    steps = normalizer.get("normalizers", [normalizer])
    others = [step for step in steps if step["type"] != "Lowercase"]
    return [(step["type"], step.get("pattern"), step.get("content")) for step in others] == [
        ("Replace", {"String": " "}, _SPACE)
    ]
