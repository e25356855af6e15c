"""What decides a student's numbers beside the scenes and the network; not workers, devices or folders."""

import math
from dataclasses import dataclass, field
from typing import Literal

from ...core.errors import BadInput


@dataclass(frozen=True)
class TrainingOptions:
    """Defaults are for rooms of a few hundred scans on one GPU; configs.py has them by dataset."""

    voxel_size: float = field(
        default=0.02, metadata={"help": "metres; smaller shows more detail and takes more memory"}
    )
    inputs: Literal["ones", "color"] = field(
        default="color", metadata={"help": "input of a voxel: 1, 1, 1 or its colour"}
    )
    target: Literal["representative", "mean"] = field(
        default="mean", metadata={"help": "target of a voxel: that of its lowest point, or the mean over its points"}
    )
    supervised_points: int = field(
        default=0,
        metadata={
            "help": "number of a scene's points that are drawn for a sample's loss, if they have a target; 0: all"
        },
    )
    batch_size: int = field(default=8, metadata={"help": "samples of a batch on each GPU; memory grows with it"})
    accumulate: int = field(default=1, metadata={"help": "batches whose gradients are added up for one step"})
    epochs: int = field(default=100, metadata={"help": "number of passes over all scenes"})
    loop: int = field(default=1, metadata={"help": "samples of every scene in an epoch, each augmented separately"})
    loss: Literal["cosine", "l1", "cross_entropy"] = field(
        default="cosine", metadata={"help": "cosine or l1 for vectors, cross_entropy for classes"}
    )
    anchor_weight: float = field(
        default=0.0,
        metadata={
            "help": "weight of the anchor loss, which compares voxels and targets by their similarity to the "
            "same objects"
        },
    )
    anchor_scale: float = field(
        default=10.0, metadata={"help": "how sharply the anchor loss separates these similarities"}
    )
    optimizer: Literal["adam", "sgd"] = field(default="adam", metadata={"help": "optimizer"})
    base_lr: float = field(default=1e-3, metadata={"help": "learning rate that the schedule starts from"})
    first_step_lr: float = field(default=0.0, metadata={"help": "learning rate of the first step; 0: the schedule's"})
    warmup_steps: int = field(default=0, metadata={"help": "steps over which the learning rate rises to base_lr"})
    power: float = field(
        default=0.9, metadata={"help": "the learning rate falls as (1 - step / steps) ** power; 0: constant"}
    )
    momentum: float = field(default=0.0, metadata={"help": "momentum of SGD"})
    weight_decay: float = field(default=0.0, metadata={"help": "weight decay"})
    clip_norm: float = field(
        default=0.0, metadata={"help": "maximum length of a step's gradient, longer ones are scaled down; 0: no limit"}
    )
    placement: Literal["random", "upright"] = field(
        default="random",
        metadata={"help": "random: turned about z, tilted by up to 2.8 degrees, scaled by up to a tenth"},
    )
    flip_probability: float = field(
        default=0.95, metadata={"help": "share of samples in which x and y are each mirrored with probability one half"}
    )
    shift: int = field(
        default=100, metadata={"help": "a batch is moved by 0 .. shift - 1 cells along each axis; 0: not moved"}
    )
    elastic_probability: float = field(default=0.95, metadata={"help": "share of samples with elastic distortion"})
    elastic: tuple[float, ...] = field(
        default=(0.2, 0.4, 0.8, 1.6),
        metadata={"help": "granularity,magnitude of elastic distortions in metres, pair after pair"},
    )
    contrast_probability: float = field(
        default=0.2, metadata={"help": "share of samples whose colours are stretched towards the full range"}
    )
    color_probability: float = field(
        default=0.95,
        metadata={"help": "share of samples whose colours are shifted together, and share whose colours jitter"},
    )
    color_translation: float = field(
        default=0.1, metadata={"help": "maximum common shift of colours, as a share of the range"}
    )
    color_jitter: float = field(
        default=0.05, metadata={"help": "standard deviation of each voxel's colour, as a share of the range"}
    )
    hue: float = field(default=0.02, metadata={"help": "maximum change of hue, as a share of the circle"})
    saturation: float = field(default=0.2, metadata={"help": "maximum change of saturation, as a share"})
    precision: Literal["auto", "float32", "bfloat16", "float16"] = field(
        default="auto",
        metadata={"help": "precision of products inside the network; auto: bfloat16 on CUDA, else float32"},
    )
    seed: int = field(default=3407, metadata={"help": "random seed"})

    def __post_init__(self) -> None:
        for name in ("voxel_size", "batch_size", "accumulate", "epochs", "loop", "base_lr"):
            _require(name, getattr(self, name), 0 < getattr(self, name) < math.inf, "more than 0")
        for name in _NOT_NEGATIVE:
            _require(name, getattr(self, name), 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in _SHARES:
            _require(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "0 .. 1")
        paired = len(self.elastic) % 2 == 0 and all(0 < value < math.inf for value in self.elastic)
        _require("elastic", self.elastic, paired, "pairs of granularity and magnitude, all more than 0,")
        if self.loss == "cross_entropy" and self.target == "mean":
            raise BadInput("Classes have no mean: with loss = 'cross_entropy', target must be 'representative'.")
        if self.loss == "cross_entropy" and self.anchor_weight:
            raise BadInput(
                "Classes have no anchor loss: with loss = 'cross_entropy' (that of `ovstore train supervised`), "
                "anchor_weight must be 0."
            )
        if self.optimizer == "adam" and self.momentum:
            raise BadInput(f"momentum is {self.momentum}, which only optimizer = 'sgd' has; leave it 0 with 'adam'.")


_NOT_NEGATIVE = (
    "supervised_points", "first_step_lr", "warmup_steps", "power", "momentum", "weight_decay", "clip_norm", "shift",
    "anchor_weight", "anchor_scale",
    "color_translation", "color_jitter", "hue", "seed",
)  # fmt: skip
_SHARES = ("flip_probability", "elastic_probability", "contrast_probability", "color_probability", "saturation")


def _require(name: str, value: object, holds: bool, expected: str) -> None:
    if not holds:
        raise BadInput(f"{name} is {value}; {expected} was expected.")
