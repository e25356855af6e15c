"""The tiny CLIP: made from nothing on pictures whose every pixel is known, so that its every cell answers to words.

Each step says many things at once, some true of a cell and some not: names, colours, materials, uses and names with
attributes. Three losses share one cosine: a softmax among the names (which thing is it), the same among colours and
among materials, and a binary choice for every phrase against the phrase 'something' (is it that at all). The last
makes scores comparable between questions: what a cell is lies above 'something', what it is not lies below.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from open_clip.model import CustomTextCLIP
from torch import Tensor
from torch.nn import functional as F

from ..openclip.dense import dense
from ..safe_load import load_into
from .examples import Batch, Example, Windows
from .phrases import ANYTHING, Language, Phrase, Thing, truth
from .trunk import STRIDE
from .words import CONTEXT_LENGTH, TaughtWords

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TinyTrainingOptions:
    """Size of the model and length of the training."""

    grid: tuple[int, int] = (24, 32)  # cells of a whole picture, rows and columns
    dim: int = 96
    text_width: int = 128
    text_layers: int = 2
    steps: int = 1500
    batch: int = 32  # windows in a step
    window: tuple[int, int] = (10, 12)  # cells that a window is high and wide
    cells: int = 1500  # drawn from the windows of a step
    composed: int = 32  # phrases such as 'a red wooden chair' in a step
    uses: int = 16  # phrases such as 'something to sit on' in a step
    learning_rate: float = 2e-3
    seed: int = 0


def configuration(options: TinyTrainingOptions, vocabulary_size: int) -> dict[str, Any]:
    """The architecture in open_clip's own words (`model_cfg`)."""
    rows, columns = options.grid
    return {
        "embed_dim": options.dim,
        "custom_text": True,
        "init_logit_scale": math.log(25),
        "vision_cfg": {
            "image_size": [rows * STRIDE, columns * STRIDE],
            "timm_model_name": "ovstore_tiny",
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "linear",
        },
        "text_cfg": {
            "context_length": CONTEXT_LENGTH,
            "vocab_size": vocabulary_size,
            "width": options.text_width,
            "heads": options.text_width // 32,
            "layers": options.text_layers,
        },
    }


def train(
    examples: Sequence[Example],
    language: Language,
    options: TinyTrainingOptions,
    progress: Callable[[int, int, dict[str, float]], None] = lambda step, steps, losses: None,
    start: Mapping[str, Tensor] | None = None,
) -> tuple[CustomTextCLIP, dict[str, float]]:
    """A trained model and the mean losses of its last hundred steps; `start` are the weights to begin with."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    tokenize = TaughtWords(language.words())
    architecture = configuration(options, tokenize.vocabulary_size)
    del architecture["custom_text"]
    model = CustomTextCLIP(**architecture)
    if start is not None:
        load_into(model, start, "The weights to start from")
        model.requires_grad_(True).train()
    model.visual.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(_parameter_groups(model), lr=options.learning_rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _schedule(step, options.steps))
    windows = Windows(examples, options.grid, options.window)

    recent: list[dict[str, float]] = []
    started = time.monotonic()
    for step in range(options.steps):
        batch = windows.draw(options.batch, rng)
        losses = _losses(model, batch, language, tokenize, options, rng)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        recent = [*recent[-99:], {name: float(value.detach()) for name, value in losses.items()}]
        progress(step + 1, options.steps, recent[-1])
    log.info("%d steps of %d windows, %.0f s", options.steps, options.batch, time.monotonic() - started)
    return model.eval(), {name: sum(one[name] for one in recent) / len(recent) for name in recent[0]}


def _losses(
    model: CustomTextCLIP,
    batch: Batch,
    language: Language,
    tokenize: TaughtWords,
    options: TinyTrainingOptions,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    groups = _phrases(batch.things, language, options, rng)
    phrases = [phrase for group in groups.values() for phrase in group]
    texts = [*(phrase.text for phrase in phrases), ANYTHING[int(rng.integers(len(ANYTHING)))]]

    with torch.autocast("cpu", dtype=torch.bfloat16):
        cells = dense(model.visual, batch.pixels.contiguous(memory_format=torch.channels_last)).flatten(0, 2)
        words = model.text(tokenize(texts))
    drawn = torch.multinomial(batch.weight, options.cells, replacement=True)
    cells, words = F.normalize(cells[drawn].float(), dim=-1), F.normalize(words.float(), dim=-1)
    logits = model.logit_scale.exp() * (cells @ words.T)
    is_true = torch.from_numpy(truth(phrases, batch.things))[batch.label[drawn]]  # (cells, phrases)

    losses, start = {}, 0
    over_something = logits[:, :-1] - logits[:, -1:]
    for name, group in groups.items():
        columns = slice(start, start + len(group))
        start += len(group)
        if name in ("names", "colours", "materials"):
            losses[f"which_{name}"] = (2 if name == "names" else 1) * _softmax_loss(
                logits[:, columns], is_true[:, columns]
            )
        losses[f"is_{name}"] = 0.5 * _binary_loss(over_something[:, columns], is_true[:, columns])
    return losses


def _phrases(
    things: Sequence[Thing], language: Language, options: TinyTrainingOptions, rng: np.random.Generator
) -> dict[str, list[Phrase]]:
    """What is said in one step; half of the composed phrases have an attribute of another thing."""
    composed = []
    for _ in range(options.composed):
        thing, other = (things[int(rng.integers(len(things)))] for _ in range(2))
        if rng.random() < 0.5:
            mixed = (Thing(other.name, thing.colour, thing.material), Thing(thing.name, other.colour, thing.material))
            thing = mixed[int(rng.integers(2))]
        composed.append(language.composed(thing, rng))
    return {
        "names": [language.name(word, rng) for word in language.names],
        "colours": [language.colour(word, rng) for word in language.colours],
        "materials": [language.material(word, rng) for word in language.materials],
        "uses": [language.use(text) for text in rng.permutation(list(language.uses))[: options.uses].tolist()],
        "composed": composed,
    }


def _softmax_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy over the phrases of a kind, for cells of which one of them is true."""
    has_one = target.any(dim=1)
    total = F.cross_entropy(logits[has_one], target[has_one].float().argmax(dim=1), reduction="sum")
    return total / has_one.sum().clamp(min=1)


def _binary_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Logistic loss, what is true and what is not counting alike."""
    losses = F.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")
    yes, no = losses * target, losses * ~target
    return yes.sum() / target.sum().clamp(min=1) + no.sum() / (~target).sum().clamp(min=1)


def _parameter_groups(model: CustomTextCLIP) -> list[dict[str, Any]]:
    """Weight decay for matrices only."""
    return [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": 0.05},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]


def _schedule(step: int, steps: int) -> float:
    """Share of the learning rate: up over 4 % of the steps, then a half cosine down."""
    warm = max(1, round(0.04 * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm))))
