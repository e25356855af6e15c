"""What decides a student's numbers beside the scenes and the network; not workers, devices or folders."""

import math
from dataclasses import dataclass, field
from typing import Literal

from ...core.errors import BadInput


@dataclass(frozen=True)
class TrainingOptions:
    """Defaults are for rooms of a few hundred scans on one GPU; configs.py has them by dataset."""

    voxel_size: float = field(default=0.02, metadata={"help": "metres; smaller sees more and takes more memory"})
    inputs: Literal["ones", "color"] = field(
        default="color", metadata={"help": "what a voxel carries: 1, 1, 1 or its colour"}
    )
    target: Literal["representative", "mean"] = field(
        default="mean", metadata={"help": "what a voxel is taught: as its lowest point, or the mean of its points"}
    )
    supervised_points: int = field(
        default=0, metadata={"help": "points of a scene drawn to teach a sample, where they have a target; 0: all"}
    )
    batch_size: int = field(default=8, metadata={"help": "samples of a batch on each GPU; memory grows with it"})
    accumulate: int = field(default=1, metadata={"help": "batches whose gradients are added up for one step"})
    epochs: int = field(default=100, metadata={"help": "times that all scenes are gone through"})
    loop: int = field(default=1, metadata={"help": "samples of every scene in an epoch, each augmented anew"})
    loss: Literal["cosine", "l1", "cross_entropy"] = field(
        default="cosine", metadata={"help": "cosine or l1 for vectors, cross_entropy for classes"}
    )
    anchor_weight: float = field(
        default=0.0,
        metadata={"help": "how much it counts, beside the loss, that a voxel is like the same objects as its target"},
    )
    anchor_scale: float = field(default=10.0, metadata={"help": "how sharply these likenesses are told apart"})
    optimizer: Literal["adam", "sgd"] = field(default="adam", metadata={"help": "what takes the steps"})
    base_lr: float = field(default=1e-3, metadata={"help": "learning rate that the schedule starts from"})
    first_step_lr: float = field(
        default=0.0, metadata={"help": "learning rate of the very first step; 0: the schedule's"}
    )
    warmup_steps: int = field(default=0, metadata={"help": "steps over which the learning rate rises to base_lr"})
    power: float = field(
        default=0.9, metadata={"help": "the learning rate falls as (1 - step / steps) ** power; 0: stays"}
    )
    momentum: float = field(default=0.0, metadata={"help": "of sgd"})
    weight_decay: float = field(default=0.0, metadata={"help": "pull of the weights towards 0"})
    clip_norm: float = field(
        default=0.0, metadata={"help": "longest gradient of a step, longer ones are shortened to it; 0: as they are"}
    )
    placement: Literal["random", "upright"] = field(
        default="random", metadata={"help": "random: turned about z, tilted by 2.8 degrees, scaled by a tenth"}
    )
    flip_probability: float = field(
        default=0.95, metadata={"help": "share of samples where x and y are each mirrored or not, by a coin"}
    )
    shift: int = field(
        default=100, metadata={"help": "a batch is moved by 0 .. shift - 1 cells along each axis; 0: it is not"}
    )
    elastic_probability: float = field(default=0.95, metadata={"help": "share of samples that are bent"})
    elastic: tuple[float, ...] = field(
        default=(0.2, 0.4, 0.8, 1.6), metadata={"help": "granularity,magnitude of bends in metres, pair after pair"}
    )
    contrast_probability: float = field(
        default=0.2, metadata={"help": "share of samples whose colours are stretched towards the full range"}
    )
    color_probability: float = field(
        default=0.95, metadata={"help": "share of samples whose colours are moved as one, and share whose jitter"}
    )
    color_translation: float = field(default=0.1, metadata={"help": "most that colours move as one, of the range"})
    color_jitter: float = field(default=0.05, metadata={"help": "deviation of each voxel's colour, of the range"})
    hue: float = field(default=0.02, metadata={"help": "most that hues turn, of the circle"})
    saturation: float = field(default=0.2, metadata={"help": "most that saturation grows or falls, as a share"})
    precision: Literal["auto", "float32", "bfloat16", "float16"] = field(
        default="auto", metadata={"help": "of products inside the network; auto: bfloat16 on CUDA, else float32"}
    )
    seed: int = field(default=3407, metadata={"help": "of everything that is drawn"})

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
            raise BadInput("Classes have no mean: with loss = 'cross_entropy', target has to be 'representative'.")
        if self.loss == "cross_entropy" and self.anchor_weight:
            raise BadInput(
                "Classes are like no objects: with loss = 'cross_entropy' (that of `ovstore train supervised`),"
                " anchor_weight has to be 0."
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
