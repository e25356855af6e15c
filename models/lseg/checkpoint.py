"""LSeg checkpoints: Lightning's files of the original, and repackaged ones without the prefix `net.`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import Tensor, nn

from ...core.errors import BadWeights
from ..openclip.text import openai_text_tower
from ..safe_load import load_into, read_state_dict, read_torch, sha256_of, without_prefixes
from .head_block import HeadBlock, HeadSettings, settings_in
from .network import LSegNetwork

USUAL_NAMES = ("demo_e200.ckpt", "lseg_minimal_e200.ckpt", "lseg.ckpt")
PUBLISHED_AT = "github.com/isl-org/lang-seg (its README links demo_e200.ckpt)"
_UNUSED = (  # in the files, but never part of an embedding
    "clip_pretrained.visual.", "clip_pretrained.logit_scale", "pretrained.model.norm.", "pretrained.model.head.",
    "pretrained.fc.", "scratch.refinenet4.resConfUnit1.", "scratch.output_conv.", "logit_scale",
)  # fmt: skip
_HEAD = "scratch.head_block."


@dataclass(frozen=True)
class LSegCheckpoint:
    """The tensors that matter, under the original's names without `net.`."""

    path: Path
    image: dict[str, Tensor]
    text: dict[str, Tensor]
    head: dict[str, Tensor]  # of the block on label scores; empty for most checkpoints
    head_settings: HeadSettings  # as the file tells them

    @property
    def dim(self) -> int:
        """Length of an embedding: 512, or 640 or 768 with the text towers of larger CLIPs."""
        return int(self.image["scratch.head1.weight"].shape[0])

    @property
    def convolutional(self) -> bool:
        """Whether the trunk is a ResNet, which was trained on ImageNet's mean and deviation."""
        return "pretrained.layer1.0.weight" in self.image

    def network(self) -> nn.Module:
        """The image network, float32 on the CPU, in evaluation mode."""
        try:
            network = LSegNetwork(self.image)
        except (KeyError, StopIteration, ValueError, RuntimeError, ZeroDivisionError) as error:
            raise BadWeights(
                f"{self.path}: not a complete LSeg network; missing or of the wrong shape: {error}"
            ) from error
        load_into(network, self.image, f"{self.path}: LSeg's tensors")
        return network

    def head_block(self, settings: HeadSettings) -> nn.Module:
        """The block on label scores, float32 on the CPU; only where there is one."""
        block = HeadBlock(settings)
        load_into(block, self.head, f"{self.path}: the tensors of LSeg's head block")
        return block

    def text_tower(self) -> nn.Module:
        """The frozen CLIP text tower that the embeddings were trained against."""
        return openai_text_tower(self.text, str(self.path))


def read_lseg(path: Path) -> LSegCheckpoint:
    """The checkpoint at `path`; BadWeights for a file of something else."""
    return _read(path, sha256_of(path))


@lru_cache(maxsize=1)
def _read(path: Path, digest: str) -> LSegCheckpoint:
    tensors = read_state_dict(path)
    tensors = without_prefixes({name.removeprefix("net."): tensor for name, tensor in tensors.items()})
    if "scratch.head1.weight" not in tensors:
        some = ", ".join(sorted(tensors)[:2])
        raise BadWeights(
            f"{path} is not an LSeg checkpoint: it has {len(tensors)} tensors, such as {some}, and none named "
            f"scratch.head1.weight. LSeg's are published at {PUBLISHED_AT}."
        )
    used = {name: tensor for name, tensor in tensors.items() if not name.startswith(_UNUSED)}
    text = {name.removeprefix("clip_pretrained."): t for name, t in used.items() if name.startswith("clip_pretrained.")}
    head = {name.removeprefix(_HEAD): tensor for name, tensor in used.items() if name.startswith(_HEAD)}
    image = {name: tensor for name, tensor in used.items() if not name.startswith(("clip_pretrained.", _HEAD))}
    return LSegCheckpoint(path, image, text, head, _settings(path) if head else HeadSettings())


def _settings(path: Path) -> HeadSettings:
    """Of a file of PyTorch; safetensors hold none."""
    try:
        content = read_torch(path)
    except BadWeights:
        return HeadSettings()
    return settings_in(content.get("hyper_parameters") if isinstance(content, Mapping) else None)
