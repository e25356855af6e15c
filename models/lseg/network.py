"""LSeg's image network: a trunk tapped at four depths, and the decoder that makes a map of embeddings from them.

Li et al., Language-driven Semantic Segmentation (ICLR 2022), section 3. Modules bear the names of the original's
tensors. Sizes come from the checkpoint, so that every variant (ViT-L/16, ViT-B/32, ResNet-101) is one class.
"""

from collections.abc import Mapping
from itertools import count

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck, ResNet

LEVELS = (1, 2, 3, 4)
Tensors = Mapping[str, Tensor]


class LSegNetwork(nn.Module):
    """Normalised pixels (B, 3, H, W), sides multiples of 32, to unit embeddings (B, dim, H / 2, W / 2)."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        convolutional = "pretrained.layer1.0.weight" in tensors
        self.pretrained: nn.Module = ResNetTrunk(tensors) if convolutional else ViTTrunk(tensors)
        self.scratch = Decoder(tensors)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return F.normalize(self.scratch(self.pretrained(pixels)), dim=1, eps=0)


class ViTTrunk(nn.Module):
    """A vision transformer; the outputs of four of its blocks become maps at strides 4, 8, 16 and 32."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        width, _, patch, _ = tensors["pretrained.model.patch_embed.proj.weight"].shape
        positions = tensors["pretrained.model.pos_embed"].shape[1] - 1
        depth = next(n for n in count() if f"pretrained.model.blocks.{n}.norm1.weight" not in tensors)
        self.model: VisionTransformer = timm.models.vision_transformer.VisionTransformer(
            img_size=round(positions**0.5) * patch,
            patch_size=patch,
            embed_dim=width,
            depth=depth,
            num_heads=max(1, width // 64),
            num_classes=0,
        )
        self.model.norm = nn.Identity()  # taps are taken before it
        self.taps = [depth * level // 4 - 1 for level in LEVELS]
        for level in LEVELS:
            setattr(self, f"act_postprocess{level}", Reassemble(tensors, level))

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to four maps."""
        model = self.model
        patches = model.patch_embed.proj(pixels)  # (B, width, h, w)
        grid = patches.shape[2:]
        tokens = patches.flatten(2).transpose(1, 2)
        assert model.cls_token is not None
        tokens = torch.cat([model.cls_token.expand(len(tokens), -1, -1), tokens], dim=1) + self.positions(grid)
        maps: list[Tensor] = []
        for number, block in enumerate(model.blocks):
            tokens = block(tokens)
            if number in self.taps:
                maps.append(getattr(self, f"act_postprocess{len(maps) + 1}")(tokens, grid))
        return maps

    def positions(self, grid: torch.Size) -> Tensor:
        """(1, 1 + h * w, width): the class token's as it is, the others resized between cell centres."""
        table = self.model.pos_embed
        assert table is not None
        side = round((table.shape[1] - 1) ** 0.5)
        square = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        resized = F.interpolate(square, size=tuple(grid), mode="bilinear", align_corners=False)
        return torch.cat([table[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)


class Reassemble(nn.Module):
    """Tokens of one depth to a map: the class token is folded in, then channels and stride change.

    The children's names are the slots of the original's Sequential: 0 readout, 3 channels, 4 stride.
    """

    def __init__(self, tensors: Tensors, level: int) -> None:
        super().__init__()
        names = f"pretrained.act_postprocess{level}."
        width, double = tensors[names + "0.project.0.weight"].shape
        channels = tensors[names + "3.weight"].shape[0]
        self.add_module("0", nn.ModuleDict({"project": nn.Sequential(nn.Linear(double, width), nn.GELU())}))
        self.add_module("3", nn.Conv2d(width, channels, 1))
        stride = tensors.get(names + "4.weight")
        if stride is None:
            self.add_module("4", nn.Identity())
        elif level == LEVELS[-1]:
            self.add_module("4", nn.Conv2d(channels, channels, 3, stride=2, padding=1))
        else:
            size = stride.shape[2]
            self.add_module("4", nn.ConvTranspose2d(channels, channels, size, stride=size))

    def forward(self, tokens: Tensor, grid: torch.Size) -> Tensor:
        """(B, 1 + h * w, width) to (B, channels, h', w')."""
        readout, channels, stride = self._modules["0"], self._modules["3"], self._modules["4"]
        assert isinstance(readout, nn.ModuleDict) and channels is not None and stride is not None
        patches = tokens[:, 1:]
        both = torch.cat([patches, tokens[:, :1].expand_as(patches)], dim=-1)
        folded: Tensor = readout["project"](both).transpose(1, 2).unflatten(2, tuple(grid))
        mapped: Tensor = stride(channels(folded))
        return mapped


class ResNetTrunk(nn.Module):
    """The four stages of a ResNet of bottlenecks, the stem with the first."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        stages = ["layer1.4", "layer2", "layer3", "layer4"]
        blocks = [next(n for n in count() if f"pretrained.{stage}.{n}.conv1.weight" not in tensors) for stage in stages]
        resnet = ResNet(Bottleneck, blocks)
        self.layer1 = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool, resnet.layer1)
        self.layer2, self.layer3, self.layer4 = resnet.layer2, resnet.layer3, resnet.layer4

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to four maps."""
        maps = [self.layer1(pixels)]
        for layer in (self.layer2, self.layer3, self.layer4):
            maps.append(layer(maps[-1]))
        return maps


class Decoder(nn.Module):
    """Four maps to one of embeddings at stride 2: from the coarsest to the finest, each added to what came before."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        for level in LEVELS:
            features, channels = tensors[f"scratch.layer{level}_rn.weight"].shape[:2]
            setattr(self, f"layer{level}_rn", nn.Conv2d(channels, features, 3, padding=1, bias=False))
            setattr(self, f"refinenet{level}", Refine(features, with_skip=level < LEVELS[-1]))
        dim, features = tensors["scratch.head1.weight"].shape[:2]
        self.head1 = nn.Conv2d(features, dim, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps at strides 4, 8, 16, 32 to (B, dim, H / 2, W / 2)."""
        path: Tensor | None = None
        for level in reversed(LEVELS):
            path = getattr(self, f"refinenet{level}")(getattr(self, f"layer{level}_rn")(maps[level - 1]), path)
        values: Tensor = self.head1(path)
        return values


class Refine(nn.Module):
    """One step of the decoder: what came before plus this level's map, refined, at twice the size."""

    def __init__(self, features: int, with_skip: bool) -> None:
        super().__init__()
        self.resConfUnit1 = ResidualUnit(features) if with_skip else None
        self.resConfUnit2 = ResidualUnit(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, level: Tensor, before: Tensor | None) -> Tensor:
        """(B, features, h, w) to (B, features, 2h, 2w)."""
        path = level if before is None or self.resConfUnit1 is None else before + self.resConfUnit1(level)
        larger = F.interpolate(self.resConfUnit2(path), scale_factor=2, mode="bilinear", align_corners=True)
        refined: Tensor = self.out_conv(larger)
        return refined


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions, each after a ReLU and before a batch norm, added to the input."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(features)

    def forward(self, values: Tensor) -> Tensor:
        """(B, features, h, w), the same shape."""
        changed: Tensor = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(F.relu(values))))))
        return values + changed
