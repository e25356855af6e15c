"""The tiny CLIP: made from nothing on pictures whose every pixel is known, so that its every cell answers to words.

Each step says many things at once, some true of a cell and some not: names, colours, materials, uses and names with
attributes. The losses share one cosine and one temperature. A softmax among all names (which thing is it) is asked of
cells, and of the mean of each thing's cells: what a search asks of regions, and the temperature its probability uses.
The same is asked among colours and among materials, and a binary choice for every phrase against the phrase
'something' (is it that at all). A cell that shows several things answers for each by its share.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.model import CustomTextCLIP
from open_clip.transformer import TextTransformer
from torch import Tensor
from torch.nn import functional as F

from ..openclip.dense import dense
from ..safe_load import load_into
from .examples import MEAN, STD
from .kept_training import KeptTraining
from .phrases import ANYTHING, Language, Phrase, Thing, truth
from .trunk import STRIDE
from .windows import Batch, PreparedWindows
from .words import CONTEXT_LENGTH, TaughtWords

log = logging.getLogger(__name__)

_SHORT = 6  # tokens of most texts, start and end included
_LEAST_POOLED = 0.4  # cells that a thing fills in a window, for its mean to be taught


@dataclass(frozen=True)
class TinyTrainingOptions:
    """Size of the model and length of the training."""

    grid: tuple[int, int] = (24, 32)  # cells of a whole picture, rows and columns
    dim: int = 96
    text_width: int = 128
    text_layers: int = 2
    steps: int = 20_000
    batch: int = 10  # windows in a step
    window: tuple[int, int] = (10, 12)  # cells that a window is high and wide
    cells: int = 800  # drawn from the windows of a step
    composed: int = 20  # phrases such as 'a red wooden chair' in a step
    uses: int = 8  # phrases such as 'something to sit on' in a step
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
    windows: PreparedWindows,
    language: Language,
    options: TinyTrainingOptions,
    progress: Callable[[int, int, dict[str, float]], None] = lambda step, steps, losses: None,
    start: Mapping[str, Tensor] | None = None,
    kept: KeptTraining | None = None,
) -> tuple[CustomTextCLIP, dict[str, float]]:
    """A trained model and the mean losses of its last hundred steps; `start` are the weights to begin with.

    With `kept`, a training that was stopped goes on from its last checkpoint, to the same weights bit for bit.
    """
    torch.manual_seed(options.seed)
    tokenize = TaughtWords(language.words())
    architecture = configuration(options, tokenize.vocabulary_size)
    del architecture["custom_text"]
    model = CustomTextCLIP(**architecture)
    if start is not None:
        load_into(model, start, "The weights to start from")
        model.requires_grad_(True).train()
    model.visual.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(_parameter_groups(model), lr=options.learning_rate, betas=(0.9, 0.98), fused=True)
    first = 0 if kept is None else kept.restore(model, optimizer)

    recent: list[dict[str, float]] = []
    started = time.monotonic()
    for step in range(first, options.steps):
        rng = np.random.default_rng([options.seed, step])  # a step's draws are its own: no state to keep
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * _schedule(step, options.steps)
        losses = _losses(model, windows.draw(options.batch, rng), language, tokenize, options, rng)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        recent = [*recent[-99:], {name: float(value.detach()) for name, value in losses.items()}]
        progress(step + 1, options.steps, recent[-1])
        if kept is not None and ((step + 1) % kept.every == 0 or step + 1 == options.steps):
            kept.save(model, optimizer, step + 1)
    log.info("%d steps of %d windows, %.0f s", options.steps - first, options.batch, time.monotonic() - started)
    means = {name: sum(one[name] for one in recent) / len(recent) for name in recent[0]} if recent else {}
    return model.eval(), means


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
    is_true = torch.from_numpy(truth(phrases, batch.things)).float()  # (things, phrases)
    shares = _shares(batch)

    pixels = (torch.from_numpy(batch.pixels) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cells = dense(model.visual, pixels.contiguous(memory_format=torch.channels_last)).flatten(0, 2)
    words = F.normalize(_encode(model.text, tokenize(texts)), dim=-1)  # float32: twice as quick as bfloat16
    cells = F.normalize(cells.float(), dim=-1)
    scale = model.logit_scale.exp()

    losses, start = {}, 0
    drawn = torch.from_numpy(rng.choice(len(cells), options.cells, p=_chances(batch, shares)))
    logits = scale * (cells[drawn] @ words.T)
    target = shares[drawn] @ is_true  # (cells, phrases): the share of the cell of which the phrase is true
    over_something = logits[:, :-1] - logits[:, -1:]
    for name, group in groups.items():
        columns = slice(start, start + len(group))
        start += len(group)
        if name in ("names", "colours", "materials"):
            weight = 2 if name == "names" else 1
            losses[f"which_{name}"] = weight * _softmax_loss(logits[:, columns], target[:, columns])
        losses[f"is_{name}"] = 0.5 * _binary_loss(over_something[:, columns], target[:, columns])
    pooled, of_thing = _pooled(cells, shares, options)
    names = len(groups["names"])
    losses["which_pooled"] = _softmax_loss(scale * (pooled @ words[:names].T), is_true[of_thing, :names])
    return losses


def _encode(tower: TextTransformer, tokens: Tensor) -> Tensor:
    """(n, dim) as the tower gives them, without work on padding: a text is read at its end and never looks ahead."""
    length = (tokens != 0).sum(dim=1)
    vectors = torch.empty(len(tokens), tower.output_dim)
    mask = tower.attn_mask
    try:
        for rows in ((length <= _SHORT).nonzero()[:, 0], (length > _SHORT).nonzero()[:, 0]):
            if len(rows):
                longest = int(length[rows].max())
                tower.attn_mask = mask[:longest, :longest]
                vectors = vectors.index_copy(0, rows, tower(tokens[rows, :longest]))
    finally:
        tower.attn_mask = mask
    return vectors


def _shares(batch: Batch) -> Tensor:
    """(cells, things) 0..1."""
    shares = torch.zeros(len(batch.thing), len(batch.things) + 1)
    shares.scatter_add_(1, torch.from_numpy(batch.thing % shares.shape[1]), torch.from_numpy(batch.share))
    return shares[:, :-1]  # what is not nameable came last


def _chances(batch: Batch, shares: Tensor) -> NDArray[np.float64]:
    """Of each cell to be drawn: names that have few cells count more, by one over the root of their number."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(thing.name for thing in batch.things))}
    name = torch.tensor([numbers[thing.name] for thing in batch.things])
    count = torch.zeros(len(numbers)).index_add_(0, name, shares.sum(dim=0))
    chance = (shares @ count[name].clamp(min=1) ** -0.5).double().numpy()
    return np.asarray(chance / chance.sum())


def _pooled(cells: Tensor, shares: Tensor, options: TinyTrainingOptions) -> tuple[Tensor, Tensor]:
    """The mean direction of each thing's own cells in each window, and which thing it is."""
    of_window = shares.reshape(options.batch, -1, shares.shape[1])
    sums = of_window.transpose(1, 2) @ cells.reshape(options.batch, -1, cells.shape[1])  # (windows, things, dim)
    window, thing = (of_window.sum(dim=1) >= _LEAST_POOLED).nonzero(as_tuple=True)
    return F.normalize(sums[window, thing], dim=-1), thing


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
    """Cross entropy over the phrases of a kind; what none of them is true of counts by what is left."""
    known = target.sum(dim=1)
    total = -(F.log_softmax(logits, dim=1) * target).sum()
    return total / known.sum().clamp(min=1)


def _binary_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Logistic loss, what is true and what is not counting alike."""
    yes, no = -F.logsigmoid(logits) * target, -F.logsigmoid(-logits) * (1 - target)
    return yes.sum() / target.sum().clamp(min=1) + no.sum() / (1 - target).sum().clamp(min=1)


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
