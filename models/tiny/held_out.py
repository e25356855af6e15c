"""How well a tiny model labels pictures it was not trained on."""

from collections.abc import Sequence

import numpy as np
import torch
from open_clip.model import CustomTextCLIP
from torch.nn import functional as F

from ..openclip.dense import dense
from .examples import Example, network_input
from .phrases import Language
from .tiny_clip import TinyTrainingOptions
from .words import TaughtWords


@torch.inference_mode()
def label_pictures(
    model: CustomTextCLIP, examples: Sequence[Example], language: Language, options: TinyTrainingOptions
) -> dict[str, float]:
    """Share of pixels named rightly, mean IoU over the names that occur, and the same with colours.

    Every pixel takes the name whose text has the largest cosine with the features bilinearly sampled there.
    """
    tokenize = TaughtWords(language.words())
    names, colours = list(language.names), list(language.colours)
    text = F.normalize(model.text(tokenize([*names, *colours])), dim=-1)
    confusion = np.zeros((len(names), len(names)), np.int64)
    colour_right = colour_total = 0
    for example in examples:
        cells = dense(model.visual, network_input(torch.from_numpy(example.image), *options.grid))
        scores = F.normalize(cells, dim=-1) @ text.T
        size = example.thing_map.shape
        scores = F.interpolate(scores.permute(0, 3, 1, 2), size, mode="bilinear", align_corners=False)[0]
        known = example.thing_map >= 0
        thing = example.thing_map[known]
        said = scores[: len(names)].argmax(dim=0).numpy()[known]
        true = np.array([names.index(thing.name) for thing in example.things])[thing]
        np.add.at(confusion, (true, said), 1)
        said = scores[len(names) :].argmax(dim=0).numpy()[known]
        true = np.array([colours.index(t.colour) if t.colour else -1 for t in example.things])[thing]
        colour_right += int((said == true)[true >= 0].sum())
        colour_total += int((true >= 0).sum())
    occurs = confusion.sum(axis=1) > 0
    hit = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hit
    return {
        "pictures": len(examples),
        "names": int(occurs.sum()),
        "pixel_accuracy": float(hit.sum() / confusion.sum()),
        "mean_iou": float((hit[occurs] / union[occurs]).mean()),
        "colour_accuracy": colour_right / max(1, colour_total),
    }
