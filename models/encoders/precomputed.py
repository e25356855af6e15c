r"""Maps that other tools left on disk, read in place of running a network.

    ovstore ingest scannet scans/ --encoder precomputed --files lseg_maps/ --text lseg --text-weights demo_e200.ckpt
    ovstore ingest scannet scans/ --encoder precomputed --files maps/ --text openclip --text-model ViT-B-32 \
        --text-weights openai
    ovstore ingest rgbd rooms/ --encoder precomputed --files dino/ --text none --space-name dino/vits8 --dim 384

A map is FILES/SCENE/FRAME.npy (.npz, .pt, .pth, .safetensors, .zarr, and .png for segments), or FILES/FRAME.npy. Frames
are found by name or number: "000020", "20" and "frame-000020" are one. `form` says what a file holds:

    dense          (D, h, w) or (h, w, D) vectors; (S, D, h, w) at several scales
    logits         (T, h, w) scores of the T classes called `names`; `probabilities`: the same after a softmax
    masks          (Q, h, w) masks and (Q, D) embeddings in one file; with (h, w) whole numbers, one vector per segment
    winners        the same, but a cell takes the embedding of its strongest mask alone
    segments       FRAME.png with ids, FRAME.pt (.npy ...) with one row per id, row 0 for none; FRAME.json is checked
    labels         FRAME.png with numbers of `names`; 255 or 65535 is none
    panoptic       COCO's panoptic: one JSON, coloured PNGs; categories become the vectors of their names
    semantic       detectron2's sem_seg_predictions.json, likewise

The space is that of the text tower whose words the vectors are compared with, so that maps made elsewhere and maps made
here compare where they may.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.features import EmbeddingSpace, FeatureMap
from ..frame_maps import FrameMaps
from ..precomputed.files import digest_of, scene_folder
from ..precomputed.readers import SMOOTH, Form, Reading, Source, sources
from ..precomputed.text import TextSide, names_of


@dataclass(frozen=True)
class Options:
    """What decides the numbers, and where the maps lie."""

    files: str = field(
        default="", metadata={"help": "the folder of maps: FILES/SCENE/FRAME.npy or FILES/FRAME.npy", "recipe": False}
    )
    form: Form = field(default="dense", metadata={"help": "what a file contains"})
    key: str = field(default="", metadata={"help": "which of a file's arrays; empty: the only one"})
    layout: Literal["auto", "chw", "hwc"] = field(
        default="auto", metadata={"help": "order of the axes; auto: determined by which axis has the space's length"}
    )
    scale: int = field(
        default=-1, metadata={"help": "which of several stacked maps, from 0; -1: the mean of their directions"}
    )
    long_side: int = field(
        default=640,
        metadata={
            "help": "maximum number of cells along the longer side, for maps from scores, masks or segments; 0: all"
        },
    )
    sampling: Literal["auto", "nearest", "bilinear"] = field(
        default="auto", metadata={"help": "how a pixel reads the map; auto: bilinear, or nearest if edges are sharp"}
    )
    unit: bool = field(
        default=False, metadata={"help": "scale dense vectors to unit length; otherwise they are unchanged"}
    )
    names: str = field(default="", metadata={"help": "classes: a file with one per line, or 'wall,chair,table'"})
    text: str = field(
        default="", metadata={"help": "whose text tower the vectors are compared with: an encoder, 'table' or 'none'"}
    )
    text_model: str = field(default="", metadata={"help": "that encoder's --model"})
    text_weights: str = field(default="", metadata={"help": "that encoder's --weights, or the rows of a table"})
    text_tag: str = field(default="", metadata={"help": "that encoder's --tag"})
    templates: str = field(default="", metadata={"help": "that encoder's --templates"})
    space_name: str = field(default="", metadata={"help": "with --text none: a name for the space"})
    dim: int = field(default=0, metadata={"help": "with --text none: the length of its vectors"})

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise BadInput(f"form is {self.form!r}; one of {', '.join(get_args(Form))} was expected.")
        if self.long_side < 0 or self.scale < -1:
            raise BadInput(
                f"long_side is {self.long_side} and scale is {self.scale}; 0 or more, and -1 or more, were expected."
            )

    @property
    def text_side(self) -> TextSide:
        """Who answers for words."""
        settings = {
            "model": self.text_model, "weights": self.text_weights, "tag": self.text_tag, "templates": self.templates,
        }  # fmt: skip
        return TextSide(self.text, settings, self.names, self.space_name, self.dim)


def space(options: Options) -> EmbeddingSpace:
    """The text tower's own, or as declared."""
    return options.text_side.space()


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """For pictures that are asked with: the image network of the encoder whose words these are."""
    return options.text_side.image_encoder(device)


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The declared text side."""
    return options.text_side.text_encoder(device)


def background_texts(options: Options) -> tuple[str, ...]:
    """The text side's."""
    return options.text_side.background()


def load_frame_maps(options: Options, scene: str) -> FrameMaps:
    """The maps of a scene's frames; a file is read when its frame is asked for."""
    folder = scene_folder(options.files, scene)
    embedding_space = space(options)
    reading = Reading(
        options.form, embedding_space.dim, names_of(options.names),
        cache(lambda names: load_text_encoder(options)(names)),
        options.key, options.layout, options.scale, options.long_side, options.unit,
    )  # fmt: skip
    sampling = options.sampling if options.sampling != "auto" else "bilinear" if options.form in SMOOTH else "nearest"

    def read(source: Source) -> FeatureMap:
        return FeatureMap(embedding_space, source.read(), sampling)

    found = sources(reading, folder)
    files = tuple(path for source in found.values() for path in source.files)
    digest = digest_of(folder.path, files, reading.names)
    return FrameMaps(str(folder.path), digest, {name: partial(read, source) for name, source in found.items()}, files)
