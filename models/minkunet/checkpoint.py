"""MinkUNet checkpoints: OpenScene's `.pth.tar` (names under `net3d.` or `module.net3d.`), SLidR's, ours."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ...core.errors import BadInput, BadWeights
from ..safe_load import load_into, read_state_dict
from .network import DOWN, UP, MinkUNet, MinkUNetOptions, Plan

PREFIXES = ("module.", "net3d.", "model_points.", "model.", "encoder.")
PUBLISHED_AT = "github.com/pengsongyou/openscene (scannet_openseg.pth.tar and others)"


@dataclass(frozen=True)
class Checkpoint:
    """The tensors under the network's own names."""

    path: Path
    tensors: dict[str, Tensor]

    @property
    def in_channels(self) -> int:
        """3 for OpenScene (ones, or colours), 1 for SLidR (intensity)."""
        return self.tensors["conv0p1s1.kernel"].shape[1]

    @property
    def out_channels(self) -> int:
        """Length of an embedding, or number of classes."""
        return self.tensors["final.kernel"].shape[1]

    @property
    def options(self) -> MinkUNetOptions:
        """By the first kernel, and the last layer's bias."""
        places = self.tensors["conv0p1s1.kernel"].shape[0]
        return MinkUNetOptions(stem_size=round(places ** (1 / 3)), final_bias="final.bias" in self.tensors)

    @property
    def plan(self) -> Plan:
        """Any depth and width of the family, by the names of units and the shapes of kernels."""
        names = self.tensors.keys()
        units = tuple(len({n.split(".")[1] for n in names if n.startswith(f"block{b}.")}) for b in range(1, 9))
        planes = tuple(self.tensors[f"block{b}.0.conv1.kernel"].shape[2] for b in range(1, 9))
        return Plan(units, planes, stem=self.tensors["conv0p1s1.kernel"].shape[2])

    def network(self) -> nn.Module:
        """The network that the file describes, with its weights, in evaluation mode."""
        try:
            with torch.device("meta"):  # nothing is allocated for shapes that a file only claims
                network = MinkUNet(self.plan, self.options, self.in_channels, self.out_channels)
        except (KeyError, IndexError, RuntimeError, ZeroDivisionError, BadInput) as error:
            raise BadWeights(f"{self.path}: not a complete MinkUNet; missing or of the wrong shape: {error}") from error
        self.load_into(network)
        return network

    def load_into(self, network: nn.Module) -> None:
        """Give a student the weights, all of them; BadWeights says what does not fit.

        The network comes back frozen and in evaluation mode; `.requires_grad_().train()` trains it on.
        """
        load_into(network, self.tensors, f"{self.path}: MinkUNet's tensors")


def read_minkunet(path: Path) -> Checkpoint:
    """The checkpoint at `path`, read without running anything in it; BadWeights for a file of something else."""
    tensors = {_bare(name): tensor for name, tensor in read_state_dict(path).items()}
    needed = ("conv0p1s1.kernel", "final.kernel", *(f"{name}.kernel" for name in (*DOWN, *UP)))
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise BadWeights(
            f"{path} is not a MinkUNet checkpoint: it has {len(tensors)} tensors, such as "
            f"{', '.join(sorted(tensors)[:2])}, and none named {missing[0]}. OpenScene's are published at "
            f"{PUBLISHED_AT}."
        )
    for name in needed:
        dims = 2 if name == "final.kernel" else 3
        if tensors[name].ndim != dims:
            found = tuple(tensors[name].shape)
            raise BadWeights(
                f"{path}: {name} is {found}, in the layout of another library; MinkowskiEngine's has {dims} dimensions."
            )
    return Checkpoint(path, tensors)


def _bare(name: str) -> str:
    """Without what trainers put before a network's own names, in any order."""
    while prefix := next((p for p in PREFIXES if name.startswith(p)), None):
        name = name.removeprefix(prefix)
    return name
